# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay elements beside bare loops, nicesink and turnutils_uclient, with coturn as the server."""
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import time

from harness import BenchError, Process, free_port, median, table
from turn_servers import coturn, pinned

SENDERS = {'send': 'bare send () loop', 'buffers': 'turnrelaysink, buffers', 'nice-buffers': 'nicesink, buffers',
           'gso': 'bare GSO loop, 64 at once', 'lists': 'turnrelaysink, lists of 64', 'nice-lists': 'nicesink, lists of 64',
           'fake-buffers': 'fakesink, buffers', 'fake-lists': 'fakesink, lists of 64'}


def compare(value, bar, what, least=False):
    good = value >= bar if least else value <= bar
    print(f'- {what}: {value:.2f} × (bar: {"≥" if least else "≤"} {bar} ×) {"reached" if good else "**missed**"}', flush=True)


# ---- sending

def speed(bench):
    rounds = 1 if bench.quick else 3 * bench.repeat
    results = {}
    with coturn(bench, 1) as (_, port), Process(
            pinned(bench, 0) + [bench.build / 'tests/benchmarks/reach-turn-speed', '--port', port, '--seconds',
                                0.1 if bench.quick else 0.5, '--rounds', rounds], bench.env) as process:
        while True:
            r = process.line(60)
            if 'role' in r:
                break
            if 'no-nice' in r:
                print(f'(No nicesink: {r["no-nice"]}.)\n')
            else:
                results.setdefault(r['sender'], []).append(r)
    cpu = {sender: median(r, 'cpu') for sender, r in results.items()}
    print(f'{rounds} rounds, medians.\n')
    table(['1000 bytes of payload', 'packets/s', 'CPU µs per packet', 'range'],
          [[label, f'{median(results[s], "rate"):.0f}', f'{cpu[s]:.2f}',
            f'{min(r["cpu"] for r in results[s]):.2f} to {max(r["cpu"] for r in results[s]):.2f}']
           for s, label in SENDERS.items() if s in results])
    print(f'Dropped by turnrelaysink: {r["dropped"]}. Ratios are of packets per second of the thread\'s CPU.\n')
    compare(cpu['send'] / cpu['buffers'], 0.8, 'buffers / bare send () loop', least=True)
    compare(cpu['gso'] / cpu['lists'], 0.6, 'lists / bare GSO loop', least=True)
    if 'nice-lists' in cpu:
        compare(cpu['nice-lists'] / cpu['lists'], 5, 'lists / nicesink, lists', least=True)
        compare(cpu['nice-buffers'] / cpu['buffers'], 5, 'buffers / nicesink, buffers', least=True)
    return cpu


# ---- sending and receiving, as turnutils_uclient does

@contextlib.contextmanager
def echo_peer(bench):
    port = free_port()
    peer = subprocess.Popen(pinned(bench, 1) + ['turnutils_peer', '-L', '127.0.0.1', '-p', str(port)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield port
    finally:
        peer.kill()
        peer.wait()


def uclient(bench, server, peer, count):
    """CPU seconds, packets sent and received."""
    command = pinned(bench, 0) + ['turnutils_uclient', '-u', 'user', '-w', 'pass', '-e', '127.0.0.1', '-r', peer, '-n', count,
                                  '-l', 1000, '-m', 1, '-c', '-z', 0, '-p', server, '127.0.0.1']
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
    sent = re.findall(r'tot_send_msgs=(\d+), tot_recv_msgs=(\d+)', text)
    if not sent or process.returncode != 0:
        raise BenchError('turnutils_uclient: ' + text.strip()[-200:])
    return usage.ru_utime + usage.ru_stime, sum(int(n) for n in sent[-1])


def uclient_once(bench, server, peer):
    """Its start and its waiting at the end are taken away: the difference of a long and a short run."""
    few, many = (5000, 15000) if bench.quick else (10000, 60000)
    (cpu_few, n_few), (cpu_many, n_many) = (uclient(bench, server, peer, n) for n in (few, many))
    return {'cpu': (cpu_many - cpu_few) / (n_many - n_few) * 1e6, 'loss': 1 - n_many / (2 * many)}


def echo_once(bench, server, peer, lists):
    command = pinned(bench, 0) + [bench.build / 'tests/benchmarks/reach-turn-echo', '--port', server, '--peer', peer,
                                  '--count', 10000 if bench.quick else 50000, '--list', int(lists)]
    with Process(command, bench.env) as process:
        r = process.result(60)
    if r['received'] == 0:
        raise BenchError('nothing came back')
    return {'cpu': r['cpu'] / (r['sent'] + r['received']) * 1e6, 'loss': 1 - r['received'] / r['sent']}


def echo(bench, sending):
    if not shutil.which('turnutils_uclient'):
        raise BenchError('turnutils_uclient is missing (tests/packages, coturn)')
    theirs, buffers, lists = 'turnutils_uclient', 'turnrelaysink + turnrelaysrc, buffers', 'turnrelaysink + turnrelaysrc, lists of 50'
    with coturn(bench, 1) as (_, server), echo_peer(bench) as peer:
        once = {theirs: lambda: uclient_once(bench, server, peer), buffers: lambda: echo_once(bench, server, peer, False),
                lists: lambda: echo_once(bench, server, peer, True)}
        results = bench.rounds(list(once), lambda label, _: once[label]())
    print('\nA peer that sends everything back (`turnutils_peer`), 50 packets each 5 ms; CPU of the whole process, all '
          f'threads; median of {bench.repeat}.\n')
    table(['client', 'CPU µs per packet sent or received', 'range', 'loss'],
          [[label, f'{median(r, "cpu"):.2f}', f'{min(x["cpu"] for x in r):.2f} to {max(x["cpu"] for x in r):.2f}',
            f'{100 * statistics.median(x["loss"] for x in r):.2f} %'] for label, r in results.items()])
    base = median(results[theirs], 'cpu')
    compare(median(results[buffers], 'cpu') / base, 0.7, 'sent and received, buffers / turnutils_uclient')
    compare(median(results[lists], 'cpu') / base, 0.3, 'sent and received, lists / turnutils_uclient')
    compare(sending['buffers'] / base, 0.7, 'sent only, buffers / turnutils_uclient')
    compare(sending['lists'] / base, 0.3, 'sent only, lists / turnutils_uclient')


def client(bench):
    echo(bench, speed(bench))


ROWS = {'turn-client': client}

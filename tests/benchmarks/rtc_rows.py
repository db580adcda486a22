# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtcpeer beside webrtcbin: what a peer costs, how fast data goes, how soon a picture is there, what stays behind."""
import contextlib
import pathlib
import tempfile
import time

from harness import BenchError, Process, median, table
from turn_servers import pinned

OURS, THEIRS = 'rtcpeer', 'webrtcbin'
RATE = 500  # packets/s of a peer


def bar(value, limit, what, unit='', least=False):
    good = value >= limit if least else value <= limit
    print(f'- {what}: {value:.4g}{unit} (bar: {"≥" if least else "≤"} {limit}{unit}) {"reached" if good else "**missed**"}', flush=True)


def process(bench, cpu, *arguments):
    program = bench.build / 'tests/benchmarks/reach-rtc-bench'
    if not program.exists():
        raise BenchError('reach-rtc-bench is not built (rtc is off)')
    prefix = pinned(bench, cpu) if cpu is not None else []
    return Process(prefix + [program, *arguments], bench.env)


@contextlib.contextmanager
def call(bench, role, element, *arguments):
    """The sender and the receiver, connected."""
    with tempfile.TemporaryDirectory() as folder:
        common = ['--element', element, '--wire', pathlib.Path(folder) / 'wire', *arguments]
        with process(bench, 1, role, '--side', 'receive', *common) as receiver:
            receiver.line(20)
            with process(bench, 0, role, '--side', 'send', *common) as sender:
                sender.line(90)
                receiver.line(90)
                yield sender, receiver
                sender.quit(60)
                receiver.quit(60)


def spans(processes, warm_up, seconds):
    """The marks of each process before and after so many seconds."""
    time.sleep(warm_up)
    before = [p.mark() for p in processes]
    time.sleep(seconds)
    return list(zip(before, [p.mark() for p in processes]))


def core(span):
    a, b = span
    return 100 * (b['cpu'] - a['cpu']) / (b['at'] - a['at'])


# ---- media

def media_once(bench, element, peers):
    warm_up, seconds = (1, 2) if bench.quick else (4, 10)
    with call(bench, 'media', element, '--peers', peers) as both:
        send, receive = spans(both, warm_up, seconds)
    came = receive[1]['packets'] - receive[0]['packets']
    return {'send': core(send), 'receive': core(receive), 'send-threads': send[1]['threads'],
            'receive-threads': receive[1]['threads'], 'send-kb': send[1]['rss_kb'], 'receive-kb': receive[1]['rss_kb'],
            'came': 100 * came / (peers * RATE * (receive[1]['at'] - receive[0]['at']))}


def tee_once(bench, peers, queues):
    with process(bench, 0, 'media', '--element', 'none', '--peers', peers, '--queues', int(queues)) as p:
        p.line(20)
        span, = spans([p], 1, 1 if bench.quick else 5)
        p.quit()
    return core(span)


def media(bench):
    peers = 8 if bench.quick else 32
    results = bench.rounds([OURS, THEIRS], lambda e, _: (media_once(bench, e, 1), media_once(bench, e, peers)))
    print(f'Each peer {RATE} packets/s of 1164 bytes, 20 in a list each 40 ms; median of {bench.repeat}. A further peer is a '
          f'{peers - 1}th of the difference of {peers} peers and one.\n')
    figures, lines = {}, []
    for element, rounds in results.items():
        one, many = ([r[i] for r in rounds] for i in (0, 1))
        for side in ('send', 'receive'):
            f = figures[element, side] = {
                'core': median(many, side),
                **{what: (median(many, f'{side}-{what}') - median(one, f'{side}-{what}')) / (peers - 1)
                   for what in ('threads', 'kb')}}
            cores = [r[side] for r in many]
            lines.append([element, side, f'{f["core"]:.1f} %', f'{min(cores):.1f} to {max(cores):.1f}', f'{median(one, side):.1f} %',
                          f'{f["threads"]:.2f}', f'{f["kb"]:.0f}', f'{median(many, "came"):.1f} %'])
    table(['element', 'side', f'{peers} peers, core', 'range', 'one peer, core', 'threads, each further', 'KB, each further', 'packets that came'],
          lines)
    tee, queues = tee_once(bench, peers, False), tee_once(bench, peers, True)
    print(f'The load into {peers} fakesinks: {tee:.1f} % of a core; with a queue before each, as webrtcbin needs it: {queues:.1f} %.\n')
    send, receive = figures[OURS, 'send'], figures[OURS, 'receive']
    bar(send['core'] * 32 / peers, 10, '32 peers, sending', ' %')
    bar(receive['core'] * 32 / peers, 25, '32 peers, receiving', ' %')
    bar(send['threads'], 0, 'threads of a further peer, sending')
    bar(receive['threads'], 1, 'threads of a further peer, receiving')
    bar(send['kb'], 150, 'a further peer, sending', ' KB')
    bar(receive['kb'], 150, 'a further peer, receiving, with the packets that it holds', ' KB')
    for side in ('send', 'receive'):
        a, b = figures[OURS, side], figures[THEIRS, side]
        print(f'- {side}: {OURS} / {THEIRS}: CPU {a["core"] / b["core"]:.2f} ×, memory {a["kb"] / b["kb"]:.2f} ×', flush=True)


# ---- data

def data_once(bench, element):
    with call(bench, 'data', element) as both:
        send, receive = spans(both, 1, 1 if bench.quick else 5)
    a, b = receive
    return {'rate': (b['bytes'] - a['bytes']) * 8e-6 / (b['at'] - a['at']), 'send': core(send), 'receive': core(receive)}


def data(bench):
    results = bench.rounds([OURS, THEIRS], lambda e, _: data_once(bench, e))
    print(f'One channel, ordered and reliable, messages of 16 KiB; median of {bench.repeat}.\n')
    table(['element', 'Mbit/s', 'range', 'sender, core', 'receiver, core'],
          [[e, f'{median(r, "rate"):.0f}', f'{min(x["rate"] for x in r):.0f} to {max(x["rate"] for x in r):.0f}',
            f'{median(r, "send"):.0f} %', f'{median(r, "receive"):.0f} %'] for e, r in results.items()])
    bar(median(results[OURS], 'rate'), 700, 'data channel', ' Mbit/s', least=True)
    print(f'- {OURS} / {THEIRS}: {median(results[OURS], "rate") / median(results[THEIRS], "rate"):.2f} ×', flush=True)


# ---- first picture

def first_once(bench, element, latency):
    with process(bench, None, 'joins', '--element', element, '--latency', latency, '--joins', 5 if bench.quick else 50) as p:
        return p.result(600)


def first_frame(bench):
    latency = 200
    results = bench.rounds([OURS, THEIRS], lambda e, _: first_once(bench, e, latency))
    joins = results[OURS][0]['joins']
    print(f'{joins} calls, H.264 with a key frame each 2 s, latency={latency}: from create-offer to the first decoded picture, '
          f'ms; median of {bench.repeat}.\n')
    table(['element', 'p50', 'p95', 'range of p95', 'max'],
          [[e, f'{median(r, "p50"):.0f}', f'{median(r, "p95"):.0f}', f'{min(x["p95"] for x in r):.0f} to {max(x["p95"] for x in r):.0f}',
            f'{max(x["max"] for x in r):.0f}'] for e, r in results.items()])
    bar(median(results[OURS], 'p95') / median(results[THEIRS], 'p95'), 0.5, f'p95, {OURS} / {THEIRS}', ' ×')


# ---- cycles

def cycles_once(bench, element):
    cycles, warm_up = (20, 10) if bench.quick else (1000, 100)
    looks = []
    with process(bench, None, 'cycles', '--element', element, '--cycles', cycles, '--warm-up', warm_up) as p:
        while True:
            r = p.line(600)
            if 'role' in r:
                break
            looks.append(r)
    if r['good'] != r['cycles']:
        raise BenchError(f'{element}: {r["cycles"] - r["good"]} of {r["cycles"]} calls got nothing')
    return looks


def cycles(bench):
    results = {e: cycles_once(bench, e) for e in (OURS, THEIRS)}
    n = results[OURS][-1]['cycles']
    print(f'{n} calls of two peers in one process, each until the first packet, behind some that are not counted. Memory is '
          'looked at when what is free has been given back to the kernel.\n')
    table(['element', *(f'KB after {r["cycles"]}' for r in results[OURS]), 'threads', 'descriptors'],
          [[e, *(r['rss_kb'] for r in looks), f'{looks[0]["threads"]} to {looks[-1]["threads"]}', f'{looks[0]["fds"]} to {looks[-1]["fds"]}']
           for e, looks in results.items()])
    first, half, last = results[OURS][0], results[OURS][2], results[OURS][-1]
    bar(last['threads'] - first['threads'], 0, 'more threads')
    bar(last['fds'] - first['fds'], 0, 'more descriptors')
    # What the allocator does not use is not ours; a leak of 100 bytes a call would be seen.
    bar(1024 * (last['rss_kb'] - half['rss_kb']) / (n / 2), 100, 'a call of the second half leaves', ' bytes')
    # A leak is in what malloc () has given out, fragments are not.
    bar((last['used'] - half['used']) / (n / 2), 100, 'a call of the second half leaves allocated', ' bytes')


ROWS = {'rtc-media': media, 'rtc-data': data, 'rtc-first-frame': first_frame, 'rtc-cycles': cycles}

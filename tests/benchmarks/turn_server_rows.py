# SPDX-License-Identifier: LGPL-2.1-or-later
"""turnserver beside coturn, with the same load."""
import contextlib

from harness import BenchError, median, ratio, table
from server_rows import memory_kb
from turn_servers import COTURN, OURS, SERVERS, Load

RATE = 50000
NONE = 'no server: client and peer directly'


def percent(x):
    return f'{100 * x:.2f} %'


# ---- CPU per packet

def server(bench):
    seconds, flows = (0.5, (1, 100)) if bench.quick else (2, (1, 1000))
    shapes = {burst: f'bursts of {burst}' if burst > 1 else 'evenly' for burst in (1, 16, 64)}
    bars = {flows[0]: 0.5, flows[1]: 0.9}
    results = {}
    for _ in range(bench.repeat):
        for n in flows:
            for name, start in SERVERS.items():
                with start(bench, 0) as (pid, port), Load(bench, port, n) as load:
                    for burst in shapes:
                        results.setdefault((n, burst, name), []).append(load.run(pid, RATE, seconds, burst))
    print(f'ChannelData, 1000 bytes, {RATE} packets/s, half of them in each direction; median of {bench.repeat}.\n')
    table(['flows', 'load', 'server', 'CPU µs per packet', 'range', 'packets/s', 'loss', 'load late, ms'],
          [[n, shapes[burst], name, f'{median(r, "cpu"):.2f}',
            f'{min(x["cpu"] for x in r):.2f} to {max(x["cpu"] for x in r):.2f}', f'{median(r, "rate"):.0f}',
            percent(max(x['loss'] for x in r)), f'{max(x["late-ms"] for x in r):.1f}']
           for (n, burst, name), r in sorted(results.items(), key=lambda i: i[0][:2])])
    for n in flows:
        for burst, shape in shapes.items():
            ours, theirs = (median(results[n, burst, name], 'cpu') for name in (OURS, COTURN))
            ratio(ours, theirs, bars[n], f'{n} {"flow" if n == 1 else "flows"}, {shape}: / coturn')


# ---- latency

def latency(bench):
    rates = (10000,) if bench.quick else (10000, 100000)
    seconds = 0.5 if bench.quick else 2
    servers = {NONE: lambda *_: contextlib.nullcontext((None, 0)), **SERVERS}
    results = {}
    for _ in range(bench.repeat):
        for name, start in servers.items():
            with start(bench, 0) as (pid, port), Load(bench, port, 1) as load:
                for rate in rates:
                    results.setdefault((rate, name), []).append(load.run(pid, rate, seconds))
    print(f'One flow, 1000 bytes, sent evenly, half of the packets in each direction; from before send () until the other '
          f'side has it; median of {bench.repeat}.\n')
    table(['packets/s', 'server', 'p50, µs', 'p99, µs', 'range of p99', 'added p50', 'added p99', 'loss'],
          [[f'{median(r, "rate"):.0f}', name, f'{median(r, "p50-us"):.0f}', f'{median(r, "p99-us"):.0f}',
            f'{min(x["p99-us"] for x in r):.0f} to {max(x["p99-us"] for x in r):.0f}',
            *(f'{median(r, key) - median(results[rate, NONE], key):.0f}' if name != NONE else '–' for key in ('p50-us', 'p99-us')),
            percent(max(x['loss'] for x in r))] for (rate, name), r in sorted(results.items(), key=lambda i: i[0][0])])
    for rate in rates:
        p99 = median(results[rate, OURS], 'p99-us') - median(results[rate, NONE], 'p99-us')
        print(f'- {rate} packets/s: p99 {p99:.0f} µs added by turnserver (goal: < 100 µs) '
              f'{"reached" if p99 < 100 else "**missed**"}')


# ---- memory and refreshing

def memory(bench):
    clients = 500 if bench.quick else 10000
    results = {}
    for name, start in SERVERS.items():
        with start(bench, 0) as (pid, port):
            before = memory_kb(pid)
            with Load(bench, port, clients) as load:
                r = {'kb': (memory_kb(pid) - before) / clients, 'seconds': load.seconds,
                     'spread': load.storm(pid, 1), 'at-once': load.storm(pid, 0)}
                traffic = load.run(pid, 10000, 2)  # they are still there
                if traffic['received'] < 0.5 * traffic['sent']:
                    raise BenchError(f'{name} does not relay for all: {traffic}')
                r['after'] = (memory_kb(pid) - before) / clients
            results[name] = r
    print(f'{clients} allocations with a permission and a channel each. Resident memory of the server before and after; the '
          'sockets\' memory in the kernel is not in it.\n')
    table(['server', 'KB each', 'after refreshing and traffic', 'time to set up all, s'],
          [[name, f'{r["kb"]:.2f}', f'{r["after"]:.2f}', f'{r["seconds"]:.1f}'] for name, r in results.items()])
    for when, key in ('evenly within a second', 'spread'), ('all at once', 'at-once'):
        print(f'All refresh, {when}:\n')
        table(['server', 'answered', 'retransmissions', 'first answer, ms', 'last answer, ms', 'CPU, s', 'CPU µs each'],
              [[name, r[key]['answered'], r[key]['retransmissions'], f'{r[key]["first-ms"]:.1f}', f'{r[key]["all-ms"]:.0f}',
                f'{r[key]["cpu"]:.3f}', f'{r[key]["cpu"] / clients * 1e6:.1f}'] for name, r in results.items()])
    kb = results[OURS]['kb']
    print(f'- {clients} allocations: {kb:.2f} KB each (bar: ≤ 4 KB) {"reached" if kb <= 4 else "**missed**"}')
    for when, key in ('within a second', 'spread'), ('at once', 'at-once'):
        n = results[OURS][key]['answered']
        print(f'- refreshed {when}: {n} of {clients} answered (bar: all) {"reached" if n == clients else "**missed**"}')


ROWS = {'turn-server': server, 'turn-latency': latency, 'turn-memory': memory}

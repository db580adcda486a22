# SPDX-License-Identifier: LGPL-2.1-or-later
"""How soon an RTMP server's players get what they want, one function per row of docs/benchmarks.md."""
import functools
import time

from harness import BenchError, median, ratio, table
from rtmp_servers import NGINX, RELAY, SINK, fed, relay, send_loop, sink
from server_rows import VIDEO, nginx_rtmp

NO_SERVER = 'no server: bare send () loop'
FRAME = VIDEO['size'] + 12 + 5  # with the headers of message and frame


def verdict(good):
    return 'reached' if good else '**missed**'


# ---- join

def join_once(bench, server):
    with server(bench, key_every=60) as (_, port):
        time.sleep(3)
        joins = 20 if bench.quick else 200
        with bench.start(1, 'rtmp-joins', port=port, count=joins, every_ms=37) as role:
            r = role.result(60)
    if r['failed'] or r['joined'] != joins:
        raise BenchError(f'players did not get a key frame: {r}')
    return r


def rtmp_join(bench):
    servers = {SINK: sink, RELAY: functools.partial(fed, server=relay), NGINX: functools.partial(fed, server=nginx_rtmp)}
    results = bench.rounds(list(servers), lambda label, _: join_once(bench, servers[label]))
    print(f'{20 if bench.quick else 200} joins, one each 37 ms, from connect () to the last byte of the first key frame; '
          f'2 Mbit/s, a key frame each 2 s. nginx keeps no group of pictures. Median of {bench.repeat}.\n')
    table(['server', 'p50, ms', 'p95, ms', 'range of p95', 'max, ms'],
          [[label, f'{median(r, "p50_ms"):.2f}', f'{median(r, "p95_ms"):.2f}',
            f'{min(x["p95_ms"] for x in r):.2f} to {max(x["p95_ms"] for x in r):.2f}',
            f'{max(x["max_ms"] for x in r):.2f}'] for label, r in results.items()])
    for label in (SINK, RELAY):
        p95 = median(results[label], 'p95_ms')
        print(f'- {label}: p95 {p95:.2f} ms (bar: ≤ 20 ms) {verdict(p95 <= 20)}')
    print()


# ---- latency, and slow players

def times_once(bench, server, protocol, slow):
    """`slow`: each so-many-th player reads at half the speed of the stream; 0: none."""
    readers = 100
    seconds, settle = (3, 3) if bench.quick else (10, 6)
    # Until queues of 2 s, and what a kernel takes, are full.
    settle = max(settle, 12) if slow else settle
    more = dict(slow_each=slow, slow_rate=FRAME * 30 / 2) if slow else {}
    with server(bench) as (_, port):
        with bench.start(1, 'fan-out-readers', count=readers, port=port, protocol=protocol, times=1, settle=settle,
                         timeout=120, **more) as reader:
            reader.line(30)
            time.sleep(settle)
            before = reader.mark()
            time.sleep(seconds)
            after = reader.mark()
            r = reader.quit()
    slow_ones = readers // slow if slow else 0
    fast = readers - slow_ones
    if r['closed'] or r['frames'] < 0.95 * fast * 30 * seconds or r['holes']:
        raise BenchError(f'players were not served: {r}')
    took = after['at'] - before['at']
    r['share'] = (after['read'] - before['read']) / (fast * FRAME * 30 * took)
    r['slow_share'] = (after['slow'] - before['slow']) / (max(1, slow_ones) * FRAME * 30 * took)
    return r


def times_table(results, more_head, more):
    table(['server', 'p50, ms', 'p99, ms', 'range of p99', 'max, ms', *more_head],
          [[label, f'{median(r, "p50_ms"):.2f}', f'{median(r, "p99_ms"):.2f}',
            f'{min(x["p99_ms"] for x in r):.2f} to {max(x["p99_ms"] for x in r):.2f}',
            f'{max(x["max_ms"] for x in r):.2f}', *more (label, r)] for label, r in results.items()])


FED_NGINX = functools.partial(fed, server=nginx_rtmp)


def rtmp_latency(bench):
    servers = {SINK: (sink, 'rtmp'), RELAY: (functools.partial(fed, server=relay), 'rtmp'), NGINX: (FED_NGINX, 'rtmp'),
               NO_SERVER: (send_loop, 'rtmp-raw')}
    results = bench.rounds(list(servers), lambda label, _: times_once(bench, *servers[label], 0))
    print('100 players, 30 frames of 8,333 bytes a second; from just before a frame is pushed, or sent by the publisher, to '
          f'the last byte read by a player; median of {bench.repeat}.\n')
    times_table(results, [], lambda *_: [])
    for label in (SINK, RELAY):
        p50, p99 = median(results[label], 'p50_ms'), median(results[label], 'p99_ms')
        print(f'- {label}: p50 {p50:.2f} ms, p99 {p99:.2f} ms (bar: ≤ 2 ms, ≤ 10 ms) {verdict(p50 <= 2 and p99 <= 10)}')
    print()


def rtmp_slow(bench):
    beside = ', 10 % read at half speed'
    cases = {}
    for label, server in (SINK, sink), (NGINX, FED_NGINX):
        cases[label] = server, 'rtmp', 0
        cases[label + beside] = server, 'rtmp', 10
    results = bench.rounds(list(cases), lambda label, _: times_once(bench, *cases[label]))
    print('100 players of 2 Mbit/s, a key frame each half second; times and bytes are those of the players that read all; '
          f'median of {bench.repeat}.\n')
    times_table(results, ['read of the stream', 'slow ones read', 'gaps of slow ones', 'not before a key frame'],
                lambda label, r: [f'{100 * median(r, "share"):.1f} %'] + (
                    [f'{100 * median(r, "slow_share"):.0f} %', f'{median(r, "slow_holes"):.0f}',
                     f'{max(x["holes_off_key"] for x in r)}'] if label.endswith(beside) else ['–'] * 3))
    with_slow, without = results[SINK + beside], results[SINK]
    ratio(median(with_slow, 'p99_ms'), median(without, 'p99_ms'), 1.1, f'{SINK}, p99 of the others beside slow ones / without')
    lost = 1 - median(with_slow, 'share') / median(without, 'share')
    print(f'- {SINK}, the others read {100 * lost:.1f} % less beside slow ones (bar: ≤ 1 %) {verdict(lost <= 0.01)}')
    gaps, off_key = median(with_slow, 'slow_holes'), max(x['holes_off_key'] for x in with_slow)
    print(f'- {SINK}, slow ones resume on a key frame: {gaps:.0f} gaps, {off_key} not before one '
          f'{verdict(gaps > 0 and off_key == 0)}')
    print()


ROWS = {'rtmp-join': rtmp_join, 'rtmp-latency': rtmp_latency, 'rtmp-slow': rtmp_slow}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What players cost an RTMP server, one function per row of docs/benchmarks.md."""
import contextlib
import functools
import time

from harness import BenchError, median, ratio, table
from rtmp_servers import LOOP, NGINX, SINK, send_loop, sink
from server_rows import fan_out_once, memory_kb, nginx_rtmp, publisher

READERS = 400


def rows(bench, peers):
    results = bench.rounds(list(peers), lambda label, _: fan_out_once(bench, *peers[label], READERS, 0))
    table(['server', 'cores per Gbit/s out', 'range', 'readers, cores per Gbit/s', 'Gbit/s out'],
          [[label, f'{median(r, "core"):.3f}', f'{min(x["core"] for x in r):.3f} to {max(x["core"] for x in r):.3f}',
            f'{median(r, "readers"):.3f}', f'{median(r, "rate"):.3f}'] for label, r in results.items()])
    return {label: median(r, 'core') for label, r in results.items()}


def fan_out(bench, sound):
    core = rows(bench, {LOOP: (functools.partial(send_loop, sound=sound), None, 'rtmp-raw'),
                        NGINX: (nginx_rtmp, 'rtmp-av' if sound else 'rtmp', 'rtmp'),
                        SINK: (functools.partial(sink, sound=sound), None, 'rtmp')})
    ratio(core[SINK], core[NGINX], 1.0, f'{SINK} / {NGINX}')
    ratio(core[SINK], core[LOOP], 1.25, f'{SINK} / {LOOP}')
    print()


def rtmp_fan_out(bench):
    print(f'{READERS} players, 30 frames of 8,333 bytes a second each (2 Mbit/s) and AAC of 128 kbit/s, server on one '
          f'core, median of {bench.repeat}.\n')
    fan_out(bench, True)


def rtmp_fan_out_video(bench):
    print(f'The same without sound, median of {bench.repeat}.\n')
    fan_out(bench, False)


def rtmp_merge(bench):
    print(f'The load of rtmp-fan-out, median of {bench.repeat}.\n')
    peers = {NGINX: (nginx_rtmp, 'rtmp-av', 'rtmp')}
    for ms in (0, 33, 100):
        peers[f'{SINK} merge-time={ms}'] = (functools.partial(sink, merge_ms=ms, sound=True), None, 'rtmp')
    core = rows(bench, peers)
    for ms, bar in (0, 1.0), (33, 0.7), (100, 0.45):
        label = f'{SINK} merge-time={ms}'
        ratio(core[label], core[NGINX], bar, f'{label} / {NGINX}')
    print()


# ---- memory

def memory_once(bench, server, sender, clients, protocol):
    """KB that each client adds to the server's resident memory."""
    with server(bench) as (process, port), contextlib.ExitStack() as stack:
        stack.enter_context(publisher(bench, sender, port))
        time.sleep(3)
        before = memory_kb(process.process.pid)
        reader = stack.enter_context(bench.start(1, 'fan-out-readers', port=port, protocol=protocol, count=clients,
                                                 timeout=120))
        reader.line(60)
        time.sleep(4)
        after = memory_kb(process.process.pid)
        now = reader.mark()
    if now['closed'] or (protocol == 'rtmp' and now['least'] < 3 * 8333 * 30):
        raise BenchError(f'players were not served: {now}')
    return {'kb': (after - before) / clients}


def rtmp_memory(bench):
    clients = 100 if bench.quick else 400
    players, idle = 'players of 2 Mbit/s', 'connected, idle'
    servers = {SINK: (functools.partial(sink, sound=True), None), NGINX: (nginx_rtmp, 'rtmp-av')}
    cases = {(label, what): (*server, clients, protocol) for label, server in servers.items()
             for what, protocol in ((players, 'rtmp'), (idle, 'rtmp-idle'))}
    results = bench.rounds(list(cases), lambda case, _: memory_once(bench, *cases[case]))
    print(f'Resident memory of the server before and after {clients} clients; kernel buffers are not in it. Median of '
          f'{bench.repeat}.\n')
    table(['server', 'clients', 'KB each', 'range'],
          [[*case, f'{median(r, "kb"):.1f}', f'{min(x["kb"] for x in r):.1f} to {max(x["kb"] for x in r):.1f}']
           for case, r in results.items()])
    for what in (players, idle):
        kb = median(results[(SINK, what)], 'kb')
        print(f'- {SINK}, {what}: {kb:.1f} KB (bar: ≤ 20 KB) {"reached" if kb <= 20 else "**missed**"}')
    print()


ROWS = {'rtmp-fan-out': rtmp_fan_out, 'rtmp-fan-out-video': rtmp_fan_out_video, 'rtmp-merge': rtmp_merge,
        'rtmp-memory': rtmp_memory}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The measurements of rtmpserversink, one function per row of docs/benchmarks.md."""
import contextlib
import functools

from harness import free_port, median, ratio, table
from server_rows import AVC, VIDEO, fan_out_once, nginx_rtmp, send_loop, wait_for_port

READERS = 400
NGINX, LOOP, OURS = 'nginx with its RTMP module', 'bare send () loop', 'rtmpserversink'


@contextlib.contextmanager
def sink(bench, merge_ms=0, sound=False):
    """The sender itself is the server: what it costs to make the frames counts too."""
    port = free_port()
    more = dict(sound=1) if sound else {}
    with bench.start(0, 'send', peer='rtmp-server', port=port, caps=AVC, extra=f'merge-time={merge_ms}', **VIDEO,
                     **more) as server:
        server.line(10)
        wait_for_port(port)
        yield server, port


def rows(bench, peers):
    results = bench.rounds(list(peers), lambda label, _: fan_out_once(bench, *peers[label], READERS, 0))
    table(['server', 'cores per Gbit/s out', 'range', 'readers, cores per Gbit/s', 'Gbit/s out'],
          [[label, f'{median(r, "core"):.3f}', f'{min(x["core"] for x in r):.3f} to {max(x["core"] for x in r):.3f}',
            f'{median(r, "readers"):.3f}', f'{median(r, "rate"):.3f}'] for label, r in results.items()])
    return {label: median(r, 'core') for label, r in results.items()}


def rtmp_fan_out(bench):
    print(f'{READERS} players, 30 frames of 8,333 bytes a second each (2 Mbit/s), server on one core, median of '
          f'{bench.repeat}.\n')
    core = rows(bench, {LOOP: (send_loop, None, 'cam'), NGINX: (nginx_rtmp, 'rtmp', 'rtmp'), OURS: (sink, None, 'rtmp')})
    ratio(core[OURS], core[NGINX], 1.0, f'{OURS} / {NGINX}')
    ratio(core[OURS], core[LOOP], 1.25, f'{OURS} / {LOOP}')
    print()


def rtmp_merge(bench):
    print(f'The same with AAC of 128 kbit/s, median of {bench.repeat}.\n')
    peers = {NGINX: (nginx_rtmp, 'rtmp-av', 'rtmp')}
    for ms in (0, 33, 100):
        peers[f'{OURS} merge-time={ms}'] = (functools.partial(sink, merge_ms=ms, sound=True), None, 'rtmp')
    core = rows(bench, peers)
    for ms, bar in (0, 1.0), (33, 0.7), (100, 0.45):
        label = f'{OURS} merge-time={ms}'
        ratio(core[label], core[NGINX], bar, f'{label} / {NGINX}')
    print()


ROWS = {'rtmp-fan-out': rtmp_fan_out, 'rtmp-merge': rtmp_merge}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtcpool beside a webrtcbin for each member: what the sender of one stream pays for each who sees it."""
import contextlib
import pathlib
import tempfile

from harness import BenchError, Process, free_port, median, table
from rtc_rows import bar, core, process, spans
from server_rows import wait_for_port
from turn_servers import pinned

OURS, THEIRS = 'rtcpool', 'webrtcbin'


@contextlib.contextmanager
def signalling(bench):
    """The server of the pool, which has nothing to do once all are connected."""
    port = free_port()
    with Process(pinned(bench, 1) + [bench.build / 'tests/benchmarks/reach-bench', 'launch', '--timeout', '600', '--line',
                                     f'rtcpoolserver bind-address=127.0.0.1 port={port}'], bench.env) as server:
        server.line(20)
        wait_for_port(port)
        yield f'ws://127.0.0.1:{port}'


@contextlib.contextmanager
def way(bench, element):
    """How the two sides find each other."""
    if element == OURS:
        with signalling(bench) as uri:
            yield ['--uri', uri]
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield ['--wire', pathlib.Path(folder) / 'wire']


def once(bench, element, members):
    warm_up, seconds = (3, 3) if bench.quick else (6, 15)
    with way(bench, element) as common:
        common = ['--element', element, '--members', members, *common]
        with process(bench, 1, 'pool', '--side', 'receive', *common) as receiver:
            receiver.line(60)
            with process(bench, 0, 'pool', '--side', 'send', *common) as sender:
                sender.line(90)
                receiver.line(90)
                send, receive = spans([sender, receiver], warm_up, seconds)
                sender.quit(60)
                receiver.quit(60)
    a, b = receive
    return {'core': core(send), 'member': core(send) / members, 'threads': send[1]['threads'], 'kb': send[1]['rss_kb'],
            'packets': (b['packets'] - a['packets']) / (b['at'] - a['at']) / members}


def again(bench, element, members):
    """webrtcbin does not always connect them all."""
    for _ in range(3):
        try:
            return once(bench, element, members)
        except BenchError as e:
            print(f'({element}, {members} members: {e})\n', flush=True)
            last = e
    raise last


def alone_once(bench, members):
    with process(bench, 0, 'pool', '--side', 'send', '--element', 'none', '--members', members) as p:
        p.line(60)
        span, = spans([p], 1, 2 if bench.quick else 10)
        p.quit()
    return core(span)


def media(bench):
    members = 16
    results = bench.rounds([OURS, THEIRS], lambda e, _: (again(bench, e, 1), again(bench, e, members)))
    alone = alone_once(bench, members)
    print(f'One stream of H.264 that was encoded before, 30 frames/s, 2 Mbit/s, to {members} members in another process; median of '
          f'{bench.repeat}. CPU is the sending process\'s, all of it; a further member is a {members - 1}th of the difference of {members} '
          'members and one.\n')
    lines, each, further = [], {}, {}
    for element, rounds in results.items():
        one, many = ([r[i] for r in rounds] for i in (0, 1))
        each[element] = median(many, 'member')
        further[element] = (median(many, 'core') - median(one, 'core')) / (members - 1)
        cores = [r['core'] for r in many]
        lines.append([element, f'{median(many, "core"):.2f} %', f'{min(cores):.2f} to {max(cores):.2f}', f'{each[element]:.3f} %',
                      f'{median(one, "core"):.2f} %', f'{further[element]:.3f} %', f'{median(many, "packets"):.1f}',
                      f'{median(many, "threads"):.0f}'])
    table(['element', f'{members} members, core', 'range', 'per member', 'one member, core', 'a further one', 'packets/s that came to each',
           'threads'], lines)
    print(f'The load through a payloader into {members} fakesinks: {alone:.2f} % of a core.\n')
    came = {e: median([r[1] for r in rounds], 'packets') for e, rounds in results.items()}
    if came[OURS] < 0.97 * came[THEIRS]:
        raise BenchError(f'of {came[THEIRS]:.1f} packets/s {came[OURS]:.1f} came to each')
    bar(each[OURS] / each[THEIRS], 0.3, f'per member, {OURS} / {THEIRS}', ' ×')
    print(f'- a further member, {OURS} / {THEIRS}: {further[OURS] / further[THEIRS]:.2f} ×', flush=True)


ROWS = {'rtc-pool-media': media}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtcpoolserver: many idle members; and beside a minimal relay in Node.js, messages per core."""
import contextlib
import os
import resource
import shutil

from harness import BenchError, Process, free_port, median, table
from rtmp_servers import cpu_exact
from server_rows import memory_kb, wait_for_port
from turn_servers import pinned

OURS, NODE, BARE = 'rtcpoolserver', 'npm ws', 'bare recv() and send()'


@contextlib.contextmanager
def ours(bench):
    port = free_port()
    line = f'rtcpoolserver bind-address=127.0.0.1 port={port} max-connections=50000 message-rate=0'
    with Process(pinned(bench, 0) + [bench.build / 'tests/benchmarks/reach-bench', 'launch', '--line', line,
                                     '--timeout', '600'], bench.env) as server:
        server.line(10)
        wait_for_port(port)
        yield server.process.pid, port


@contextlib.contextmanager
def node(bench):
    modules = bench.root / 'build-npm'
    if not shutil.which('node') or not (modules / 'node_modules/ws').exists():
        raise BenchError('Node.js or ws is missing (tests/tools/install-npm build-npm)')
    port = free_port()
    with Process(pinned(bench, 0) + ['node', bench.root / 'tests/npm/pool-relay.js', port],
                 dict(os.environ, REACH_NPM_DIR=str(modules))) as server:
        server.line(10)
        yield server.process.pid, port


@contextlib.contextmanager
def bare(bench):
    with Process(pinned(bench, 0) + [bench.build / 'tests/benchmarks/reach-pool-load', '--mode', 'bare'], bench.env) as server:
        yield server.process.pid, server.line(10)['port']


SERVERS = {OURS: ours, NODE: node}


def load(bench, port, **options):
    command = pinned(bench, 1) + [bench.build / 'tests/benchmarks/reach-pool-load', '--port', port]
    for name, value in options.items():
        command += ['--' + name.replace('_', '-'), value]
    return Process(command, bench.env)


def idle(bench):
    clients = 500 if bench.quick else 10000
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(50000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    lines = []
    for name, start in SERVERS.items():
        with start(bench) as (pid, port):
            before = memory_kb(pid)
            with load(bench, port, clients=clients, rate=200, pool_size=10) as members:
                r = members.result(120)
                kb = (memory_kb(pid) - before) / clients
                members.tell('quit')
            lines.append((name, kb, r))
    print(f'{clients} members over raw WebSocket, ten in a pool, 200 joins a second; the time from a join to its answer. Resident memory '
          'of the server before and after; the sockets\' memory in the kernel is not in it.\n')
    table(['server', 'KB each', 'join p50, ms', 'join p99, ms'],
          [[name, f'{kb:.1f}', f'{r["p50-ms"]:.2f}', f'{r["p99-ms"]:.2f}'] for name, kb, r in lines])
    _, kb, r = lines[0]
    print(f'- {clients} idle members: {kb:.1f} KB each (bar: ≤ 12 KB) {"reached" if kb <= 12 else "**missed**"}')
    print(f'- join p99 {r["p99-ms"]:.2f} ms (bar: ≤ 50 ms) {"reached" if r["p99-ms"] <= 50 else "**missed**"}')


def relay_once(bench, start, window, seconds):
    with start(bench) as (pid, port):
        with load(bench, port, mode='relay', clients=100, window=window, seconds=seconds) as members:
            members.line(60)
            before = cpu_exact(pid)
            r = members.result(60)
            cpu = cpu_exact(pid) - before
            members.tell('quit')
    return {'us': 1e6 * cpu / r['candidates'], 'per-core': r['candidates'] / cpu, 'rate': r['candidates'] / seconds,
            'core': 100 * cpu / seconds}


def relay(bench):
    seconds = 1 if bench.quick else 4
    shapes = {1: '1 of each member under way', 16: '16 of each member under way'}
    servers = {**SERVERS, BARE: bare}
    results = bench.rounds([(w, name) for w in shapes for name in servers],
                           lambda what, _: relay_once(bench, servers[what[1]], what[0], seconds))
    print(f'50 pairs over raw WebSocket, each member sends candidates as fast as they arrive; median of {bench.repeat}. CPU is the '
          'server\'s, all of it; messages/s of a core are messages for each second of that.\n')
    table(['load', 'server', 'CPU µs per message', 'range', 'messages/s of a core', 'messages/s', 'core'],
          [[shapes[window], name, f'{median(r, "us"):.2f}', f'{min(x["us"] for x in r):.2f} to {max(x["us"] for x in r):.2f}',
            f'{median(r, "per-core"):.0f}', f'{median(r, "rate"):.0f}', f'{median(r, "core"):.0f} %']
           for (window, name), r in results.items()])
    for window, shape in shapes.items():
        us = {name: median(results[window, name], 'us') for name in servers}
        r = us[NODE] / us[OURS]
        print(f'- {shape}: {r:.1f} × npm ws (bar: ≥ 3 ×) {"reached" if r >= 3 else "**missed**"}; the bare loop '
              f'{us[NODE] / us[BARE]:.1f} ×')


ROWS = {'pool-idle': idle, 'pool-relay': relay}

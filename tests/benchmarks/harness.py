# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts the processes of a measurement and reads their JSON lines."""
import json
import os
import pathlib
import select
import shutil
import socket
import statistics
import subprocess
import sys
import time


class BenchError(Exception):
    pass


class Process:
    """One role of reach-bench, or reach-impair. Always ended by leaving the with block."""

    def __init__(self, command, env):
        self.command = [str(c) for c in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=env, bufsize=0)
        self.pending = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def line(self, timeout):
        """The next JSON line."""
        end = time.monotonic() + timeout
        while b'\n' not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b''
            if not data:
                raise BenchError(('no answer from' if not ready else 'early end of') + ' ' + ' '.join(self.command))
            self.pending += data
        text, self.pending = self.pending.split(b'\n', 1)
        return json.loads(text)

    def result(self, timeout):
        """The line with the role's result."""
        while True:
            r = self.line(timeout)
            if 'role' in r:
                return r

    def tell(self, command):
        try:
            self.process.stdin.write(command.encode() + b'\n')
        except BrokenPipeError:
            raise BenchError(f'ended with {self.process.wait()}: ' + ' '.join(self.command)) from None

    def mark(self):
        self.tell('mark')
        return self.line(5)

    def quit(self, timeout=20):
        self.tell('quit')
        return self.result(timeout)

    def terminate(self):
        self.process.terminate()
        return self.line(5)


def plugin_path(build):
    folders = {str(p.parent.resolve()) for top in ('gst', 'ext') for p in (build / top).glob('**/libgst*.so')}
    return ':'.join(sorted(folders))


class Bench:
    def __init__(self, arguments):
        self.quick, self.repeat = arguments.quick, arguments.repeat
        self.udp_loads = arguments.udp_load
        self.build = arguments.build
        self.root = pathlib.Path(__file__).resolve().parents[2]
        self.pin = not arguments.no_pin and shutil.which('taskset') and len(os.sched_getaffinity(0)) > 1
        path = plugin_path(self.build)
        self.env = dict(os.environ, GST_PLUGIN_PATH_1_0=path,
                        GST_REGISTRY_1_0=str(self.build / 'tests/benchmarks/registry'))
        for program in ('tests/benchmarks/reach-bench', 'tests/tools/reach-impair'):
            if not (self.build / program).exists():
                sys.exit(f'{self.build / program} is missing: ninja -C {self.build}')
        self.ours = self.exists('camsender') and self.exists('camreceiver')
        if not self.ours:
            print('(camsender and camreceiver are not in this build: peers only.)\n')

    def exists(self, element):
        # Without a version it asks for GStreamer's own, which the plugin does not have.
        command = ['gst-inspect-1.0', '--exists', '--atleast-version=0.0', element]
        return subprocess.run(command, env=self.env).returncode == 0

    def start(self, cpu, *arguments, prefix=(), **options):
        """Starts a role. Sender on CPU 0, receiver on CPU 1, None: anywhere. prefix: a command that runs it."""
        command = [*prefix] + (['taskset', '-c', str(cpu)] if self.pin and cpu is not None else [])
        command += [self.build / 'tests/benchmarks/reach-bench', *arguments]
        for name, value in options.items():
            command += ['--' + name.replace('_', '-'), value]
        return Process(command, self.env)

    def impair(self, **options):
        command = [self.build / 'tests/tools/reach-impair', '--listen', 0]
        for name, value in options.items():
            command += ['--' + name.replace('_', '-'), value]
        return Process(command, self.env)

    def rounds(self, peers, measure):
        """measure (peer, round) for each peer in turn, several times; {peer: [result, …]}."""
        results = {p: [] for p in peers}
        for i in range(self.repeat):
            for p in peers:
                results[p].append(measure(p, i))
        return results


def free_port():
    """A port that is free for TCP and UDP."""
    for _ in range(50):
        with socket.socket() as t, socket.socket(type=socket.SOCK_DGRAM) as u:
            t.bind(('127.0.0.1', 0))
            port = t.getsockname()[1]
            try:
                u.bind(('127.0.0.1', port))
                return port
            except OSError:
                continue
    raise BenchError('no free port')


def median(results, key):
    return statistics.median(r[key] for r in results)


def table(head, lines):
    print('| ' + ' | '.join(head) + ' |')
    print('|' + '---|' * len(head))
    for line in lines:
        print('| ' + ' | '.join(str(c) for c in line) + ' |')
    print(flush=True)


def ratio(ours, theirs, bar, what):
    """One line that compares with the bar of the issue."""
    if ours is None or not theirs:
        return
    r = ours / theirs
    print(f'- {what}: {r:.2f} × (bar: ≤ {bar} ×) {"reached" if r <= bar else "**missed**"}', flush=True)

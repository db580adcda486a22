# SPDX-License-Identifier: LGPL-2.1-or-later
"""TURN servers to measure, all with the same user, and the load for them."""
import contextlib
import shutil
import subprocess
import tempfile
import time

from harness import BenchError, Process, free_port
from rtmp_servers import cpu_exact
from server_rows import wait_for_port

OURS, COTURN = 'turnserver', 'coturn'


def pinned(bench, cpu):
    return ['taskset', '-c', str(cpu)] if bench.pin and cpu is not None else []


@contextlib.contextmanager
def coturn(bench, cpu=None, relay_threads=None):
    """Yields the process id and the port. No logs, no database, no other listeners than UDP (and TCP)."""
    if not shutil.which('turnserver'):
        raise BenchError('turnserver is missing (tests/packages, coturn)')
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            pinned(bench, cpu) +
            ['turnserver', '-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', f'--listening-port={port}',
             '--allow-loopback-peers', '--no-cli', '--no-tls', '--no-dtls', '--no-stdout-log', '--log-file=/dev/null',
             '--simple-log', '--no-rfc5780', '--no-stun-backward-compatibility', '--no-software-attribute',
             f'--pidfile={folder}/pid', f'--userdb={folder}/db', '--lt-cred-mech', '--user=user:pass', '--realm=bench',
             '--user-quota=0', '--total-quota=0', '--min-port=20000', '--max-port=65535'] +
            ([f'--relay-threads={relay_threads}'] if relay_threads is not None else []),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port)
            yield server.pid, port
        finally:
            server.kill()
            server.wait()


@contextlib.contextmanager
def ours(bench, cpu=None):
    port = free_port()
    line = (f'turnserver bind-address=127.0.0.1 port={port} users=user:pass realm=bench allowed-peers=127.0.0.0/8 '
            'max-allocations=20000 max-user-allocations=0 request-rate=0 min-port=20000')
    with Process(pinned(bench, cpu) + [bench.build / 'tests/benchmarks/reach-bench', 'launch', '--line', line,
                                       '--timeout', '600'], bench.env) as server:
        server.line(10)
        wait_for_port(port)
        yield server.process.pid, port


# coturn's threads are on the one core that ours has.
SERVERS = {OURS: ours, COTURN: lambda bench, cpu=None: coturn(bench, cpu, relay_threads=1)}


class Load(Process):
    """Clients with channels, and their peer. Port 0: without a server between them."""

    def __init__(self, bench, port, flows):
        super().__init__(pinned(bench, 1) + [bench.build / 'tests/benchmarks/reach-turn-load', '--flows', flows,
                                             '--port', port], bench.env)

    def __enter__(self):
        super().__enter__()
        try:
            self.seconds = self.line(150)['seconds']
        except BaseException:
            self.__exit__()
            raise
        return self

    def run(self, pid, rate, seconds, burst=1):
        """Rate: packets per second in both directions together. cpu: the server's, µs per relayed packet."""
        before = cpu_exact(pid) if pid else 0
        self.tell(f'run {rate} {seconds} {burst}')
        r = self.result(seconds * 10 + 30)
        used = (cpu_exact(pid) if pid else 0) - before
        r['cpu'] = used / max(r['received'], 1) * 1e6
        r['loss'] = 1 - r['received'] / max(r['sent'], 1)
        r['rate'] = r['sent'] / r['seconds']
        return r

    def storm(self, pid, seconds):
        before = cpu_exact(pid)
        begin = time.monotonic()
        self.tell(f'storm {seconds}')
        r = self.result(60)
        r['cpu'], r['wall'] = cpu_exact(pid) - before, time.monotonic() - begin
        return r

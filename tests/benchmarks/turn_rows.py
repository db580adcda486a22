# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay elements beside bare loops, with coturn as the server."""
import contextlib
import shutil
import subprocess
import tempfile

from harness import BenchError, free_port
from server_rows import wait_for_port


@contextlib.contextmanager
def coturn():
    if not shutil.which('turnserver'):
        raise BenchError('turnserver is missing (tests/packages, coturn)')
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ['turnserver', '-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', f'--listening-port={port}',
             '--allow-loopback-peers', '--no-cli', '--no-tls', '--no-dtls', '--no-stdout-log', f'--log-file={folder}/log',
             f'--pidfile={folder}/pid', f'--userdb={folder}/db', '--lt-cred-mech', '--user=user:pass', '--realm=bench'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port)
            yield port
        finally:
            server.kill()
            server.wait()


def client(bench):
    with coturn() as port:
        command = ['taskset', '-c', '0'] if bench.pin else []
        command += [bench.build / 'tests/benchmarks/reach-turn-speed', f'turn:user:pass@127.0.0.1:{port}', '127.0.0.1', port,
                    0.1 if bench.quick else 1, 1 if bench.quick else 9]
        run = subprocess.run([str(c) for c in command], env=bench.env, capture_output=True, text=True, timeout=300)
    if run.returncode != 0:
        raise BenchError(run.stderr.strip())
    print(run.stdout, end='')


ROWS = {'turn-client': client}

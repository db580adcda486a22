# SPDX-License-Identifier: LGPL-2.1-or-later
"""The measurements of cammediaserver, one function per row of docs/benchmarks.md."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

from harness import BenchError, Process, free_port, median, ratio, table

AVC = ('video/x-h264,stream-format=avc,alignment=au,width=1280,height=720,framerate=30/1,'
       'codec_data=(buffer)0142c01effe1000c6742c01ed900a0047fe588840001000468ce3c80')
H264 = 'video/x-h264,stream-format=byte-stream,alignment=au'
# 2 Mbit/s; a key frame each half second, so that players that join wait for it no longer.
VIDEO = dict(load='frames', fps=30, size=8333, key_size=8333, key_every=15, count=10**7, timeout=300)
GROUP = 'guid=source guid-group=bench max-queue-bytes=67108864'
RTMP_MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so'


def cpu(pid):
    """Seconds of user and system time of all threads of a process so far."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def memory_kb(pid):
    """Resident, in KB."""
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1])
    raise BenchError(f'no memory of {pid}')


def wait_for_port(port, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.05)
    raise BenchError(f'nothing listens on port {port}')


@contextlib.contextmanager
def media_server(bench, **options):
    """A cammediaserver of one loop, on CPU 0; yields its process and port."""
    port = free_port()
    with bench.start(0, 'serve', port=port, timeout=600, **options) as server:
        server.line(10)
        yield server, port


def install_nginx(bench):
    if not os.path.exists(RTMP_MODULE):
        subprocess.run([bench.root / 'tests/tools/install-packages', 'bench'], check=False)
    nginx = shutil.which('nginx') or '/usr/sbin/nginx'
    if not os.path.exists(RTMP_MODULE) or not os.path.exists(nginx):
        raise BenchError('the Debian package libnginx-mod-rtmp is missing')
    return nginx


@contextlib.contextmanager
def nginx_rtmp(bench):
    """Its best settings for this: one process, no logs, and chunks that hold a whole frame, so that it makes one
    send () for each player and frame; with its 4,096 bytes it makes three."""
    nginx, port = install_nginx(bench), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, 'nginx.conf')
        config.write_text(f'''
            load_module {RTMP_MODULE};
            daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
            worker_rlimit_nofile 4096;
            events {{ worker_connections 2048; use epoll; }}
            rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 16384; max_message 8M;
              application live {{ live on; publish_notify off; play_restart off; }} }} }}''')
        command = ['taskset', '-c', '0'] if bench.pin else []
        with Process(command + [nginx, '-p', folder, '-c', config], dict(os.environ)) as server:
            wait_for_port(port)
            yield server, port


@contextlib.contextmanager
def send_loop(bench):
    port = free_port()
    with bench.start(0, 'send-loop', port=port, **VIDEO) as loop:
        loop.line(10)
        yield loop, port


def publisher(bench, peer, port):
    if not peer:
        return contextlib.nullcontext()
    if peer == 'rtmp-av':
        return bench.start(1, 'send', peer='rtmp', sound=1, port=port, pad='video_0', caps=AVC, **VIDEO)
    more = dict(caps=AVC) if peer == 'rtmp' else dict(caps=H264, extra=GROUP)
    return bench.start(1, 'send', peer=peer, port=port, pad='video_0', **VIDEO, **more)


def fan_out_once(bench, server, peer, protocol, readers, pause_ms):
    seconds = 2 if bench.quick else 6
    with server(bench) as (process, port), contextlib.ExitStack() as stack:
        reader = dict(count=readers, port=port, protocol=protocol, timeout=120, pause_ms=pause_ms)
        # The loop has readers from the beginning; a server is first told of the stream.
        sender = stack.enter_context(publisher(bench, peer, port))
        if sender:
            sender.line(10)
            time.sleep(0.5)
        reader = stack.enter_context(bench.start(1, 'fan-out-readers', **reader))
        reader.line(30)
        time.sleep(2)
        pid = process.process.pid
        r, c, t = [reader.mark()], [cpu(pid)], [time.monotonic()]
        time.sleep(seconds)
        r.append(reader.mark())
        c.append(cpu(pid))
        t.append(time.monotonic())
    gbit = (r[1]['read'] - r[0]['read']) * 8 / 1e9
    if r[1]['closed'] or gbit < 0.97 * readers * 8333 * 8 * 30 * (t[1] - t[0]) / 1e9:
        raise BenchError(f'{protocol}: readers were not served: {r}')
    return {'core': (c[1] - c[0]) / gbit, 'readers': (r[1]['cpu'] - r[0]['cpu']) / gbit,
            'rate': gbit / (t[1] - t[0])}


def server_fan_out(bench):
    # Receivers elsewhere are not woken by the server's processor: those of the second table look at their sockets each
    # 2 ms, of all peers alike.
    for pause_ms, what in (0, 'Receivers that each write wakes.'), (2, 'Receivers that look for data each 2 ms.'):
        print(what + '\n')
        server_fan_out_table(bench, pause_ms)


def server_fan_out_table(bench, pause_ms):
    readers = 400
    ours, nginx, loop = 'cammediaserver', 'nginx with its RTMP module', 'bare send () loop'
    peers = {loop: (send_loop, None, 'cam'), nginx: (nginx_rtmp, 'rtmp', 'rtmp')}
    if bench.ours:
        # The first of the readers is the sender's own client, which gets nothing.
        peers[ours] = (media_server, 'cam-tcp', 'cam-group')
    results = bench.rounds(list(peers), lambda label, _: fan_out_once(
        bench, *peers[label], readers + (label == ours), pause_ms))
    print(f'One sender, {readers} receivers, 30 frames of 8,333 bytes a second each (2 Mbit/s), server on one core, '
          f'median of {bench.repeat}.\n')
    table(['server', 'cores per Gbit/s out', 'range', 'receivers, cores per Gbit/s', 'Gbit/s out'],
          [[label, f'{median(r, "core"):.3f}', f'{min(x["core"] for x in r):.3f} to {max(x["core"] for x in r):.3f}',
            f'{median(r, "readers"):.3f}', f'{median(r, "rate"):.3f}'] for label, r in results.items()])
    if bench.ours:
        core = median(results[ours], 'core')
        ratio(core, median(results[nginx], 'core'), 1.0, f'{ours} / {nginx}')
        ratio(core, median(results[loop], 'core'), 1.25, f'{ours} / {loop}')
    print()


# ---- latency

@contextlib.contextmanager
def through_server(bench):
    with media_server(bench) as (server, port), publisher(bench, 'cam-tcp', port) as sender:
        sender.line(10)
        time.sleep(0.5)
        yield server, port


@contextlib.contextmanager
def direct(bench):
    """The same receivers pull from the sender itself."""
    port = free_port()
    with bench.start(0, 'send', peer='cam-pull-tcp', port=port, pad='video_0', caps=H264, **VIDEO) as sender:
        sender.line(10)
        yield None, port


def times_once(bench, way, readers, slow):
    """`slow`: each so-many-th reads at half the speed of the stream; 0: none."""
    seconds, settle = (3, 3) if bench.quick else (10, 6)
    more = dict(slow_each=slow, slow_rate=8381 * 30 / 2) if slow else {}
    protocol = 'cam-group' if way == through_server else 'cam'
    with way(bench) as (server, port):
        with bench.start(1, 'fan-out-readers', count=readers + (way == through_server), port=port, protocol=protocol,
                         times=1, settle=settle, timeout=120, **more) as reader:
            reader.line(30)
            time.sleep(settle)
            before = reader.mark()
            time.sleep(seconds)
            after = reader.mark()
            dropped = server.mark()['frames-dropped'] if server else 0
            r = reader.quit()
    fast = readers - (readers // slow if slow else 0)
    if r['closed'] or r['frames'] < 0.95 * fast * 30 * seconds or r['holes']:
        raise BenchError(f'receivers were not served: {r}')
    if slow and not dropped:
        raise BenchError('the slow receivers were not behind')
    r['slow_share'] = (after['slow'] - before['slow']) / max(1, after['read'] - before['read']) * fast / max(
        1, readers - fast)
    r['dropped'] = dropped
    return r


def server_latency(bench):
    readers = 100
    plain, beside, alone = 'all read', '10 % read at half speed', 'no server: they pull from camsender'
    cases = {plain: (through_server, 0), beside: (through_server, 10), alone: (direct, 0)}
    results = bench.rounds(list(cases), lambda label, _: times_once(bench, cases[label][0], readers, cases[label][1]))
    print(f'{readers} receivers, 30 frames of 8,333 bytes a second; from the push into camsender to the last byte '
          f'read by a receiver that reads all; median of {bench.repeat}.\n')
    table(['receivers', 'p50, ms', 'p99, ms', 'range of p99', 'max, ms', 'slow ones read', 'frames dropped for them'],
          [[label, f'{median(r, "p50_ms"):.2f}', f'{median(r, "p99_ms"):.2f}',
            f'{min(x["p99_ms"] for x in r):.2f} to {max(x["p99_ms"] for x in r):.2f}',
            f'{max(x["max_ms"] for x in r):.2f}',
            f'{100 * median(r, "slow_share"):.0f} %' if cases[label][1] else '–',
            f'{median(r, "dropped"):.0f}' if cases[label][1] else '–'] for label, r in results.items()])
    p99 = {label: median(r, 'p99_ms') for label, r in results.items()}
    print(f'- p99 {p99[plain]:.2f} ms (bar: ≤ 10 ms) {"reached" if p99[plain] <= 10 else "**missed**"}; '
          f'without a server {p99[alone]:.2f} ms')
    ratio(p99[beside], p99[plain], 1.1, 'p99 of the others beside slow ones / without')


# ---- memory

def server_memory(bench):
    clients, receivers = (200, 100) if bench.quick else (1000, 400)

    def grown(clients, sender, **reader):
        with media_server(bench, extra='max-clients=4000') as (server, port), contextlib.ExitStack() as stack:
            pid = server.process.pid
            if sender:
                stack.enter_context(publisher(bench, 'cam-tcp', port)).line(10)
                time.sleep(3)
            before, cached = memory_kb(pid), server.mark()['cached-bytes'] / 1024
            r = stack.enter_context(bench.start(1, 'fan-out-readers', port=port, timeout=120, **reader))
            r.line(60)
            time.sleep(4)
            now = server.mark()
            after = memory_kb(pid)
            if r.mark()['closed']:
                raise BenchError('clients were closed')
            return (after - before) / clients, now['links'], cached
    results = {
        f'{clients} idle clients, one link each': (
            grown(clients, False, count=clients, protocol='cam-client'), 16),
        f'{clients} idle clients, five links each': (
            grown(clients, False, count=5 * clients, protocol='cam-client', links=5), 16),
        f'{receivers} receivers of 2 Mbit/s': (
            grown(receivers, True, count=receivers + 1, protocol='cam-group'), 40)}
    print('Resident memory of the server before and after; kernel buffers are not in it.\n')
    table(['clients', 'links', 'KB each', 'group of pictures kept for all, KB'],
          [[label, f'{links:.0f}', f'{kb:.1f}', f'{cached:.0f}' if cached else '–']
           for label, ((kb, links, cached), _) in results.items()])
    for label, ((kb, _, _), bar) in results.items():
        print(f'- {label}: {kb:.1f} KB (bar: ≤ {bar} KB) {"reached" if kb <= bar else "**missed**"}')


# ---- commands beside video

def run(*command):
    r = subprocess.run(command, capture_output=True, text=True)
    if r.returncode != 0:
        raise BenchError(' '.join(command) + ': ' + r.stderr.strip())


@contextlib.contextmanager
def shaped_link():
    """Two network namespaces, and between them one that forwards, over links of 10 Mbit/s with queues of 50 ms: a
    kernel keeps its own queue short, as it sees it, but not that of the next hop. Yields the prefixes of commands that
    run in the two, and the second's address."""
    a, b, between = names = [f'reach-{os.getpid()}-{side}' for side in ('a', 'b', 'between')]
    with contextlib.ExitStack() as stack:
        for n in names:
            run('ip', 'netns', 'add', n)
            stack.callback(run, 'ip', 'netns', 'del', n)
        run('ip', 'netns', 'exec', between, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
        for n, to, net in (a, 'a', 1), (b, 'b', 2):
            run('ip', '-n', n, 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', f'to-{to}', 'netns',
                between)
            for where, device, host in (n, 'wire', 2), (between, f'to-{to}', 1):
                run('ip', '-n', where, 'address', 'add', f'10.123.{net}.{host}/24', 'dev', device)
                run('ip', '-n', where, 'link', 'set', device, 'up')
            run('ip', '-n', n, 'link', 'set', 'lo', 'up')
            run('ip', '-n', n, 'route', 'add', 'default', 'via', f'10.123.{net}.1')
            run('tc', '-n', between, 'qdisc', 'add', 'dev', f'to-{to}', 'root', 'tbf', 'rate', '10mbit', 'burst', '15kb',
                'latency', '50ms')
        yield ['ip', 'netns', 'exec', a], ['ip', 'netns', 'exec', b], '10.123.2.2'


DIRECT, UP, BOTH = 'direct', 'server, link of the sender', 'server, one link for both'


def commands_once(bench, load, way):
    """UP: the server is behind the link, with the receiver beside it. BOTH: sender and receiver are on this side, so that
    video fills the link in both directions, and a command and its answer pass it twice each way."""
    port, rate = free_port(), 20e6 / 8
    with contextlib.ExitStack() as stack:
        here, there, address = stack.enter_context(shaped_link())
        begin = time.monotonic()
        if way == DIRECT:
            where = dict(prefix=there, host='0.0.0.0', peer='cam-tcp')
        else:
            stack.enter_context(bench.start(1, 'serve', prefix=there, host='0.0.0.0', port=port, timeout=300)).line(10)
            where = dict(prefix=here if way == BOTH else there, host=address, peer='cam-pull-tcp', extra='guid=viewer')
        receiver = stack.enter_context(bench.start(1, 'receive', port=port, keep=1, timeout=300, **where))
        receiver.line(10)
        video = dict(load='frames', fps=30, size=int(rate / 30), key_size=int(rate / 30), key_every=30,
                     count=10**7, caps=H264, pad='video_0', rate=rate) if load else {}
        sender = stack.enter_context(bench.start(
            0, 'command-times', prefix=here, peer='cam-tcp', host=address, port=port,
            extra='' if way == DIRECT else 'guid=camera guid-to=viewer', commands=50 if bench.quick else 300, **video))
        r = sender.result(120)
        r['video'] = receiver.mark()['buffers'] * rate / 30 * 8 / 1e6 / (time.monotonic() - begin)
    if not r['answered']:
        raise BenchError('commands were not answered')
    return r


def server_commands(bench):
    cases = {(way, video): (video != 'none', way) for way in (DIRECT, UP, BOTH) for video in ('none', '20 Mbit/s')}
    results = bench.rounds(list(cases), lambda label, _: commands_once(bench, *cases[label]))
    print('camsender → camreceiver over a link of 10 Mbit/s with a queue of 50 ms (`tc tbf`), each direction; from '
          f'send-command to command-sent; median of {bench.repeat}.\n')
    table(['way', 'video sent', 'p50, ms', 'p95, ms', 'max, ms', 'video that arrived, Mbit/s'],
          [[*label, f'{median(r, "p50_ms"):.1f}', f'{median(r, "p95_ms"):.1f}', f'{max(x["max_ms"] for x in r):.1f}',
            f'{median(r, "video"):.1f}' if cases[label][0] else '–']
           for label, r in results.items()])
    p95 = [median(r, 'p95_ms') for r in results.values()]
    for way, free, loaded in zip((DIRECT, UP, BOTH), p95[::2], p95[1::2]):
        print(f'- {way}: p95 {loaded - free:.1f} ms above the unloaded link (bar: ≤ 60 ms) '
              f'{"reached" if loaded - free <= 60 else "**missed**"}')


# ---- kills

class Killed:
    """A sender, a server and a receiver, each of them in a process that is killed and started again."""

    def __init__(self, bench, stack):
        self.port, self.bench, self.stack = free_port(), bench, stack
        video = dict(VIDEO, fps=50, size=1000, key_size=1000, key_every=25, timeout=3600, caps=H264, pad='video_0')
        self.roles = {
            'server': (0, 'serve', dict(timeout=3600)),
            'sender': (1, 'send', dict(video, peer='cam-tcp', extra='guid=camera guid-to=viewer')),
            'receiver': (1, 'receive', dict(video, peer='cam-pull-tcp', keep=1, count=0, extra='guid=viewer'))}
        self.processes = {}
        for name in self.roles:
            self.start(name)
        self.recovered()

    def start(self, name):
        cpu_number, role, options = self.roles[name]
        self.processes[name] = self.stack.enter_context(
            self.bench.start(cpu_number, role, port=self.port, **options))
        self.processes[name].line(20)

    def kill(self, name):
        victim = self.processes[name].process
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        self.start(name)

    def recovered(self):
        """Seconds until a second of video has come since now."""
        begin, receiver = time.monotonic(), self.processes['receiver']
        first = receiver.mark()['buffers']
        while receiver.mark()['buffers'] < first + 50:
            if time.monotonic() - begin > 30:
                raise BenchError('no video for 30 s')
            time.sleep(0.05)
        return time.monotonic() - begin


def server_kills(bench):
    rounds = 3 if bench.quick else 100
    seconds = {'sender': [], 'receiver': [], 'server': []}
    with contextlib.ExitStack() as stack:
        running = Killed(bench, stack)
        for _ in range(rounds):
            for name in seconds:
                running.kill(name)
                try:
                    seconds[name].append(running.recovered())
                except BenchError:
                    seconds[name].append(None)
                    break
    print(f'{rounds} rounds, in each of which sender, receiver and server are killed (-9) and started again, one after the '
          'other. Recovered: 50 frames have come to the receiver since the restart, of a video of 50 frames a second.\n')
    table(['killed', 'times', 'recovered', 'median, s', 'max, s'],
          [[name, len(r), sum(x is not None for x in r), f'{statistics.median(x or 30 for x in r):.2f}',
            f'{max(x or 30 for x in r):.2f}'] for name, r in seconds.items()])
    all_good = all(x is not None for r in seconds.values() for x in r)
    print(f'- all recover: {"reached" if all_good else "**missed**"}')


ROWS = {'server-fan-out': server_fan_out, 'server-latency': server_latency, 'server-memory': server_memory,
        'server-commands': server_commands, 'server-kills': server_kills}

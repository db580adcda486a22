# SPDX-License-Identifier: LGPL-2.1-or-later
"""The measurements, one function per row of docs/benchmarks.md."""
import contextlib
import time

from harness import BenchError, free_port, median, ratio, table

VIDEO = 'video/x-h264,stream-format=byte-stream,alignment=au'
# What every queue of ours may hold: the load is paced below what any peer can do, nothing may drop.
QUEUE = 'max-queue-bytes=67108864'


def transfer(bench, peer, label, **load):
    """One sender process to one receiver process; both results, checked for completeness."""
    port = free_port()
    common = dict(peer=peer, port=port, **load)
    if peer.startswith('cam-'):
        common.setdefault('extra', QUEUE)
    with bench.start(1, 'receive', **common) as receiver:
        receiver.line(10)
        with bench.start(0, 'send', **common) as sender:
            sent = sender.result(load.get('timeout', 120))
            got = receiver.result(30)
    if not sent['eos'] or not got['complete']:
        raise BenchError(f'{label}: {got["buffers"]} of {sent["buffers"]} buffers arrived')
    if load.get('load') != 'frames' and got['bytes'] != sent['bytes']:
        raise BenchError(f'{label}: {got["bytes"]} of {sent["bytes"]} bytes arrived')
    return sent, got


def cpu_per_gb(bench, seconds, rate, loads):
    """loads: {label: (peer, buffer size, further options)}; prints the table, returns the medians."""
    feeder = {}

    def measure(label, _):
        peer, size, more = loads[label]
        options = dict(size=size, rate=rate, count=int(seconds * rate / size), **more)
        if peer == 'fake':
            with bench.start(0, 'send', peer=peer, **options) as sender:
                sent, got = sender.result(120), {'cpu': 0.0, 'user': 0.0, 'sys': 0.0}
        else:
            sent, got = transfer(bench, peer, label, **options)
        gb = sent['bytes'] / 1e9
        return {'send': sent['cpu'] / gb, 'receive': got['cpu'] / gb, 'both': (sent['cpu'] + got['cpu']) / gb,
                'latest': sent['latest_ms']}

    results = bench.rounds(list(loads), measure)
    lines, net = [], {}
    for label, (peer, size, _) in loads.items():
        if peer == 'fake':
            feeder[size] = median(results[label], 'both')
    for label, r in results.items():
        peer, size, _ = loads[label]
        both = median(r, 'both')
        net[label] = both - feeder.get(size, 0) if peer != 'fake' else both
        lines.append([label, size, f'{median(r, "send"):.2f}', f'{median(r, "receive"):.2f}', f'{both:.2f}',
                      f'{net[label]:.2f}' if peer != 'fake' else '–',
                      f'{min(x["both"] for x in r):.2f} to {max(x["both"] for x in r):.2f}',
                      f'{max(x["latest"] for x in r):.1f}'])
    print(f'CPU seconds per GB, user and system; {rate / 1e6:g} MB/s for {seconds:g} s, '
          f'median of {bench.repeat}.\n')
    table(['peer', 'buffer', 'sender', 'receiver', 'both', 'without feeder', 'range of both', 'feeder late, ms'],
          lines)
    return {label: (median(r, 'both'), net[label]) for label, r in results.items()}


def compare(figures, ours, theirs, bar):
    if ours in figures:
        ratio(figures[ours][0], figures[theirs][0], bar, f'{ours} / {theirs}')
        ratio(figures[ours][1], figures[theirs][1], bar, f'{ours} / {theirs}, both without feeder')


def tcp(bench, size, rate, bar):
    loads = {'feeder alone': ('fake', size, {}), 'tcpclientsink → tcpserversrc, gdp': ('tcp', size, {})}
    if bench.ours:
        loads['camsender → camreceiver'] = ('cam-tcp', size, {})
    figures = cpu_per_gb(bench, 1 if bench.quick else 4, rate, loads)
    compare(figures, 'camsender → camreceiver', 'tcpclientsink → tcpserversrc, gdp', bar)


def tcp_100k(bench):
    tcp(bench, 100_000, 100e6, 0.7)


def tcp_1400(bench):
    tcp(bench, 1400, 40e6, 0.4)


def udp(bench):
    for rate, burst in bench.udp_loads:
        udp_load(bench, rate, burst)


def udp_load(bench, rate, burst):
    # srt's usual message is 1316 bytes. 1128 bytes (6 MPEG-TS packets) fit into one packet of each peer;
    # ours takes buffers of any size, so it also gets them of 8 KB, and where a burst is a frame, whole frames.
    # Video is what ours sends like srt: repeated within the latency, then given up.
    more = dict(caps=VIDEO, pad='video_0', key_every=1000, burst_ms=burst)
    loads = {'feeder alone': ('fake', 1200, more), 'feeder alone, 1316': ('fake', 1316, more),
             'srtsink → srtsrc': ('srt', 1316, more), 'udpsink → udpsrc': ('udp', 1200, more)}
    ours = {'camsender → camreceiver': 1128, 'camsender → camreceiver, 8 KB buffers': 8192}
    if burst > 30:
        ours['camsender → camreceiver, whole frames'] = int(rate * 1e3 / 8 * burst)
    for label, size in ours.items() if bench.ours else ():
        loads[f'feeder alone, {size}'] = ('fake', size, more)
        loads[label] = ('cam-udp', size, more)
    print(f'{rate:g} Mbit/s in bursts of {burst:g} ms, latency 200 ms.\n')
    figures = cpu_per_gb(bench, 1 if bench.quick else 4, rate * 1e6 / 8, loads)
    for label in ours:
        compare(figures, label, 'srtsink → srtsrc', 0.15)
        compare(figures, label, 'udpsink → udpsrc', 1.0)
    print()


@contextlib.contextmanager
def lossy_link(bench, peer, loss, seed, load):
    """Starts one stream over the proxy; yields a function that waits for its results."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        common = dict(peer=peer, latency=200, pad='video_0', **load)
        if peer == 'srt':
            common['packet'] = 1316
        receiver = stack.enter_context(bench.start(None, 'receive', port=port, idle=3, **common))
        receiver.line(10)
        proxy = stack.enter_context(bench.impair(
            to=f'127.0.0.1:{port}', loss=loss, delay=20, seed=seed, seconds=180))
        sender = stack.enter_context(bench.start(
            None, 'send', port=proxy.line(5)['listening'], linger=1.5, **common))

        def finish():
            sent, got = sender.result(120), receiver.result(30)
            return stream_result(sent, got, proxy.terminate(), load['count'])
        yield finish


def stream_result(sent, got, proxy, count):
    def wire(direction):  # with IPv4 and UDP headers
        return direction['bytes_in'] + 28 * direction['packets_in']
    forward, back = wire(proxy['forward']), wire(proxy['back'])
    return {'lost': count - got['frames'], 'forward': 100 * (forward / sent['payload'] - 1),
            'both': 100 * ((forward + back) / sent['payload'] - 1), 'p50': got.get('p50_ms', 0),
            'max': got.get('max_ms', 0), 'missing': got['missing']}


def loss(bench):
    seconds = 8 if bench.quick else 60
    load = dict(load='frames', fps=30, size=7800, key_size=40960, key_every=60, count=30 * seconds, caps=VIDEO)
    peers = {'srtsink → srtsrc': 'srt'}
    if bench.ours:
        peers['camsender → camreceiver'] = 'cam-udp'
    cases = [(rate, label) for rate in (1, 5, 10) for label in peers]
    results = {c: [] for c in cases}
    for seed in range(1, bench.repeat + 1):
        # All at once: a stream of 2 Mbit/s takes little of the machine, a minute each would take long.
        with contextlib.ExitStack() as stack:
            running = [(c, stack.enter_context(lossy_link(bench, peers[c[1]], c[0], seed, load))) for c in cases]
            for c, finish in running:
                results[c].append(finish())
    print(f'{seconds} s of 30 fps video, 2 Mbit/s, {load["count"]} frames; random loss in both directions, '
          f'RTT 40 ms, latency 200 ms; seeds 1 to {bench.repeat}.\n')
    lines = []
    for (rate, label), r in results.items():
        lines.append([f'{rate} %', label, ', '.join(str(x['lost']) for x in r), f'{median(r, "lost"):g}',
                      f'{median(r, "forward"):.1f} %', f'{median(r, "both"):.1f} %',
                      f'{median(r, "p50"):.0f}', f'{max(x["max"] for x in r):.0f}'])
    table(['loss', 'peer', 'frames lost, each seed', 'median', 'overhead sent', 'overhead both ways',
           'latency p50, ms', 'max, ms'], lines)
    for (rate, label), r in results.items():
        for seed, x in enumerate(r, 1):
            if x['missing']:
                print(f'- {rate} %, {label}, seed {seed}: frames {x["missing"]} missing')
    for rate in (1, 5, 10) if bench.ours else ():
        ours = median(results[rate, 'camsender → camreceiver'], 'lost')
        bar = 0 if rate == 5 else median(results[rate, 'srtsink → srtsrc'], 'lost')
        print(f'- {rate} %: {ours:g} frames lost (bar: ≤ {bar:g}) {"reached" if ours <= bar else "**missed**"}')


def latency(bench):
    seconds = 3 if bench.quick else 8
    load = dict(load='frames', fps=30, size=8333, key_size=40960, key_every=60, count=30 * seconds, caps=VIDEO,
                pad='video_0')
    peers = {'tcpclientsink → tcpserversrc, gdp': 'tcp'}
    if bench.ours:
        peers['camsender → camreceiver'] = 'cam-tcp'
    results = bench.rounds(list(peers), lambda label, _: transfer(bench, peers[label], label, **load)[1])
    print(f'30 fps for {seconds} s, from the push of a frame to its arrival at the receiving sink, '
          f'median of {bench.repeat}.\n')
    table(['peer', 'p50, ms', 'p99, ms', 'max, ms'],
          [[label, f'{median(r, "p50_ms"):.2f}', f'{median(r, "p99_ms"):.2f}', f'{median(r, "max_ms"):.2f}']
           for label, r in results.items()])
    if bench.ours:
        r = results['camsender → camreceiver']
        good = median(r, 'p50_ms') <= 0.5 and median(r, 'p99_ms') <= 2
        print(f'- bar: p50 ≤ 0.5 ms, p99 ≤ 2 ms: {"reached" if good else "**missed**"}')


def fan_out_once(bench, role, peer, protocol, readers):
    port, seconds = free_port(), 2 if bench.quick else 4
    # A pull receiver starts at a key frame, so there is one every half second.
    load = dict(load='frames', fps=30, size=8333, key_size=8333, key_every=15, count=100000, caps=VIDEO,
                port=port, pad='video_0', timeout=60)
    if peer:
        load['peer'] = peer
    with bench.start(0, role, **load) as sender:
        sender.line(10)
        with bench.start(1, 'fan-out-readers', count=readers, port=port, protocol=protocol, timeout=60) as reader:
            reader.line(20)
            time.sleep(1.5)
            s, r = [sender.mark()], [reader.mark()]
            time.sleep(seconds)
            s.append(sender.mark())
            r.append(reader.mark())
    gbit = (r[1]['read'] - r[0]['read']) * 8 / 1e9
    if r[1]['closed'] or r[1]['least'] == r[0]['least'] or gbit < 0.9 * readers * 8333 * 8 * 30 * seconds / 1e9:
        raise BenchError(f'{role} {peer or ""}: readers were not served: {r}')
    return {'core': (s[1]['cpu'] - s[0]['cpu']) / gbit, 'readers': (r[1]['cpu'] - r[0]['cpu']) / gbit,
            'rate': gbit / (r[1]['at'] - r[0]['at'])}


def fan_out(bench, readers):
    silent, talking = 'bare send () loop, silent readers', 'bare send () loop'
    peers = {'tcpserversink': ('send', 'tcp-server', 'raw'), silent: ('send-loop', None, 'raw')}
    if bench.ours:
        peers[talking] = ('send-loop', None, 'cam')
        peers['camsender, pull'] = ('send', 'cam-pull-tcp', 'cam')
    results = bench.rounds(list(peers), lambda label, _: fan_out_once(bench, *peers[label], readers))
    print(f'{readers} readers of one sender, 30 frames of 8,333 bytes a second each (2 Mbit/s), '
          f'median of {bench.repeat}.\n')
    table(['sender', 'cores per Gbit/s', 'range', 'readers, cores per Gbit/s', 'Gbit/s'],
          [[label, f'{median(r, "core"):.3f}', f'{min(x["core"] for x in r):.3f} to {max(x["core"] for x in r):.3f}',
            f'{median(r, "readers"):.3f}', f'{median(r, "rate"):.3f}'] for label, r in results.items()])
    if bench.ours:
        ours = median(results['camsender, pull'], 'core')
        ratio(ours, median(results['tcpserversink'], 'core'), 0.6, 'camsender / tcpserversink')
        ratio(ours, median(results[talking], 'core'), 1.25, f'camsender / {talking}')
        ratio(ours, median(results[silent], 'core'), 1.25, f'camsender / {silent}')


def settled(process, before):
    """What is left when everything had time to end: a broken stream may be kept for 15 s."""
    end = time.monotonic() + 20
    while True:
        now = process.mark()
        if time.monotonic() > end or (now['threads'] <= before['threads'] and now['fds'] <= before['fds']):
            return now
        time.sleep(0.5)


def cycle(bench, label, peer, side, n):
    """`side` is what connects and disconnects; the other side stays."""
    port, load = free_port(), dict(load='frames', fps=200, size=1000, key_size=1000, key_every=1, caps=VIDEO,
                                   pad='video_0', peer=peer)
    stays = 'receive' if side == 'send' else 'send'
    more = dict(keep=1, extra='keep-listening=true') if stays == 'receive' else {}
    with bench.start(0, stays, port=port, timeout=300, count=10**7 if stays == 'send' else 0, **load, **more) as s:
        s.line(10)
        with bench.start(1, 'cycles', side=side, port=port, cycles=n, warm_up=max(5, n // 20), count=3, linger=0,
                         **load) as c:
            before = (c.line(300), s.mark())
            c.tell('')
            done = c.result(300)
            after = (done, settled(s, before[1]))
    lines = []
    for name, was, now in zip(('connecting side', 'serving side'), before, after):
        lines.append([label, name] + [f'{was[k]} → {now[k]}' for k in ('rss_kb', 'threads', 'fds')])
    return lines, f'{done["good"]} of {done["cycles"]}', done['wall']


def cycles(bench):
    n = 50 if bench.quick else 1000
    peers = {'tcpserversink, tcpclientsrc comes and goes': ('tcp-server', 'receive')}
    if bench.ours:
        peers = {'camsender pull, camreceiver comes and goes': ('cam-pull-tcp', 'receive'),
                 'camreceiver push, camsender comes and goes': ('cam-tcp', 'send')}
    lines = []
    for label, (peer, side) in peers.items():
        more, good, wall = cycle(bench, label, peer, side, n)
        lines += [line + [good, f'{wall:.0f}'] for line in more]
    print(f'{n} connections, each from NULL over PLAYING to NULL, after a warm-up.\n')
    table(['what', 'process', 'resident KB', 'threads', 'fds', 'good cycles', 'seconds'], lines)


ROWS = {
    'tcp-100k': tcp_100k, 'tcp-1400': tcp_1400, 'udp': udp, 'loss': loss, 'latency': latency,
    'fan-out-100': lambda bench: fan_out(bench, 100), 'fan-out-400': lambda bench: fan_out(bench, 400),
    'cycles': cycles,
}

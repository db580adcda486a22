# SPDX-License-Identifier: LGPL-2.1-or-later
"""What publishers cost an RTMP server, one function per row of docs/benchmarks.md."""
import functools
import time

from harness import BenchError, median, ratio, table
from rtmp_servers import NGINX, cpu_exact, ingest
from server_rows import nginx_rtmp

FLV, PADS = 'rtmpserversrc, flv pad', 'rtmpserversrc, video and audio pads'
CONTEXT = 'context=bench context-wait=10'


def measure(bench, server, seconds, **load):
    """CPU of a server with publishers and nobody else."""
    with server(bench) as (process, port):
        with bench.start(1, 'rtmp-publishers', port=port, timeout=120, **load) as publishers:
            publishers.line(60)
            time.sleep(1 if bench.quick else 2)
            r, c = [], []
            for _ in range(2):
                # Ours tells what its fakesinks got.
                r.append((publishers.mark(), process.mark() if 'reach-bench' in str(process.command) else None))
                c.append(cpu_exact(process.process.pid))
                if len(c) == 1:
                    time.sleep(seconds)
    (first, got_first), (last, got_last) = r
    sent = last['messages'] - first['messages']
    if last['closed'] or (got_last and got_last['buffers'] - got_first['buffers'] < 0.97 * sent - 200):
        raise BenchError(f'publishers were not served: {last}, {got_last}')
    took = last['at'] - first['at']
    rate = (last['bytes'] - first['bytes']) / took
    return {'cpu': c[1] - c[0], 'core': (c[1] - c[0]) / took, 'rate': rate, 'late': last['late_ms'],
            'ns': (c[1] - c[0]) / (rate * took) * 1e9, 'publishers': (last['cpu'] - first['cpu']) / took}


def rtmp_publishers(bench):
    count = 200
    # 600 kbit/s, with all headers; encoders such as OBS use chunks of 4,096 bytes.
    load = dict(count=count, fps=30, size=2084, key_every=60, sound=264, chunk=4096)
    servers = {NGINX: nginx_rtmp, FLV: functools.partial(ingest, pads='flv', count=count),
               PADS: functools.partial(ingest, pads='elementary', count=count),
               f'{PADS}, {CONTEXT}': functools.partial(ingest, pads='elementary', count=count, more=CONTEXT)}
    results = bench.rounds(list(servers), lambda label, _: measure(
        bench, servers[label], 2 if bench.quick else 6, **load))
    print(f'{count} publishers, each 30 frames and 43 of AAC a second, together 600 kbit/s; no players, server on one core; '
          f'ours is {count} rtmpserversrc into fakesinks in one process. Median of {bench.repeat}.\n')
    table(['server', 'core', 'range', 'Mbit/s in', 'publishers, core', 'publishers late, ms'],
          [[label, f'{median(r, "core"):.3f}', f'{min(x["core"] for x in r):.3f} to {max(x["core"] for x in r):.3f}',
            f'{median(r, "rate") * 8 / 1e6:.1f}', f'{median(r, "publishers"):.3f}', f'{max(x["late"] for x in r):.0f}']
           for label, r in results.items()])
    for label in list(servers)[1:]:
        # Of as many bytes, where one could not take all.
        ratio(median(results[label], 'ns'), median(results[NGINX], 'ns'), 1.0, f'{label} / {NGINX}')
    print()


# ---- one publisher of any rate

def rate_table(bench, servers, rates, chunks, load_of):
    seconds = 2 if bench.quick else 3
    cases = [(label, chunk, rate) for chunk in chunks for rate in rates for label in servers]
    results = bench.rounds(cases, lambda case, _: measure(
        bench, servers[case[0]], seconds, chunk=case[1], key_every=60, **load_of(case[2])))
    cost = {(label, chunk): [median(results[(label, chunk, rate)], 'ns') for rate in rates]
            for label in servers for chunk in chunks}
    table(['server', 'chunk size', *(f'{rate} MB/s' for rate in rates), 'max / min', f'{rates[-1]} / {rates[0]} MB/s'],
          [[label, chunk, *(f'{ns:.2f}' for ns in c), f'{max(c) / min(c):.2f}', f'{c[-1] / c[0]:.2f}']
           for (label, chunk), c in cost.items()])
    short = set()
    for (label, chunk, rate), r in results.items():
        if median(r, 'rate') < 0.95 * rate * 1e6:
            short.add((label, chunk))
            print(f'- {label}, chunks of {chunk}: {median(r, "rate") / 1e6:.1f} of {rate} MB/s were taken')
    for label in list(servers)[1:]:
        for chunk in chunks:
            c = cost[(label, chunk)]
            good = max(c) <= 1.25 * c[0] and (label, chunk) not in short
            print(f'- {label}, chunks of {chunk}: at most {max(c) / c[0]:.2f} × of what it is at {rates[0]} MB/s (bar: flat, '
                  f'here ≤ 1.25 ×) {"reached" if good else "**missed**"}')
    print()


def rtmp_ingest_rate(bench):
    servers = {NGINX: nginx_rtmp, FLV: functools.partial(ingest, pads='flv', sound=False),
               PADS: functools.partial(ingest, pads='elementary', sound=False)}
    print(f'One publisher of video, ns of the server\'s CPU per byte, median of {bench.repeat}.\n')
    size = 250_000
    print(f'Frames of {size:,} bytes, the more of them the higher the rate.\n')
    rate_table(bench, servers, (1, 64) if bench.quick else (1, 4, 16, 64), (65536, 16384, 128),
               lambda rate: dict(fps=rate * 1e6 / size, size=size))
    del servers[PADS]
    print('60 frames a second, the larger the higher the rate (17 kB to 1 MB).\n')
    rate_table(bench, servers, (1, 64) if bench.quick else (1, 8, 64), (16384, 128),
               lambda rate: dict(fps=60, size=int(rate * 1e6 / 60)))


ROWS = {'rtmp-publishers': rtmp_publishers, 'rtmp-ingest-rate': rtmp_ingest_rate}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the rtmp rows compare: each a context that yields the server's process and its port."""
import contextlib
import pathlib

from harness import free_port
from server_rows import AVC, VIDEO, wait_for_port

NGINX, LOOP = 'nginx with its RTMP module', 'bare send () loop'
SINK, RELAY = 'rtmpserversink', 'rtmpserversrc → rtmpserversink'
AAC_SIZE = 372  # 128 kbit/s
FAKESINK = 'fakesink sync=false async=false enable-last-sample=false'


def cpu_exact(pid):
    """Seconds of all threads that live, counted in ns, where ticks of 10 ms are too coarse."""
    return sum(int(p.read_text().split()[0]) for p in pathlib.Path(f'/proc/{pid}/task').glob('*/schedstat')) / 1e9


@contextlib.contextmanager
def sink(bench, merge_ms=0, sound=False, **video):
    """The sender itself is the server: what it costs to make the frames counts too."""
    port = free_port()
    more = dict(VIDEO, **video, **(dict(sound=1) if sound else {}))
    with bench.start(0, 'send', peer='rtmp-server', port=port, caps=AVC, extra=f'merge-time={merge_ms}', **more) as server:
        server.line(10)
        wait_for_port(port)
        yield server, port


@contextlib.contextmanager
def send_loop(bench, sound=False):
    """The same writes as a server's: each message one send (), to each reader."""
    port = free_port()
    with bench.start(0, 'send-loop', port=port, rtmp=1, sound=AAC_SIZE if sound else 0, **VIDEO) as loop:
        loop.line(10)
        yield loop, port


@contextlib.contextmanager
def launch(bench, port, line):
    with bench.start(0, 'launch', line=line, timeout=600) as server:
        server.line(60)
        wait_for_port(port)
        yield server, port


def relay(bench):
    """One process that takes the publisher and serves the players, as nginx does."""
    port = free_port()
    where = f'bind-address=127.0.0.1 port={port} application=live stream-key=bench'
    return launch(bench, port, f'rtmpserversrc name=r {where} r.video_0 ! s.video_0 '
                               f'rtmpserversink name=s {where} sync=false')


def ingest(bench, pads, count=1, sound=True, more=''):
    """rtmpserversrc elements that share a listener; pads: what their users take."""
    port = free_port()
    links = {'flv': ['flv'], 'elementary': ['video_0'] + (['audio_0'] if sound else [])}[pads]
    keys = ['bench'] if count == 1 else [f'bench{i}' for i in range(count)]
    return launch(bench, port, ' '.join(
        f'rtmpserversrc name={key} bind-address=127.0.0.1 port={port} application=live stream-key={key} {more} '
        + ' '.join(f'{key}.{pad} ! {FAKESINK}' for pad in links) for key in keys))


@contextlib.contextmanager
def fed(bench, server, **video):
    """The server with a publisher of the usual load."""
    load = dict(fps=30, size=VIDEO['size'], key_every=VIDEO['key_every'], chunk=16384, timeout=300)
    with server(bench) as (process, port):
        with bench.start(1, 'rtmp-publishers', port=port, **dict(load, **video)) as publisher:
            publisher.line(20)
            yield process, port

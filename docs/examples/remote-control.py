#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches a picture of remote-control.cpp and controls it over the same RTMP connection.

  remote-control.py HOST PORT TOKEN [COLOUR]... [--file FILE] [--frames N]

Each COLOUR is painted when the one before it has been seen: the stream is decoded, and the program
fails when the picture does not become what the server said. It ends when N frames were seen; FILE
(Matroska) gets what was watched. Needs nothing but Python and gst-launch-1.0.
"""
import argparse
import os
import socket
import struct
import subprocess
import sys
import threading
import time

SET_CHUNK_SIZE, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE = 1, 3, 4, 5
AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20
PING, PONG = 6, 7
DEADLINE = 30  # s, for whatever is waited for
COLOURS = {'red': (255, 0, 0), 'green': (0, 255, 0), 'blue': (0, 0, 255), 'white': (255, 255, 255),
           'black': (0, 0, 0)}


# --- AMF0: what commands are written in

def encode(value):
    if value is None:
        return b'\x05'
    if isinstance(value, bool):
        return b'\x01' + bytes([value])
    if isinstance(value, (int, float)):
        return b'\x00' + struct.pack('>d', value)
    if isinstance(value, str):
        return b'\x02' + struct.pack('>H', len(value.encode())) + value.encode()
    members = b''.join(encode(k)[1:] + encode(v) for k, v in value.items())
    return b'\x03' + members + b'\x00\x00\x09'


def decode(data, at):
    """The value at a position, and the position behind it."""
    kind, at = data[at], at + 1
    if kind == 0:
        return struct.unpack_from('>d', data, at)[0], at + 8
    if kind == 1:
        return data[at] != 0, at + 1
    if kind == 2:
        end = at + 2 + struct.unpack_from('>H', data, at)[0]
        return data[at + 2:end].decode(), end
    if kind in (3, 8):  # object, ECMA array
        at += 4 if kind == 8 else 0
        members = {}
        while data[at:at + 3] != b'\x00\x00\x09':
            end = at + 2 + struct.unpack_from('>H', data, at)[0]
            name = data[at + 2:end].decode()
            members[name], at = decode(data, end)
        return members, at + 3
    if kind in (5, 6):  # null, undefined
        return None, at
    raise ValueError(f'AMF0 type {kind}')


# --- RTMP: handshake and chunks

class Incoming:
    """What is remembered of a chunk stream: headers leave out what is as before."""
    time = delta = length = kind = 0
    extended = False
    payload = b''


class Connection:
    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), DEADLINE)
        self.input = self.socket.makefile('rb')
        self.chunk_size, self.window, self.received, self.acknowledged = 128, 0, 0, 0
        self.streams = {}
        hello = struct.pack('>II', 0, 0) + os.urandom(1528)
        self.socket.sendall(b'\x03' + hello)
        answer = self.read(1 + 2 * 1536)  # S0, S1, S2
        self.socket.sendall(answer[1:1537])

    def read(self, size):
        data = self.input.read(size)
        if len(data) < size:
            raise EOFError('the server has closed the connection')
        self.received += size
        return data

    def send(self, kind, payload, stream=0):
        header = struct.pack('>I', len(payload))[1:] + bytes([kind]) + struct.pack('<I', stream)
        data = b'\x03\x00\x00\x00' + header
        for at in range(0, len(payload), 128):  # the size that holds until another one is told
            data += (b'\xc3' if at else b'') + payload[at:at + 128]
        self.socket.sendall(data)

    def chunk_header(self):
        first = self.read(1)[0]
        fmt, number = first >> 6, first & 63
        if number < 2:
            number = 64 + int.from_bytes(self.read(1 + number), 'little')
        s = self.streams.setdefault(number, Incoming())
        if fmt < 3:
            time_field = int.from_bytes(self.read(3), 'big')
            s.extended = time_field == 0xffffff
            if fmt < 2:
                s.length, s.kind = int.from_bytes(self.read(3), 'big'), self.read(1)[0]
            if fmt == 0:
                self.read(4)  # the message stream: we have only one
        if s.extended:
            time_field = int.from_bytes(self.read(4), 'big')
        if fmt == 0:
            s.time, s.delta = time_field, 0
        elif fmt < 3:
            s.delta = time_field
        if fmt > 0 and not s.payload:  # else a message goes on
            s.time = (s.time + s.delta) & 0xffffffff
        return s

    def message(self):
        """The next one as (type, time, payload), when the connection itself was served."""
        while True:
            s = self.chunk_header()
            s.payload += self.read(min(self.chunk_size, s.length - len(s.payload)))
            if len(s.payload) < s.length:
                continue
            payload, s.payload = s.payload, b''
            if s.kind == SET_CHUNK_SIZE:
                self.chunk_size = int.from_bytes(payload, 'big')
            elif s.kind == WINDOW_SIZE:
                self.window = int.from_bytes(payload, 'big')
            elif s.kind == USER_CONTROL and payload[:2] == struct.pack('>H', PING):
                self.send(USER_CONTROL, struct.pack('>H', PONG) + payload[2:])
            if self.window and self.received - self.acknowledged >= self.window // 2:
                self.acknowledged = self.received
                self.send(ACKNOWLEDGEMENT, struct.pack('>I', self.received & 0xffffffff))
            return s.kind, s.time, payload


# --- the picture: FLV into a decoder, one pixel of each frame out of it

class Picture(threading.Thread):
    def __init__(self, file):
        super().__init__(daemon=True)
        self.colour, self.frames = None, 0
        line = 'fdsrc fd=0 ! flvdemux ! h264parse ! tee name=t '
        line += 't. ! queue ! avdec_h264 ! videoconvert ! videoscale ! '
        line += 'video/x-raw,format=RGBx,width=1,height=1 ! fdsink fd=1 sync=false'
        if file:
            line += f' t. ! queue ! matroskamux ! filesink location={file}'
        self.decoder = subprocess.Popen(['gst-launch-1.0', '-q', *line.split()],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.decoder.stdin.write(b'FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00')
        self.start()

    def run(self):
        while len(pixel := self.decoder.stdout.read(4)) == 4:
            def distance(name):
                return sum(abs(a - b) for a, b in zip(COLOURS[name], pixel))
            self.colour = min(COLOURS, key=distance)
            self.frames += 1

    def tag(self, kind, time_ms, body):
        header = bytes([kind]) + struct.pack('>I', len(body))[1:]
        header += struct.pack('>I', time_ms)[1:] + bytes([time_ms >> 24]) + bytes(3)
        self.decoder.stdin.write(header + body + struct.pack('>I', 11 + len(body)))
        self.decoder.stdin.flush()

    def close(self):
        self.decoder.stdin.close()
        return self.decoder.wait(DEADLINE)


# --- the viewer

class Viewer:
    def __init__(self, connection, picture):
        self.connection, self.picture = connection, picture
        self.results = {}  # by transaction

    def command(self, stream, *values):
        self.connection.send(COMMAND, b''.join(map(encode, values)), stream)

    def wait(self, holds, what):
        end = time.monotonic() + DEADLINE
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(what)
            kind, when, payload = self.connection.message()
            if kind in (AUDIO, VIDEO):
                self.picture.tag(kind, when, payload)
            elif kind == COMMAND:
                self.on_command(payload)

    def on_command(self, payload):
        values, at = [], 0
        while at < len(payload):
            value, at = decode(payload, at)
            values.append(value)
        name, transaction, _, *rest = values
        if name in ('_result', '_error'):
            self.results[transaction] = (name == '_result', rest)
        elif name == 'onStatus':
            print(rest[0]['code'])
        else:
            print('the server calls', name, *rest)  # painted

    def call(self, transaction, name, *arguments):
        """A procedure of the server's; with media coming in meanwhile."""
        self.command(0, name, transaction, *arguments)
        self.wait(lambda: transaction in self.results, f'no answer to {name}')
        good, values = self.results.pop(transaction)
        if not good:
            sys.exit(f'{name} failed: {values}')
        return values[0] if values else None


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument('host')
    words.add_argument('port', type=int)
    words.add_argument('token')
    words.add_argument('colours', nargs='*', metavar='COLOUR')
    words.add_argument('--file')
    words.add_argument('--frames', type=int, default=0)
    args = words.parse_args()

    picture = Picture(args.file)
    viewer = Viewer(Connection(args.host, args.port), picture)
    application = f'studio?token={args.token}'
    viewer.call(1, 'connect', {'app': application,
                               'tcUrl': f'rtmp://{args.host}:{args.port}/{application}'})
    stream = int(viewer.call(2, 'createStream', None))
    viewer.command(stream, 'play', 3, None, 'picture')
    viewer.wait(lambda: picture.colour, 'no picture')
    print('the picture is', picture.colour)
    for transaction, colour in enumerate(args.colours, 4):
        answer = viewer.call(transaction, 'paint', None, colour)
        print('paint: was', answer['was'], 'now', answer['now'])
        viewer.wait(lambda: picture.colour == colour, f'the picture did not become {colour}')
        print('the picture is', picture.colour)
    viewer.wait(lambda: picture.frames >= args.frames, f'only {picture.frames} frames')
    print(picture.frames, 'frames seen')
    return picture.close()


if __name__ == '__main__':
    sys.exit(main())

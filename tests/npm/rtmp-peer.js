// SPDX-License-Identifier: LGPL-2.1-or-later
// FFmpeg 8 as a publisher or a player of RTMP, with codecs and tracks that Debian's 5.1 does not know.
//
//   rtmp-peer.js version
//   rtmp-peer.js publish URL OUT FILE...   the streams of all files, as they are, as fast as they play
//   rtmp-peer.js publish-hdr URL OUT FILE  as HDR10, whatever the file is
//   rtmp-peer.js publish-5.1 URL OUT FILE  as six speakers, two of them at the sides
//   rtmp-peer.js play URL OUT PACKETS      until so many packets have come of each stream, or the end
//
// OUT gets what was sent or played: a line `stream NUMBER video|audio CODEC COLOURS SPEAKERS` for
// each stream, where COLOURS are PRIMARIES/TRANSFER/MATRIX/LIGHT-LEVEL/MASTERING, `packet NUMBER SIZE key|delta TIME_MS` and so many bytes for each packet.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const av = require(path.join(process.env.REACH_NPM_DIR ?? __dirname,
  'node_modules/@seydx/node-av-linux-x64/node-av.node'));
const kinds = ['video', 'audio'];
const codecs = 'hvc1,av01,vp09,Opus,fLaC,ac-3,ec-3'; // told as it connects to play
const hdr10 = { primaries: 9, transfer: 16, matrix: 9 };
const lightLevel = 22, mastering = 20; // AV_PKT_DATA_…
const unknown = -(2n ** 63n); // a time that is not set

function check(result, what) {
  if (typeof result === 'number' && result < 0)
    throw new Error(`${what}: ${result}`);
  return result;
}

function openInput(url, more = {}) {
  const input = new av.FormatContext();
  const options = new av.Dictionary();
  options.alloc();
  for (const [name, value] of Object.entries(more))
    check(options.set(name, value, 0), name);
  input.allocContext();
  check(input.openInputSync(url, null, options), url);
  return input;
}

class Record {
  constructor(file) {
    this.fd = fs.openSync(file, 'w');
  }
  line(...words) {
    fs.writeSync(this.fd, words.join(' ') + '\n');
  }
  stream(number, p) {
    this.line('stream', number, kinds[p.codecType], av.avGetCodecName(p.codecId), colours(p),
      p.channelLayout?.mask ?? 0);
  }
  packet(number, packet, time) {
    this.line('packet', number, packet.size, packet.isKeyframe ? 'key' : 'delta', time);
    fs.writeSync(this.fd, packet.data ?? Buffer.alloc(0));
  }
}

function sleep(time) {
  if (time > 0)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
}

const milliseconds = (time, base) => Math.round(Number(time) * 1000 * base.num / base.den);

// Side data is as FFmpeg has it in memory: numbers, and fractions of two.
function colours(p) {
  const numbers = (type) => {
    const data = p.getCodedSideData(type);
    return Array.from({ length: (data?.length ?? 0) / 4 }, (_, i) => data.readInt32LE(4 * i));
  };
  const fractions = (list) =>
    list.flatMap((value, i) => (i % 2 ? [(list[i - 1] / value).toFixed(4)] : []));
  return [p.colorPrimaries, p.colorTrc, p.colorSpace, numbers(lightLevel),
    fractions(numbers(mastering).slice(0, 20))].join('/');
}

function setHdr(p) {
  const numbers = (list) => Buffer.from(Int32Array.from(list).buffer);
  const fractions = (list, unit) => list.flatMap((value) => [value, unit]);
  p.colorPrimaries = hdr10.primaries;
  p.colorTrc = hdr10.transfer;
  p.colorSpace = hdr10.matrix;
  check(p.addCodedSideData(lightLevel, numbers([1000, 400])), 'light level');
  const points = [35400, 14600, 8500, 39850, 6550, 2300, 15635, 16450];
  check(p.addCodedSideData(mastering, numbers([...fractions(points, 50000),
    ...fractions([50, 10000000], 10000), 1, 1])), 'mastering');
}

// The next packet of each file, the earliest first.
class Inputs {
  constructor(files) {
    this.next = files.map((file) => {
      const context = openInput(file);
      check(context.findStreamInfoSync(null), file);
      const packet = new av.Packet();
      packet.alloc();
      return { context, packet, out: [], time: 0 };
    });
  }
  read(input) {
    const { packet } = input;
    if (input.context.readFrameSync(packet) < 0) {
      this.next.splice(this.next.indexOf(input), 1);
      return;
    }
    if (packet.dts === unknown)
      packet.dts = packet.pts; // Matroska has no others
    input.time = milliseconds(packet.dts, this.base(input));
  }
  base(input) {
    return input.context.streams[input.packet.streamIndex].timeBase;
  }
  earliest() {
    return this.next.reduce((a, b) => (b.time < a.time ? b : a));
  }
}

function setSpeakers(p) {
  p.channelLayout = { order: 1, nbChannels: 6, mask: 0x60fn };
}

const changes = { publish() {}, 'publish-hdr': setHdr, 'publish-5.1': setSpeakers };

function publish(url, out, files, change) {
  const record = new Record(out);
  const inputs = new Inputs(files);
  const output = new av.FormatContext();
  check(output.allocOutputContext2(null, 'flv', url), 'flv');
  for (const input of inputs.next)
    for (const stream of input.context.streams) {
      const to = output.newStream(null);
      check(stream.codecpar.copy(to.codecpar), 'copy');
      to.codecpar.codecTag = 0;
      change(to.codecpar);
      to.avgFrameRate = stream.avgFrameRate;
      to.timeBase = stream.timeBase;
      input.out.push(to);
      record.stream(to.index, to.codecpar);
    }
  check(output.openOutputSync(), url);
  check(output.writeHeaderSync(null), 'header');
  const begin = Date.now();
  for (const input of [...inputs.next])
    inputs.read(input);
  while (inputs.next.length > 0) {
    const input = inputs.earliest();
    const to = input.out[input.packet.streamIndex];
    sleep(begin + input.time - Date.now());
    input.packet.rescaleTs(inputs.base(input), to.timeBase);
    input.packet.streamIndex = to.index;
    record.packet(to.index, input.packet, milliseconds(input.packet.pts, to.timeBase));
    check(output.writeFrameSync(input.packet), 'frame');
    inputs.read(input);
  }
  check(output.writeTrailerSync(), 'trailer');
  output.closeOutputSync();
}

// Streams are known when their first packets come, so they are listed at the end too.
function play(url, out, wanted) {
  const record = new Record(out);
  const input = openInput(url, { rtmp_enhanced_codecs: codecs });
  const packet = new av.Packet();
  packet.alloc();
  const counts = [];
  while (input.readFrameSync(packet) >= 0) {
    const { streamIndex: n, size } = packet;
    if (size > 0 && kinds[input.streams[n].codecpar.codecType]) {
      counts[n] = (counts[n] ?? 0) + 1;
      record.packet(n, packet, milliseconds(packet.pts, input.streams[n].timeBase));
    }
    packet.unref();
    if (counts.length >= wanted.length && wanted.every((count, i) => (counts[i] ?? 0) >= count))
      break;
  }
  for (const stream of input.streams)
    if (counts[stream.index]) // metadata in the middle make one too
      record.stream(stream.index, stream.codecpar);
  input.closeInputSync();
}

const [command, url, out, ...rest] = process.argv.slice(2);
if (command === 'version')
  console.log(av.getFFmpegInfo().version);
else if (command in changes)
  publish(url, out, rest, changes[command]);
else if (command === 'play')
  play(url, out, rest.map(Number));
else
  throw new Error(`unknown command ${command}`);

// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of rtcpeer call in the page. Each function that waits says at its end what it saw instead.
import { Pair } from '../../../pipelines/browser-viewer/page/pair.js';

const longEnough = 20000, period = 50; // ms

async function until(holds, what, limit = longEnough) {
  for (const end = performance.now() + limit;;) {
    const value = await holds();
    if (value)
      return value;
    if (performance.now() > end)
      throw new Error(`not within ${limit} ms: ${what}; ${await describe()}`);
    await new Promise((then) => setTimeout(then, period));
  }
}

const pc = () => window.pair?.pc;

async function stats(type, more = () => true) {
  return [...(await pc()?.getStats() ?? new Map()).values()].filter((s) => s.type === type && more(s));
}

async function describe() {
  const p = pc();
  if (!p)
    return `no peer connection, WebSocket ${window.pair?.ws.readyState}`;
  const rtp = [...await stats('inbound-rtp'), ...await stats('outbound-rtp')].map((s) =>
    `${s.type} ${s.kind} ${s.mid}: ${s.packetsReceived ?? s.packetsSent} packets, ${s.framesDecoded ??
      s.framesEncoded} frames, lost ${s.packetsLost}, PLI ${s.pliCount}`);
  return `${p.connectionState}, ICE ${p.iceConnectionState}, ${p.signalingState}\n${rtp.join('\n')}\n` +
    `${p.localDescription?.sdp}\n${p.remoteDescription?.sdp}`;
}

// A connection by this channel; `begin` (pc) as Pair has it.
function connect(channel, begin = () => {}, config = {}) {
  window.pair?.close();
  window.tracks = []; // what has come, with its element that plays it
  window.pair = new Pair(`ws://${location.host}/${channel}`, { config,
    begin(p) {
      p.ontrack = ({ track, streams, transceiver }) => {
        const player = document.createElement(track.kind);
        Object.assign(player, { srcObject: new MediaStream([track]), autoplay: true });
        document.body.append(player);
        window.tracks.push({ track, streams, transceiver, player });
      };
      return begin(p);
    } });
  return '';
}

const connected = () => until(() => pc()?.connectionState === 'connected', 'connected');

async function devices(...kinds) { // camera and microphone that Chromium itself makes
  const s = await navigator.mediaDevices.getUserMedia({ audio: kinds.includes('audio'),
    video: kinds.includes('video') && { width: 320, height: 240, frameRate: 15 } });
  return s.getTracks();
}

async function give(p, ...kinds) {
  const stream = new MediaStream();
  for (const t of await devices(...kinds)) {
    stream.addTrack(t);
    p.addTrack(t, stream);
  }
}

// Of this kind only codecs of these names, with commas between, in that order; and, unless `bare`, what
// belongs to them.
function prefer(p, kind, names, bare = false) {
  for (const t of p.getTransceivers().filter((x) => x.receiver.track.kind === kind)) {
    const all = RTCRtpReceiver.getCapabilities(kind).codecs;
    t.setCodecPreferences([...names.split(',').flatMap((n) => all.filter((c) => c.mimeType.endsWith(`/${n}`))),
      ...all.filter((c) => !bare && /\/rtx|^video\/red|\/ulpfec/.test(c.mimeType))]);
  }
}

const codecOf = async (s) => (await stats('codec', (c) => c.id === s.codecId))[0]?.mimeType.split('/')[1];

// Video of this codec and size is decoded and goes on.
async function sees(codec, width, height, mid) {
  const one = async () => (await stats('inbound-rtp', (s) => s.kind === 'video' &&
    (mid === undefined || s.mid === mid) && s.framesDecoded > 0 && s.frameWidth === width))[0];
  const from = (await until(one, `${codec} ${width}x${height}`)).framesDecoded;
  const last = await until(async () => {
    const s = await one();
    return s?.framesDecoded >= from + 10 && s.frameHeight === height && s;
  }, 'ten frames more');
  if (codec && await codecOf(last) !== codec)
    throw new Error(`${await codecOf(last)}, not ${codec}`);
  return `${await codecOf(last)} ${last.frameWidth}x${last.frameHeight} ${last.framesDecoded} frames`;
}

// Sound is decoded, and is no silence.
async function hears(codec) {
  const one = async () => (await stats('inbound-rtp', (s) => s.kind === 'audio' && s.audioLevel > 0.001))[0];
  const from = (await until(one, 'a sound')).totalSamplesReceived;
  const last = await until(async () => {
    const s = await one();
    return s?.totalSamplesReceived > from + 9600 && s;
  }, 'more of it');
  if (codec && await codecOf(last) !== codec)
    throw new Error(`${await codecOf(last)}, not ${codec}`);
  return `${await codecOf(last)} level ${last.audioLevel.toFixed(3)}`;
}

// The next offers of both sides cross: what is sent here is held back until the other side's offer is there.
// With an offer of our own to be made by `make`; resolved when it is made.
async function glare(make) {
  const { pair } = window;
  const held = [];
  pair.send = (...message) => held.push(message);
  pair.take = async (message) => {
    if (message.type === 'description' && message.data.type === 'offer') {
      delete pair.take;
      delete pair.send;
      held.forEach((m) => pair.send(...m));
      window.crossed = pc().signalingState;
    }
    await Pair.prototype.take.call(pair, message);
  };
  await make(pc());
  await until(() => held.some(([type, data]) => type === 'description' && data.type === 'offer'), 'an offer');
  return pair.polite ? 'polite' : 'impolite';
}

const bytes = (size) => Uint8Array.from({ length: size }, (_, i) => i * 7 + size);
const messages = {
  all: ['Gr\u00fc\u00dfe \u2603', '', bytes(0), bytes(255), bytes(262144), 'x'.repeat(65536), 'last'],
  small: ['Gr\u00fc\u00dfe', '', bytes(0), bytes(255), 'last'],
};

// The other side sends back what it gets: all of it comes, as it was, and in order if it has to.
async function echoes(channel, which) {
  const came = [], text = (m) => (typeof m === 'string' ? `text ${m}` : `bytes ${new Uint8Array(m)}`);
  channel.binaryType = 'arraybuffer';
  channel.onmessage = ({ data }) => came.push(text(data));
  await until(() => channel.readyState === 'open', 'open');
  const sent = messages[which];
  sent.forEach((m) => channel.send(m));
  await until(() => came.length >= sent.length, `${sent.length} messages, not ${came.length}`);
  const order = (list) => (channel.ordered ? list : list.sort());
  order(sent.map(text)).forEach((m, i) => {
    if (order(came)[i] !== m)
      throw new Error(`message ${i}: ${came[i].slice(0, 100)} (${came[i].length}), not ${m.slice(0, 100)}`);
  });
  const { label, protocol, ordered, maxRetransmits, maxPacketLifeTime } = channel;
  return JSON.stringify([label, protocol, ordered, maxRetransmits, maxPacketLifeTime]);
}

const usernames = () => [pc().localDescription, pc().remoteDescription]
  .map((d) => /a=ice-ufrag:(.*)/.exec(d?.sdp)?.[1]).join(' ');

Object.assign(window, { until, pc, stats, describe, connect, connected, devices, give, prefer, codecOf, sees,
  hears, glare, echoes, usernames });

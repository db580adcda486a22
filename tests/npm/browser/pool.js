// SPDX-License-Identifier: LGPL-2.1-or-later
// A member of a pool by the npm package rtcpool, unmodified, and what tests call in its page.
import './peer.js';
import { require } from './require.js';

const { Pool, signalling, media } = require('rtcpool');
const { io } = require('socket.io-client/dist/socket.io.js');
const { devices, prefer, until } = window;

// A WebSocket by which the first offers of each two members cross: ours waits here until the other's has come, and
// the other's until ours is made; what belongs to them waits behind them.
class CrossingSocket extends EventTarget {
  constructor(url) {
    super();
    this.pairs = new Map(); // by member: { out, in } as long as they wait, and whether there is an offer in each
    this.socket = new WebSocket(url);
    this.socket.addEventListener('open', () => this.dispatchEvent(new Event('open')));
    this.socket.addEventListener('message', ({ data }) => this.came(data));
  }

  get readyState() {
    return this.socket.readyState;
  }

  close() {
    this.socket.close();
  }

  dispatch(data) {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  // True: it waits. The offer itself is the first that does.
  waits(id, way, { type, data }, text) {
    if (id === undefined || (type !== 'rtc:sdp' && type !== 'rtc:candidate'))
      return false;
    const pair = this.pairs.get(id) ?? { out: [], in: [] };
    this.pairs.set(id, pair);
    if (pair.crossed || (!pair[way].length && data.description?.type !== 'offer'))
      return false;
    pair[way].push(text);
    if (pair.out.length && pair.in.length)
      this.cross(id, pair);
    return true;
  }

  cross(id, pair) {
    pair.crossed = true;
    window.crossed[id] = rawOf(id).signalingState;
    pair.out.forEach((text) => this.socket.send(text));
    pair.in.forEach((text) => this.dispatch(text));
  }

  send(text) {
    const m = JSON.parse(text);
    if (!this.waits(m.data.to ?? m.data.for, 'out', m, text))
      this.socket.send(text);
  }

  came(text) {
    const m = JSON.parse(text);
    if (!this.waits(m.data.peer ?? m.data.from, 'in', m, text))
      this.dispatch(text);
  }
}

const ways = {
  'raw': () => new signalling.websocket(new WebSocket(`ws://${location.host}/`)),
  'crossing': () => new signalling.websocket(new CrossingSocket(`ws://${location.host}/`)),
  'socket-io': () => new signalling.socket.io(io({ forceNew: true })),
};

// One event of this type has come, also before; what of it tests look at. Each counts once.
async function event(type) {
  const at = () => window.events.findIndex((e) => e.type === type);
  await until(() => at() >= 0, `${type}, but ${JSON.stringify(window.events)}`);
  return window.events.splice(at(), 1)[0];
}

function listen(pool) {
  const note = (type, text) => window.events.push(text === undefined ? { type } : { type, text });
  pool.events.addEventListener('join', () => note('join'));
  pool.events.addEventListener('peer', (e) => note('peer', e.detail.connection.id));
  pool.events.addEventListener('describe', (e) => note('describe', e.detail.description));
  pool.events.addEventListener('close', (e) => note('close', e.detail?.id));
  pool.events.addEventListener('stop', () => note('stop'));
  pool.events.addEventListener('datachannel', (e) => window.channels.push(e.channel));
  pool.events.addEventListener('track', (e) => {
    const player = document.createElement(e.track.kind);
    Object.assign(player, { srcObject: new MediaStream([e.track]), autoplay: true });
    document.body.append(player);
    window.tracks.push({ track: e.track, streams: e.streams, peer: e.connection });
    for (const type of ['mute', 'unmute'])
      e.track.addEventListener(type, () => note(`${type} ${e.track.kind}`));
  });
}

// To all members, also later ones: what the devices of these kinds give, video as `codec`.
async function show(codec, ...kinds) {
  const { pool } = window, stream = new MediaStream(await devices(...kinds));
  window.stream = new media.ManagedStream(stream, pool);
  const only = () => pool._raw_connections.forEach((pc) => prefer(pc, 'video', codec));
  only();
  pool.events.addEventListener('peer', only);
}

// In this way, showing what `show` has.
async function join(name, way, codec, ...kinds) {
  Object.assign(window, { events: [], tracks: [], channels: [], crossed: {} });
  const pool = window.pool = new Pool({}, ways[way]());
  listen(pool);
  if (kinds.length)
    await show(codec, ...kinds);
  pool.join(name);
  await event('join');
  return pool.id;
}

const rawOf = (id) => window.pool._raw_connections[window.pool.connections.findIndex((c) => c.id === id)];

// What functions of peer.js look at: the connection to this member.
async function look(id) {
  await until(() => window.pool.getConnection(id), `member ${id}`);
  window.pair = { pc: rawOf(id), ws: {} };
  return '';
}

// From now on each change of the connections to these members is in window.changes.
function watch(...ids) {
  window.changes = [];
  for (const id of ids)
    for (const type of ['connectionstatechange', 'iceconnectionstatechange', 'signalingstatechange', 'negotiationneeded',
      'track'])
      rawOf(id).addEventListener(type, () => window.changes.push(`${type} of ${id}`));
  return '';
}

Object.assign(window, { event, join, look, show, watch });

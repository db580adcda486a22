// SPDX-License-Identifier: LGPL-2.1-or-later
// Members of pools by software that others wrote, unmodified: socket.io-client, and RTCPool's client
// with a peer connection that only keeps the order of offer and answer.
//
//   pool-peer.js socket-io URL OPTIONS     OPTIONS of io() as JSON, for both members
//   pool-peer.js refused URL OPTIONS       the connection is refused; prints why
//   pool-peer.js rtcpool URL raw|socket-io
//
// The server's application answers two messages: close-pool, and describe with the description of whoever sends it.
'use strict';
const assert = require('node:assert');
const path = require('node:path');

const modules = path.join(process.env.REACH_NPM_DIR ?? __dirname, 'node_modules');
const { io } = require(path.join(modules, 'socket.io-client'));
const WebSocket = require(path.join(modules, 'ws'));

setTimeout(() => { console.error('too late: ' + step); process.exit(3); }, 15000).unref();
let step = 'start';

// What comes, one after the other.
class Inbox {
  constructor() { this.items = []; this.waiting = null; }
  put(item) {
    this.items.push(item);
    this.waiting?.();
  }
  async next(what) {
    step = what;
    while (this.items.length === 0)
      await new Promise(resolve => { this.waiting = resolve; });
    return this.items.shift();
  }
}

class Member {
  constructor(url, options) {
    this.socket = io(url, { forceNew: true, reconnection: false, ...options });
    this.inbox = new Inbox();
    this.ended = new Promise(resolve => this.socket.on('disconnect', resolve));
    this.upgraded = new Promise(resolve => this.socket.io.engine.on('upgrade', resolve));
    this.socket.on('connect_error', e => { console.error(e); process.exit(2); });
    // A server of both versions says some things twice.
    this.socket.onAny((type, data) => {
      if (!['rtc:request_offers', 'rtc:offer', 'rtc:answer'].includes(type))
        this.inbox.put({ type, data });
    });
  }
  async get(type) {
    const m = await this.inbox.next(type);
    assert.strictEqual(m.type, type, JSON.stringify(m));
    return m.data;
  }
  async join(pool) {
    this.socket.emit('rtc:join', { pool });
    const data = await this.get('rtc:joined');
    this.id = data.client_id;
    return data;
  }
  count(to, from, n) {
    for (let i = from; i < from + n; i++)
      this.socket.emit('rtc:candidate', { for: to, candidate: { candidate: `candidate:${i}`, sdpMLineIndex: i } });
  }
  async counted(from, n) {
    for (let i = from; i < from + n; i++)
      assert.strictEqual((await this.get('rtc:candidate')).candidate.sdpMLineIndex, i);
  }
}

async function socketIo(url, options) {
  const a = new Member(url, options), b = new Member(url, options);
  const first = await a.join('garden'), second = await b.join('garden');
  assert.deepStrictEqual(first.peers, []);
  assert.deepStrictEqual(second.peers, [a.id]);
  assert.strictEqual((await a.get('rtc:peer')).id, b.id);
  // Messages go on while the transport changes, none is lost, and their order is kept.
  a.count(b.id, 0, 20);
  b.count(a.id, 0, 20);
  if (!options.transports)
    await Promise.all([a.upgraded, b.upgraded]);
  a.count(b.id, 20, 20);
  b.count(a.id, 20, 20);
  await a.counted(0, 40);
  await b.counted(0, 40);
  const sdp = 'v=0\r\n' + 'ü"\\ €𝄞\u0001'.repeat(10000);
  a.socket.emit('rtc:sdp', { to: b.id, description: { type: 'offer', sdp } });
  assert.deepStrictEqual(await b.get('rtc:sdp'), { peer: a.id, description: { type: 'offer', sdp } });
  a.socket.emit('rtc:candidate', { for: b.id, candidate: null });
  assert.deepStrictEqual(await b.get('rtc:candidate'), { candidate: null, from: a.id });
  b.socket.emit('describe', { name: 'Bo' });
  assert.deepStrictEqual(await a.get('rtc:describe'), { id: b.id, uid: b.id, description: { name: 'Bo' } });
  b.socket.emit('rtc:describe', { id: b.id, description: {} });
  assert.strictEqual((await b.get('rtc:error')).reason, 'not-allowed');
  b.socket.close();
  assert.strictEqual((await a.get('rtc:close')).id, b.id);
  a.socket.emit('close-pool', {});
  assert.deepStrictEqual(await a.get('rtc:stop'), {});
  step = 'end';
  assert.strictEqual(await a.ended, 'io server disconnect');
}

async function refused(url, options) {
  const socket = io(url, { forceNew: true, reconnection: false, ...options });
  const e = await new Promise((resolve, reject) => {
    socket.on('connect_error', resolve);
    socket.on('connect', () => reject(new Error('it was let in')));
  });
  console.log(e.message);
  socket.close();
}

// As much of a browser's as RTCPool's client looks at.
class PeerConnection extends EventTarget {
  constructor() { super(); this.signalingState = 'stable'; this.got = []; }
  negotiate() { this.dispatchEvent(new Event('negotiationneeded')); }
  async setLocalDescription() {
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    this.localDescription = { type, sdp: `v=0 ${type}` };
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
    const candidate = Object.assign(new Event('icecandidate'), { candidate: null });
    setImmediate(() => this.dispatchEvent(candidate));
  }
  async setRemoteDescription(d) {
    this.got.push(d.type);
    this.signalingState = d.type === 'offer' ? 'have-remote-offer' : 'stable';
  }
  async addIceCandidate(c) { this.got.push(c); }
  restartIce() {}
  close() { this.closed = true; }
}

async function rtcpool(url, way) {
  globalThis.RTCPeerConnection = PeerConnection;
  const { Pool, signalling } = require(path.join(modules, 'rtcpool'));
  const member = () => {
    const socket = way === 'raw' ? new WebSocket(url) : io(url, { forceNew: true });
    const pool = new Pool({}, way === 'raw' ? new signalling.websocket(socket) : new signalling.socket.io(socket));
    const events = new Inbox();
    for (const type of ['join', 'peer', 'describe', 'close', 'stop'])
      pool.events.addEventListener(type, e => events.put({ type, detail: e.detail }));
    return { socket, pool, events,
      say: (type, data) => way === 'raw' ? socket.send(JSON.stringify({ type, data })) : socket.emit(type, data),
      get: async type => {
        const e = await events.next(type);
        assert.strictEqual(e.type, type);
        return e.detail;
      } };
  };
  const a = member();
  a.pool.join('garden'); // kept until the socket is open
  await a.get('join');
  a.say('describe', { role: 'gate-cam' });
  const b = member(), opened = new Promise(resolve => b.socket.on(way === 'raw' ? 'open' : 'connect', resolve));
  await opened;
  b.pool.join('garden');
  const seen = (await b.get('peer')).connection;
  await b.get('join');
  assert.strictEqual(seen.id, a.pool.id);
  assert.deepStrictEqual(seen.description, { role: 'gate-cam' });
  assert.strictEqual((await a.get('peer')).connection.id, b.pool.id);
  const rawA = a.pool._raw_connections[0], rawB = b.pool._raw_connections[0];
  const until = async (what, holds) => {
    step = what;
    while (!holds())
      await new Promise(setImmediate);
  };
  rawA.negotiate();
  await until('answer', () => rawA.got.includes('answer') && rawA.got.includes(null) && rawB.got.includes(null));
  assert.strictEqual(rawB.got[0], 'offer');
  rawB.negotiate();
  await until('second answer', () => rawB.got.includes('answer'));
  b.say('describe', { name: 'Bo' });
  assert.deepStrictEqual((await a.get('describe')).description, { name: 'Bo' });
  assert.strictEqual(a.pool.nconnections, 1);
  b.pool.close();
  assert.strictEqual((await a.get('close')).id, b.pool.id);
  assert.strictEqual(a.pool.nconnections, 0);
  a.say('close-pool', {});
  await a.get('stop');
}

const [what, url, more] = process.argv.slice(2);
const run = { 'socket-io': () => socketIo(url, JSON.parse(more)), refused: () => refused(url, JSON.parse(more)),
  rtcpool: () => rtcpool(url, more) }[what];
run().then(() => process.exit(0), e => { console.error(step, e); process.exit(1); });

// SPDX-License-Identifier: LGPL-2.1-or-later
// A member of a pool in a browser: pools as docs/protocol-signalling.md has them, version 2, and perfect negotiation
// (https://www.w3.org/TR/webrtc/#perfect-negotiation-example) with each other member.
//
//   new Room(uri, pool, name, { config, changed, gone, status })
//
// changed(member) when there is one, or something of it is other: name, stream, state; gone(member);
// status(text) with what people may want to know.

const pauses = [500, 1000, 2000, 5000]; // ms until the next attempt
const final = [1002, 1008]; // codes of the WebSocket after which there is none
// Who joins lets the others begin: two first offers that cross leave Chromium without candidates.
const firstWord = 300; // ms

class Member {
  constructor(room, id, polite, description) {
    Object.assign(this, { room, id, polite, description, stream: new MediaStream() });
    this.from = performance.now() + (polite ? firstWord : 0);
    const pc = this.pc = new RTCPeerConnection(room.config);
    pc.onicecandidate = ({ candidate }) => this.send('rtc:candidate', { for: id, candidate });
    pc.onnegotiationneeded = () => this.offer();
    pc.ontrack = ({ track }) => this.take(track);
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === 'failed')
        pc.restartIce();
      this.tell();
    };
    pc.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => {
        if (channel.label === 'name')
          this.called = String(data).slice(0, 40);
        this.tell();
      };
    };
    const channel = pc.createDataChannel('name');
    channel.onopen = () => channel.send(room.name);
    room.tracks.forEach((track) => this.share(track));
  }

  // What the server says of it goes before what it says itself.
  get name() { return this.description?.name ?? this.called ?? `Member ${this.id.slice(0, 4)}`; }
  get state() {
    return { connected: '', failed: 'lost, trying again', disconnected: 'bad connection' }[
      this.pc.connectionState] ?? 'connecting';
  }

  tell() {
    if (this.room.members.get(this.id) === this) // tracks are muted after the end, too
      this.room.changed(this);
  }

  take(track) {
    this.stream.getTracks().filter((t) => t.kind === track.kind).forEach((t) => this.stream.removeTrack(t));
    this.stream.addTrack(track);
    track.onmute = track.onunmute = track.onended = () => this.tell();
    this.tell();
  }

  share(track) { this.pc.addTrack(track, this.room.stream); }
  unshare(track) {
    this.pc.getSenders().filter((s) => s.track === track).forEach((s) => this.pc.removeTrack(s));
  }

  send(type, data) { this.room.send(type, data); }

  async offer() {
    const wait = this.from - performance.now();
    if (wait > 0) {
      this.timer ??= setTimeout(() => this.offer(), wait);
      return;
    }
    if (this.pc.signalingState !== 'stable')
      return; // it is needed again when it is
    this.making = true;
    await this.pc.setLocalDescription().catch((e) => console.error(e));
    this.making = false;
    if (this.pc.signalingState === 'have-local-offer')
      this.send('rtc:sdp', { to: this.id, description: this.pc.localDescription });
  }

  async describe(description) {
    const { pc } = this;
    const collision = description.type === 'offer' && (this.making || pc.signalingState !== 'stable');
    this.ignoring = collision && !this.polite;
    if (this.ignoring)
      return;
    this.from = 0;
    clearTimeout(this.timer); // what is needed then the browser says again
    await pc.setRemoteDescription(description);
    if (description.type !== 'offer')
      return;
    await pc.setLocalDescription();
    this.send('rtc:sdp', { to: this.id, description: pc.localDescription });
  }

  async candidate(candidate) {
    await this.pc.addIceCandidate(candidate ?? undefined).catch((e) => {
      if (!this.ignoring)
        throw e;
    });
  }

  close() {
    clearTimeout(this.timer);
    this.pc.close();
    this.room.gone(this);
  }
}

export class Room {
  constructor(uri, pool, name, { config = {}, changed = () => {}, gone = () => {}, status = () => {} } = {}) {
    Object.assign(this, { uri, pool, name, config, changed, gone, status, attempt: 0 });
    this.members = new Map();
    this.stream = new MediaStream(); // which ours are shown as
    this.tracks = new Set();
    this.connect();
  }

  connect() {
    this.status('Looking for the server');
    const ws = this.ws = new WebSocket(this.uri);
    ws.onopen = () => this.send('rtc:join', { pool: this.pool });
    ws.onmessage = ({ data }) => this.take(JSON.parse(data));
    ws.onclose = ({ code, reason }) => {
      if (this.closed)
        return;
      if (final.includes(code))
        return this.status(`The server refuses: ${reason}`);
      this.status('Looking for the server'); // media need none
      this.timer = setTimeout(() => this.connect(), pauses[Math.min(this.attempt++, pauses.length - 1)]);
    };
  }

  send(type, data) {
    if (this.ws.readyState === WebSocket.OPEN)
      this.ws.send(JSON.stringify({ type, data }));
  }

  take({ type, data }) {
    const member = this.members.get(data.peer ?? data.from ?? data.id);
    // In their order: the handling of one may have to wait. Each member has its own.
    const queue = (f) => {
      member.queue = (member.queue ?? Promise.resolve()).then(f).catch((e) => console.error(e));
    };
    if (type === 'rtc:joined')
      this.joined(data);
    else if (type === 'rtc:peer')
      this.add(data.id, false);
    else if (type === 'rtc:stop')
      this.leave('The room was closed');
    else if (type === 'rtc:error')
      this.status(data.message);
    else if (member && type === 'rtc:sdp')
      queue(() => member.describe(data.description));
    else if (member && type === 'rtc:candidate')
      queue(() => member.candidate(data.candidate));
    else if (member && type === 'rtc:describe')
      this.changed(Object.assign(member, { description: data.description }));
    else if (member && type === 'rtc:close')
      this.remove(member);
  }

  joined({ peers, descriptions = {} }) {
    this.attempt = 0;
    this.members.forEach((m) => this.remove(m)); // of a membership before
    peers.forEach((id) => this.add(id, true, descriptions[id]));
    this.tell();
  }

  add(id, polite, description) {
    const member = new Member(this, id, polite, description);
    this.members.set(id, member);
    this.changed(member);
    this.tell();
  }

  remove(member) {
    this.members.delete(member.id);
    member.close();
    this.tell();
  }

  tell() { this.status(this.members.size === 0 ? 'Nobody else is here' : ''); }

  share(track) {
    this.tracks.add(track);
    this.members.forEach((m) => m.share(track));
  }
  unshare(track) {
    this.tracks.delete(track);
    this.members.forEach((m) => m.unshare(track));
  }

  leave(why = '') {
    this.closed = true;
    clearTimeout(this.timer);
    this.ws.close(1000);
    this.members.forEach((m) => this.remove(m));
    this.status(why);
  }
}

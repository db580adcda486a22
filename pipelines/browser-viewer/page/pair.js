// SPDX-License-Identifier: LGPL-2.1-or-later
// The other side of an rtcpeer in a browser: signalling as docs/protocol-signalling.md has it, and perfect
// negotiation (https://www.w3.org/TR/webrtc/#perfect-negotiation-example).
//
//   new Pair(uri, { config, begin, status })
//
// begin(pc) is called with each new RTCPeerConnection, to add tracks and handlers; status(text) with what
// people may want to know. The peer connection there is: `pc`.

const pauses = [500, 1000, 2000, 5000]; // ms until the next attempt
const final = [1002, 1008]; // codes of the WebSocket after which there is none

const session = ({ sdp }) => /^o=\S+ (\S+)/m.exec(sdp)?.[1];

export class Pair {
  constructor(uri, { config = {}, begin = () => {}, status = () => {} } = {}) {
    Object.assign(this, { uri, config, begin, status, attempt: 0 });
    this.connect();
  }

  rename() {
    this.name = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join('');
  }

  connect() {
    this.status('Looking for the server');
    if (this.pc?.connectionState !== 'connected')
      this.rename(); // there will be another peer connection
    const ws = this.ws = new WebSocket(`${this.uri}?peer=${this.name}`, 'reach-pair');
    this.queue = Promise.resolve();
    ws.onopen = () => {
      this.attempt = 0;
      this.status(this.pc ? '' : 'Nobody is sending yet');
    };
    // In their order: the handling of one may have to wait.
    ws.onmessage = ({ data }) => {
      this.queue = this.queue.then(() => this.take(JSON.parse(data))).catch((e) => console.error(e));
    };
    ws.onclose = ({ code, reason }) => {
      if (this.closed)
        return;
      if (final.includes(code))
        return this.status(`The server refuses: ${reason}`);
      this.timer = setTimeout(() => this.connect(), pauses[Math.min(this.attempt++, pauses.length - 1)]);
    };
  }

  send(type, data) {
    if (this.ws.readyState === WebSocket.OPEN)
      this.ws.send(JSON.stringify({ type, data }));
  }

  async take({ type, data }) {
    if (type === 'peer')
      this.meet(data);
    else if (type === 'left')
      this.part(data);
    else if (type === 'message')
      this.onmessage?.(data);
    else if (this.pc && type === 'description')
      await this.takeDescription(data);
    else if (this.pc && type === 'candidate')
      await this.pc.addIceCandidate(data.candidate).catch((e) => {
        if (!this.ignoring)
          throw e;
      });
  }

  meet({ id = this.peer, polite, anew = false }) {
    this.polite = polite;
    if (!anew && id === this.peer && this.pc?.connectionState === 'connected')
      return; // only its way to the server was lost
    this.pc?.close();
    this.peer = id;
    const pc = this.pc = new RTCPeerConnection(this.config);
    this.making = this.ignoring = false;
    pc.onicecandidate = ({ candidate }) => this.send('candidate', { candidate });
    pc.onconnectionstatechange = () => this.tell();
    pc.onnegotiationneeded = async () => {
      this.making = true;
      await pc.setLocalDescription().catch((e) => console.error(e));
      this.making = false;
      this.send('description', pc.localDescription);
    };
    this.tell();
    this.begin(pc);
  }

  async takeDescription(description) {
    if (description.type === 'offer' && this.pc.remoteDescription &&
      session(description) !== session(this.pc.remoteDescription))
      this.meet({ polite: this.polite, anew: true }); // its peer connection is another
    const { pc } = this;
    const collision = description.type === 'offer' && (this.making || pc.signalingState !== 'stable');
    this.ignoring = collision && !this.polite;
    if (this.ignoring)
      return;
    await pc.setRemoteDescription(description);
    if (description.type !== 'offer')
      return;
    await pc.setLocalDescription();
    this.send('description', pc.localDescription);
  }

  tell() {
    const { connectionState: state } = this.pc;
    this.status({ connected: '', failed: 'The connection was lost, trying again',
      disconnected: 'The connection is bad' }[state] ?? 'Connecting');
    if (state === 'failed')
      this.pc.restartIce();
  }

  part({ reason }) {
    if (reason === 'lost' && this.pc?.connectionState === 'connected')
      return; // media need no signalling
    this.pc?.close();
    this.pc = this.peer = undefined;
    this.status('Nobody is sending yet');
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.ws.close(1000);
    this.pc?.close();
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium behind whip-server.js: a connection for each session; what publishers send is played, players get
// the camera and the microphone. Tests look at the last one by the functions of peer.js.
import './peer.js';

const { devices } = window;
const connections = new Map(); // by session

async function begin({ session, way }) {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  connections.set(session, pc);
  window.pair = { pc, ws: {} };
  pc.ontrack = ({ track }) => {
    const player = document.createElement(track.kind);
    Object.assign(player, { srcObject: new MediaStream([track]), autoplay: true });
    document.body.append(player);
  };
  if (way === 'whep') {
    const stream = new MediaStream(await devices('video', 'audio'));
    stream.getTracks().forEach((t) => pc.addTrack(t, stream));
  }
  return pc;
}

async function gathered(pc) {
  while (pc.iceGatheringState !== 'complete')
    await new Promise((then) => pc.addEventListener('icegatheringstatechange', then, { once: true }));
  return pc.localDescription.sdp;
}

const tasks = {
  async answer(o) { // also to an offer that restarts ICE
    const pc = connections.get(o.session) ?? await begin(o);
    await pc.setRemoteDescription({ type: 'offer', sdp: o.sdp });
    await pc.setLocalDescription();
    return gathered(pc);
  },
  async offer(o) {
    const pc = await begin(o);
    pc.getTransceivers().forEach((t) => { t.direction = 'sendonly'; });
    await pc.setLocalDescription();
    return gathered(pc);
  },
  accept: (o) => connections.get(o.session).setRemoteDescription({ type: 'answer', sdp: o.sdp }),
  candidate: (o) => connections.get(o.session).addIceCandidate({ candidate: o.sdp, sdpMLineIndex: 0 }),
  close: (o) => connections.get(o.session).close(),
};

async function obey() {
  for (;;) {
    const response = await fetch('/order');
    if (response.status !== 200)
      continue;
    const o = await response.json();
    await fetch(`/result/${o.id}`, { method: 'POST', body: await tasks[o.what](o) ?? '' });
  }
}
obey();

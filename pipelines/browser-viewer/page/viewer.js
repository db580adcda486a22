// SPDX-License-Identifier: LGPL-2.1-or-later
// Shows what an rtcpeer in the channel "viewer" of this page's server sends; another one as ?channel=NAME.
import { Pair } from './pair.js';

const find = (selector) => document.querySelector(selector);
const [video, status, sound, facts] = ['video', '#status', '#sound', '#facts'].map(find);
const channel = new URLSearchParams(location.search).get('channel') ?? 'viewer';
const server = location.origin.replace('http', 'ws');

const pair = new Pair(`${server}/${encodeURIComponent(channel)}`, {
  status: (text) => { status.textContent = text; },
  begin(pc) {
    const stream = video.srcObject = new MediaStream();
    pc.ontrack = ({ track }) => {
      stream.addTrack(track);
      if (track.kind === 'audio')
        sound.hidden = !video.muted; // browsers begin without, until somebody has clicked
    };
  },
});

sound.onclick = () => {
  video.muted = false;
  sound.hidden = true;
};

let before = { bytes: 0, frames: 0 };
setInterval(async () => {
  const all = [...(await pair.pc?.getStats() ?? new Map()).values()];
  const received = all.filter((s) => s.type === 'inbound-rtp');
  const bytes = received.reduce((sum, s) => sum + s.bytesReceived, 0);
  const { framesDecoded: frames = 0, frameWidth, frameHeight } = received.find((s) => s.kind === 'video') ?? {};
  facts.textContent = frameWidth && frames > before.frames ? `${frameWidth}×${frameHeight}, ${frames -
    before.frames} frames/s, ${Math.max(0, Math.round((bytes - before.bytes) / 125))} kbit/s` : '';
  before = { bytes, frames };
}, 1000);

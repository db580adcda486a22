// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of a room: who is there, in a grid. ?room=NAME is another room than "room", ?name= who you may be.
import { Room } from './room.js';

const find = (selector) => document.querySelector(selector);
const asked = new URLSearchParams(location.search);
const pool = asked.get('room') ?? 'room';
const figures = new Map(); // by member, and our own by 'own'
const own = { stream: new MediaStream(), tracks: {} };
let room;

function figureOf(key) {
  if (!figures.has(key)) {
    const figure = find('template').content.firstElementChild.cloneNode(true);
    figure.querySelector('figcaption').append(document.createTextNode(''), document.createElement('small'));
    figures.set(key, figure);
    find('#members').append(figure);
    arrange();
  }
  return figures.get(key);
}

function drop(key) {
  figures.get(key)?.remove();
  figures.delete(key);
  arrange();
}

function arrange() {
  find('#members').style.setProperty('--columns', Math.ceil(Math.sqrt(figures.size)));
  find('#facts').textContent = room ? `${pool}: ${figures.size} here` : '';
}

function draw(key, name, state, stream) {
  const figure = figureOf(key), video = figure.querySelector('video');
  const [text, small] = figure.querySelector('figcaption').childNodes;
  text.data = name;
  small.textContent = state;
  if (video.srcObject !== stream)
    video.srcObject = stream;
  figure.classList.toggle('dark', !stream.getVideoTracks().some((t) => !t.muted && t.readyState === 'live'));
}

const status = (text) => { find('#status').textContent = text; };

function drawOwn() {
  draw('own', `${room.name} (you)`, '', own.stream);
  const figure = figureOf('own');
  figure.classList.add('own');
  figure.querySelector('video').muted = true;
}

async function share(kind, on) {
  if (own.tracks[kind]) {
    own.tracks[kind].stop();
    room.unshare(own.tracks[kind]);
    own.stream.removeTrack(own.tracks[kind]);
    delete own.tracks[kind];
  }
  if (on) {
    const devices = await navigator.mediaDevices.getUserMedia({ [kind]: true });
    const [track] = devices.getTracks();
    if (!room)
      return track.stop(); // we have left meanwhile
    own.tracks[kind] = track;
    own.stream.addTrack(track);
    room.share(track);
  }
  find(`#${kind}`).setAttribute('aria-pressed', on);
  drawOwn();
}

for (const kind of ['video', 'audio'])
  find(`#${kind}`).onclick = async ({ target }) => {
    target.disabled = true;
    await share(kind, !own.tracks[kind]).catch(() => {
      status(window.isSecureContext ? 'The browser gives no such device'
        : 'Browsers give devices to pages of https and of localhost alone');
    });
    target.disabled = false;
  };

function enter(inside) {
  find('#join').hidden = inside;
  find('#controls').hidden = !inside;
}

function join(name) {
  room = new Room(location.origin.replace('http', 'ws'), pool, name, { status,
    changed: (m) => draw(m, m.name, m.state, m.stream),
    gone: drop });
  document.title = pool;
  enter(true);
  drawOwn();
}

find('#join').onsubmit = (event) => {
  event.preventDefault();
  join(find('#name').value.trim() || 'Guest');
};

find('#leave').onclick = () => {
  Object.values(own.tracks).forEach((track) => track.stop());
  Object.assign(own, { stream: new MediaStream(), tracks: {} });
  ['video', 'audio'].forEach((kind) => find(`#${kind}`).setAttribute('aria-pressed', false));
  room.leave();
  room = undefined;
  drop('own');
  enter(false);
};

find('#room').textContent = pool === 'room' ? 'Join the room' : `Join ${pool}`;
find('#name').value = asked.get('name') ?? ''; // who joins has clicked, or browsers would play no sound

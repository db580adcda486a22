// SPDX-License-Identifier: LGPL-2.1-or-later
// A server of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) that takes both at their word, for tests of
// their client. Behind it is a WebRTC stack that others wrote: werift in this process, which hands what a
// publisher of /whip/NAME sends to the players of /whep/NAME; or a page in Chromium (browser/whip.js).
//   node whip-server.js OPTIONS
// Options, in JSON: see `options`. The first line that it prints is its port. Then lines of JSON come in, each
// answered by one: {"set": OPTIONS}, {"see": ""}, {"close": ""} for the connections that there are.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const readline = require('node:readline');
const werift = require(path.join(process.env.REACH_NPM_DIR ?? __dirname, 'node_modules/werift'));

const options = {
  end: 'werift',      // or page
  token: '',          // that is needed
  certificate: '', key: '', // PEM files: https
  codecs: ['VP8', 'opus'],  // of werift
  busy: 0,            // requests that are answered with 503 first
  retryAfter: '0',
  redirect: 0,        // 307 or 308, once for each POST
  redirectTo: '',     // a server; empty: this one
  trickle: true, restart: true,
  absolute: false,    // Location with scheme and host
  counterOffer: false, // of WHEP: 406
  links: [],          // the Link header fields of answers that begin a session
};
Object.assign(options, JSON.parse(process.argv[2] ?? '{}'));

// What tests look at.
const seen = { posts: 0, patches: [], deletes: 0, refused: [], faults: [], tokens: [], candidates: 0,
  answers: 0, packets: { audio: 0, video: 0 }, decoded: 0 };
const sessions = new Map(); // by id
let count = 0;

const fault = (text) => seen.faults.push(text);
const random = () => Math.random().toString(36).slice(2, 10);
const lines = (sdp, start) => sdp.split(/\r?\n/).filter((l) => l.startsWith(start));

// What an offer has to be (RFC 9725, 4.2 and 4.4).
function checkOffer(way, sdp) {
  const media = sdp.split(/^m=/m).slice(1);
  if (!sdp.startsWith('v=0\r\n') || !sdp.endsWith('\r\n') || /[^\r]\n/.test(sdp))
    fault('lines do not end with CRLF');
  if (lines(sdp, 'a=group:BUNDLE').length !== 1)
    fault('no BUNDLE');
  for (const m of media) {
    if (!/^a=rtcp-mux\r$/m.test(m))
      fault('no rtcp-mux');
    if (!/^a=setup:actpass\r$/m.test(m) && !/^a=setup:actpass\r$/m.test(sdp.split(/^m=/m)[0]))
      fault('setup is not actpass');
    if (!new RegExp(way === 'whip' ? '^a=send(only|recv)\r$' : '^a=(recvonly|sendrecv)\r$', 'm').test(m))
      fault(`a direction that ${way} does not have`);
    if (/^a=candidate:/m.test(m) && media.indexOf(m) > 0)
      fault('candidates in another m-line than the first');
  }
}

// The offer with other credentials and candidates, which an ICE restart has by themselves.
function withFragment(sdp, fragment) {
  const [ufrag] = lines(fragment, 'a=ice-ufrag:'), [pwd] = lines(fragment, 'a=ice-pwd:');
  let text = sdp.replace(/^a=(candidate|end-of-candidates).*\r\n/mg, '')
    .replace(/^a=ice-ufrag:.*\r\n/mg, `${ufrag}\r\n`).replace(/^a=ice-pwd:.*\r\n/mg, `${pwd}\r\n`);
  const first = text.split(/^(?=m=)/m);
  first[1] += lines(fragment, 'a=candidate:').map((l) => `${l}\r\n`).join('');
  return first.join('');
}

const fragmentOf = (sdp) => {
  const m = sdp.split(/^m=/m)[1];
  return [lines(sdp, 'a=ice-ufrag:')[0], lines(sdp, 'a=ice-pwd:')[0], `m=${m.split('\r\n')[0]}`,
    lines(m, 'a=mid:')[0], ...lines(m, 'a=candidate:')].map((l) => `${l}\r\n`).join('');
};

// werift. One publisher by name.
const published = new Map(); // name → { video, audio: { receiver, track } }
const parameters = {
  VP8: () => werift.useVP8(),
  H264: () => werift.useH264(),
  opus: () => werift.useOPUS(),
};
const ofKind = (kind) => options.codecs.map((c) => parameters[c]()).filter((c) => c.mimeType.startsWith(kind));

async function gathered(pc) {
  if (pc.iceGatheringState !== 'complete')
    await pc.iceGatheringStateChange.watch((s) => s === 'complete', 5000);
  return pc.localDescription.sdp;
}

function publish(pc, name) {
  const tracks = {};
  published.set(name, tracks);
  pc.onTrack.subscribe((track) => {
    const { receiver } = pc.getTransceivers().find((t) => t.receiver.tracks.includes(track));
    tracks[track.kind] = { track, pli: () => receiver.sendRtcpPLI(track.ssrc) };
    track.onReceiveRtp.subscribe(() => seen.packets[track.kind]++);
  });
}

function play(pc, name) {
  for (const [kind, source] of Object.entries(published.get(name) ?? {})) {
    const to = new werift.MediaStreamTrack({ kind });
    const { sender } = pc.addTransceiver(to, { direction: 'sendonly' });
    source.track.onReceiveRtp.subscribe((rtp) => to.writeRtp(rtp.clone()));
    sender.onPictureLossIndication.subscribe(source.pli);
    pc.connectionStateChange.subscribe((s) => s === 'connected' && source.pli());
  }
}

const weriftEnd = {
  make(way, name) {
    const pc = new werift.RTCPeerConnection({ codecs: { audio: ofKind('audio'), video: ofKind('video') },
      bundlePolicy: 'max-bundle', iceServers: [] });
    (way === 'whip' ? publish : play)(pc, name);
    return pc;
  },
  async answer(session, offer) {
    session.pc = this.make(session.way, session.name);
    await session.pc.setRemoteDescription({ type: 'offer', sdp: offer });
    await session.pc.setLocalDescription(await session.pc.createAnswer());
    return gathered(session.pc);
  },
  async offer(session) {
    session.pc = this.make(session.way, session.name);
    await session.pc.setLocalDescription(await session.pc.createOffer());
    return gathered(session.pc);
  },
  accept: (session, answer) => session.pc.setRemoteDescription({ type: 'answer', sdp: answer }),
  candidate: (session, text) => session.pc.addIceCandidate({ candidate: text, sdpMLineIndex: 0 }),
  close: (session) => session.pc.close(),
};

// A page, which asks for what it is to do and says what came of it.
const waiting = [], orders = [], results = new Map();
function order(what) {
  const id = ++count;
  return new Promise((then) => {
    results.set(id, then);
    orders.push(JSON.stringify({ id, ...what }));
    waiting.shift()?.();
  });
}
const pageEnd = {
  answer: (session, offer) => order({ what: 'answer', way: session.way, session: session.id, sdp: offer }),
  offer: (session) => order({ what: 'offer', way: session.way, session: session.id }),
  accept: (session, answer) => order({ what: 'accept', session: session.id, sdp: answer }),
  candidate: (session, text) => order({ what: 'candidate', session: session.id, sdp: text }),
  close: (session) => order({ what: 'close', session: session.id }),
};
async function servePage(request, response, body) {
  const { pathname } = new URL(request.url, 'http://x');
  if (pathname === '/order') {
    if (!orders.length)
      await new Promise((then) => { waiting.push(then); request.on('close', then); });
    return reply(response, orders.length ? 200 : 204, {}, orders.shift());
  }
  if (pathname.startsWith('/result/')) {
    results.get(Number(pathname.slice(8)))?.(body);
    return reply(response, 204);
  }
  const file = path.normalize(path.join(__dirname, '../..', pathname));
  const types = { '.html': 'text/html', '.js': 'text/javascript' };
  if (!file.startsWith(path.normalize(path.join(__dirname, '../..'))) || !fs.existsSync(file))
    return reply(response, 404);
  return reply(response, 200, { 'Content-Type': types[path.extname(file)] ?? 'text/plain' }, fs.readFileSync(file));
}

const end = () => (options.end === 'page' ? pageEnd : weriftEnd);

function reply(response, status, headers = {}, body = '') {
  if (status >= 400)
    seen.refused.push(status);
  response.writeHead(status, headers);
  response.end(body);
}

async function post(request, response, body, way, name) {
  if (options.busy > 0) {
    options.busy--;
    return reply(response, 503, { 'Retry-After': options.retryAfter });
  }
  if (options.redirect && !request.url.includes('edge')) {
    const to = options.redirectTo ? `${options.redirectTo}/${way}/${name}` : `/${way}/${name}?edge=1`;
    return reply(response, options.redirect, { Location: to });
  }
  if (request.headers['content-type'] !== 'application/sdp')
    return reply(response, 415, { 'Accept-Post': 'application/sdp' });
  checkOffer(way, body);
  if (way === 'whep' && options.end === 'werift' && !published.has(name))
    return reply(response, 409, { 'Retry-After': options.retryAfter });
  if (!options.codecs.some((c) => body.includes(` ${c}/`)))
    return reply(response, 406);
  seen.posts++;
  const id = `s${++count}`, session = { id, way, name, offer: body, etag: `"${random()}"` };
  sessions.set(id, session);
  const location = `/session/${id}`;
  const headers = { 'Content-Type': 'application/sdp', ETag: session.etag,
    Location: options.absolute ? `${scheme}://${request.headers.host}${location}` : location,
    ...(options.links.length && { Link: options.links }) };
  if (way === 'whep' && options.counterOffer) {
    session.countered = true;
    return reply(response, 406, headers, await end().offer(session));
  }
  reply(response, 201, headers, await end().answer(session, body));
}

async function patch(request, response, body, session) {
  const type = request.headers['content-type'], match = request.headers['if-match'];
  if (type === 'application/sdp' && session.countered) {
    session.countered = false;
    seen.answers++;
    await end().accept(session, body);
    return reply(response, 204);
  }
  const allow = { Allow: 'DELETE, OPTIONS' };
  if (!options.trickle && !options.restart)
    return reply(response, 405, allow);
  if (type !== 'application/trickle-ice-sdpfrag')
    return reply(response, 415, { 'Accept-Patch': 'application/trickle-ice-sdpfrag' });
  seen.patches.push(match === '*' ? 'restart' : 'trickle');
  if (!match)
    return reply(response, 428);
  if (match === '*') {
    if (!options.restart || options.end === 'werift') // which cannot
      return reply(response, 422);
    session.offer = withFragment(session.offer, body);
    const answer = await end().answer(session, session.offer);
    session.etag = `"${random()}"`;
    return reply(response, 200, { 'Content-Type': type, ETag: session.etag }, fragmentOf(answer));
  }
  if (match !== session.etag)
    return reply(response, 412);
  if (!options.trickle)
    return reply(response, 422);
  for (const line of lines(body, 'a=candidate:')) {
    seen.candidates++;
    await end().candidate(session, line.slice(2));
  }
  reply(response, 204);
}

async function remove(response, session) {
  seen.deletes++;
  sessions.delete(session.id);
  if (published.get(session.name) && session.way === 'whip')
    published.delete(session.name);
  await end().close(session);
  reply(response, 200);
}

async function serve(request, response) {
  const chunks = [];
  for await (const c of request)
    chunks.push(c);
  const body = Buffer.concat(chunks).toString();
  const [, first, name] = new URL(request.url, 'http://x').pathname.split('/');
  const endpoint = first === 'whip' || first === 'whep';
  if (!endpoint && first !== 'session')
    return servePage(request, response, body);
  const bearer = request.headers.authorization ?? '';
  seen.tokens.push(bearer);
  if (options.token && bearer !== `Bearer ${options.token}`)
    return reply(response, 401, { 'WWW-Authenticate': 'Bearer' });
  if (endpoint && name === 'nowhere')
    return reply(response, 404);
  if (endpoint)
    return request.method === 'POST' ? post(request, response, body, first, name) :
      reply(response, 405, { Allow: 'POST, OPTIONS' });
  const session = sessions.get(name);
  if (!session)
    return reply(response, 404);
  if (request.method === 'DELETE')
    return remove(response, session);
  return request.method === 'PATCH' ? patch(request, response, body, session) : reply(response, 405);
}

const scheme = options.key ? 'https' : 'http';
const handler = (request, response) => serve(request, response).catch((e) => {
  fault(String(e.stack));
  response.destroy();
});
const server = options.key ? https.createServer({ cert: fs.readFileSync(options.certificate),
  key: fs.readFileSync(options.key) }, handler) : http.createServer(handler);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

const commands = {
  set: (values) => Object.assign(options, values) && {},
  see: () => ({ ...seen, sessions: sessions.size }),
  async close() {
    for (const s of sessions.values())
      await end().close(s);
    return {};
  },
};
readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const [[name, value]] = Object.entries(JSON.parse(line));
  console.log(JSON.stringify(await commands[name](value)));
}).on('close', () => process.exit(0));

// SPDX-License-Identifier: LGPL-2.1-or-later
// As little as a server of pools in Node.js can be, on npm's ws: what benchmarks compare with.
//
//   pool-relay.js PORT     prints {"ready": true} when it listens
'use strict';
const path = require('node:path');
const { randomUUID } = require('node:crypto');
const { WebSocketServer } = require(path.join(process.env.REACH_NPM_DIR ?? __dirname, 'node_modules/ws'));

const pools = new Map();
const message = (type, data) => JSON.stringify({ type, data });
const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1', perMessageDeflate: false },
  () => console.log('{"ready":true}'));
server.on('connection', socket => {
  let pool, id;
  socket.on('message', text => {
    const { type, data } = JSON.parse(text);
    if (type === 'rtc:join') {
      if (!pools.has(data.pool))
        pools.set(data.pool, new Map());
      pool = pools.get(data.pool);
      id = randomUUID();
      socket.send(message('rtc:joined', { client_id: id, peers: [...pool.keys()], descriptions: {}, pool: data.pool }));
      for (const other of pool.values())
        other.send(message('rtc:peer', { id }));
      pool.set(id, socket);
    } else if (type === 'rtc:candidate') {
      pool?.get(data.for)?.send(message('rtc:candidate', { from: id, candidate: data.candidate }));
    } else if (type === 'rtc:sdp') {
      pool?.get(data.to)?.send(message('rtc:sdp', { peer: id, description: data.description }));
    }
  });
  socket.on('close', () => {
    pool?.delete(id);
    for (const other of pool?.values() ?? [])
      other.send(message('rtc:close', { id, uid: id }));
  });
});

// SPDX-License-Identifier: LGPL-2.1-or-later
// A member of a pool: the client's side of docs/protocol-signalling.md, over a raw WebSocket, over
// socket.io, or over whatever the application carries messages by. It connects, joins, and after a
// loss comes again by itself. Loop thread only; nothing is called back from within a call, but from
// within a callback everything may be called, and the object destroyed.
#pragma once
#include "signaller.h"
#include <vector>

namespace reach::rtc {
class PoolSignaller {
public:
  struct Config {
    // ws, wss: raw WebSocket. http, https: socket.io over a WebSocket; the path is the namespace,
    // as in its own clients. Empty: the application carries messages (on_send (), receive ()).
    std::string uri;
    std::string pool;        // joined at once; empty: wait for join ()
    unsigned version = 0;    // of the protocol, 1 or 2; 0: whatever each peer speaks, and 2 first
    std::string token;       // "Authorization: Bearer"
    std::string tls_ca_file; // PEM; empty: the system's authorities
    bool tls_verify = true;
  };
  struct Peer {
    std::string id;
    std::string description; // JSON of an object, byte for byte the server's; empty: none
  };

  class Owner {
  public:
    virtual ~Owner () = default;
    // We are in. pool: perhaps another than was asked for. To those who are there we are polite.
    // Whatever was known of a membership before is void: it had another id.
    virtual void on_joined (
        const std::string &id, const std::string &pool, const std::vector<Peer> &there) = 0;
    virtual void on_peer (const std::string &id) = 0; // has come later: to it we are impolite
    // json: an object; empty: the description was taken away.
    virtual void on_peer_described (const std::string &id, const std::string &json) = 0;
    virtual void on_peer_closed (const std::string &id) = 0; // nothing of it follows
    virtual void on_description (
        const std::string &peer, const std::string &type, const std::string &sdp) = 0;
    virtual void on_candidate (const std::string &peer, const SignalledCandidate &c) = 0;
    // The server has closed the pool: nothing follows until join ().
    virtual void on_stopped () = 0;
    // The way to the server is lost, or was not found; it is looked for again, with growing pauses
    // up to 10 s, and on_joined () follows with a new id. All peers are gone as far as we can tell.
    virtual void on_lost (const std::string &why) = 0;
    // What the server or the way to it says is wrong, in words. fatal: nothing follows until
    // join (): refused, or an address of nothing.
    virtual void on_error (const std::string &message, bool fatal) = 0;
    // What is not the pool's matter: type is not "rtc:" and a word; json is any value.
    virtual void on_app_message (const std::string &type, const std::string &json) = 0;
    // Without a uri only: a message for the application to carry; json is an object, or of an
    // application's message any value.
    virtual void on_send (const std::string & /*type*/, const std::string & /*json*/) {}
  };

  virtual ~PoolSignaller () = default;
  // Into this pool: 1 to 128 bytes. In another one, or in none after an error: connects anew.
  virtual void join (const std::string &pool) = 0;
  // Closes the connection, which is all there is of leaving; `done` follows from the loop within
  // 2 s, and nothing else does, until join ().
  virtual void leave (std::function<void ()> done) = 0;
  // type: offer, answer, and to peers of version 2 pranswer and rollback. To who is not in the
  // pool nothing is sent.
  virtual void send_description (
      const std::string &peer, const std::string &type, const std::string &sdp) = 0;
  // Without text: there are no more.
  virtual void send_candidate (const std::string &peer, const SignalledCandidate &c) = 0;
  // type: not "rtc:" and a word. json: an object. False: not in a pool, none of that, or too much
  // waits to be sent.
  virtual bool send_app_message (const std::string &type, const std::string &json) = 0;
  // Without a uri only: what the application has received. json: data of the message. That the
  // application's way is lost it says by leave () and join ().
  virtual void receive (const std::string &type, const std::string &json) = 0;

  // Null, and `error` in words, for a uri, version or pool that cannot be.
  static std::unique_ptr<PoolSignaller> make (
      Loop &loop, Owner &owner, const Config &config, std::string &error);
};
} // namespace reach::rtc

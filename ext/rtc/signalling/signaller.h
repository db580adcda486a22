// SPDX-License-Identifier: LGPL-2.1-or-later
// How two peers reach each other before they have a connection. One implementation for each way;
// the peer connection does not know which it has. Loop thread only; nothing is called back from
// within a call.
#pragma once
#include "proto/link_header.h"
#include <functional>
#include <gio/gio.h>
#include <memory>
#include <string>

namespace reach {
class Loop;
}

namespace reach::rtc {
// A candidate as browsers write it. No text: there are no more.
struct SignalledCandidate {
  std::string candidate; // "candidate:…", as in a=
  std::string mid;       // of its m-line; empty: by its index
  int mline = -1;
  std::string ufrag; // whose description it belongs to; empty: not said
};

class Signaller {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    // The other side is there; also when it has come again, which needs a new peer connection.
    // polite: it gives way when both offer (perfect negotiation); offers: this side begins.
    virtual void on_peer (const std::string &id, bool polite, bool offers) = 0;
    virtual void on_description (const std::string &type, const std::string &sdp) = 0;
    virtual void on_candidate (const SignalledCandidate &c) = 0;
    virtual void on_message (const std::string &json) = 0; // the application's
    // Of WHIP and WHEP, in each answer that begins a session, and before its description: the STUN
    // and TURN servers that it names, which may be none.
    virtual void on_ice_servers (const IceLinks &) {}
    virtual void on_peer_left (const std::string &reason) = 0;
    // The way is lost; it is looked for again, unless `fatal`.
    virtual void on_signalling_error (const std::string &why, bool fatal) = 0;
    // The present local description with the candidates gathered so far.
    virtual std::string local_sdp () = 0;
  };

  virtual ~Signaller () = default;
  // Tells the other side that this one leaves; `done` follows from the loop. Nothing else does.
  virtual void goodbye (std::function<void ()> done) = 0;
  virtual void send_description (const std::string &type, const std::string &sdp) = 0;
  virtual void send_candidate (const SignalledCandidate &c) = 0; // and, without text, their end
  virtual bool send_message (const std::string &json) = 0;       // false: not over this way, or now
  // The peer has ended the connection that was negotiated, or it has failed for good.
  virtual void connection_over () {}

  struct Config {
    std::string uri;
    std::string token;       // of WHIP and WHEP: "Authorization: Bearer"
    std::string tls_ca_file; // PEM; empty: the system's authorities
    bool tls_verify = true;
  };
  // ws, wss: a channel of rtcpoolserver. whip+http(s), whep+http(s). Null, and `error` in words,
  // for any other.
  static std::unique_ptr<Signaller> make (
      Loop &loop, Owner &owner, const Config &config, std::string &error);
};
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// Two clients of a channel get each other's descriptions and candidates
// (docs/protocol-signalling.md). Loop thread only.
#pragma once
#include "common/proto/rate_limit.h"
#include "web_connection.h"
#include <map>
#include <memory>
#include <set>

namespace reach::rtc {
class Pairing {
public:
  static constexpr const char *protocol = "reach-pair";
  struct Limits {
    std::size_t channels = 10000, name = 128; // bytes of a channel's name
    Rate messages{100, 500};                  // of a client, per second
  };
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_pair_joined (const std::string &channel, const std::string &peer) = 0;
    virtual void on_pair_left (
        const std::string &channel, const std::string &peer, const std::string &reason) = 0;
  };

  Pairing (Owner &owner, Limits limits) : owner_ (owner), limits_ (limits) {}
  ~Pairing ();

  // Whom an upgrade asks for; nothing when it is no name.
  struct Wish {
    std::string channel, peer; // peer: the client's own name for itself, which survives its return
  };
  static std::optional<Wish> wish_of (const http::Request &r, const Limits &limits);

  // The WebSocket is accepted and the application agrees.
  void join (WebConnection &c, const Wish &w);
  void on_text (WebConnection &c, std::string_view text);
  void on_over (WebConnection &c, unsigned code); // also for one that is in no channel
  std::size_t channels () const { return channels_.size (); }

private:
  struct Member {
    WebConnection *connection;
    std::string channel, peer;
    Bucket messages;
  };
  struct Channel {
    Member *first = nullptr, *second = nullptr;
  };
  void replace (const Wish &w);
  void leave (Member &m, const std::string &reason);
  static void tell_peer (Member &m, bool polite, const std::string &peer);
  static void refuse (
      WebConnection &c, const char *code, const char *sentence, WebSocket::Code close);
  Member *other (const Member &m);

  Owner &owner_;
  const Limits limits_;
  std::map<std::string, Channel, std::less<>> channels_;
  std::map<WebConnection *, std::unique_ptr<Member>> members_;
};
} // namespace reach::rtc

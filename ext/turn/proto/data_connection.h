// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection to the server that becomes one to a peer (RFC 6062): ConnectionBind, and from its
// answer on the peer's bytes. Sans-IO like Client, whose PeerConnected says the id.
#pragma once
#include "client.h"
#include <utility>

namespace reach::turn {
class DataConnection {
public:
  enum class State : std::uint8_t { binding, bound, failed };

  // `of` is the allocation's client, which is connected; nothing of it is kept.
  DataConnection (const Client &of, std::uint32_t id, TimePoint now);
  DataConnection (const DataConnection &) = delete;
  DataConnection &operator= (const DataConnection &) = delete;

  // Until it is bound. What comes behind the answer is the peer's: take_rest ().
  void input (Bytes in, TimePoint now);
  void timeout (TimePoint now);
  TimePoint poll_timeout () const;
  std::vector<std::uint8_t> poll_transmit () { return std::exchange (out_, {}); }
  std::vector<std::uint8_t> take_rest () { return framer_.take_rest (); }

  State state () const { return state_; }
  Why why () const { return why_; } // failed
  unsigned code () const { return code_; }

private:
  void send (unsigned challenges, TimePoint now);
  void receive (const stun::Message &m, TimePoint now);
  void fail (Why why, unsigned code);

  stun::Crypto crypto_;
  Authenticator auth_;
  std::uint32_t id_;
  bool fingerprint_;
  std::size_t room_;
  unsigned max_challenges_;
  State state_ = State::binding;
  Why why_{};
  unsigned code_ = 0;
  StreamFramer framer_;
  Transactions transactions_;
  std::vector<std::uint8_t> out_;
};
} // namespace reach::turn

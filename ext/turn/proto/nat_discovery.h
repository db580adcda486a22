// SPDX-License-Identifier: LGPL-2.1-or-later
// What the NATs and firewalls on the way to a STUN server do (RFC 5780, 4): which address they give
// to packets for different destinations, and whose packets they let in. Sans-IO, one thread, of one
// UDP socket that is used for nothing else: what has been sent from it before would change what is
// let in.
//
// A Binding request to the server, then two that it is to answer from its other address and port,
// and from its other port; then, as they open what those look for, two to its other address. One
// waits for its answer at a time.
#pragma once
#include "client_events.h"
#include "common/proto/fifo.h"
#include "transactions.h"

namespace reach::turn {
enum class NatBehaviour : std::uint8_t {
  unknown,
  direct, // of mapping: there is none, our address arrives as it is
  endpoint_independent,
  address_dependent,
  address_and_port_dependent
};

enum class NatTrouble : std::uint8_t {
  none,
  no_answer,    // of the server, or of its other address
  refused,      // with a code: 420 where it has no other address
  not_there,    // it names no other address and port that could be asked
  bad_response, // an answer that cannot be one
};

struct NatReport {
  NatBehaviour mapping = NatBehaviour::unknown, filtering = NatBehaviour::unknown;
  NatTrouble trouble = NatTrouble::none; // why one of them is not known
  unsigned code = 0;
  Address local, mapped, other; // ours, as the server sees it, and its second one
};

class NatDiscovery {
public:
  struct Config {
    stun::Crypto crypto;
    Address server, local; // of no family: not known, and then nothing is `direct`
    Retransmission retransmission;
    // Silence is an answer here: so many requests, each wait twice the one before.
    unsigned filter_requests = 4;
    bool fingerprint = true;
    std::string software; // empty: not said
  };
  struct Transmit {
    Address to;
    std::vector<std::uint8_t> bytes; // empty: nothing
  };

  explicit NatDiscovery (Config config);
  void start (TimePoint now);
  void input (Bytes datagram, const Address &from, TimePoint now);
  void timeout (TimePoint now);
  TimePoint poll_timeout () const { return step_ == Step::done ? TimePoint::max () : due_; }
  Transmit poll_transmit ();
  // When there is nothing more to find out.
  std::optional<NatReport> report () const
  {
    return step_ == Step::done ? std::optional (report_) : std::nullopt;
  }

private:
  enum class Step : std::uint8_t {
    idle,
    reach,       // the server, from the server
    filter_all,  // its other address and port answer
    filter_port, // its other port
    map_host,    // its other address is asked
    map_port,    // and its other port
    done
  };

  void ask (Step step, const Address &to, std::uint32_t change, TimePoint now);
  void answered (const stun::Message &m, const Address &from, TimePoint now);
  void reached (const stun::Message &m, TimePoint now);
  void refused (unsigned code, TimePoint now);
  void unanswered (TimePoint now);
  void begin_mapping (TimePoint now);
  void give_up (NatTrouble why, unsigned code = 0);
  bool filters () const { return step_ == Step::filter_all || step_ == Step::filter_port; }

  Config config_;
  NatReport report_;
  Step step_ = Step::idle;
  Fifo<Transmit> out_;
  // The request that waits.
  stun::TransactionId id_{};
  std::vector<std::uint8_t> wire_;
  Address to_, answers_; // where it goes, and where the answer is to come from
  Address mapped_host_;  // what the other address has seen
  TimePoint due_ = TimePoint::max ();
  Duration wait_{};
  unsigned sent_ = 0;
};
} // namespace reach::turn

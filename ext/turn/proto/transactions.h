// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests that wait for their answers, and when each is sent again (RFC 8489, 6.2).
#pragma once
#include "common/proto/time.h"
#include "credentials.h"
#include <vector>

namespace reach::turn {
struct Retransmission {
  bool enabled = true;                      // of a reliable transport it never is
  Duration rto = milliseconds (500);        // doubled with each
  unsigned requests = 7;                    // Rc: sent so often at most
  unsigned last_wait = 16;                  // Rm: times rto, behind the last
  Duration reliable = milliseconds (39500); // Ti
};

// What was asked, to ask it again with another nonce.
struct Request {
  stun::Method method{};
  std::vector<stun::Address> peers;
  std::uint16_t channel = 0;
  std::optional<std::uint32_t> lifetime; // of a refresh
  stun::Family family = stun::Family::none;
  bool move = false; // a refresh with the mobility ticket
  unsigned challenges = 0;
  Proof proof;
};

struct Transaction {
  stun::TransactionId id;
  std::vector<std::uint8_t> wire;
  Request request;
  TimePoint due; // sent again, or given up
  Duration wait;
  unsigned sent = 1;
};

class Transactions {
public:
  Transactions (Retransmission r, bool reliable, std::size_t limit)
      : timing_ (r), reliable_ (reliable), limit_ (limit)
  {
  }

  bool full () const { return all_.size () >= limit_; }
  void add (const stun::TransactionId &id, Bytes wire, Request request, TimePoint now);
  std::optional<Transaction> take (const stun::TransactionId &id);
  const Transaction *find (const stun::TransactionId &id) const;
  // The oldest of them.
  std::optional<Request> take_first (stun::Method method);
  template <typename F> void drop_if (F &&f)
  {
    std::erase_if (all_, [&] (const Transaction &t) { return f (t.request); });
  }
  void clear () { all_.clear (); }
  std::size_t size () const { return all_.size (); }

  // What is due: to be sent again through `send`, one that nobody answered returned.
  template <typename F> std::optional<Transaction> next_due (TimePoint now, F &&send)
  {
    for (auto &t : all_) {
      if (t.due > now)
        continue;
      if (!again (t, now))
        return take (stun::TransactionId (t.id));
      send (t.wire);
    }
    return {};
  }
  TimePoint poll_timeout () const;

private:
  bool again (Transaction &t, TimePoint now) const;

  Retransmission timing_;
  bool reliable_;
  std::size_t limit_;
  std::vector<Transaction> all_;
};
} // namespace reach::turn

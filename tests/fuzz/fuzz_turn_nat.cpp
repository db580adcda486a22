// SPDX-License-Identifier: LGPL-2.1-or-later
// NAT behaviour discovery with a server that answers what it likes, from where it likes. The input
// is a list of steps: {what, detail}. It always ends, asks only the server and the address that it
// named, and no inner one for a server of the outer world.
#include "turn/proto/nat_discovery.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::turn;
using namespace reach::stun;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

const Address server = Address::v4 (198, 51, 100, 1, 3478);
const Address others[] = {Address::v4 (198, 51, 100, 2, 3479), server,
    Address::v4 (10, 0, 0, 1, 80), Address::v4 (198, 51, 100, 2, 3478), Address::v4 (0, 0, 0, 0, 1),
    Address::v6 ({0x20, 1}, 3479), Address::v4 (127, 0, 0, 1, 3479),
    Address::v4 (203, 0, 113, 9, 1)};
const Address local = Address::v4 (192, 0, 2, 1, 4000);

class Driver {
public:
  explicit Driver (unsigned options) : d_ (config (options)) { d_.start (now_); }

  void step (unsigned what, unsigned detail, Bytes raw)
  {
    drain ();
    if (what % 4 == 0)
      return d_.input (raw, from (detail), now_);
    if (what % 4 == 2) {
      now_ = std::min (d_.poll_timeout (), now_ + milliseconds (detail * 100));
      return d_.timeout (now_);
    }
    answer (what, detail);
  }
  void finish ()
  {
    for (int i = 0; i < 100 && !d_.report (); i++) {
      drain ();
      require (d_.poll_timeout () != TimePoint::max ());
      now_ = std::max (now_, d_.poll_timeout ());
      d_.timeout (now_);
    }
    drain ();
    require (d_.report () && d_.poll_timeout () == TimePoint::max ());
    const NatReport r = *d_.report ();
    require (r.trouble != NatTrouble::none ||
             (r.mapping != NatBehaviour::unknown && r.filtering != NatBehaviour::unknown));
  }

private:
  static NatDiscovery::Config config (unsigned options)
  {
    NatDiscovery::Config c;
    c.crypto.random = [n = std::uint8_t{0}] (std::span<std::uint8_t> to) mutable {
      for (auto &b : to)
        b = n++;
    };
    c.server = server;
    c.local = options & 1 ? local : Address{};
    c.retransmission.requests = options >> 1 & 7;
    return c;
  }
  Address from (unsigned detail) const
  {
    Address a = detail & 1 ? others[0] : server;
    a.port = detail & 2 ? 3479 : 3478;
    return a;
  }
  void answer (unsigned what, unsigned detail)
  {
    const auto m = Message::parse (asked_);
    std::uint8_t buffer[300];
    Builder b (
        buffer, Method::binding, what & 32 ? Class::error : Class::success, m->transaction ());
    if (what & 32)
      b.error (300 + detail, "no");
    if (what & 16)
      b.xor_address (Attr::xor_mapped_address, local);
    else if (what & 64)
      b.address (Attr::mapped_address, others[detail >> 5 & 7]);
    else
      b.xor_address (Attr::xor_mapped_address, others[7]);
    b.address (Attr::other_address, others[detail >> 2 & 7]);
    if (what & 128)
      b.flag (static_cast<Attr> (detail));
    d_.input (b.message (), from (detail), now_);
  }
  void drain ()
  {
    for (auto t = d_.poll_transmit (); !t.bytes.empty (); t = d_.poll_transmit ()) {
      require (Message::parse (t.bytes).has_value ());
      require (scope_of (t.to) == Scope::global && t.to.family == Family::ipv4);
      asked_ = t.bytes;
      require (++sent_ < 100);
    }
  }

  TimePoint now_{seconds (1)};
  NatDiscovery d_;
  std::vector<std::uint8_t> asked_;
  unsigned sent_ = 0;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  ByteReader r (Bytes (data, size));
  Driver d (r.left () ? r.u8 () : 0u);
  for (int i = 0; i < 100 && r.left () >= 2; i++) {
    const unsigned what = r.u8 (), detail = r.u8 ();
    const std::size_t n = what % 4 == 0 ? std::min<std::size_t> (detail, r.left ()) : 0;
    d.step (what, detail, r.take (n));
  }
  d.finish ();
  return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Transports in one process that find each other over real sockets. Candidates go across as an
// application would carry them.
#pragma once
#include "dtls_pipe.h"
#include "rtc/net/transport.h"
#include "wait.h"

namespace reach::test {
class Peer : public Transport::Owner {
public:
  struct Seen {
    TransportState state = TransportState::fresh;
    IceState ice = IceState::fresh;
    std::vector<std::string> candidates, warnings, datagrams;
    bool gathered = false, data = false, data_closed = false, silent = false;
    unsigned pairs = 0, silences = 0;
    std::optional<IcePair> pair;
    std::size_t rtp = 0, rtcp = 0, messages = 0, message_bytes = 0;
    std::vector<std::uint8_t> last;
    std::string fault;
  };
  std::shared_ptr<Loop> loop;
  std::shared_ptr<const DtlsContext> context;
  std::unique_ptr<Transport> transport;
  Peer *other = nullptr;
  Watched<Seen> seen;
  std::function<bool (const Candidate &)> accept;        // loop thread
  std::function<bool (const Address &)> accept_from;     // loop thread
  std::function<void (std::uint16_t, Bytes)> on_message; // loop thread, instead of keeping it
  bool count_only = false;

  Peer (std::shared_ptr<Loop> l, std::shared_ptr<const DtlsContext> c, TransportSettings s)
      : loop (std::move (l)), context (std::move (c))
  {
    loop->call ([&] { transport = std::make_unique<Transport> (*loop, *this, context, s); });
  }
  ~Peer () override { end (); }
  void end ()
  {
    loop->call ([this] { transport.reset (); });
  }
  template <typename F> auto on_loop (F &&f)
  {
    decltype (f (*transport)) result{};
    loop->call ([&] { result = f (*transport); });
    return result;
  }
  TransportPeer description (DtlsRole role_of_other)
  {
    TransportPeer r;
    r.ice = on_loop ([] (Transport &t) { return t.local (); });
    r.fingerprints = {context->certificate ().fingerprint ()};
    r.own_role = role_of_other;
    r.max_message = 256 << 10;
    return r;
  }
  bool wait_state (TransportState state, milliseconds limit = long_enough)
  {
    return seen.wait ([state] (const Seen &s) { return s.state == state; }, limit);
  }

  void on_state (TransportState state) override
  {
    seen.update ([&] (Seen &s) {
      s.state = state;
      s.fault = transport->fault ();
    });
  }
  void on_local_candidate (const std::string &candidate) override
  {
    seen.update ([&] (Seen &s) { s.candidates.push_back (candidate); });
    if (Peer *p = other)
      p->loop->post ([p, candidate] {
        if (p->transport)
          p->transport->add_remote (candidate);
      });
  }
  void on_gathered () override
  {
    seen.update ([] (Seen &s) { s.gathered = true; });
    if (Peer *p = other)
      p->loop->post ([p] {
        if (p->transport)
          p->transport->end_of_candidates ();
      });
  }
  void on_ice_state (IceState state) override
  {
    seen.update ([&] (Seen &s) { s.ice = state; });
  }
  void on_pair (const IcePair &pair) override
  {
    seen.update ([&] (Seen &s) {
      s.pair = pair;
      s.pairs++;
    });
  }
  bool accept_local (const Candidate &c) override { return !accept || accept (c); }
  bool accept_binding (const Address &a) override { return !accept_from || accept_from (a); }
  void on_rtp (std::span<std::uint8_t> p) override
  {
    seen.update ([&] (Seen &s) {
      s.rtp++;
      s.last.assign (p.begin (), p.end ());
    });
  }
  void on_rtcp (std::span<std::uint8_t> p) override
  {
    seen.update ([&] (Seen &s) {
      s.rtcp++;
      s.last.assign (p.begin (), p.end ());
    });
  }
  void on_datagram (Bytes d) override
  {
    seen.update ([&] (Seen &s) {
      s.datagrams.emplace_back (reinterpret_cast<const char *> (d.data ()), d.size ());
    });
  }
  void on_data_connected (std::uint16_t) override
  {
    seen.update ([] (Seen &s) { s.data = true; });
  }
  void on_data_message (std::uint16_t stream, std::uint32_t, Bytes m) override
  {
    if (on_message)
      return on_message (stream, m);
    seen.update ([&] (Seen &s) {
      s.messages++;
      s.message_bytes += m.size ();
      s.last.assign (m.begin (), m.end ());
    });
  }
  void on_data_closed (SctpFault) override
  {
    seen.update ([] (Seen &s) { s.data_closed = true; });
  }
  void on_silence (bool silent) override
  {
    seen.update ([&] (Seen &s) {
      s.silent = silent;
      s.silences += silent;
    });
  }
  void on_warning (const std::string &what) override
  {
    seen.update ([&] (Seen &s) { s.warnings.push_back (what); });
  }
};

inline TransportSettings loopback_settings (bool controlling)
{
  TransportSettings s;
  s.ice.controlling = controlling;
  s.ice.addresses = {"127.0.0.1"};
  return s;
}

// `a` is controlling and, as who offers usually is, DTLS server.
inline void introduce (Peer &a, Peer &b, bool gather = true)
{
  a.other = &b;
  b.other = &a;
  const TransportPeer of_a = a.description (DtlsRole::client),
                      of_b = b.description (DtlsRole::server);
  fail_unless (b.on_loop ([&] (Transport &t) { return t.set_remote (of_a); }));
  fail_unless (a.on_loop ([&] (Transport &t) { return t.set_remote (of_b); }));
  for (Peer *p : {&a, &b})
    if (gather)
      p->loop->call ([p] { p->transport->gather (); });
}

struct PeerPair {
  std::shared_ptr<Loop> loop_a, loop_b;
  Peer a, b;
  explicit PeerPair (TransportSettings sa = loopback_settings (true),
      TransportSettings sb = loopback_settings (false),
      std::shared_ptr<const DtlsContext> ca = make_context (),
      std::shared_ptr<const DtlsContext> cb = make_context ())
      : loop_a (std::make_shared<Loop> ("peer-a")), loop_b (std::make_shared<Loop> ("peer-b")),
        a (loop_a, ca, sa), b (loop_b, cb, sb)
  {
  }
  ~PeerPair ()
  {
    a.end ();
    b.end ();
    loop_a->call ([] {});
    loop_b->call ([] {});
  }
  void connect ()
  {
    introduce (a, b);
    expect_connected ();
  }
  void expect_connected ()
  {
    for (Peer *p : {&a, &b})
      fail_unless (p->wait_state (TransportState::connected), "%s, ICE %s: %s",
          to_text (p->seen.get ().state), to_text (p->seen.get ().ice),
          p->seen.get ().fault.c_str ());
  }
};

inline std::vector<std::uint8_t> make_rtp (std::uint16_t number, std::size_t payload = 1000)
{
  std::vector<std::uint8_t> p (12 + payload, static_cast<std::uint8_t> (number));
  p[0] = 0x80;
  p[1] = 96;
  store_be (&p[2], number);
  store_be<std::uint32_t> (&p[8], 77);
  return p;
}

// From the test's thread, as streaming threads do. How many left.
inline std::size_t send_rtp (Peer &p, std::uint16_t first, unsigned n, std::size_t payload = 1000)
{
  std::vector<std::vector<std::uint8_t>> rooms;
  std::vector<MediaSender::Packet> packets;
  for (unsigned i = 0; i < n; i++) {
    rooms.push_back (make_rtp (static_cast<std::uint16_t> (first + i), payload));
    const std::size_t size = rooms.back ().size ();
    rooms.back ().resize (size + MediaSender::trailer);
    packets.push_back ({rooms.back (), size});
  }
  return p.transport->sender ()->send_rtp (packets);
}
} // namespace reach::test

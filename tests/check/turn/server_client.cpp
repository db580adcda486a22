// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's core against the server's, on one clock, with and without loss.
#include "server_rig.h"
#include "turn/proto/client.h"

using namespace reach;
using namespace reach::test;

namespace {
class Pair {
public:
  explicit Pair (turn::Mode mode, unsigned lose_every = 0)
      : client (config (mode)),
        lose_every_ (lose_every), self_{rig.udp, Address::v4 (203, 0, 113, 5, 40000)}
  {
    client.connected (Address::v4 (198, 51, 100, 1, 3478), rig.now);
    client.allocate (rig.now);
    exchange ();
  }
  // Until both have nothing to say.
  void exchange ()
  {
    for (auto wire = client.poll_transmit (); !wire.empty (); wire = client.poll_transmit ())
      if (!lost ())
        if (const auto s = rig.input (self_, wire);
            s && s->kind == ts::Transmit::Kind::reply && !lost ())
          client.input (s->bytes, rig.now);
    while (client.poll_event ()) {
    }
  }
  void pass (Duration d)
  {
    for (const TimePoint end = rig.now + d; rig.now < end;) {
      const TimePoint due = std::min (client.poll_timeout (), rig.core.poll_timeout ());
      rig.now = std::clamp (due, rig.now, end);
      client.timeout (rig.now);
      rig.core.timeout (rig.now);
      rig.take ();
      exchange ();
    }
  }
  // What the server makes of it for the peer.
  std::string send (std::string_view payload)
  {
    Blob wire (turn::Client::max_header);
    const auto w = client.wrap (peer4, payload.size (), wire, rig.now);
    exchange ();
    if (w.route != turn::Client::Route::channel && w.route != turn::Client::Route::indication)
      return "";
    wire.resize (w.header);
    wire.insert (wire.end (), payload.begin (), payload.end ());
    wire.resize (wire.size () + w.padding);
    const auto s = rig.input (self_, wire);
    return s && s->peer == peer4 ? std::string (s->bytes.begin (), s->bytes.end ()) : "";
  }
  std::string receive (std::string_view payload)
  {
    const auto s = rig.peer (rig.ports.opened.begin ()->first, peer4, as_bytes (payload));
    const auto d = s ? client.unwrap (s->bytes) : std::nullopt;
    return d ? std::string (d->payload.begin (), d->payload.end ()) : "";
  }
  Rig rig;
  turn::Client client;

private:
  static turn::Config config (turn::Mode mode)
  {
    turn::Config c;
    c.crypto = turn_crypto (7);
    c.credentials.kind = turn::Credentials::Kind::long_term;
    c.credentials.username = "alice";
    c.credentials.password = "secret";
    c.mode = mode;
    return c;
  }
  bool lost () { return lose_every_ > 0 && ++count_ % lose_every_ == 0; }

  unsigned lose_every_, count_ = 0;
  ts::Client self_;
};

// An hour: nonces, the allocation, permissions and channels all run out several times.
void live (Pair &p)
{
  for (int i = 0; i < 10 && p.send ("first").empty (); i++)
    p.pass (seconds (2));
  for (int minute = 0; minute < 60; minute++) {
    fail_unless_equals_string (p.send ("to the peer").c_str (), "to the peer");
    fail_unless_equals_string (p.receive ("to the client").c_str (), "to the client");
    p.pass (seconds (60));
  }
  fail_unless (p.rig.core.stats ().created == 1 && p.rig.core.allocations () == 1);
  p.client.close (p.rig.now);
  for (int i = 0; i < 10 && p.rig.core.allocations () > 0; i++) {
    p.exchange ();
    p.pass (seconds (1));
  }
  fail_unless (p.rig.core.allocations () == 0);
}
} // namespace

GST_START_TEST (test_an_hour)
{
  for (const turn::Mode mode :
      {turn::Mode::channel, turn::Mode::indication, turn::Mode::automatic}) {
    Pair p (mode);
    fail_unless (p.client.state () == turn::Client::State::allocated);
    live (p);
  }
}
GST_END_TEST

GST_START_TEST (test_an_hour_with_loss)
{
  for (const unsigned every : {3u, 5u, 7u}) {
    Pair p (turn::Mode::automatic, every);
    p.pass (seconds (20));
    fail_unless (p.client.state () == turn::Client::State::allocated, "%u", every);
    live (p);
  }
}
GST_END_TEST

static Suite *server_client_suite ()
{
  Suite *s = suite_create ("turn-server-client");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_an_hour);
  tcase_add_test (tc, test_an_hour_with_loss);
  return s;
}
GST_CHECK_MAIN (server_client)

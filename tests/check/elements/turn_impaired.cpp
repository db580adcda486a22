// SPDX-License-Identifier: LGPL-2.1-or-later
// The relay elements over a bad UDP network to their server: coturn, and turnserver.
#include "../plugin.h"
#include "../udp_relay.h"
#include "turn_pipeline.h"
#include "turn_server.h"
#include <algorithm>
#include <optional>

using namespace reach;
using namespace reach::test;

namespace {
constexpr unsigned n_packets = 400, at_once = 20;

impair::Profile losing (double percent)
{
  impair::Profile p;
  p.loss = percent;
  return p;
}

std::string packet (unsigned n)
{
  std::string s = "media " + std::to_string (n) + " ";
  s.resize (200, '.');
  return s;
}

std::optional<unsigned> number_in (std::string_view bytes) // nothing: it is no media
{
  const std::size_t at = bytes.find ("media ");
  if (at == bytes.npos)
    return {};
  return static_cast<unsigned> (
      std::strtoul (std::string (bytes.substr (at + 6)).c_str (), nullptr, 10));
}

// What has come to the bad network, and what has gone on.
struct Seen {
  struct Direction {
    unsigned others = 0; // requests and answers that have come
    unsigned came = 0;
    std::vector<unsigned> went;
  };
  Direction forward, back;
};

// An element of ours, the bad network, a server, and a peer of the server.
class Rig {
  std::optional<Coturn> coturn_;
  std::optional<TurnServer> own_;

public:
  Rig (bool ours, const std::string &options, const impair::Profile &profile = {})
  {
    if (ours)
      own_.emplace ("allowed-peers=127.0.0.0/8 default-lifetime=4");
    else
      coturn_.emplace ();
    net.emplace (ours ? own_->port () : coturn_->port (), profile, 1,
        [this] (bool forward, bool out, Bytes packet) { observe (forward, out, packet); });
    call.emplace (
        "turn:user:pass@127.0.0.1:" + std::to_string (net->port ()), options, address_of (peer));
  }
  Rig (const Rig &) = delete;
  Rig &operator= (const Rig &) = delete;

  guint64 stat (const char *name) const { return call->stat ("sink", name); }
  std::string relayed () const { return call->text ("sink", "relayed-address"); }
  void refresh ()
  {
    GstElement *sink = call->by_name ("sink");
    gboolean ok = FALSE;
    g_signal_emit_by_name (sink, "refresh", 600u, &ok);
    gst_object_unref (sink);
    fail_unless (ok);
  }
  // After packets in both directions, while a refresh is asked for.
  void fall_silent ()
  {
    call->play ();
    exchange (*call, peer);
    was = relayed ();
    net->set_profile (losing (100));
    refresh ();
  }
  // Numbered packets to the peer and then from it. Exactly those arrive that the network has let
  // through, in the order in which it has, and as often.
  void stream ()
  {
    const Seen before = seen.get ();
    fail_unless (before.forward.went.empty ());
    for (unsigned n = 0; n < n_packets; n++) {
      call->push (packet (n));
      if ((n + 1) % at_once == 0)
        fail_unless (seen.wait ([n] (const Seen &s) { return s.forward.came == n + 1; }));
    }
    check (all_out (true).forward.went, [this] {
      std::string got;
      fail_unless (peer.receive (got));
      return got;
    });
    for (unsigned n = 0; n < n_packets; n++) {
      peer.reply (packet (n));
      if ((n + 1) % at_once == 0)
        fail_unless (seen.wait ([n] (const Seen &s) { return s.back.came == n + 1; }));
    }
    check (all_out (false).back.went, [this] { return call->pull (); });
    fail_unless (call->counts ("src", "packets-received", seen.get ().back.went.size ()));
    fail_unless (!peer.has_more ());
  }

  Watched<Seen> seen;
  UdpPeer peer;
  std::optional<UdpRelay> net;
  std::optional<Call> call;
  std::string was; // the relayed address

private:
  void observe (bool forward, bool out, Bytes bytes)
  {
    const auto n = number_in ({reinterpret_cast<const char *> (bytes.data ()), bytes.size ()});
    seen.update ([&] (Seen &s) {
      Seen::Direction &d = forward ? s.forward : s.back;
      if (n && out)
        d.went.push_back (*n);
      else if (!out)
        (n ? d.came : d.others)++;
    });
  }
  Seen all_out (bool forward)
  {
    fail_unless (iterate_until ([&] {
      const impair::Counters c = net->total (forward);
      return c.packets_out == c.packets_in - c.lost - c.queue_dropped + c.duplicated;
    }));
    return seen.get ();
  }
  void check (const std::vector<unsigned> &expected, const std::function<std::string ()> &next)
  {
    fail_unless (!expected.empty ());
    for (const unsigned n : expected)
      fail_unless (next () == packet (n), "packet %u", n);
  }
};

// Each server and mode.
constexpr int ways = 4;
bool is_ours (int way)
{
  return way % 2 == 1;
}
std::string mode_of (int way)
{
  return way < 2 ? " mode=channel" : " mode=indication";
}
bool is_there (bool ours)
{
  return ours || Coturn::there ();
}
using Rigs = std::vector<std::unique_ptr<Rig>>;
Rigs one_of_each (const std::string &options)
{
  Rigs rigs;
  for (const bool ours : {false, true})
    if (is_there (ours))
      rigs.push_back (std::make_unique<Rig> (ours, options));
  return rigs;
}
bool wait_sendable (Call &call, int way)
{
  return wait_sink (call, way < 2 ? "turn-channel-bound" : "turn-permission-created");
}
std::size_t different (std::vector<unsigned> v)
{
  std::ranges::sort (v);
  return static_cast<std::size_t> (std::unique (v.begin (), v.end ()) - v.begin ());
}
} // namespace

// First nothing passes, then four of five.
GST_START_TEST (test_loss)
{
  if (!is_there (is_ours (__i__)))
    return;
  Rig rig (is_ours (__i__), "rto=50 max-retries=10" + mode_of (__i__), losing (100));
  rig.call->play ();
  fail_unless (rig.seen.wait ([] (const Seen &s) { return s.forward.others >= 3; }));
  rig.net->set_profile (losing (20));
  fail_unless (wait_sendable (*rig.call, __i__));
  fail_unless (rig.stat ("retransmissions") >= 3);
  rig.stream ();
  const Seen s = rig.seen.get ();
  for (const auto *d : {&s.forward, &s.back}) {
    fail_unless (d->went.size () < n_packets && d->went.size () > n_packets / 2);
    fail_unless (different (d->went) == d->went.size ());
  }
  fail_unless_equals_uint64 (rig.stat ("allocations"), 1);
  fail_unless_equals_uint64 (rig.stat ("allocations-lost"), 0);
}
GST_END_TEST

// All requests and answers come twice.
GST_START_TEST (test_doubled_and_reordered)
{
  if (!is_there (is_ours (__i__)))
    return;
  impair::Profile bad;
  bad.duplicate = 100;
  Rig rig (is_ours (__i__), mode_of (__i__), bad);
  rig.call->play ();
  fail_unless (wait_sendable (*rig.call, __i__));
  fail_unless (iterate_until ([&] { return rig.stat ("unmatched") >= 3; }));
  bad.duplicate = bad.reorder = 20;
  rig.net->set_profile (bad);
  rig.stream ();
  const Seen s = rig.seen.get ();
  for (const auto *d : {&s.forward, &s.back}) {
    fail_unless (d->went.size () > n_packets);
    fail_unless (different (d->went) == n_packets);
    fail_unless (!std::ranges::is_sorted (d->went));
  }
  fail_unless_equals_uint64 (rig.stat ("allocations"), 1);
  fail_unless_equals_uint64 (rig.stat ("allocations-lost"), 0);
}
GST_END_TEST

// Seconds in which nothing passes, and a refresh is due. Patient ones get their answer at last, and
// have lost nothing but packets. Hasty ones give up, and begin again.
GST_START_TEST (test_silence)
{
  Rigs patient = one_of_each ("lifetime=600 rto=150");
  Rigs hasty = one_of_each ("lifetime=600 rto=50 max-retries=3");
  for (const Rigs *rigs : {&patient, &hasty})
    for (const auto &r : *rigs)
      r->fall_silent ();
  for (const auto &r : hasty) // 2.3 s
    fail_unless (wait_sink (*r->call, "turn-allocation-lost"));
  for (const auto &r : patient) // 2.2 s
    fail_unless (iterate_until ([&] { return r->stat ("retransmissions") >= 4; }));
  for (const Rigs *rigs : {&patient, &hasty})
    for (const auto &r : *rigs)
      r->net->set_profile ({});
  for (const auto &r : hasty) {
    fail_unless (wait_sink (*r->call, "turn-allocated"));
    flows_again (*r->call, r->peer);
    fail_unless (r->relayed () != r->was);
  }
  for (const auto &r : patient) {
    fail_unless (wait_sink (*r->call, "turn-refreshed"));
    exchange (*r->call, r->peer);
    fail_unless_equals_string (r->relayed ().c_str (), r->was.c_str ());
    fail_unless_equals_uint64 (r->stat ("allocations-lost"), 0);
  }
}
GST_END_TEST

// The server sees another port, of which it knows nothing.
GST_START_TEST (test_nat_rebinds)
{
  const bool ours = is_ours (__i__);
  if (!is_there (ours))
    return;
  Rig rig (ours, ours ? "lifetime=4" : "");
  rig.call->play ();
  exchange (*rig.call, rig.peer);
  const std::string relayed = rig.relayed ();
  rig.net->rebind ();
  if (!ours) // it gives ten minutes until the next refresh
    rig.refresh ();
  const MessagePtr m = wait_message (rig.call->get (), GST_MESSAGE_ELEMENT,
      [] (GstMessage *x) { return came_from_sink (x, "turn-allocation-lost"); });
  guint code = 0;
  fail_unless (m && gst_structure_get_uint (gst_message_get_structure (m.get ()), "code", &code));
  fail_unless_equals_int (code, 437);
  fail_unless (wait_sink (*rig.call, "turn-allocated"));
  flows_again (*rig.call, rig.peer);
  fail_unless (rig.relayed () != relayed);
}
GST_END_TEST

static Suite *turn_impaired_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-impaired");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_loss, 0, ways);
  tcase_add_loop_test (tc, test_doubled_and_reordered, 0, ways);
  tcase_add_test (tc, test_silence);
  tcase_add_loop_test (tc, test_nat_rebinds, 0, 2);
  return s;
}
GST_CHECK_MAIN (turn_impaired)

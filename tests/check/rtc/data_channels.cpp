// SPDX-License-Identifier: LGPL-2.1-or-later
// DCEP and the table of data channels, two of them with their messages carried by hand.
#include "rtc/proto/data_channels.h"
#include "check.h"

using namespace reach;
using namespace reach::rtc;
using Kind = DataChannels::Event::Kind;

namespace {
// Two tables; what one sends the other gets at once.
struct Pair {
  DataChannels a, b;
  std::vector<std::pair<DataChannels *, DataChannels::Event>> events;
  explicit Pair (ChannelLimits limits = {}) : a (limits), b (limits)
  {
    a.set_dtls_client (true);
    b.set_dtls_client (false);
  }
  void connect ()
  {
    a.connected (1024);
    b.connected (1024);
    run ();
  }
  static bool step (DataChannels &from, DataChannels &to)
  {
    bool any = false;
    while (auto t = from.poll_transmit ()) {
      to.input (t->stream, t->ppid, t->bytes);
      any = true;
    }
    while (auto r = from.poll_reset ()) {
      from.reset_done (*r);
      to.input_reset (*r);
      any = true;
    }
    return any;
  }
  void run ()
  {
    for (bool any = true; any;) {
      any = step (a, b);
      any = step (b, a) || any;
      for (DataChannels *d : {&a, &b})
        while (auto e = d->poll_event ())
          events.emplace_back (d, *e);
    }
  }
  unsigned seen (const DataChannels &of, Kind kind) const
  {
    unsigned n = 0;
    for (const auto &[d, e] : events)
      n += d == &of && e.kind == kind;
    return n;
  }
  ChannelHandle incoming (const DataChannels &of) const
  {
    for (const auto &[d, e] : events)
      if (d == &of && e.kind == Kind::incoming)
        return e.channel;
    return 0;
  }
};
ChannelHandle create (DataChannels &d, ChannelConfig c = {})
{
  ChannelError error;
  const ChannelHandle h = d.create (std::move (c), error);
  fail_unless (h != 0, "%s", to_text (error));
  return h;
}
ChannelError refused (DataChannels &d, ChannelConfig c)
{
  ChannelError error;
  fail_unless (d.create (std::move (c), error) == 0);
  return error;
}
} // namespace

GST_START_TEST (test_messages)
{
  DcepOpen open{"läbel", "proto", 512, {false, 3, {}}};
  const auto wire = dcep_build (open);
  const auto back = dcep_parse (wire, 100);
  const auto &o = std::get<DcepOpen> (*back);
  fail_unless (o.label == open.label && o.protocol == "proto" && o.priority == 512);
  fail_unless (!o.reliability.ordered && o.reliability.max_retransmits == 3u);
  fail_unless (!o.reliability.max_lifetime);
  // RFC 8832, 5.1: unordered with a limit of retransmissions is 0x81.
  fail_unless (wire[0] == 3 && wire[1] == 0x81 && wire[7] == 3);
  for (std::size_t n = 0; n < wire.size (); n++)
    fail_unless (!dcep_parse (Bytes (wire).first (n), 100));
  fail_unless (!dcep_parse (wire, 4));
  auto longer = wire;
  longer.push_back (0);
  fail_unless (!dcep_parse (longer, 100));
  auto lies = wire;
  lies[9]++; // the label's length
  fail_unless (!dcep_parse (lies, 100));
  auto kind = wire;
  kind[1] = 3;
  fail_unless (!dcep_parse (kind, 100));
  fail_unless (dcep_parse (dcep_build (DcepAck{}), 0).has_value ());
}
GST_END_TEST

GST_START_TEST (test_open_and_close)
{
  Pair p;
  const ChannelHandle early = create (p.a, {"early", {}, {}, false, {}, 256});
  fail_unless (p.a.find (early)->state == ChannelState::connecting);
  p.connect ();
  fail_unless (p.a.find (early)->state == ChannelState::open);
  fail_unless_equals_int (*p.a.find (early)->config.id, 0); // the client's are even
  const ChannelHandle there = p.incoming (p.b);
  fail_unless (p.b.find (there)->config.label == "early");
  const ChannelHandle late = create (p.b);
  p.run ();
  fail_unless_equals_int (*p.b.find (late)->config.id, 1);

  DataChannels::Route route;
  fail_unless (p.a.route (early, true, 5, route) == ChannelError::none);
  const auto got = p.b.input (route.stream, route.ppid, as_bytes ("hello"));
  fail_unless (got && got->channel == there && got->text && got->bytes.size () == 5);
  fail_unless (p.a.route (early, false, 0, route) == ChannelError::none && route.empty);
  const std::uint8_t zero = 0;
  fail_unless (p.b.input (route.stream, route.ppid, Bytes (&zero, 1))->bytes.empty ());

  p.a.close (early);
  p.run ();
  fail_unless (!p.a.find (early) && !p.b.find (there));
  fail_unless_equals_int (p.seen (p.a, Kind::closed), 1);
  fail_unless_equals_int (p.seen (p.b, Kind::closed), 1);
  fail_unless (p.a.route (early, true, 1, route) == ChannelError::no_channel);
  // The id is free again.
  fail_unless_equals_int (*p.a.find (create (p.a))->config.id, 0);
  p.a.disconnected ();
  p.run ();
  fail_unless_equals_int (p.a.size (), 0);
}
GST_END_TEST

GST_START_TEST (test_negotiated)
{
  Pair p;
  const ChannelConfig c{"n", {}, {}, true, 7, 256};
  const ChannelHandle a = create (p.a, c), b = create (p.b, c);
  p.connect ();
  fail_unless (p.a.find (a)->state == ChannelState::open);
  fail_unless (p.b.find (b)->state == ChannelState::open);
  fail_unless_equals_int (p.seen (p.b, Kind::incoming), 0);
  fail_unless (refused (p.a, c) == ChannelError::id_taken);
  fail_unless (refused (p.a, {"", {}, {}, true, {}, 0}) == ChannelError::bad_config);
  fail_unless (refused (p.a, {"", {}, {true, 1, 1}, false, {}, 0}) == ChannelError::bad_config);
  fail_unless (refused (p.a, {"", {}, {}, false, 1024, 0}) == ChannelError::id_taken);
}
GST_END_TEST

// Unordered data may come before the OPEN's ACK, and must then not be sent before it is there.
GST_START_TEST (test_ordered_until_acknowledged)
{
  DataChannels a, b;
  a.set_dtls_client (true);
  b.set_dtls_client (false);
  a.connected (1024);
  b.connected (1024);
  const ChannelHandle h = create (a, {"u", {}, {false, {}, {}}, false, {}, 256});
  DataChannels::Route route;
  fail_unless (a.route (h, true, 1, route) == ChannelError::not_open);
  const auto open = a.poll_transmit ();
  b.input (open->stream, open->ppid, open->bytes);
  const auto ack = b.poll_transmit ();
  // Data overtakes the ACK: it is as good.
  fail_unless (a.input (0, ppid_string, as_bytes ("x")).has_value ());
  fail_unless (a.find (h)->state == ChannelState::open);
  fail_unless (a.route (h, true, 1, route) == ChannelError::none && !route.reliability.ordered);
  a.input (ack->stream, ack->ppid, ack->bytes); // too late, and harmless
  fail_unless (a.find (h)->state == ChannelState::open);
}
GST_END_TEST

// Each of these is dropped and counted, and changes nothing.
GST_START_TEST (test_hostile)
{
  Pair p ({2, 16, 8, 1000});
  p.connect ();
  const auto open = dcep_build (DcepOpen{"x", "", 0, {}});
  p.a.input (0, ppid_dcep, open);  // of our half of the ids
  p.a.input (17, ppid_dcep, open); // beyond the streams
  p.a.input (3, ppid_dcep, dcep_build (DcepAck{}));
  p.a.input (1, ppid_binary, open); // nobody has opened it
  p.a.input (1, ppid_dcep, Bytes (open).first (5));
  p.a.input (1, ppid_dcep, dcep_build (DcepOpen{"too long a label", "", 0, {}}));
  fail_unless_equals_int (p.a.faults (), 6);
  fail_unless_equals_int (p.a.size (), 0);
  p.a.input (1, ppid_dcep, open);
  p.a.input (1, ppid_dcep, open); // is open
  p.a.input (1, 4711, open);      // a PPID that nobody knows
  p.a.input (1, ppid_binary_partial, open);
  fail_unless_equals_int (p.a.faults (), 9);
  p.a.input (3, ppid_dcep, open);
  p.a.input (5, ppid_dcep, open); // one too many: its stream is reset
  fail_unless_equals_int (p.a.size (), 2);
  fail_unless_equals_int (p.a.poll_reset ().value_or (0), 5);
  fail_unless (refused (p.a, {}) == ChannelError::too_many);
  for (int i = 0; i < 1000; i++) // a storm of resets, of streams with channels and without
    p.a.input_reset (static_cast<std::uint16_t> (i));
  unsigned resets = 0;
  while (p.a.poll_reset ())
    resets++;
  fail_unless_equals_int (resets, 2);
  DataChannels::Route route;
  fail_unless (p.a.route (1, true, 1, route) == ChannelError::not_open);
}
GST_END_TEST

static Suite *data_channels_suite (void)
{
  Suite *s = suite_create ("rtc-data_channels");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_messages);
  tcase_add_test (t, test_open_and_close);
  tcase_add_test (t, test_negotiated);
  tcase_add_test (t, test_ordered_until_acknowledged);
  tcase_add_test (t, test_hostile);
  return s;
}
GST_CHECK_MAIN (data_channels)

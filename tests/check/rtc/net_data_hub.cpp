// SPDX-License-Identifier: LGPL-2.1-or-later
// Data channels of two peers over SCTP: what is sent from any thread, in which order, within which
// bounds, and that every channel ends once.
#include "hub_pair.h"
#include <thread>

using namespace reach;
using namespace reach::test;

namespace {
using Seen = SeenChannel::Seen;
using Sent = ChannelPort::Sent;

bool open (const Seen &s)
{
  return s.opened;
}
bool closed (const Seen &s)
{
  return s.closed;
}
auto messages (std::size_t n)
{
  return [n] (const Seen &s) { return s.messages.size () >= n; };
}
ChannelConfig labelled (const char *label)
{
  ChannelConfig c;
  c.label = label;
  return c;
}
} // namespace

GST_START_TEST (test_messages_both_ways)
{
  HubPair p;
  TestChannel c;
  ChannelConfig config = labelled ("chat");
  config.protocol = "words";
  p.a.create (c, config);
  fail_unless (c.wait (open));
  fail_unless_equals_int (c.seen ().id % 2, 0);
  fail_unless (p.b.wait_incoming (1));
  const TestChannel d = p.b.incoming.get ()[0];
  p.b.loop.call ([&] {
    const auto *channel = p.b.hub->find (d.handle);
    fail_unless (channel && channel->config.label == "chat" && channel->config.protocol == "words");
  });
  fail_unless (c.send ("hello") == Sent::yes);
  fail_unless (c.send ("") == Sent::yes);
  fail_unless (c.send ("", false) == Sent::yes);
  fail_unless (c.send (std::string (256 << 10, 'x'), false) == Sent::yes);
  fail_unless (d.wait (messages (4)));
  const auto got = d.seen ().messages;
  fail_unless ((got[0] == std::pair (true, std::string ("hello"))));
  fail_unless ((got[1] == std::pair (true, std::string ())));
  fail_unless ((got[2] == std::pair (false, std::string ())));
  fail_unless ((got[3] == std::pair (false, std::string (256 << 10, 'x'))));
  fail_unless (d.send ("back") == Sent::yes);
  fail_unless (c.wait (messages (1)));
  fail_unless (c.seen ().errors.empty () && d.seen ().errors.empty ());
}
GST_END_TEST

GST_START_TEST (test_negotiated)
{
  HubPair p (false);
  TestChannel c, d, e;
  ChannelConfig config = labelled ("known");
  config.negotiated = true;
  config.id = 7;
  p.a.create (c, config);
  p.b.create (d, config);
  fail_unless (c.send ("too early") == Sent::not_open);
  p.connect ();
  fail_unless (c.wait (open) && d.wait (open));
  fail_unless_equals_int (c.seen ().id, 7);
  fail_unless (c.send ("1") == Sent::yes && d.wait (messages (1)));
  p.a.create (e, config); // the id is taken
  fail_unless (e.handle == 0 && e.seen ().closed && e.seen ().errors.size () == 1);
  fail_unless (e.send ("x") == Sent::not_open);
}
GST_END_TEST

// What a pad sends before there is a peer is the channel's beginning; also when it has ended by
// then.
GST_START_TEST (test_early_messages)
{
  HubPair p (false);
  TestChannel c ({.early = true}), before_create ({.early = true});
  fail_unless (before_create.send ("0") == Sent::yes);
  before_create.port->close ();
  fail_unless (before_create.send ("1") == Sent::not_open);
  p.a.create (c, labelled ("c"));
  p.a.create (before_create, labelled ("before"));
  fail_unless (c.send ("1") == Sent::yes && c.send ("2") == Sent::yes);
  p.connect ();
  fail_unless (p.b.wait_incoming (2));
  for (const TestChannel &d : p.b.incoming.get ()) {
    const bool is_c = d.seen ().id == 0;
    fail_unless (d.wait (messages (is_c ? 2 : 1)));
    fail_unless_equals_string (d.seen ().messages[0].second.c_str (), is_c ? "1" : "0");
  }
  fail_unless (before_create.wait (closed));
}
GST_END_TEST

// close () is after what was sent, however much that is; the id is free afterwards.
GST_START_TEST (test_close_sends_what_waits)
{
  HubPair p;
  TestChannel c;
  p.a.create (c, labelled ("c"));
  fail_unless (c.wait (open) && p.b.wait_incoming (1));
  const TestChannel d = p.b.incoming.get ()[0];
  constexpr unsigned n = 60;
  for (unsigned i = 0; i < n; i++)
    fail_unless (c.send (std::string (200000, static_cast<char> ('a' + i % 26))) == Sent::yes);
  c.port->close ();
  fail_unless (c.send ("late") == Sent::not_open);
  fail_unless (c.wait (closed) && d.wait (closed));
  fail_unless_equals_int (d.seen ().messages.size (), n);
  for (unsigned i = 0; i < n; i++)
    fail_unless (d.seen ().messages[i].second[0] == static_cast<char> ('a' + i % 26));
  for (const Seen &s : {c.seen (), d.seen ()})
    fail_unless (s.closing && s.after_end == 0 && s.errors.empty ());
  TestChannel next;
  p.a.create (next, labelled ("next"));
  fail_unless (next.wait (open));
  fail_unless_equals_int (next.seen ().id, c.seen ().id);
  p.a.loop.call ([&] {
    const auto t = p.a.hub->totals ();
    fail_unless (t.requested == 2 && t.opened == 2 && t.closed == 1 && t.accepted == 0);
  });
}
GST_END_TEST

// Full says so, nothing is lost of what was taken, and buffered () gets down to 0.
GST_START_TEST (test_back_pressure)
{
  HubPair p;
  TestChannel c ({.bytes = 1 << 20});
  p.a.create (c, labelled ("c"));
  fail_unless (c.wait (open) && p.b.wait_incoming (1));
  const TestChannel d = p.b.incoming.get ()[0];
  c.port->set_low_threshold (300000);
  p.a.hold = true;
  unsigned sent = 0;
  Sent last = Sent::yes;
  for (; sent < 1000; sent++) {
    last = c.send (std::string (64 << 10, 'x'), false);
    if (last != Sent::yes)
      break;
    fail_unless (c.port->buffered () <= 1 << 20);
  }
  fail_unless (last == Sent::full);
  fail_unless (c.port->buffered () > 1 << 19);
  p.a.hold = false;
  fail_unless (c.wait ([] (const Seen &s) { return s.low >= 1; }));
  fail_unless (d.wait (messages (sent)));
  c.port->set_low_threshold (0);
  const unsigned lows = c.seen ().low;
  while (c.port->buffered () == 0) // then there is something to get down from
    if (c.send (std::string (64 << 10, 'x'), false) == Sent::full)
      break;
  fail_unless (c.wait ([lows] (const Seen &s) { return s.low > lows; }));
  // Each time it was down to 0 is told; the last of them may be still to come.
  fail_unless (iterate_until ([&] { return c.port->buffered () == 0; }));
}
GST_END_TEST

GST_START_TEST (test_message_limits)
{
  HubPair p;
  TestChannel c;
  p.a.create (c, labelled ("c"));
  fail_unless (c.wait (open));
  fail_unless (c.send (std::string ((256 << 10) + 1, 'x')) == Sent::too_big);
  p.a.loop.call ([&] { p.a.hub->set_max_message (1000); });
  fail_unless (c.send (std::string (1001, 'x')) == Sent::too_big);
  fail_unless (c.send (std::string (1000, 'x')) == Sent::yes);
  p.a.loop.call ([&] { p.a.hub->set_max_message (0); }); // any
  fail_unless (c.send (std::string (1001, 'x')) == Sent::yes);
  // Where the limit was not known yet, the message is left out and told.
  TestChannel early ({.early = true});
  fail_unless (early.send (std::string (300000, 'x')) == Sent::yes);
  fail_unless (early.send ("fits") == Sent::yes);
  p.a.create (early, labelled ("early"));
  fail_unless (p.b.wait_incoming (2));
  const TestChannel d = p.b.incoming.get ()[1];
  fail_unless (d.wait (messages (1)));
  fail_unless_equals_string (d.seen ().messages[0].second.c_str (), "fits");
  fail_unless_equals_int (early.seen ().errors.size (), 1);
  TestChannel few ({.messages = 3, .early = true});
  for (const Sent expected : {Sent::yes, Sent::yes, Sent::yes, Sent::full})
    fail_unless (few.send ("") == expected);
}
GST_END_TEST

// SCTP has room for less than one message of each channel: all arrive all the same, and so do new
// channels.
GST_START_TEST (test_little_room)
{
  SctpSettings settings;
  settings.queue = 100000;
  settings.send_buffer = 100000;
  HubPair p (true, settings);
  std::vector<TestChannel> channels (6);
  for (TestChannel &c : channels)
    p.a.create (c, labelled ("c"));
  for (TestChannel &c : channels)
    fail_unless (c.wait (open));
  constexpr unsigned n = 20;
  for (unsigned i = 0; i < n; i++)
    for (TestChannel &c : channels)
      fail_unless (c.send (std::string (60000, static_cast<char> ('a' + i))) == Sent::yes);
  TestChannel late;
  p.a.create (late, labelled ("late"));
  fail_unless (p.b.wait_incoming (7));
  for (unsigned k = 0; k < 6; k++) {
    const TestChannel d = p.b.incoming.get ()[k];
    fail_unless (d.wait (messages (n)));
    for (unsigned i = 0; i < n; i++)
      fail_unless (d.seen ().messages[i].second[0] == static_cast<char> ('a' + i));
  }
  fail_unless (late.wait (open));
  for (TestChannel &c : channels)
    fail_unless (iterate_until ([&] { return c.port->buffered () == 0; }));
}
GST_END_TEST

GST_START_TEST (test_refused_and_too_many)
{
  HubPair p (true, {}, {.channels = 3});
  p.b.refuse = true;
  TestChannel c;
  p.a.create (c, labelled ("c"));
  fail_unless (c.wait (closed));
  TestChannel many[4];
  for (TestChannel &m : many)
    p.b.create (m, labelled ("m"));
  fail_unless (many[3].seen ().closed && many[3].seen ().errors.size () == 1);
  fail_unless (many[0].wait (open));
}
GST_END_TEST

// The end of the association is each channel's, with the reason; of hubs too.
GST_START_TEST (test_association_ends)
{
  HubPair p;
  TestChannel c, waiting;
  p.a.create (c, labelled ("c"));
  fail_unless (c.wait (open) && p.b.wait_incoming (1));
  const TestChannel d = p.b.incoming.get ()[0];
  p.a.loop.call ([&] { p.a.association->close (); }); // ABORT
  fail_unless (d.wait (closed));
  fail_unless (d.seen ().errors.size () == 1 && d.seen ().after_end == 0);
  fail_unless (d.send ("x") == Sent::not_open);
  p.b.create (waiting, labelled ("waits for an association"));
  p.b.end ();
  fail_unless (waiting.wait (closed));
  p.a.end ();
  fail_unless (c.wait (closed));
  fail_unless (c.seen ().errors.empty ()); // it was our own end
  fail_unless (c.send ("x") == Sent::not_open);
  c.port->close ();
}
GST_END_TEST

// Senders on threads of their own, a channel that is closed by its own callback, a hub that goes
// meanwhile.
GST_START_TEST (test_threads)
{
  for (unsigned round = 0; round < 5; round++) {
    HubPair p;
    std::vector<TestChannel> channels (4);
    for (TestChannel &c : channels)
      p.a.create (c, labelled ("c"));
    for (TestChannel &c : channels)
      fail_unless (c.wait (open));
    fail_unless (p.b.wait_incoming (4));
    const TestChannel first = p.b.incoming.get ()[0];
    p.b.loop.call ([&] {
      first.listener->on_message = [&hub = p.b.hub, h = first.handle] { hub->close (h); };
    });
    std::atomic<bool> stop{false};
    std::atomic<unsigned> sent{0};
    std::vector<std::thread> threads;
    for (TestChannel &c : channels)
      threads.emplace_back ([&] {
        while (!stop)
          if (c.send (std::string (5000, 'x')) == Sent::yes)
            sent++;
      });
    const TestChannel last = p.b.incoming.get ()[3];
    fail_unless (last.wait (messages (20)));
    fail_unless (first.wait (closed));
    p.a.end ();
    stop = true;
    for (std::thread &t : threads)
      t.join ();
    fail_unless (sent >= 20);
    for (TestChannel &c : channels)
      fail_unless (c.seen ().closed && c.seen ().after_end == 0);
  }
}
GST_END_TEST

// A channel with megabytes to send holds up no small message of another one.
GST_START_TEST (test_fair)
{
  HubPair p;
  TestChannel bulk, quick;
  p.a.create (bulk, labelled ("bulk"));
  fail_unless (bulk.wait (open));
  p.a.create (quick, labelled ("quick"));
  fail_unless (quick.wait (open) && p.b.wait_incoming (2));
  const auto incoming = p.b.incoming.get ();
  const bool in_order = incoming[0].seen ().id == bulk.seen ().id;
  const TestChannel &bulk_in = incoming[in_order ? 0 : 1], &quick_in = incoming[in_order ? 1 : 0];
  Watched<std::size_t> bulk_at_quick{SIZE_MAX};
  p.b.loop.call ([&] {
    quick_in.listener->on_message = [&] { bulk_at_quick.set (bulk_in.seen ().messages.size ()); };
  });
  constexpr unsigned n = 200;
  for (unsigned i = 0; i < n; i++)
    fail_unless (bulk.send (std::string (64 << 10, 'x'), false) == Sent::yes);
  fail_unless (quick.send ("now") == Sent::yes);
  fail_unless (bulk_at_quick.wait ([] (std::size_t at) { return at != SIZE_MAX; }));
  fail_unless (bulk_in.wait (messages (n)));
  // SCTP's own buffers and what is allowed ahead, of 12.8 MB; all of it were 200.
  fail_unless (bulk_at_quick.get () < 120, "after %u messages",
      static_cast<unsigned> (bulk_at_quick.get ()));
}
GST_END_TEST

static Suite *net_data_hub_suite (void)
{
  Suite *s = suite_create ("rtc-net_data_hub");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_messages_both_ways);
  tcase_add_test (t, test_negotiated);
  tcase_add_test (t, test_early_messages);
  tcase_add_test (t, test_close_sends_what_waits);
  tcase_add_test (t, test_back_pressure);
  tcase_add_test (t, test_message_limits);
  tcase_add_test (t, test_little_room);
  tcase_add_test (t, test_refused_and_too_many);
  tcase_add_test (t, test_association_ends);
  tcase_add_test (t, test_threads);
  tcase_add_test (t, test_fair);
  return s;
}
GST_CHECK_MAIN (net_data_hub)

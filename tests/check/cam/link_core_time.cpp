// SPDX-License-Identifier: LGPL-2.1-or-later
// What the link state machine does as time passes, under a clock of our own.
#include "link_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

GST_START_TEST (test_no_answer)
{
  LinkCore::Config c = config (true, LinkRole::sender);
  c.timeout = seconds (3);
  LinkCore initiator (c, t0);
  initiator.opened (hello_of (LinkRole::sender), t0 + seconds (2));
  fail_unless (initiator.poll_timeout (true) == t0 + seconds (3));
  initiator.timeout (t0 + seconds (3) - nanoseconds (1), true);
  fail_unless (quiet (initiator));
  initiator.timeout (t0 + seconds (3), true);
  fail_unless (failure (initiator).why == CloseReason::timed_out);

  // An acceptor waits `handshake` for a hello, also when it would wait for ever for data.
  c = config (false, LinkRole::sender);
  c.timeout = LinkCore::forever;
  LinkCore acceptor (c, t0);
  fail_unless (acceptor.poll_timeout (false) == t0 + c.handshake);
  acceptor.heard (t0 + c.handshake - seconds (1)); // single bytes do not put it off
  acceptor.timeout (t0 + c.handshake, false);
  fail_unless (failure (acceptor).why == CloseReason::timed_out);

  c.initiator = true;
  LinkCore patient (c, t0);
  fail_unless (patient.poll_timeout (true) == TimePoint::max ());
  patient.timeout (t0 + std::chrono::hours (1000), true);
  fail_unless (quiet (patient));
}
GST_END_TEST

GST_START_TEST (test_silence)
{
  LinkCore c = established (config (false, LinkRole::receiver), hello_of (LinkRole::sender, 0));
  fail_unless (c.poll_timeout (false) == t0 + seconds (3));
  c.heard (t0 + seconds (2)); // part of a message is life
  c.timeout (t0 + seconds (3), false);
  fail_unless (quiet (c));
  fail_unless (c.poll_timeout (false) == t0 + seconds (5));
  c.timeout (t0 + seconds (5), false);
  const auto f = failure (c);
  fail_unless (f.why == CloseReason::timed_out && f.detail == "the peer has fallen silent");
}
GST_END_TEST

GST_START_TEST (test_stall)
{
  LinkCore c = sender (hello_of (LinkRole::receiver, 0));
  TimePoint now = t0 + seconds (1);
  c.sent (*frame (100, now), now);
  // The peer lives (its pings come) but takes nothing.
  for (int i = 0; i < 5; i++) {
    c.heard (now);
    c.timeout (now, true);
    if (auto e = c.poll_event ()) {
      fail_unless (std::holds_alternative<LinkCore::PingDue> (*e));
      c.sent (*Message::control (Kind::ping, MediaType::data, 0, encode (Ping{}), now), now);
    }
    now += milliseconds (500);
  }
  now = t0 + seconds (2);
  c.progressed (now);
  c.heard (now + seconds (2));
  c.timeout (now + seconds (3) - nanoseconds (1), true);
  while (auto e = c.poll_event ())
    fail_unless (std::holds_alternative<LinkCore::PingDue> (*e));
  c.timeout (now + seconds (3), true);
  const auto f = failure (c);
  fail_unless (f.why == CloseReason::timed_out && f.detail == "the peer takes nothing any more");
}
GST_END_TEST

// What was idle for long has not stalled by the time something is queued.
GST_START_TEST (test_idle_is_not_stalled)
{
  // However the end of the pause is noticed: by a look at the time first, or by a message.
  for (const bool look_first : {true, false}) {
    LinkCore c = sender (hello_of (LinkRole::receiver, 0));
    c.timeout (t0 + seconds (1), true); // pending at the last look, before the pause
    const TimePoint now = t0 + seconds (60);
    c.heard (now);
    if (look_first) {
      c.timeout (now, false);
      c.timeout (now + seconds (2), true);
      c.heard (now + seconds (2));
    } else {
      c.sent (*frame (100, now), now);
      c.timeout (now, true);
    }
    while (auto e = c.poll_event ())
      fail_unless (std::holds_alternative<LinkCore::PingDue> (*e), "stalled at once");
    const TimePoint begin = look_first ? now + seconds (2) : now;
    c.heard (begin + seconds (2));
    c.timeout (begin + seconds (3) - nanoseconds (1), true);
    while (auto e = c.poll_event ())
      fail_unless (std::holds_alternative<LinkCore::PingDue> (*e), "stalled too early");
    c.timeout (begin + seconds (3), true);
    fail_unless (failure (c).detail == "the peer takes nothing any more");
  }
}
GST_END_TEST

// Driven by poll_timeout () alone, as its owner does: it always moves on, and the silent peer hears
// three pings within its timeout.
GST_START_TEST (test_ping_intervals)
{
  for (const std::uint32_t timeout_ms : {60u, 300u, 3000u, 15000u}) {
    LinkCore::Config conf = config (false, LinkRole::receiver);
    conf.timeout = LinkCore::forever;
    LinkCore c = established (conf, hello_of (LinkRole::sender, timeout_ms));
    TimePoint last = t0, now = t0;
    for (int i = 0; i < 30; i++) {
      const TimePoint due = c.poll_timeout (false);
      fail_unless (due > now, "a deadline that does not move");
      now = due;
      c.timeout (now, false);
      answer_ping (c, now);
      fail_unless (3 * (now - last) <= milliseconds (timeout_ms));
      last = now;
    }
    // Anything that is sent counts; a ping asked for is asked for once.
    c.sent (*frame (1, now), now);
    c.timeout (now + milliseconds (timeout_ms) / 3 - nanoseconds (1), false);
    fail_unless (quiet (c));
    now += milliseconds (timeout_ms) / 3 + nanoseconds (1);
    c.timeout (now, false);
    c.timeout (now + seconds (1), false);
    next<LinkCore::PingDue> (c);
    fail_unless (quiet (c));
  }
  LinkCore::Config conf = config (false, LinkRole::receiver);
  conf.timeout = LinkCore::forever;
  LinkCore c = established (conf, hello_of (LinkRole::sender, 0));
  fail_unless (c.poll_timeout (false) == TimePoint::max ());
}
GST_END_TEST

GST_START_TEST (test_clock_pings)
{
  LinkCore::Config conf = config (false, LinkRole::sender);
  conf.timeout = LinkCore::forever;
  conf.clock_interval = seconds (1);
  LinkCore c = established (conf, hello_of (LinkRole::receiver, 0));
  fail_unless (!c.clock_due (t0 + milliseconds (999)));
  fail_unless (c.clock_due (t0 + seconds (1)));
  // With media flowing a sample travels with it; without, it goes alone after another interval.
  fail_unless (c.poll_timeout (false) == t0 + seconds (2));
  c.timeout (t0 + seconds (2) - nanoseconds (1), false);
  fail_unless (quiet (c));
  c.timeout (t0 + seconds (2), false);
  answer_ping (c, t0 + seconds (2));
  fail_unless (!c.clock_due (t0 + milliseconds (2999)));
  fail_unless (c.poll_timeout (false) == t0 + seconds (4));

  LinkCore receiver = established (config (false, LinkRole::receiver), hello_of (LinkRole::sender));
  fail_unless (!receiver.clock_due (t0 + seconds (1000)));
  Ping p{4, 123456789, 33, 2};
  receiver.input (incoming (Kind::ping, encode (p)), t0);
  fail_unless (next<LinkCore::ClockSample> (receiver)->ping == p);
  fail_unless (!receiver.poll_transmit ());

  conf.clock_interval = LinkCore::forever;
  LinkCore off = established (conf, hello_of (LinkRole::receiver, 0));
  fail_unless (!off.clock_due (t0 + std::chrono::hours (1)));
  fail_unless (off.poll_timeout (false) == TimePoint::max ());
}
GST_END_TEST

GST_START_TEST (test_pongs)
{
  LinkCore c = sender ();
  c.input (incoming (Kind::ping, encode (Ping{77}), ping_wants_pong), t0);
  const MessageRef m = c.poll_transmit ();
  fail_unless (m && m->header.kind == Kind::pong && decode_pong (m->body ())->id == 77);
  // A flood of pings is not answered with a flood.
  for (int i = 0; i < 10000; i++)
    c.input (incoming (Kind::ping, encode (Ping{1}), ping_wants_pong), t0 + microseconds (i * 10));
  int pongs = 0;
  while (c.poll_transmit ())
    pongs++;
  fail_unless (pongs >= 9 && pongs <= 10, "%d", pongs);
}
GST_END_TEST

GST_START_TEST (test_idle)
{
  LinkCore::Config conf = config (false, LinkRole::sender);
  conf.timeout = LinkCore::forever;
  conf.clock_interval = LinkCore::forever;
  conf.idle = seconds (0);
  LinkCore at_once = established (conf, hello_of (LinkRole::receiver, 0));
  at_once.sent (*frame (10, t0), t0);
  at_once.timeout (t0, true); // something is still queued
  fail_unless (quiet (at_once));
  at_once.timeout (t0, false);
  next<LinkCore::IdleTooLong> (at_once);
  at_once.timeout (t0 + seconds (5), false);
  fail_unless (quiet (at_once), "told twice");
  at_once.sent (*frame (10, t0), t0 + seconds (6)); // more came before it was closed
  at_once.timeout (t0 + seconds (6), false);
  next<LinkCore::IdleTooLong> (at_once);

  conf.idle = seconds (1);
  LinkCore second = established (conf, hello_of (LinkRole::receiver, 0));
  second.sent (*frame (10, t0), t0 + milliseconds (500));
  // Pings do not count as use.
  second.sent (*Message::control (Kind::ping, MediaType::data, 0, encode (Ping{}), t0),
      t0 + milliseconds (1400));
  fail_unless (second.poll_timeout (false) == t0 + milliseconds (1500));
  second.timeout (t0 + milliseconds (1499), false);
  fail_unless (quiet (second));
  second.timeout (t0 + milliseconds (1500), false);
  next<LinkCore::IdleTooLong> (second);

  conf.idle = LinkCore::forever;
  LinkCore never = established (conf, hello_of (LinkRole::receiver, 0));
  fail_unless (never.poll_timeout (false) == TimePoint::max ());
  never.timeout (t0 + std::chrono::hours (10000), false);
  fail_unless (quiet (never));
  never.set_idle (seconds (2));
  fail_unless (never.poll_timeout (false) == t0 + seconds (2));
}
GST_END_TEST

GST_START_TEST (test_unlimited_peer)
{
  Hello plain = hello_of (LinkRole::receiver, 0);
  plain.unlimited = true;
  LinkCore::Config conf = config (false, LinkRole::sender);
  conf.by_request = true;
  conf.clock_interval = LinkCore::forever;
  LinkCore c = established (conf, plain);
  for (int i = 0; i < 100; i++)
    c.sent (*frame (100000, t0), t0);
  fail_unless (c.may_send ());
  // It cannot speak, so its silence says nothing; but it can stall.
  c.timeout (t0 + seconds (100), false);
  fail_unless (quiet (c));
  c.timeout (t0 + seconds (100), true);
  c.timeout (t0 + seconds (103), true);
  fail_unless (failure (c).detail == "the peer takes nothing any more");
}
GST_END_TEST

static Suite *link_core_time_suite ()
{
  Suite *s = suite_create ("cam-link_core_time");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_no_answer);
  tcase_add_test (tc, test_silence);
  tcase_add_test (tc, test_stall);
  tcase_add_test (tc, test_idle_is_not_stalled);
  tcase_add_test (tc, test_ping_intervals);
  tcase_add_test (tc, test_clock_pings);
  tcase_add_test (tc, test_pongs);
  tcase_add_test (tc, test_idle);
  tcase_add_test (tc, test_unlimited_peer);
  return s;
}
GST_CHECK_MAIN (link_core_time)

// SPDX-License-Identifier: LGPL-2.1-or-later
// The link state machine under a clock of our own: two of them talking, and one alone with a peer
// that does as it likes.
#include "cam/proto/link_core.h"
#include "../check.h"

using namespace reach;
using namespace reach::cam;

namespace {
constexpr TimePoint t0{seconds (100)};

Incoming incoming (const Message &m)
{
  auto s = std::make_unique<VectorStorage> (m.size ());
  std::copy (m.head ().begin (), m.head ().end (), s->data.begin ());
  std::copy (m.body ().begin (), m.body ().end (),
      s->data.begin () + static_cast<std::ptrdiff_t> (m.head ().size ()));
  return {std::move (s)};
}

Incoming incoming (
    Kind kind, std::vector<std::uint8_t> body, std::uint8_t flags = 0, std::uint16_t stream = 0)
{
  Incoming in = incoming (*Message::control (kind, MediaType::video, stream, std::move (body), t0));
  in.storage->bytes ()[1] = flags;
  return in;
}

MessageRef frame (std::size_t payload, TimePoint now)
{
  return Message::frame (
      MediaType::video, 1, {}, {}, slice_of (std::vector<std::uint8_t> (payload)), now);
}

Hello hello_of (LinkRole role, std::uint32_t timeout_ms = 3000)
{
  Hello h;
  h.role = role;
  h.type = MediaType::audio;
  h.timeout_ms = timeout_ms;
  h.link_key = 7;
  return h;
}

LinkCore::Config config (bool initiator, LinkRole role)
{
  LinkCore::Config c;
  c.initiator = initiator;
  c.role = role;
  return c;
}

template <typename E> std::optional<E> next (LinkCore &c)
{
  auto e = c.poll_event ();
  fail_unless (e.has_value (), "no event");
  fail_unless (std::holds_alternative<E> (*e), "event %zu instead", e->index ());
  return std::get<E> (std::move (*e));
}

bool quiet (LinkCore &c)
{
  return !c.poll_event ();
}

LinkCore::Failed failure (LinkCore &c)
{
  auto f = next<LinkCore::Failed> (c);
  fail_unless (c.over ());
  fail_unless (quiet (c), "an event after the end");
  fail_unless (c.poll_timeout (true) == TimePoint::max ());
  return *f;
}

std::optional<Kind> transmit (LinkCore &c, TimePoint now)
{
  const MessageRef m = c.poll_transmit ();
  if (!m)
    return {};
  c.sent (*m, now);
  return m->header.kind;
}

// An established acceptor: the peer is ours to play.
LinkCore established (LinkCore::Config c, Hello peer, TimePoint now = t0)
{
  c.initiator = false;
  LinkCore core (c, now);
  core.opened ({}, now);
  core.input (incoming (Kind::hello, encode (peer)), now);
  next<LinkCore::HelloCame> (core);
  core.accept (hello_of (c.role), now);
  fail_unless (transmit (core, now) == Kind::welcome);
  next<LinkCore::Established> (core);
  return core;
}

LinkCore sender (Hello peer = hello_of (LinkRole::receiver))
{
  return established (config (false, LinkRole::sender), peer);
}

void answer_ping (LinkCore &c, TimePoint now)
{
  next<LinkCore::PingDue> (c);
  const MessageRef m = Message::control (Kind::ping, MediaType::data, 0, encode (Ping{}), now);
  c.send_control (m);
  fail_unless (transmit (c, now) == Kind::ping);
}
} // namespace

GST_START_TEST (test_handshake)
{
  LinkCore a (config (true, LinkRole::sender), t0), b (config (false, LinkRole::receiver), t0);
  fail_unless (!a.poll_transmit (), "a hello before the transport is open");
  a.opened (hello_of (LinkRole::sender, 1000), t0);
  b.opened ({}, t0);
  fail_unless (!b.poll_transmit ());
  const MessageRef hello = a.poll_transmit ();
  fail_unless (hello && hello->header.kind == Kind::hello);
  b.input (incoming (*hello), t0);
  fail_unless_equals_int (next<LinkCore::HelloCame> (b)->hello.timeout_ms, 1000);
  fail_unless (!b.established () && !b.may_send ());
  b.accept (hello_of (LinkRole::receiver, 2000), t0);
  fail_unless_equals_int (next<LinkCore::Established> (b)->peer.timeout_ms, 1000);
  const MessageRef welcome = b.poll_transmit ();
  fail_unless (welcome && welcome->header.kind == Kind::welcome);
  fail_unless (!a.established ());
  a.input (incoming (*welcome), t0);
  fail_unless_equals_int (next<LinkCore::Established> (a)->peer.timeout_ms, 2000);
  fail_unless (a.established () && b.established () && a.may_send ());
  fail_unless (quiet (a) && quiet (b) && !a.poll_transmit () && !b.poll_transmit ());
}
GST_END_TEST

GST_START_TEST (test_wrong_first_message)
{
  const Kind wrong[] = {Kind::welcome, Kind::refuse, Kind::bye, Kind::ping, Kind::request,
      Kind::frame, Kind::command, static_cast<Kind> (0), static_cast<Kind> (99)};
  for (const Kind k : wrong) {
    LinkCore acceptor (config (false, LinkRole::sender), t0);
    acceptor.opened ({}, t0);
    acceptor.input (incoming (k, encode (hello_of (LinkRole::receiver))), t0);
    fail_unless (failure (acceptor).why == CloseReason::malformed);
    if (k == Kind::welcome || k == Kind::refuse)
      continue;
    LinkCore initiator (config (true, LinkRole::receiver), t0);
    initiator.opened (hello_of (LinkRole::receiver), t0);
    initiator.input (incoming (k, encode (hello_of (LinkRole::sender))), t0);
    fail_unless (failure (initiator).why == CloseReason::malformed);
  }
  LinkCore twice (config (false, LinkRole::sender), t0);
  twice.input (incoming (Kind::hello, encode (hello_of (LinkRole::receiver))), t0);
  next<LinkCore::HelloCame> (twice);
  twice.input (incoming (Kind::hello, encode (hello_of (LinkRole::receiver))), t0);
  fail_unless (failure (twice).why == CloseReason::malformed);
  LinkCore garbage (config (false, LinkRole::sender), t0);
  garbage.input (incoming (Kind::hello, {1, 2, 3}), t0);
  fail_unless (failure (garbage).why == CloseReason::malformed);
}
GST_END_TEST

GST_START_TEST (test_wrong_role_and_version_are_refused)
{
  for (const LinkRole role : {LinkRole::sender, LinkRole::receiver}) {
    LinkCore same (config (false, role), t0);
    same.input (incoming (Kind::hello, encode (hello_of (role))), t0);
    fail_unless (failure (same).why == CloseReason::refused);
    const MessageRef answer = same.poll_transmit ();
    fail_unless (answer && answer->header.kind == Kind::refuse);
    fail_unless_equals_int (decode_refuse (answer->body ())->code, RefuseCode::wrong_role);

    Hello newer = hello_of (role == LinkRole::sender ? LinkRole::receiver : LinkRole::sender);
    newer.version = 2;
    LinkCore other (config (false, role), t0);
    other.input (incoming (Kind::hello, encode (newer)), t0);
    fail_unless (failure (other).why == CloseReason::refused);
    const MessageRef no = other.poll_transmit ();
    fail_unless_equals_int (decode_refuse (no->body ())->code, RefuseCode::version);

    LinkCore initiator (config (true, role), t0);
    initiator.opened (hello_of (role), t0);
    initiator.input (incoming (Kind::welcome, encode (newer)), t0);
    fail_unless (failure (initiator).why == CloseReason::malformed);
    LinkCore mirror (config (true, role), t0);
    mirror.opened (hello_of (role), t0);
    mirror.input (incoming (Kind::welcome, encode (hello_of (role))), t0);
    fail_unless (failure (mirror).why == CloseReason::malformed);
  }
}
GST_END_TEST

GST_START_TEST (test_refusals)
{
  for (std::uint16_t code = RefuseCode::version; code <= RefuseCode::bad_message + 1; code++) {
    LinkCore a (config (true, LinkRole::sender), t0), b (config (false, LinkRole::receiver), t0);
    a.opened (hello_of (LinkRole::sender), t0);
    b.opened ({}, t0);
    b.input (incoming (*a.poll_transmit ()), t0);
    next<LinkCore::HelloCame> (b);
    b.refuse ({code, "no room"}, t0);
    fail_unless (failure (b).why == CloseReason::refused);
    // The refusal goes out although the link is over.
    const MessageRef m = b.poll_transmit ();
    fail_unless (m && m->header.kind == Kind::refuse);
    a.input (incoming (*m), t0);
    const auto f = failure (a);
    fail_unless (f.why == CloseReason::refused && f.detail == "no room");
    fail_unless (f.refused && static_cast<std::uint16_t> (*f.refused) == code);
    b.accept (hello_of (LinkRole::receiver), t0);
    fail_unless (!b.established () && !b.poll_transmit ());
  }
}
GST_END_TEST

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

GST_START_TEST (test_credits)
{
  LinkCore::Config conf = config (false, LinkRole::sender);
  conf.by_request = true;
  conf.max_credit = 10000;
  LinkCore c = established (conf, hello_of (LinkRole::receiver));
  fail_unless (!c.may_send ());
  c.input (incoming (Kind::request, encode (Request{100})), t0);
  fail_unless (c.may_send () && c.credit () == 100);
  // The last frame may exceed the credit; the debt is paid first.
  const MessageRef f = frame (200, t0);
  c.sent (*f, t0);
  const auto debt = static_cast<std::int64_t> (f->size ()) - 100;
  fail_unless (c.credit () == -debt && !c.may_send ());
  c.input (incoming (Kind::request, encode (Request{static_cast<std::uint32_t> (debt)})), t0);
  fail_unless (c.credit () == 0 && !c.may_send ());
  c.input (incoming (Kind::request, encode (Request{1})), t0);
  fail_unless (c.may_send ());
  // Caps, gaps and pings are free.
  c.sent (*Message::control (Kind::caps, MediaType::video, 1, {1, 2, 3}, t0), t0);
  fail_unless (c.credit () == 1);
  for (int i = 0; i < 1000; i++)
    c.input (incoming (Kind::request, encode (Request{UINT32_MAX})), t0);
  fail_unless (c.credit () == 10000);
  c.input (incoming (Kind::request, {1, 2, 3}), t0);
  fail_unless (failure (c).why == CloseReason::malformed);
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

GST_START_TEST (test_bye)
{
  for (const ByeReason why :
      {ByeReason::idle, ByeReason::eos, ByeReason::stopping, ByeReason::closed_by_application}) {
    LinkCore a = sender ();
    LinkCore b = established (config (false, LinkRole::receiver), hello_of (LinkRole::sender));
    a.finish (why, t0);
    auto ours = failure (a);
    fail_unless (ours.why == CloseReason::local && !ours.bye);
    const MessageRef bye = a.poll_transmit ();
    fail_unless (bye && bye->header.kind == Kind::bye && !a.poll_transmit ());
    b.input (incoming (*bye), t0);
    fail_unless (quiet (b) && !b.over ());
    b.transport_closed (CloseReason::orderly, "closed");
    const auto f = failure (b);
    fail_unless (f.why == CloseReason::orderly && f.bye == why);
    a.transport_closed (CloseReason::reset, "late");
    fail_unless (quiet (a));
  }
  // Nothing to say before there is a link.
  LinkCore early (config (true, LinkRole::sender), t0);
  early.finish (ByeReason::stopping, t0);
  fail_unless (failure (early).why == CloseReason::local);
  fail_unless (!early.poll_transmit ());
}
GST_END_TEST

GST_START_TEST (test_directions)
{
  const Kind to_sender[] = {Kind::key_unit, Kind::command_ack, Kind::file_ack};
  const Kind to_receiver[] = {
      Kind::caps, Kind::frame, Kind::gap, Kind::eos, Kind::command, Kind::file_data};
  for (const bool right : {true, false})
    for (const LinkRole role : {LinkRole::sender, LinkRole::receiver})
      for (const Kind k : (role == LinkRole::sender) == right
                              ? std::span<const Kind> (to_sender)
                              : std::span<const Kind> (to_receiver)) {
        LinkCore c = established (config (false, role),
            hello_of (role == LinkRole::sender ? LinkRole::receiver : LinkRole::sender));
        c.input (incoming (k, {}, 0, 5), t0);
        if (!right) {
          fail_unless (failure (c).why == CloseReason::malformed);
        } else if (k == Kind::key_unit) {
          fail_unless_equals_int (next<LinkCore::KeyWanted> (c)->stream, 5);
        } else {
          fail_unless (next<LinkCore::Received> (c)->message.header ().kind == k);
        }
      }
}
GST_END_TEST

GST_START_TEST (test_nothing_after_the_end)
{
  LinkCore c = established (config (false, LinkRole::receiver), hello_of (LinkRole::sender));
  c.input (incoming (*frame (10, t0)), t0);
  c.transport_closed (CloseReason::reset, "gone");
  // What came before the end is still delivered, in order.
  next<LinkCore::Received> (c);
  failure (c);
  c.input (incoming (*frame (10, t0)), t0);
  c.input (incoming (Kind::bye, encode (Bye{})), t0);
  c.timeout (t0 + std::chrono::hours (1), true);
  c.finish (ByeReason::stopping, t0);
  c.refuse ({RefuseCode::busy, ""}, t0);
  c.transport_closed (CloseReason::local, "");
  fail_unless (quiet (c) && !c.poll_transmit () && !c.may_send ());
}
GST_END_TEST

static Suite *link_core_suite ()
{
  Suite *s = suite_create ("cam-link_core");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_handshake);
  tcase_add_test (tc, test_wrong_first_message);
  tcase_add_test (tc, test_wrong_role_and_version_are_refused);
  tcase_add_test (tc, test_refusals);
  tcase_add_test (tc, test_no_answer);
  tcase_add_test (tc, test_silence);
  tcase_add_test (tc, test_stall);
  tcase_add_test (tc, test_idle_is_not_stalled);
  tcase_add_test (tc, test_ping_intervals);
  tcase_add_test (tc, test_clock_pings);
  tcase_add_test (tc, test_pongs);
  tcase_add_test (tc, test_idle);
  tcase_add_test (tc, test_credits);
  tcase_add_test (tc, test_unlimited_peer);
  tcase_add_test (tc, test_bye);
  tcase_add_test (tc, test_directions);
  tcase_add_test (tc, test_nothing_after_the_end);
  return s;
}
GST_CHECK_MAIN (link_core)

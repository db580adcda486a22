// SPDX-License-Identifier: LGPL-2.1-or-later
// The link state machine: handshake, refusals, who may send what, credits, the end.
#include "link_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

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

GST_START_TEST (test_bye)
{
  for (const ByeReason why : {ByeReason::idle, ByeReason::eos, ByeReason::stopping,
           ByeReason::closed_by_application, ByeReason::replaced}) {
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
        c.input (incoming (k, std::vector<std::uint8_t> (FrameHeader::size), 0, 5), t0);
        if (!right) {
          fail_unless (failure (c).why == CloseReason::malformed);
        } else if (k == Kind::key_unit) {
          fail_unless_equals_int (next<LinkCore::KeyWanted> (c)->stream, 5);
        } else {
          fail_unless (next<LinkCore::Received> (c)->message.header ().kind == k);
        }
      }
  LinkCore c = established (config (false, LinkRole::receiver), hello_of (LinkRole::sender));
  c.input (incoming (Kind::frame, std::vector<std::uint8_t> (FrameHeader::size - 1)), t0);
  fail_unless (failure (c).why == CloseReason::malformed);
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
  tcase_add_test (tc, test_credits);
  tcase_add_test (tc, test_bye);
  tcase_add_test (tc, test_directions);
  tcase_add_test (tc, test_nothing_after_the_end);
  return s;
}
GST_CHECK_MAIN (link_core)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Links of a media server: it takes the role that the hello leaves, and only its links carry what
// is about sources, asks and notices.
#include "link_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

namespace {
constexpr Kind of_servers[] = {
    Kind::source, Kind::source_clock, Kind::ask, Kind::answer, Kind::notice};

LinkCore server_of (LinkRole client)
{
  LinkCore::Config c;
  c.relay = c.by_request = true;
  return established (c, hello_of (client));
}

// An initiator whose peer has welcomed it.
LinkCore client (LinkRole role, bool relay)
{
  LinkCore c (config (true, role), t0);
  c.opened (hello_of (role), t0);
  c.poll_transmit ();
  Hello w = hello_of (role == LinkRole::sender ? LinkRole::receiver : LinkRole::sender);
  w.relay = relay;
  c.input (incoming (Kind::welcome, encode (w)), t0);
  fail_unless (next<LinkCore::Established> (c)->peer.relay == relay);
  return c;
}

bool takes (LinkCore c, Kind k)
{
  c.input (incoming (k, {}), t0);
  auto e = c.poll_event ();
  fail_unless (e.has_value ());
  const bool taken = std::holds_alternative<LinkCore::Received> (*e);
  fail_unless (taken || std::holds_alternative<LinkCore::Failed> (*e));
  return taken;
}
} // namespace

GST_START_TEST (test_a_server_takes_the_other_role)
{
  fail_unless (takes (server_of (LinkRole::sender), Kind::caps));
  fail_if (takes (server_of (LinkRole::receiver), Kind::caps));
  LinkCore to_receiver = server_of (LinkRole::receiver);
  to_receiver.input (incoming (Kind::key_unit, {}, 0, 9), t0);
  fail_unless_equals_int (next<LinkCore::KeyWanted> (to_receiver)->stream, 9);
}
GST_END_TEST

GST_START_TEST (test_who_may_say_what)
{
  for (const Kind k : of_servers) {
    const bool ask = k == Kind::ask;
    for (const LinkRole role : {LinkRole::sender, LinkRole::receiver}) {
      fail_unless (takes (server_of (role), k) == ask);
      fail_if (takes (client (role, false), k), "not from a plain peer");
    }
    fail_unless (takes (client (LinkRole::receiver, true), k) == !ask);
    fail_unless (
        takes (client (LinkRole::sender, true), k) == (k == Kind::answer || k == Kind::notice));
    // A plain acceptor, whatever its peer says of itself.
    for (const LinkRole role : {LinkRole::sender, LinkRole::receiver}) {
      Hello h = hello_of (role == LinkRole::sender ? LinkRole::receiver : LinkRole::sender);
      h.relay = true;
      fail_if (takes (established (config (false, role), h), k));
    }
  }
}
GST_END_TEST

static Suite *link_core_relay_suite ()
{
  Suite *s = suite_create ("link_core_relay");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_a_server_takes_the_other_role);
  tcase_add_test (tc, test_who_may_say_what);
  return s;
}

GST_CHECK_MAIN (link_core_relay)

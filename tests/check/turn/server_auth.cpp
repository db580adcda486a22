// SPDX-License-Identifier: LGPL-2.1-or-later
// Long-term credentials, the server's side (RFC 8489, 9.2.4).
#include "server_rig.h"

using namespace reach;
using namespace reach::test;

namespace {
void transport (Builder &b)
{
  b.u8 (Attr::requested_transport, 17);
}

std::string rest_password (const std::string &secret, const std::string &user)
{
  const std::array<Bytes, 1> parts{as_bytes (user)};
  return stun::base64 (turn_crypto ().hmac_sha1 (as_bytes (secret), parts));
}
} // namespace

GST_START_TEST (test_challenge)
{
  Rig rig;
  Scripted c (rig);
  const Response r = c.request (Method::allocate, transport);
  fail_unless_equals_int (r.code (), 401);
  fail_unless_equals_string (r.text (Attr::realm).c_str (), "example.org");
  const std::string nonce = r.text (Attr::nonce);
  // Password algorithms and user anonymity (RFC 8489, 9.2 and 18.1).
  fail_unless (nonce.starts_with ("obMatJos2wAAA"), "%s", nonce.c_str ());
  fail_unless_equals_string (
      to_hex (*r.m->find (Attr::password_algorithms)).c_str (), "0002000000010000");
  fail_unless (r.m->integrity_at () == 0 && !r.m->has (Attr::software));
  fail_unless (rig.core.allocations () == 0 && rig.core.stats ().challenges == 1);
}
GST_END_TEST

GST_START_TEST (test_sha1_and_sha256)
{
  for (const bool sha256 : {false, true})
    for (const bool userhash : {false, true}) {
      Rig rig;
      Scripted c (rig);
      c.sha256 = sha256;
      c.userhash = userhash;
      const Response r = c.allocate ();
      fail_unless (r.good () && c.proved (r), "%d %d", sha256, userhash);
      fail_unless ((r.m->integrity_sha256_at () != 0) == sha256);
      fail_unless ((r.m->integrity_at () != 0) == !sha256);
      const auto created = rig.taken<ts::AllocationCreated> ();
      fail_unless (created.size () == 1 && created[0].user == "alice");
      fail_unless (c.permit (peer4).good ());
    }
}
GST_END_TEST

GST_START_TEST (test_wrong_password_and_user)
{
  Rig rig;
  for (const char *user : {"alice", "mallory", "bob"}) {
    Scripted c (rig, 40001, user, "guess");
    const Response r = c.allocate ();
    fail_unless_equals_int (r.code (), 401);
    fail_unless (r.m->has (Attr::nonce) && r.m->integrity_at () == 0);
  }
  fail_unless (rig.core.allocations () == 0);
}
GST_END_TEST

GST_START_TEST (test_incomplete)
{
  for (const Attr left_out : {Attr::username, Attr::realm, Attr::nonce}) {
    Rig rig;
    Scripted c (rig);
    c.learn (c.request (Method::allocate, transport));
    Blob to (500);
    Builder b (to, Method::allocate, Class::request, {9, 9});
    if (left_out != Attr::username)
      b.text (Attr::username, "alice");
    if (left_out != Attr::realm)
      b.text (Attr::realm, c.realm);
    if (left_out != Attr::nonce)
      b.text (Attr::nonce, c.nonce);
    b.integrity (turn_crypto (), hex ("00"));
    const Response r = c.raw (b.message ());
    fail_unless_equals_int (r.code (), 400);
    fail_unless (!r.m->has (Attr::nonce)); // RFC 8489, 9.2.4
  }
}
GST_END_TEST

GST_START_TEST (test_stale_nonce)
{
  Rig rig;
  Scripted c (rig);
  fail_unless (c.allocate ().good ());
  rig.pass (seconds (599));
  fail_unless (c.request (Method::refresh).good ());
  rig.pass (seconds (2));
  const Response r = c.request (Method::refresh);
  fail_unless_equals_int (r.code (), 438);
  fail_unless (r.text (Attr::nonce) != c.nonce && r.m->has (Attr::password_algorithms));
  c.learn (r);
  fail_unless (c.request (Method::refresh).good ());
}
GST_END_TEST

// Another's address, another server's secret, changed bits: all are like too old.
GST_START_TEST (test_foreign_nonces)
{
  Rig rig;
  Scripted c (rig);
  c.learn (c.request (Method::allocate, transport));
  Scripted thief (rig, 40000);
  thief.self.address = Address::v4 (203, 0, 113, 66, 40000);
  thief.realm = c.realm;
  thief.nonce = c.nonce;
  fail_unless_equals_int (thief.request (Method::allocate, transport).code (), 438);
  const std::string good = c.nonce;
  for (std::size_t i = 0; i < good.size (); i++) {
    c.nonce = good;
    c.nonce[i] = static_cast<char> (c.nonce[i] ^ 1);
    fail_unless_equals_int (c.request (Method::allocate, transport).code (), 438);
    rig.now += seconds (1); // not too many at once
  }
  for (const std::size_t n : {1u, 20u, 40u}) {
    c.nonce = good.substr (0, n);
    fail_unless_equals_int (c.request (Method::allocate, transport).code (), 438);
  }
}
GST_END_TEST

// What somebody between client and server would change to have MD5 used (RFC 8489, 9.2.4).
GST_START_TEST (test_bid_down)
{
  Rig rig;
  Scripted c (rig);
  c.sha256 = true;
  c.learn (c.request (Method::allocate, transport));
  const Blob offered = c.algorithms;
  for (const char *changed : {"00010000", "0001000000020000", "0002000000010000000300000", ""}) {
    c.algorithms = hex (changed);
    fail_unless_equals_int (c.request (Method::allocate, transport).code (), 400);
  }
  c.algorithms = offered;
  fail_unless (c.request (Method::allocate, transport).good ());
}
GST_END_TEST

GST_START_TEST (test_algorithms_not_offered)
{
  ts::Config config = server_config ();
  config.sha256 = false;
  config.userhash = false;
  Rig rig (std::move (config));
  Scripted c (rig);
  const Response r = c.request (Method::allocate, transport);
  fail_unless (!r.text (Attr::nonce).starts_with ("obMatJos2"));
  fail_unless (!r.m->has (Attr::password_algorithms));
  c.learn (r);
  fail_unless (c.request (Method::allocate, transport).good ());
}
GST_END_TEST

GST_START_TEST (test_realm)
{
  Rig rig;
  Scripted c (rig);
  c.learn (c.request (Method::allocate, transport));
  c.realm = "example.com";
  fail_unless_equals_int (c.request (Method::allocate, transport).code (), 401);
}
GST_END_TEST

GST_START_TEST (test_time_limited)
{
  ts::Config config = server_config ();
  config.auth_secret = "north";
  Rig rig (std::move (config));
  rig.core.set_wall_clock (1700000000, rig.now);
  for (const char *user : {"1700000100:carol", "1700000100"}) {
    Scripted c (rig, user[10] ? 40001 : 40002, user, rest_password ("north", user));
    fail_unless (c.allocate ().good (), "%s", user);
    // Users of secrets are not listed, so there is nothing that a hash of one could be found in.
    fail_unless (c.nonce.starts_with ("obMatJos2gAAA"));
  }
  Scripted wrong (rig, 40003, "1700000100:carol", rest_password ("south", "1700000100:carol"));
  fail_unless_equals_int (wrong.allocate ().code (), 401);
  Scripted no_time (rig, 40004, "carol", rest_password ("north", "carol"));
  fail_unless_equals_int (no_time.allocate ().code (), 401);
  Scripted fixed (rig, 40005); // static users are there all the same
  fail_unless (fixed.allocate ().good ());

  rig.pass (seconds (101));
  Scripted late (rig, 40006, "1700000100:carol", rest_password ("north", "1700000100:carol"));
  fail_unless_equals_int (late.allocate ().code (), 401);
  // What was allocated in time goes on.
  Scripted again (rig, 40001, "1700000100:carol", rest_password ("north", "1700000100:carol"));
  fail_unless (again.refresh (600).good ());
}
GST_END_TEST

GST_START_TEST (test_application_knows)
{
  ts::Config config = server_config ();
  config.ask_password = [] { return true; };
  Rig rig (std::move (config));
  Scripted c (rig, 40001, "dave", "blue");
  c.learn (c.request (Method::allocate, transport));
  const Blob wire = c.build (Method::allocate, transport);
  fail_unless (c.raw (wire).none ());
  auto asked = rig.taken<ts::AuthorizeRequest> ();
  fail_unless (asked.size () == 1 && asked[0].user == "dave" && asked[0].realm == "example.org");
  fail_unless (c.raw (wire).none ()); // repeated: not asked again
  fail_unless (rig.taken<ts::AuthorizeRequest> ().empty ());

  fail_unless (!rig.core.authorize (asked[0].id + 1, "blue", rig.now));
  fail_unless (rig.core.authorize (asked[0].id, "blue", rig.now));
  const auto s = rig.take ();
  fail_unless (s && Response (s->bytes).good () && s->client == c.self);
  fail_unless (!rig.core.authorize (asked[0].id, "blue", rig.now));
  // The key is kept with the allocation.
  fail_unless (c.permit (peer4).good ());
  fail_unless (rig.taken<ts::AuthorizeRequest> ().empty ());
}
GST_END_TEST

GST_START_TEST (test_application_says_no_or_nothing)
{
  ts::Config config = server_config ();
  config.ask_password = [] { return true; };
  config.limits.pending = 2;
  Rig rig (std::move (config));
  Scripted c (rig, 40001, "dave", "blue");
  c.learn (c.request (Method::allocate, transport));
  for (int i = 0; i < 3; i++)
    fail_unless (c.request (Method::allocate, transport).none ());
  const auto asked = rig.taken<ts::AuthorizeRequest> ();
  fail_unless (asked.size () == 2 && rig.discarded (ts::Discard::too_many_pending) == 1);
  fail_unless (rig.core.authorize (asked[0].id, std::nullopt, rig.now));
  fail_unless_equals_int (Response (rig.take ()->bytes).code (), 401);
  fail_unless (rig.core.poll_timeout () == rig.now + seconds (10));
  const auto s = rig.pass (seconds (10));
  fail_unless_equals_int (Response (s->bytes).code (), 401);
  fail_unless (!rig.core.authorize (asked[1].id, "blue", rig.now));
}
GST_END_TEST

GST_START_TEST (test_anonymous)
{
  ts::Config config = server_config ();
  config.anonymous = true;
  Rig rig (std::move (config));
  Scripted c (rig);
  const Response r = c.allocate ();
  fail_unless (r.good () && r.m->integrity_at () == 0);
  fail_unless (c.nonce.empty ());
}
GST_END_TEST

GST_START_TEST (test_rate_limit)
{
  ts::Config config = server_config ();
  config.limits.unauthenticated = {10, 20};
  Rig rig (std::move (config));
  Scripted known (rig, 40001), flood (rig, 40002);
  known.self.address = Address::v4 (203, 0, 113, 99, 1);
  fail_unless (known.allocate ().good ());
  unsigned answers = 0;
  for (int i = 0; i < 100; i++)
    answers += !flood.request (Method::allocate, transport).none ();
  fail_unless_equals_int (answers, 20);
  fail_unless (rig.discarded (ts::Discard::rate_limited) == 80);
  fail_unless (known.refresh (600).good ()); // others are not affected
  rig.now += seconds (1);
  answers = 0;
  for (int i = 0; i < 100; i++)
    answers += !flood.request (Method::binding).none ();
  fail_unless_equals_int (answers, 10);
}
GST_END_TEST

// What an unknown client gets for a spoofed source is small.
GST_START_TEST (test_no_amplification)
{
  ts::Config config = server_config ();
  config.software = std::string (100, 's');
  Rig rig (std::move (config));
  Scripted c (rig);
  const Response r = c.request (Method::allocate, transport);
  fail_unless (r.code () == 401 && r.bytes.size () <= 140, "%zu", r.bytes.size ());
  Blob to (100);
  Builder b (to, Method::binding, Class::indication, {1});
  fail_unless (c.raw (b.message ()).none ());
  for (const Class kind : {Class::success, Class::error}) {
    Builder e (to, Method::allocate, kind, {1});
    fail_unless (c.raw (e.message ()).none ());
  }
}
GST_END_TEST

static Suite *server_auth_suite ()
{
  Suite *s = suite_create ("turn-server-auth");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_challenge);
  tcase_add_test (tc, test_sha1_and_sha256);
  tcase_add_test (tc, test_wrong_password_and_user);
  tcase_add_test (tc, test_incomplete);
  tcase_add_test (tc, test_stale_nonce);
  tcase_add_test (tc, test_foreign_nonces);
  tcase_add_test (tc, test_bid_down);
  tcase_add_test (tc, test_algorithms_not_offered);
  tcase_add_test (tc, test_realm);
  tcase_add_test (tc, test_time_limited);
  tcase_add_test (tc, test_application_knows);
  tcase_add_test (tc, test_application_says_no_or_nothing);
  tcase_add_test (tc, test_anonymous);
  tcase_add_test (tc, test_rate_limit);
  tcase_add_test (tc, test_no_amplification);
  return s;
}
GST_CHECK_MAIN (server_auth)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Tokens of third-party authorization (RFC 7635), and short-term credentials.
#include "access_token.h"
#include "server_rig.h"
#include "turn/proto/client.h"

using namespace reach;
using namespace reach::test;

namespace {
constexpr std::int64_t today = 1'700'000'000;
const Blob sealing (32, 'k');
const Blob mac (32, 'm'), other_mac (32, 'o');

ts::Config config ()
{
  ts::Config c = server_config ();
  c.token_keys = {{"north", sealing}, {"south", Blob (32, 's')}};
  c.token_server = "turn.example.org";
  return c;
}

struct Tokens : Rig {
  Tokens () : Rig (config ()) { core.set_wall_clock (today, now); }
};

Blob seal (
    const Blob &plain, const Blob &key = sealing, std::string_view server = "turn.example.org")
{
  return seal_token (plain, key, server);
}

Blob token (std::uint32_t lifetime = 3600, std::int64_t made = today, const Blob &mac_key = mac)
{
  return seal (plain_token (mac_key, made, lifetime));
}

// Signs with the token's key.
Response ask (Scripted &c, Method method, Bytes access, const Scripted::Add &add = {})
{
  return c.signed_request (method, [&] (Builder &b) {
    if (!access.empty ())
      b.add (Attr::access_token, access);
    if (add)
      add (b);
  });
}

Response allocate (Scripted &c, Bytes access, std::uint32_t lifetime = 600)
{
  return ask (c, Method::allocate, access, [&] (Builder &b) {
    b.u8 (Attr::requested_transport, 17);
    b.u32 (Attr::lifetime, lifetime);
  });
}

Scripted client (Rig &rig, std::uint16_t port = 40000, const char *kid = "north")
{
  Scripted c (rig, port, kid);
  c.raw_key = mac;
  return c;
}
} // namespace

GST_START_TEST (test_token)
{
  Tokens rig;
  Scripted c = client (rig);
  const Response challenge = c.request (Method::allocate);
  fail_unless (challenge.code () == 401 &&
               challenge.text (Attr::third_party_authorization) == "turn.example.org");
  const Response r = allocate (c, token ());
  fail_unless (r.good () && c.proved (r));
  fail_unless (rig.taken<ts::AllocationCreated> ()[0].user == "north");
  fail_unless (c.permit (peer4).good ()); // needs no token any more
  // A later token, with another key.
  c.raw_key = other_mac;
  fail_unless_equals_int (c.permit (peer4).code (), 401);
  const Response next = ask (c, Method::refresh, token (3600, today, other_mac));
  fail_unless (next.good () && c.proved (next) && c.permit (peer4).good ());
  Scripted user (rig, 40001); // those with a password are served as well
  fail_unless (user.allocate ().good ());
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  Tokens rig;
  Blob changed = token (), cut = token ();
  changed[20] ^= 1;
  cut.resize (20);
  Blob long_nonce = token ();
  long_nonce[1] = 13;
  Blob plain = plain_token (mac, today, 3600);
  Blob lies = plain;
  lies[1] = 200; // the key's length
  const struct {
    const char *name;
    Blob access;
  } cases[] = {{"none", {}}, {"changed", changed}, {"cut", cut}, {"long nonce", long_nonce},
      {"a key's length", seal (lies)}, {"nothing in it", seal ({})},
      {"another server's", seal (plain, sealing, "turn.example.com")},
      {"another key's", seal (plain, Blob (32, 's'))}, {"expired", token (10, today - 20)},
      {"of the future", token (3600, today + 60)},
      {"another mac key", token (3600, today, other_mac)}};
  std::uint16_t port = 40000;
  for (const auto &k : cases) {
    Scripted c = client (rig, port++);
    const Response r = allocate (c, k.access);
    fail_unless (r.code () == 401, "%s: %u", k.name, r.code ());
  }
  Scripted unknown = client (rig, 41000, "east");
  fail_unless_equals_int (allocate (unknown, token ()).code (), 401);
  Rig without; // one that knows no tokens
  Scripted d (without);
  fail_unless_equals_int (allocate (d, token ()).code (), 420);
}
GST_END_TEST

GST_START_TEST (test_lifetime)
{
  Tokens rig;
  Scripted c = client (rig);
  const Response r = allocate (c, token (300), 3600);
  const std::uint32_t granted = *r.m->u32 (Attr::lifetime);
  fail_unless (granted >= 300 && granted <= 306, "%u", granted); // and the clocks' difference
  rig.pass (seconds (200));
  fail_unless (*c.refresh (3600).m->u32 (Attr::lifetime) <= granted - 200);
  rig.pass (seconds (110));
  fail_unless (rig.core.allocations () == 0);
}
GST_END_TEST

// One kid is many clients: what is one's is not another's.
GST_START_TEST (test_clients_of_one_kid)
{
  ts::Config with = config ();
  with.mobility = true;
  with.limits.user_allocations = 1;
  Rig rig (with);
  rig.core.set_wall_clock (today, rig.now);
  Scripted a = client (rig), b = client (rig, 40001);
  b.raw_key = other_mac;
  b.self.address.ip[3] ^= 1;
  const Response r = ask (a, Method::allocate, token (), [] (Builder &m) {
    m.u8 (Attr::requested_transport, 17);
    m.flag (Attr::mobility_ticket);
  });
  const Bytes ticket = *r.m->find (Attr::mobility_ticket);
  const auto take = [&] (Builder &m) { m.add (Attr::mobility_ticket, ticket); };
  fail_unless_equals_int (
      ask (b, Method::refresh, token (3600, today, other_mac), take).code (), 441);
  fail_unless (allocate (b, token (3600, today, other_mac)).good ()); // quotas are of addresses
  Scripted moved = client (rig, 40002);
  fail_unless (ask (moved, Method::refresh, token (), take).good ());
}
GST_END_TEST

GST_START_TEST (test_client_core)
{
  Tokens rig;
  turn::Config own;
  own.crypto = turn_crypto (7);
  own.credentials.kind = turn::Credentials::Kind::token;
  own.credentials.username = "north";
  own.credentials.token = token ();
  own.credentials.mac_key = mac;
  turn::Client client (own);
  const ts::Client self{rig.udp, Address::v4 (203, 0, 113, 5, 40000)};
  client.connected (Address::v4 (198, 51, 100, 1, 3478), rig.now);
  client.allocate (rig.now);
  for (auto wire = client.poll_transmit (); !wire.empty (); wire = client.poll_transmit ())
    if (const auto s = rig.input (self, wire))
      client.input (s->bytes, rig.now);
  while (client.poll_event ()) {
  }
  fail_unless (client.state () == turn::Client::State::allocated);
}
GST_END_TEST

GST_START_TEST (test_short_term)
{
  ts::Config with = server_config ();
  with.short_term_binding = true;
  Rig rig (with);
  for (const bool sha256 : {false, true}) {
    Scripted c (rig);
    fail_unless_equals_int (c.request (Method::binding).code (), 400);
    c.short_term = true;
    c.sha256 = sha256;
    const Response r = c.request (Method::binding);
    fail_unless (r.good () && c.proved (r) && !r.m->has (Attr::realm));
    c.secret = "wrong";
    const Response wrong = c.request (Method::binding);
    fail_unless (wrong.code () == 401 && !wrong.m->has (Attr::nonce));
    c.name = "nobody";
    fail_unless_equals_int (c.request (Method::binding).code (), 401);
  }
  Scripted turn (rig, 40001); // allocations have long-term ones, as before
  fail_unless (turn.allocate ().good ());
}
GST_END_TEST

static Suite *server_token_suite ()
{
  Suite *s = suite_create ("turn-server-token");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_token);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_lifetime);
  tcase_add_test (tc, test_clients_of_one_kid);
  tcase_add_test (tc, test_client_core);
  tcase_add_test (tc, test_short_term);
  return s;
}
GST_CHECK_MAIN (server_token)

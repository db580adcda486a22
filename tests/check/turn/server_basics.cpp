// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN without an allocation, and what the core is made of.
#include "server_rig.h"

using namespace reach;
using namespace reach::test;

GST_START_TEST (test_binding)
{
  ts::Config config = server_config ();
  config.software = "reach";
  config.other_address = Address::v4 (198, 51, 100, 2, 3479);
  Rig rig (std::move (config));
  Scripted c (rig);
  const Response r = c.request (Method::binding);
  fail_unless (r.good () && *r.m->xor_address (Attr::xor_mapped_address) == c.self.address);
  fail_unless (*r.m->address (Attr::response_origin) == Address::v4 (198, 51, 100, 1, 3478));
  fail_unless (*r.m->address (Attr::other_address) == Address::v4 (198, 51, 100, 2, 3479));
  fail_unless (!r.m->has (Attr::mapped_address) && !r.m->has_fingerprint ());
  fail_unless (!r.m->has (Attr::software)); // the address may be another's
  fail_unless (r.m->transaction () == c.transaction);
  c.fingerprint = true;
  fail_unless (c.request (Method::binding).m->has_fingerprint ());
  c.self.address = peer6;
  fail_unless (*c.request (Method::binding).m->xor_address (Attr::xor_mapped_address) == peer6);
  fail_unless (rig.core.stats ().bindings == 3);
  Scripted tcp (rig);
  tcp.self.path = *rig.core.add_path ({ts::Transport::tcp, {}, tcp.self.address});
  fail_unless_equals_string (tcp.request (Method::binding).text (Attr::software).c_str (), "reach");
}
GST_END_TEST

GST_START_TEST (test_binding_options)
{
  ts::Config config = server_config ();
  config.mapped_address = true;
  config.response_origin = false;
  Rig rig (std::move (config));
  Scripted c (rig);
  const Response r = c.request (Method::binding);
  fail_unless (*r.m->address (Attr::mapped_address) == c.self.address);
  fail_unless (!r.m->has (Attr::response_origin) && !r.m->has (Attr::other_address));
  const auto change = [] (std::uint32_t v) {
    return [v] (Builder &b) { b.u32 (Attr::change_request, v); };
  };
  fail_unless (c.request (Method::binding, change (0)).good ());
  fail_unless_equals_int (c.request (Method::binding, change (4)).code (), 420);
  fail_unless_equals_int (
      c.request (Method::binding, [] (Builder &b) { b.u16 (Attr::response_port, 9); }).code (),
      420);
}
GST_END_TEST

GST_START_TEST (test_binding_with_credentials)
{
  ts::Config config = server_config ();
  config.authenticate_binding = true;
  Rig rig (std::move (config));
  Scripted c (rig);
  fail_unless_equals_int (c.request (Method::binding).code (), 401);
  const Response r = c.signed_request (Method::binding);
  fail_unless (r.good () && c.proved (r));
}
GST_END_TEST

// Sixteen bytes of transaction, MAPPED-ADDRESS in the clear (RFC 3489, 11.2).
GST_START_TEST (test_old_client)
{
  ts::Config config = server_config ();
  config.other_address = Address::v4 (198, 51, 100, 2, 3479);
  Rig rig (std::move (config));
  Scripted c (rig);
  for (const char *wire : {"0001000000112233445566778899aabbccddeeff",
           "0001000800112233445566778899aabbccddeeff0003000400000000"}) {
    const auto s = rig.input (c.self, hex (wire));
    fail_unless_equals_string (to_hex (s->bytes).c_str (),
        "0101002400112233445566778899aabbccddeeff"
        "0001000800019c40cb007105"
        "0004000800010d96c6336401"
        "0005000800010d97c6336402");
  }
  fail_unless (!rig.input (c.self, hex ("0003000000112233445566778899aabbccddeeff")));
  fail_unless (!rig.input (c.self, hex ("0001000400112233445566778899aabbccddeeff")));
}
GST_END_TEST

GST_START_TEST (test_prefixes)
{
  struct Case {
    const char *prefix, *address;
    bool inside;
  };
  static const Case cases[] = {
      {"192.0.2.0/24", "192.0.2.255", true},
      {"192.0.2.0/24", "192.0.3.0", false},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.2", false},
      {"0.0.0.0/0", "203.0.113.1", true},
      {"0.0.0.0/0", "::1", false},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"::/0", "2001:db8::1", true},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", true},
      {"::ffff:0:0/96", "::ffff:10.0.0.1", true},
  };
  for (const Case &k : cases) {
    const auto p = ts::Prefix::parse (k.prefix), a = ts::Prefix::parse (k.address);
    fail_unless (p && a && p->contains (a->address) == k.inside, "%s %s", k.prefix, k.address);
  }
  for (const char *bad : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/",
           "1.2.3.4/x", "a.b.c.d", "1.2.3.-4", "::/129", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
           "1::2::3", "12345::", ":", "1:", "::g", "1.2.3.4 ", "1:2:3:4:5:6:7:1.2.3.4", "[::1]"})
    fail_unless (!ts::Prefix::parse (bad), "%s", bad);
}
GST_END_TEST

GST_START_TEST (test_most_exact_rule)
{
  ts::PeerPolicy p;
  p.deny (*ts::Prefix::parse ("0.0.0.0/0"));
  p.allow (*ts::Prefix::parse ("192.0.2.0/24"));
  p.deny (*ts::Prefix::parse ("192.0.2.7"));
  p.allow (*ts::Prefix::parse ("192.0.2.7"));
  p.allow (*ts::Prefix::parse ("10.0.0.0/8"));
  const auto allowed = [&] (const char *a) { return p.allowed (ts::Prefix::parse (a)->address); };
  fail_unless (allowed ("192.0.2.1") && allowed ("10.1.1.1") && allowed ("2001:db8::1"));
  fail_unless (!allowed ("192.0.2.7") && !allowed ("203.0.113.1") && !allowed ("::1"));
  fail_unless (!p.allowed ({}));
}
GST_END_TEST

// Against std::map, with keys that often want the same slot.
GST_START_TEST (test_table)
{
  struct Hash {
    std::size_t operator() (unsigned k) const { return k % 7; }
  };
  ts::Table<unsigned, unsigned, Hash> table;
  std::map<unsigned, unsigned> expected;
  std::mt19937 rng (1);
  for (unsigned i = 0; i < 20000; i++) {
    const unsigned key = rng () % 40;
    if (rng () % 2) {
      table.put (key, i);
      expected[key] = i;
    } else {
      fail_unless (table.erase (key) == (expected.erase (key) == 1));
    }
    fail_unless (table.size () == expected.size ());
    for (unsigned k = 0; k < 40; k++) {
      const unsigned *v = table.find (k);
      fail_unless ((v != nullptr) == expected.contains (k) && (!v || *v == expected[k]));
    }
  }
  table.erase_if ([] (unsigned k, unsigned) { return k % 2 == 0; });
  table.for_each ([] (unsigned k, unsigned) { fail_unless (k % 2 == 1); });
}
GST_END_TEST

GST_START_TEST (test_buckets)
{
  TimePoint now (seconds (100));
  const reach::Rate rate{100, 10};
  reach::Bucket one;
  reach::SharedBucket shared;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 10; i++)
      fail_unless (one.take (rate, 1, now) && shared.take (rate, 1, now));
    fail_unless (!one.take (rate, 1, now) && !shared.take (rate, 1, now));
    now += milliseconds (20);
    fail_unless (one.take (rate, 2, now) && !one.take (rate, 1, now));
    fail_unless (shared.take (rate, 2, now) && !shared.take (rate, 1, now));
    now += seconds (100); // no more than the burst is saved up
  }
  fail_unless (!one.take (rate, 11, now));
  ts::SourceLimiter limiter (rate, 64, 5);
  Address a = peer6, b = peer6;
  b.ip[15]++; // of the same network
  unsigned got = 0;
  for (int i = 0; i < 20; i++)
    got += limiter.take (i % 2 ? a : b, now);
  fail_unless_equals_int (got, 10);
}
GST_END_TEST

GST_START_TEST (test_memory)
{
  // Bars: 10,000 allocations, at most 4 KB each.
  fail_unless (sizeof (ts::Allocation) < 600, "%zu", sizeof (ts::Allocation));
}
GST_END_TEST

static Suite *server_basics_suite ()
{
  Suite *s = suite_create ("turn-server-basics");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_binding);
  tcase_add_test (tc, test_binding_options);
  tcase_add_test (tc, test_binding_with_credentials);
  tcase_add_test (tc, test_old_client);
  tcase_add_test (tc, test_prefixes);
  tcase_add_test (tc, test_most_exact_rule);
  tcase_add_test (tc, test_table);
  tcase_add_test (tc, test_buckets);
  tcase_add_test (tc, test_memory);
  return s;
}
GST_CHECK_MAIN (server_basics)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Allocate and Refresh (RFC 8656, 7 and 8).
#include "server_rig.h"

using namespace reach;
using namespace reach::test;

namespace {
using Add = Scripted::Add;

Add family (Family f)
{
  return [f] (Builder &b) { b.u8 (Attr::requested_address_family, static_cast<std::uint8_t> (f)); };
}
void both (Builder &b)
{
  b.u8 (Attr::additional_address_family, 2);
}
Add even (bool reserve)
{
  return [reserve] (Builder &b) {
    const std::uint8_t v[] = {static_cast<std::uint8_t> (reserve ? 0x80 : 0)};
    b.add (Attr::even_port, v);
  };
}
ts::Config narrow (std::uint16_t low, std::uint16_t high)
{
  ts::Config c = server_config ();
  c.min_port = low;
  c.max_port = high;
  return c;
}
std::uint16_t port_of (const Response &r)
{
  return r.m->xor_address (Attr::xor_relayed_address)->port;
}
} // namespace

GST_START_TEST (test_success)
{
  ts::Config config = server_config ();
  config.software = "reach";
  Rig rig (std::move (config));
  Scripted c (rig);
  const Response r = c.allocate ();
  fail_unless (r.good () && c.proved (r));
  const Address relayed = *r.m->xor_address (Attr::xor_relayed_address);
  fail_unless (relayed.host () == Address::v4 (198, 51, 100, 1, 0) && relayed.port >= 49152);
  fail_unless (*r.m->xor_address (Attr::xor_mapped_address) == c.self.address);
  fail_unless_equals_int (*r.m->u32 (Attr::lifetime), 600);
  fail_unless_equals_string (r.text (Attr::software).c_str (), "reach");
  fail_unless (rig.ports.opened.size () == 1);
  const auto e = rig.taken<ts::AllocationCreated> ();
  fail_unless (e.size () == 1 && e[0].relayed == std::vector{relayed} && e[0].lifetime == 600);
}
GST_END_TEST

GST_START_TEST (test_repeated)
{
  Rig rig;
  Scripted c (rig);
  fail_unless_equals_int (c.request (Method::allocate).code (), 401);
  c.learn (c.request (Method::allocate));
  const Blob wire =
      c.build (Method::allocate, [] (Builder &b) { b.u8 (Attr::requested_transport, 17); });
  const Response one = c.raw (wire), two = c.raw (wire);
  fail_unless (one.good () && one.bytes == two.bytes);
  fail_unless (rig.core.allocations () == 1);
  fail_unless_equals_int (c.allocate ().code (), 437);
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  struct Case {
    const char *name;
    Add add;
    unsigned code;
  };
  const Add udp = [] (Builder &b) { b.u8 (Attr::requested_transport, 17); };
  const Case cases[] = {
      {"no transport", {}, 400},
      {"TCP, on UDP", [] (Builder &b) { b.u8 (Attr::requested_transport, 6); }, 400},
      {"unknown transport", [] (Builder &b) { b.u8 (Attr::requested_transport, 99); }, 442},
      {"empty transport", [] (Builder &b) { b.flag (Attr::requested_transport); }, 400},
      {"unknown family", [&] (Builder &b) { udp (b), b.u8 (Attr::requested_address_family, 3); },
          440},
      {"both and one", [&] (Builder &b) { udp (b), both (b), family (Family::ipv6) (b); }, 400},
      {"additional IPv4", [&] (Builder &b) { udp (b), b.u8 (Attr::additional_address_family, 1); },
          400},
      {"both and the next", [&] (Builder &b) { udp (b), both (b), even (true) (b); }, 400},
      {"token and even",
          [&] (Builder &b) { udp (b), even (false) (b), b.u64 (Attr::reservation_token, 1); }, 400},
      {"token and family",
          [&] (Builder &b) {
            udp (b), family (Family::ipv4) (b), b.u64 (Attr::reservation_token, 1);
          },
          400},
      {"token and both",
          [&] (Builder &b) { udp (b), both (b), b.u64 (Attr::reservation_token, 1); }, 400},
      {"short token", [&] (Builder &b) { udp (b), b.u32 (Attr::reservation_token, 1); }, 400},
      {"unknown token", [&] (Builder &b) { udp (b), b.u64 (Attr::reservation_token, 1); }, 508},
      {"empty even", [&] (Builder &b) { udp (b), b.flag (Attr::even_port); }, 400},
      {"change request", [&] (Builder &b) { udp (b), b.u32 (Attr::change_request, 6); }, 420},
      {"access token", [&] (Builder &b) { udp (b), b.text (Attr::access_token, "x"); }, 420},
  };
  for (const Case &k : cases) {
    Rig rig;
    Scripted c (rig);
    const Response r = c.signed_request (Method::allocate, k.add);
    fail_unless (r.code () == k.code, "%s: %u", k.name, r.code ());
    fail_unless (c.proved (r), "%s", k.name);
    fail_unless (
        rig.core.allocations () == 0 && rig.ports.bound.empty () && rig.commons.allocations () == 0,
        "%s", k.name);
  }
}
GST_END_TEST

GST_START_TEST (test_unknown_attributes)
{
  Rig rig;
  Scripted c (rig);
  const Response r = c.signed_request (Method::allocate, [] (Builder &b) {
    b.u32 (static_cast<Attr> (0x7ffe), 1);
    b.u32 (static_cast<Attr> (0xfffe), 1); // may be ignored
  });
  fail_unless_equals_int (r.code (), 420);
  fail_unless_equals_string (to_hex (*r.m->find (Attr::unknown_attributes)).c_str (), "7ffe");
}
GST_END_TEST

GST_START_TEST (test_dont_fragment)
{
  for (const bool can : {false, true}) {
    ts::Config config = server_config ();
    config.dont_fragment = can;
    Rig rig (std::move (config));
    Scripted c (rig);
    const Response r = c.allocate ([] (Builder &b) { b.flag (Attr::dont_fragment); });
    fail_unless_equals_int (r.code (), can ? 0 : 420);
  }
}
GST_END_TEST

GST_START_TEST (test_families)
{
  Rig rig;
  Scripted c (rig);
  const Response r = c.allocate (family (Family::ipv6));
  fail_unless (r.good ());
  fail_unless (r.m->xor_address (Attr::xor_relayed_address)->family == Family::ipv6);
  ts::Config config = server_config ();
  config.relay[1] = {};
  Rig only4 (std::move (config));
  Scripted d (only4);
  fail_unless_equals_int (d.allocate (family (Family::ipv6)).code (), 440);
}
GST_END_TEST

GST_START_TEST (test_dual)
{
  Rig rig;
  Scripted c (rig);
  const Response r = c.allocate (both);
  fail_unless (r.good ());
  std::vector<Family> got;
  r.m->all (
      Attr::xor_relayed_address, [&] (Bytes v) { got.push_back (r.m->xor_address (v)->family); });
  fail_unless ((got == std::vector{Family::ipv4, Family::ipv6}));
  fail_unless (c.permit (peer4).good () && c.permit (peer6).good ());
  // One of them can be given back.
  const Response gone = c.signed_request (Method::refresh, [] (Builder &b) {
    b.u32 (Attr::lifetime, 0);
    b.u8 (Attr::requested_address_family, 1);
  });
  fail_unless (gone.good () && rig.ports.opened.size () == 1 && rig.core.allocations () == 1);
  fail_unless_equals_int (c.permit (peer4).code (), 443);
  fail_unless (c.permit (peer6).good ());
  fail_unless (!c.send (peer4, "x") && c.send (peer6, "x"));
  c.signed_request (Method::refresh, [] (Builder &b) {
    b.u32 (Attr::lifetime, 0);
    b.u8 (Attr::requested_address_family, 2);
  });
  fail_unless (rig.core.allocations () == 0);
}
GST_END_TEST

GST_START_TEST (test_dual_of_which_one_cannot_be)
{
  ts::Config config = server_config ();
  config.relay[1] = {};
  Rig rig (std::move (config));
  Scripted c (rig);
  const Response r = c.allocate (both);
  fail_unless (r.good ());
  const auto e = r.m->address_error ();
  fail_unless (e && e->family == Family::ipv6 && e->error.code == 440);

  Rig full (narrow (50000, 50001));
  full.ports.taken = {{Family::ipv6, 50000}, {Family::ipv6, 50001}};
  Scripted d (full);
  const Response f = d.allocate (both);
  fail_unless (f.good () && f.m->address_error ()->error.code == 508);
}
GST_END_TEST

GST_START_TEST (test_even_port_and_reservation)
{
  Rig rig (narrow (50001, 50004));
  Scripted a (rig, 40001), b (rig, 40002), other (rig, 40003, "bob", "hidden");
  const Response r = a.allocate (even (true));
  fail_unless (r.good () && port_of (r) == 50002);
  const auto token = r.m->find (Attr::reservation_token);
  fail_unless (token && token->size () == 8);
  const Blob t (token->begin (), token->end ());
  const Add use = [&] (Builder &x) { x.add (Attr::reservation_token, t); };
  fail_unless_equals_int (other.allocate (use).code (), 508); // another user's
  const Response next = b.allocate (use);
  fail_unless (next.good () && port_of (next) == 50003);
  fail_unless (rig.ports.opened.size () == 2 && rig.commons.reservations () == 0);
  Scripted again (rig, 40004);
  fail_unless_equals_int (again.allocate (use).code (), 508); // used
  // 50004 is even, but behind it the range ends.
  fail_unless_equals_int (again.allocate (even (true)).code (), 508);
  fail_unless (again.allocate (even (false)).good ());
}
GST_END_TEST

GST_START_TEST (test_reservation_expires)
{
  Rig rig;
  Scripted a (rig, 40001), b (rig, 40002);
  const Response r = a.allocate (even (true));
  fail_unless (port_of (r) % 2 == 0 && rig.ports.bound.size () == 2);
  const Blob t = [&] {
    const Bytes v = *r.m->find (Attr::reservation_token);
    return Blob (v.begin (), v.end ());
  }();
  rig.pass (seconds (31));
  fail_unless (rig.ports.bound.size () == 1);
  const Response late = b.allocate ([&] (Builder &x) { x.add (Attr::reservation_token, t); });
  fail_unless_equals_int (late.code (), 508);
}
GST_END_TEST

GST_START_TEST (test_reservations_are_bounded)
{
  ts::Config config = server_config ();
  config.limits.reservations = 3;
  Rig rig (std::move (config));
  for (std::uint16_t i = 0; i < 5; i++) {
    Scripted c (rig, static_cast<std::uint16_t> (40000 + i));
    const Response r = c.allocate (even (true));
    fail_unless_equals_int (r.code (), i < 3 ? 0 : 508);
    fail_unless (i < 3 || rig.ports.bound.size () == 6);
  }
  fail_unless (rig.ports.tried < 50);
}
GST_END_TEST

GST_START_TEST (test_ports)
{
  Rig rig (narrow (50000, 50009));
  std::set<std::uint16_t> seen;
  for (std::uint16_t i = 0; i < 11; i++) {
    Scripted c (rig, static_cast<std::uint16_t> (40000 + i));
    const Response r = c.allocate ();
    fail_unless_equals_int (r.code (), i < 10 ? 0 : 508);
    if (r.good ())
      seen.insert (port_of (r));
  }
  fail_unless (seen.size () == 10 && *seen.begin () == 50000 && *seen.rbegin () == 50009);
  // Not one after the other.
  unsigned up = 0, last = 0;
  Rig wide;
  for (std::uint16_t i = 0; i < 32; i++) {
    Scripted c (wide, static_cast<std::uint16_t> (40000 + i));
    const unsigned p = port_of (c.allocate ());
    up += p == last + 1;
    last = p;
  }
  fail_unless (up < 4);
}
GST_END_TEST

GST_START_TEST (test_quotas)
{
  ts::Config config = server_config ();
  config.limits.user_allocations = 2;
  config.limits.allocations = 3;
  Rig rig (std::move (config));
  Scripted a (rig, 1), b (rig, 2), c (rig, 3), d (rig, 4, "bob", "hidden"),
      e (rig, 5, "bob", "hidden");
  fail_unless (a.allocate ().good () && b.allocate ().good ());
  fail_unless_equals_int (c.allocate ().code (), 486);
  fail_unless (d.allocate ().good ());
  fail_unless_equals_int (e.allocate ().code (), 508);
  fail_unless (a.refresh (0).good () && e.allocate ().good ());
  fail_unless (rig.commons.users () == 2);
}
GST_END_TEST

GST_START_TEST (test_lifetime_is_clamped)
{
  struct Case {
    std::uint32_t asked, granted;
  };
  for (const Case k : {Case{1, 600}, {600, 600}, {1000, 1000}, {3600, 3600}, {3601, 3600},
           {0xffffffff, 3600}, {0, 600}}) {
    Rig rig;
    Scripted c (rig);
    const Response r = c.allocate ([&] (Builder &b) { b.u32 (Attr::lifetime, k.asked); });
    fail_unless_equals_int (*r.m->u32 (Attr::lifetime), k.granted);
    if (k.asked == 0)
      continue;
    const Response f = c.refresh (k.asked);
    fail_unless_equals_int (*f.m->u32 (Attr::lifetime), k.granted);
  }
}
GST_END_TEST

GST_START_TEST (test_expiry)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  fail_unless (rig.core.poll_timeout () == rig.now + seconds (600));
  rig.pass (seconds (500));
  fail_unless (c.refresh (700).good ());
  rig.pass (seconds (699));
  fail_unless (rig.core.allocations () == 1);
  rig.taken<ts::AllocationDeleted> ();
  rig.pass (seconds (1));
  const auto gone = rig.taken<ts::AllocationDeleted> ();
  fail_unless (gone.size () == 1 && gone[0].why == ts::Ended::expired && gone[0].user == "alice");
  fail_unless (rig.core.allocations () == 0 && rig.ports.bound.empty ());
  fail_unless (rig.commons.allocations () == 0 && rig.core.poll_timeout () == TimePoint::max ());
  fail_unless_equals_int (c.refresh (600).code (), 437);
}
GST_END_TEST

GST_START_TEST (test_refresh)
{
  Rig rig;
  Scripted c (rig);
  fail_unless_equals_int (c.refresh (600).code (), 437);
  c.allocate ();
  Scripted other (rig, 40000, "bob", "hidden"); // the same 5-tuple
  fail_unless_equals_int (other.refresh (600).code (), 441);
  fail_unless_equals_int (other.permit (peer4).code (), 441);
  fail_unless_equals_int (other.bind (0x4000, peer4).code (), 441);
  const Response r = c.signed_request (
      Method::refresh, [] (Builder &b) { b.u8 (Attr::requested_address_family, 2); });
  fail_unless_equals_int (r.code (), 443);
  rig.taken<ts::AllocationDeleted> ();
  const Response zero = c.refresh (0);
  fail_unless (zero.good () && *zero.m->u32 (Attr::lifetime) == 0);
  const auto gone = rig.taken<ts::AllocationDeleted> ();
  fail_unless (gone.size () == 1 && gone[0].why == ts::Ended::refreshed);
  fail_unless (c.allocate ().good ()); // on the same 5-tuple again
}
GST_END_TEST

GST_START_TEST (test_application_decides)
{
  ts::Config config = server_config ();
  config.ask_allocation = [] { return true; };
  Rig rig (std::move (config));
  for (const int how : {0, 1, 2}) { // no, yes, nothing
    Scripted c (rig, static_cast<std::uint16_t> (40000 + how));
    fail_unless (c.allocate ().none ());
    const auto asked = rig.taken<ts::AllocateRequest> ();
    fail_unless (asked.size () == 1 && asked[0].user == "alice" && asked[0].client == c.self);
    fail_unless (!rig.core.authorize (asked[0].id, "x", rig.now));
    std::optional<Sent> s;
    if (how == 2)
      s = rig.pass (seconds (10));
    else if (rig.core.allow (asked[0].id, how == 1, rig.now))
      s = rig.take ();
    fail_unless_equals_int (Response (s->bytes).code (), how == 1 ? 0 : 403);
    fail_unless (!rig.core.allow (asked[0].id, true, rig.now));
  }
  fail_unless (rig.core.allocations () == 1);
}
GST_END_TEST

GST_START_TEST (test_alternate_server)
{
  ts::Config config = server_config ();
  config.alternate_server[0] = Address::v4 (198, 51, 100, 2, 3478);
  Rig rig (std::move (config));
  Scripted c (rig);
  const Response r = c.allocate ();
  fail_unless (r.code () == 300 && c.proved (r));
  fail_unless (*r.m->address (Attr::alternate_server) == Address::v4 (198, 51, 100, 2, 3478));
}
GST_END_TEST

GST_START_TEST (test_paths)
{
  Rig rig;
  const Address from = Address::v4 (203, 0, 113, 5, 40000);
  const auto tcp =
      rig.core.add_path ({ts::Transport::tcp, Address::v4 (198, 51, 100, 1, 3478), from});
  Scripted over_udp (rig), over_tcp (rig);
  over_tcp.self.path = *tcp;
  fail_unless (over_udp.allocate ().good () && over_tcp.allocate ().good ());
  rig.taken<ts::AllocationDeleted> ();
  rig.core.remove_path (*tcp, rig.now);
  rig.take ();
  const auto gone = rig.taken<ts::AllocationDeleted> ();
  fail_unless (gone.size () == 1 && gone[0].why == ts::Ended::path_closed);
  fail_unless (gone[0].client == over_tcp.self && rig.core.allocations () == 1);
  fail_unless (*rig.core.add_path ({ts::Transport::tls, {}, from}) == *tcp); // used again
}
GST_END_TEST

static Suite *server_allocate_suite ()
{
  Suite *s = suite_create ("turn-server-allocate");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_success);
  tcase_add_test (tc, test_repeated);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_unknown_attributes);
  tcase_add_test (tc, test_dont_fragment);
  tcase_add_test (tc, test_families);
  tcase_add_test (tc, test_dual);
  tcase_add_test (tc, test_dual_of_which_one_cannot_be);
  tcase_add_test (tc, test_even_port_and_reservation);
  tcase_add_test (tc, test_reservation_expires);
  tcase_add_test (tc, test_reservations_are_bounded);
  tcase_add_test (tc, test_ports);
  tcase_add_test (tc, test_quotas);
  tcase_add_test (tc, test_lifetime_is_clamped);
  tcase_add_test (tc, test_expiry);
  tcase_add_test (tc, test_refresh);
  tcase_add_test (tc, test_application_decides);
  tcase_add_test (tc, test_alternate_server);
  tcase_add_test (tc, test_paths);
  return s;
}
GST_CHECK_MAIN (server_allocate)

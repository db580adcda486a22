// SPDX-License-Identifier: LGPL-2.1-or-later
// Allocations: what is asked for, refusals, refreshing, losing, giving back (RFC 8656, 7 and 8).
#include "rig.h"

using namespace reach::test;

namespace {
using reach::Duration;
using reach::milliseconds;
using reach::seconds;
using reach::TimePoint;
using State = Client::State;

void defaults (Rig &t)
{
  t.config.software = "reach";
  t.start ();
  const Message m = t.next (Method::allocate);
  must (m.u8 (Attr::requested_transport) == 17 && m.text (Attr::software) == "reach");
  must (!m.has (Attr::lifetime) && !m.has (Attr::even_port) && !m.has (Attr::dont_fragment));
  must (!m.has (Attr::requested_address_family) && !m.has (Attr::additional_address_family));
  must (!m.has (Attr::mobility_ticket) && !m.has (Attr::reservation_token));
}

void options (Rig &t)
{
  t.config.lifetime = 1200;
  t.config.even_port = true;
  t.config.dont_fragment = true;
  t.config.mobility = true;
  t.config.families = Families::ipv6;
  t.config.fingerprint = false;
  const Message m = t.to_allocate ();
  must (m.u32 (Attr::lifetime) == 1200u && m.has (Attr::dont_fragment));
  must (same (*m.find (Attr::even_port), hex ("00")));
  must (m.u8 (Attr::requested_address_family) == 2 && !m.has_fingerprint ());
  must (m.find (Attr::mobility_ticket)->empty () && t.proved (m));
}

// A request is changed before it is signed, and sent again as it was then.
void amended (Rig &t)
{
  unsigned asked = 0;
  t.config.amend = [&] (reach::Bytes m) {
    asked++;
    std::vector<std::uint8_t> v (m.begin (), m.end ());
    const auto more = hex ("c0de0004deadbeef");
    v.insert (v.end (), more.begin (), more.end ());
    v[3] = static_cast<std::uint8_t> (v[3] + more.size ());
    return v;
  };
  const Message m = t.to_allocate ();
  must (t.proved (m) && m.has_fingerprint () && m.u32 (static_cast<Attr> (0xc0de)) == 0xdeadbeefu);
  t.pass (milliseconds (500));
  const Message again = t.next (Method::allocate);
  must (same (again.bytes (), m.bytes ()) && asked == 2);
}

// What is no request of the same kind is not used.
void badly_amended (Rig &t)
{
  const auto with = [] (auto &&change) {
    return [change] (reach::Bytes m) {
      std::vector<std::uint8_t> v (m.begin (), m.end ());
      change (v);
      return v;
    };
  };
  const std::function<std::vector<std::uint8_t> (reach::Bytes)> cases[] = {
      with ([] (auto &v) { v[1] = 4; }),      // another method
      with ([] (auto &v) { v[0] |= 1; }),     // an answer
      with ([] (auto &v) { v[19] ^= 1; }),    // another transaction
      with ([] (auto &v) { v[3] = 99; }),     // cut off
      with ([] (auto &v) { v.resize (12); }), // not even a header
      with ([] (auto &v) {                    // signed already
        v.resize (v.size () + 24);
        v[v.size () - 23] = 8;
        v[v.size () - 21] = 20;
        v[3] = static_cast<std::uint8_t> (v[3] + 24);
      }),
      [] (reach::Bytes) { return std::vector<std::uint8_t> (20000, 1); },
  };
  for (const auto &bad : cases) {
    t.config.amend = bad;
    const Message m = t.to_allocate ();
    must (t.proved (m) && m.u8 (Attr::requested_transport) == 17);
  }
}

void next_port_reserved (Rig &t)
{
  t.config.even_port = t.config.reserve_next = true;
  const Message m = t.to_allocate ();
  must (same (*m.find (Attr::even_port), hex ("80")));
  t.succeed (m, [] (Builder &b) {
    Rig::allocation () (b);
    b.u64 (Attr::reservation_token, 0x0102030405060708);
  });
  const auto e = t.event<Allocated> ();
  must (e.reservation && same (*e.reservation, hex ("0102030405060708")));
}

void with_token (Rig &t)
{
  t.config.reservation = ReservationToken{1, 2, 3, 4, 5, 6, 7, 8};
  t.config.even_port = true; // which RFC 8656, 7.1 forbids beside it, as the family
  t.config.families = Families::both;
  const Message m = t.to_allocate ();
  must (same (*m.find (Attr::reservation_token), hex ("0102030405060708")));
  must (!m.has (Attr::even_port) && !m.has (Attr::additional_address_family));
}

void both_families (Rig &t)
{
  t.config.families = Families::both;
  t.config.even_port = t.config.reserve_next = true;
  const Message m = t.to_allocate ();
  must (m.u8 (Attr::additional_address_family) == 2 && !m.has (Attr::requested_address_family));
  must (same (*m.find (Attr::even_port), hex ("00")));
  t.succeed (m, [] (Builder &b) {
    Rig::allocation () (b);
    b.xor_address (Attr::xor_relayed_address, relayed6);
    b.xor_address (Attr::xor_relayed_address, relayed6); // one of a family
  });
  const auto e = t.event<Allocated> ();
  must (e.relayed.size () == 2 && e.relayed[0] == relayed4 && e.relayed[1] == relayed6);
  must (!e.refused_family);
}

void one_family_of_two (Rig &t)
{
  t.config.families = Families::both;
  t.succeed (t.to_allocate (), [] (Builder &b) {
    Rig::allocation () (b);
    b.address_error (Family::ipv6, 440, "none here");
  });
  const auto e = t.event<Allocated> ();
  must (e.relayed.size () == 1 && e.refused_family->family == Family::ipv6);
  must (e.refused_family->error.code == 440);
}

void only_ipv4 (Rig &t)
{
  t.config.families = Families::ipv4;
  must (t.to_allocate ().u8 (Attr::requested_address_family) == 1);
}

void relay_tcp (Rig &t)
{
  t.config.transport = Transport::tcp;
  t.config.relay = Relay::tcp;
  t.config.even_port = t.config.dont_fragment = true;
  t.config.reservation = ReservationToken{};
  const Message m = t.to_allocate ();
  must (m.u8 (Attr::requested_transport) == 6);
  must (!m.has (Attr::even_port) && !m.has (Attr::dont_fragment));
  must (!m.has (Attr::reservation_token));
}

void success_tells_all (Rig &t)
{
  t.succeed (t.to_allocate (), Rig::allocation (777));
  const auto e = t.event<Allocated> ();
  must (e.mapped == mapped4 && e.lifetime == 777 && !e.mobile && !e.reservation);
  must (e.message.method () == Method::allocate && e.message.u32 (Attr::lifetime) == 777u);
  must (t.client->relayed ()[0] == relayed4 && t.client->state () == State::allocated);
}

void bad_success (Rig &t)
{
  const Fill bad[] = {[] (Builder &b) { b.u32 (Attr::lifetime, 600); },
      [] (Builder &b) { b.xor_address (Attr::xor_relayed_address, relayed4); }, Rig::allocation (0),
      {}};
  for (const Fill &fill : bad) {
    t.succeed (t.to_allocate (), fill);
    must (t.event<Failed> ().why == Why::bad_response);
    must (t.client->state () == State::idle);
  }
}

void unknown_required_in_answer (Rig &t)
{
  t.succeed (t.to_allocate (), [] (Builder &b) {
    b.u32 (static_cast<Attr> (0x7f00), 1);
    Rig::allocation () (b);
  });
  const auto e = t.event<Failed> ();
  must (e.code == 420 && !t.has<Allocated> ());
}

void unknown_optional_in_answer (Rig &t)
{
  t.succeed (t.to_allocate (), [] (Builder &b) {
    b.u32 (static_cast<Attr> (0xff00), 1);
    Rig::allocation () (b);
  });
  must (t.has<Allocated> ());
}

void fatal_errors (Rig &t)
{
  struct {
    unsigned code;
    Why why;
  } const all[] = {{400, Why::refused}, {403, Why::refused}, {420, Why::refused},
      {440, Why::refused}, {441, Why::wrong_credentials}, {442, Why::refused}, {405, Why::refused},
      {599, Why::refused}};
  for (const auto &c : all) {
    t.refuse (t.to_allocate (), c.code);
    const auto e = t.event<Failed> ();
    fail_unless (e.code == c.code && e.why == c.why, "%s: %u", t.name, c.code);
    must (e.reason == "reason" && e.message.error ()->code == c.code);
    t.pass (seconds (600));
    must (t.quiet () && t.client->state () == State::idle);
  }
}

void again_after_failure (Rig &t)
{
  t.refuse (t.to_allocate (), 403);
  (void)t.event<Failed> ();
  t.call ([&] (Client &c) { c.allocate (t.now); });
  t.succeed (t.next (Method::allocate), Rig::allocation ());
  must (t.has<Allocated> ());
}

void dont_fragment_refused (Rig &t)
{
  t.config.dont_fragment = true;
  const auto refuse_it = [] (Builder &b) {
    b.unknown_attributes (std::array<std::uint16_t, 1>{0x001a});
  };
  t.refuse (t.to_allocate (), 420, refuse_it);
  const Message m = t.next (Method::allocate);
  must (!m.has (Attr::dont_fragment));
  t.refuse (m, 420, refuse_it);
  must (t.event<Failed> ().code == 420);
}

void other_attribute_refused (Rig &t)
{
  t.config.dont_fragment = true;
  t.refuse (t.to_allocate (), 420, [] (Builder &b) {
    b.unknown_attributes (std::array<std::uint16_t, 2>{0x001a, 0x0018});
  });
  must (t.event<Failed> ().code == 420);
}

void mobility_refused (Rig &t)
{
  t.config.mobility = true;
  t.refuse (t.to_allocate (), 405);
  const Message m = t.next (Method::allocate);
  must (!m.has (Attr::mobility_ticket));
  t.succeed (m, Rig::allocation ());
  must (!t.event<Allocated> ().mobile);
}

void capacity (Rig &t)
{
  for (const unsigned code : {486u, 508u, 500u}) {
    t.refuse (t.to_allocate (), code);
    for (unsigned i = 0; i < t.config.limits.capacity_retries; i++) {
      must (t.event<ResponseError> ().code == code);
      must (t.client->state () == State::waiting);
      t.pass (seconds (59));
      must (t.quiet ());
      t.pass (milliseconds (1400)); // and no repetition yet
      t.refuse (t.next (Method::allocate), code);
    }
    must (t.event<Failed> ().code == code && t.client->state () == State::idle);
    t.pass (seconds (600));
    must (t.quiet ());
  }
}

void capacity_comes_back (Rig &t)
{
  t.refuse (t.to_allocate (), 508);
  t.wait_sent ();
  t.succeed (t.next (Method::allocate), Rig::allocation ());
  must (t.has<Allocated> ());
}

void mismatch (Rig &t)
{
  t.refuse (t.to_allocate (), 437);
  for (unsigned i = 0; i < t.config.limits.new_paths; i++) {
    must (t.has<PathWanted> () && t.client->state () == State::no_path && t.quiet ());
    t.events.clear ();
    t.call ([&] (Client &c) { c.connected (server_address, t.now); });
    t.refuse (t.next (Method::allocate), 437);
  }
  must (t.event<Failed> ().code == 437);
}

void first_never_answered (Rig &t)
{
  t.start ();
  const Message m = t.next (Method::allocate);
  const int times[] = {500, 1500, 3500, 7500, 15500, 31500};
  int before = 0;
  for (const int at : times) {
    t.pass (milliseconds (at - before - 1));
    must (t.quiet ());
    t.pass (milliseconds (1));
    must (same (t.next (Method::allocate).bytes (), m.bytes ()));
    before = at;
  }
  t.pass (milliseconds (39499 - 31500));
  must (t.quiet () && t.events.empty ());
  t.pass (milliseconds (1));
  must (t.event<Failed> ().why == Why::timeout);
  must (t.client->stats ().retransmissions == 6 && t.client->stats ().timeouts == 1);
}

void first_never_answered_on_stream (Rig &t)
{
  t.config.transport = Transport::tls;
  t.start ();
  (void)t.next (Method::allocate);
  t.pass (milliseconds (39499));
  must (t.quiet () && t.events.empty ());
  t.pass (milliseconds (1));
  must (t.event<Failed> ().why == Why::timeout);
}

void schedule_of_our_own (Rig &t)
{
  t.config.retransmission.rto = milliseconds (100);
  t.config.retransmission.requests = 3;
  t.config.retransmission.last_wait = 4;
  t.start ();
  t.pass (milliseconds (699));
  must (t.sent.size () == 3 && !t.has<Failed> ());
  t.pass (milliseconds (1));
  must (t.has<Failed> () && t.sent.size () == 3);
}

void no_retransmission (Rig &t)
{
  t.config.retransmission.enabled = false;
  t.start ();
  t.pass (milliseconds (39500));
  must (t.sent.size () == 1 && t.has<Failed> ());
}

void late_timer_sends_once (Rig &t)
{
  t.start ();
  (void)t.next (Method::allocate);
  t.now += seconds (10);
  t.call ([&] (Client &c) { c.timeout (t.now); });
  must (t.sent.size () == 1 && t.client->poll_timeout () > t.now);
}

void answers_to_nothing (Rig &t)
{
  const Message m = t.to_allocate ();
  t.succeed (m, Rig::allocation ());
  (void)t.event<Allocated> ();
  t.succeed (m, Rig::allocation ()); // repeated
  t.refuse (m, 403);
  must (t.events.empty () && t.client->stats ().unmatched == 2);
  must (t.client->state () == State::allocated);
}

void answer_of_another_method (Rig &t)
{
  const Message m = t.to_allocate ();
  std::uint8_t buffer[200];
  Builder b (buffer, Method::refresh, Class::success, m.transaction ());
  b.u32 (Attr::lifetime, 600);
  b.integrity (t.crypto, t.key ());
  t.give ({b.message ().begin (), b.message ().end ()});
  must (t.events.empty () && t.client->stats ().unmatched == 1);
}

void error_without_code (Rig &t)
{
  const Message m = t.to_allocate ();
  std::uint8_t buffer[200];
  Builder b (buffer, Method::allocate, Class::error, m.transaction ());
  b.integrity (t.crypto, t.key ());
  t.give ({b.message ().begin (), b.message ().end ()});
  must (t.events.empty () && t.client->stats ().unmatched == 1);
  t.succeed (m, Rig::allocation ());
  must (t.has<Allocated> ());
}

void closing (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  t.call ([&] (Client &c) { c.close (t.now); });
  const Message m = t.next (Method::refresh);
  must (m.u32 (Attr::lifetime) == 0u && t.proved (m) && !t.has<Closed> ());
  must (t.wrap (peer_a).route == Client::Route::refused);
  t.succeed (m, Rig::lifetime (0));
  must (t.has<Closed> () && t.client->state () == State::idle);
  t.pass (seconds (1000));
  must (t.quiet () && t.client->poll_timeout () == TimePoint::max ());
}

void closing_by_refresh (Rig &t)
{
  t.to_allocated ();
  must (t.call ([&] (Client &c) { return c.refresh (0, t.now); }));
  t.refuse (t.next (Method::refresh), 437); // it was gone
  must (t.has<Closed> () && !t.has<AllocationLost> ());
}

void closing_with_stale_nonce (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { c.close (t.now); });
  t.nonce = "nonce-2";
  t.challenge (t.next (Method::refresh), 438);
  const Message m = t.next (Method::refresh);
  must (m.u32 (Attr::lifetime) == 0u && m.text (Attr::nonce) == "nonce-2");
  t.succeed (m, Rig::lifetime (0));
  must (t.has<Closed> ());
}

void closing_unanswered (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { c.close (t.now); });
  t.pass (milliseconds (39500));
  must (t.has<Closed> () && !t.has<AllocationLost> () && t.client->state () == State::idle);
}

void closing_while_allocating (Rig &t)
{
  const Message m = t.to_allocate ();
  t.call ([&] (Client &c) { c.close (t.now); });
  must (t.next (Method::refresh).u32 (Attr::lifetime) == 0u);
  t.succeed (m, Rig::allocation ());
  must (!t.has<Allocated> ());
}

void closing_before_anything (Rig &t)
{
  t.start ();
  t.sent.clear ();
  t.call ([&] (Client &c) { c.close (t.now); });
  must (t.has<Closed> () && t.quiet ());
  t.events.clear ();
  t.call ([&] (Client &c) { c.close (t.now); });
  must (t.events.empty ());
}

void again_after_closing (Rig &t)
{
  closing_by_refresh (t);
  t.call ([&] (Client &c) { c.allocate (t.now); });
  t.succeed (t.next (Method::allocate), Rig::allocation ());
  must (t.event<Allocated> ().relayed.size () == 1);
}

const Case cases[] = {{"defaults", defaults}, {"options", options}, {"amended", amended},
    {"badly amended", badly_amended}, {"even port and the next one", next_port_reserved},
    {"with a reservation token", with_token}, {"both families", both_families},
    {"one family of two", one_family_of_two}, {"IPv4 by name", only_ipv4},
    {"relaying TCP", relay_tcp}, {"what success tells", success_tells_all},
    {"success without an address", bad_success},
    {"an answer that has to be understood", unknown_required_in_answer},
    {"an answer that need not", unknown_optional_in_answer}, {"errors that end it", fatal_errors},
    {"again after a failure", again_after_failure},
    {"without DONT-FRAGMENT then", dont_fragment_refused},
    {"not without another attribute", other_attribute_refused},
    {"without mobility then", mobility_refused}, {"486, 500, 508 wait a minute", capacity},
    {"508 once", capacity_comes_back}, {"437 wants another port", mismatch},
    {"nobody answers at first", first_never_answered},
    {"nobody answers on a stream", first_never_answered_on_stream},
    {"another schedule", schedule_of_our_own}, {"no retransmission", no_retransmission},
    {"a late timer sends once", late_timer_sends_once}, {"answers to nothing", answers_to_nothing},
    {"an answer of another method", answer_of_another_method},
    {"an error without code", error_without_code}, {"closing", closing},
    {"closing by Refresh 0", closing_by_refresh},
    {"closing with a stale nonce", closing_with_stale_nonce},
    {"closing that nobody answers", closing_unanswered},
    {"closing while allocating", closing_while_allocating},
    {"closing before anything", closing_before_anything},
    {"again after closing", again_after_closing}};
} // namespace

CASES_MAIN (client_allocate, cases)

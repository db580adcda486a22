// SPDX-License-Identifier: LGPL-2.1-or-later
// Proofs and challenges (RFC 8489, 9; RFC 7635).
#include "rig.h"

using namespace reach::test;

namespace {
using reach::seconds;
using Kind = Credentials::Kind;

// PASSWORD-ALGORITHMS
const std::vector<std::uint8_t> both{0, 2, 0, 0, 0, 1, 0, 0}, md5_only{0, 1, 0, 0},
    unknown_first{0, 9, 0, 2, 7, 7, 0, 0, 0, 1, 0, 0}, none_known{0, 9, 0, 0};

void bare_first (Rig &t)
{
  t.start ();
  const Message m = t.next (Method::allocate);
  must (m.kind () == Class::request && m.has_fingerprint ());
  must (!m.has (Attr::username) && !m.has (Attr::realm) && m.integrity_at () == 0);
}

void long_term (Rig &t)
{
  const Message m = t.to_allocate ();
  must (m.text (Attr::username) == "user" && m.text (Attr::realm) == t.realm);
  must (m.text (Attr::nonce) == "nonce-1" && t.proved (m));
  must (!m.has (Attr::password_algorithm) && m.integrity_sha256_at () == 0);
  t.succeed (m, Rig::allocation ());
  must (t.event<Allocated> ().relayed[0] == relayed4);
}

void new_id_after_challenge (Rig &t)
{
  t.start ();
  const Message bare = t.next (Method::allocate);
  const auto first = bare.transaction ();
  t.challenge (bare);
  must (t.next (Method::allocate).transaction () != first);
}

void none_needed (Rig &t)
{
  t.config.credentials = {};
  t.start ();
  t.succeed (t.next (Method::allocate), Rig::allocation ());
  must (t.event<Allocated> ().mapped == mapped4);
}

void none_but_needed (Rig &t)
{
  t.config.credentials = {};
  t.start ();
  t.challenge (t.next (Method::allocate));
  const auto e = t.event<Failed> ();
  must (e.why == Why::no_credentials && e.code == 401 && t.quiet ());
}

void wrong_password (Rig &t)
{
  t.challenge (t.to_allocate ());
  const auto e = t.event<Failed> ();
  must (e.why == Why::wrong_credentials && e.code == 401 && t.quiet ());
  must (t.client->state () == Client::State::idle);
}

void wrong_password_with_new_nonce (Rig &t)
{
  const Message m = t.to_allocate ();
  t.nonce = "nonce-2";
  t.challenge (m);
  must (t.event<Failed> ().why == Why::wrong_credentials);
}

void other_realm (Rig &t)
{
  const Message m = t.to_allocate ();
  t.realm = "example.net";
  t.challenge (m);
  const Message again = t.next (Method::allocate);
  must (again.text (Attr::realm) == "example.net" && t.proved (again));
  t.challenge (again);
  must (t.event<Failed> ().why == Why::wrong_credentials);
}

void stale_nonce (Rig &t)
{
  const Message m = t.to_allocate ();
  t.nonce = "nonce-2";
  t.challenge (m, 438);
  const Message again = t.next (Method::allocate);
  must (again.text (Attr::nonce) == "nonce-2" && t.proved (again));
  t.succeed (again, Rig::allocation ());
  must (t.has<Allocated> ());
}

void stale_without_end (Rig &t)
{
  Message m = t.to_allocate ();
  unsigned n = 0;
  for (; !t.has<Failed> (); n++) {
    must (n < 20);
    t.nonce += "x";
    t.challenge (m, 438);
    if (!t.quiet ())
      m = t.next (Method::allocate);
  }
  must (n == t.config.limits.challenges);
  must (t.event<Failed> ().why == Why::stale_nonces);
}

void stale_in_flight (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { return c.create_permission ({&peer_a, 1}, t.now); });
  t.call ([&] (Client &c) { return c.bind_channel (peer_b, 0, t.now); });
  const Message p = t.next (Method::create_permission), c = t.next (Method::channel_bind);
  t.nonce = "nonce-2";
  t.challenge (p, 438);
  t.challenge (c, 438);
  t.succeed (t.next (Method::create_permission));
  const Message again = t.next (Method::channel_bind);
  must (again.text (Attr::nonce) == "nonce-2" && t.proved (again));
  t.succeed (again);
  must (t.has<PermissionsCreated> () && t.has<ChannelBound> () && !t.has<AllocationLost> ());
}

void late_401_in_flight (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { return c.create_permission ({&peer_a, 1}, t.now); });
  t.call ([&] (Client &c) { return c.bind_channel (peer_b, 0, t.now); });
  const Message p = t.next (Method::create_permission), c = t.next (Method::channel_bind);
  t.nonce = "nonce-2";
  t.challenge (p, 438);
  t.challenge (c, 401); // it was asked before the new nonce
  must (!t.has<AllocationLost> ());
  t.succeed (t.next (Method::create_permission));
  t.succeed (t.next (Method::channel_bind));
  must (t.has<ChannelBound> ());
}

void sha256_chosen (Rig &t)
{
  t.algorithms = both;
  t.nonce = "obMatJos2gAAAxyz";
  const Message m = t.to_allocate ();
  must (same (*m.find (Attr::password_algorithms), both));
  must (m.u16 (Attr::password_algorithm) == 2);
  must (m.integrity_at () == 0 && t.proved (m));
  must (m.text (Attr::username) == "user" && !m.has (Attr::userhash));
  t.succeed (m, Rig::allocation ());
  must (t.has<Allocated> ());
}

void md5_with_sha256_integrity (Rig &t)
{
  t.algorithms = md5_only;
  const Message m = t.to_allocate ();
  must (m.u16 (Attr::password_algorithm) == 1 && m.integrity_at () == 0 && t.proved (m));
}

void first_known_algorithm (Rig &t)
{
  t.algorithms = unknown_first;
  const Message m = t.to_allocate ();
  must (m.u16 (Attr::password_algorithm) == 1);
  must (same (*m.find (Attr::password_algorithms), unknown_first));
}

void no_known_algorithm (Rig &t)
{
  t.algorithms = none_known;
  t.start ();
  t.challenge (t.next (Method::allocate));
  must (t.event<Failed> ().why == Why::bid_down && t.quiet ());
}

void bid_down_of_algorithms (Rig &t)
{
  for (const char *nonce : {"obMatJos2gAAAxyz", "obMatJos2AAABxyz", "obMatJos2wAAA"}) {
    t.nonce = nonce; // says that the server knows algorithms, and there are none
    t.start ();
    t.challenge (t.next (Method::allocate));
    must (t.event<Failed> ().why == Why::bid_down && t.quiet ());
  }
}

void no_features_in_nonce (Rig &t)
{
  for (const char *nonce :
      {"obMatJos2AAAAxyz", "obMatJos2gAA", "obMatJos2", "obMatJos3gAAAx", "obMatJos2g=AA"}) {
    t.nonce = nonce;
    const Message m = t.to_allocate ();
    must (m.text (Attr::username) == "user" && t.proved (m));
  }
}

void bid_down_later (Rig &t)
{
  t.algorithms = both;
  const Message m = t.to_allocate ();
  t.algorithms.clear ();
  t.challenge (m, 438);
  must (t.event<Failed> ().why == Why::bid_down && t.quiet ());
}

void sha1_answer_to_sha256 (Rig &t)
{
  t.algorithms = both;
  const Message m = t.to_allocate ();
  const auto key = t.key ();
  std::uint8_t buffer[500];
  Builder b (buffer, Method::allocate, Class::success, m.transaction ());
  Rig::allocation () (b);
  b.integrity (t.crypto, key);
  t.give ({b.message ().begin (), b.message ().end ()});
  must (!t.has<Allocated> () && t.client->stats ().unmatched == 1);
  t.succeed (m, Rig::allocation ());
  must (t.has<Allocated> ());
}

void userhash (Rig &t)
{
  for (const char *nonce : {"obMatJos2wAAAxyz", "obMatJos2AAADxyz"}) {
    t.algorithms = both;
    t.nonce = nonce;
    const Message m = t.to_allocate ();
    must (!m.has (Attr::username));
    must (same (*m.find (Attr::userhash), userhash_of (t.crypto, "user", t.realm)));
    must (t.proved (m));
  }
}

void prepared_names (Rig &t)
{
  t.config.credentials.username = "us\u3000A\u030A";
  t.config.credentials.password = "\u2168 e\u0301";
  const Message m = t.to_allocate ();
  must (m.text (Attr::username) == "us \u00C5");
  t.config.credentials.username = "us \u00C5";
  t.config.credentials.password = "\u2168 \u00E9";
  must (t.proved (m));
}

void unusable_names (Rig &t)
{
  for (const std::string &user : {std::string (), std::string ("a\x07"), std::string ("us\u00ADer"),
           std::string ("\xff"), std::string (509, 'u')}) {
    t.config.credentials.username = user;
    t.start ();
    must (t.event<Failed> ().why == Why::bad_credentials && t.quiet ());
  }
  t.config.credentials.username = std::string (508, 'u');
  t.start ();
  must (!t.quiet ());
}

void no_realm (Rig &t)
{
  t.start ();
  t.refuse (
      t.next (Method::allocate), 401, [] (Builder &b) { b.text (Attr::nonce, "n"); }, Sign::none);
  must (t.event<Failed> ().why == Why::bad_response);
}

void no_nonce (Rig &t)
{
  t.realm = "r";
  t.nonce.clear ();
  t.start ();
  t.challenge (t.next (Method::allocate));
  must (t.event<Failed> ().why == Why::bad_response);
}

void long_realm_and_nonce (Rig &t)
{
  t.realm = std::string (763, 'r');
  t.nonce = std::string (763, 'n');
  const Message m = t.to_allocate ();
  must (m.text (Attr::realm).size () == 763 && m.text (Attr::nonce).size () == 763);
  t.nonce += 'n';
  t.start ();
  t.challenge (t.next (Method::allocate));
  must (t.event<Failed> ().why == Why::bad_response);
}

void unsigned_success (Rig &t)
{
  const Message m = t.to_allocate ();
  t.succeed (m, Rig::allocation (), Sign::none);
  t.succeed (m, Rig::allocation (), Sign::wrong);
  t.refuse (m, 403, {}, Sign::none);
  t.refuse (m, 400, {}, Sign::wrong);
  must (t.events.empty () && t.client->stats ().unmatched == 4);
  t.succeed (m, Rig::allocation ());
  must (t.has<Allocated> ());
}

void forged_challenge (Rig &t)
{
  const Message m = t.to_allocate ();
  t.refuse (
      m, 438,
      [] (Builder &b) {
        b.text (Attr::realm, "example.org");
        b.text (Attr::nonce, "evil");
      },
      Sign::wrong);
  must (t.events.empty () && t.quiet ());
  t.succeed (m, Rig::allocation ());
  must (t.has<Allocated> ());
}

void unsigned_success_on_stream (Rig &t)
{
  t.config.transport = Transport::tcp;
  const Message m = t.to_allocate ();
  t.succeed (m, Rig::allocation (), Sign::wrong);
  must (t.event<Failed> ().why == Why::integrity);
}

void only_challenge_unsigned (Rig &t)
{
  t.to_allocated ();
  t.pass (seconds (540));
  const Message m = t.next (Method::refresh);
  t.refuse (m, 437, {}, Sign::none);
  must (!t.has<AllocationLost> ());
  t.refuse (m, 437);
  must (t.has<AllocationLost> ());
}

void wrong_user_of_allocation (Rig &t)
{
  t.to_allocated ();
  t.pass (seconds (540));
  t.refuse (t.next (Method::refresh), 441);
  const auto e = t.event<AllocationLost> ();
  must (e.why == Why::refused && e.code == 441);
  t.wait_sent ();
  t.refuse (t.next (Method::allocate), 441);
  must (t.event<Failed> ().why == Why::wrong_credentials);
}

void forgotten_by_server (Rig &t)
{
  t.to_allocated ();
  t.pass (seconds (540));
  t.nonce = "after-restart";
  t.challenge (t.next (Method::refresh), 401);
  must (t.has<AllocationLost> ());
  t.wait_sent ();
  t.challenge (t.next (Method::allocate), 438);
  t.succeed (t.next (Method::allocate), Rig::allocation ());
  must (t.has<Allocated> ());
}

const Case cases[] = {{"the first request is bare", bare_first},
    {"long-term credentials", long_term},
    {"a challenge makes a new transaction", new_id_after_challenge},
    {"a server without credentials", none_needed}, {"credentials are needed", none_but_needed},
    {"a second 401 is a wrong password", wrong_password},
    {"also with another nonce", wrong_password_with_new_nonce},
    {"another realm is tried once", other_realm}, {"438 with a new nonce", stale_nonce},
    {"438 without end", stale_without_end}, {"438 for requests in flight", stale_in_flight},
    {"401 for one sent before the new nonce", late_401_in_flight},
    {"SHA-256 where offered", sha256_chosen},
    {"MD5 key, SHA-256 integrity", md5_with_sha256_integrity},
    {"the first algorithm that is known", first_known_algorithm},
    {"no algorithm that is known", no_known_algorithm},
    {"bid down: algorithms taken out", bid_down_of_algorithms},
    {"nonces that promise nothing", no_features_in_nonce},
    {"bid down: algorithms gone later", bid_down_later},
    {"SHA-1 answer to SHA-256", sha1_answer_to_sha256}, {"USERHASH", userhash},
    {"names and passwords are prepared", prepared_names},
    {"names that cannot be used", unusable_names}, {"a challenge without realm", no_realm},
    {"a challenge without nonce", no_nonce}, {"763 bytes and not more", long_realm_and_nonce},
    {"answers without the right proof are ignored", unsigned_success},
    {"a challenge with a wrong proof is ignored", forged_challenge},
    {"on a stream a wrong proof ends it", unsigned_success_on_stream},
    {"an unsigned 437 is ignored", only_challenge_unsigned},
    {"441 for a refresh, then for good", wrong_user_of_allocation},
    {"a server that has forgotten us", forgotten_by_server}};
} // namespace

CASES_MAIN (client_auth, cases)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Short-term credentials, tokens (RFC 7635), time-limited ones, and those of Binding.
#include "rig.h"

using namespace reach::test;

namespace {
using reach::seconds;
using Kind = Credentials::Kind;

const std::vector<std::uint8_t> both{0, 2, 0, 0, 0, 1, 0, 0}; // PASSWORD-ALGORITHMS

void short_term (Rig &t)
{
  t.config.credentials.kind = Kind::short_term;
  t.start ();
  const Message m = t.next (Method::allocate);
  const auto key = t.key ();
  must (m.text (Attr::username) == "user" && !m.has (Attr::realm));
  must (check_sha1 (t.crypto, m, key) == Integrity::right);
  must (check_sha256 (t.crypto, m, key) == Integrity::right);
  t.succeed (m, Rig::allocation ()); // with the older one
  must (t.has<Allocated> ());
  t.call ([&] (Client &c) { return c.create_permission ({&peer_a, 1}, t.now); });
  const Message next = t.next (Method::create_permission);
  must (next.integrity_at () != 0 && next.integrity_sha256_at () == 0);
}

void short_term_sha256 (Rig &t)
{
  t.config.credentials.kind = Kind::short_term;
  t.algorithms = both; // the rig's server answers with SHA-256 then
  t.start ();
  t.succeed (t.next (Method::allocate), Rig::allocation ());
  must (t.has<Allocated> ());
  t.call ([&] (Client &c) { return c.create_permission ({&peer_a, 1}, t.now); });
  const Message next = t.next (Method::create_permission);
  must (next.integrity_at () == 0 && next.integrity_sha256_at () != 0);
}

void short_term_refused (Rig &t)
{
  t.config.credentials.kind = Kind::short_term;
  t.start ();
  t.refuse (t.next (Method::allocate), 401, {}, Sign::none);
  must (t.event<Failed> ().why == Why::wrong_credentials && t.quiet ());
}

void token (Rig &t)
{
  t.config.credentials.kind = Kind::token;
  t.config.credentials.username = "kid-1";
  t.config.credentials.token = {1, 2, 3, 4, 5};
  t.config.credentials.mac_key = {9, 8, 7};
  t.start ();
  const Message bare = t.next (Method::allocate);
  must (!bare.has (Attr::access_token));
  t.refuse (
      bare, 401,
      [&] (Builder &b) {
        b.text (Attr::third_party_authorization, "auth.example.org");
        b.text (Attr::realm, t.realm);
        b.text (Attr::nonce, t.nonce);
      },
      Sign::none);
  const Message m = t.next (Method::allocate);
  must (m.text (Attr::username) == "kid-1" && t.proved (m));
  must (same (*m.find (Attr::access_token), t.config.credentials.token));
  t.succeed (m, Rig::allocation ());
  must (t.has<Allocated> ());
  t.config.credentials.token = {6};
  t.config.credentials.mac_key = {5};
  t.call ([&] (Client &c) {
    c.set_credentials (t.config.credentials, reach::TimePoint::max (), t.now);
  });
  t.pass (seconds (540));
  const Message r = t.next (Method::refresh);
  must (t.proved (r) && m.has (Attr::access_token));
}

void third_party_told (Rig &t)
{
  t.config.credentials = {};
  t.start ();
  t.refuse (
      t.next (Method::allocate), 401,
      [&] (Builder &b) {
        b.text (Attr::third_party_authorization, "auth.example.org");
        b.text (Attr::realm, t.realm);
        b.text (Attr::nonce, t.nonce);
      },
      Sign::none);
  const auto e = t.event<Failed> ();
  must (e.message.text (Attr::third_party_authorization) == "auth.example.org");
}

void rest (Rig &t)
{
  const Credentials c = rest_credentials (t.crypto, "north", "alice", 1700000000);
  must (c.username == "1700000000:alice" && c.kind == Kind::long_term);
  must (rest_credentials (t.crypto, "s", "", 5).username == "5");
  // openssl dgst -sha1 -hmac north -binary | base64
  fail_unless_equals_string (c.password.c_str (), "Cd/49soE35ICqcJF/bCTn8Z4OyE=");
}

void credentials_expire (Rig &t)
{
  t.to_allocated ();
  auto next = t.config.credentials;
  next.username = "later";
  t.call ([&] (Client &c) { c.set_credentials (next, t.now + seconds (3600), t.now); });
  t.pass (seconds (530)); // the old ones go on with the allocation they began
  must (!t.has<CredentialsExpiring> ());
  for (int i = 0; i < 6; i++) {
    t.pass (seconds (i == 0 ? 10 : 540));
    const Message m = t.next (Method::refresh);
    must (m.text (Attr::username) == "user");
    t.succeed (m, Rig::lifetime (600));
  }
  must (!t.has<CredentialsExpiring> ());
  t.pass (seconds (300));
  must (t.has<CredentialsExpiring> ());
  t.pass (seconds (240));
  t.refuse (t.next (Method::refresh), 437);
  t.wait_sent ();
  must (t.next (Method::allocate).text (Attr::username) == "later");
}

void binding_bare (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { return c.binding_request (t.now); });
  const Message m = t.next (Method::binding);
  must (m.integrity_at () == 0 && !m.has (Attr::username));
  t.succeed (
      m, [] (Builder &b) { b.xor_address (Attr::xor_mapped_address, mapped4); }, Sign::none);
  must (t.event<BindingSuccess> ().mapped == mapped4);
}

void binding_with_own_credentials (Rig &t)
{
  t.config.binding_credentials = t.config.credentials;
  t.client = std::make_unique<Client> (t.config);
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  t.call ([&] (Client &c) { return c.binding_request (t.now); });
  t.challenge (t.next (Method::binding));
  const Message m = t.next (Method::binding);
  must (t.proved (m));
  t.challenge (m);
  const auto e = t.event<ResponseError> ();
  must (e.code == 401 && e.method == Method::binding && t.quiet ());
}

const Case cases[] = {{"short-term", short_term}, {"short-term, SHA-256", short_term_sha256},
    {"short-term refused", short_term_refused}, {"third-party token", token},
    {"whom to ask for a token", third_party_told}, {"time-limited credentials", rest},
    {"credentials expire", credentials_expire}, {"Binding goes bare", binding_bare},
    {"Binding with credentials of its own", binding_with_own_credentials}};
} // namespace

CASES_MAIN (client_tokens, cases)

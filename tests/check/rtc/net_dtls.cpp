// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS of a peer: two sessions over a pipe, and peers that misbehave.
#include "dtls_pipe.h"
#include <algorithm>

using namespace reach;
using namespace reach::test;
using State = Dtls::State;

namespace {
constexpr auto cm = SrtpProfile::aes_cm_128_hmac_sha1_80;
constexpr auto gcm128 = SrtpProfile::aead_aes_128_gcm, gcm256 = SrtpProfile::aead_aes_256_gcm;

Bytes text (const char *t)
{
  return as_bytes (t);
}
void expect_open (DtlsPair &p)
{
  p.handshake ();
  fail_unless (p.open (), "client: %s, server: %s", p.client->detail ().c_str (),
      p.server->detail ().c_str ());
}

// A client or server of plain OpenSSL, for what ours would never say.
class Foreign {
public:
  Foreign (bool server, const char *ciphers, bool certificate = true)
      : ctx_ (SSL_CTX_new (DTLS_method ())), own_ (make_certificate ())
  {
    SSL_CTX_set_security_level (ctx_.get (), 0);
    SSL_CTX_set_verify (ctx_.get (), SSL_VERIFY_PEER, [] (int, X509_STORE_CTX *) { return 1; });
    fail_unless (SSL_CTX_set_cipher_list (ctx_.get (), ciphers) == 1);
    if (certificate) {
      SSL_CTX_use_certificate (ctx_.get (), own_->x509 ());
      SSL_CTX_use_PrivateKey (ctx_.get (), own_->key ());
    }
    SSL_CTX_set_tlsext_use_srtp (ctx_.get (), "SRTP_AES128_CM_SHA1_80");
    server_ = server;
  }
  SSL_CTX *ctx () { return ctx_.get (); }
  const Certificate &own () const { return *own_; }
  SSL *ssl () { return ssl_.get (); }
  void start ()
  {
    ssl_.reset (SSL_new (ctx_.get ()));
    SSL_set_options (ssl_.get (), SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu (ssl_.get (), 1200);
    BIO *b = bio_.make ();
    SSL_set_bio (ssl_.get (), b, b);
    if (server_)
      SSL_set_accept_state (ssl_.get ());
    else
      SSL_set_connect_state (ssl_.get ());
  }
  void step (Bytes in)
  {
    bio_.in = in;
    if (SSL_do_handshake (ssl_.get ()) == 1)
      done_ = true;
    bio_.in = {};
  }
  bool done () const { return done_; }
  TlsSession::Output &output () { return output_; }
  // Until nothing goes either way.
  void meet (Dtls &d)
  {
    start ();
    d.start ();
    step ({});
    for (bool any = true; any;) {
      any = false;
      for (const Datagram &x : take (output_)) {
        d.input (x);
        DtlsPair::read (d, got);
        any = true;
      }
      for (const Datagram &x : take (d.output ())) {
        step (x);
        any = true;
      }
    }
  }
  std::vector<std::string> got;

private:
  SslOwned<SSL_CTX, SSL_CTX_free> ctx_;
  std::shared_ptr<const Certificate> own_;
  TlsSession::Output output_;
  MemoryBio bio_{output_, true};
  SslPtr ssl_;
  bool server_ = false, done_ = false;
};
} // namespace

GST_START_TEST (test_handshake_and_data)
{
  for (const auto key : {Certificate::Key::ecdsa_p256, Certificate::Key::rsa_2048}) {
    const auto c = make_context ({}, make_certificate (key)), s = make_context ();
    DtlsPair p (c, s);
    expect_open (p);
    fail_unless_equals_string (p.client->version ().c_str (), "DTLSv1.2");
    fail_unless (p.client->cipher ().find ("GCM") != std::string::npos);
    fail_unless (p.client->profile () == gcm128 && p.server->profile () == gcm128);
    fail_unless (p.client->srtp_keys ().size () == 56);
    fail_unless (p.client->srtp_keys () == p.server->srtp_keys ());
    fail_unless (p.client->write (text ("from client")) && p.server->write (text ("from server")));
    while (p.step ()) {
    }
    fail_unless ((p.at_server == std::vector<std::string>{"from client"}));
    fail_unless ((p.at_client == std::vector<std::string>{"from server"}));
    // A full record and its header are a datagram of the MTU.
    const std::size_t most = p.client->max_payload ();
    fail_unless (p.client->write (Datagram (most, 7)));
    fail_unless_equals_int (p.client->output ().sizes.at (0), 1200);
    fail_unless (!p.client->write (Datagram (Dtls::max_record + 1)));
    p.client->finish ();
    while (p.step ()) {
    }
    fail_unless (p.server->state () == State::closed);
    fail_unless (!p.client->write (text ("late")));
  }
}
GST_END_TEST

// As server our order decides, whatever the client's is.
GST_START_TEST (test_profile_of_server)
{
  DtlsRules all, reversed, only_cm, none;
  std::reverse (reversed.profiles.begin (), reversed.profiles.end ());
  only_cm.profiles = {cm};
  none.profiles = {};
  const std::tuple<DtlsRules, DtlsRules, SrtpProfile> cases[] = {{reversed, all, gcm128},
      {all, reversed, cm}, {only_cm, all, cm}, {none, none, SrtpProfile::none},
      {{{gcm256, cm}}, all, gcm256}};
  for (const auto &[c, s, expected] : cases) {
    DtlsPair p (make_context (c), make_context (s));
    expect_open (p);
    fail_unless (p.client->profile () == expected && p.server->profile () == expected);
    fail_unless_equals_int (
        p.server->srtp_keys ().size (), 2 * (sizes_of (expected).key + sizes_of (expected).salt));
  }
}
GST_END_TEST

GST_START_TEST (test_no_use_srtp)
{
  DtlsRules none, only_cm, only_gcm;
  none.profiles = {};
  only_cm.profiles = {cm};
  only_gcm.profiles = {gcm128};
  for (const auto &[c, s] : {std::pair (none, only_cm), std::pair (only_gcm, only_cm)}) {
    DtlsPair p (make_context (c), make_context (s));
    p.handshake ();
    fail_unless (p.server->fault () == DtlsFault::no_srtp);
    fail_unless (p.server->srtp_keys ().empty () && !p.server->write (text ("x")));
  }
}
GST_END_TEST

// Wrong, missing, weak: on each side; neither keys nor a byte of data come out.
GST_START_TEST (test_fingerprint)
{
  const auto c = make_context (), s = make_context (), stranger = make_context ();
  const Fingerprint of_c = c->certificate ().fingerprint (),
                    of_s = s->certificate ().fingerprint (),
                    wrong = stranger->certificate ().fingerprint ();
  const std::tuple<std::vector<Fingerprint>, std::vector<Fingerprint>, bool> cases[] = {
      {{wrong}, {of_c}, true}, {{of_s}, {wrong}, false}, {{}, {of_c}, true}, {{of_s}, {}, false},
      {{s->certificate ().fingerprint ("sha-1")}, {of_c}, true},
      {{of_s}, {{"sha-256", "00"}}, false}};
  for (const auto &[of_server, of_client, client_fails] : cases) {
    DtlsPair p (c, of_server, s, of_client);
    const auto begin = Clock::now ();
    Dtls &wary = client_fails ? *p.client : *p.server,
         &other = client_fails ? *p.server : *p.client;
    p.run ([&] { return DtlsPair::over (wary); });
    other.write (text ("must not arrive"));
    while (p.step ()) {
    }
    fail_unless (wary.fault () == DtlsFault::fingerprint, "%s", wary.detail ().c_str ());
    fail_unless (wary.fingerprint_fault () != FingerprintFault::none);
    fail_unless (Clock::now () - begin < seconds (1));
    fail_unless (wary.srtp_keys ().empty () && wary.profile () == SrtpProfile::none);
    fail_unless (p.at_client.empty () && p.at_server.empty ());
    fail_unless (!wary.write (text ("nor does this")));
    fail_unless (other.state () != State::open);
  }
}
GST_END_TEST

GST_START_TEST (test_no_certificate_from_peer)
{
  const auto s = make_context ();
  Foreign client (false, "ALL:@SECLEVEL=0", false);
  Dtls d (s, DtlsRole::server, {client.own ().fingerprint ()});
  client.meet (d);
  fail_unless (d.fault () == DtlsFault::no_certificate, "%s", d.detail ().c_str ());
}
GST_END_TEST

GST_START_TEST (test_version_floor)
{
  Foreign client (false, "ALL:@SECLEVEL=0");
  SSL_CTX_set_min_proto_version (client.ctx (), DTLS1_VERSION);
  SSL_CTX_set_max_proto_version (client.ctx (), DTLS1_VERSION);
  Dtls d (make_context (), DtlsRole::server, {client.own ().fingerprint ()});
  client.meet (d);
  fail_unless (
      d.state () == State::failed && d.fault () == DtlsFault::protocol, "%s", d.detail ().c_str ());
  fail_unless (!client.done ());
}
GST_END_TEST

// NULL, anonymous and plain RSA suites, and CBC.
GST_START_TEST (test_weak_ciphers)
{
  for (const char *ciphers : {"eNULL:@SECLEVEL=0", "aNULL:!eNULL:@SECLEVEL=0", "kRSA:@SECLEVEL=0",
           "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"}) {
    Foreign client (false, ciphers);
    Dtls d (make_context (), DtlsRole::server, {client.own ().fingerprint ()});
    client.meet (d);
    fail_unless (d.state () == State::failed, "%s", ciphers);
    Foreign server (true, ciphers);
    Dtls e (make_context (), DtlsRole::client, {server.own ().fingerprint ()});
    server.meet (e);
    fail_unless (e.state () == State::failed, "%s", ciphers);
  }
}
GST_END_TEST

GST_START_TEST (test_extended_master_secret)
{
  Foreign client (false, "ECDHE+AESGCM");
  SSL_CTX_set_options (client.ctx (), SSL_OP_NO_EXTENDED_MASTER_SECRET);
  Dtls d (make_context (), DtlsRole::server, {client.own ().fingerprint ()});
  client.meet (d);
  fail_unless (d.fault () == DtlsFault::no_master_secret, "%s", d.detail ().c_str ());
  fail_unless (d.srtp_keys ().empty () && d.profile () == SrtpProfile::none);
  Foreign good (false, "ECDHE+AESGCM");
  Dtls e (make_context (), DtlsRole::server, {good.own ().fingerprint ()});
  good.meet (e);
  fail_unless (e.state () == State::open && e.profile () == cm, "%s", e.detail ().c_str ());
}
GST_END_TEST

GST_START_TEST (test_no_renegotiation)
{
  Foreign client (false, "ECDHE+AESGCM");
  Dtls d (make_context (), DtlsRole::server, {client.own ().fingerprint ()});
  client.meet (d);
  fail_unless (d.state () == State::open);
  const auto keys = d.srtp_keys ();
  SSL_renegotiate (client.ssl ());
  SSL_do_handshake (client.ssl ());
  for (const Datagram &x : take (client.output ())) {
    d.input (x);
    DtlsPair::read (d, client.got);
  }
  // The certificate that was checked is the one in use.
  fail_unless (d.state () != State::open || d.srtp_keys () == keys);
  fail_unless (client.got.empty ());
}
GST_END_TEST

// As Chromium's, in two datagrams, in any order, and each twice.
GST_START_TEST (test_fragmented_client_hello)
{
  for (int order = 0; order < 3; order++) {
    DtlsRules small;
    small.mtu = 256;
    DtlsPair p (make_context (small), make_context ());
    auto hello = take (p.client->output ());
    fail_unless (hello.size () >= 1);
    // At this size OpenSSL has one datagram: cut the message itself.
    const Datagram &whole = hello[0];
    const std::size_t body = whole.size () - 25, half = body / 2;
    std::vector<Datagram> parts;
    for (const auto &[from, n] :
        {std::pair (std::size_t{0}, half), std::pair (half, body - half)}) {
      Datagram d (whole.begin (), whole.begin () + 25);
      d[10] = static_cast<std::uint8_t> (parts.size ()); // record number
      store_be<std::uint16_t> (&d[11], static_cast<std::uint16_t> (n + 12));
      store_be<std::uint16_t> (&d[20], static_cast<std::uint16_t> (from));
      store_be<std::uint16_t> (&d[23], static_cast<std::uint16_t> (n));
      d.insert (d.end (), whole.begin () + 25 + static_cast<long> (from),
          whole.begin () + 25 + static_cast<long> (from + n));
      parts.push_back (std::move (d));
    }
    if (order == 1)
      std::swap (parts[0], parts[1]);
    for (const Datagram &d : parts)
      for (int twice = 0; twice <= (order == 2); twice++)
        p.server->input (d);
    expect_open (p);
  }
}
GST_END_TEST

GST_START_TEST (test_loss_reordering_duplicates)
{
  const auto c = make_context (), s = make_context ();
  for (unsigned seed = 1; seed <= 20; seed++) {
    DtlsPair p (c, s, {0.1, 0.1, 0.2}, seed);
    expect_open (p);
    fail_unless (p.client->srtp_keys () == p.server->srtp_keys ());
  }
}
GST_END_TEST

// Without room for records: flights that were lost are sent again, data go both ways, and the end
// is told.
GST_START_TEST (test_rest)
{
  const auto c = make_context (), s = make_context ();
  for (unsigned seed = 1; seed <= 20; seed++) {
    DtlsPair p (c, s, {0.1, 0.1, 0.2}, seed);
    p.resting = true;
    expect_open (p);
    p.up = p.down = LossyPipe ({}, seed);
    for (int i = 0; i < 3; i++) {
      fail_unless (p.client->write (text ("up")) && p.server->write (text ("down")));
      while (p.step ()) {
      }
    }
    fail_unless (p.at_server == std::vector<std::string> (3, "up"));
    fail_unless (p.at_client == std::vector<std::string> (3, "down"));
    p.server->rest ();
    p.server->finish ();
    while (p.step ()) {
    }
    fail_unless (p.client->state () == State::closed);
    p.client->rest ();
  }
}
GST_END_TEST

// What is not authentic changes nothing once the keys are there; before, no garbage crashes.
GST_START_TEST (test_spoofed)
{
  DtlsPair p (make_context (), make_context ());
  const Datagram garbage[] = {{20}, {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255}, {63, 1, 2},
      Datagram (1200, 22), {21, 3, 3, 0, 2, 2, 40}};
  for (const Datagram &d : garbage) {
    p.server->input (d);
    p.client->input (d);
  }
  expect_open (p);
  const Datagram alert{21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40},
      sealed_alert{21, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0},
      data{23, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 65};
  for (const Datagram &d : {alert, sealed_alert, data}) {
    p.server->input (d);
    DtlsPair::read (*p.server, p.at_server);
  }
  fail_unless (p.server->state () == State::open && p.at_server.empty ());
  // A record again is dropped, and a bit turned as well.
  p.client->write (text ("once"));
  const Datagram record = take (p.client->output ())[0];
  for (int i = 0; i < 3; i++) {
    Datagram d = record;
    if (i == 0)
      d.back () ^= 1;
    p.server->input (d);
    DtlsPair::read (*p.server, p.at_server);
  }
  fail_unless ((p.at_server == std::vector<std::string>{"once"}));
}
GST_END_TEST

GST_START_TEST (test_role_conflict)
{
  const auto c = make_context (), s = make_context ();
  for (const auto role : {DtlsRole::client, DtlsRole::server}) {
    Dtls a (c, role, {s->certificate ().fingerprint ()});
    Dtls b (s, role, {c->certificate ().fingerprint ()});
    a.start ();
    b.start ();
    for (int i = 0; i < 10; i++) {
      for (const Datagram &d : take (a.output ()))
        b.input (d);
      for (const Datagram &d : take (b.output ()))
        a.input (d);
    }
    fail_unless (a.state () != State::open && b.state () != State::open);
    fail_unless (a.srtp_keys ().empty ());
  }
}
GST_END_TEST

GST_START_TEST (test_huge_certificate)
{
  DtlsRules small;
  small.max_message = 200;
  DtlsPair p (make_context (), make_context (small));
  p.handshake ();
  fail_unless (p.server->state () == State::failed);
}
GST_END_TEST

static Suite *net_dtls_suite (void)
{
  Suite *s = suite_create ("rtc-net_dtls");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_handshake_and_data);
  tcase_add_test (t, test_profile_of_server);
  tcase_add_test (t, test_no_use_srtp);
  tcase_add_test (t, test_fingerprint);
  tcase_add_test (t, test_no_certificate_from_peer);
  tcase_add_test (t, test_version_floor);
  tcase_add_test (t, test_weak_ciphers);
  tcase_add_test (t, test_extended_master_secret);
  tcase_add_test (t, test_no_renegotiation);
  tcase_add_test (t, test_fragmented_client_hello);
  tcase_add_test (t, test_loss_reordering_duplicates);
  tcase_add_test (t, test_rest);
  tcase_add_test (t, test_spoofed);
  tcase_add_test (t, test_role_conflict);
  tcase_add_test (t, test_huge_certificate);
  return s;
}
GST_CHECK_MAIN (net_dtls)

// SPDX-License-Identifier: LGPL-2.1-or-later
// TLS and DTLS sessions that talk through memory.
#include "../tls_files.h"
#include <utility>

using namespace reach;
using namespace reach::test;
using State = TlsSession::State;

namespace {
std::shared_ptr<const TlsContext> context (const TlsConfig &c)
{
  std::string error;
  auto made = TlsContext::make (c, error);
  fail_unless (made != nullptr, "%s", error.c_str ());
  return made;
}

std::string why_not (const TlsConfig &c)
{
  std::string error;
  fail_unless (TlsContext::make (c, error) == nullptr);
  return error;
}

std::string read_all (TlsSession &s)
{
  std::string text;
  std::array<std::uint8_t, 20000> area;
  while (const std::size_t n = s.read (area))
    text.append (area.begin (), area.begin () + static_cast<std::ptrdiff_t> (n));
  return text;
}

// Two ends and what travels between them, `step` bytes at a time.
struct Pair {
  Pair (const TlsConfig &client, const TlsConfig &server, const char *host = "localhost",
      std::size_t bytes = 100000)
      : a (context (client)->session (host)), b (context (server)->session ()), step (bytes)
  {
    while (move (*a, *b, b_text) | move (*b, *a, a_text))
      ;
  }
  bool move (TlsSession &from, TlsSession &to, std::string &text) const
  {
    const auto out = std::exchange (from.output ().bytes, {});
    for (std::size_t at = 0; at < out.size (); at += step) {
      to.input (Bytes (out).subspan (at, std::min (step, out.size () - at)));
      text += read_all (to);
    }
    return !out.empty ();
  }
  void send (std::string_view text)
  {
    a->write (as_bytes (text));
    move (*a, *b, b_text);
  }
  bool open () const { return a->state () == State::open && b->state () == State::open; }

  std::unique_ptr<TlsSession> a, b; // client, server
  const std::size_t step;
  std::string a_text, b_text;
};

TlsConfig server_of (const TlsFiles::Identity &id)
{
  TlsConfig c;
  c.server = true;
  c.certificate = id.certificate;
  c.key = id.key;
  return c;
}

TlsConfig client_of (const std::string &ca)
{
  TlsConfig c;
  c.ca_file = ca;
  return c;
}

TlsConfig with_passphrase (bool server, const char *p = passphrase)
{
  TlsConfig c;
  c.server = server;
  c.passphrase = p;
  return c;
}

TlsConfig pinned (TlsConfig c, const std::string &pins)
{
  c.pins = TlsConfig::parse_pins (pins).value ();
  return c;
}

void expect_fault (const TlsSession &s, TlsFault f, const char *text)
{
  fail_unless (s.state () == State::failed);
  fail_unless (s.fault () == f, "%d: %s", static_cast<int> (s.fault ()), s.detail ().c_str ());
  fail_unless (s.detail ().find (text) != std::string::npos, "%s", s.detail ().c_str ());
}
} // namespace

GST_START_TEST (test_certificate)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100000}}) {
    Pair p (client_of (files.ca ()), server_of (id), "localhost", step);
    fail_unless (p.open (), "%s %s", p.a->detail ().c_str (), p.b->detail ().c_str ());
    p.send ("hello");
    p.send (std::string (TlsSession::max_record, 'x'));
    fail_unless (p.b_text == "hello" + std::string (TlsSession::max_record, 'x'));
    const TlsInfo i = p.a->info ();
    fail_unless (i.version == "TLSv1.3");
    fail_unless (i.peer_name == "localhost");
    fail_unless_equals_int (i.fingerprint.size (), 64);
    fail_unless (p.b->info ().fingerprint.empty ());
    p.a->finish ();
    p.move (*p.a, *p.b, p.b_text);
    fail_unless (p.b->state () == State::ended);
  }
}
GST_END_TEST

GST_START_TEST (test_names)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  Pair address (client_of (files.ca ()), server_of (id), "127.0.0.1");
  fail_unless (address.open ());
  for (const char *other : {"127.0.0.2", "example.org"}) {
    Pair wrong (client_of (files.ca ()), server_of (id), other);
    expect_fault (*wrong.a, TlsFault::unverified, "mismatch");
    expect_fault (*wrong.b, TlsFault::rejected, "bad certificate");
  }
  TlsConfig lax = client_of (files.ca ());
  lax.verify = false;
  fail_unless (Pair (lax, server_of (id), "example.org").open ());
}
GST_END_TEST

GST_START_TEST (test_trust)
{
  TlsFiles files, others;
  Pair expired (client_of (files.ca ()), server_of (files.issue ("late", "DNS:localhost", -60)));
  expect_fault (*expired.a, TlsFault::unverified, "expired");
  Pair foreign (client_of (others.ca ()), server_of (files.issue ("server")));
  expect_fault (*foreign.a, TlsFault::unverified, "does not verify");
  // Without a file the system's authorities count, and none of them knows ours.
  Pair system (client_of (""), server_of (files.issue ("server")));
  expect_fault (*system.a, TlsFault::unverified, "does not verify");
  // A certificate can itself be what is trusted.
  const auto id = files.issue ("server");
  fail_unless (Pair (client_of (id.certificate), server_of (id)).open ());
}
GST_END_TEST

GST_START_TEST (test_pins)
{
  TlsFiles files;
  const auto id = files.issue ("server", "DNS:nowhere", -60), other = files.issue ("other");
  fail_unless (
      Pair (pinned ({}, other.fingerprint + "," + id.fingerprint), server_of (id)).open ());
  Pair wrong (pinned (client_of (files.ca ()), other.fingerprint), server_of (id));
  expect_fault (*wrong.a, TlsFault::unverified, "fingerprints");
  // A server can pin its clients.
  const TlsConfig strict = pinned (server_of (id), other.fingerprint);
  TlsConfig client = pinned ({}, id.fingerprint);
  expect_fault (*Pair (client, strict).b, TlsFault::unverified, "no certificate");
  client.certificate = other.certificate;
  client.key = other.key;
  Pair both (client, strict);
  fail_unless (both.open ());
  fail_unless_equals_int (both.b->info ().fingerprint.size (), 64);

  fail_unless (!TlsConfig::parse_pins ("AB:CD"));
  fail_unless (!TlsConfig::parse_pins (id.fingerprint + ":00"));
  fail_unless (!TlsConfig::parse_pins ("x" + id.fingerprint));
  fail_unless_equals_int (TlsConfig::parse_pins ("")->size (), 0);
}
GST_END_TEST

GST_START_TEST (test_client_certificates)
{
  TlsFiles files, others;
  const auto id = files.issue ("server"), alice = files.issue ("alice"),
             mallory = others.issue ("mallory");
  TlsConfig server = server_of (id);
  server.ca_file = files.ca ();
  TlsConfig client = client_of (files.ca ());
  Pair none (client, server);
  expect_fault (*none.b, TlsFault::unverified, "no certificate");
  expect_fault (*none.a, TlsFault::rejected, "wants a certificate");
  client.certificate = mallory.certificate;
  client.key = mallory.key;
  expect_fault (*Pair (client, server).b, TlsFault::unverified, "does not verify");
  client.certificate = alice.certificate;
  client.key = alice.key;
  Pair good (client, server);
  fail_unless (good.open ());
  fail_unless (good.b->info ().peer_name == "alice");
}
GST_END_TEST

GST_START_TEST (test_passphrase)
{
  Pair p (with_passphrase (false), with_passphrase (true));
  fail_unless (p.open (), "%s %s", p.a->detail ().c_str (), p.b->detail ().c_str ());
  p.send ("secret");
  fail_unless (p.b_text == "secret");
  fail_unless (p.a->info ().version == "TLSv1.3");

  Pair wrong (with_passphrase (false, "another passphrase"), with_passphrase (true));
  expect_fault (*wrong.b, TlsFault::unverified, "another passphrase");
  fail_unless (wrong.b->detail ().find (passphrase) == std::string::npos);
  expect_fault (*wrong.a, TlsFault::rejected, "refuses");

  TlsFiles files;
  const auto id = files.issue ("server");
  Pair mixed (with_passphrase (false), server_of (id));
  fail_unless (mixed.a->state () == State::failed);
  fail_unless (mixed.b_text.empty ());
  Pair other (client_of (files.ca ()), with_passphrase (true));
  expect_fault (*other.b, TlsFault::broken, "passphrase?");
}
GST_END_TEST

GST_START_TEST (test_settings)
{
  TlsFiles files;
  const auto id = files.issue ("server"), other = files.issue ("other");
  const auto says = [] (const std::string &text, const char *part) {
    fail_unless (text.find (part) != std::string::npos, "%s", text.c_str ());
  };
  TlsConfig c;
  c.server = true;
  says (why_not (c), "needs a certificate");
  says (why_not (with_passphrase (true, "short")), "10 characters");
  c = with_passphrase (true);
  c.certificate = id.certificate;
  says (why_not (c), "one or the other");
  c = server_of (id);
  c.key = other.key;
  says (why_not (c), other.key.c_str ());
  c.certificate = "/nonexistent.pem";
  says (why_not (c), "/nonexistent.pem");
  says (why_not (client_of ("/nonexistent.pem")), "/nonexistent.pem");
  says (why_not (client_of (files.file ("empty.pem", ""))), "empty.pem");
}
GST_END_TEST

GST_START_TEST (test_garbage)
{
  TlsFiles files;
  const auto server = context (server_of (files.issue ("server")));
  auto s = server->session ();
  s->input (as_bytes ("GET / HTTP/1.1\r\n\r\n"));
  expect_fault (*s, TlsFault::not_tls, "does not speak TLS");
  fail_unless_equals_int (s->output ().bytes.front (), 21); // an alert
  auto client = context (client_of (files.ca ()))->session ("localhost");
  client->input (as_bytes ("HTTP/1.1 400 Bad Request\r\n\r\n"));
  expect_fault (*client, TlsFault::not_tls, "does not speak TLS");

  // Something that begins like TLS, and a record that was changed on the way.
  s = server->session ();
  s->input (as_bytes (std::string ("\x16\x03\x01\xff\xff") + std::string (600, 'z')));
  expect_fault (*s, TlsFault::broken, "");
  Pair p (client_of (files.ca ()), server_of (files.issue ("server")));
  p.a->write (as_bytes ("text"));
  p.a->output ().bytes.back () ^= 1;
  p.move (*p.a, *p.b, p.b_text);
  expect_fault (*p.b, TlsFault::broken, "");
  fail_unless (p.b_text.empty ());
}
GST_END_TEST

GST_START_TEST (test_hold)
{
  TlsFiles files;
  Pair p (client_of (files.ca ()), server_of (files.issue ("server")));
  p.a->write (as_bytes ("first"));
  p.a->write (as_bytes ("second"));
  auto bytes = std::exchange (p.a->output ().bytes, {});
  p.b->input (bytes);
  std::array<std::uint8_t, 3> area;
  fail_unless_equals_int (p.b->read (area), 3);
  p.b->hold ();
  std::fill (bytes.begin (), bytes.end (), std::uint8_t{}); // no longer needed
  p.a->write (as_bytes ("third"));
  p.b->input (p.a->output ().bytes);
  fail_unless (read_all (*p.b) == "stsecondthird");
}
GST_END_TEST

// What is spoken (RFC 7301): known when both say it, and nobody is refused for another word.
GST_START_TEST (test_protocol)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  const struct {
    const char *client, *server, *agreed;
  } cases[] = {{"stun.turn", "stun.turn", "stun.turn"}, {"stun.turn", "", ""},
      {"", "stun.turn", ""}, {"http/1.1", "stun.turn", ""}};
  for (const auto &c : cases) {
    TlsConfig client = client_of (files.ca ()), server = server_of (id);
    client.protocol = c.client;
    server.protocol = c.server;
    Pair p (client, server);
    fail_unless (p.open (), "%s, %s", c.client, c.server);
    fail_unless_equals_string (p.a->info ().protocol.c_str (), c.agreed);
    fail_unless_equals_string (p.b->info ().protocol.c_str (), c.agreed);
  }
  TlsConfig client = client_of (files.ca ());
  client.protocol = std::string (256, 'x');
  fail_unless (why_not (client).find ("too long") != std::string::npos);
}
GST_END_TEST

static Suite *tls_session_suite ()
{
  Suite *s = suite_create ("tls_session");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_certificate);
  tcase_add_test (tc, test_names);
  tcase_add_test (tc, test_trust);
  tcase_add_test (tc, test_pins);
  tcase_add_test (tc, test_client_certificates);
  tcase_add_test (tc, test_passphrase);
  tcase_add_test (tc, test_settings);
  tcase_add_test (tc, test_garbage);
  tcase_add_test (tc, test_hold);
  tcase_add_test (tc, test_protocol);
  return s;
}

GST_CHECK_MAIN (tls_session)

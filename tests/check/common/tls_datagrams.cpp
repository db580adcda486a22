// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS sessions and the gate in front of a server, through memory that loses datagrams.
#include "../tls_files.h"
#include <algorithm>
#include <utility>

using namespace reach;
using namespace reach::test;
using State = TlsSession::State;
using Datagrams = std::vector<std::vector<std::uint8_t>>;

namespace {
std::shared_ptr<const TlsContext> context (TlsConfig c)
{
  c.datagrams = true;
  std::string error;
  auto made = TlsContext::make (c, error);
  fail_unless (made != nullptr, "%s", error.c_str ());
  return made;
}

Datagrams take (TlsSession &s)
{
  Datagrams all;
  std::size_t at = 0;
  for (const std::uint16_t n : s.output ().sizes) {
    const auto from = s.output ().bytes.begin () + static_cast<std::ptrdiff_t> (at);
    all.emplace_back (from, from + n);
    at += n;
  }
  fail_unless_equals_int (at, s.output ().bytes.size ());
  s.output ().clear ();
  return all;
}

std::string read (TlsSession &s)
{
  std::array<std::uint8_t, TlsSession::max_record> area;
  const std::size_t n = s.read (area);
  return std::string (area.begin (), area.begin () + static_cast<std::ptrdiff_t> (n));
}

struct Link {
  Link (const TlsConfig &client, const TlsConfig &server)
      : server_context (context (server)), gate (TlsDatagramGate::make (*server_context)),
        a (context (client)->session ("localhost"))
  {
  }
  // One flight each way; `lose` names the datagrams that do not arrive, counted over all.
  bool exchange (const std::vector<int> &lose = {})
  {
    bool any = false;
    for (const auto &d : take (*a)) {
      any = true;
      fail_unless (d.size () <= 1200);
      if (lost (lose))
        continue;
      if (b) {
        b->input (d);
        read (*b); // what an open session does with a handshake's repetition
        continue;
      }
      auto result = gate->input (d, as_bytes (address));
      fail_unless (result.reply.size () <= d.size ());
      if (!result.reply.empty ())
        a->input (result.reply);
      b = std::move (result.session);
    }
    for (const auto &d : b ? take (*b) : Datagrams{}) {
      any = true;
      fail_unless (d.size () <= 1200);
      if (!lost (lose))
        a->input (d);
    }
    return any;
  }
  bool lost (const std::vector<int> &lose)
  {
    return std::find (lose.begin (), lose.end (), count++) != lose.end ();
  }
  bool open () const { return b && a->state () == State::open && b->state () == State::open; }
  void run ()
  {
    while (exchange ())
      ;
  }

  std::shared_ptr<const TlsContext> server_context;
  std::unique_ptr<TlsDatagramGate> gate;
  std::unique_ptr<TlsSession> a, b;
  std::string address = "one";
  int count = 0;
};

TlsConfig passphrase_config (bool server, const char *text = passphrase)
{
  TlsConfig c;
  c.server = server;
  c.passphrase = text;
  return c;
}

TlsConfig server_config (TlsFiles &files)
{
  const auto id = files.issue ("server");
  TlsConfig c;
  c.server = true;
  c.certificate = id.certificate;
  c.key = id.key;
  return c;
}

TlsConfig client_config (const TlsFiles &files)
{
  TlsConfig c;
  c.ca_file = files.ca ();
  return c;
}

// Repeats what was lost as soon as its time has come, by OpenSSL's own clock.
void run_with_timeouts (Link &l, const std::vector<int> &lose)
{
  for (int i = 0; i < 2000 && !l.open (); i++) {
    if (l.exchange (lose))
      continue;
    for (TlsSession *s : {l.a.get (), l.b.get ()})
      if (s) {
        if (const auto wait = s->next_timeout ())
          g_usleep (static_cast<gulong> (
              std::chrono::duration_cast<microseconds> (*wait).count () + 1000));
        s->timeout ();
      }
  }
}
} // namespace

GST_START_TEST (test_handshake_and_records)
{
  TlsFiles files;
  Link l (client_config (files), server_config (files));
  l.run ();
  fail_unless (l.open (), "%s, %s", l.a->detail ().c_str (), l.b ? l.b->detail ().c_str () : "");
  fail_unless (l.a->info ().version == "DTLSv1.2");
  fail_unless (l.a->info ().cipher.find ("GCM") != std::string::npos);

  // Each datagram is one record, of a size that depends on the content's only; order and loss do
  // not matter, and a copy is dropped.
  const std::string full (1163, 'x');
  l.a->write (as_bytes (full));
  l.a->write (as_bytes ("second"));
  l.a->write (as_bytes ("third"));
  const Datagrams d = take (*l.a);
  fail_unless_equals_int (d.size (), 3);
  fail_unless_equals_int (d[0].size (), 1200);
  l.b->input (d[2]);
  fail_unless (read (*l.b) == "third");
  l.b->input (d[0]);
  fail_unless (read (*l.b) == full);
  l.b->input (d[0]);
  fail_unless (read (*l.b).empty ());
  auto forged = d[1];
  forged.back () ^= 1;
  l.b->input (forged);
  fail_unless (read (*l.b).empty ());
  l.b->input (as_bytes ("garbage"));
  fail_unless (read (*l.b).empty ());
  l.b->input (d[1]);
  fail_unless (read (*l.b) == "second");
}
GST_END_TEST

GST_START_TEST (test_passphrase)
{
  Link l (passphrase_config (false), passphrase_config (true));
  l.run ();
  fail_unless (l.open (), "%s, %s", l.a->detail ().c_str (), l.b ? l.b->detail ().c_str () : "");
  fail_unless (l.a->info ().cipher.find ("ECDHE_PSK") != std::string::npos, "%s",
      l.a->info ().cipher.c_str ());
  l.a->write (as_bytes (std::string (1163, 'x')));
  fail_unless (take (*l.a)[0].size () <= 1200);

  Link wrong (passphrase_config (false, "another passphrase"), passphrase_config (true));
  wrong.run ();
  fail_unless (wrong.b && wrong.b->state () != State::open && wrong.a->state () != State::open);
}
GST_END_TEST

// Any one of the handshake's datagrams is lost.
GST_START_TEST (test_loss)
{
  TlsFiles files;
  const TlsConfig client = client_config (files), server = server_config (files);
  Link l (client, server);
  run_with_timeouts (l, {__i__});
  fail_unless (l.open (), "datagram %d", __i__);
}
GST_END_TEST

GST_START_TEST (test_gate)
{
  TlsFiles files;
  Link l (client_config (files), server_config (files));
  fail_unless (l.gate->input (as_bytes ("garbage"), as_bytes ("one")).reply.empty ());
  const Datagrams first = take (*l.a);
  auto result = l.gate->input (first[0], as_bytes ("one"));
  fail_unless (!result.reply.empty () && !result.session);
  l.a->input (result.reply);
  const Datagrams second = take (*l.a);
  // The cookie is good for the address it was sent to, and no other.
  result = l.gate->input (second[0], as_bytes ("two"));
  fail_unless (!result.session);
  result = l.gate->input (second[0], as_bytes ("one"));
  fail_unless (result.session != nullptr);
  // The gate goes on with the next one.
  fail_unless (!l.gate->input (first[0], as_bytes ("three")).reply.empty ());
}
GST_END_TEST

static Suite *tls_datagrams_suite ()
{
  Suite *s = suite_create ("tls_datagrams");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_handshake_and_records);
  tcase_add_test (tc, test_passphrase);
  tcase_add_loop_test (tc, test_loss, 0, 8);
  tcase_add_test (tc, test_gate);
  return s;
}

GST_CHECK_MAIN (tls_datagrams)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Servers on TCP and TLS that mean harm, or are broken: the relay elements say so or try again, in
// bounded memory, and stop at once. And what TLS has to show: names, certificates, protocols.
#include "../bus_error.h"
#include "../plugin.h"
#include "../tls_files.h"
#include "turn_pipeline.h"
#include "turn_stream_script.h"
#include <openssl/x509.h>

using namespace reach::test;
namespace stun = reach::stun;

namespace {
using Link = StreamServer::Link;
using Blob = StreamServer::Blob;

struct Run {
  Run (std::uint16_t port, const std::string &transport, const std::string &options = "")
      : p ("turnrelaysrc name=src host=127.0.0.1 port=" + std::to_string (port) +
            " transport=" + transport + " " + options + " ! fakesink async=false")
  {
    p.play ();
  }
  ~Run ()
  {
    const gint64 before = g_get_monotonic_time ();
    gst_element_set_state (p.get (), GST_STATE_NULL);
    const gint64 took = g_get_monotonic_time () - before;
    fail_unless (took < G_USEC_PER_SEC, "NULL after %" G_GINT64_FORMAT " us", took);
  }
  bool wait (const char *name) { return wait_element_message (p.get (), name) != nullptr; }
  void must_fail (gint code)
  {
    const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
    fail_unless (m != nullptr);
    const auto e = error_of (m.get ());
    fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, code), "%s", e->message);
    fail_unless (strlen (e->message) > 20, "%s", e->message);
  }
  Pipeline p;
};

void flood (Link &l, const Blob &bytes)
{
  while (l.write (bytes)) {
  }
}

// A frame that is begun, and what it says of its length is the largest there is.
Blob endless_frame ()
{
  Blob b (65540, 0);
  const std::uint8_t head[] = {0x40, 0x00, 0xff, 0xff};
  std::copy (std::begin (head), std::end (head), b.begin ());
  return b;
}

std::size_t resident () // bytes
{
  std::size_t pages = 0, size = 0;
  FILE *f = fopen ("/proc/self/statm", "r");
  fail_unless (f && fscanf (f, "%zu %zu", &size, &pages) == 2);
  fclose (f);
  return pages * static_cast<std::size_t> (sysconf (_SC_PAGESIZE));
}

// A sanitizer keeps what was freed for a while.
void must_not_grow (std::size_t before, std::size_t most)
{
  if (g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0)
    return g_print ("skipped: how much memory it is, because of the sanitizer\n");
  const std::size_t now = resident ();
  fail_unless (now < before + most, "%zu bytes more", now - before);
}
} // namespace

// Accepted, and not a word: on TCP, before and behind TLS's handshake, and with half a request's
// answer. Only the stop is looked at: the time limits have tests of the core.
GST_START_TEST (test_silent)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  StreamServer mute ([] (Link &l, unsigned) { l.wait_end (); });
  StreamServer half ([] (Link &l, unsigned) {
    if (const auto r = l.request ()) {
      const auto m = stun::Message::parse (*r);
      const Blob b = StreamServer::grant (*m, l.client ());
      l.write (std::span (b).first (b.size () / 2));
      l.wait_end ();
    }
  });
  StreamServer hung (
      [] (Link &l, unsigned) {
        if (l.handshake ())
          l.wait_end ();
      },
      id.certificate, id.key);
  StreamServer deaf ([] (Link &l, unsigned) { l.wait_end (); }); // to a handshake
  const std::string trust = "tls-ca-file=" + files.ca ();
  struct Case {
    StreamServer *server;
    const char *transport;
  };
  for (const Case &c : {Case{&mute, "tcp"}, {&half, "tcp"}, {&hung, "tls"}, {&deaf, "tls"}}) {
    Run r (c.server->port (), c.transport, trust);
    fail_unless (c.server->wait_accepted (1));
  }
}
GST_END_TEST

// Whoever gets no answer to its handshake is told so after ten seconds.
GST_START_TEST (test_deaf)
{
  StreamServer deaf ([] (Link &l, unsigned) { l.wait_end (); });
  Run r (deaf.port (), "tls", "tls-verify=false");
  r.must_fail (GST_RESOURCE_ERROR_OPEN_READ_WRITE);
}
GST_END_TEST

// Bytes without end that are nothing, or one frame that never ends: before there is an allocation
// that is an ERROR; behind it another connection, and what waits is bounded.
GST_START_TEST (test_garbage)
{
  const Blob noise (65536, 0xff), frame = endless_frame ();
  const Blob *const bytes = __i__ % 2 == 0 ? &noise : &frame;
  const bool allocates = __i__ >= 2;
  StreamServer server ([=] (Link &l, unsigned n) {
    if (!allocates || StreamServer::serve (l, 1))
      n == 0 || !allocates ? flood (l, *bytes) : l.wait_end ();
  });
  const std::size_t before = resident ();
  Run r (server.port (), "tcp");
  if (!allocates) {
    if (__i__ == 0)
      r.must_fail (GST_RESOURCE_ERROR_FAILED);
    else
      fail_unless (iterate_until ([&] { return r.p.stat ("src", "unknown-peer") > 100; }));
  } else if (__i__ == 2) {
    fail_unless (r.wait ("turn-allocated") && r.wait ("turn-allocation-lost"));
    fail_unless (r.wait ("turn-allocated") && server.wait_accepted (2));
  } else {
    fail_unless (r.wait ("turn-allocated"));
    fail_unless (iterate_until ([&] { return r.p.stat ("src", "unknown-peer") > 100; }));
  }
  must_not_grow (before, 32u << 20);
}
GST_END_TEST

// It grants all, and then reads no more: what waits is bounded, the oldest media go and are
// counted, and the pipeline is not held up.
GST_START_TEST (test_server_does_not_read)
{
  Watched<bool> over;
  StreamServer server ([&] (Link &l, unsigned) {
    if (StreamServer::serve (l, 2))
      over.wait ([] (bool o) { return o; });
  });
  const std::size_t before = resident ();
  Pipeline p ("appsrc name=in format=time max-bytes=100000 block=true ! turnrelaysink name=sink "
              "sync=false async=false peers=192.0.2.1:5004 host=127.0.0.1 transport=tcp port=" +
              std::to_string (server.port ()));
  p.play ();
  GstElement *in = p.by_name ("in");
  const std::string packet (1200, 'x');
  bool good = true;
  for (int i = 0; good && i < 40000; i++) // 48 MB
    good = gst_app_src_push_buffer (GST_APP_SRC (in), buffer_of (packet)) == GST_FLOW_OK;
  fail_unless (good);
  fail_unless (iterate_until ([&] { return p.stat ("sink", "packets-dropped") > 10000; }));
  must_not_grow (before, 24u << 20);
  const gint64 begin = g_get_monotonic_time ();
  gst_element_set_state (p.get (), GST_STATE_NULL);
  const gint64 took = g_get_monotonic_time () - begin;
  fail_unless (took < G_USEC_PER_SEC, "NULL after %" G_GINT64_FORMAT " us", took);
  over.set (true);
  gst_object_unref (in);
}
GST_END_TEST

// In the middle of a frame, each time: an ERROR the first time, with an allocation another one.
GST_START_TEST (test_closed_in_a_frame)
{
  StreamServer first ([] (Link &l, unsigned) {
    if (l.request ())
      l.write (Blob{0x01, 0x03, 0x00, 0x40, 0x21, 0x12});
  });
  {
    Run r (first.port (), "tcp");
    r.must_fail (GST_RESOURCE_ERROR_OPEN_READ_WRITE);
  }
  StreamServer later ([] (Link &l, unsigned n) {
    if (StreamServer::serve (l, 1)) {
      l.write (Blob{0x40, 0x00, 0x00, 0x20, 1, 2, 3});
      if (n > 0)
        l.wait_end ();
    }
  });
  Run r (later.port (), "tcp");
  fail_unless (r.wait ("turn-allocated") && r.wait ("turn-allocation-lost"));
  fail_unless (r.wait ("turn-allocated"));
}
GST_END_TEST

namespace {
// What a server with TLS has seen of its client.
struct Seen {
  std::string name, protocol, subject;
};

std::string subject_of (X509 *x)
{
  char text[64] = "";
  if (x)
    X509_NAME_get_text_by_NID (X509_get_subject_name (x), NID_commonName, text, sizeof text);
  X509_free (x);
  return text;
}

StreamServer::Talk look (Watched<std::vector<Seen>> &seen)
{
  return [&seen] (Link &l, unsigned) {
    if (!l.handshake ())
      return;
    const char *name = SSL_get_servername (l.ssl (), TLSEXT_NAMETYPE_host_name);
    const unsigned char *protocol = nullptr;
    unsigned n = 0;
    SSL_get0_alpn_selected (l.ssl (), &protocol, &n);
    Seen s{name ? name : "", std::string (protocol, protocol + n),
        subject_of (SSL_get1_peer_certificate (l.ssl ()))};
    seen.update ([&] (auto &all) { all.push_back (std::move (s)); });
    StreamServer::serve (l, 100);
  };
}
} // namespace

// The server's name and what is spoken (RFC 6066, 7443), and a certificate of ours where one is
// wanted.
GST_START_TEST (test_hello)
{
  TlsFiles files;
  const auto id = files.issue ("server"), own = files.issue ("camera");
  Watched<std::vector<Seen>> seen;
  StreamServer server (look (seen), id.certificate, id.key, files.ca ());
  const std::string trust = "tls-ca-file=" + files.ca ();
  const std::string ours = " tls-certificate=" + own.certificate + " tls-key=" + own.key;
  {
    Run r (server.port (), "tls", trust + ours + " tls-server-name=localhost");
    fail_unless (r.wait ("turn-allocated"));
  }
  {
    Run r (server.port (), "tls", trust + ours); // an address is no name
    fail_unless (r.wait ("turn-allocated"));
  }
  const auto all = seen.get ();
  fail_unless_equals_int (all.size (), 2);
  fail_unless_equals_string (all[0].name.c_str (), "localhost");
  fail_unless_equals_string (all[1].name.c_str (), "");
  for (const Seen &s : all) {
    fail_unless_equals_string (s.protocol.c_str (), "stun.turn");
    fail_unless_equals_string (s.subject.c_str (), "camera");
  }
  Run r (server.port (), "tls", trust); // without it
  const MessagePtr m = wait_message (r.p.get (), GST_MESSAGE_ERROR);
  const auto e = error_of (m.get ());
  fail_unless (strstr (e->message, "tls-certificate") != nullptr, "%s", e->message);
}
GST_END_TEST

// Sent on by TLS: ALTERNATE-DOMAIN is the name that is asked for and must be in the certificate
// (RFC 8489, 10).
GST_START_TEST (test_alternate_domain)
{
  TlsFiles files;
  const auto first = files.issue ("first"), right = files.issue ("right", "DNS:relay.example.org"),
             wrong = files.issue ("wrong", "DNS:other.example.org,IP:127.0.0.1");
  const bool good = __i__ == 0;
  Watched<std::vector<Seen>> seen;
  StreamServer target (
      look (seen), good ? right.certificate : wrong.certificate, good ? right.key : wrong.key);
  StreamServer sender (
      [&] (Link &l, unsigned) {
        const auto r = l.handshake () ? l.request () : std::nullopt;
        const auto m = r ? stun::Message::parse (*r) : std::nullopt;
        if (m && l.write (StreamServer::answer (*m, stun::Class::error, [&] (stun::Builder &b) {
              b.error (300, "there");
              b.address (
                  stun::Attr::alternate_server, stun::Address::v4 (127, 0, 0, 1, target.port ()));
              b.text (stun::Attr::alternate_domain, "relay.example.org");
            })))
          l.wait_end ();
      },
      first.certificate, first.key);
  Run r (sender.port (), "tls", "tls-ca-file=" + files.ca ());
  if (!good)
    return r.must_fail (GST_RESOURCE_ERROR_NOT_AUTHORIZED);
  fail_unless (r.wait ("turn-allocated"));
  fail_unless_equals_string (seen.get ().at (0).name.c_str (), "relay.example.org");
}
GST_END_TEST

static Suite *turn_hostile_tls_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-hostile-tls");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_silent);
  tcase_add_test (tc, test_deaf);
  tcase_add_loop_test (tc, test_garbage, 0, 4);
  tcase_add_test (tc, test_server_does_not_read);
  tcase_add_test (tc, test_closed_in_a_frame);
  tcase_add_test (tc, test_hello);
  tcase_add_loop_test (tc, test_alternate_domain, 0, 2);
  return s;
}
GST_CHECK_MAIN (turn_hostile_tls)

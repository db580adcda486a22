// SPDX-License-Identifier: LGPL-2.1-or-later
// The relay elements to coturn on TLS and DTLS: the certificate is checked, and nothing is sent
// without.
#include "../bus_error.h"
#include "../plugin.h"
#include "../tls_files.h"
#include "turn_pipeline.h"
#include "turn_server.h"

using namespace reach::test;

namespace {
struct Secure {
  explicit Secure (const char *names = "DNS:localhost,IP:127.0.0.1", long seconds_left = 3600)
      : id (files.issue ("server", names, seconds_left)),
        server (
            {"--lt-cred-mech", "--user=user:pass", "--cert=" + id.certificate, "--pkey=" + id.key})
  {
  }
  std::string uri (const char *transport) const
  {
    return "turns:user:pass@127.0.0.1:" + std::to_string (server.tls_port ()) +
           "?transport=" + transport;
  }
  TlsFiles files;
  TlsFiles::Identity id;
  Coturn server;
};

void must_fail (const std::string &uri, const std::string &options, gint code)
{
  Pipeline p ("turnrelaysrc uri=" + uri + " " + options + " ! fakesink");
  gst_element_set_state (p.get (), GST_STATE_PLAYING);
  const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
  fail_unless (m != nullptr);
  const auto e = error_of (m.get ());
  fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, code), "%s", e->message);
}
} // namespace

GST_START_TEST (test_tls)
{
  Secure s;
  for (const char *mode : {"channel", "indication"})
    round_trip (s.uri ("tcp"), std::string ("mode=") + mode + " tls-ca-file=" + s.files.ca ());
  round_trip (s.uri ("tcp"), "tls-fingerprint=" + s.id.fingerprint);
}
GST_END_TEST

GST_START_TEST (test_dtls)
{
  Secure s;
  for (const char *mode : {"channel", "indication"})
    round_trip (s.uri ("udp"), std::string ("mode=") + mode + " tls-ca-file=" + s.files.ca ());
}
GST_END_TEST

GST_START_TEST (test_bad_certificates)
{
  Secure other_name ("DNS:example.net");
  Secure expired ("IP:127.0.0.1", -60);
  Secure good;
  for (const char *transport : {"tcp", "udp"}) {
    must_fail (other_name.uri (transport), "tls-ca-file=" + other_name.files.ca (),
        GST_RESOURCE_ERROR_NOT_AUTHORIZED);
    must_fail (expired.uri (transport), "tls-ca-file=" + expired.files.ca (),
        GST_RESOURCE_ERROR_NOT_AUTHORIZED);
    must_fail (good.uri (transport), "", GST_RESOURCE_ERROR_NOT_AUTHORIZED); // unknown authority
    must_fail (good.uri (transport), "tls-ca-file=/nowhere", GST_RESOURCE_ERROR_SETTINGS);
  }
  round_trip (
      other_name.uri ("tcp"), "tls-server-name=example.net tls-ca-file=" + other_name.files.ca ());
  round_trip (expired.uri ("tcp"), "tls-verify=false");
}
GST_END_TEST

// A server that speaks no TLS gets a handshake, and no request.
GST_START_TEST (test_never_cleartext)
{
  GSocketListener *listener = g_socket_listener_new ();
  const guint16 port = g_socket_listener_add_any_inet_port (listener, nullptr, nullptr);
  Pipeline p ("turnrelaysrc tls-verify=false uri=turns:user:pass@127.0.0.1:" +
              std::to_string (port) + " ! fakesink");
  p.play ();
  GSocketConnection *c = g_socket_listener_accept (listener, nullptr, nullptr, nullptr);
  fail_unless (c != nullptr);
  GIOStream *io = G_IO_STREAM (c);
  std::uint8_t kind = 0;
  fail_unless (
      g_input_stream_read (g_io_stream_get_input_stream (io), &kind, 1, nullptr, nullptr) == 1);
  fail_unless_equals_int (kind, 22); // a TLS record with a handshake
  const char answer[] = "HTTP/1.0 400 Bad Request\r\n\r\n";
  g_output_stream_write_all (
      g_io_stream_get_output_stream (io), answer, sizeof answer - 1, nullptr, nullptr, nullptr);
  const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
  const auto e = error_of (m.get ());
  fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE),
      "%s", e->message);
  g_object_unref (c);
  g_object_unref (listener);
}
GST_END_TEST

// A redirection on TLS: what comes to the other server is a TLS handshake, and nothing else.
GST_START_TEST (test_redirect_keeps_tls)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  GSocketListener *listener = g_socket_listener_new ();
  const guint16 port = g_socket_listener_add_any_inet_port (listener, nullptr, nullptr);
  Coturn server ({"--lt-cred-mech", "--user=user:pass", "--cert=" + id.certificate,
      "--pkey=" + id.key, "--tls-alternate-server=127.0.0.1:" + std::to_string (port)});
  Pipeline p ("turnrelaysrc name=src tls-ca-file=" + files.ca () +
              " uri=turns:user:pass@127.0.0.1:" + std::to_string (server.tls_port ()) +
              " ! fakesink");
  p.play ();
  GSocketConnection *c = g_socket_listener_accept (listener, nullptr, nullptr, nullptr);
  fail_unless (c != nullptr);
  std::uint8_t kind = 0;
  fail_unless (g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (c)), &kind, 1,
                   nullptr, nullptr) == 1);
  fail_unless_equals_int (kind, 22);
  g_io_stream_close (G_IO_STREAM (c), nullptr, nullptr);
  g_object_unref (c);
  const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
  const auto e = error_of (m.get ());
  fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE));
  g_object_unref (listener);
}
GST_END_TEST

// On DTLS too the server hears that a client goes, and keeps nothing of it.
GST_START_TEST (test_goodbye)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  TurnServer server ("dtls=true tls-certificate=" + id.certificate + " tls-key=" + id.key);
  for (int i = 0; i < 3; i++) {
    Pipeline p ("turnrelaysrc tls-ca-file=" + files.ca () + " uri=turns:user:pass@127.0.0.1:" +
                std::to_string (server.tls_port ()) + "?transport=udp ! fakesink async=false");
    p.play ();
    fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
    fail_unless_equals_uint64 (server.stat ("connections"), 1);
    gst_element_set_state (p.get (), GST_STATE_NULL);
    fail_unless (iterate_until ([&] { return server.stat ("connections") == 0; }));
  }
}
GST_END_TEST

static Suite *turn_client_tls_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-client-tls");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_never_cleartext);
  tcase_add_test (tc, test_goodbye);
  if (!Coturn::there ())
    return s;
  tcase_add_test (tc, test_tls);
  tcase_add_test (tc, test_dtls);
  tcase_add_test (tc, test_bad_certificates);
  tcase_add_test (tc, test_redirect_keeps_tls);
  return s;
}
GST_CHECK_MAIN (turn_client_tls)

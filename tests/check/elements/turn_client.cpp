// SPDX-License-Identifier: LGPL-2.1-or-later
// turnrelaysink and turnrelaysrc through coturn to a peer without TURN, and back.
#include "../bus_error.h"
#include "../coturn.h"
#include "../plugin.h"
#include "turn_pipeline.h"

using namespace reach::test;

namespace {
std::string uri_of (const Coturn &c, const char *transport, const char *ip = "127.0.0.1")
{
  return std::string ("turn:user:pass@") + ip + ":" + std::to_string (c.port ()) +
         "?transport=" + transport;
}
} // namespace

GST_START_TEST (test_udp)
{
  Coturn server;
  for (const char *mode : {"auto", "channel", "indication"})
    round_trip (uri_of (server, "udp"), std::string ("mode=") + mode);
}
GST_END_TEST

GST_START_TEST (test_tcp)
{
  Coturn server;
  for (const char *mode : {"channel", "indication"})
    round_trip (uri_of (server, "tcp"), std::string ("mode=") + mode);
}
GST_END_TEST

GST_START_TEST (test_ipv6)
{
  if (!has_ipv6 ())
    return;
  Coturn server ({"--lt-cred-mech", "--user=user:pass"}, "::1");
  for (const char *transport : {"udp", "tcp"})
    for (const char *mode : {"channel", "indication"})
      round_trip (uri_of (server, transport, "[::1]"), std::string ("ip-family=ipv6 mode=") + mode,
          G_SOCKET_FAMILY_IPV6);
}
GST_END_TEST

GST_START_TEST (test_no_auth)
{
  Coturn server ({"--no-auth"});
  round_trip ("turn:127.0.0.1:" + std::to_string (server.port ()), "");
}
GST_END_TEST

GST_START_TEST (test_auth_secret)
{
  Coturn server ({"--use-auth-secret", "--static-auth-secret=north"});
  const std::string uri = "turn:127.0.0.1:" + std::to_string (server.port ());
  round_trip (uri, "auth-secret=north");
  round_trip (uri, "auth-secret=north username=alice");
}
GST_END_TEST

GST_START_TEST (test_wrong_password)
{
  Coturn server;
  const std::string uri =
      "turn:user:wrong@127.0.0.1:" + std::to_string (server.port ()) + "?transport=udp";
  Pipeline p ("turnrelaysrc name=src uri=" + uri + " ! fakesink");
  gst_element_set_state (p.get (), GST_STATE_PLAYING);
  const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
  fail_unless (m != nullptr);
  const GstStructure *details = nullptr;
  gst_message_parse_error_details (m.get (), &details);
  guint code = 0;
  fail_unless (details && gst_structure_get_uint (details, "code", &code));
  fail_unless_equals_int (code, 401);
  fail_unless_equals_string (gst_structure_get_string (details, "why"), "wrong-credentials");
  gchar *text = gst_structure_to_string (gst_message_get_structure (m.get ()));
  fail_unless (!strstr (text, "wrong@"), "a password in %s", text);
  g_free (text);
}
GST_END_TEST

GST_START_TEST (test_nobody_there)
{
  Pipeline p ("turnrelaysrc uri=turn:127.0.0.1:" +
              std::to_string (unused_port (G_SOCKET_TYPE_DATAGRAM)) + " ! fakesink");
  gst_element_set_state (p.get (), GST_STATE_PLAYING);
  fail_unless (wait_message (p.get (), GST_MESSAGE_ERROR) != nullptr);
  Pipeline q ("turnrelaysrc host=name.invalid ! fakesink");
  gst_element_set_state (q.get (), GST_STATE_PLAYING);
  const MessagePtr m = wait_message (q.get (), GST_MESSAGE_ERROR);
  const auto e = error_of (m.get ());
  fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
}
GST_END_TEST

static Suite *turn_client_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-client");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_nobody_there);
  if (!Coturn::there ())
    return s;
  tcase_add_test (tc, test_udp);
  tcase_add_test (tc, test_tcp);
  tcase_add_test (tc, test_ipv6);
  tcase_add_test (tc, test_no_auth);
  tcase_add_test (tc, test_auth_secret);
  tcase_add_test (tc, test_wrong_password);
  return s;
}
GST_CHECK_MAIN (turn_client)

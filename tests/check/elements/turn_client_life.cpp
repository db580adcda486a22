// SPDX-License-Identifier: LGPL-2.1-or-later
// What the relay elements do over time: refreshes, lost servers, ends, and the states of the
// pipeline.
#include "../bus_error.h"
#include "../plugin.h"
#include "turn_pipeline.h"
#include "turn_server.h"
#include <malloc.h>

using namespace reach::test;

namespace {
std::string uri_of (const Coturn &c, const char *transport = "udp")
{
  return "turn:user:pass@127.0.0.1:" + std::to_string (c.port ()) + "?transport=" + transport;
}

gint64 stop_time (GstElement *p)
{
  const gint64 begin = g_get_monotonic_time ();
  gst_element_set_state (p, GST_STATE_NULL);
  return (g_get_monotonic_time () - begin) / 1000;
}
} // namespace

// Four seconds after the first answer it would be gone. (coturn gives ten minutes to whoever asks
// again.)
GST_START_TEST (test_refreshes)
{
  Coturn server ({"--lt-cred-mech", "--user=user:pass", "--max-allocate-lifetime=4"});
  UdpPeer peer;
  Call call (uri_of (server), "lifetime=4", address_of (peer));
  call.play ();
  exchange (call, peer);
  const std::string relayed = call.text ("src", "relayed-address");
  fail_unless (wait_sink (call, "turn-refreshed"));
  GstElement *src = call.by_name ("src");
  gboolean ok = FALSE;
  g_signal_emit_by_name (src, "refresh", 1200u, &ok);
  gst_object_unref (src);
  fail_unless (ok);
  const MessagePtr m = wait_message (call.get (), GST_MESSAGE_ELEMENT,
      [] (GstMessage *x) { return came_from_sink (x, "turn-refreshed"); });
  fail_unless (m != nullptr);
  exchange (call, peer);
  fail_unless_equals_string (call.text ("src", "relayed-address").c_str (), relayed.c_str ());
}
GST_END_TEST

GST_START_TEST (test_no_refresh)
{
  Coturn server ({"--lt-cred-mech", "--user=user:pass", "--max-allocate-lifetime=2"});
  UdpPeer peer;
  Call call (uri_of (server), "lifetime=2 auto-refresh=permissions+channels", address_of (peer));
  call.play ();
  exchange (call, peer);
  fail_unless (wait_sink (call, "turn-allocation-lost"));
  fail_unless_equals_string (call.text ("src", "relayed-address").c_str (), "");
  gboolean ok = FALSE;
  GstElement *sink = call.by_name ("sink");
  g_signal_emit_by_name (sink, "allocate", &ok);
  gst_object_unref (sink);
  fail_unless (ok);
  fail_unless (wait_sink (call, "turn-allocated"));
  flows_again (call, peer);
}
GST_END_TEST

GST_START_TEST (test_server_restarts)
{
  const bool tcp = __i__ == 1;
  Coturn server;
  UdpPeer peer;
  Call call (uri_of (server, tcp ? "tcp" : "udp"), "rto=100", address_of (peer));
  call.play ();
  exchange (call, peer);
  server.kill ();
  // Somebody must notice. No packet of these gets anywhere, nor is one in the way afterwards.
  fail_unless (iterate_until ([&] {
    for (int i = 0; i < 20; i++)
      call.push ("lost");
    return call.stat ("sink", "allocations-lost") > 0;
  }));
  fail_unless (wait_sink (call, "turn-allocation-lost"));
  server.start ();
  fail_unless (wait_sink (call, "turn-allocated"));
  flows_again (call, peer);
  GstState state = GST_STATE_NULL;
  gst_element_get_state (call.get (), &state, nullptr, 0);
  fail_unless_equals_int (state, GST_STATE_PLAYING);
}
GST_END_TEST

// A server that takes everything and says nothing.
GST_START_TEST (test_stop_while_silent)
{
  UdpPeer silent;
  const std::string uri = "turn:user:pass@" + address_of (silent);
  Pipeline p ("appsrc name=in ! turnrelaysink name=sink peers=127.0.0.1:9 uri=" + uri);
  p.play ();
  GstElement *in = p.by_name ("in");
  gst_app_src_push_buffer (GST_APP_SRC (in), buffer_of ("x"));
  gst_object_unref (in);
  std::string request;
  fail_unless (silent.receive (request)); // it asks, and render () waits
  fail_unless (stop_time (p.get ()) < 1000);
}
GST_END_TEST

GST_START_TEST (test_stop_while_hanging)
{
  Coturn server;
  UdpPeer peer;
  Call call (uri_of (server), "", address_of (peer));
  call.play ();
  exchange (call, peer);
  server.signal (SIGSTOP);
  const gint64 took = stop_time (call.get ());
  server.signal (SIGCONT);
  fail_unless (took < 1000, "%d ms", static_cast<int> (took));
}
GST_END_TEST

// Each time the allocation is given back.
GST_START_TEST (test_again_and_again)
{
  Coturn server ({"--lt-cred-mech", "--user=user:pass", "-v"});
  UdpPeer peer;
  Call call (uri_of (server), "", address_of (peer));
  for (unsigned i = 1; i <= 5; i++) {
    call.play ();
    exchange (call, peer);
    fail_unless_equals_int (
        gst_element_set_state (call.get (), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    fail_unless (iterate_until ([&] { return server.logged ("lifetime=0") == i; }));
  }
}
GST_END_TEST

namespace {
// Bytes that malloc () has given out, in all its arenas.
std::size_t in_use ()
{
  char *text = nullptr;
  std::size_t size = 0;
  FILE *f = open_memstream (&text, &size);
  malloc_info (0, f);
  fclose (f);
  const std::string xml (text, size);
  free (text);
  const auto last = [&] (const std::string &tag) { // the sum stands behind the arenas
    const std::size_t at = xml.find ("size=\"", xml.rfind (tag));
    return static_cast<std::size_t> (std::stoull (xml.substr (at + 6)));
  };
  return last ("<system type=\"current\"") - last ("<total type=\"fast\"") -
         last ("<total type=\"rest\"");
}
} // namespace

// Client and server are here: hundreds of allocations leave nothing in either.
GST_START_TEST (test_cycles_leave_nothing)
{
  TurnServer server ("max-user-allocations=0 allowed-peers=127.0.0.1");
  const std::string line = "turnrelaysrc peers=127.0.0.1:9 uri=turn:user:pass@127.0.0.1:" +
                           std::to_string (server.port ()) + " ! fakesink async=false";
  const auto cycles = [&] (unsigned n) {
    for (unsigned i = 0; i < n; i++) {
      Pipeline p (line);
      p.play ();
      fail_unless (wait_element_message (p.get (), "turn-channel-bound") != nullptr);
    }
    return in_use ();
  };
  constexpr unsigned n = 300;
  const std::size_t before = cycles (200), after = cycles (n);
  fail_unless (after < before + n * 200, "%zu bytes, %zu before", after, before);
  fail_unless (iterate_until ([&] { return server.stat ("allocations") == 0; }));
}
GST_END_TEST

GST_START_TEST (test_other_settings)
{
  UdpPeer silent;
  const std::string uri = "turn:" + address_of (silent);
  Pipeline p ("appsrc ! turnrelaysink async=false allocation-name=one uri=" + uri +
              " turnrelaysrc name=other allocation-name=one uri=" + uri + " ! fakesink");
  p.set ("other", "username", "other");
  gst_element_set_state (p.get (), GST_STATE_PLAYING);
  const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR, [] (GstMessage *x) {
    const auto e = error_of (x);
    const bool found = g_error_matches (e.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    return found;
  });
  fail_unless (m != nullptr);
}
GST_END_TEST

GST_START_TEST (test_peers_while_playing)
{
  Coturn server;
  UdpPeer first, second;
  Call call (uri_of (server), "", address_of (first));
  call.play ();
  exchange (call, first);
  call.set ("sink", "peers", address_of (first) + "," + address_of (second));
  fail_unless (wait_message (call.get (), GST_MESSAGE_ELEMENT, [&] (GstMessage *m) {
    return came_from_sink (m, "turn-channel-bound") &&
           address_of (second) == gst_structure_get_string (gst_message_get_structure (m), "peer");
  }) != nullptr);
  call.push ("both");
  std::string got;
  fail_unless (first.receive (got) && got == "both");
  fail_unless (second.receive (got) && got == "both");
}
GST_END_TEST

static Suite *turn_client_life_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-client-life");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_stop_while_silent);
  tcase_add_test (tc, test_other_settings);
  if (g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0)
    g_print (
        "skipped: cycles_leave_nothing, as a sanitizer's malloc () does not say what it has\n");
  else
    tcase_add_test (tc, test_cycles_leave_nothing);
  if (!Coturn::there ())
    return s;
  tcase_add_test (tc, test_refreshes);
  tcase_add_test (tc, test_no_refresh);
  tcase_add_loop_test (tc, test_server_restarts, 0, 2);
  tcase_add_test (tc, test_stop_while_hanging);
  tcase_add_test (tc, test_again_and_again);
  tcase_add_test (tc, test_peers_while_playing);
  return s;
}
GST_CHECK_MAIN (turn_client_life)

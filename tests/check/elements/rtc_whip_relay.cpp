// SPDX-License-Identifier: LGPL-2.1-or-later
// TURN servers that a WHIP or WHEP server names by Link header fields (RFC 9725, 4.6).
#include "../bus_error.h"
#include "../own_address.h"
#include "../tls_files.h"
#include "rtc_whip.h"
#include "turn_server.h"

using namespace reach;
using namespace reach::test;

namespace {
// Options of a server that names these; each as {Link: target and parameters}.
std::string links (const std::vector<std::string> &all, const std::string &more = {})
{
  std::string text;
  for (const std::string &l : all)
    text += (text.empty () ? "\"" : ",\"") + l + "; rel=ice-server\"";
  return "{\"links\":[" + text + "]" + more + "}";
}
const std::string user = "; username=user; credential=pass; credential-type=password";

// Returns how many warnings there were.
unsigned goes_by_relay (Caller &c, WhipServer &s, const TurnServer &turn)
{
  Watched<std::string> local;
  g_signal_connect (c.peer, "pair-nominated",
      G_CALLBACK (+[] (GstElement *, GstStructure *p, gpointer to) {
        static_cast<Watched<std::string> *> (to)->set (gst_structure_get_string (p, "local"));
      }),
      &local);
  c.play ();
  flows (s);
  fail_unless (local.get ().find (" typ relay") != std::string::npos, "%s", local.get ().c_str ());
  fail_unless (turn.stat ("bytes-to-peers") > 0);
  unsigned warnings = 0;
  while (wait_message (c.pipeline, GST_MESSAGE_WARNING, {}, milliseconds (100)))
    warnings++;
  c.end ();
  g_signal_handlers_disconnect_by_data (c.peer, &local);
  return warnings;
}
} // namespace

// Nothing but relays may be used, and the only one is that of the server's Link header (RFC 9725,
// 4.6), whether the server takes candidates later or not. Those that cannot be used, and those that
// are there already, are no hindrance.
GST_START_TEST (test_relay_by_link)
{
  if (!WhipServer::there ())
    return;
  const std::string address = own_address ();
  const TurnServer turn ("allowed-peers=" + address + "/32", address.c_str ());
  const std::string uri = "turn:" + address + ":" + std::to_string (turn.port ());
  for (const char *more : {"", ",\"trickle\":false,\"restart\":false"}) {
    WhipServer server (links ({"<stun:" + address + ">", "<turn:nobody>", "<http://x>",
                                  "<" + uri + "?transport=udp>" + user},
        more));
    Caller camera (publisher (server, "ice-transport-policy=relay"));
    // "turn:nobody" has no credentials, and http is none; of what can be used nothing is said.
    fail_unless_equals_int (goes_by_relay (camera, server, turn), 2);
    if (!*more)
      fail_unless (server.sees ("\"trickle\"") && server.number ("candidates") >= 1);
  }
  WhipServer server (links ({"<" + uri + ">" + user}));
  Caller camera (publisher (server, "ice-transport-policy=relay ice-servers=turn:user:pass@" +
                                        uri.substr (5) + "?transport=udp"));
  fail_unless_equals_int (goes_by_relay (camera, server, turn), 0);
  Caller player (peer (server.uri ("whep"), "ice-transport-policy=relay"));
  camera.play ();
  flows (server);
  player.play ();
  fail_unless (player.wait_media ("video/x-raw", 15));
  server.set ("{\"counterOffer\":true}");
  Caller answering (peer (server.uri ("whep"), "ice-transport-policy=relay"));
  answering.play ();
  fail_unless (answering.wait_media ("video/x-raw", 15));
}
GST_END_TEST

// By TCP and by TLS, whose certificate counts as it does for ice-servers.
GST_START_TEST (test_relay_by_link_over_tls)
{
  if (!WhipServer::there ())
    return;
  if (g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0) {
    g_print ("skipped: libnice 0.1.21 loses 80 KB of a relay over TCP when its agent ends\n");
    return;
  }
  const std::string address = own_address ();
  TlsFiles files, others;
  const auto id = files.issue ("relay", ("IP:" + address).c_str ());
  const TurnServer turn ("allowed-peers=" + address + "/32 tls=true tls-certificate=" +
                             id.certificate + " tls-key=" + id.key,
      address.c_str ());
  const std::string relays[] = {
      "<turn:" + address + ":" + std::to_string (turn.port ()) + "?transport=tcp>" + user,
      "<turns:" + address + ":" + std::to_string (turn.tls_port ()) + ">" + user};
  for (const std::string &relay : relays) {
    WhipServer server (links ({relay}));
    Caller camera (publisher (server, "ice-transport-policy=relay tls-ca-file=" + files.ca ()));
    fail_unless_equals_int (goes_by_relay (camera, server, turn), 0);
  }
  WhipServer server (links ({relays[1]}));
  Caller camera (publisher (server, "ice-transport-policy=relay tls-ca-file=" + others.ca ()));
  camera.play ();
  const auto warning = wait_message (camera.pipeline, GST_MESSAGE_WARNING);
  fail_unless (warning != nullptr);
  const auto e = error_of (warning.get ());
  fail_unless (strstr (e->message, "certificate") != nullptr, "%s", e->message);
}
GST_END_TEST

// There is no relay: that is said, once it is known.
GST_START_TEST (test_no_relay)
{
  if (!WhipServer::there ())
    return;
  for (const char *options : {"{}", "{\"links\":[\"<stun:127.0.0.1>; rel=ice-server\"]}"}) {
    WhipServer server (options);
    Caller camera (publisher (server, "ice-transport-policy=relay"));
    camera.play ();
    const auto warning = wait_message (camera.pipeline, GST_MESSAGE_WARNING);
    fail_unless (warning != nullptr);
    const auto e = error_of (warning.get ());
    fail_unless (strstr (e->message, "there is no TURN server") != nullptr, "%s", e->message);
    fail_unless (server.sees ("\"posts\":1"));
  }
}
GST_END_TEST

static Suite *rtc_whip_relay_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_whip_relay");
  TCase *tc = tcase_create ("werift");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 90);
  tcase_add_test (tc, test_relay_by_link);
  tcase_add_test (tc, test_relay_by_link_over_tls);
  tcase_add_test (tc, test_no_relay);
  return s;
}

GST_CHECK_MAIN (rtc_whip_relay)

// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer as WHIP and WHEP client of a server with Chromium behind it.
#include "../rtc_browser.h"
#include "../whip_server.h"

using namespace reach::test;

namespace {
const std::string page_end = "\"end\":\"page\",\"codecs\":[\"VP8\",\"H264\",\"opus\"]";

struct PageServer : WhipServer {
  explicit PageServer (const std::string &more = {}) : WhipServer ("{" + page_end + more + "}")
  {
    browser ().open (origin () + "/tests/npm/browser/whip.html");
  }
};
std::string client (const PageServer &s, const char *way, const std::string &more)
{
  return "rtcpeer name=p latency=50 signalling-uri=" + s.uri (way) + " " + more;
}
std::string both (const PageServer &s, const std::string &more = {})
{
  return client (s, "whip", more + " " + picture + h264 + "p. " + sound + opus + "p.");
}
const char *const seen_and_heard = "Promise.all([sees('H264', 320, 240), hears('opus')])";
} // namespace

GST_START_TEST (test_publishes)
{
  if (!WhipServer::there ())
    return;
  PageServer server;
  Peer p (both (server));
  g_print ("Chromium sees %s\n", browser ().run (seen_and_heard).c_str ());
  p.stop ();
  fail_unless (server.sees ("\"deletes\":1") && server.sees ("\"faults\":[]"));
}
GST_END_TEST

// Also where it is Chromium that offers.
GST_START_TEST (test_plays)
{
  if (!WhipServer::there ())
    return;
  PageServer server (__i__ == 0 ? "" : ",\"counterOffer\":true");
  Peer p (client (server, "whep", ""));
  p.decodes ("video/x-", "width=(int)320, height=(int)240");
  p.decodes ("audio/x-opus", "audio/x-raw");
  p.stop ();
  fail_unless (server.sees ("\"deletes\":1") && server.sees ("\"faults\":[]"));
  fail_unless_equals_int (static_cast<int> (server.number ("answers")), __i__);
}
GST_END_TEST

// By PATCH, while what is sent goes on: Chromium sees other credentials and the same stream.
GST_START_TEST (test_restarts_ice)
{
  if (!WhipServer::there ())
    return;
  PageServer server;
  Peer p (both (server));
  browser ().run (seen_and_heard);
  const std::string before = browser ().run ("usernames()");
  for (int i = 0; i < 2; i++) {
    g_signal_emit_by_name (p.peer, "restart-ice");
    fail_unless (server.sees (i == 0 ? "\"patches\":[\"restart\"" : "\"restart\",\"restart\""));
    browser ().run (seen_and_heard);
  }
  fail_unless (browser ().run ("usernames()") != before);
  fail_unless (server.sees ("\"posts\":1") && server.sees ("\"deletes\":0"));
  fail_unless (server.sees ("\"refused\":[]") && server.sees ("\"faults\":[]"));
}
GST_END_TEST

// Where the server does not do that, a new session goes on.
GST_START_TEST (test_restarts_all)
{
  if (!WhipServer::there ())
    return;
  PageServer server (",\"restart\":false,\"trickle\":false");
  Peer p (both (server));
  browser ().run (seen_and_heard);
  g_signal_emit_by_name (p.peer, "restart-ice");
  fail_unless (server.sees ("\"posts\":2") && server.sees ("\"deletes\":1"));
  browser ().run (seen_and_heard);
  fail_unless (server.sees ("\"refused\":[405]") && server.sees ("\"faults\":[]"));
}
GST_END_TEST

// The server's end of the connection closes it by DTLS.
GST_START_TEST (test_server_ends)
{
  if (!WhipServer::there ())
    return;
  PageServer server;
  Peer p (both (server));
  browser ().run (seen_and_heard);
  server.close_connections ();
  fail_unless (server.sees ("\"posts\":2") && server.sees ("\"deletes\":1"));
  browser ().run (seen_and_heard);
  fail_unless (server.sees ("\"faults\":[]"));
}
GST_END_TEST

static Suite *rtc_browser_whip_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_browser_whip");
  TCase *c = browser_case (s);
  tcase_add_test (c, test_publishes);
  tcase_add_loop_test (c, test_plays, 0, 2);
  tcase_add_test (c, test_restarts_ice);
  tcase_add_test (c, test_restarts_all);
  tcase_add_test (c, test_server_ends);
  return s;
}

GST_CHECK_MAIN (rtc_browser_whip)

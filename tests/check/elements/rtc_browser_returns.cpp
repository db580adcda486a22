// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer and Chromium that go and come again: the page, the element, and the way to the server.
#include "../rtc_browser.h"

using namespace reach::test;

// A page that is loaded again is another peer; its media come out of the same pads.
GST_START_TEST (test_reload)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, picture + vp8 + "p.", false);
  meet (server, p, camera, __i__ != 0);
  browser ().run ("sees('VP8', 320, 240)");
  const std::string pad = p.decodes ("video/x-", "width=(int)320");
  for (int round = 0; round < 2; round++) {
    browser ().reload ();
    browser ().run (camera);
    browser ().run ("sees('VP8', 320, 240)");
    fail_unless_equals_string (p.decodes ("video/x-", "width=(int)320").c_str (), pad.c_str ());
  }
  fail_unless (p.seen.get ().size () == 1, "%s", p.text ().c_str ());
  g_print ("the page is loaded again: %s", p.text ().c_str ());
}
GST_END_TEST

// Its way to the server is lost, and media go on; or its peer connection is, too, and there is a
// new one, of a page that takes a new name then and of one that does not.
GST_START_TEST (test_signalling_lost)
{
  constexpr const char *losses[] = {
      "", "pair.pc = undefined; ", "pair.pc = undefined; pair.rename = () => {}; "};
  const bool kept = __i__ == 0;
  const Server server;
  browser ().open (server.page ());
  Peer p (server, picture + vp8 + "p.");
  browser ().run (camera);
  for (int round = 0; round < 2; round++) {
    browser ().run ("sees('VP8', 320, 240)");
    p.decodes ("video/x-", "width=(int)320");
    const std::string before = browser ().run ("usernames()");
    browser ().run (std::string ("window.first = pc(); ") + losses[__i__] + "pair.ws.close(4000)");
    if (kept) // the roles have changed meanwhile; both know theirs
      browser ().run ("until(() => pair.ws.readyState === 1 && pair.polite, 'a server')"
                      ".then(() => pc().restartIce())");
    browser ().run ("until(() => pc() && usernames() !== '" + before +
                    "' && pc().remoteDescription && pc().signalingState === 'stable' && "
                    "pc().connectionState === 'connected', 'there again')");
    fail_unless_equals_string (
        browser ().run ("pc() === window.first").c_str (), kept ? "true" : "false");
  }
  browser ().run ("sees('VP8', 320, 240)");
  p.decodes ("video/x-", "width=(int)320");
  fail_unless (p.seen.get ().size () == 1, "%s", p.text ().c_str ());
  g_print (
      "signalling is lost, %s: %s\n", kept ? "media are not" : losses[__i__], p.text ().c_str ());
}
GST_END_TEST

// The same page shows it again.
GST_START_TEST (test_we_restart)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, picture + vp8 + "p.", false);
  meet (server, p, camera, __i__ != 0);
  for (int round = 0; round < 3; round++) {
    browser ().run ("sees('VP8', 320, 240)");
    p.decodes ("video/x-", "width=(int)320");
    p.stop ();
    browser ().run ("until(() => !pc(), 'left')");
    p.start ();
  }
  browser ().run ("sees('VP8', 320, 240)");
  g_print ("rtcpeer restarts three times\n");
}
GST_END_TEST

static Suite *rtc_browser_returns_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_browser_returns");
  TCase *c = browser_case (s);
  tcase_add_loop_test (c, test_reload, 0, 2);
  tcase_add_loop_test (c, test_signalling_lost, 0, 3);
  tcase_add_loop_test (c, test_we_restart, 0, 2);
  return s;
}

GST_CHECK_MAIN (rtc_browser_returns)

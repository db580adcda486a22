// SPDX-License-Identifier: LGPL-2.1-or-later
// What changes while rtcpeer and Chromium are connected: tracks, paths, offers that cross, and
// sides that go and come again.
#include "../rtc_browser.h"

using namespace reach::test;

namespace {
const std::string small_picture = "videotestsrc is-live=true ! "
                                  "video/x-raw,format=I420,width=160,height=120,framerate=15/1" +
                                  vp8 + "identity";
} // namespace

GST_START_TEST (test_browser_adds_and_removes)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, sound + opus + "p.", false);
  meet (server, p, "connect('garden')", __i__ != 0);
  browser ().run ("hears('opus')");
  browser ().run ("give(pc(), 'video')");
  const std::string first = p.decodes ("video/x-", "width=(int)320");
  browser ().run ("give(pc(), 'audio')");
  p.decodes ("audio/x-opus", "audio/x-raw");
  browser ().run ("pc().removeTrack(pc().getSenders().find((s) => s.track?.kind === 'video'))");
  fail_unless (p.seen.wait ([&] (const auto &all) { return all.at (first).gone; }),
      "the pad stays: %s", p.text ().c_str ());
  browser ().run ("hears('opus')");
  // The m-line is used again.
  browser ().run ("give(pc(), 'video')");
  p.decodes ("video/x-", "width=(int)320");
  g_print ("tracks of Chromium come and go:\n%s", p.text ().c_str ());
}
GST_END_TEST

GST_START_TEST (test_we_add_and_remove)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, sound + opus + "p.", false);
  meet (server, p, "connect('garden')", __i__ != 0);
  browser ().run ("hears('opus')");
  p.add (small_picture, "video_0");
  const std::string seen = browser ().run ("sees('VP8', 160, 120)");
  GstPad *pad = gst_element_get_static_pad (p.peer, "video_0");
  GstPad *from = gst_pad_get_peer (pad);
  gst_pad_unlink (from, pad);
  gst_element_release_request_pad (p.peer, pad);
  gst_object_unref (pad);
  gst_object_unref (from);
  browser ().run ("until(() => window.tracks.find((t) => t.track.kind === 'video').track.muted, "
                  "'muted')");
  browser ().run ("hears('opus')");
  g_print ("a pad of rtcpeer comes and goes: %s\n", seen.c_str ());
}
GST_END_TEST

// Both have a track more to offer, and both offers are on their way.
GST_START_TEST (test_glare)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, sound + opus + "p.", false);
  meet (server, p, "connect('garden')", __i__ != 0);
  browser ().run ("hears('opus')");
  const std::string polite = browser ().run ("glare((p) => give(p, 'video'))");
  fail_unless_equals_string (polite.c_str (), __i__ == 0 ? "polite" : "impolite");
  p.add (small_picture, "video_0");
  browser ().run ("sees('VP8', 160, 120)");
  fail_unless_equals_string (browser ().run ("window.crossed").c_str (), "have-local-offer");
  p.decodes ("video/x-", "width=(int)320");
  browser ().run ("hears('opus')");
  fail_unless_equals_string (browser ().run ("pc().signalingState").c_str (), "stable");
  g_print ("offers cross, Chromium is %s: both are answered\n", polite.c_str ());
}
GST_END_TEST

// Media go on, and the credentials of both sides are others.
GST_START_TEST (test_ice_restart)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, picture + vp8 + "p.");
  browser ().run (camera);
  browser ().run ("sees('VP8', 320, 240)");
  p.decodes ("video/x-", "width=(int)320");
  for (int round = 0; round < 2; round++) {
    const std::string before = browser ().run ("usernames()");
    if (__i__ == 0)
      g_signal_emit_by_name (p.peer, "restart-ice");
    else
      browser ().run ("pc().restartIce()");
    browser ().run (
        "(async () => { const [ours, theirs] = '" + before +
        "'.split(' ');"
        "await until(() => { const [a, b] = usernames().split(' ');"
        "  return a !== ours && b !== theirs && pc().signalingState === 'stable'; }, 'others');"
        "await until(() => ['connected', 'completed'].includes(pc().iceConnectionState), 'ICE'); "
        "})()");
    browser ().run ("sees('VP8', 320, 240)");
    p.decodes ("video/x-", "width=(int)320");
  }
  fail_unless (p.seen.get ().size () == 1, "%s", p.text ().c_str ());
  g_print ("ICE restarts twice by %s: %s", __i__ == 0 ? "rtcpeer" : "Chromium", p.text ().c_str ());
}
GST_END_TEST

static Suite *rtc_browser_changes_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_browser_changes");
  TCase *c = browser_case (s);
  tcase_add_loop_test (c, test_browser_adds_and_removes, 0, 2);
  tcase_add_loop_test (c, test_we_add_and_remove, 0, 2);
  tcase_add_loop_test (c, test_glare, 0, 2);
  tcase_add_loop_test (c, test_ice_restart, 0, 2);
  return s;
}

GST_CHECK_MAIN (rtc_browser_changes)

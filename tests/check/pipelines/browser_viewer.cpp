// SPDX-License-Identifier: LGPL-2.1-or-later
// pipelines/browser-viewer as a user runs it, and its page in Chromium.
#include "../rtc_browser.h"
#include "launch_script.h"

using namespace reach::test;

namespace {
// The page shows what `holds` says.
void shows (const std::string &holds, const std::string &page = "a")
{
  browser ().run (
      "(async () => { const text = () => document.querySelector('#status').textContent;"
      "const facts = () => document.querySelector('#facts').textContent;"
      "const video = document.querySelector('video');"
      "for (const end = performance.now() + 20000; performance.now() < end;) {"
      "  if (" +
          holds +
          ") return;"
          "  await new Promise((then) => setTimeout(then, 50)); }"
          "throw new Error(`status '${text()}', ${video.videoWidth}, '${facts()}'`); })()",
      page);
}
} // namespace

GST_START_TEST (test_viewer)
{
  const guint16 port = unused_port ();
  const std::string url = "http://127.0.0.1:" + std::to_string (port) + "/";
  auto line = std::make_unique<Line> ("browser-viewer", port);
  fail_unless (iterate_until ([port] { return answers (port); }), "no server");
  browser ().open (url);
  shows (
      "text() === '' && video.videoWidth === 1280 && /1280×720, [1-9]\\d* frames/.test(facts())");
  browser ().run ("document.querySelector('#sound').click()");
  shows (
      "!video.muted && document.querySelector('#sound').hidden && video.srcObject.getAudioTracks()"
      ".length === 1");
  if (const char *file = g_getenv ("REACH_SCREENSHOT"))
    browser ().screenshot (file);
  // One at a time, which who comes second is told.
  browser ().open (url, "b");
  shows ("text().startsWith('The server refuses')", "b");
  browser ().close ("b");
  // The line ends and comes again: the page shows it again by itself.
  line.reset ();
  shows ("text() === 'Looking for the server'");
  line = std::make_unique<Line> ("browser-viewer", port);
  shows ("text() === '' && /1280×720, [1-9]\\d* frames/.test(facts())");
}
GST_END_TEST

static Suite *browser_viewer_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("browser_viewer");
  if (g_str_equal (g_getenv ("REACH_SANITIZED"), "1")) {
    g_print ("SKIP: gst-launch-1.0 cannot load sanitized plugins\n");
    return s;
  }
  tcase_add_test (browser_case (s), test_viewer);
  return s;
}

GST_CHECK_MAIN (browser_viewer)

// SPDX-License-Identifier: LGPL-2.1-or-later
// pipelines/pool-room as a user runs it, and its page in Chromium.
#include "../rtc_browser.h"
#include "launch_script.h"

using namespace reach::test;

namespace {
// What `holds` says comes true of a page.
void shows (const std::string &holds, const std::string &page = "a")
{
  browser ().run (
      "(async () => { const find = (s) => document.querySelector(s);"
      "const status = () => find('#status').textContent;"
      "const figure = (name) => [...document.querySelectorAll('figure')].find("
      "    (f) => f.querySelector('figcaption').textContent.startsWith(name));"
      "const seen = (name, width) => { const f = figure(name); return f &&"
      "    !f.classList.contains('dark') && f.querySelector('video').videoWidth === width; };"
      // Has played on since this was asked first.
      "const plays = (name, width) => { const f = seen(name, width) && figure(name);"
      "    if (!f) return false; const v = f.querySelector('video');"
      "    f.from = f.from || v.currentTime; return v.currentTime > f.from + 0.3; };"
      "for (const end = performance.now() + 20000; performance.now() < end;) {"
      "  if (" +
          holds +
          ") return;"
          "  await new Promise((then) => setTimeout(then, 50)); }"
          "throw new Error(`'${status()}', ${find('#members').innerText}, ${[...document."
          "querySelectorAll('video')].map((v) => [v.videoWidth, v.currentTime])}`); })()",
      page);
}

void click (const char *button, const std::string &page = "a")
{
  browser ().run (std::string ("document.querySelector('") + button + "').click()", page);
}

void joins (const std::string &url, const std::string &page = "a")
{
  browser ().open (url, page);
  click ("#join button", page);
}
} // namespace

// The camera of the launch line, and two people with theirs.
GST_START_TEST (test_room)
{
  const guint16 port = unused_port ();
  const std::string url = "http://127.0.0.1:" + std::to_string (port) + "/";
  auto line = std::make_unique<Line> ("pool-room", port);
  fail_unless (iterate_until ([port] { return answers (port); }), "no server");
  joins (url + "?name=Ann");
  shows ("plays('Member', 640) && status() === '' && figure('Ann (you)')");
  joins (url + "?name=Bo", "b");
  shows ("plays('Member', 640) && figure('Ann').classList.contains('dark')", "b");
  shows ("figure('Bo')?.classList.contains('dark')");
  click ("#video");
  shows ("seen('Ann (you)', 640)");
  shows ("plays('Ann', 640)", "b");
  click ("#video", "b");
  shows ("plays('Bo', 640) && find('#facts').textContent === 'room: 3 here'");
  if (const char *file = g_getenv ("REACH_SCREENSHOT"))
    browser ().screenshot (file);
  // Away, and there again.
  click ("#video");
  shows ("figure('Ann').classList.contains('dark')", "b");
  click ("#video");
  shows ("plays('Ann', 640)", "b");
  click ("#leave", "b");
  shows ("!figure('Bo')");
  shows ("!find('#join').hidden && find('#controls').hidden && !find('figure')", "b");
}
GST_END_TEST

// Another room is another pool. The line ends and comes again: so does its picture.
GST_START_TEST (test_lost)
{
  const guint16 port = unused_port ();
  const std::string url = "http://127.0.0.1:" + std::to_string (port) + "/";
  auto line = std::make_unique<Line> ("pool-room", port);
  fail_unless (iterate_until ([port] { return answers (port); }), "no server");
  joins (url + "?name=Ann&room=attic", "b");
  joins (url + "?name=Bo");
  shows ("plays('Member', 640)");
  shows (
      "status() === 'Nobody else is here' && find('#facts').textContent === 'attic: 1 here'", "b");
  line.reset ();
  shows ("status() === 'Looking for the server'");
  line = std::make_unique<Line> ("pool-room", port);
  shows ("status() === '' && document.querySelectorAll('figure').length === 2 && plays('Member', "
         "640)");
}
GST_END_TEST

static Suite *pool_room_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("pool_room");
  if (g_str_equal (g_getenv ("REACH_SANITIZED"), "1")) {
    g_print ("SKIP: gst-launch-1.0 cannot load sanitized plugins\n");
    return s;
  }
  TCase *c = browser_case (s);
  tcase_add_test (c, test_room);
  tcase_add_test (c, test_lost);
  return s;
}

GST_CHECK_MAIN (pool_room)

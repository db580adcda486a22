// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpool and Chromium with the npm package rtcpool, unmodified, in one pool.
#include "../pool_browser.h"

using namespace reach::test;

namespace {
bool emit (const Server &server, const char *action, const std::string &peer = {},
    const std::string &json = {})
{
  gboolean done = FALSE;
  if (peer.empty ())
    g_signal_emit_by_name (server.element, action, "garden", &done);
  else
    g_signal_emit_by_name (server.element, action, "garden", peer.c_str (), json.c_str (), &done);
  return done;
}

const std::string both_ways_h264 = picture + h264 + "p. " + sound + opus + "p.";
const std::string both_ways_vp8 = picture + vp8 + "p. " + sound + opus + "p.";

struct Case {
  const char *way, *scheme, *codec; // of the page, of the element, of both
  bool page_first;
};
const Case cases[] = {
    {"raw", "ws", "H264", true},
    {"raw", "ws", "VP8", false},
    {"socket-io", "http", "VP8", true},
    {"socket-io", "ws", "H264", false},
    {"raw", "http", "H264", false},
};
} // namespace

// Cameras and microphones at both ends, whoever comes first, over either signalling.
GST_START_TEST (test_media)
{
  const Case &c = cases[__i__];
  const bool is_h264 = std::string (c.codec) == "H264";
  const Server server;
  browser ().open (page_of (server));
  const std::string how = std::string ("'") + c.way + "', '" + c.codec + "', 'video', 'audio'";
  std::string id;
  if (c.page_first)
    id = page_joins (how);
  Member m (server, c.scheme, is_h264 ? both_ways_h264 : both_ways_vp8);
  const std::string own = m.joins ();
  if (!c.page_first)
    id = page_joins (how);
  const std::string seen = page_checks (
      own, std::string ("Promise.all([sees('") + c.codec + "', 320, 240), hears('opus')])");
  m.decodes (is_h264 ? "video/x-h264" : "video/x-vp8", "width=(int)320, height=(int)240", 10, id);
  const std::string pad = m.decodes ("audio/x-opus", "audio/x-raw", 10, id);
  fail_unless (m.seen.wait ([&] (const auto &all) { return all.at (pad).peak > 1000; }),
      "silence: %s", m.text ().c_str ());
  g_print ("%s, %s: Chromium %s; %s", c.way, c.scheme, seen.c_str (), m.text ().c_str ());
}
GST_END_TEST

// Two pages and the element: each has the picture of the two others. One page leaves.
GST_START_TEST (test_mesh)
{
  const Server server;
  browser ().open (page_of (server), "a");
  browser ().open (page_of (server), "b");
  const std::string a = page_joins ("'raw', 'VP8', 'video'", "a");
  Member m (server, "ws", picture + vp8 + "p.");
  const std::string own = m.joins ();
  // Its own picture comes when it has those of others: offers of two pages that cross are
  // Chromium's matter.
  const std::string b = page_joins ("'socket-io', 'VP8'", "b");
  page_checks (a, "sees('VP8', 320, 240)", "b");
  page_checks (own, "sees('VP8', 320, 240)", "b");
  browser ().run ("show('VP8', 'video')", "b");
  page_checks (b, "sees('VP8', 320, 240)", "a");
  page_checks (own, "sees('VP8', 320, 240)", "a");
  m.decodes ("video/x-vp8", "width=(int)320", 10, a);
  const std::string of_b = m.decodes ("video/x-vp8", "width=(int)320", 10, b);
  fail_unless_equals_int (m.members (), 2);
  browser ().close ("b");
  fail_unless (m.waits_for ("rtc-pool-peer-closed"));
  fail_unless (m.seen.wait ([&] (const auto &all) { return all.at (of_b).gone; }));
  m.decodes ("video/x-vp8", "width=(int)320", 10, a);
  fail_unless_equals_string (
      browser ().run ("event('close').then((e) => e.text)").c_str (), b.c_str ());
  page_checks (own, "sees('VP8', 320, 240)", "a");
}
GST_END_TEST

// The page is told what the server says of the element, and the element what it says of the page.
// Then the server ends the pool.
GST_START_TEST (test_describe_stop)
{
  const Server server;
  browser ().open (page_of (server));
  Member m (server, "ws", "");
  const std::string own = m.joins (), id = page_joins ("'raw'");
  fail_unless (m.waits_for ("rtc-pool-peer-added"));
  fail_unless (emit (server, "describe", own, R"({"name":"G\u00e4rten","n":[1,null]})"));
  fail_unless_equals_string (
      browser ().run ("event('describe').then((e) => JSON.stringify(e.text))").c_str (),
      "{\"name\":\"Gärten\",\"n\":[1,null]}");
  fail_unless_equals_string (
      browser ().run ("window.pool.getConnection('" + own + "').description.name").c_str (),
      "Gärten");
  fail_unless (emit (server, "describe", id, R"({"name":"Bo"})"));
  fail_unless (m.waits_for ("rtc-pool-peer-described"));
  gchar *json = nullptr;
  g_signal_emit_by_name (m.peer, "get-description", id.c_str (), &json);
  fail_unless_equals_string (json, R"({"name":"Bo"})");
  g_free (json);
  fail_unless (emit (server, "close-pool"));
  fail_unless (m.waits_for ("rtc-pool-stopped"));
  browser ().run ("event('stop')");
  fail_unless_equals_int (m.members (), 0);
  fail_unless_equals_string (m.id ().c_str (), "");
}
GST_END_TEST

// Nobody gets the element's video while it is muted, then everybody again; sound goes on.
GST_START_TEST (test_mute)
{
  const Server server;
  browser ().open (page_of (server));
  Member m (server, "ws", both_ways_h264);
  const std::string own = m.joins (), id = page_joins ("'raw'");
  page_checks (own, "Promise.all([sees('H264', 320, 240), hears('opus')])");
  const auto muted = [&] (bool mute) {
    if (__i__ == 0)
      return g_object_set (m.peer, "mute-video", mute, nullptr);
    gboolean there = FALSE;
    g_signal_emit_by_name (m.peer, "mute-peer", id.c_str (), "video", mute, &there);
    fail_unless (there);
  };
  for (int i = 0; i < 2; i++) {
    browser ().run ("window.events.length = 0");
    muted (true);
    browser ().run ("event('mute video')");
    page_checks (own, "hears('opus')");
    muted (false);
    browser ().run ("event('unmute video')");
    page_checks (own, "Promise.all([sees('H264', 320, 240), hears('opus')])");
  }
}
GST_END_TEST

namespace {
// Sends back what it gets.
void echo (GstElement *, const char *, GObject *channel, Watched<std::string> *label)
{
  g_signal_connect (channel, "on-message-string",
      G_CALLBACK (+[] (GObject *c, const char *text, gpointer) {
        g_signal_emit_by_name (c, "send-string", text);
      }),
      nullptr);
  g_signal_connect (channel, "on-message-data", G_CALLBACK (+[] (GObject *c, GBytes *b, gpointer) {
    g_signal_emit_by_name (c, "send-data", b);
  }),
      nullptr);
  gchar *text = nullptr;
  g_object_get (channel, "label", &text, nullptr);
  label->set (text);
  g_free (text);
}
} // namespace

// Data channels that either side opens, and back.
GST_START_TEST (test_data)
{
  const Server server;
  browser ().open (page_of (server));
  Watched<std::string> label;
  Member m (server, "ws", "", false);
  g_signal_connect (m.peer, "on-data-channel", G_CALLBACK (echo), &label);
  m.start ();
  const std::string own = m.joins (), id = page_joins ("'socket-io'");
  fail_unless (m.waits_for ("rtc-pool-peer-added"));
  fail_unless_equals_string (page_checks (own, "echoes(window.pool.getConnection('" + own +
                                                   "').dataChannel('lawn', {}, true), 'all')")
                                 .c_str (),
      R"(["lawn","",true,null,null])");
  fail_unless_equals_string (label.get ().c_str (), "lawn");
  GObject *channel = nullptr;
  g_signal_emit_by_name (m.peer, "create-data-channel", id.c_str (), "pond", nullptr, &channel);
  fail_unless (channel != nullptr);
  Watched<std::string> ours;
  echo (nullptr, nullptr, channel, &ours);
  fail_unless_equals_string (
      browser ()
          .run ("until(() => window.channels[0], 'a channel').then((c) => echoes(c, 'all'))")
          .c_str (),
      R"(["pond","",true,null,null])");
  g_object_unref (channel);
  g_signal_handlers_disconnect_by_data (m.peer, &label);
}
GST_END_TEST

// A data pad is a channel to everybody, also to who comes later; pages that are there get it, too.
GST_START_TEST (test_broadcast)
{
  const Server server;
  for (const char *page : {"a", "b"})
    browser ().open (page_of (server), page);
  page_joins ("'raw'", "a");
  Member m (server, "ws",
      "fakesrc is-live=true do-timestamp=true sizetype=fixed sizemax=20 filltype=pattern "
      "datarate=1000 ! p.data_0");
  m.joins ();
  page_joins ("'socket-io'", "b");
  for (const char *page : {"a", "b"})
    fail_unless_equals_string (
        browser ()
            .run ("until(() => window.channels[0], 'a channel').then((c) => new Promise((then) => {"
                  "c.binaryType = 'arraybuffer';"
                  "c.onmessage = ({ data }) => then(new Uint8Array(data).slice(0, 4).join()); }))",
                page)
            .c_str (),
        "0,1,2,3");
}
GST_END_TEST

// Another path is looked for, of one peer and of all, while media go on.
GST_START_TEST (test_restart)
{
  const Server server;
  browser ().open (page_of (server));
  Member m (server, "ws", both_ways_h264);
  const std::string own = m.joins (), id = page_joins ("'raw'");
  page_checks (own, "sees('H264', 320, 240)");
  for (const char *peer : {id.c_str (), static_cast<const char *> (nullptr)}) {
    browser ().run ("window.before = usernames()");
    g_signal_emit_by_name (m.peer, "restart-ice", peer);
    browser ().run ("until(() => { const [a, b] = usernames().split(' '), [x, y] = "
                    "window.before.split(' '); return a !== x && b !== y; }, 'other names')");
    browser ().run ("until(() => pc().iceConnectionState === 'connected' || pc()."
                    "iceConnectionState === 'completed', 'connected again')");
    page_checks (own, "Promise.all([sees('H264', 320, 240), hears('opus')])");
  }
}
GST_END_TEST

static Suite *rtcpool_browser_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtcpool_browser");
  TCase *c = browser_case (s);
  tcase_add_loop_test (c, test_media, 0, G_N_ELEMENTS (cases));
  tcase_add_test (c, test_mesh);
  tcase_add_test (c, test_describe_stop);
  tcase_add_loop_test (c, test_mute, 0, 2);
  tcase_add_test (c, test_data);
  tcase_add_test (c, test_broadcast);
  tcase_add_test (c, test_restart);
  return s;
}

GST_CHECK_MAIN (rtcpool_browser)

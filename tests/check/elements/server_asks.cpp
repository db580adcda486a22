// SPDX-License-Identifier: LGPL-2.1-or-later
// What clients ask a media server, and what it tells them.
#include "../server_asks.h"
#include "../tcp_relay.h"

using namespace reach::test;

namespace {
struct Case {
  Way pull, push;
  guint loops;
};
const Case cases[] = {{tcp_pull, tcp_push, 1}, {http_pull, http_push, 1}, {tcp_pull, udp_push, 3}};
constexpr int n_cases = static_cast<int> (std::size (cases));

// A sender that has nothing to send.
struct Asker : Client {
  Asker (const Server &server, const Way &w, const char *guid) : Client (server, w, guid, "") {}
};
} // namespace

GST_START_TEST (test_groups)
{
  const Case &c = cases[__i__];
  Server server (c.loops);
  server.play ();
  Viewer ann (server, c.pull, "ann"), bob (server, c.pull, "bob");
  Notices to_ann (ann.element);
  ann.join ();
  bob.join ();
  const Structure made = join_group (ann, "choir", "secret");
  expect (made, "ok");
  fail_unless (text_of (made.get (), "owner") == ("ann"));
  fail_unless (flag_of (made.get (), "created"));
  fail_unless (gst_structure_has_field (made.get (), "parameters"));
  expect (join_group (bob, "choir", "guess"), "wrong-password");
  expect (join_group (bob, "choir", nullptr), "wrong-password");
  expect (join_group (bob, "choir", "secret"), "ok");
  fail_unless (to_ann.wait ("user-joins-group bob choir"));
  const Structure members = ask (bob, about_group ("group-members", "choir"));
  fail_unless (list_of (members.get (), "members") == ("ann bob "));
  expect (short_ask (bob, "leave-group", "choir"), "ok");
  fail_unless (to_ann.wait ("user-leaves-group bob choir orderly"));
  expect (short_ask (bob, "leave-group", "choir"), "not-found");
  expect (ask (bob, about_group ("sing", "choir")), "unknown-ask");
  expect (short_ask (bob, "leave-group", nullptr), "malformed");
  const auto said = ann.told.get ().others;
  fail_unless (std::find (said.begin (), said.end (), "cam-server-notice") != said.end ());
}
GST_END_TEST

GST_START_TEST (test_a_receiver_without_command_link)
{
  Server server (2);
  server.play ();
  Viewer ann (server, tcp_pull, "ann");
  gst_util_set_object_arg (G_OBJECT (ann.element), "media-types", "video");
  Notices to_ann (ann.element);
  ann.join ();
  expect (join_group (ann, "choir", nullptr), "ok");
  Viewer bob (server, tcp_pull, "bob");
  bob.join ();
  expect (join_group (bob, "choir", nullptr), "ok");
  fail_unless (to_ann.wait ("user-joins-group bob choir"));
}
GST_END_TEST

// Its link is there for the ask, and goes when nothing more comes.
GST_START_TEST (test_a_sender_asks)
{
  const Case &c = cases[__i__];
  Server server (c.loops);
  server.play ();
  Viewer ann (server, c.pull, "ann");
  Notices to_ann (ann.element);
  ann.join ();
  expect (join_group (ann, "choir", nullptr), "ok");
  Asker camera (server, c.push, "camera");
  g_object_set (camera.element, "idle-timeout", 0, nullptr);
  camera.play ();
  for (std::size_t round = 1; round <= 2; round++) {
    expect (join_group (camera, "choir", nullptr), "ok");
    fail_unless (camera.wait_event ("disconnected", round));
  }
  fail_unless_equals_int (Node::count (camera.told.get ().messages, "connected"), 2);
  fail_unless (to_ann.wait ("user-joins-group camera choir"));
  fail_unless (to_ann.wait ("user-leaves-group camera choir orderly"));
  fail_unless (ann.streams.get ().pads.empty ());
  fail_unless (camera.told.get ().errors.empty ());
}
GST_END_TEST

// A stream of a sender that had asked before it had any.
GST_START_TEST (test_a_stream_comes_after_asks)
{
  Server server (2);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client camera (server, tcp_push, "camera", "viewer");
  camera.play ();
  expect (join_group (camera, "choir", nullptr), "ok");
  auto &video = camera.add ("video_0", video_caps);
  push_frames (video, 0, 10, 5);
  fail_unless (viewer.wait_buffers ("video_0", 10));
}
GST_END_TEST

// No bye: the others are told that it was lost.
GST_START_TEST (test_presence)
{
  Server server (2);
  g_object_set (server.element, "resume-window", 0u, nullptr);
  server.play ();
  Viewer ann (server, tcp_pull, "ann");
  Notices to_ann (ann.element);
  ann.join ();
  auto relay = std::make_unique<TcpRelay> (static_cast<guint16> (server.port (tcp_pull)));
  Viewer bob (server, tcp_pull, "bob");
  g_object_set (bob.element, "port", static_cast<gint> (relay->port ()), nullptr);
  bob.join ();
  expect (short_ask (bob, "add-contact", "ann"), "ok");
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (bob.element, "say-hello", p);
  expect (answer_of (p), "ok");
  fail_unless (to_ann.wait ("user-enter bob"));
  relay.reset ();
  fail_unless (to_ann.wait ("user-exit bob lost"));
}
GST_END_TEST

GST_START_TEST (test_no_server)
{
  const Way &way = ways[__i__];
  Sender sender (way);
  Receiver receiver (way);
  expect (join_group (sender, "g", nullptr), "not-running");
  expect (join_group (receiver, "g", nullptr), "not-running");
  Node &listener = way.push ? static_cast<Node &> (receiver) : sender;
  Node &caller = way.push ? static_cast<Node &> (sender) : receiver;
  listener.play ();
  g_object_set (
      caller.element, "host", "127.0.0.1", "port", static_cast<gint> (listener.port ()), nullptr);
  caller.play ();
  expect (join_group (listener, "g", nullptr), "no-server");
  expect (join_group (caller, "g", nullptr), "no-server");
}
GST_END_TEST

namespace {
void to_nowhere (Node &n)
{
  g_object_set (n.element, "host", "127.0.0.1", "port", static_cast<gint> (unused_port ()),
      "command-timeout", 600, nullptr);
}
} // namespace

// Nobody there: time ends it, or the end of the element, and no more wait than are kept.
GST_START_TEST (test_every_promise_ends)
{
  Sender sender (tcp_push);
  Receiver receiver (tcp_pull);
  Node &n = __i__ ? static_cast<Node &> (sender) : receiver;
  to_nowhere (n);
  n.play ();
  std::vector<GstPromise *> promises;
  for (unsigned i = 0; i < 64; i++) {
    promises.push_back (gst_promise_new ());
    g_signal_emit_by_name (n.element, "say-hello", promises.back ());
  }
  g_signal_emit_by_name (n.element, "say-hello", nullptr); // one that nobody waits for
  expect (join_group (n, "g", nullptr), "too-many");
  n.null ();
  for (GstPromise *p : promises)
    expect (answer_of (p), "not-connected");
  g_object_set (n.element, "command-timeout", 1, nullptr);
  n.play ();
  expect (join_group (n, "g", nullptr), "timed-out");
}
GST_END_TEST

static Suite *server_asks_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_asks");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_groups, 0, n_cases);
  tcase_add_test (tc, test_a_receiver_without_command_link);
  tcase_add_loop_test (tc, test_a_sender_asks, 0, n_cases);
  tcase_add_test (tc, test_a_stream_comes_after_asks);
  tcase_add_test (tc, test_presence);
  tcase_add_loop_test (tc, test_no_server, 0, n_ways);
  tcase_add_loop_test (tc, test_every_promise_ends, 0, 2);
  return s;
}

GST_CHECK_MAIN (server_asks)

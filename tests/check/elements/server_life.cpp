// SPDX-License-Identifier: LGPL-2.1-or-later
// A media server's life: states, clients that break, come back, or come twice.
#include "server_node.h"
#include "tcp_relay.h"

using namespace reach::test;

GST_START_TEST (test_states)
{
  Server server (__i__);
  gint port = 1;
  g_object_get (server.element, "current-port", &port, nullptr);
  fail_unless_equals_int (port, 0);
  for (int round = 0; round < 3; round++) {
    fail_unless (reach_state (server.pipeline, GST_STATE_READY));
    fail_unless (server.port (tcp_push) != 0 && server.port (udp_push) != 0);
    server.play ();
    Viewer viewer (server, tcp_pull, "viewer");
    Client camera (server, tcp_push, "camera", "viewer");
    auto &video = camera.add ("video_0", video_caps);
    viewer.join ();
    camera.play ();
    push_frames (video, 0, 10, 5);
    fail_unless (viewer.wait_buffers ("video_0", 10));
    // Down with everybody connected, prompt, and without an error of the server.
    const gint64 begin = g_get_monotonic_time ();
    fail_unless (reach_state (server.pipeline, GST_STATE_NULL));
    fail_unless (g_get_monotonic_time () - begin < 5 * G_USEC_PER_SEC);
    fail_unless_equals_uint64 (server.stat ("frames-received"), 10);
  }
}
GST_END_TEST

GST_START_TEST (test_eos_ends_the_pipeline)
{
  Server server;
  server.play ();
  fail_unless (gst_element_send_event (server.pipeline, gst_event_new_eos ()));
  fail_unless (wait_message (server.pipeline, GST_MESSAGE_EOS) != nullptr);
}
GST_END_TEST

GST_START_TEST (test_a_port_in_use_is_an_error)
{
  Server one;
  one.play ();
  Server two;
  g_object_set (two.element, "port", one.port (tcp_push), nullptr);
  fail_unless_equals_int (
      gst_element_set_state (two.pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  fail_unless (wait_message (two.pipeline, GST_MESSAGE_ERROR) != nullptr);
}
GST_END_TEST

// Its receivers keep their pads: by guid after a restart, by run after a break of the links.
GST_START_TEST (test_a_sender_comes_back)
{
  const bool restart = __i__ % 2 == 0;
  Server server (1 + __i__ / 2);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client camera (server, tcp_push, "camera", "viewer");
  TcpRelay relay (static_cast<guint16> (server.port (tcp_push)));
  g_object_set (camera.element, "port", static_cast<gint> (relay.port ()), nullptr);
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  push_frames (video, 0, 20, 10);
  fail_unless (viewer.wait_buffers ("video_0", 20));
  const guint64 key = viewer.on ("video_0").session_key;
  if (restart)
    camera.null ();
  else
    relay.cut ();
  fail_unless (server.wait_event ("disconnected", "camera"));
  const std::size_t gaps = viewer.on ("video_0").n_events (GST_EVENT_GAP);
  fail_unless (viewer.wait_event_on ("video_0", GST_EVENT_GAP, gaps + 1));
  if (restart) {
    camera.play ();
    camera.begin_again ();
  }
  for (unsigned n = 20; n < 4000 && !viewer.wait_buffers ("video_0", 22, milliseconds (20)); n++)
    push_frames (video, n, 1, 10);
  fail_unless (viewer.wait_buffers ("video_0", 22));
  const Received r = viewer.on ("video_0");
  fail_unless_equals_int (viewer.streams.get ().pads.size (), 1);
  fail_if (r.removed);
  fail_unless_equals_int (r.n_events (GST_EVENT_EOS), 0);
  fail_unless_equals_int (r.n_events (GST_EVENT_STREAM_START), 1);
  GstBuffer *next = r.buffers ()[20];
  fail_unless (GST_BUFFER_FLAG_IS_SET (next, GST_BUFFER_FLAG_DISCONT));
  fail_if (GST_BUFFER_FLAG_IS_SET (next, GST_BUFFER_FLAG_DELTA_UNIT));
  fail_unless (GST_BUFFER_PTS (next) > GST_BUFFER_PTS (r.buffers ()[19]) || !restart);
  guint64 now = 0;
  g_object_get (r.source, "session-key", &now, nullptr);
  fail_unless ((now != key) == restart);
  fail_unless_equals_uint64 (server.stat ("resumed"), 1);
}
GST_END_TEST

GST_START_TEST (test_a_sender_that_stays_away_is_gone)
{
  Server server;
  g_object_set (server.element, "resume-window", 0, nullptr);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  push_frames (video, 0, 5, 5);
  fail_unless (viewer.wait_buffers ("video_0", 5));
  camera.null ();
  fail_unless (viewer.wait_event_on ("video_0", GST_EVENT_EOS));
  fail_unless (viewer.wait ([] (const Streams &s) { return s.pads.at ("video_0").removed; }));
}
GST_END_TEST

// Idle is quiet: the pads stay beyond the resume window, and more comes in them.
GST_START_TEST (test_an_idle_sender_is_not_gone)
{
  Server server;
  g_object_set (server.element, "resume-window", 0, nullptr);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client camera (server, tcp_push, "camera", "viewer");
  g_object_set (camera.element, "idle-timeout", 0, nullptr);
  auto &data = camera.add ("data_0", data_caps);
  camera.play ();
  push_frames (data, 0, 5, 1);
  fail_unless (viewer.wait_buffers ("data_0", 5));
  fail_unless (server.wait_event ("disconnected", "camera"));
  push_frames (data, 5, 5, 1);
  fail_unless (viewer.wait_buffers ("data_0", 10));
  fail_unless_equals_int (viewer.streams.get ().pads.size (), 1);
  fail_unless_equals_int (viewer.on ("data_0").n_events (GST_EVENT_EOS), 0);
}
GST_END_TEST

// The server is restarted: the session is made again, and the sources are known again.
GST_START_TEST (test_receivers_outlive_the_server)
{
  auto server = std::make_unique<Server> ();
  server->play ();
  const gint port = server->port (tcp_push);
  Viewer viewer (*server, tcp_pull, "viewer");
  viewer.join ();
  Client camera (*server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  push_frames (video, 0, 5, 5);
  fail_unless (viewer.wait_buffers ("video_0", 5));
  server.reset ();
  fail_unless (viewer.wait_event ("session-disconnected"));
  server = std::make_unique<Server> ();
  g_object_set (server->element, "port", port, nullptr);
  server->play ();
  fail_unless (viewer.wait_event ("session-connected", 2));
  for (unsigned n = 5; n < 4000 && !viewer.wait_buffers ("video_0", 7, milliseconds (20)); n++)
    push_frames (video, n, 1, 5);
  fail_unless (viewer.wait_buffers ("video_0", 7));
  fail_unless_equals_int (viewer.streams.get ().pads.size (), 1);
}
GST_END_TEST

GST_START_TEST (test_a_second_receiver_with_the_same_guid)
{
  const bool replace = __i__ == 1;
  Server server;
  gst_util_set_object_arg (
      G_OBJECT (server.element), "duplicate-id", replace ? "replace" : "reject");
  server.play ();
  Viewer one (server, tcp_pull, "viewer"), two (server, tcp_pull, "viewer");
  g_object_set (one.element, "reconnect", replace, nullptr);
  one.join ();
  two.play ();
  if (replace) {
    fail_unless (two.wait_event ("session-connected"));
    fail_unless (one.wait_event ("session-disconnected"));
    fail_unless (server.wait_event ("disconnected", "viewer"));
    // It lets the other be for a while.
    fail_unless (two.wait_event ("connected", 5));
    fail_unless_equals_uint64 (server.stat ("replaced"), 1);
    return;
  }
  fail_unless (server.wait_event ("rejected", "viewer"));
  fail_unless (two.wait_event ("connect-error"));
  fail_unless_equals_int (one.open_channels (), 5);
  // It keeps trying, and has the place when it is free.
  one.null ();
  fail_unless (two.wait_event ("session-connected"));
}
GST_END_TEST

// Two senders of one client, with different streams, and a third that would take a stream's place.
GST_START_TEST (test_a_second_sender_with_the_same_guid)
{
  const bool replace = __i__ == 1;
  Server server;
  gst_util_set_object_arg (
      G_OBJECT (server.element), "duplicate-id", replace ? "replace" : "reject");
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client a (server, tcp_push, "camera", "viewer"), b (server, tcp_push, "camera", "viewer"),
      c (server, tcp_push, "camera", "viewer");
  auto &video = a.add ("video_0", video_caps), &data = b.add ("data_0", data_caps),
       &other = c.add ("video_0", video_caps);
  g_object_set (a.element, "reconnect", FALSE, nullptr);
  a.play ();
  b.play ();
  push_frames (video, 0, 5, 5);
  push_frames (data, 0, 5, 1);
  fail_unless (viewer.wait_buffers ("video_0", 5) && viewer.wait_buffers ("data_0", 5));
  c.play ();
  push_frames (other, 100, 5, 5);
  if (replace) {
    fail_unless (viewer.wait_buffers ("video_0", 10));
    fail_unless (same_bytes (viewer.on ("video_0").buffers ()[5], make_buffer (300, 100).get ()));
    fail_unless_equals_uint64 (server.stat ("replaced"), 1);
  } else {
    fail_unless (server.wait_event ("rejected", "camera"));
    fail_unless_equals_int (viewer.on ("video_0").n_buffers (), 5);
  }
  push_frames (data, 5, 5, 1);
  fail_unless (viewer.wait_buffers ("data_0", 10));
}
GST_END_TEST

GST_START_TEST (test_clients_are_limited)
{
  Server server;
  g_object_set (server.element, "max-clients", 1, nullptr);
  server.play ();
  Viewer one (server, tcp_pull, "first"), two (server, tcp_pull, "second");
  one.join ();
  two.play ();
  fail_unless (server.wait_event ("rejected", "second"));
  fail_unless_equals_int (two.open_channels (), 0);
}
GST_END_TEST

static Suite *server_life_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_life");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_states, 0, 4); // loops: one per core, and 1 to 3
  tcase_add_test (tc, test_eos_ends_the_pipeline);
  tcase_add_test (tc, test_a_port_in_use_is_an_error);
  tcase_add_loop_test (tc, test_a_sender_comes_back, 0, 4);
  tcase_add_test (tc, test_a_sender_that_stays_away_is_gone);
  tcase_add_test (tc, test_an_idle_sender_is_not_gone);
  tcase_add_test (tc, test_receivers_outlive_the_server);
  tcase_add_loop_test (tc, test_a_second_receiver_with_the_same_guid, 0, 2);
  tcase_add_loop_test (tc, test_a_second_sender_with_the_same_guid, 0, 2);
  tcase_add_test (tc, test_clients_are_limited);
  return s;
}

GST_CHECK_MAIN (server_life)

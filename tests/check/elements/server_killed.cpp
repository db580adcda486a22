// SPDX-License-Identifier: LGPL-2.1-or-later
// Processes of a sender, a media server and a receiver are killed in turn and started again: the
// media go on each time. tests/benchmarks/run --only server-kills does it a hundred times.
#include "peer_process.h"
#include "server_node.h"

using namespace reach::test;

namespace {
constexpr unsigned rounds = 3;
constexpr std::size_t step = 10; // frames that must come after each restart

std::string role (char what, gint port)
{
  return what + std::to_string (port);
}

// Frames until it is killed.
void feed (gint port)
{
  Sender camera (tcp_push);
  g_object_set (camera.element, "guid", "camera", "guid-to", "viewer", "host", "127.0.0.1", "port",
      port, nullptr);
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  for (unsigned n = 0;; n++) {
    push_frames (video, n, 1, 5);
    iterate_until ([] { return false; }, nullptr, milliseconds (20));
  }
}
} // namespace

// The receiver stays: the same pad goes on.
GST_START_TEST (test_sender_and_server_killed)
{
  const gint port = unused_port ();
  PeerProcess server (role ('m', port)), camera (role ('s', port));
  Receiver viewer (tcp_pull);
  g_object_set (viewer.element, "guid", "viewer", "host", "127.0.0.1", "port", port,
      "resume-window", 120u, nullptr);
  viewer.play ();
  fail_unless (viewer.wait_buffers ("video_0", step));
  const auto goes_on = [&] (const char *what, unsigned round) {
    const std::size_t seen = viewer.on ("video_0").n_buffers ();
    fail_unless (viewer.wait_buffers ("video_0", seen + step), "%s, round %u", what, round);
  };
  for (unsigned n = 0; n < rounds; n++) {
    camera.kill ();
    camera.start (role ('s', port));
    goes_on ("sender", n);
    server.kill ();
    fail_unless (viewer.wait_event ("session-disconnected", n + 1));
    server.start (role ('m', port));
    goes_on ("server", n);
  }
  fail_unless_equals_int (viewer.streams.get ().pads.size (), 1);
  fail_unless_equals_int (viewer.on ("video_0").n_events (GST_EVENT_EOS), 0);
}
GST_END_TEST

GST_START_TEST (test_receiver_killed)
{
  Server server;
  server.play ();
  const gint port = server.port (tcp_push);
  PeerProcess camera (role ('s', port)), viewer (role ('r', port));
  for (unsigned n = 0; n < rounds; n++) {
    fail_unless (server.wait_event ("connected", "viewer", n + 1));
    const guint64 sent = server.stat ("messages-sent");
    fail_unless (iterate_until ([&] { return server.stat ("messages-sent") >= sent + step; }));
    viewer.kill ();
    fail_unless (server.wait_event ("disconnected", "viewer", n + 1));
    viewer.start (role ('r', port));
  }
  fail_unless (server.wait_event ("connected", "viewer", rounds + 1));
}
GST_END_TEST

// In the other process, until it is killed.
GST_START_TEST (peer)
{
  const std::string what = PeerProcess::asked_for ();
  const gint port = std::stoi (what.substr (1));
  if (what[0] == 's')
    return feed (port);
  if (what[0] == 'm') {
    Server server;
    g_object_set (server.element, "port", port, nullptr);
    server.play ();
    iterate_until ([] { return false; }, nullptr, milliseconds (600000));
    return;
  }
  Receiver viewer (tcp_pull);
  g_object_set (viewer.element, "guid", "viewer", "host", "127.0.0.1", "port", port, nullptr);
  viewer.play ();
  iterate_until ([] { return false; }, nullptr, milliseconds (600000));
}
GST_END_TEST

static Suite *server_killed_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server-killed");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  if (!PeerProcess::asked_for ().empty ()) {
    tcase_add_test (tc, peer);
    return s;
  }
  tcase_add_test (tc, test_sender_and_server_killed);
  tcase_add_test (tc, test_receiver_killed);
  return s;
}

GST_CHECK_MAIN (server_killed)

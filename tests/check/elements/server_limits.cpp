// SPDX-License-Identifier: LGPL-2.1-or-later
// Through a media server: what a sender may bring, and where the server keeps what waits.
#include "../bus_error.h"
#include "server_node.h"

using namespace reach::test;

// Whole groups of pictures go, and are counted; sound of another sender is not touched.
GST_START_TEST (test_bitrate_of_a_sender)
{
  Server server (2);
  g_object_set (server.element, "max-bitrate", G_GUINT64_CONSTANT (800000), nullptr);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client loud (server, tcp_push, "loud", "viewer"), quiet (server, tcp_push, "quiet", "viewer");
  auto &video = loud.add ("video_0", video_caps);
  auto &audio = quiet.add ("audio_0", audio_caps);
  loud.play ();
  quiet.play ();
  // A second's worth passes at once, which is four of these and a bit.
  const auto seen = [&] {
    return server.stat ("frames-received") + server.stat ("frames-limited");
  };
  for (unsigned n = 0; n < 40; n++) {
    video.push (make_buffer (20'000, n, n * frame_time, n % 10 != 0, frame_time));
    audio.push (make_buffer (300, n, n * frame_time, false, frame_time));
  }
  fail_unless (iterate_until ([&] { return seen () == 80; }));
  const guint64 limited = server.stat ("frames-limited");
  fail_unless (limited >= 10 && limited <= 36, "%" G_GUINT64_FORMAT " dropped", limited);
  fail_unless (viewer.wait_buffers ("audio_0", 40));
  fail_unless (viewer.wait_buffers ("video_0", 40 - limited));
  const Received r = viewer.on ("video_0");
  unsigned n = 0;
  for (GstBuffer *b : r.buffers ()) {
    const unsigned next = n;
    while (n < 40 && !same_bytes (b, make_buffer (20'000, n).get ()))
      n++;
    fail_unless (n < 40 && (n == next || n % 10 == 0), "goes on at frame %u", n);
    n++;
  }
}
GST_END_TEST

GST_START_TEST (test_store_in_files)
{
  Server server (1);
  gst_util_set_object_arg (G_OBJECT (server.element), "buffer-store", "file");
  if (__i__ == 1)
    g_object_set (server.element, "buffer-directory", g_get_tmp_dir (), nullptr);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client camera (server, __i__ == 0 ? tcp_push : http_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  for (unsigned n = 0; n < 30; n++)
    video.push (make_buffer (
        n == 10 ? 300'000 : 100 + 5000 * (n % 5), n, n * frame_time, n % 10 != 0, frame_time));
  fail_unless (viewer.wait_buffers ("video_0", 30));
  const Received r = viewer.on ("video_0");
  for (unsigned n = 0; n < 30; n++)
    fail_unless (same_bytes (
        r.buffers ()[n], make_buffer (n == 10 ? 300'000 : 100 + 5000 * (n % 5), n).get ()));
}
GST_END_TEST

GST_START_TEST (test_folder_that_is_not_there)
{
  Server server;
  gst_util_set_object_arg (G_OBJECT (server.element), "buffer-store", "file");
  g_object_set (server.element, "buffer-directory", "/no/such/folder", nullptr);
  fail_unless_equals_int (
      gst_element_set_state (server.pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  GstBus *bus = gst_element_get_bus (server.pipeline);
  GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (m != nullptr);
  const auto error = error_of (m);
  fail_unless (
      g_error_matches (error.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE));
  fail_unless (strstr (error->message, "/no/such/folder") != nullptr);
  gst_message_unref (m);
  gst_object_unref (bus);
}
GST_END_TEST

static Suite *server_limits_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_limits");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_bitrate_of_a_sender);
  tcase_add_loop_test (tc, test_store_in_files, 0, 2);
  tcase_add_test (tc, test_folder_that_is_not_there);
  return s;
}

GST_CHECK_MAIN (server_limits)

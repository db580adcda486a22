// SPDX-License-Identifier: LGPL-2.1-or-later
// Through a media server: what comes out equals what went in; who gets what.
#include "server_node.h"

using namespace reach::test;

namespace {
struct Route {
  Way push, pull;
  guint loops;
};
const Route routes[] = {{tcp_push, tcp_pull, 1}, {http_push, http_pull, 1}, {udp_push, tcp_pull, 1},
    {tcp_push, http_pull, 2}, {tcp_push, tcp_pull, 3}};
constexpr int n_routes = static_cast<int> (std::size (routes));

constexpr guint flags_compared = GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_HEADER |
                                 GST_BUFFER_FLAG_MARKER | GST_BUFFER_FLAG_DROPPABLE |
                                 GST_BUFFER_FLAG_GAP | GST_BUFFER_FLAG_CORRUPTED |
                                 GST_BUFFER_FLAG_DECODE_ONLY;

void check_same (const std::vector<Buffer> &in, const std::vector<GstBuffer *> &out)
{
  fail_unless_equals_int (in.size (), out.size ());
  for (std::size_t i = 0; i < in.size (); i++) {
    fail_unless (same_bytes (in[i].get (), out[i]), "buffer %zu", i);
    fail_unless_equals_int (GST_BUFFER_FLAGS (in[i].get ()) & flags_compared,
        GST_BUFFER_FLAGS (out[i]) & flags_compared);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (in[i].get ()), GST_BUFFER_DURATION (out[i]));
    const GstClockTimeDiff gone_in = GST_CLOCK_DIFF (
                               GST_BUFFER_PTS (in[0].get ()), GST_BUFFER_PTS (in[i].get ())),
                           gone_out =
                               GST_CLOCK_DIFF (GST_BUFFER_PTS (out[0]), GST_BUFFER_PTS (out[i]));
    fail_unless (ABS (gone_in - gone_out) < 100 * GST_MSECOND,
        "buffer %zu is off by %" G_GINT64_FORMAT, i, gone_in - gone_out);
  }
}
} // namespace

GST_START_TEST (test_everything_comes_through)
{
  const Route &way = routes[__i__];
  Server server (way.loops);
  // All at once: nothing may be dropped for coming faster than its time.
  g_object_set (server.element, "video-buffer-size", 64u << 20, "audio-buffer-size", 64u << 20,
      "max-queue-time", G_GUINT64_CONSTANT (0), nullptr);
  server.play ();
  Viewer viewer (server, way.pull, "viewer");
  Client sender (server, way.push, "camera", "viewer");
  for (GstElement *e : {viewer.element, sender.element})
    g_object_set (
        e, "max-queue-bytes", 64u << 20, "max-queue-time", G_GUINT64_CONSTANT (0), nullptr);
  viewer.join ();
  auto &video = sender.add ("video_0", video_caps, "picture");
  auto &audio = sender.add ("audio_0", audio_caps, "sound");
  sender.play ();
  video.begin ();
  audio.begin ();
  audio.event (gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "tone", nullptr)));
  std::vector<Buffer> pictures, sounds;
  for (unsigned n = 0; n < 50; n++) {
    pictures.push_back (make_buffer (
        n == 20 ? 300000 : 100 + 700 * n, n, n * frame_time + GST_SECOND, n % 10 != 0, frame_time));
    if (n % 7 == 3)
      GST_BUFFER_FLAG_SET (pictures.back ().get (), GST_BUFFER_FLAG_MARKER);
    sounds.push_back (
        make_buffer (300, 1000 + n, n * 20 * GST_MSECOND + GST_SECOND, false, 20 * GST_MSECOND));
  }
  for (std::size_t n = 0; n < pictures.size (); n++) {
    video.push (Buffer (gst_buffer_copy_deep (pictures[n].get ())));
    audio.push (Buffer (gst_buffer_copy_deep (sounds[n].get ())));
  }
  fail_unless (viewer.wait_buffers ("video_0", pictures.size ()), "%s", way.push.name);
  fail_unless (viewer.wait_buffers ("audio_0", sounds.size ()), "%s", way.push.name);
  const Received v = viewer.on ("video_0"), a = viewer.on ("audio_0");
  check_same (pictures, v.buffers ());
  check_same (sounds, a.buffers ());
  fail_unless_equals_string (v.guid.c_str (), "camera");
  fail_unless_equals_int (v.n_events (GST_EVENT_STREAM_START), 1);
  GstCaps *caps = nullptr;
  gst_event_parse_caps (v.last_event (GST_EVENT_CAPS), &caps);
  fail_unless (gst_caps_is_strictly_equal (caps, caps_of (video_caps).get ()));
  GstTagList *tags = nullptr;
  gst_event_parse_tag (a.last_event (GST_EVENT_TAG), &tags);
  gchar *title = nullptr;
  fail_unless (gst_tag_list_get_string (tags, GST_TAG_TITLE, &title));
  fail_unless_equals_string (title, "tone");
  g_free (title);
  fail_unless (viewer.streams.get ().no_more_pads >= 1);
  video.eos ();
  fail_unless (viewer.wait_event_on ("video_0", GST_EVENT_EOS));
  fail_unless (
      server.wait_event ("connected", "camera") && server.wait_event ("connected", "viewer"));
  fail_unless_equals_uint64 (server.stat ("frames-received"), 100);
  fail_unless_equals_uint64 (server.stat ("frames-discarded"), 0);
}
GST_END_TEST

GST_START_TEST (test_two_senders_to_one_receiver)
{
  Server server (__i__ + 1);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client a (server, tcp_push, "a", "viewer"), b (server, tcp_push, "b", "viewer");
  auto &from_a = a.add ("video_0", video_caps), &from_b = b.add ("video_0", video_caps);
  a.play ();
  push_frames (from_a, 0, 20, 10);
  fail_unless (viewer.wait_buffers ("video_0", 20));
  b.play ();
  push_frames (from_b, 100, 20, 10);
  fail_unless (viewer.wait_buffers ("video_1", 20));
  push_frames (from_a, 20, 20, 10);
  fail_unless (viewer.wait_buffers ("video_0", 40));
  const Received one = viewer.on ("video_0"), two = viewer.on ("video_1");
  fail_unless_equals_string (one.guid.c_str (), "a");
  fail_unless_equals_string (two.guid.c_str (), "b");
  for (unsigned n = 0; n < 20; n++)
    fail_unless (same_bytes (two.buffers ()[n], make_buffer (300, 100 + n).get ()));
  // One goes for good, the other goes on.
  from_b.eos ();
  b.null ();
  fail_unless (viewer.wait ([] (const Streams &s) { return s.pads.at ("video_1").removed; }));
  push_frames (from_a, 40, 20, 10);
  fail_unless (viewer.wait_buffers ("video_0", 60));
}
GST_END_TEST

// guid-to decides; what is for nobody is thrown away and counted.
GST_START_TEST (test_addressing)
{
  Server server;
  server.play ();
  Viewer a (server, tcp_pull, "a"), b (server, tcp_pull, "b");
  a.join ();
  b.join ();
  Client to_b (server, tcp_push, "sender", "b"), to_nobody (server, tcp_push, "lost", "");
  auto &right = to_b.add ("data_0", data_caps), &lost = to_nobody.add ("data_0", data_caps);
  to_b.play ();
  to_nobody.play ();
  push_frames (lost, 0, 10, 1);
  push_frames (right, 0, 10, 1);
  fail_unless (b.wait_buffers ("data_0", 10));
  fail_unless (iterate_until ([&] { return server.stat ("frames-discarded") == 10; }));
  fail_unless (a.streams.get ().pads.empty ());
  // Another address while it plays.
  g_object_set (to_b.element, "guid-to", "a", nullptr);
  fail_unless (server.wait_event ("disconnected", "sender"));
  for (unsigned n = 10; n < 2000 && !a.wait_buffers ("data_0", 1, milliseconds (20)); n++)
    push_frames (right, n, 1, 1);
  fail_unless (a.wait_buffers ("data_0", 1));
}
GST_END_TEST

// Clients that name the same group are one, without an ask; a group with a password is not joined
// so.
GST_START_TEST (test_group_of_the_hello)
{
  Server server;
  server.play ();
  Viewer a (server, tcp_pull, "a"), b (server, http_pull, "b"), c (server, tcp_pull, "c");
  g_object_set (a.element, "guid-group", "lobby", nullptr);
  g_object_set (b.element, "guid-group", "lobby", nullptr);
  for (Viewer *v : {&a, &b, &c})
    v->join ();
  Client camera (server, tcp_push, "camera", nullptr),
      nameless (server, tcp_push, nullptr, nullptr);
  g_object_set (camera.element, "guid-group", "lobby", nullptr);
  g_object_set (nameless.element, "guid-group", "lobby", "use-guid", FALSE, nullptr);
  auto &data = camera.add ("data_0", data_caps), &lost = nameless.add ("data_0", data_caps);
  camera.play ();
  nameless.play ();
  push_frames (lost, 0, 10, 1);
  push_frames (data, 0, 10, 1);
  fail_unless (a.wait_buffers ("data_0", 10) && b.wait_buffers ("data_0", 10));
  fail_unless (iterate_until ([&] { return server.stat ("frames-discarded") == 10; }));
  fail_unless (c.streams.get ().pads.empty ());
}
GST_END_TEST

// A sender that nobody gets is told so, by the name that it has called; and again after somebody
// came and went.
GST_START_TEST (test_nobody_listens)
{
  Server server;
  server.play ();
  Client camera (server, tcp_push, "camera", "viewr");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  push_frames (video, 0, 1, 1);
  const auto warned = [&] (std::size_t n) {
    return camera.wait_told ([n] (const Told &t) {
      return static_cast<std::size_t> (
                 std::ranges::count_if (t.warnings, [] (const std::string &w) {
                   return w.find ("\"viewr\"") != std::string::npos;
                 })) == n;
    });
  };
  fail_unless (warned (1));
  {
    Viewer viewer (server, tcp_pull, "viewr");
    viewer.join ();
    push_frames (video, 1, 1, 1);
    fail_unless (viewer.wait_buffers ("video_0", 1));
  }
  fail_unless (warned (2));
}
GST_END_TEST

GST_START_TEST (test_a_receiver_needs_a_guid)
{
  Server server;
  server.play ();
  Viewer nobody (server, tcp_pull, "");
  nobody.play ();
  fail_unless (nobody.wait_told ([] (const Told &t) { return !t.errors.empty (); }));
  const Told told = nobody.told.get ();
  fail_unless (told.errors[0].find ("guid") != std::string::npos, "%s", told.errors[0].c_str ());
  fail_unless (server.wait_event ("rejected", ""));
}
GST_END_TEST

static Suite *server_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_everything_comes_through, 0, n_routes);
  tcase_add_loop_test (tc, test_two_senders_to_one_receiver, 0, 2);
  tcase_add_test (tc, test_addressing);
  tcase_add_test (tc, test_group_of_the_hello);
  tcase_add_test (tc, test_nobody_listens);
  tcase_add_test (tc, test_a_receiver_needs_a_guid);
  return s;
}

GST_CHECK_MAIN (server)

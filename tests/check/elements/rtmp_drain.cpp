// SPDX-License-Identifier: LGPL-2.1-or-later
// EOS of rtmpserversink with players that are slow, and what is counted of each connection.
#include "../rtmp_players.h"
#include "rtmp_client.h"
#include "rtmp_source.h"
#include <thread>

using namespace reach::test;

namespace {
constexpr const char *data_pad = "appsrc name=d is-live=true format=time max-bytes=0 "
                                 "caps=application/x-rtmp-data,format=(string)amf0 ! s.data_0";
// Nothing is dropped, and nothing but what happens ends the wait.
constexpr const char *patient = "drain-timeout=60000 max-queue-time=0 max-queue-bytes=200000000";

void push_data (Sender &s, int megabytes)
{
  GstElement *src = gst_bin_get_by_name (GST_BIN (s.pipeline ()), "d");
  for (int i = 0; i < megabytes; i++) {
    GstBuffer *b = gst_buffer_new_allocate (nullptr, 1u << 20, nullptr);
    gst_buffer_memset (b, 0, 5, 1u << 20); // nulls of AMF0
    GST_BUFFER_PTS (b) = static_cast<GstClockTime> (i) * GST_MSECOND;
    fail_unless (gst_app_src_push_buffer (GST_APP_SRC (src), b) == GST_FLOW_OK);
  }
  gst_object_unref (src);
}

bool waits_for_players (Sender &s)
{
  return iterate_until ([&] { return s.stat<guint64> ("messages") == 40; }) &&
         s.stat<guint64> ("bytes-queued") > 0 &&
         !wait_message (s.pipeline (), GST_MESSAGE_EOS, {}, milliseconds (0));
}

struct Slow {
  explicit Slow (Sender &s)
  {
    int port = 0;
    g_object_get (s.sink, "current-port", &port, nullptr);
    client = std::make_unique<RtmpClient> (port);
    client->connect ();
    fail_unless_equals_string (client->play ("cam").c_str (), "NetStream.Play.Start");
  }
  std::unique_ptr<RtmpClient> client;
};

// A field of the only connection.
template <typename T> T connection_stat (GstElement *e, const char *name)
{
  GstStructure *s = nullptr;
  g_object_get (e, "stats", &s, nullptr);
  const GValue *all = gst_structure_get_value (s, "connections");
  T value{};
  if (all && gst_value_array_get_size (all) == 1) {
    const GstStructure *c = gst_value_get_structure (gst_value_array_get_value (all, 0));
    fail_unless (gst_structure_get (c, name,
                     std::is_same_v<T, double> ? G_TYPE_DOUBLE : G_TYPE_UINT64, &value, nullptr),
        "%s", name);
  }
  gst_structure_free (s);
  return value;
}
} // namespace

GST_START_TEST (test_eos_when_the_last_player_has_it)
{
  Sender s (data_pad, patient);
  Slow one (s), two (s);
  push_data (s, 40);
  s.end ("d");
  fail_unless (waits_for_players (s));
  for (Slow *p : {&one, &two}) {
    std::string last;
    do
      last = p->client->expect_status ();
    while (last != "NetStream.Play.Stop" && last != "closed");
    fail_unless_equals_string (last.c_str (), "NetStream.Play.Stop");
  }
  fail_unless (wait_message (s.pipeline (), GST_MESSAGE_EOS) != nullptr);
  fail_unless_equals_int (s.stat<guint64> ("frames-dropped"), 0);
}
GST_END_TEST

GST_START_TEST (test_eos_when_the_last_player_leaves)
{
  Sender s (data_pad, patient);
  auto slow = std::make_unique<Slow> (s);
  push_data (s, 40);
  s.end ("d");
  fail_unless (waits_for_players (s));
  slow.reset ();
  fail_unless (wait_message (s.pipeline (), GST_MESSAGE_EOS) != nullptr);
}
GST_END_TEST

GST_START_TEST (test_end_without_waiting)
{
  {
    Sender s (data_pad, patient); // nobody plays
    push_data (s, 1);
    s.end ("d");
    fail_unless (wait_message (s.pipeline (), GST_MESSAGE_EOS) != nullptr);
  }
  Sender s (data_pad, patient);
  Slow slow (s);
  push_data (s, 40);
  s.end ("d");
  fail_unless (waits_for_players (s));
  const gint64 before = g_get_monotonic_time ();
  gst_element_set_state (s.pipeline (), GST_STATE_NULL);
  fail_unless (g_get_monotonic_time () - before < 30 * G_USEC_PER_SEC);
}
GST_END_TEST

GST_START_TEST (test_drain_timeout)
{
  Sender s (data_pad, "drain-timeout=50 max-queue-time=0 max-queue-bytes=200000000");
  Slow slow (s);
  push_data (s, 40);
  s.end ("d");
  fail_unless (wait_message (s.pipeline (), GST_MESSAGE_EOS) != nullptr);
}
GST_END_TEST

GST_START_TEST (test_frames_of_a_player)
{
  const Recording v (coded_video);
  Sender s ("appsrc name=v is-live=true format=time ! s.video_0");
  Slow player (s);
  std::thread reader ([&] { player.client->closed (); });
  s.push ("v", v);
  fail_unless (iterate_until ([&] { return connection_stat<double> (s.sink, "out-fps") > 0; }));
  fail_unless_equals_int (connection_stat<guint64> (s.sink, "out-dropped"), 0);
  fail_unless (iterate_until ([&] { return connection_stat<double> (s.sink, "out-fps") == 0; }));
  gst_element_set_state (s.pipeline (), GST_STATE_NULL);
  reader.join ();
}
GST_END_TEST

GST_START_TEST (test_drops_of_a_player)
{
  Sender s (data_pad, "max-queue-time=0 max-queue-bytes=2000000");
  Slow slow (s);
  push_data (s, 40);
  fail_unless (
      iterate_until ([&] { return connection_stat<guint64> (s.sink, "out-dropped") > 0; }));
  fail_unless (connection_stat<guint64> (s.sink, "queued-bytes") > 0);
  fail_unless (iterate_until ([&] { // they are not read in one moment
    return connection_stat<guint64> (s.sink, "out-dropped") == s.stat<guint64> ("frames-dropped");
  }));
}
GST_END_TEST

GST_START_TEST (test_frames_of_a_publisher)
{
  const FlvFile file (true, true, "10");
  RtmpSource s;
  s.play ();
  Program publisher (file.ffmpeg (s.url ()));
  fail_unless (iterate_until ([&] { return connection_stat<double> (s.element, "in-fps") > 0; }));
  fail_unless_equals_int (connection_stat<guint64> (s.element, "in-dropped"), 0);
}
GST_END_TEST

static Suite *rtmp_drain_suite ()
{
  reach::test::register_plugins ();
  Suite *s = suite_create ("rtmp-drain");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_eos_when_the_last_player_has_it);
  tcase_add_test (tc, test_eos_when_the_last_player_leaves);
  tcase_add_test (tc, test_end_without_waiting);
  tcase_add_test (tc, test_drain_timeout);
  tcase_add_test (tc, test_frames_of_a_player);
  tcase_add_test (tc, test_drops_of_a_player);
  tcase_add_test (tc, test_frames_of_a_publisher);
  return s;
}
GST_CHECK_MAIN (rtmp_drain)

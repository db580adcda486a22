// SPDX-License-Identifier: LGPL-2.1-or-later
// Slow links and slow readers: whole groups of pictures go, nobody else suffers.
#include "cam_pair.h"
#include "tcp_relay.h"

using namespace reach::test;

namespace {
constexpr unsigned gop = 10;

struct Slow {
  explicit Slow (const Way &w) : way (w), sender (w), receiver (w)
  {
    g_object_set (sender.element, "max-queue-bytes", 300000u, nullptr);
  }
  void start ()
  {
    play (sender, receiver, [&] (guint16 port) {
      relay = std::make_unique<TcpRelay> (port);
      return relay->port ();
    });
    video = &sender.add ("video_0", video_caps);
    audio = &sender.add ("audio_0", audio_caps);
    data = &sender.add ("data_0", data_caps);
    for (auto *s : {video, audio, data})
      s->begin ();
    if (!way.push)
      fail_unless (sender.wait_pulled ());
  }
  // One frame of 20 KB, every tenth a key frame, with its number in front.
  void send_video ()
  {
    Buffer b = make_buffer (20000, n, n * frame_time, n % gop != 0, frame_time);
    gst_buffer_fill (b.get (), 0, &n, sizeof n);
    video->push (std::move (b));
    n++;
  }
  static unsigned number (GstBuffer *b)
  {
    unsigned v = 0;
    gst_buffer_extract (b, 0, &v, sizeof v);
    return v;
  }
  Way way;
  Sender sender;
  Receiver receiver;
  std::unique_ptr<TcpRelay> relay;
  Sender::Stream *video = nullptr, *audio = nullptr, *data = nullptr;
  unsigned n = 0;
};

// Each frame that came can be decoded: a key frame, or the frame before it came too.
void check_decodable (const Received &r)
{
  const auto all = r.buffers ();
  fail_unless (!all.empty ());
  fail_if (GST_BUFFER_FLAG_IS_SET (all[0], GST_BUFFER_FLAG_DELTA_UNIT));
  for (std::size_t i = 1; i < all.size (); i++) {
    const unsigned a = Slow::number (all[i - 1]), b = Slow::number (all[i]);
    fail_unless (b > a, "%u after %u", b, a);
    if (b != a + 1)
      fail_if (GST_BUFFER_FLAG_IS_SET (all[i], GST_BUFFER_FLAG_DELTA_UNIT),
          "frame %u follows %u and is no key frame", b, a);
  }
}
} // namespace

GST_START_TEST (test_slow_link)
{
  if (!over_tcp (ways[__i__]))
    return;
  Slow s (ways[__i__]);
  s.start ();
  s.send_video ();
  s.audio->push (make_buffer (100, 0, 0));
  s.data->push (make_buffer (100, 0, 0));
  fail_unless (s.receiver.wait_buffers ("video_0", 1));
  fail_unless (s.receiver.wait_buffers ("audio_0", 1));
  s.relay->slow ("video", 100000);

  // 20 MB at once: no push waits for the network, and what is not video comes through at once.
  gint64 longest = 0;
  for (unsigned i = 1; i < 1000; i++) {
    const gint64 t = g_get_monotonic_time ();
    s.send_video ();
    if (i % 100 == 0) {
      s.audio->push (make_buffer (100, i, i * frame_time));
      s.data->push (make_buffer (100, i, i * frame_time));
      fail_unless (s.receiver.wait_buffers ("audio_0", i / 100 + 1), "audio waits for video");
      fail_unless (s.receiver.wait_buffers ("data_0", i / 100 + 1), "data waits for video");
    } else {
      longest = std::max (longest, g_get_monotonic_time () - t);
    }
  }
  fail_unless (longest < 500000, "a push took %d ms", static_cast<int> (longest / 1000));
  fail_unless (s.sender.wait_told ([] (const Told &t) {
    return std::find (t.others.begin (), t.others.end (), "cam-dropped") != t.others.end ();
  }));
  fail_unless (s.sender.stat ("frames-dropped") > 100);
  fail_unless (s.sender.stat ("gops-dropped") > 10);
  fail_unless (s.sender.stat ("bytes-dropped") > 2000000);

  // Then the link is fast again, and goes on from a key frame.
  s.relay->slow ("", -1);
  const unsigned tail = s.n;
  const auto back = [&] (const Streams &x) {
    const auto all = x.pads.at ("video_0").buffers ();
    return Slow::number (all.back ()) >= tail + gop;
  };
  for (unsigned i = 0; i < 1000 && !s.receiver.wait (back, milliseconds (20)); i++)
    s.send_video ();
  fail_unless (s.receiver.wait (back));
  check_decodable (s.receiver.on ("video_0"));
  fail_unless_equals_int (static_cast<int> (s.receiver.on ("audio_0").n_buffers ()), 10);
}
GST_END_TEST

// One receiver of two stands still: the other gets everything.
GST_START_TEST (test_slow_receiver_alone)
{
  const Way &way = way_of (false, __i__);
  Slow s (way);
  Receiver other (way);
  s.start ();
  point (other, s.sender.port ());
  other.play ();
  fail_unless (s.sender.wait_pulled (2));
  s.relay->slow ("", 0);
  for (unsigned i = 0; i < 300; i++) {
    s.send_video ();
    fail_unless (other.wait_buffers ("video_0", i + 1), "frame %u", i);
  }
  const auto all = other.on ("video_0").buffers ();
  for (unsigned i = 0; i < 300; i++)
    fail_unless_equals_int (Slow::number (all[i]), i);
  // The other one lost frames, which is told; it has not been lost.
  fail_unless (s.sender.stat ("frames-dropped") > 0);
  fail_unless (s.receiver.on ("video_0").n_buffers () < 300);
}
GST_END_TEST

// A late joiner asks for a key frame and starts with one.
GST_START_TEST (test_late_joiner)
{
  const Way &way = way_of (false, __i__);
  Slow s (way);
  s.start ();
  const unsigned before = *s.video->key_requests;
  s.n = 1; // in the middle of a group
  for (unsigned i = 0; i < 5; i++)
    s.send_video ();
  Receiver late (way);
  point (late, s.sender.port ());
  late.play ();
  fail_unless (s.sender.wait_pulled (2));
  fail_unless (iterate_until ([&] { return *s.video->key_requests > before; }));
  while (s.n < 2 * gop)
    s.send_video ();
  fail_unless (late.wait_buffers ("video_0", 1));
  check_decodable (late.on ("video_0"));
  fail_unless_equals_int (Slow::number (late.on ("video_0").buffers ()[0]), gop);
}
GST_END_TEST

// Many joiners at once are few requests: an encoder must not be flooded with key frames.
GST_START_TEST (test_key_requests_are_limited)
{
  const Way &way = way_of (false, __i__);
  Slow s (way);
  s.start ();
  const gint64 start = g_get_monotonic_time ();
  std::vector<std::unique_ptr<Receiver>> joiners;
  for (unsigned i = 0; i < 8; i++) {
    joiners.push_back (std::make_unique<Receiver> (way));
    gst_util_set_object_arg (G_OBJECT (joiners.back ()->element), "media-types", "video");
    point (*joiners.back (), s.sender.port ());
    joiners.back ()->play ();
  }
  for (auto &j : joiners)
    fail_unless (j->wait_event ("session-connected"));
  fail_unless (iterate_until ([&] { return *s.video->key_requests >= 1; }));
  const double seconds = static_cast<double> (g_get_monotonic_time () - start) / 1e6;
  fail_unless (*s.video->key_requests <= 3 + static_cast<unsigned> (seconds * 2), "%u requests",
      s.video->key_requests->load ());
}
GST_END_TEST

GST_START_TEST (test_key_request_from_downstream)
{
  Slow s (ways[__i__]);
  play (s.sender, s.receiver);
  s.video = &s.sender.add ("video_0", video_caps);
  s.video->begin ();
  if (!s.way.push)
    fail_unless (s.sender.wait_pulled ());
  s.send_video ();
  fail_unless (s.receiver.wait_buffers ("video_0", 1));
  const unsigned before = *s.video->key_requests;
  fail_unless (gst_pad_send_event (s.receiver.on ("video_0").source,
      gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
          gst_structure_new ("GstForceKeyUnit", "running-time", GST_TYPE_CLOCK_TIME,
              GST_CLOCK_TIME_NONE, "all-headers", G_TYPE_BOOLEAN, TRUE, "count", G_TYPE_UINT, 0u,
              nullptr))));
  fail_unless (iterate_until ([&] { return *s.video->key_requests > before; }));
}
GST_END_TEST

// Downstream of one pad stands still: the other pads go on, and the sender is not held up.
GST_START_TEST (test_blocked_pad)
{
  Slow s (ways[__i__]);
  g_object_set (s.receiver.element, "max-queue-bytes", 300000u, nullptr);
  play (s.sender, s.receiver);
  s.video = &s.sender.add ("video_0", video_caps);
  s.audio = &s.sender.add ("audio_0", audio_caps);
  s.receiver.block ("video_0", true);
  s.video->begin ();
  s.audio->begin ();
  if (!s.way.push)
    fail_unless (s.sender.wait_pulled ());
  for (unsigned i = 0; i < 200; i++) {
    s.send_video ();
    s.audio->push (make_buffer (100, i, i * frame_time));
    fail_unless (s.receiver.wait_buffers ("audio_0", i + 1), "audio %u waits for video", i);
  }
  s.receiver.block ("video_0", false);
  const unsigned tail = s.n;
  for (unsigned i = 0; i < 400; i++) {
    s.send_video ();
    s.receiver.wait (
        [&] (const Streams &x) {
          const auto all = x.pads.at ("video_0").buffers ();
          return !all.empty () && Slow::number (all.back ()) + 1 >= s.n;
        },
        milliseconds (20));
    const auto all = s.receiver.on ("video_0").buffers ();
    if (!all.empty () && Slow::number (all.back ()) >= tail + gop)
      break;
  }
  const Received r = s.receiver.on ("video_0");
  fail_unless (
      !r.items.empty () && Slow::number (r.buffers ().back ()) >= tail, "video did not come back");
  check_decodable (r);
  fail_unless (s.sender.stat ("frames-dropped") + s.receiver.stat ("frames-dropped") > 0);
}
GST_END_TEST

// More than a transport takes at once, and nothing behind it that would move the rest.
GST_START_TEST (test_a_burst_arrives_as_a_whole)
{
  const Way &w = ways[__i__];
  if (!over_tcp (w))
    return;                   // paced
  constexpr unsigned n = 300; // 30 MB
  Sender sender (w);
  g_object_set (sender.element, "max-queue-time", guint64{0}, "max-queue-bytes", 50000000, nullptr);
  Receiver receiver (w);
  auto &video = sender.add ("video_0", video_caps);
  play (sender, receiver);
  video.begin ();
  fail_unless (receiver.wait_event_on ("video_0", GST_EVENT_CAPS));
  for (unsigned i = 0; i < n; i++)
    video.push (make_buffer (100000, i, i * GST_MSECOND, i % 10 != 0));
  fail_unless (receiver.wait_buffers ("video_0", n), "%s: %zu of %u", w.name,
      receiver.on ("video_0").n_buffers (), n);
}
GST_END_TEST

static Suite *slow_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("slow");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_slow_link, 0, n_ways);
  tcase_add_loop_test (tc, test_slow_receiver_alone, 0, n_pull);
  tcase_add_loop_test (tc, test_late_joiner, 0, n_pull);
  tcase_add_loop_test (tc, test_key_requests_are_limited, 0, n_pull);
  tcase_add_loop_test (tc, test_key_request_from_downstream, 0, n_ways);
  tcase_add_loop_test (tc, test_blocked_pad, 0, n_ways);
  tcase_add_loop_test (tc, test_a_burst_arrives_as_a_whole, 0, n_ways);
  return s;
}

GST_CHECK_MAIN (slow)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Breaks: pads stay for a while, send GAPs and go on; connections close when idle and come back.
#include "cam_pair.h"
#include "tcp_relay.h"

using namespace reach::test;

namespace {
struct Broken {
  explicit Broken (int i, guint window = 15) : way (ways[i]), sender (way), receiver (way)
  {
    g_object_set (receiver.element, "resume-window", window, nullptr);
    g_object_set (sender.element, "guid", "the-sender", nullptr);
  }
  // With one video and one data stream, each with a frame through.
  void start (const std::function<guint16 (guint16)> &via = {})
  {
    // A push over HTTP has no connection whose end tells: it is missed after the timeout of its
    // type.
    for (const char *timeout : {"video-timeout", "data-timeout"})
      g_object_set (receiver.element, timeout, 2, nullptr);
    play (sender, receiver, via);
    video = &sender.add ("video_0", video_caps);
    data = &sender.add ("data_3", data_caps);
    video->begin ();
    data->begin ();
    if (!way.push)
      fail_unless (sender.wait_pulled ());
    send_until (1);
  }
  void send ()
  {
    n++;
    video->push (make_buffer (200, n, n * frame_time));
    data->push (make_buffer (20, n, n * frame_time));
  }
  // Sends frames until each pad has got one that is new.
  void send_until (std::size_t more)
  {
    const std::size_t v = receiver.on ("video_0").n_buffers (),
                      d = receiver.on ("data_0").n_buffers ();
    for (int tries = 0; tries < 400; tries++) {
      send ();
      if (receiver.wait_buffers ("video_0", v + more, milliseconds (50)) &&
          receiver.wait_buffers ("data_0", d + more, milliseconds (50)))
        return;
    }
    ck_abort_msg ("%s: frames do not come through any more", way.name);
  }
  const Way &way;
  Sender sender;
  Receiver receiver;
  Sender::Stream *video = nullptr, *data = nullptr;
  unsigned n = 0;
};

// The sender's run ends and a new one begins, at the same place.
void restart_sender (Broken &b)
{
  if (!b.way.push)
    g_object_set (b.sender.element, "port", static_cast<gint> (b.sender.port ()), nullptr);
  b.sender.null ();
  fail_unless (b.receiver.wait_event ("disconnected", b.way.push ? 2 : 5));
}
} // namespace

GST_START_TEST (test_same_pads_after_the_sender_restarts)
{
  Broken b (__i__);
  b.start ();
  const guint64 key = b.receiver.on ("video_0").session_key;
  fail_unless (key == b.sender.session_key ());
  const std::size_t gaps = b.receiver.on ("video_0").n_events (GST_EVENT_GAP);
  restart_sender (b);
  fail_unless (b.receiver.wait_event_on ("video_0", GST_EVENT_GAP, gaps + 2));
  const std::size_t before = b.receiver.on ("video_0").n_buffers ();
  b.sender.play ();
  b.sender.begin_again ();
  b.send_until (2);
  const Streams s = b.receiver.streams.get ();
  fail_unless_equals_int (s.pads.size (), 2);
  for (const auto &[name, r] : s.pads) {
    fail_if (r.removed);
    fail_unless_equals_int (r.n_events (GST_EVENT_EOS), 0);
    fail_unless_equals_int (r.n_events (GST_EVENT_STREAM_START), 1);
    guint64 now = 0;
    g_object_get (r.source, "session-key", &now, nullptr);
    fail_unless (now == b.sender.session_key ());
  }
  fail_if (b.sender.session_key () == key);
  // What comes after a break is told so, and the times go on.
  const auto video = s.pads.at ("video_0").buffers ();
  fail_unless (GST_BUFFER_FLAG_IS_SET (video[before], GST_BUFFER_FLAG_DISCONT));
  fail_unless (GST_BUFFER_PTS (video[before]) > GST_BUFFER_PTS (video[before - 1]));
  fail_unless (b.receiver.stat ("resumed") >= 1);
}
GST_END_TEST

GST_START_TEST (test_same_pads_after_the_links_broke)
{
  Broken b (__i__);
  if (!over_tcp (b.way))
    return;
  std::unique_ptr<TcpRelay> relay;
  b.start ([&] (guint16 port) {
    relay = std::make_unique<TcpRelay> (port);
    return relay->port ();
  });
  for (int i = 0; i < 3; i++) {
    relay->refuse (true);
    relay->cut ();
    b.send ();
    fail_unless (b.receiver.wait_told ([i, &b] (const Told &t) {
      return Node::count (t.messages, "disconnected") >= (b.way.push ? 2u : 5u) * (i + 1);
    }));
    relay->refuse (false);
    b.send_until (2);
  }
  const Streams s = b.receiver.streams.get ();
  fail_unless_equals_int (s.pads.size (), 2);
  for (const auto &[name, r] : s.pads) {
    fail_if (r.removed);
    fail_unless_equals_int (r.n_events (GST_EVENT_EOS), 0);
    fail_unless_equals_int (r.n_events (GST_EVENT_STREAM_START), 1);
    fail_unless_equals_int (r.index, name == "data_0" ? 3 : 0);
  }
}
GST_END_TEST

// Caps that changed while nobody was connected are those that count.
GST_START_TEST (test_caps_changed_during_the_break)
{
  Broken b (__i__);
  if (!over_tcp (b.way))
    return;
  std::unique_ptr<TcpRelay> relay;
  b.start ([&] (guint16 port) {
    relay = std::make_unique<TcpRelay> (port);
    return relay->port ();
  });
  relay->refuse (true);
  relay->cut ();
  b.send ();
  fail_unless (b.sender.wait_event ("disconnected", b.way.push ? 2 : 5));
  const char *other = "application/x-test,version=(int)2";
  b.data->set_caps (other);
  relay->refuse (false);
  b.send_until (4); // the first ones may be from before the change
  GstCaps *caps = nullptr;
  gst_event_parse_caps (b.receiver.on ("data_0").last_event (GST_EVENT_CAPS), &caps);
  fail_unless (gst_caps_is_equal (caps, caps_of (other).get ()), "%" GST_PTR_FORMAT, caps);
}
GST_END_TEST

GST_START_TEST (test_end_after_the_window)
{
  Broken b (__i__, 1);
  b.start ();
  b.sender.null ();
  fail_unless (b.receiver.wait ([] (const Streams &s) {
    return s.pads.at ("video_0").removed && s.pads.at ("data_0").removed;
  }));
  for (const char *pad : {"video_0", "data_0"}) {
    const Received r = b.receiver.on (pad);
    fail_unless_equals_int (r.n_events (GST_EVENT_EOS), 1);
    fail_unless (r.items.back ().is_event (GST_EVENT_EOS));
  }
  // Who comes later is a new sender, with new pads.
  fail_unless_equals_int (static_cast<int> (b.receiver.streams.get ().pads.size ()), 2);
}
GST_END_TEST

GST_START_TEST (test_eos_of_the_last_sender_ends)
{
  Broken b (__i__);
  b.start ();
  b.video->eos ();
  fail_unless (b.receiver.wait_event_on ("video_0", GST_EVENT_EOS));
  fail_unless_equals_int (b.receiver.on ("data_0").n_events (GST_EVENT_EOS), 0);
  b.data->eos ();
  fail_unless (b.receiver.wait_event_on ("data_0", GST_EVENT_EOS));
}
GST_END_TEST

GST_START_TEST (test_keep_listening)
{
  Broken b (__i__);
  g_object_set (b.receiver.element, "keep-listening", TRUE, nullptr);
  b.start ();
  b.video->eos ();
  b.data->eos ();
  restart_sender (b);
  b.sender.play ();
  b.sender.begin_again ();
  b.send_until (1);
  for (const char *pad : {"video_0", "data_0"}) {
    const Received r = b.receiver.on (pad);
    fail_unless_equals_int (r.n_events (GST_EVENT_EOS), 0);
    fail_unless_equals_int (r.n_events (GST_EVENT_STREAM_START), 1);
    fail_if (r.removed);
  }
  fail_unless_equals_int (static_cast<int> (b.receiver.streams.get ().pads.size ()), 2);
}
GST_END_TEST

// Another process in the place of the first, with another guid that nobody chose.
GST_START_TEST (test_restart_without_a_guid)
{
  Broken b (0);
  g_object_set (b.sender.element, "guid", nullptr, nullptr);
  b.start ();
  b.sender.null ();
  fail_unless (b.receiver.wait_event ("disconnected", 2));
  Sender next (b.way);
  g_object_set (next.element, "port", static_cast<gint> (b.receiver.port ()), nullptr);
  next.play ();
  const std::size_t before = b.receiver.on ("video_0").n_buffers ();
  auto &video = next.add ("video_0", video_caps);
  for (int tries = 0; tries < 400; tries++) {
    video.push (make_buffer (100, 1, 0));
    if (b.receiver.wait_buffers ("video_0", before + 1, milliseconds (50)))
      break;
  }
  const Received r = b.receiver.on ("video_0");
  fail_unless (r.n_buffers () > before && !r.removed);
  fail_unless_equals_int (r.n_events (GST_EVENT_EOS), 0);
}
GST_END_TEST

// Of many senders that come and go, keep-listening keeps the pads of the last one only.
GST_START_TEST (test_keep_listening_keeps_one)
{
  Broken b (0, 0); // a window of 0 s
  g_object_set (b.receiver.element, "keep-listening", TRUE, nullptr);
  b.start ();
  b.sender.null ();
  fail_unless (b.receiver.wait_event ("disconnected", 2));
  for (const char *guid : {"the-second", "the-third"}) {
    fail_if (b.receiver.on ("video_0").removed && guid == std::string ("the-second"));
    const std::size_t pads = b.receiver.streams.get ().pads.size ();
    Sender next (b.way);
    g_object_set (
        next.element, "guid", guid, "port", static_cast<gint> (b.receiver.port ()), nullptr);
    next.play ();
    auto &video = next.add ("video_0", video_caps);
    video.begin ();
    video.push (make_buffer (100, 1, 0));
    fail_unless (b.receiver.streams.wait ([&] (const Streams &s) {
      return s.pads.size () == pads + 1 && s.pads.at ("video_0").removed;
    }));
    next.null ();
  }
}
GST_END_TEST

// idle-timeout: a connection as long as there is something to send, and no break between.
static void check_idle (const Way &way, gint idle, milliseconds limit)
{
  Sender sender (way);
  Receiver receiver (way);
  g_object_set (sender.element, "idle-timeout", idle, nullptr);
  g_object_set (receiver.element, "resume-window", 0, nullptr);
  std::unique_ptr<TcpRelay> relay;
  play (sender, receiver, [&] (guint16 port) {
    relay = std::make_unique<TcpRelay> (port);
    return relay->port ();
  });
  auto &video = sender.add ("video_0", video_caps);
  for (unsigned i = 0; i < 4; i++) {
    video.push (make_buffer (100, i, i * frame_time));
    fail_unless (receiver.wait_buffers ("video_0", i + 1));
    fail_unless (sender.wait_event ("disconnected", i + 1, limit));
    fail_unless (relay->stats.wait ([] (const TcpRelay::Stats &s) { return s.open == 0; }));
  }
  // HTTP sends the next piece while an answer is outstanding.
  const unsigned per_link = std::string (way.protocol) == "http" ? 4 : 1;
  fail_unless (relay->stats.get ().accepted >= 4);
  // The caps may have gone ahead of the first frame, over a connection of their own.
  fail_unless (relay->stats.get ().accepted <= 4 * per_link + 1, "%u connections",
      relay->stats.get ().accepted);
  const Received r = receiver.on ("video_0");
  fail_if (r.removed, "quiet is not gone");
  fail_unless_equals_int (r.n_events (GST_EVENT_EOS), 0);
  for (unsigned i = 0; i < 4; i++)
    fail_unless (same_bytes (r.buffers ()[i], make_buffer (100, i).get ()));
}

GST_START_TEST (test_idle_timeout_zero)
{
  if (over_tcp (way_of (true, __i__)))
    check_idle (way_of (true, __i__), 0, long_enough);
}
GST_END_TEST

GST_START_TEST (test_idle_timeout_of_a_second)
{
  if (over_tcp (way_of (true, __i__)))
    check_idle (way_of (true, __i__), 1, long_enough);
}
GST_END_TEST

// Without an idle time, one connection for each type carries everything.
GST_START_TEST (test_connections_are_kept)
{
  const Way &way = way_of (true, __i__);
  if (!over_tcp (way))
    return;
  Sender sender (way);
  Receiver receiver (way);
  g_object_set (sender.element, "idle-timeout", -1, nullptr);
  std::unique_ptr<TcpRelay> relay;
  play (sender, receiver, [&] (guint16 port) {
    relay = std::make_unique<TcpRelay> (port);
    return relay->port ();
  });
  auto &v0 = sender.add ("video_0", video_caps), &v1 = sender.add ("video_1", video_caps);
  auto &a = sender.add ("audio_0", audio_caps);
  for (auto *s : {&v0, &v1, &a})
    s->begin ();
  for (unsigned i = 0; i < 50; i++) {
    for (auto *s : {&v0, &v1, &a})
      s->push (make_buffer (100, i, i * frame_time));
    fail_unless (receiver.wait_buffers ("video_0", i + 1));
  }
  fail_unless (receiver.wait_buffers ("video_1", 50) && receiver.wait_buffers ("audio_0", 50));
  const auto s = relay->stats.get ();
  // HTTP keeps a few, so that several pieces can be under way.
  fail_unless (
      s.accepted <= (std::string (way.protocol) == "http" ? 10 : 2), "%u connections", s.accepted);
  fail_unless_equals_int (sender.open_channels (), 2);
  fail_unless_equals_int (sender.stat ("connects"), 2);
}
GST_END_TEST

static Suite *resume_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("resume");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_same_pads_after_the_sender_restarts, 0, n_ways);
  tcase_add_loop_test (tc, test_same_pads_after_the_links_broke, 0, n_ways);
  tcase_add_loop_test (tc, test_caps_changed_during_the_break, 0, n_ways);
  tcase_add_loop_test (tc, test_end_after_the_window, 0, n_ways);
  tcase_add_loop_test (tc, test_eos_of_the_last_sender_ends, 0, n_ways);
  tcase_add_loop_test (tc, test_keep_listening, 0, n_ways);
  tcase_add_test (tc, test_restart_without_a_guid);
  tcase_add_test (tc, test_keep_listening_keeps_one);
  tcase_add_loop_test (tc, test_idle_timeout_zero, 0, n_push);
  tcase_add_loop_test (tc, test_idle_timeout_of_a_second, 0, n_push);
  tcase_add_loop_test (tc, test_connections_are_kept, 0, n_push);
  return s;
}

GST_CHECK_MAIN (resume)

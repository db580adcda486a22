// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads that come, go, stay silent or come late; and state changes, also while peers hang.
#include "cam_pair.h"
#include "tcp_relay.h"

using namespace reach::test;

namespace {
std::string name_of (GstPad *pad)
{
  gchar *n = gst_pad_get_name (pad);
  const std::string s = n;
  g_free (n);
  return s;
}

// Up and down must be prompt whatever the peers do.
void check_prompt (Node &n, const std::function<void ()> &between = {})
{
  for (int i = 0; i < 30; i++) {
    const gint64 t = g_get_monotonic_time ();
    n.play ();
    const gint64 up = g_get_monotonic_time ();
    if (between)
      between ();
    const gint64 down = g_get_monotonic_time ();
    n.null ();
    const gint64 end = g_get_monotonic_time ();
    fail_unless (up - t < G_USEC_PER_SEC, "PLAYING took %d ms", static_cast<int> (up - t) / 1000);
    fail_unless (
        end - down < G_USEC_PER_SEC, "NULL took %d ms", static_cast<int> (end - down) / 1000);
  }
}
} // namespace

GST_START_TEST (test_request_and_release)
{
  Sender s (ways[0]);
  point (s, unused_port ());
  const GstState states[] = {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING};
  for (const GstState state : states) {
    s.state (state);
    GstPad *v = gst_element_request_pad_simple (s.element, "video_%u");
    GstPad *v7 = gst_element_request_pad_simple (s.element, "video_7");
    GstPad *a = gst_element_request_pad_simple (s.element, "audio_%u");
    GstPad *d = gst_element_request_pad_simple (s.element, "data_65535");
    fail_unless (name_of (v) == "video_0");
    fail_unless (name_of (v7) == "video_7");
    fail_unless (name_of (a) == "audio_0");
    fail_unless (name_of (d) == "data_65535");
    for (GstPad *pad : {v, v7, a, d}) {
      gst_element_release_request_pad (s.element, pad);
      gst_object_unref (pad);
    }
    fail_unless_equals_int (s.element->numpads, 0);
    fail_unless_equals_int (GST_BIN_NUMCHILDREN (s.element), 0);
  }
  s.null ();
}
GST_END_TEST

// Numbers of the receiver's own, the sender's in `index`.
GST_START_TEST (test_indexes)
{
  const Way &way = ways[__i__];
  Sender s (way);
  Receiver r (way);
  g_object_set (s.element, "guid", "front-door", nullptr);
  play (s, r);
  struct Row {
    const char *in, *caps;
  };
  const Row rows[] = {{"video_0", video_caps}, {"video_3", video_caps}, {"audio_0", audio_caps},
      {"data_0", text_caps}, {"data_9", data_caps}};
  std::vector<Sender::Stream *> streams;
  for (const Row &row : rows)
    streams.push_back (&s.add (row.in, row.caps));
  for (auto *x : streams)
    x->begin ();
  if (!way.push)
    fail_unless (s.wait_pulled ());
  unsigned n = 0;
  for (auto *x : streams)
    x->push (make_buffer (50, n++, 0));
  for (const char *pad : {"video_0", "video_1", "audio_0", "data_0", "data_1"})
    fail_unless (r.wait_buffers (pad, 1), "%s", pad);
  fail_unless (r.wait ([] (const Streams &x) { return x.no_more_pads == 1; }));
  const Streams all = r.streams.get ();
  fail_unless_equals_int (static_cast<int> (all.pads.size ()), 5);
  std::map<std::string, unsigned> found; // type_index → number of the stream
  for (const auto &[name, p] : all.pads) {
    fail_unless_equals_string (p.guid.c_str (), "front-door");
    fail_unless (p.session_key == s.session_key ());
    found[name.substr (0, name.find ('_') + 1) + std::to_string (p.index)]++;
    // Its bytes are those of the stream that it says it is.
    const std::string in = name.substr (0, name.find ('_') + 1) + std::to_string (p.index);
    for (unsigned i = 0; i < 5; i++)
      if (in == rows[i].in) {
        fail_unless (same_bytes (p.buffers ()[0], make_buffer (50, i).get ()), "%s", in.c_str ());
        GstCaps *caps;
        gst_event_parse_caps (p.last_event (GST_EVENT_CAPS), &caps);
        fail_unless (gst_caps_is_equal (caps, caps_of (rows[i].caps).get ()));
      }
  }
  for (const Row &row : rows)
    fail_unless_equals_int (found[row.in], 1);
  const MessagePtr collection = wait_message (r.pipeline, GST_MESSAGE_STREAM_COLLECTION);
  fail_unless (collection != nullptr);
}
GST_END_TEST

GST_START_TEST (test_equal_stream_ids)
{
  const Way &way = way_of (true, __i__);
  Receiver r (way);
  Sender a (way), b (way);
  r.play ();
  for (Sender *s : {&a, &b}) {
    point (*s, r.port ());
    s->play ();
    auto &v = s->add ("video_0", video_caps, "the same");
    v.push (make_buffer (10, s == &a ? 1 : 2, 0));
    fail_unless (r.wait_buffers (s == &a ? "video_0" : "video_1", 1));
  }
  const Received x = r.on ("video_0"), y = r.on ("video_1");
  fail_if (x.guid == y.guid);
  fail_if (x.session_key == y.session_key);
  const gchar *i, *j;
  gst_event_parse_stream_start (x.last_event (GST_EVENT_STREAM_START), &i);
  gst_event_parse_stream_start (y.last_event (GST_EVENT_STREAM_START), &j);
  fail_if (g_str_equal (i, j), "both are %s", i);
  fail_unless (same_bytes (x.buffers ()[0], make_buffer (10, 1).get ()));
  fail_unless (same_bytes (y.buffers ()[0], make_buffer (10, 2).get ()));
}
GST_END_TEST

// A pad without caps or data stalls neither the others nor no-more-pads; when it speaks up at last
// it arrives too.
GST_START_TEST (test_silent_pad)
{
  const Way &way = ways[__i__];
  Sender s (way);
  Receiver r (way);
  auto &v = s.add ("video_0", video_caps);
  auto &silent = s.add ("data_0", data_caps);
  play (s, r);
  v.begin ();
  if (!way.push)
    fail_unless (s.wait_pulled ());
  const gint64 t = g_get_monotonic_time ();
  // Over UDP, what waits longer for the link than `latency` is too late.
  for (unsigned n = 0; n < 100 && !r.wait_buffers ("video_0", 1, milliseconds (100)); n++)
    v.push (make_buffer (10, n, n * frame_time));
  fail_unless (r.wait_buffers ("video_0", 1));
  fail_unless (r.wait ([] (const Streams &x) { return x.no_more_pads == 1; }));
  fail_unless (g_get_monotonic_time () - t < 3 * G_USEC_PER_SEC);
  for (unsigned n = 100; n < 120; n++) {
    const std::size_t before = r.on ("video_0").n_buffers ();
    v.push (make_buffer (10, n, n * frame_time));
    fail_unless (r.wait_buffers ("video_0", before + 1));
  }
  fail_unless_equals_int (static_cast<int> (r.streams.get ().pads.size ()), 1);
  silent.push (make_buffer (10, 77, 0));
  fail_unless (r.wait_buffers ("data_0", 1));
}
GST_END_TEST

GST_START_TEST (test_late_pad)
{
  const Way &way = ways[__i__];
  Sender s (way);
  Receiver r (way);
  play (s, r);
  auto &v = s.add ("video_0", video_caps);
  v.begin ();
  if (!way.push)
    fail_unless (s.wait_pulled ());
  v.push (make_buffer (10, 0, 0));
  fail_unless (r.wait_buffers ("video_0", 1));
  auto &late = s.add ("audio_5", audio_caps);
  late.push (make_buffer (10, 5, 0));
  fail_unless (r.wait_buffers ("audio_0", 1));
  fail_unless_equals_int (r.on ("audio_0").index, 5);
  fail_unless (same_bytes (r.on ("audio_0").buffers ()[0], make_buffer (10, 5).get ()));
  // And one that is released ends at the receiver, alone.
  s.release (late);
  fail_unless (r.wait ([] (const Streams &x) { return x.pads.at ("audio_0").removed; }));
  fail_unless_equals_int (static_cast<int> (r.on ("audio_0").n_events (GST_EVENT_EOS)), 1);
  v.push (make_buffer (10, 1, frame_time));
  fail_unless (r.wait_buffers ("video_0", 2));
  fail_if (r.on ("video_0").removed);
}
GST_END_TEST

// Sparse data: GAPs keep downstream going meanwhile.
GST_START_TEST (test_gaps_in_silence)
{
  const Way &way = ways[__i__];
  Sender s (way);
  Receiver r (way);
  play (s, r);
  auto &d = s.add ("data_0", text_caps);
  d.begin ();
  if (!way.push)
    fail_unless (s.wait_pulled ());
  d.push (make_buffer (10, 0, 0));
  fail_unless (r.wait_event_on ("data_0", GST_EVENT_GAP, 2));
  d.push (make_buffer (10, 1, 5 * GST_SECOND));
  fail_unless (r.wait_buffers ("data_0", 2));
}
GST_END_TEST

GST_START_TEST (test_up_and_down)
{
  const Way &way = ways[__i__];
  {
    Receiver r (way);
    if (!way.push)
      point (r, unused_port ());
    check_prompt (r);
  }
  Sender s (way);
  if (way.push)
    point (s, unused_port ());
  auto &v = s.add ("video_0", video_caps);
  check_prompt (s, [&] {
    v.begun = false;
    v.push (make_buffer (10, 0, 0));
  });
}
GST_END_TEST

// The peer accepts and says nothing, or does not even accept.
GST_START_TEST (test_up_and_down_while_peers_hang)
{
  const Way &way = ways[__i__];
  if (!over_tcp (way))
    return;
  RawSocket silent = RawSocket::listen (), full = RawSocket::listen (0);
  std::vector<RawSocket> fill;
  for (int i = 0; i < 3; i++) { // connections beyond the backlog stay in SYN_SENT
    fill.push_back (RawSocket (::socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    const sockaddr_in to = RawSocket::loopback (full.port ());
    const int failed =
        ::connect (fill.back ().fd (), reinterpret_cast<const sockaddr *> (&to), sizeof to);
    fail_unless (failed == 0 || errno == EINPROGRESS);
  }
  for (const guint16 port : {silent.port (), full.port ()}) {
    if (way.push) {
      Sender s (way);
      point (s, port);
      auto &v = s.add ("video_0", video_caps);
      check_prompt (s, [&] {
        v.begun = false;
        v.push (make_buffer (10, 0, 0));
        fail_unless (s.wait_event ("connecting"));
      });
    } else {
      Receiver r (way);
      point (r, port);
      check_prompt (r, [&] { fail_unless (r.wait_event ("connecting", 5)); });
    }
  }
}
GST_END_TEST

// A blocked downstream does not hold the state change.
GST_START_TEST (test_down_while_streaming)
{
  const Way &way = ways[__i__];
  for (int i = 0; i < 5; i++) {
    Sender s (way);
    Receiver r (way);
    play (s, r);
    auto &v = s.add ("video_0", video_caps);
    v.begin ();
    if (!way.push)
      fail_unless (s.wait_pulled ());
    for (unsigned n = 0; n < 20; n++)
      v.push (make_buffer (20000, n, n * frame_time));
    fail_unless (r.wait_buffers ("video_0", 1));
    gint64 t = g_get_monotonic_time ();
    r.null ();
    fail_unless (g_get_monotonic_time () - t < G_USEC_PER_SEC);
    for (unsigned n = 0; n < 20; n++)
      v.push (make_buffer (20000, n, n * frame_time));
    t = g_get_monotonic_time ();
    s.null ();
    fail_unless (g_get_monotonic_time () - t < G_USEC_PER_SEC);
  }
}
GST_END_TEST

static Suite *pads_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("pads");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_request_and_release);
  tcase_add_loop_test (tc, test_indexes, 0, n_ways);
  tcase_add_loop_test (tc, test_equal_stream_ids, 0, n_push);
  tcase_add_loop_test (tc, test_silent_pad, 0, n_ways);
  tcase_add_loop_test (tc, test_late_pad, 0, n_ways);
  tcase_add_loop_test (tc, test_gaps_in_silence, 0, n_ways);
  tcase_add_loop_test (tc, test_up_and_down, 0, n_ways);
  tcase_add_loop_test (tc, test_up_and_down_while_peers_hang, 0, n_ways);
  tcase_add_loop_test (tc, test_down_while_streaming, 0, n_ways);
  return s;
}

GST_CHECK_MAIN (pads)

// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes out of camreceiver equals what went into camsender, byte for byte and flag for flag.
#include "cam_pair.h"
#include "tcp_relay.h"

using namespace reach::test;

namespace {
constexpr guint flags_compared = GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_DISCONT |
                                 GST_BUFFER_FLAG_HEADER | GST_BUFFER_FLAG_MARKER |
                                 GST_BUFFER_FLAG_DROPPABLE | GST_BUFFER_FLAG_GAP |
                                 GST_BUFFER_FLAG_CORRUPTED;

struct Pair {
  explicit Pair (int i) : way (ways[i]), sender (way), receiver (way) {}
  // In pull, frames go to whoever is connected: so the session first.
  void start ()
  {
    play (sender, receiver);
    for (auto *s : streams)
      s->begin ();
    if (!way.push)
      fail_unless (receiver.wait_event ("session-connected"));
    // The sender's own word that the links are up, for a pull: they take frames from then on.
    if (!way.push)
      fail_unless (sender.wait_pulled ());
  }
  Sender::Stream &add (const char *name, const char *caps, const char *id = nullptr)
  {
    streams.push_back (&sender.add (name, caps, id));
    return *streams.back ();
  }
  Way way;
  Sender sender;
  Receiver receiver;
  std::vector<Sender::Stream *> streams;
};

// Sends copies of `in` and gives what came out of `pad`.
std::vector<GstBuffer *> through (
    Pair &p, Sender::Stream &s, const char *pad, const std::vector<Buffer> &in, Received &got)
{
  const std::size_t before = p.receiver.on (pad).n_buffers ();
  for (const Buffer &b : in)
    s.push (Buffer (gst_buffer_copy_deep (b.get ())));
  fail_unless (p.receiver.wait_buffers (pad, before + in.size ()), "%s: %u of %u came", p.way.name,
      static_cast<unsigned> (p.receiver.on (pad).n_buffers () - before),
      static_cast<unsigned> (in.size ()));
  got = p.receiver.on (pad);
  const auto all = got.buffers ();
  fail_unless_equals_int (all.size (), before + in.size ());
  return {all.begin () + static_cast<std::ptrdiff_t> (before), all.end ()};
}

void check_flags (GstBuffer *in, GstBuffer *out)
{
  fail_unless_equals_int (
      GST_BUFFER_FLAGS (in) & flags_compared, GST_BUFFER_FLAGS (out) & flags_compared);
}

GstClockTime running_time (Node &n)
{
  GstClock *clock = gst_element_get_clock (n.pipeline);
  fail_unless (clock != nullptr);
  const GstClockTime t = gst_clock_get_time (clock) - gst_element_get_base_time (n.pipeline);
  gst_object_unref (clock);
  return t;
}
} // namespace

GST_START_TEST (test_bytes_of_every_size)
{
  Pair p (__i__);
  g_object_set (p.sender.element, "max-queue-bytes", 64u << 20, "max-queue-time",
      G_GUINT64_CONSTANT (0), nullptr);
  g_object_set (p.receiver.element, "max-queue-bytes", 64u << 20, "max-queue-time",
      G_GUINT64_CONSTANT (0), nullptr);
  auto &v = p.add ("video_0", video_caps);
  p.start ();
  std::vector<Buffer> in;
  unsigned n = 0;
  for (const std::size_t size : {1u, 2u, 15u, 16u, 17u, 1399u, 1400u, 65535u, 65536u, 65537u,
           100000u, 1u << 20, 4u << 20, 1u, 0u, 3u}) {
    in.push_back (make_buffer (size, n, n * frame_time, n > 0, frame_time));
    n++;
  }
  Received got;
  const auto out = through (p, v, "video_0", in, got);
  for (std::size_t i = 0; i < in.size (); i++) {
    fail_unless (same_bytes (in[i].get (), out[i]), "buffer %u", static_cast<unsigned> (i));
    check_flags (in[i].get (), out[i]);
  }
}
GST_END_TEST

GST_START_TEST (test_buffers_of_several_memories)
{
  Pair p (__i__);
  auto &v = p.add ("video_0", video_caps);
  p.start ();
  std::vector<Buffer> in;
  for (unsigned n = 0; n < 12; n++) {
    Buffer b = make_buffer (10 + n, n, n * frame_time, n > 0);
    for (unsigned m = 1; m < n; m++)
      gst_buffer_append_memory (
          b.get (), gst_buffer_get_memory (make_buffer (100 * m, 1000 + m).get (), 0));
    in.push_back (std::move (b));
  }
  fail_unless_equals_int (gst_buffer_n_memory (in.back ().get ()), 11);
  Received got;
  for (std::size_t i = 0; i < in.size (); i++)
    v.push (Buffer (gst_buffer_ref (in[i].get ())));
  fail_unless (p.receiver.wait_buffers ("video_0", in.size ()));
  got = p.receiver.on ("video_0");
  for (std::size_t i = 0; i < in.size (); i++)
    fail_unless (same_bytes (in[i].get (), got.buffers ()[i]));
}
GST_END_TEST

GST_START_TEST (test_every_flag)
{
  Pair p (__i__);
  auto &v = p.add ("video_0", video_caps);
  auto &a = p.add ("audio_0", audio_caps);
  p.start ();
  // A receiver may start at a key frame only.
  for (auto [stream, pad] : {std::pair{&v, "video_0"}, {&a, "audio_0"}}) {
    std::vector<Buffer> in;
    in.push_back (make_buffer (10, 0, 0));
    const guint flags[] = {GST_BUFFER_FLAG_DELTA_UNIT, GST_BUFFER_FLAG_DISCONT,
        GST_BUFFER_FLAG_HEADER, GST_BUFFER_FLAG_MARKER, GST_BUFFER_FLAG_DROPPABLE};
    for (unsigned mask = 0; mask < 32; mask++) {
      Buffer b = make_buffer (10, mask, (mask + 1) * frame_time);
      for (unsigned bit = 0; bit < 5; bit++)
        if (mask & (1u << bit))
          GST_BUFFER_FLAG_SET (b.get (), flags[bit]);
      in.push_back (std::move (b));
    }
    Received got;
    const auto out = through (p, *stream, pad, in, got);
    for (std::size_t i = 0; i < in.size (); i++)
      check_flags (in[i].get (), out[i]);
  }
}
GST_END_TEST

GST_START_TEST (test_times)
{
  Pair p (__i__);
  auto &v = p.add ("video_0", video_caps);
  auto &a = p.add ("audio_0", audio_caps);
  p.start ();
  std::vector<Buffer> video, audio;
  const unsigned order[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8}; // as with B-frames
  for (unsigned n = 0; n < 10; n++) {
    Buffer b = make_buffer (50, n, 0, n > 0, n % 3 ? frame_time : GST_CLOCK_TIME_NONE);
    GST_BUFFER_PTS (b.get ()) = GST_SECOND + order[n] * frame_time;
    GST_BUFFER_DTS (b.get ()) = n == 4 ? GST_CLOCK_TIME_NONE : GST_SECOND / 2 + n * frame_time;
    video.push_back (std::move (b));
    audio.push_back (
        make_buffer (50, 100 + n, GST_SECOND + n * 20 * GST_MSECOND, false, 20 * GST_MSECOND));
  }
  Received gv, ga;
  const auto v_out = through (p, v, "video_0", video, gv);
  const auto a_out = through (p, a, "audio_0", audio, ga);
  // One offset for all streams of the run, up to what the slew makes of it on a busy machine.
  const GstClockTimeDiff offset =
      GST_CLOCK_DIFF (GST_BUFFER_PTS (video[0].get ()), GST_BUFFER_PTS (v_out[0]));
  const auto check = [offset] (GstBuffer *in, GstBuffer *out) {
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (in), GST_BUFFER_DURATION (out));
    fail_unless (GST_BUFFER_PTS_IS_VALID (out));
    const GstClockTimeDiff d = GST_CLOCK_DIFF (GST_BUFFER_PTS (in), GST_BUFFER_PTS (out)) - offset;
    fail_unless (
        ABS (d) < static_cast<GstClockTimeDiff> (frame_time), "off by %" G_GINT64_FORMAT " ns", d);
    fail_unless (GST_BUFFER_DTS_IS_VALID (in) == GST_BUFFER_DTS_IS_VALID (out));
    if (GST_BUFFER_DTS_IS_VALID (in))
      fail_unless (GST_CLOCK_DIFF (GST_BUFFER_DTS (in), GST_BUFFER_PTS (in)) ==
                   GST_CLOCK_DIFF (GST_BUFFER_DTS (out), GST_BUFFER_PTS (out)));
  };
  for (unsigned n = 0; n < 10; n++) {
    check (video[n].get (), v_out[n]);
    check (audio[n].get (), a_out[n]);
  }
}
GST_END_TEST

// A buffer sent at its time comes out with a time near the receiver's present.
GST_START_TEST (test_times_are_the_receivers)
{
  Pair p (__i__);
  auto &v = p.add ("video_0", video_caps);
  p.start ();
  const GstClockTime before = running_time (p.receiver);
  v.push (make_buffer (10, 0, running_time (p.sender)));
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  const GstClockTime after = running_time (p.receiver);
  const GstClockTime out = GST_BUFFER_PTS (p.receiver.on ("video_0").buffers ()[0]);
  // The offset holds what the first sample took on the way: later than true, never earlier.
  fail_unless (out + GST_MSECOND >= before, "%" GST_TIME_FORMAT " before %" GST_TIME_FORMAT,
      GST_TIME_ARGS (out), GST_TIME_ARGS (before));
  fail_unless (out <= after + 500 * GST_MSECOND);
}
GST_END_TEST

// While a sender is paused its running time stands still, and the receiver's goes on.
GST_START_TEST (test_times_after_a_pause)
{
  Pair p (__i__);
  auto &v = p.add ("video_0", video_caps);
  p.start ();
  v.push (make_buffer (10, 0, running_time (p.sender)));
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  p.sender.state (GST_STATE_PAUSED);
  const GstClockTime paused = running_time (p.receiver);
  fail_unless (
      iterate_until ([&] { return running_time (p.receiver) > paused + 700 * GST_MSECOND; }));
  p.sender.play ();
  const GstClockTime before = running_time (p.receiver);
  v.push (make_buffer (10, 1, running_time (p.sender)));
  fail_unless (p.receiver.wait_buffers ("video_0", 2));
  const GstClockTime out = GST_BUFFER_PTS (p.receiver.on ("video_0").buffers ()[1]);
  fail_unless (out + 100 * GST_MSECOND >= before, "%" GST_TIME_FORMAT " before %" GST_TIME_FORMAT,
      GST_TIME_ARGS (out), GST_TIME_ARGS (before));
}
GST_END_TEST

GST_START_TEST (test_buffers_without_times)
{
  Pair p (__i__);
  auto &d = p.add ("data_0", data_caps);
  p.start ();
  std::vector<Buffer> in;
  for (unsigned n = 0; n < 5; n++)
    in.push_back (make_buffer (n, n));
  Received got;
  const auto out = through (p, d, "data_0", in, got);
  for (std::size_t i = 0; i < in.size (); i++) {
    fail_unless (same_bytes (in[i].get (), out[i]));
    fail_if (GST_BUFFER_PTS_IS_VALID (out[i]));
    fail_if (GST_BUFFER_DTS_IS_VALID (out[i]));
    fail_if (GST_BUFFER_DURATION_IS_VALID (out[i]));
  }
}
GST_END_TEST

GST_START_TEST (test_events_in_band)
{
  Pair p (__i__);
  auto &v = p.add ("video_0", video_caps, "an id/001");
  p.start ();
  // Of what was sent before the receiver played gaps are of no use to it.
  const GstClockTime t = running_time (p.sender);
  v.push (make_buffer (10, 0, t));
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  GstTagList *tags = gst_tag_list_new (GST_TAG_TITLE, "a \"title\", with = signs; é",
      GST_TAG_BITRATE, 123456u, GST_TAG_LANGUAGE_CODE, "de", nullptr);
  v.event (gst_event_new_tag (gst_tag_list_ref (tags)));
  v.push (make_buffer (10, 1, t + frame_time, true));
  v.event (gst_event_new_gap (t + 2 * frame_time, frame_time));
  const char *other = "video/x-h264,stream-format=(string)byte-stream,alignment=(string)au,"
                      "width=(int)640,height=(int)480,pixel-aspect-ratio=(fraction)4/3";
  v.set_caps (other);
  v.push (make_buffer (10, 2, t + 3 * frame_time));
  v.eos ();
  fail_unless (p.receiver.wait_event_on ("video_0", GST_EVENT_EOS));
  const Received got = p.receiver.on ("video_0");

  std::string order;
  for (const Item &i : got.items) {
    if (i.is_buffer ())
      order += "buffer ";
    else if (!i.is_event (GST_EVENT_STREAM_COLLECTION))
      order += std::string (GST_EVENT_TYPE_NAME (i.event ())) + " ";
  }
  fail_unless_equals_string (
      order.c_str (), "stream-start caps segment buffer tag buffer gap caps buffer eos ");
  const gchar *id;
  gst_event_parse_stream_start (got.last_event (GST_EVENT_STREAM_START), &id);
  fail_unless_equals_string (id, "an id/001");
  GstCaps *caps;
  gst_event_parse_caps (got.last_event (GST_EVENT_CAPS), &caps);
  fail_unless (gst_caps_is_strictly_equal (caps, caps_of (other).get ()));
  GstTagList *out;
  gst_event_parse_tag (got.last_event (GST_EVENT_TAG), &out);
  fail_unless (gst_tag_list_is_equal (tags, out), "%s", gst_tag_list_to_string (out));
  gst_tag_list_unref (tags);
  GstClockTime gap, duration;
  gst_event_parse_gap (got.last_event (GST_EVENT_GAP), &gap, &duration);
  fail_unless_equals_uint64 (duration, frame_time);
  // On the buffers' timeline, which the estimate of the sender's clock moves a little meanwhile.
  const auto came = got.buffers ();
  const GstClockTimeDiff d =
      GST_CLOCK_DIFF (GST_BUFFER_PTS (came[1]), gap) - static_cast<GstClockTimeDiff> (frame_time);
  fail_unless (ABS (d) < static_cast<GstClockTimeDiff> (frame_time), "%" GST_STIME_FORMAT,
      GST_STIME_ARGS (d));
}
GST_END_TEST

// A tag list and its scope, as text that can be compared.
static std::string tag_text (GstTagList *list)
{
  gchar *title = nullptr;
  gst_tag_list_get_string (list, GST_TAG_TITLE, &title);
  const std::string s = std::string (title ? title : "") +
                        (gst_tag_list_get_scope (list) == GST_TAG_SCOPE_GLOBAL ? " global" : "");
  g_free (title);
  return s;
}

static void tag (Sender::Stream &s, const char *title, GstTagScope scope = GST_TAG_SCOPE_STREAM)
{
  GstTagList *list = gst_tag_list_new (GST_TAG_TITLE, title, nullptr);
  gst_tag_list_set_scope (list, scope);
  s.event (gst_event_new_tag (list));
}

static std::vector<std::string> tags_of (const Received &r)
{
  std::vector<std::string> all;
  for (const Item &i : r.items)
    if (i.is_event (GST_EVENT_TAG)) {
      GstTagList *list = nullptr;
      gst_event_parse_tag (i.event (), &list);
      all.push_back (tag_text (list));
    }
  return all;
}

// Whether they travel in a list or in band, before there is a link, on it, or while it is away:
// each tag list comes once, with its scope and in its place.
GST_START_TEST (test_tags_once_with_their_scope)
{
  Pair p (__i__);
  if (!over_tcp (p.way))
    return;
  auto &v = p.sender.add ("video_0", video_caps);
  auto &a = p.sender.add ("audio_0", audio_caps);
  std::unique_ptr<TcpRelay> relay;
  play (p.sender, p.receiver, [&] (guint16 port) {
    relay = std::make_unique<TcpRelay> (port);
    return relay->port ();
  });
  v.begin ();
  tag (v, "one");
  tag (v, "whole", GST_TAG_SCOPE_GLOBAL);
  a.begin ();
  tag (a, "sound");
  if (!p.way.push)
    fail_unless (p.sender.wait_pulled ());
  auto frame = [n = 0u] (Sender::Stream &s) mutable {
    n++;
    s.push (make_buffer (10, n, n * frame_time));
  };
  frame (v);
  frame (a);
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  fail_unless (p.receiver.wait_buffers ("audio_0", 1));
  tag (v, "two");
  frame (v);
  fail_unless (p.receiver.wait_buffers ("video_0", 2));
  using Titles = std::vector<std::string>;
  fail_unless ((tags_of (p.receiver.on ("video_0")) == Titles{"one", "whole global", "two"}));

  const std::size_t links = p.way.push ? 2 : 5;
  relay->refuse (true);
  relay->cut ();
  frame (v);
  frame (a);
  fail_unless (p.sender.wait_event ("disconnected", links));
  tag (v, "three");
  tag (v, "all", GST_TAG_SCOPE_GLOBAL);
  tag (v, "four");
  relay->refuse (false);
  fail_unless (p.receiver.wait_event ("connected", links + 1));
  for (int tries = 0; tries < 200; tries++) {
    frame (v);
    frame (a);
    if (p.receiver.wait_buffers ("video_0", 4, milliseconds (50)) &&
        p.receiver.wait_buffers ("audio_0", 3, milliseconds (50)))
      break;
  }
  // What is pulled begins behind the list; what is pushed has waited.
  const Titles after = p.way.push
                           ? Titles{"one", "whole global", "two", "three", "all global", "four"}
                           : Titles{"one", "whole global", "two", "four", "all global"};
  const auto got = tags_of (p.receiver.on ("video_0"));
  fail_unless (got == after, "%s: %u tags, the last %s", p.way.name,
      static_cast<unsigned> (got.size ()), got.back ().c_str ());
  fail_unless ((tags_of (p.receiver.on ("audio_0")) == Titles{"sound"}));
}
GST_END_TEST

GST_START_TEST (test_reference_timestamps)
{
  Pair p (__i__);
  auto &v = p.add ("video_0", video_caps);
  p.start ();
  std::vector<Buffer> in;
  const Caps ntp = caps_of ("timestamp/x-ntp");
  for (unsigned n = 0; n < 3; n++) {
    Buffer b = make_buffer (10 + n, n, n * frame_time, n > 0);
    gst_buffer_add_reference_timestamp_meta (b.get (), ntp.get (),
        G_GUINT64_CONSTANT (3900000000000000000) + n, n == 1 ? frame_time : GST_CLOCK_TIME_NONE);
    in.push_back (std::move (b));
  }
  Received got;
  const auto out = through (p, v, "video_0", in, got);
  for (unsigned n = 0; n < 3; n++) {
    fail_unless (same_bytes (in[n].get (), out[n]));
    const auto *m = gst_buffer_get_reference_timestamp_meta (out[n], ntp.get ());
    fail_unless (m != nullptr);
    fail_unless_equals_uint64 (m->timestamp, G_GUINT64_CONSTANT (3900000000000000000) + n);
    fail_unless_equals_uint64 (m->duration, n == 1 ? frame_time : GST_CLOCK_TIME_NONE);
  }
}
GST_END_TEST

// A source that prerolls: caps and the first buffer are there before PLAYING, but the times of
// everything that is sent can be told.
GST_START_TEST (test_source_that_is_not_live)
{
  const Way &way = ways[__i__];
  Sender sender (way);
  Receiver receiver (way);
  g_object_set (sender.element, "sync", TRUE, nullptr);
  GstElement *source = gst_parse_bin_from_description (
      "fakesrc num-buffers=30 sizetype=fixed sizemax=100 filltype=pattern format=time "
      "datarate=3000 ! capsfilter caps=\"audio/x-test,version=(int)1\"",
      TRUE, nullptr);
  fail_unless (source != nullptr);
  gst_bin_add (GST_BIN (sender.pipeline), source);
  fail_unless (gst_element_link_pads (source, "src", sender.element, "audio_0"));
  if (!way.push)
    sender.state (GST_STATE_PAUSED);
  else
    receiver.play ();
  if (!way.push) {
    point (receiver, sender.port ());
    receiver.play ();
    fail_unless (receiver.wait_event ("session-connected"));
    fail_unless (sender.wait_pulled ());
  } else {
    point (sender, receiver.port ());
  }
  sender.play ();
  fail_unless (receiver.wait_buffers ("audio_0", 20));
  for (GstBuffer *b : receiver.on ("audio_0").buffers ())
    fail_unless (GST_BUFFER_PTS_IS_VALID (b));
  sender.null ();
}
GST_END_TEST

static Suite *fidelity_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("fidelity");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_bytes_of_every_size, 0, n_ways);
  tcase_add_loop_test (tc, test_buffers_of_several_memories, 0, n_ways);
  tcase_add_loop_test (tc, test_every_flag, 0, n_ways);
  tcase_add_loop_test (tc, test_times, 0, n_ways);
  tcase_add_loop_test (tc, test_times_are_the_receivers, 0, n_ways);
  tcase_add_loop_test (tc, test_times_after_a_pause, 0, n_ways);
  tcase_add_loop_test (tc, test_buffers_without_times, 0, n_ways);
  tcase_add_loop_test (tc, test_events_in_band, 0, n_ways);
  tcase_add_loop_test (tc, test_tags_once_with_their_scope, 0, n_ways);
  tcase_add_loop_test (tc, test_reference_timestamps, 0, n_ways);
  tcase_add_loop_test (tc, test_source_that_is_not_live, 0, n_ways);
  return s;
}

GST_CHECK_MAIN (fidelity)

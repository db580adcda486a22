// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers of other projects into rtmpserversrc: what they send comes out as it is.
#include "rtmp_source.h"
#include <algorithm>

using namespace reach::test;

namespace {
void check_times (const RtmpSource::Pad &pad)
{
  GstClockTime last = 0;
  for (const auto &b : pad.buffers) {
    fail_unless (GST_BUFFER_DTS_IS_VALID (b.get ()) && GST_BUFFER_PTS_IS_VALID (b.get ()));
    fail_unless (GST_BUFFER_DTS (b.get ()) >= last);
    last = GST_BUFFER_DTS (b.get ());
    fail_unless (GST_BUFFER_PTS (b.get ()) >= last);
  }
}

void check_order (const RtmpSource::Pad &pad)
{
  const auto place = [&pad] (GstEventType t) {
    return std::find (pad.events.begin (), pad.events.end (), t) - pad.events.begin ();
  };
  fail_unless_equals_int (place (GST_EVENT_STREAM_START), 0);
  fail_unless (place (GST_EVENT_CAPS) < place (GST_EVENT_SEGMENT));
  const auto &before = pad.events_before_data;
  fail_unless (std::ranges::find (before, GST_EVENT_STREAM_COLLECTION) != before.end ());
}
} // namespace

GST_START_TEST (test_ffmpeg_byte_exact)
{
  const FlvFile file;
  RtmpSource s;
  s.set ("stream-key", "cam");
  s.play ();
  Program publisher (file.ffmpeg (s.url ()));
  fail_unless (s.wait_eos (3));
  fail_unless_equals_int (s.no_more_pads.load (), 1);
  const auto pads = s.pads.get ();
  check_same (pads.at ("video_0"), file.frames (true));
  check_same (pads.at ("audio_0"), file.frames (false));
  fail_unless (pads.at ("data_0").buffers.size () >= 1); // onMetaData
  for (const char *name : {"video_0", "audio_0"}) {
    check_times (pads.at (name));
    check_order (pads.at (name));
  }
  fail_unless (pads.at ("video_0").caps.find ("stream-format=(string)avc") != std::string::npos);
  fail_unless (pads.at ("video_0").caps.find ("width=(int)320") != std::string::npos);
  fail_unless (pads.at ("audio_0").caps.find ("codec_data") != std::string::npos);
  GstQuery *q = gst_query_new_latency ();
  GstPad *pad = gst_element_get_static_pad (s.element, "video_0");
  fail_unless (gst_pad_query (pad, q));
  gst_object_unref (pad);
  gboolean live = FALSE;
  GstClockTime least = 0;
  gst_query_parse_latency (q, &live, &least, nullptr);
  gst_query_unref (q);
  fail_unless (live && least == 200 * GST_MSECOND);
  fail_unless (wait_message (s.pipeline, GST_MESSAGE_EOS) != nullptr);
}
GST_END_TEST

// The flv pad gives the tags as they came.
GST_START_TEST (test_flv_pad)
{
  const FlvFile file;
  RtmpSource s;
  s.request_flv ();
  s.play ();
  Program publisher (file.ffmpeg (s.url ("live/whatever")));
  fail_unless (s.wait_eos (4));
  const auto pads = s.pads.get ();
  reach::rtmp::FlvReader in, out;
  fail_unless (in.input (file.bytes));
  std::vector<std::uint8_t> all;
  for (const auto &b : pads.at ("flv").buffers) {
    const auto bytes = bytes_of (b.get ());
    all.insert (all.end (), bytes.begin (), bytes.end ());
  }
  fail_unless (out.input (all));
  fail_unless (out.has_audio () && out.has_video ());
  unsigned n = 0;
  while (auto a = in.next ()) {
    if (a->type == reach::rtmp::flv_script)
      continue; // FFmpeg writes another one for a server
    auto b = out.next ();
    while (b && b->type == reach::rtmp::flv_script)
      b = out.next ();
    fail_unless (b && b->type == a->type && std::ranges::equal (b->body.bytes, a->body.bytes));
    n++;
  }
  fail_unless (n > 50);
}
GST_END_TEST

// One track, and no metadata that would say so: within a second. A file that is far longer than
// that is not over by then.
GST_START_TEST (test_audio_only_is_complete_at_once)
{
  const FlvFile file (false, true, "8");
  RtmpSource s;
  s.play ();
  Program publisher (file.ffmpeg (s.url (), "1"));
  fail_unless (s.wait (
      [] (const auto &p) { return p.contains ("audio_0") && !p.at ("audio_0").buffers.empty (); }));
  fail_unless_equals_int (s.no_more_pads.load (), 1);
  fail_if (s.pads.get ().at ("audio_0").eos);
}
GST_END_TEST

// The same pads, GAPs meanwhile, and running time goes on.
GST_START_TEST (test_keep_listening)
{
  const FlvFile file;
  RtmpSource s;
  s.set ("keep-listening", TRUE);
  s.play ();
  const auto video = file.frames (true).size ();
  fail_unless (Program (file.ffmpeg (s.url (), "1")).succeeds ());
  fail_unless (s.wait ([] (const auto &p) {
    return p.contains ("video_0") && p.at ("video_0").gaps > 0 && p.at ("audio_0").gaps > 0;
  }));
  fail_unless (Program (file.ffmpeg (s.url ("live/other"), "1")).succeeds ());
  fail_unless (
      s.wait ([video] (const auto &p) { return p.at ("video_0").buffers.size () == 2 * video; }));
  const auto pads = s.pads.get ();
  fail_unless_equals_int (pads.size (), 3);
  const auto &p = pads.at ("video_0");
  check_times (p);
  fail_if (p.eos);
  fail_unless (GST_BUFFER_FLAG_IS_SET (p.buffers[video].get (), GST_BUFFER_FLAG_DISCONT));
  fail_unless (GST_BUFFER_DTS (p.buffers[video].get ()) >
               GST_BUFFER_DTS (p.buffers[video - 1].get ()) + 500 * GST_MSECOND);
  fail_unless_equals_int (s.no_more_pads.load (), 1);
}
GST_END_TEST

// Two elements, one port; the third takes what nobody has named.
GST_START_TEST (test_shared_listener)
{
  const FlvFile file;
  RtmpSource a, b, any;
  a.set ("stream-key", "a");
  a.play ();
  const int port = a.port ();
  b.set ("port", port, "stream-key", "b");
  any.set ("port", port);
  any.play ();
  b.play ();
  fail_unless_equals_int (b.port (), port);
  Program to_b (file.ffmpeg (a.url ("live/b"))), to_a (file.ffmpeg (b.url ("live/a"))),
      to_any (file.ffmpeg (b.url ("live/c")));
  for (RtmpSource *s : {&a, &b, &any}) {
    fail_unless (s->wait_eos (3));
    check_same (s->pads.get ().at ("video_0"), file.frames (true));
    fail_unless_equals_uint64 (s->stat ("publishers"), 1);
  }
  // The listener outlives the element that came first.
  a.null ();
  b.null ();
  b.play ();
  fail_unless_equals_int (b.port (), port);
}
GST_END_TEST

GST_START_TEST (test_gstreamer_publishers)
{
  const char *sink = __i__ == 0 ? "rtmp2sink" : "rtmpsink";
  const FlvFile file;
  RtmpSource s;
  s.set ("stream-key", "cam");
  s.play ();
  const std::string line = "flvmux name=m streamable=true ! " + std::string (sink) +
                           " location=\"" + s.url () + (__i__ == 0 ? "\"" : " live=1\"") +
                           " filesrc location=" + file.path +
                           " ! flvdemux name=d d.video ! queue ! m.video d.audio ! queue ! m.audio";
  GError *error = nullptr;
  GstElement *publisher = gst_parse_launch (line.c_str (), &error);
  fail_unless (publisher && !error, "%s", error ? error->message : "");
  gst_element_set_state (publisher, GST_STATE_PLAYING);
  fail_unless (wait_message (publisher, GST_MESSAGE_EOS) != nullptr);
  gst_element_set_state (publisher, GST_STATE_NULL);
  gst_object_unref (publisher);
  fail_unless (s.wait_eos (3));
  const auto pads = s.pads.get ();
  check_same (pads.at ("video_0"), file.frames (true));
  check_same (pads.at ("audio_0"), file.frames (false));
}
GST_END_TEST

GST_START_TEST (test_up_and_down)
{
  RtmpSource s;
  s.set ("port", static_cast<int> (unused_port ()));
  s.request_flv ();
  for (int i = 0; i < 20; i++) {
    s.play ();
    fail_unless (s.port () > 0);
    s.null ();
  }
}
GST_END_TEST

static Suite *rtmp_publish_suite ()
{
  register_plugins ();
  FlvFile::prepare ();
  Suite *s = suite_create ("rtmp_publish");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_ffmpeg_byte_exact);
  tcase_add_test (tc, test_flv_pad);
  tcase_add_test (tc, test_audio_only_is_complete_at_once);
  tcase_add_test (tc, test_keep_listening);
  tcase_add_test (tc, test_shared_listener);
  tcase_add_loop_test (tc, test_gstreamer_publishers, 0, 2);
  tcase_add_test (tc, test_up_and_down);
  return s;
}

GST_CHECK_MAIN (rtmp_publish)

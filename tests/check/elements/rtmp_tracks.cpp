// SPDX-License-Identifier: LGPL-2.1-or-later
// Which pads rtmpserversrc has, and when: publishers that promise, forget or add tracks.
#include "rtmp_publisher.h"

using namespace reach::test;
using rtmp::PacketType;

namespace {
bool has_all (const RtmpSource::Pads &p, const char *name, std::size_t n)
{
  return p.contains (name) && p.at (name).buffers.size () == n;
}
} // namespace

namespace {
using Body = std::vector<std::uint8_t>;

// Video alone; what is told before it. All at the same time, each waits for what may still come.
void check_video_only (const std::vector<Body> &metadata)
{
  const FlvFile file;
  const auto frames = file.frames (true);
  std::vector<std::unique_ptr<RtmpSource>> sources;
  std::vector<std::unique_ptr<Publisher>> publishers;
  for (const Body &m : metadata) {
    sources.push_back (std::make_unique<RtmpSource> ());
    sources.back ()->play ();
    publishers.push_back (std::make_unique<Publisher> (sources.back ()->port (), file));
    if (!m.empty ())
      publishers.back ()->send ({rtmp::flv_script, 0, reach::slice_of (m)});
    publishers.back ()->send (rtmp::flv_video);
  }
  for (const auto &s : sources) {
    fail_unless (s->wait ([&] (const auto &x) { return has_all (x, "video_0", frames.size ()); }));
    fail_unless_equals_int (s->no_more_pads.load (), 1);
    check_same (s->pads.get ().at ("video_0"), frames);
    fail_if (s->pads.get ().contains ("audio_0"));
  }
}

Body metadata (const Values &values)
{
  return rtmp::encode_amf0 (values);
}
const Value both_kinds = Value::object ({{"width", 320.0}, {"videocodecid", 7.0},
    {"audiocodecid", 10.0}, {"audiosamplerate", 44100.0}});
} // namespace

GST_START_TEST (test_metadata_promises_audio_that_never_comes)
{
  check_video_only ({metadata ({"@setDataFrame", "onMetaData", both_kinds})});
}
GST_END_TEST

// A screen share has none.
GST_START_TEST (test_screen_share_without_audio_and_metadata)
{
  check_video_only ({Body ()});
}
GST_END_TEST

GST_START_TEST (test_metadata_of_odd_forms)
{
  check_video_only ({metadata ({"onMetaData"}), metadata ({"onMetaData", Value::ecma_array ({})}),
      metadata ({0.0, 0.0, "@setDataFrame", "onMetaData", both_kinds}),
      metadata ({"onMetaData", Value (rtmp::Array{{both_kinds}})}), Body{0xff, 1, 2}});
}
GST_END_TEST

// Metadata that promise both, and both are there: no-more-pads, though nothing more comes.
GST_START_TEST (test_no_more_pads_at_once)
{
  const FlvFile file;
  bool quick = false;
  for (int i = 0; i < 5 && !quick; i++) { // the machine may be busy
    RtmpSource s;
    s.play ();
    Publisher p (s.port (), file);
    const gint64 before = g_get_monotonic_time ();
    unsigned media = 0;
    for (const auto &t : p.tags)
      if (t.type == rtmp::flv_script || media++ < 2)
        p.send (t);
    fail_unless (iterate_until ([&s] { return s.no_more_pads == 1; }));
    quick = g_get_monotonic_time () - before < 600 * 1000; // 900 ms otherwise
  }
  fail_unless (quick);
}
GST_END_TEST

// Sound that begins later gets a pad still.
GST_START_TEST (test_late_track)
{
  const FlvFile file;
  RtmpSource s;
  s.play ();
  Publisher p (s.port (), file);
  p.send (rtmp::flv_video);
  const auto n = file.frames (true).size (), n_audio = file.frames (false).size ();
  fail_unless (s.wait ([n] (const auto &x) { return has_all (x, "video_0", n); }));
  p.send (rtmp::flv_audio);
  fail_unless (s.wait ([&] (const auto &x) { return has_all (x, "audio_0", n_audio); }));
  check_same (s.pads.get ().at ("audio_0"), file.frames (false));
}
GST_END_TEST

// Enhanced RTMP: the same pictures as track 0 and as track 5.
GST_START_TEST (test_multitrack)
{
  const FlvFile file (true, false);
  RtmpSource s;
  s.play ();
  Publisher p (s.port (), file);
  for (const auto &t : p.tags) {
    std::vector<rtmp::TrackPacket> packets;
    if (t.type != rtmp::flv_video)
      continue;
    fail_unless (rtmp::parse_video (t.body, packets) == rtmp::TagResult::ok);
    for (rtmp::TrackPacket &x : packets)
      for (const std::uint8_t track : {0, 5}) {
        if (x.type != PacketType::sequence_start && x.payload.size () == 0)
          continue;
        x.framing = rtmp::Framing::one_track;
        x.track = track;
        x.fourcc = rtmp::fourcc ("avc1");
        auto body = rtmp::build_header (x);
        fail_unless (body.has_value ());
        body->insert (body->end (), x.payload.bytes.begin (), x.payload.bytes.end ());
        p.send ({rtmp::flv_video, t.timestamp, reach::slice_of (std::move (*body))});
      }
  }
  const auto n = file.frames (true).size ();
  fail_unless (s.wait (
      [n] (const auto &x) { return has_all (x, "video_0", n) && has_all (x, "video_5", n); }));
  for (const char *name : {"video_0", "video_5"}) {
    check_same (s.pads.get ().at (name), file.frames (true));
    fail_unless (s.pads.get ().at (name).caps.find ("video/x-h264") == 0);
  }
  fail_unless_equals_int (s.no_more_pads.load (), 1);
}
GST_END_TEST

// Time stamps of 32 bits that wrap in the middle.
GST_START_TEST (test_timestamps_wrap)
{
  const FlvFile file (true, false);
  RtmpSource s;
  s.play ();
  Publisher p (s.port (), file);
  p.send (rtmp::flv_video, 0xffffffffu - 700);
  const auto n = file.frames (true).size ();
  fail_unless (s.wait ([n] (const auto &x) { return has_all (x, "video_0", n); }));
  const auto pads = s.pads.get ();
  const auto &b = pads.at ("video_0").buffers;
  for (std::size_t i = 1; i < n; i++) {
    const GstClockTime d = GST_BUFFER_DTS (b[i].get ()) - GST_BUFFER_DTS (b[i - 1].get ());
    fail_unless (d <= 45 * GST_MSECOND, "%zu: %" GST_TIME_FORMAT, i, GST_TIME_ARGS (d));
    fail_if (GST_BUFFER_FLAG_IS_SET (b[i].get (), GST_BUFFER_FLAG_DISCONT));
  }
}
GST_END_TEST

// A ghost is replaced in the middle: the same pads go on with what the other one sends.
GST_START_TEST (test_replaced_in_the_middle)
{
  const FlvFile file;
  RtmpSource s;
  gst_util_set_object_arg (G_OBJECT (s.element), "on-duplicate", "replace");
  s.request_flv ();
  s.play ();
  Publisher ghost (s.port (), file);
  for (const auto type : {rtmp::flv_script, rtmp::flv_video, rtmp::flv_audio})
    ghost.send (type);
  const auto n = file.frames (true).size ();
  fail_unless (s.wait ([n] (const auto &x) { return has_all (x, "video_0", n); }));
  Publisher other (s.port (), file);
  fail_unless (ghost.client.closed ());
  for (const auto type : {rtmp::flv_script, rtmp::flv_video, rtmp::flv_audio})
    other.send (type);
  fail_unless (s.wait ([n] (const auto &x) { return has_all (x, "video_0", 2 * n); }));
  const auto pads = s.pads.get ();
  fail_unless_equals_int (pads.size (), 4);
  for (const auto &[name, pad] : pads)
    fail_if (pad.eos, "%s", name.c_str ());
  rtmp::FlvReader out;
  std::uint32_t last = 0;
  for (const auto &b : pads.at ("flv").buffers)
    fail_unless (out.input (bytes_of (b.get ())));
  while (auto t = out.next ())
    if (t->type == rtmp::flv_video) {
      fail_unless (t->timestamp >= last);
      last = t->timestamp;
    }
}
GST_END_TEST

// A pad that nobody has linked costs nothing; linked again, it goes on.
GST_START_TEST (test_unlinked_for_a_while)
{
  const FlvFile file (true, false);
  const auto n = file.frames (true).size ();
  RtmpSource s;
  s.play ();
  Publisher p (s.port (), file);
  p.send (rtmp::flv_video);
  fail_unless (s.wait ([n] (const auto &x) { return has_all (x, "video_0", n); }));
  GstPad *pad = gst_element_get_static_pad (s.element, "video_0"), *peer = gst_pad_get_peer (pad);
  fail_unless (gst_pad_unlink (pad, peer));
  const auto pushed = [&s] { return s.stat ("buffers"); };
  const auto before = pushed ();
  p.send (rtmp::flv_video, 2000); // one of it finds out
  fail_unless (iterate_until ([&] { return pushed () > before; }));
  const auto after = pushed ();
  p.send (rtmp::flv_video, 4000);
  p.client.sync ();
  fail_unless (pushed () < after + n);
  fail_unless (gst_pad_link (pad, peer) == GST_PAD_LINK_OK);
  p.send (rtmp::flv_video, 6000);
  fail_unless (s.wait ([n] (const auto &x) { return x.at ("video_0").buffers.size () == 2 * n; }));
  GstBuffer *first = s.pads.get ().at ("video_0").buffers[n].get ();
  fail_unless (GST_BUFFER_FLAG_IS_SET (first, GST_BUFFER_FLAG_DISCONT));
  fail_if (GST_BUFFER_FLAG_IS_SET (first, GST_BUFFER_FLAG_DELTA_UNIT));
  fail_unless (bytes_of (first) == file.frames (true).front ());
  gst_object_unref (peer);
  gst_object_unref (pad);
}
GST_END_TEST

static Suite *rtmp_tracks_suite ()
{
  register_plugins ();
  FlvFile::prepare ();
  FlvFile::prepare (true, false);
  Suite *s = suite_create ("rtmp_tracks");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_metadata_promises_audio_that_never_comes);
  tcase_add_test (tc, test_screen_share_without_audio_and_metadata);
  tcase_add_test (tc, test_metadata_of_odd_forms);
  tcase_add_test (tc, test_no_more_pads_at_once);
  tcase_add_test (tc, test_late_track);
  tcase_add_test (tc, test_unlinked_for_a_while);
  tcase_add_test (tc, test_multitrack);
  tcase_add_test (tc, test_timestamps_wrap);
  tcase_add_test (tc, test_replaced_in_the_middle);
  return s;
}

GST_CHECK_MAIN (rtmp_tracks)

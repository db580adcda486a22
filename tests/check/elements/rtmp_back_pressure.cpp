// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers that are faster than their pipeline, of a file and live.
#include "rtmp_client.h"
#include "rtmp_source.h"
#include <thread>

using namespace reach::test;

namespace {
constexpr std::size_t large = 60000; // bytes of a message of sound
constexpr unsigned many = 500;       // more than pads hold

// All pads of a source let nothing through until opened.
class Gate {
public:
  explicit Gate (RtmpSource &s) : element_ (s.element)
  {
    g_signal_connect (element_, "pad-added", G_CALLBACK (on_pad), this);
  }
  ~Gate ()
  {
    open ();
    g_signal_handlers_disconnect_by_data (element_, this);
  }
  Gate (const Gate &) = delete;
  Gate &operator= (const Gate &) = delete;
  void open ()
  {
    std::vector<std::pair<GstPad *, gulong>> all;
    probes_.update ([&all] (auto &p) { std::swap (all, p); });
    for (const auto &[pad, probe] : all) {
      gst_pad_remove_probe (pad, probe);
      gst_object_unref (pad);
    }
  }

private:
  static void on_pad (GstElement *, GstPad *pad, Gate *self)
  {
    const gulong probe = gst_pad_add_probe (
        pad, static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
        [] (GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
    self->probes_.update (
        [&] (auto &p) { p.emplace_back (GST_PAD (gst_object_ref (pad)), probe); });
  }
  GstElement *element_;
  Watched<std::vector<std::pair<GstPad *, gulong>>> probes_;
};

bool wait_stat (const RtmpSource &s, const char *name, guint64 least)
{
  return iterate_until ([&] { return s.stat (name) >= least; });
}

// Sound in G.711, which needs no configuration; each message with its number.
std::vector<std::uint8_t> sound (unsigned n)
{
  std::vector<std::uint8_t> body (large, static_cast<std::uint8_t> (n));
  body[0] = 0x82; // mu-law, 8 kHz, mono, 16 bits
  return body;
}

// Publishes `many` messages, `apart` ms from each other; false when it was cut off.
bool send_sound (RtmpClient &c, std::uint32_t apart)
{
  for (unsigned i = 0; i < many; i++)
    if (!c.send (rtmp::MessageType::audio, c.stream, sound (i), i * apart, 4))
      return false;
  return true;
}
} // namespace

// As fast as it can, 30 MB, through pads that take nothing at first.
GST_START_TEST (test_ffmpeg_at_full_speed)
{
  const FlvFile file (true, true, "25", "testsrc2=size=320x240:rate=25,noise=alls=100:allf=t");
  fail_unless (file.bytes.size () > 17u << 20, "%zu bytes", file.bytes.size ());
  RtmpSource s;
  Gate gate (s);
  s.request_flv ();
  s.play ();
  Program publisher (file.ffmpeg (s.url (), "0"));
  fail_unless (wait_stat (s, "held", 1));
  gate.open ();
  fail_unless (s.wait_eos (4));
  const auto pads = s.pads.get ();
  check_same (pads.at ("video_0"), file.frames (true));
  check_same (pads.at ("audio_0"), file.frames (false));
  std::vector<std::uint8_t> all;
  for (const auto &b : pads.at ("flv").buffers) {
    const auto bytes = bytes_of (b.get ());
    all.insert (all.end (), bytes.begin (), bytes.end ());
  }
  reach::rtmp::FlvReader in, out;
  fail_unless (in.input (file.bytes) && out.input (all));
  const auto next = [] (reach::rtmp::FlvReader &r) {
    auto tag = r.next ();
    while (tag && tag->type == reach::rtmp::flv_script)
      tag = r.next ();
    return tag;
  };
  for (auto a = next (in); a; a = next (in)) {
    const auto b = next (out);
    fail_unless (b && b->type == a->type && b->timestamp == a->timestamp);
    fail_unless (std::ranges::equal (b->body.bytes, a->body.bytes));
  }
  fail_unless (!next (out));
  fail_unless_equals_int (s.stat ("dropped"), 0);
}
GST_END_TEST

// Others on the same port notice nothing.
GST_START_TEST (test_held_publisher_is_alone)
{
  RtmpSource s, other;
  Gate gate (s);
  s.set ("stream-key", "file");
  s.play ();
  other.set ("stream-key", "other", "port", s.port ());
  other.play ();
  RtmpClient c (s.port ());
  c.connect ();
  fail_unless_equals_string (c.publish ("file").c_str (), "NetStream.Publish.Start");
  Watched<bool> sent;
  std::thread sender ([&] {
    const bool good = send_sound (c, 100);
    c.shut ();
    sent.set (good);
  });
  fail_unless (wait_stat (s, "held", 1));
  const FlvFile clip;
  Program publisher (clip.ffmpeg (s.url ("live/other")));
  fail_unless (other.wait_eos (3));
  check_same (other.pads.get ().at ("video_0"), clip.frames (true));
  fail_unless (s.pads.get ().at ("audio_0").buffers.empty ());
  gate.open ();
  fail_unless (sent.wait ([] (bool b) { return b; }));
  sender.join ();
  fail_unless (s.wait_eos (1));
  const auto pads = s.pads.get ();
  const auto &got = pads.at ("audio_0").buffers;
  fail_unless_equals_int (got.size (), many);
  for (unsigned i = 0; i < many; i++)
    fail_unless (bytes_of (got[i].get ())[0] == static_cast<std::uint8_t> (i));
  fail_unless_equals_int (s.stat ("dropped"), 0);
}
GST_END_TEST

// Real time: what comes is read, and dropped where it cannot wait; calls are answered.
GST_START_TEST (test_live_publisher_is_not_held)
{
  RtmpSource s;
  Gate gate (s);
  s.play ();
  RtmpClient c (s.port ());
  c.connect ();
  c.publish ("live");
  fail_unless (send_sound (c, 0));
  fail_unless (c.command (0, {"no-such-procedure", 9.0, rtmp::Null{}}));
  fail_unless (!c.expect ("_error").empty ());
  fail_unless (s.stat ("dropped") > 0);
  fail_unless_equals_int (s.stat ("held"), 0);
}
GST_END_TEST

// A publisher that is held can go away, and so can the pipeline.
GST_START_TEST (test_end_while_held)
{
  RtmpSource s;
  Gate gate (s);
  s.set ("keep-listening", TRUE);
  s.play ();
  Watched<unsigned> over;
  {
    RtmpClient c (s.port ());
    c.connect ();
    c.publish ("file");
    std::thread sender ([&] {
      send_sound (c, 100);
      over.update ([] (unsigned &n) { n++; });
    });
    fail_unless (wait_stat (s, "held", 1));
    c.reset ();
    sender.join ();
  }
  gate.open ();
  // What it had sent is through, and the next one is taken.
  fail_unless (iterate_until ([&] {
    RtmpClient next (s.port ());
    next.connect ();
    return next.publish ("file") == "NetStream.Publish.Start";
  }));
  fail_unless_equals_int (over.get (), 1);
  RtmpClient c (s.port ());
  c.connect ();
  fail_unless (iterate_until ([&] { return c.publish ("again") == "NetStream.Publish.Start"; }));
  const guint64 before = s.stat ("held");
  GstPad *pad = gst_element_get_static_pad (s.element, "audio_0");
  gst_pad_add_probe (
      pad, static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [] (GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  std::thread sender ([&] { send_sound (c, 100); });
  fail_unless (wait_stat (s, "held", before + 1));
  gst_object_unref (pad);
  s.null ();
  sender.join (); // cut off
}
GST_END_TEST

static Suite *rtmp_back_pressure_suite ()
{
  reach::test::register_plugins ();
  Suite *s = suite_create ("rtmp-back-pressure");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_ffmpeg_at_full_speed);
  tcase_add_test (tc, test_held_publisher_is_alone);
  tcase_add_test (tc, test_live_publisher_is_not_held);
  tcase_add_test (tc, test_end_while_held);
  return s;
}
GST_CHECK_MAIN (rtmp_back_pressure)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Enhanced RTMP with FFmpeg 8, which publishes to rtmpserversrc and plays from rtmpserversink: what
// goes in comes out, packet by packet, and GStreamer decodes it.
#include "rtmp_ffmpeg8.h"

using namespace reach::test;

namespace {
// Publisher → rtmpserversrc → rtmpserversink → player.
class Chain {
public:
  explicit Chain (const std::vector<std::string> &pads) : sender_ (line (pads))
  {
    GstElement *in = gst_bin_get_by_name (GST_BIN (sender_.pipeline ()), "r");
    gint port = 0;
    g_object_get (in, "current-port", &port, nullptr);
    g_signal_connect (in, "pad-added", G_CALLBACK (on_pad), this);
    gst_object_unref (in);
    url_ = "rtmp://127.0.0.1:" + std::to_string (port) + "/live/cam";
  }
  void run (const std::vector<std::string> &files, const char *how = "publish")
  {
    const std::string in = folder.path / "in", out = folder.path / "out";
    Words play{"play", sender_.url, out}, publish{how, url_, in};
    for (std::size_t i = 0; i < files.size (); i++)
      play.emplace_back ("1000000"); // all, until it ends
    publish.insert (publish.end (), files.begin (), files.end ());
    Program player = peer (play);
    fail_unless (sender_.wait_viewers (1));
    fail_unless (peer (publish).succeeds ());
    fail_unless (player.succeeds ());
    published = read_record (in);
    played = read_record (out);
    fail_unless_equals_int (published.size (), files.size ());
  }
  // Of a pad of rtmpserversrc.
  std::string caps (const std::string &pad) { return seen_.get ()[pad].caps; }
  std::vector<Payload> received (const std::string &pad) { return seen_.get ()[pad].payloads; }

  Folder folder;
  Streams published, played;

private:
  struct Seen {
    std::string caps;
    std::vector<Payload> payloads;
  };
  struct Hook {
    Chain *self;
    std::string pad;
  };
  static std::string line (const std::vector<std::string> &pads)
  {
    std::string all = "rtmpserversrc name=r port=0 bind-address=127.0.0.1 application=live "
                      "stream-key=cam";
    for (const auto &p : pads)
      all += " r." + p + " ! queue ! s." + p;
    return all;
  }
  static void on_pad (GstElement *, GstPad *pad, Chain *self)
  {
    const reach::CharPtr name (gst_pad_get_name (pad));
    gst_pad_add_probe (pad, static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER), on_buffer,
        new Hook{self, name.get ()}, [] (gpointer p) { delete static_cast<Hook *> (p); });
  }
  static GstPadProbeReturn on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer data)
  {
    const auto *hook = static_cast<Hook *> (data);
    GstCaps *caps = gst_pad_get_current_caps (pad);
    hook->self->seen_.update ([&] (auto &seen) {
      Seen &s = seen[hook->pad];
      s.caps = reach::CharPtr (gst_caps_to_string (caps)).get ();
      s.payloads.push_back (payload_of (GST_PAD_PROBE_INFO_BUFFER (info)));
    });
    gst_caps_unref (caps);
    return GST_PAD_PROBE_OK;
  }
  Sender sender_;
  std::string url_;
  Watched<std::map<std::string, Seen>> seen_;
};

// How many pictures, or buffers of sound, GStreamer makes of it.
std::size_t decoded (const Coder &c, const std::string &caps, const std::vector<Payload> &payloads)
{
  GstElement *p = gst_parse_launch ((std::string ("appsrc name=in format=time ! ") + c.decoder +
                                        " ! fakesink name=out sync=false signal-handoffs=true")
                                        .c_str (),
      nullptr);
  fail_unless (p != nullptr);
  GstElement *in = gst_bin_get_by_name (GST_BIN (p), "in"),
             *out = gst_bin_get_by_name (GST_BIN (p), "out");
  std::size_t n = 0;
  g_signal_connect (out, "handoff",
      G_CALLBACK (+[] (GstElement *, GstBuffer *, GstPad *, std::size_t *count) { ++*count; }), &n);
  GstCaps *parsed = gst_caps_from_string (caps.c_str ());
  g_object_set (in, "caps", parsed, nullptr);
  gst_caps_unref (parsed);
  gst_element_set_state (p, GST_STATE_PLAYING);
  GstClockTime time = 0;
  for (const auto &payload : payloads) {
    GstBuffer *b = gst_buffer_new_memdup (payload.data (), payload.size ());
    GST_BUFFER_PTS (b) = time;
    time += 20 * GST_MSECOND;
    gst_app_src_push_buffer (GST_APP_SRC (in), b);
  }
  gst_app_src_end_of_stream (GST_APP_SRC (in));
  fail_unless (wait_message (p, GST_MESSAGE_EOS) != nullptr, "%s", c.name);
  gst_element_set_state (p, GST_STATE_NULL);
  gst_object_unref (in);
  gst_object_unref (out);
  gst_object_unref (p);
  return n;
}

void check_stream (Chain &chain, const Coder &c, const std::string &pad, unsigned number)
{
  const Stream &sent = chain.published[number];
  fail_unless (sent.packets.size () >= 10, "%zu", sent.packets.size ());
  const std::string caps = chain.caps (pad);
  fail_unless (caps.find (c.media) == 0, "%s: %s", pad.c_str (), caps.c_str ());
  fail_unless (chain.received (pad) == sent.payloads (), "%s: %zu of %zu", pad.c_str (),
      chain.received (pad).size (), sent.packets.size ());
  const std::size_t n = decoded (c, caps, sent.payloads ());
  fail_unless (n + 1 >= sent.packets.size (), "%zu of %zu", n, sent.packets.size ());
}

const Stream &played (const Chain &chain, const Coder &c)
{
  const auto at =
      std::ranges::find_if (chain.played, [&] (const auto &s) { return s.second.codec == c.name; });
  fail_unless (at != chain.played.end (), "no %s has been played", c.name);
  return at->second;
}

void check_played (Chain &chain, const Coder &c, unsigned number)
{
  const Stream &sent = chain.published[number], &got = played (chain, c);
  fail_unless_equals_int (got.packets.size (), sent.packets.size ());
  // The player's clock begins with its first packet or the sink's.
  const int offset = got.packets[0].time - sent.packets[0].time;
  for (std::size_t i = 0; i < sent.packets.size (); i++) {
    const Packet &a = sent.packets[i], &b = got.packets[i];
    fail_unless (a.bytes == b.bytes && a.key == b.key, "packet %zu", i);
    fail_unless (std::abs (b.time - a.time - offset) <= 2, "packet %zu: %d, %d", i, a.time, b.time);
  }
}
} // namespace

GST_START_TEST (test_codecs)
{
  if (!installed ())
    return;
  const Coder &c = coders[__i__];
  const std::string pad = c.video ? "video_0" : "audio_0";
  Chain chain ({pad});
  chain.run ({make_file (chain.folder, c)});
  check_stream (chain, c, pad, 0);
  check_played (chain, c, 0);
}
GST_END_TEST

GST_START_TEST (test_multitrack)
{
  if (!installed ())
    return;
  const char *const names[] = {"hevc", "av1", "opus", "flac"};
  const std::vector<std::string> pads{"video_0", "video_1", "audio_0", "audio_1"};
  Chain chain (pads);
  std::vector<std::string> files;
  for (const char *name : names)
    files.push_back (make_file (chain.folder, coder (name)));
  chain.run (files);
  for (unsigned i = 0; i < pads.size (); i++)
    check_stream (chain, coder (names[i]), pads[i], i);
  // FFmpeg does not say in `connect` that it knows tracks, so that it gets the first of each kind.
  fail_unless_equals_int (chain.played.size (), 2);
  check_played (chain, coder (names[0]), 0);
  check_played (chain, coder (names[2]), 2);
}
GST_END_TEST

// HDR10, as FFmpeg says it, in caps, and as FFmpeg hears it.
GST_START_TEST (test_colours)
{
  if (!installed ())
    return;
  const Coder &c = coder (__i__ == 0 ? "vp9" : "av1");
  Chain chain ({"video_0"});
  chain.run ({make_file (chain.folder, c)}, "publish-hdr");
  check_stream (chain, c, "video_0", 0);
  check_played (chain, c, 0);
  const std::string caps = chain.caps ("video_0");
  for (const char *field : {"colorimetry=(string)bt2100-pq", "content-light-level=(string)1000:400",
           "mastering-display-info=(string)35400:14600:8500:39850:6550:2300:15635:16450:10000000:"
           "50"})
    fail_unless (caps.find (field) != std::string::npos, "%s", caps.c_str ());
  fail_unless_equals_string (played (chain, c).colours.c_str (),
      "9/16/9/1000,400/"
      "0.7080,0.2920,0.1700,0.7970,0.1310,0.0460,0.3127,0.3290,0.0050,1000.0000");
  fail_unless_equals_string (
      chain.published[0].colours.c_str (), played (chain, c).colours.c_str ());
}
GST_END_TEST

// 5.1 with speakers at the side, which FLAC itself does not say.
GST_START_TEST (test_speakers)
{
  if (!installed ())
    return;
  const Coder &c = coder ("flac");
  Chain chain ({"audio_0"});
  chain.run ({make_file (chain.folder, c, "-ac 6")}, "publish-5.1");
  check_stream (chain, c, "audio_0", 0);
  check_played (chain, c, 0);
  const std::string caps = chain.caps ("audio_0");
  fail_unless (caps.find ("channel-mask=(bitmask)0x0000000000000c0f") != std::string::npos, "%s",
      caps.c_str ());
  fail_unless_equals_string (chain.published[0].mask.c_str (), "1551"); // 0x60f
  fail_unless_equals_string (played (chain, c).mask.c_str (), "1551");
}
GST_END_TEST

static Suite *rtmp_enhanced_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_enhanced");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_codecs, 0, static_cast<int> (std::size (coders)));
  tcase_add_test (tc, test_multitrack);
  tcase_add_loop_test (tc, test_colours, 0, 2);
  tcase_add_test (tc, test_speakers);
  return s;
}

GST_CHECK_MAIN (rtmp_enhanced)

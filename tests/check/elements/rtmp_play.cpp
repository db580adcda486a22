// SPDX-License-Identifier: LGPL-2.1-or-later
// rtmpserversink and players: GStreamer's own, librtmp's, FFmpeg.
#include "../rtmp_players.h"
#include "rtmp_client.h"
#include "rtmpserver/proto/flv.h"
#include "rtmpserver/proto/tag.h"
#include <cstdio>
#include <gio/gio.h>
#include <gst/video/video-event.h>

using namespace reach::test;

namespace {
constexpr const char *two_pads = "appsrc name=v is-live=true format=time ! s.video_0 appsrc name=a "
                                 "is-live=true format=time ! s.audio_0";

// rtmp2src throws away the message that it has not passed on yet when it is told of the end.
bool same (const std::vector<Payload> &got, const std::vector<Payload> &sent)
{
  return got.size () + 1 >= sent.size () && got.size () <= sent.size () &&
         std::equal (got.begin (), got.end (), sent.begin ());
}

// All of it, byte by byte, as it went in.
void send_all (Sender &s, Viewer &viewer)
{
  const Recording v (coded_video), a (coded_audio);
  fail_unless (s.wait_viewers (1));
  s.push ("v", v);
  s.push ("a", a);
  s.end ("v");
  s.end ("a");
  const auto ends = static_cast<GstMessageType> (GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (wait_message (viewer.pipeline (), ends) != nullptr, "it was not told of the end");
  fail_unless (same (viewer.video.get (), v.payloads ()), "%zu of %zu frames",
      viewer.video.get ().size (), v.buffers.size ());
  fail_unless (same (viewer.audio.get (), a.payloads ()), "%zu of %zu of sound",
      viewer.audio.get ().size (), a.buffers.size ());
  fail_unless (wait_message (s.pipeline (), GST_MESSAGE_EOS) != nullptr);
}
} // namespace

GST_START_TEST (test_rtmp2src)
{
  Sender s (two_pads);
  Viewer viewer (demuxed ("rtmp2src location=" + s.url));
  send_all (s, viewer);
}
GST_END_TEST

GST_START_TEST (test_rtmpsrc_of_librtmp)
{
  Sender s (two_pads);
  // It connects again when it is told of the end, and is told that there is no such stream.
  Viewer viewer (demuxed ("rtmpsrc location=\"" + s.url + " live=1\""));
  send_all (s, viewer);
}
GST_END_TEST

GST_START_TEST (test_small_chunks_and_merged_writes)
{
  Sender s (two_pads, "chunk-size=128 merge-time=33");
  Viewer viewer (demuxed ("rtmp2src location=" + s.url));
  send_all (s, viewer);
}
GST_END_TEST

GST_START_TEST (test_flv_pad)
{
  Sender s ("appsrc name=v is-live=true format=time ! m.video appsrc name=a is-live=true "
            "format=time ! m.audio "
            "flvmux name=m streamable=true ! s.flv");
  Viewer viewer (demuxed ("rtmp2src location=" + s.url));
  send_all (s, viewer);
}
GST_END_TEST

GST_START_TEST (test_ffmpeg)
{
  const Recording v (coded_video), a (coded_audio);
  Sender s (two_pads, "drain-timeout=20000");
  gchar *folder = g_dir_make_tmp ("rtmp-XXXXXX", nullptr);
  gchar *file = g_build_filename (folder, "out.flv", nullptr);
  GSubprocess *ffmpeg =
      g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE, nullptr, "ffmpeg", "-loglevel", "error",
          "-i", s.url.c_str (), "-map", "0:v", "-map", "0:a", "-c", "copy", file, nullptr);
  fail_unless (ffmpeg != nullptr);
  fail_unless (s.wait_viewers (1));
  s.push ("v", v);
  s.push ("a", a);
  s.end ("v");
  s.end ("a");
  fail_unless (g_subprocess_wait_check (ffmpeg, nullptr, nullptr));
  gchar *data = nullptr;
  gsize size = 0;
  fail_unless (g_file_get_contents (file, &data, &size, nullptr));
  reach::rtmp::FlvReader reader;
  fail_unless (reader.input ({reinterpret_cast<const std::uint8_t *> (data), size}));
  std::vector<Payload> video, audio;
  std::vector<reach::rtmp::TrackPacket> packets;
  while (auto tag = reader.next ()) {
    const bool sound = tag->type == reach::rtmp::flv_audio;
    if (tag->type == reach::rtmp::flv_script)
      continue;
    (sound ? reach::rtmp::parse_audio : reach::rtmp::parse_video) (tag->body, packets);
    for (const auto &p : packets)
      if (p.type == reach::rtmp::PacketType::coded_frames)
        (sound ? audio : video).emplace_back (p.payload.bytes.begin (), p.payload.bytes.end ());
  }
  fail_unless (video == v.payloads (), "%zu frames", video.size ());
  fail_unless (audio == a.payloads ());
  std::remove (file);
  std::remove (folder);
  g_free (data);
  g_free (file);
  g_free (folder);
  g_object_unref (ffmpeg);
}
GST_END_TEST

// The second player begins with the newest key frame, which it need not wait for.
GST_START_TEST (test_late_player_begins_with_the_cache)
{
  const Recording v (coded_video);
  Sender s ("appsrc name=v is-live=true format=time ! s.video_0");
  Viewer first ("rtmp2src location=" + s.url + " ! flvdemux ! fakesink name=video");
  fail_unless (s.wait_viewers (1));
  s.push ("v", v, 0, 20); // key frames are 0, 15, 30, 45
  fail_unless (first.video.wait ([] (const auto &f) { return f.size () == 20; }));
  Viewer second ("rtmp2src location=" + s.url + " ! flvdemux ! fakesink name=video");
  fail_unless (second.video.wait ([] (const auto &f) { return f.size () == 5; }));
  s.push ("v", v, 20, 25);
  fail_unless (second.video.wait ([] (const auto &f) { return f.size () == 10; }));
  const auto all = v.payloads ();
  fail_unless (second.video.get () == std::vector (all.begin () + 15, all.begin () + 25));
  fail_unless (s.stat<guint> ("viewers") == 2 && s.stat<guint64> ("frames-dropped") == 0);
}
GST_END_TEST

GST_START_TEST (test_key_frame_is_asked_for_at_a_join)
{
  Sender s ("appsrc name=v is-live=true format=time ! s.video_0", "gop-cache=0");
  static Watched<unsigned> asked;
  GstElement *src = gst_bin_get_by_name (GST_BIN (s.pipeline ()), "v");
  GstPad *pad = gst_element_get_static_pad (src, "src");
  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      [] (GstPad *, GstPadProbeInfo *info, gpointer) {
        if (gst_video_event_is_force_key_unit (gst_pad_probe_info_get_event (info)))
          asked.update ([] (unsigned &n) { n++; });
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  const Recording v (coded_video);
  s.push ("v", v, 0, 5);
  gint port = 0;
  g_object_get (s.sink, "current-port", &port, nullptr);
  RtmpClient player (port); // rtmp2src of 1.22 leaks here
  player.connect ();
  fail_unless_equals_string (player.play ("cam").c_str (), "NetStream.Play.Start");
  fail_unless (asked.wait ([] (unsigned n) { return n == 1; }));
  gst_object_unref (pad);
  gst_object_unref (src);
}
GST_END_TEST

// Nothing reaches the encoder, upstream is told, and nothing blocks.
GST_START_TEST (test_render_when_idle)
{
  Sender s ("videotestsrc name=v is-live=true ! s.video_0", "render-when-idle=false");
  static Watched<unsigned> throttled;
  GstElement *src = gst_bin_get_by_name (GST_BIN (s.pipeline ()), "v");
  GstPad *pad = gst_element_get_static_pad (src, "src");
  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      [] (GstPad *, GstPadProbeInfo *info, gpointer) {
        GstEvent *e = gst_pad_probe_info_get_event (info);
        GstQOSType type = GST_QOS_TYPE_OVERFLOW;
        if (GST_EVENT_TYPE (e) == GST_EVENT_QOS)
          gst_event_parse_qos (e, &type, nullptr, nullptr, nullptr);
        if (type == GST_QOS_TYPE_THROTTLE)
          throttled.update ([] (unsigned &n) { n++; });
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  fail_unless (throttled.wait ([] (unsigned n) { return n >= 2; }));
  fail_unless (s.stat<guint64> ("messages") <= 1); // the header
  {
    Viewer viewer ("rtmp2src location=" + s.url + " ! flvdemux ! fakesink name=video");
    fail_unless (s.wait_viewers (1));
    fail_unless (viewer.video.wait ([] (const auto &f) { return f.size () >= 5; }));
  }
  fail_unless (s.wait_viewers (0));
  gst_object_unref (pad);
  gst_object_unref (src);
}
GST_END_TEST

GST_START_TEST (test_application_refuses_a_player)
{
  Sender s ("appsrc name=v is-live=true format=time ! s.video_0");
  g_signal_connect (s.sink, "play-request",
      G_CALLBACK (+[] (GstElement *, GstStructure *, GstStructure *, gpointer) -> gboolean {
        return FALSE;
      }),
      nullptr);
  Viewer viewer ("rtmpsrc location=" + s.url + " ! fakesink"); // rtmp2src of 1.22 leaks here
  MessagePtr m = wait_message (
      viewer.pipeline (), static_cast<GstMessageType> (GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  fail_unless (m != nullptr);
  fail_unless (s.stat<guint> ("viewers") == 0);
}
GST_END_TEST

GST_START_TEST (test_again_and_again)
{
  GstElement *sink = gst_element_factory_make ("rtmpserversink", nullptr);
  g_object_set (sink, "port", 0, "bind-address", "127.0.0.1", nullptr);
  GstPad *pad = gst_element_request_pad_simple (sink, "video_%u");
  fail_unless (pad != nullptr);
  for (int i = 0; i < 20; i++) {
    fail_unless (reach_state (sink, GST_STATE_PLAYING));
    fail_unless (reach_state (sink, i % 2 ? GST_STATE_READY : GST_STATE_NULL));
  }
  gst_element_set_state (sink, GST_STATE_NULL);
  gst_element_release_request_pad (sink, pad);
  gst_object_unref (pad);
  gst_object_unref (sink);
}
GST_END_TEST

GST_START_TEST (test_what_rtmp_cannot_carry)
{
  Sender s ("appsrc name=a is-live=true format=time ! s.audio_1");
  GstElement *src = gst_bin_get_by_name (GST_BIN (s.pipeline ()), "a");
  GstCaps *caps = gst_caps_from_string ("audio/x-mulaw,rate=8000,channels=1"); // has no FourCC
  g_object_set (src, "caps", caps, nullptr);
  gst_app_src_push_buffer (GST_APP_SRC (src), gst_buffer_new_allocate (nullptr, 10, nullptr));
  fail_unless (wait_message (s.pipeline (), GST_MESSAGE_ERROR) != nullptr);
  gst_caps_unref (caps);
  gst_object_unref (src);
  GstElement *sink = gst_element_factory_make ("rtmpserversink", nullptr);
  g_object_set (sink, "port", 0, "video-codec", "h264,theora", nullptr);
  fail_unless (gst_element_set_state (sink, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (sink, GST_STATE_NULL);
  gst_object_unref (sink);
}
GST_END_TEST

static Suite *rtmp_play_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("elements-rtmp_play");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_rtmp2src);
  tcase_add_test (tc, test_rtmpsrc_of_librtmp);
  tcase_add_test (tc, test_small_chunks_and_merged_writes);
  tcase_add_test (tc, test_flv_pad);
  tcase_add_test (tc, test_ffmpeg);
  tcase_add_test (tc, test_late_player_begins_with_the_cache);
  tcase_add_test (tc, test_key_frame_is_asked_for_at_a_join);
  tcase_add_test (tc, test_render_when_idle);
  tcase_add_test (tc, test_application_refuses_a_player);
  tcase_add_test (tc, test_again_and_again);
  tcase_add_test (tc, test_what_rtmp_cannot_carry);
  return s;
}
GST_CHECK_MAIN (rtmp_play)

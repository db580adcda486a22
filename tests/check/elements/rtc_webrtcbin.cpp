// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer and GStreamer's webrtcbin, either of which offers, by the same application code.
#include "rtc_call.h"

// webrtcbin keeps some of UPnP, and of OpenSSL for its threads; where, only the slow unwinder sees.
extern "C" int __lsan_is_turned_off ()
{
  return 1;
}

using namespace reach;
using namespace reach::test;

namespace {
struct Case {
  const char *offerer, *answerer;
};
// One of them is webrtcbin; rtcpeer against itself shows that the code is the same.
constexpr Case cases[] = {
    {"rtcpeer", "webrtcbin"}, {"webrtcbin", "rtcpeer"}, {"rtcpeer", "rtcpeer"}};

bool is_bin (const char *element)
{
  return g_str_equal (element, "webrtcbin");
}

// webrtcbin takes RTP alone, and says who it is by a max-bundle policy.
std::string peer (const char *element)
{
  return std::string (element) + " name=peer bundle-policy=max-bundle latency=50 ";
}
std::string to_peer (const char *element, const char *pad)
{
  return is_bin (element) ? " ! peer. " : std::string (" ! peer.") + pad + " ";
}
const std::string h264_rtp =
    small_h264 + " ! rtph264pay aggregate-mode=zero-latency config-interval=-1 ! "
                 "application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000";
const std::string vp8_rtp =
    small_video + " ! vp8enc deadline=1 ! rtpvp8pay ! "
                  "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000";
const std::string opus_rtp =
    small_audio +
    " ! opusenc ! rtpopuspay ! "
    "application/"
    "x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2";

void call (const Case &c, const std::string &video)
{
  Caller a (peer (c.offerer) + video + to_peer (c.offerer, "video_0") + opus_rtp +
            to_peer (c.offerer, "audio_0"));
  Caller b (peer (c.answerer) + video + to_peer (c.answerer, "video_0") + opus_rtp +
            to_peer (c.answerer, "audio_0"));
  Wiring w (a, b);
  b.play ();
  // What it has to send is there when the offer comes.
  fail_unless (wait_message (b.pipeline, GST_MESSAGE_STATE_CHANGED, [&] (GstMessage *m) {
    GstState now;
    gst_message_parse_state_changed (m, nullptr, &now, nullptr);
    return GST_MESSAGE_SRC (m) == GST_OBJECT (b.pipeline) && now == GST_STATE_PLAYING;
  }) != nullptr);
  a.play ();
  for (Caller *x : {&a, &b}) {
    fail_unless (x->wait_media ("video/x-raw", 15), "%s offers: no video, %s", c.offerer,
        w.fault.get ().c_str ());
    fail_unless (x->wait_media ("audio/x-raw", 15), "%s offers: no audio, %s", c.offerer,
        w.fault.get ().c_str ());
  }
}
} // namespace

GST_START_TEST (test_h264_opus)
{
  call (cases[__i__], h264_rtp);
}
GST_END_TEST

GST_START_TEST (test_vp8_opus)
{
  call (cases[__i__], vp8_rtp);
}
GST_END_TEST

namespace {
void on_text (GstWebRTCDataChannel *, const char *text, gpointer to)
{
  static_cast<Watched<std::vector<std::string>> *> (to)->update (
      [text] (auto &all) { all.emplace_back (text ? text : ""); });
}
void on_bytes (GstWebRTCDataChannel *, GBytes *bytes, gpointer to)
{
  static_cast<Watched<std::vector<std::string>> *> (to)->update ([bytes] (auto &all) {
    all.push_back (std::to_string (bytes ? g_bytes_get_size (bytes) : 0));
  });
}
void on_channel (GstElement *, GstWebRTCDataChannel *channel, gpointer self)
{
  auto *c = static_cast<Caller *> (self);
  g_signal_connect (channel, "on-message-string", G_CALLBACK (on_text), &c->messages);
  g_signal_connect (channel, "on-message-data", G_CALLBACK (on_bytes), &c->messages);
  g_signal_emit_by_name (channel, "send-string", "back");
}
} // namespace

// As the examples of GStreamer do it: in READY, before anything is connected.
GST_START_TEST (test_data_channel)
{
  const Case &c = cases[__i__];
  Caller a (peer (c.offerer)), b (peer (c.answerer));
  Wiring w (a, b);
  gst_element_set_state (b.pipeline, GST_STATE_READY); // webrtcbin offers at once
  gst_element_set_state (a.pipeline, GST_STATE_READY);
  g_signal_connect (b.peer, "on-data-channel", G_CALLBACK (on_channel), &b);
  GstWebRTCDataChannel *channel = nullptr;
  g_signal_emit_by_name (a.peer, "create-data-channel", "chat", nullptr, &channel);
  fail_unless (channel != nullptr);
  g_signal_connect (channel, "on-message-string", G_CALLBACK (on_text), &a.messages);
  Watched<bool> open;
  g_signal_connect (channel, "on-open", G_CALLBACK (+[] (GstWebRTCDataChannel *, gpointer o) {
    static_cast<Watched<bool> *> (o)->set (true);
  }),
      &open);
  b.play ();
  a.play ();
  fail_unless (open.wait ([] (bool o) { return o; }), "%s", w.fault.get ().c_str ());
  fail_unless (a.messages.wait ([] (const auto &m) { return m.size () == 1 && m[0] == "back"; }));
  g_signal_emit_by_name (channel, "send-string", "there");
  GBytes *bytes = g_bytes_new_take (g_malloc0 (60000), 60000);
  g_signal_emit_by_name (channel, "send-data", bytes);
  g_bytes_unref (bytes);
  fail_unless (b.messages.wait (
      [] (const auto &m) { return m.size () == 2 && m[0] == "there" && m[1] == "60000"; }));
  g_signal_handlers_disconnect_by_data (channel, &open);
  g_signal_handlers_disconnect_by_data (channel, &a.messages);
  g_object_unref (channel);
}
GST_END_TEST

// Answers of webrtcbin 1.22 to an offer with layers have neither these nor header extensions: it
// gets the first layer, and rtcpeer says so.
GST_START_TEST (test_simulcast)
{
  std::string layers = "rtcpeer name=peer video_0::rid=h video_1::rid=m video_2::rid=l "
                       "videotestsrc is-live=true pattern=ball ! "
                       "video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! tee name=t ";
  const int widths[] = {320, 160, 80};
  for (int i = 0; i < 3; i++)
    layers += "t. ! queue leaky=downstream ! videoscale ! video/x-raw,width=" +
              std::to_string (widths[i]) + ",height=" + std::to_string (widths[i] * 3 / 4) +
              " ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=3000 ! peer.video_" +
              std::to_string (i) + " ";
  Caller a (layers), b (peer ("webrtcbin"));
  Wiring w (a, b);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 15), "%s", w.fault.get ().c_str ());
  fail_unless_equals_int (b.tracks.get ().size (), 1);
  fail_unless_equals_int (b.tracks.get ()[0].width, widths[0]);
  fail_unless (wait_message (a.pipeline, GST_MESSAGE_WARNING) != nullptr);
}
GST_END_TEST

static Suite *rtc_webrtcbin_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_webrtcbin");
  TCase *tc = tcase_create ("calls");
  tcase_set_timeout (tc, 60);
  if (const auto bin = Ref<GstElementFactory>::adopt (gst_element_factory_find ("webrtcbin"));
      !bin) {
    g_printerr ("skipped: there is no webrtcbin\n");
    suite_add_tcase (s, tc);
    return s;
  }
  int first = 0;
  if (g_getenv ("GST_TRACERS")) {
    g_print ("SKIP: webrtcbin, which leaves objects behind; rtcpeer with itself alone\n");
    first = 2;
  }
  tcase_add_loop_test (tc, test_h264_opus, first, G_N_ELEMENTS (cases));
  tcase_add_loop_test (tc, test_vp8_opus, first, G_N_ELEMENTS (cases));
  if (first == 0)
    tcase_add_test (tc, test_simulcast);
  tcase_add_loop_test (tc, test_data_channel, first, G_N_ELEMENTS (cases));
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_webrtcbin)

// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer that opens more data channels, or sends more tracks, than get a pad: what is too much is
// refused with one WARNING, costs no thread, and does not harm what there is.
#include "../bus_error.h"
#include "rtc_call.h"
#include <filesystem>

using namespace reach;
using namespace reach::test;

namespace {
constexpr unsigned most = 64;

std::size_t threads ()
{
  const std::filesystem::directory_iterator all ("/proc/self/task");
  return static_cast<std::size_t> (std::distance (begin (all), end (all)));
}

// Pads by the beginning of their names, those that are there now.
struct Pads {
  Watched<int> there;
  std::string beginning;
  Pads (Caller &c, const char *b) : beginning (b)
  {
    const auto count = +[] (GstElement *, GstPad *pad, gpointer self) {
      static_cast<Pads *> (self)->note (pad, 1);
    };
    const auto discount = +[] (GstElement *, GstPad *pad, gpointer self) {
      static_cast<Pads *> (self)->note (pad, -1);
    };
    g_signal_connect (c.peer, "pad-added", G_CALLBACK (count), this);
    g_signal_connect (c.peer, "pad-removed", G_CALLBACK (discount), this);
  }
  void note (GstPad *pad, int by)
  {
    if (g_str_has_prefix (GST_PAD_NAME (pad), beginning.c_str ()))
      there.update ([by] (int &n) { n += by; });
  }
  bool wait (int n)
  {
    return there.wait ([n] (int now) { return now == n; });
  }
};

unsigned warnings (Caller &c)
{
  GstBus *bus = gst_element_get_bus (c.pipeline);
  unsigned n = 0;
  while (GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING)) {
    n++;
    gst_message_unref (m);
  }
  gst_object_unref (bus);
  return n;
}

// Data channels of a peer, until they are gone.
class Channels {
public:
  explicit Channels (Caller &c) : c_ (c) {}
  ~Channels ()
  {
    for (GstWebRTCDataChannel *d : all)
      gst_object_unref (d);
  }
  void open (unsigned n)
  {
    for (unsigned i = 0; i < n; i++) {
      GstWebRTCDataChannel *d = nullptr;
      g_signal_emit_by_name (c_.peer, "create-data-channel",
          ("channel " + std::to_string (all.size ())).c_str (), nullptr, &d);
      fail_unless (d != nullptr);
      all.push_back (d);
    }
  }
  unsigned in_state (GstWebRTCDataChannelState wanted) const
  {
    return static_cast<unsigned> (std::ranges::count_if (all, [wanted] (auto *d) {
      GstWebRTCDataChannelState s{};
      g_object_get (d, "ready-state", &s, nullptr);
      return s == wanted;
    }));
  }
  std::vector<GstWebRTCDataChannel *> all;

private:
  Caller &c_;
};
} // namespace

GST_START_TEST (test_data_channels)
{
  Caller a ("rtcpeer name=peer"), b ("rtcpeer name=peer");
  Pads pads (b, "data_src_");
  Wiring w (a, b);
  Channels channels (a);
  fail_unless (reach_state (a.peer, GST_STATE_READY)); // there is nothing to be asked in NULL
  b.play ();
  channels.open (most);
  a.play ();
  fail_unless (pads.wait (most), "%d", pads.there.get ());
  fail_unless_equals_int (warnings (b), 0);
  const std::size_t before = threads ();
  channels.open (36);
  // What is too much is closed by the other side.
  fail_unless (iterate_until (
      [&] { return channels.in_state (GST_WEBRTC_DATA_CHANNEL_STATE_CLOSED) == 36; }));
  fail_unless_equals_int (channels.in_state (GST_WEBRTC_DATA_CHANNEL_STATE_OPEN), most);
  fail_unless_equals_int (pads.there.get (), most);
  fail_unless_equals_int (warnings (b), 1);
  fail_unless (threads () <= before + 2, "%zu, %zu", threads (), before);
  // Where one goes another may come.
  for (int i = 0; i < 3; i++)
    g_signal_emit_by_name (channels.all[static_cast<std::size_t> (i)], "close");
  fail_unless (pads.wait (most - 3));
  channels.open (3);
  fail_unless (pads.wait (most));
  g_signal_handlers_disconnect_by_data (b.peer, &pads);
}
GST_END_TEST

namespace {
// The local description of an offer, as if there were so many m-lines more, each with these lines.
std::string with_more (Caller &c, unsigned n, const std::string &lines)
{
  GstWebRTCSessionDescription *d = nullptr;
  g_object_get (c.peer, "current-local-description", &d, nullptr);
  fail_unless (d != nullptr);
  std::string text = CharPtr (gst_sdp_message_as_text (d->sdp)).get ();
  gst_webrtc_session_description_free (d);
  std::string mids, media, transport = "a=setup:actpass\r\n";
  for (const char *line : {"a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"}) {
    const auto at = text.find (line);
    transport += text.substr (at, text.find ("\r\n", at) + 2 - at);
  }
  // Extensions have one number in all m-lines.
  for (const char *what : {"sdes:mid\r\n", "sdes:rtp-stream-id\r\n"}) {
    const auto end = text.find (what);
    if (end != std::string::npos)
      transport +=
          text.substr (text.rfind ("a=extmap", end), end - text.rfind ("a=extmap", end)) + what;
    else
      transport += std::string ("a=extmap:14 urn:ietf:params:rtp-hdrext:") + what;
  }
  for (unsigned i = 0; i < n; i++) {
    const std::string mid = "more" + std::to_string (i);
    mids += " " + mid;
    media += "m=video 9 UDP/TLS/RTP/SAVPF 120\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid +
             "\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:120 VP8/90000\r\na=msid:s t" + mid + "\r\n" +
             transport + lines;
  }
  const auto bundle = text.find ("\r\n", text.find ("a=group:BUNDLE"));
  return text.insert (bundle, mids) + media;
}
const std::string four_layers = "a=rid:a send\r\na=rid:b send\r\na=rid:c send\r\n"
                                "a=rid:d send\r\na=simulcast:send a;b;c;d\r\n";

// False: it is refused.
bool take_offer (Caller &c, const std::string &text)
{
  GstSDPMessage *sdp = nullptr;
  fail_unless_equals_int (gst_sdp_message_new_from_text (text.c_str (), &sdp), GST_SDP_OK);
  GstWebRTCSessionDescription *d =
      gst_webrtc_session_description_new (GST_WEBRTC_SDP_TYPE_OFFER, sdp);
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (c.peer, "set-remote-description", d, p);
  fail_unless_equals_int (gst_promise_wait (p), GST_PROMISE_RESULT_REPLIED);
  const GstStructure *reply = gst_promise_get_reply (p);
  const bool refused = reply && gst_structure_has_field (reply, "error");
  gst_promise_unref (p);
  gst_webrtc_session_description_free (d);
  if (!refused)
    g_signal_emit_by_name (c.peer, "set-local-description", nullptr, nullptr); // the answer
  return !refused;
}
} // namespace

// A description with more m-lines than 64 is refused as it is; of fewer with more layers 64 get a
// pad. What there was goes on.
GST_START_TEST (test_tracks)
{
  Caller a ("rtcpeer name=peer " + small_h264 + " ! peer.video_0"), b ("rtcpeer name=peer");
  Pads pads (b, "src_");
  Wiring w (a, b);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 15), "%s", w.fault.get ().c_str ());
  fail_unless (!take_offer (b, with_more (a, most, {})));
  fail_unless (b.wait_media ("video/x-raw", 15));
  fail_unless_equals_int (pads.there.get (), 1);
  fail_unless (take_offer (b, with_more (a, 20, four_layers)));
  fail_unless (pads.wait (most), "%d", pads.there.get ());
  const auto warning = wait_message (b.pipeline, GST_MESSAGE_WARNING);
  fail_unless (warning != nullptr);
  const auto e = error_of (warning.get ());
  fail_unless (strstr (e->message, "more than 64 tracks") != nullptr, "%s", e->message);
  const std::size_t before = threads ();
  fail_unless (take_offer (b, with_more (a, 40, four_layers)));
  fail_unless (b.wait_media ("video/x-raw", 15));
  fail_unless_equals_int (pads.there.get (), most);
  fail_unless_equals_int (warnings (b), 0); // it was told once
  fail_unless (threads () <= before + 2, "%zu, %zu", threads (), before);
  g_signal_handlers_disconnect_by_data (b.peer, &pads);
}
GST_END_TEST

static Suite *rtc_limits_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_limits");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, test_data_channels);
  tcase_add_test (tc, test_tracks);
  return s;
}

GST_CHECK_MAIN (rtc_limits)

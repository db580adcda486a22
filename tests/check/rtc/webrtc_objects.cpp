// SPDX-License-Identifier: LGPL-2.1-or-later
// Transceivers, descriptions and enums in the shapes of webrtcbin.
#include "browser_sdp.h"
#include "check.h"
#include "rtc/proto/jsep.h"
#include "rtc/webrtc/enums.h"
#include "rtc/webrtc/session_description.h"
#include "rtc/webrtc/transceiver.h"
#include <cstring>
#include <set>

using namespace reach;
using namespace reach::rtc;
using namespace reach::test;

namespace {
// Our text as a GstSDPMessage and back: as our parser sees it, nothing is lost.
void check_round (const std::string &text)
{
  std::string why;
  const auto d = description_to_gst (DescriptionType::offer, text, why);
  fail_unless (d != nullptr, "%s", why.c_str ());
  fail_unless_equals_int (d->type, GST_WEBRTC_SDP_TYPE_OFFER);
  const auto back = description_from_gst (d.get ());
  fail_unless (back && back->type == DescriptionType::offer);
  const sdp::Parsed a = sdp::parse (text), b = sdp::parse (back->sdp);
  fail_unless (a && b, "line %u", static_cast<unsigned> (b.line));
  fail_unless (a.description == b.description, "%s", back->sdp.c_str ());
  // And as it is typed, through the copies that promises make.
  const auto typed = description_to_gst (DescriptionType::answer, a.description);
  const SessionDescriptionPtr copy (gst_webrtc_session_description_copy (typed.get ()));
  const auto twice = description_from_gst (copy.get ());
  fail_unless (twice && twice->type == DescriptionType::answer);
  fail_unless (
      sdp::to_string (sdp::parse (twice->sdp).description) == sdp::to_string (a.description));
}

template <typename T> T get (GstWebRTCRTPTransceiver *t, const char *name)
{
  T v{};
  g_object_get (t, name, &v, nullptr);
  return v;
}
} // namespace

GST_START_TEST (test_descriptions)
{
  check_round (chromium_offer);
  check_round (firefox_offer);
  check_round (crlf (R"(
v=0
o=- 1 18446744073709551615 IN IP6 ::1
s= 
c=IN IP6 ::
b=AS:1000
t=0 0
a=ice-lite
a=unknown
a=unknown:with: colons:
m=video 0 UDP/TLS/RTP/SAVPF 96
c=IN IP4 224.2.1.1/127
b=AS:512
b=TIAS:512000
a=mid:v
a=bundle-only
a=candidate:1 1 udp 1 2001:db8::1 9 typ host
a=end-of-candidates
a=rtpmap:96 VP8/90000
a=fmtp:96 x=1; y="a:b"
)"));
}
GST_END_TEST

GST_START_TEST (test_bad_descriptions)
{
  std::string why;
  fail_if (description_to_gst (DescriptionType::offer, "v=1\r\n", why) != nullptr);
  fail_unless (why.find ("line 1") != std::string::npos, "%s", why.c_str ());
  fail_if (description_from_gst (nullptr).has_value ());
  const auto rollback = description_to_gst (DescriptionType::rollback, "", why);
  const auto back = description_from_gst (rollback.get ());
  fail_unless (back && back->type == DescriptionType::rollback && back->sdp.empty ());
  GstWebRTCSessionDescription none{};
  const int no_type = 99;
  std::memcpy (&none.type, &no_type, sizeof no_type);
  fail_if (description_from_gst (&none).has_value ());
}
GST_END_TEST

GST_START_TEST (test_transceiver)
{
  std::vector<Direction> directions;
  Ref<GstCaps> codecs;
  TransceiverWishes wishes;
  TransceiverHooks hooks;
  hooks.direction = [&] (Direction d) { directions.push_back (d); };
  hooks.codec_preferences = [&] (Ref<GstCaps> c) { codecs = std::move (c); };
  hooks.wishes = [&] (const TransceiverWishes &w) { wishes = w; };
  const auto t = transceiver_new (MediaKind::video, {}, hooks);
  auto *object = t.get ();
  fail_unless (GST_IS_WEBRTC_RTP_TRANSCEIVER (object));
  fail_unless (get<gchar *> (object, "mid") == nullptr);
  fail_unless_equals_uint64 (get<guint> (object, "mlineindex"), G_MAXUINT);
  fail_unless_equals_int (get<gint> (object, "kind"), GST_WEBRTC_KIND_VIDEO);
  fail_unless_equals_int (
      get<gint> (object, "direction"), GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV);
  fail_unless_equals_int (
      get<gint> (object, "current-direction"), GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_NONE);
  for (const char *name : {"sender", "receiver"}) {
    const auto part = Ref<GstObject>::adopt (get<GstObject *> (object, name));
    fail_unless (part.get () != nullptr && GST_OBJECT_PARENT (part.get ()) == GST_OBJECT (object));
  }
  // What the application wants goes to the peer.
  g_object_set (object, "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "do-nack", TRUE,
      "fec-type", GST_WEBRTC_FEC_TYPE_ULP_RED, "fec-percentage", 20u, nullptr);
  g_object_set (object, "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_NONE, nullptr);
  fail_unless (directions == std::vector{Direction::sendonly});
  fail_unless (
      wishes.nack && wishes.fec_type == GST_WEBRTC_FEC_TYPE_ULP_RED && wishes.fec_percentage == 20);
  const auto caps =
      Ref<GstCaps>::adopt (gst_caps_from_string ("application/x-rtp, encoding-name=VP8"));
  g_object_set (object, "codec-preferences", caps.get (), nullptr);
  fail_unless (codecs.get () && gst_caps_is_equal (codecs.get (), caps.get ()));
  const auto shown = Ref<GstCaps>::adopt (get<GstCaps *> (object, "codec-preferences"));
  fail_unless (gst_caps_is_equal (shown.get (), caps.get ()));
  // What the peer negotiated comes from there, and only changes are told.
  std::multiset<std::string> notified;
  g_signal_connect (object, "notify",
      G_CALLBACK (
          +[] (GObject *, GParamSpec *p, std::multiset<std::string> *n) { n->insert (p->name); }),
      &notified);
  const TransceiverShown update{"1", 1, Direction::sendonly, Direction::sendonly};
  transceiver_update (object, update);
  transceiver_update (object, update);
  fail_unless ((notified == std::multiset<std::string>{"mid", "mlineindex", "current-direction"}));
  const CharPtr mid (get<gchar *> (object, "mid"));
  fail_unless_equals_string (mid.get (), "1");
  fail_unless_equals_int (
      get<gint> (object, "current-direction"), GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY);
  fail_unless (transceiver_shown (object) == update);
  transceiver_detach (object);
  g_object_set (object, "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_INACTIVE, nullptr);
  fail_unless_equals_int (directions.size (), 1);
  fail_unless_equals_int (G_OBJECT (object)->ref_count, 1);
}
GST_END_TEST

// Each value has its own, and comes back where there is a way back.
GST_START_TEST (test_enums)
{
  std::set<int> seen;
  for (const auto s : {SignalingState::stable, SignalingState::have_local_offer,
           SignalingState::have_remote_offer, SignalingState::have_local_pranswer,
           SignalingState::have_remote_pranswer, SignalingState::closed})
    seen.insert (to_gst (s));
  fail_unless_equals_int (seen.size (), 6);
  fail_unless_equals_int (
      to_gst (SignalingState::have_remote_offer), GST_WEBRTC_SIGNALING_STATE_HAVE_REMOTE_OFFER);
  for (const auto d :
      {Direction::inactive, Direction::sendonly, Direction::recvonly, Direction::sendrecv})
    fail_unless (from_gst (to_gst (std::optional (d))) == d);
  for (const auto t : {DescriptionType::offer, DescriptionType::pranswer, DescriptionType::answer,
           DescriptionType::rollback})
    fail_unless (from_gst (to_gst (t)) == t);
  for (const std::uint16_t p : {128, 256, 512, 1024})
    fail_unless_equals_int (from_gst (priority_to_gst (p)), p);
  fail_unless_equals_int (priority_to_gst (257), GST_WEBRTC_PRIORITY_TYPE_MEDIUM);
  fail_unless_equals_int (
      to_gst (IceState::completed, true), GST_WEBRTC_ICE_CONNECTION_STATE_DISCONNECTED);
  fail_unless_equals_int (to_gst (IceState::failed, true), GST_WEBRTC_ICE_CONNECTION_STATE_FAILED);
  fail_unless_equals_int (
      to_gst (TransportState::connected, false), GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED);
  fail_unless_equals_int (
      to_gst (TransportState::connected, true), GST_WEBRTC_PEER_CONNECTION_STATE_DISCONNECTED);
  fail_unless_equals_int (
      to_gst (GatheringState::complete), GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE);
  fail_unless_equals_int (to_gst (ChannelState::closing), GST_WEBRTC_DATA_CHANNEL_STATE_CLOSING);
  fail_unless_equals_int (to_gst (JsepFault::wrong_state), GST_WEBRTC_ERROR_INVALID_STATE);
}
GST_END_TEST

static Suite *webrtc_objects_suite (void)
{
  Suite *s = suite_create ("rtc-webrtc_objects");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_descriptions);
  tcase_add_test (t, test_bad_descriptions);
  tcase_add_test (t, test_transceiver);
  tcase_add_test (t, test_enums);
  return s;
}
GST_CHECK_MAIN (webrtc_objects)

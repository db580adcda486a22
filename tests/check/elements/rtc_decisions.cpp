// SPDX-License-Identifier: LGPL-2.1-or-later
// What an application decides of a call: pairs that are refused, descriptions that are edited, how
// many pairs are checked, and the pads it asks for.
#include "rtc_network.h"
#include <gio/gio.h>

using namespace reach;
using namespace reach::test;

namespace {
std::string peer (const std::string &more)
{
  return "rtcpeer name=peer " + more + " ";
}
std::string by (const SignallingServer &s)
{
  return "signalling-uri=" + s.uri ("garden");
}

// Says no to so many pairs first.
struct Refusal {
  std::atomic<int> left;
  std::atomic<unsigned> asked{0};
  Refusal (Caller &c, int n) : left (n)
  {
    g_signal_connect (c.peer, "accept-pair",
        G_CALLBACK (+[] (GstElement *, const char *local, const char *remote, Refusal *self) {
          fail_unless (g_str_has_prefix (local, "candidate:"), "%s", local);
          fail_unless (g_str_has_prefix (remote, "candidate:"), "%s", remote);
          self->asked++;
          return static_cast<gboolean> (self->left.fetch_sub (1) <= 0);
        }),
        this);
  }
};

std::string field (GstMessage *m, const char *name)
{
  const char *v = gst_structure_get_string (gst_message_get_structure (m), name);
  return v ? v : "";
}
} // namespace

// Nothing goes over a pair that is refused: the connection fails, says so, and tries again until
// one is accepted.
GST_START_TEST (test_refused_pair)
{
  SignallingServer server;
  Caller a (peer (by (server)) + small_h264 + " ! peer.video_0"), b (peer (by (server)));
  Refusal refusal (b, 2);
  a.play ();
  b.play ();
  for (int i = 0; i < 2; i++) {
    const auto failed = wait_element_message (b.pipeline, "rtc-pair-failed");
    fail_unless (failed != nullptr);
    fail_unless_equals_string (field (failed.get (), "reason").c_str (), "refused");
    fail_unless_equals_uint64 (b.decoded ("video/x-raw"), 0);
  }
  fail_unless (b.wait_media ("video/x-raw", 15));
  fail_unless (refusal.asked >= 3);
  g_signal_handlers_disconnect_by_data (b.peer, &refusal);
}
GST_END_TEST

GST_START_TEST (test_refused_always)
{
  Caller a (peer ("") + small_h264 + " ! peer.video_0"), b (peer (""));
  Refusal refusal (b, 1000000);
  Wiring w (a, b);
  b.play ();
  a.play ();
  fail_unless (wait_element_message (b.pipeline, "rtc-pair-failed") != nullptr);
  fail_unless (iterate_until ([&] {
    return b.get<GstWebRTCPeerConnectionState> ("connection-state") ==
           GST_WEBRTC_PEER_CONNECTION_STATE_FAILED;
  }));
  fail_unless_equals_int (b.get<GstWebRTCICEConnectionState> ("ice-connection-state"),
      GST_WEBRTC_ICE_CONNECTION_STATE_FAILED);
  fail_unless (a.get<GstWebRTCPeerConnectionState> ("connection-state") !=
               GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED);
  fail_unless_equals_uint64 (sum_of_stats (b.peer, "packets-sent"), 0);
  const gint64 begin = g_get_monotonic_time ();
  b.end ();
  fail_unless (g_get_monotonic_time () - begin < 2 * G_USEC_PER_SEC);
  g_signal_handlers_disconnect_by_data (b.peer, &refusal);
}
GST_END_TEST

namespace {
std::string description (Caller &c, const char *property)
{
  GstWebRTCSessionDescription *d = nullptr;
  g_object_get (c.peer, property, &d, nullptr);
  if (!d)
    return {};
  const CharPtr text (gst_sdp_message_as_text (d->sdp));
  gst_webrtc_session_description_free (d);
  return text.get ();
}

// What becomes of a local description; returns null for "as it is".
using Edit = std::function<std::string (const std::string &type, const std::string &sdp)>;
void edit (Caller &c, Edit *how)
{
  g_signal_connect (c.peer, "local-description",
      G_CALLBACK (+[] (GstElement *, const char *type, const char *sdp, Edit *e) -> char * {
        const std::string text = (*e) (type, sdp);
        return text.empty () ? nullptr : g_strdup (text.c_str ());
      }),
      how);
}
std::string without (std::string text, const std::string &what)
{
  for (auto at = text.find (what); at != std::string::npos; at = text.find (what))
    text.erase (at, text.find ("\r\n", at) + 2 - at);
  return text;
}
} // namespace

// What goes out is the edited one, in offers and in answers, and it is kept to: there is no RTX.
GST_START_TEST (test_edited_description)
{
  SignallingServer server;
  Caller a (peer (by (server) + " video-codecs=H264") + small_h264 + " ! peer.video_0"),
      b (peer (by (server)));
  Watched<std::vector<std::string>> types;
  Edit mark = [&types] (const std::string &type, const std::string &sdp) {
    types.update ([&] (auto &all) { all.push_back (type); });
    std::string text = without (sdp, "a=rtcp-fb");
    const auto at = text.find ("m=");
    return text.insert (at, "a=x-edited:" + type + "\r\n");
  };
  edit (a, &mark);
  edit (b, &mark);
  a.play ();
  b.play ();
  fail_unless (b.wait_media ("video/x-raw", 15));
  const std::string at_a = description (a, "remote-description"),
                    at_b = description (b, "remote-description");
  fail_unless (at_a.find ("a=x-edited:") != std::string::npos, "%s", at_a.c_str ());
  fail_unless (at_b.find ("a=x-edited:") != std::string::npos, "%s", at_b.c_str ());
  fail_unless (at_a.find ("a=rtcp-fb") == std::string::npos, "%s", at_a.c_str ());
  fail_unless (description (a, "local-description").find ("a=x-edited:") != std::string::npos);
  const auto all = types.get ();
  for (const char *type : {"offer", "answer"})
    fail_unless (std::ranges::find (all, type) != all.end (), "no %s", type);
  for (Caller *c : {&a, &b})
    g_signal_handlers_disconnect_by_data (c->peer, &mark);
}
GST_END_TEST

// One that is malformed, or has what may not be changed, is told of and not used.
GST_START_TEST (test_badly_edited)
{
  for (const bool malformed : {true, false}) {
    SignallingServer server;
    Caller a (peer (by (server)) + small_h264 + " ! peer.video_0"), b (peer (by (server)));
    Edit spoil = [malformed] (const std::string &, const std::string &sdp) {
      return malformed ? "nonsense" : without (sdp, "m=video");
    };
    edit (a, &spoil);
    a.play ();
    b.play ();
    const auto warning = wait_message (a.pipeline, GST_MESSAGE_WARNING);
    fail_unless (warning != nullptr);
    fail_unless (b.wait_media ("video/x-raw", 15), malformed ? "malformed" : "without media");
    g_signal_handlers_disconnect_by_data (a.peer, &spoil);
  }
}
GST_END_TEST

namespace {
// UDP sockets that note whether a packet has come.
class Listeners {
public:
  explicit Listeners (unsigned n)
  {
    for (unsigned i = 0; i < n; i++) {
      GSocket *s = g_socket_new (
          G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, nullptr);
      GInetAddress *any = g_inet_address_new_any (G_SOCKET_FAMILY_IPV4);
      GSocketAddress *at = g_inet_socket_address_new (any, 0);
      fail_unless (g_socket_bind (s, at, FALSE, nullptr));
      g_socket_set_blocking (s, FALSE);
      g_object_unref (at);
      g_object_unref (any);
      sockets_.push_back (Ref<GSocket>::adopt (s));
    }
  }
  guint16 port (unsigned i) const
  {
    GSocketAddress *at = g_socket_get_local_address (sockets_[i].get (), nullptr);
    const guint16 p = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (at));
    g_object_unref (at);
    return p;
  }
  unsigned reached () const
  {
    return static_cast<unsigned> (std::ranges::count_if (sockets_, [] (const auto &s) {
      return (g_socket_condition_check (s.get (), G_IO_IN) & G_IO_IN) != 0;
    }));
  }

private:
  std::vector<Ref<GSocket>> sockets_;
};

// How many of 30 candidates of the peer, which do not answer, are checked until ICE has failed.
unsigned checked (unsigned max_pairs)
{
  constexpr unsigned n = 30;
  Listeners listeners (n);
  Caller a (peer ("ice-tcp=false max-candidate-pairs=" + std::to_string (max_pairs)) + small_h264 +
            " ! peer.video_0"),
      b (peer ("ice-tcp=false"));
  Wiring w (a, b);
  Watched<std::string> address;
  w.rewrite = [&address] (bool, const std::string &text) {
    const auto c = rtc::parse_candidate (text);
    if (c && c->address.find (':') == std::string::npos)
      address.set (c->address);
    return std::string ();
  };
  b.play ();
  a.play ();
  fail_unless (w.negotiated.wait ([] (unsigned x) { return x > 0; }));
  fail_unless (address.wait ([] (const std::string &t) { return !t.empty (); }));
  for (unsigned i = 0; i < n; i++) {
    const std::string candidate = "candidate:" + std::to_string (i + 1) + " 1 udp " +
                                  std::to_string (2130706431 - i) + " " + address.get () + " " +
                                  std::to_string (listeners.port (i)) + " typ host";
    g_signal_emit_by_name (a.peer, "add-ice-candidate", 0u, candidate.c_str ());
  }
  fail_unless (
      wait_element_message (a.pipeline, "rtc-pair-failed", milliseconds (40000)) != nullptr);
  return listeners.reached ();
}
} // namespace

GST_START_TEST (test_max_candidate_pairs)
{
  const unsigned few = checked (4), all = checked (100);
  g_print ("%u of 30 candidates are checked with max-candidate-pairs=4, %u with 100\n", few, all);
  fail_unless_equals_int (all, 30);
  fail_unless (few >= 1 && few <= 8);
}
GST_END_TEST

// webrtcbin's name of pads: with caps that say what it is for; else it is told what to do instead.
GST_START_TEST (test_sink_pads_of_webrtcbin)
{
  GstElement *e = GST_ELEMENT (gst_object_ref_sink (gst_element_factory_make ("rtcpeer", nullptr)));
  GstPad *pad = nullptr;
  const auto fatal = g_log_set_always_fatal (static_cast<GLogLevelFlags> (G_LOG_FATAL_MASK));
  ASSERT_WARNING (pad = gst_element_request_pad_simple (e, "sink_%u"));
  fail_unless (pad == nullptr);
  ASSERT_WARNING (pad = gst_element_request_pad_simple (e, "sink_0"));
  fail_unless (pad == nullptr);
  g_log_set_always_fatal (fatal);
  GstPadTemplate *t = gst_element_get_pad_template (e, "sink_%u");
  for (const char *media : {"video", "audio"}) {
    const auto caps = Ref<GstCaps>::adopt (
        gst_caps_new_simple ("application/x-rtp", "media", G_TYPE_STRING, media, nullptr));
    pad = gst_element_request_pad (e, t, nullptr, caps.get ());
    fail_unless (pad != nullptr);
    fail_unless (g_str_has_prefix (GST_PAD_NAME (pad), "sink_"), "%s", GST_PAD_NAME (pad));
    gst_element_release_request_pad (e, pad);
    gst_object_unref (pad);
  }
  // It is always max-bundle, whatever is set.
  gint policy = -1;
  g_object_set (e, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_COMPAT, nullptr);
  g_object_get (e, "bundle-policy", &policy, nullptr);
  fail_unless_equals_int (policy, GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE);
  gst_object_unref (e);
}
GST_END_TEST

static Suite *rtc_decisions_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_decisions");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 90);
  tcase_add_test (tc, test_refused_pair);
  tcase_add_test (tc, test_refused_always);
  tcase_add_test (tc, test_edited_description);
  tcase_add_test (tc, test_badly_edited);
  tcase_add_test (tc, test_max_candidate_pairs);
  tcase_add_test (tc, test_sink_pads_of_webrtcbin);
  return s;
}

GST_CHECK_MAIN (rtc_decisions)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Paths between rtcpeer and Chromium: relays, names of mDNS; simulcast; what both count.
#include "../coturn.h"
#include "../own_address.h"
#include "../rtc_browser.h"

using namespace reach::test;

namespace {
class Stats {
public:
  explicit Stats (const std::string &text) : s_ (gst_structure_from_string (text.c_str (), nullptr))
  {
    fail_unless (s_ != nullptr, "no such statistics");
  }
  ~Stats () { gst_structure_free (s_); }
  Stats (const Stats &) = delete;
  Stats &operator= (const Stats &) = delete;
  std::string text (const char *name) const // of enums their nicks
  {
    const GValue *v = gst_structure_get_value (s_, name);
    fail_unless (v != nullptr, "no %s", name);
    if (G_VALUE_HOLDS_STRING (v))
      return g_value_get_string (v);
    gchar *text = gst_value_serialize (v);
    const std::string all = text;
    g_free (text);
    return all;
  }
  double number (const char *name) const { return std::stod (text (name)); }

private:
  GstStructure *s_;
};

// The candidates of the pair that the page has chosen.
const char *const pair_types =
    "(async () => { const [t] = await stats('transport');"
    "const all = await pc().getStats(), pair = all.get(t.selectedCandidatePairId);"
    "return [pair.localCandidateId, pair.remoteCandidateId].map((id) => "
    "all.get(id).candidateType).join(' '); })()";
} // namespace

// By a relay at one side and at both.
GST_START_TEST (test_relay)
{
  if (!Coturn::there ())
    return;
  const bool ours = __i__ != 1, theirs = __i__ != 0;
  const std::string address = own_address ();
  const Coturn turn ({"--lt-cred-mech", "--user=user:pass"}, address.c_str ());
  const std::string at = address + ":" + std::to_string (turn.port ());
  const Server server;
  browser ().open (server.page ());
  browser ().run ("connect('garden', (p) => give(p, 'video'), {" +
                  (theirs ? "iceTransportPolicy: 'relay', iceServers: [{urls: 'turn:" + at +
                                "', username: 'user', credential: 'pass'}]"
                          : std::string ()) +
                  "})");
  Peer p (server, (ours ? "ice-transport-policy=relay ice-servers=turn:user:pass@" + at : "") +
                      " " + picture + vp8 + "p.");
  browser ().run ("sees('VP8', 320, 240)");
  p.decodes ("video/x-", "width=(int)320");
  const std::string types = browser ().run (pair_types);
  if (ours && theirs)
    fail_unless_equals_string (types.c_str (), "relay relay");
  else if (ours) // it may be seen before it is told
    fail_unless (types.ends_with (" relay") || types.ends_with (" prflx"), "%s", types.c_str ());
  else
    fail_unless (types.starts_with ("relay "), "%s", types.c_str ());
  g_print ("relay only at %s: %s\n",
      ours && theirs ? "both"
      : ours         ? "our side"
                     : "Chromium",
      types.c_str ());
}
GST_END_TEST

// A page that may not use the camera tells no address, only names of mDNS. Its own checks are left
// without an answer for long enough that the name has to be resolved.
GST_START_TEST (test_mdns)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, picture + vp8 + "p.", false);
  Watched<unsigned> asked;
  g_signal_connect (p.peer, "binding-request",
      G_CALLBACK (+[] (GstElement *, const char *, gpointer n) -> gboolean {
        unsigned now = 0;
        static_cast<Watched<unsigned> *> (n)->update ([&] (unsigned &x) { now = ++x; });
        return now > 100;
      }),
      &asked);
  p.start ();
  browser ().run ("connect('garden')");
  browser ().run ("sees('VP8', 320, 240)");
  const std::string told = browser ().run ("pc().localDescription.sdp.split('\\r\\n').filter((l) "
                                           "=> l.startsWith('a=candidate')).join(' ')");
  fail_unless (told.find (".local ") != std::string::npos, "no name: %s", told.c_str ());
  const std::string remote = p.stats ("remote-candidate");
  fail_unless (remote.find ("candidate-type=(string)host") != std::string::npos, "%s after %u",
      remote.c_str (), asked.get ());
  g_print ("names of mDNS: resolved within %u checks\n", asked.get ());
  p.stop ();
}
GST_END_TEST

GST_START_TEST (test_simulcast)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, "");
  browser ().run (
      "connect('garden', async (p) => { const [track] = (await "
      "navigator.mediaDevices.getUserMedia({video: {width: 640, height: 480}})).getTracks();"
      "p.addTransceiver(track, {direction: 'sendonly', sendEncodings: [{rid: 'h'}, "
      "{rid: 'l', scaleResolutionDownBy: 2}]}); })");
  const std::string large = p.decodes ("video/x-vp8", "width=(int)640");
  const std::string small = p.decodes ("video/x-vp8", "width=(int)320");
  fail_unless (large != small, "%s", p.text ().c_str ());
  g_print ("simulcast of Chromium: %s", p.text ().c_str ());
}
GST_END_TEST

// Chromium takes no simulcast: of the two layers it sees the first.
GST_START_TEST (test_simulcast_refused)
{
  const Server server;
  browser ().open (server.page ());
  Peer p (server, "video_0::rid=h video_1::rid=l " + picture + " ! tee name=t  t. ! queue" + vp8 +
                      "p.video_0  t. ! queue ! videoscale ! video/x-raw,width=160,height=120" +
                      vp8 + "p.video_1");
  browser ().run ("connect('garden')");
  browser ().run ("sees('VP8', 320, 240)");
  const std::string offered = browser ().run ("pc().remoteDescription.sdp");
  fail_unless (offered.find ("a=simulcast:send h;l") != std::string::npos, "%s", offered.c_str ());
  const std::string answered = browser ().run ("pc().localDescription.sdp");
  fail_unless (answered.find ("a=simulcast") == std::string::npos, "%s", answered.c_str ());
  const auto warning = wait_message (p.pipeline (), GST_MESSAGE_WARNING);
  fail_unless (warning != nullptr, "nobody was told");
}
GST_END_TEST

// What both count agrees, after either side has offered first and the other side later. Who answers
// is DTLS server, as we like it, and chooses GCM.
GST_START_TEST (test_statistics)
{
  const Server server;
  browser ().open (server.page ());
  const char *const connect = "connect('garden', (p) => give(p, 'video', 'audio'))";
  if (__i__ == 0)
    browser ().run (connect);
  Peer p (server, picture + vp8 + "p. " + sound + opus + "p.");
  if (__i__ == 1)
    browser ().run (connect);
  browser ().run ("sees('VP8', 320, 240)");
  p.decodes ("video/x-", "width=(int)320", 40);
  // What our receiver reports says to Chromium.
  browser ().run (
      "until(async () => (await stats('remote-inbound-rtp', (s) => s.roundTripTime > 0))"
      ".length === 2, 'round-trip times by our reports')");
  const Stats ours (p.stats ("transport"));
  const auto theirs = [] (const char *what) {
    return browser ().run (std::string ("stats('transport').then(([t]) => t.") + what + ")");
  };
  fail_unless_equals_string (theirs ("srtpCipher").c_str (), "SRTP_AEAD_AES_128_GCM");
  fail_unless_equals_string (ours.text ("srtp-cipher").c_str (), "AEAD_AES_128_GCM");
  fail_unless_equals_string (theirs ("dtlsCipher").c_str (), ours.text ("dtls-cipher").c_str ());
  fail_unless_equals_string (theirs ("dtlsState").c_str (), ours.text ("dtls-state").c_str ());
  fail_unless (
      theirs ("iceRole") != ours.text ("ice-role"), "both are %s", theirs ("iceRole").c_str ());
  const Stats in (p.stats ("inbound-rtp", "video")), out (p.stats ("outbound-rtp", "video"));
  const Stats remote (p.stats ("remote-inbound-rtp")), codec (p.stats ("codec")); // of anything
  fail_unless (in.number ("packets-received") >= 40 && in.number ("packets-lost") == 0);
  fail_unless (in.number ("bytes-received") > 100 * in.number ("packets-received"));
  fail_unless (in.number ("jitter") > 0 && in.number ("jitter") < 1);
  fail_unless (out.number ("packets-sent") >= 10 && out.number ("bytes-sent") > 1000);
  fail_unless (remote.number ("round-trip-time") > 0 && remote.number ("round-trip-time") < 1);
  const std::string mime = codec.text ("mime-type");
  fail_unless (mime == "video/VP8" || mime == "audio/opus", "%s", mime.c_str ());
  // One key frame to begin with is all that is needed; decoders may come late to one.
  const std::string asked =
      browser ().run ("stats('outbound-rtp', (s) => s.kind === 'video').then(([s]) => s.pliCount)");
  fail_unless (std::stoi (asked) <= 3, "%s key frames were asked for", asked.c_str ());
  g_print ("statistics: we are %s, Chromium %s; %s, %s key frames asked for\n",
      ours.text ("ice-role").c_str (), theirs ("iceRole").c_str (), theirs ("srtpCipher").c_str (),
      asked.c_str ());
}
GST_END_TEST

static Suite *rtc_browser_network_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_browser_network");
  TCase *c = browser_case (s);
  tcase_add_loop_test (c, test_relay, 0, 3);
  tcase_add_test (c, test_simulcast);
  tcase_add_test (c, test_simulcast_refused);
  tcase_add_loop_test (c, test_statistics, 0, 2);
  TCase *names = browser_case (s, "--no-camera");
  tcase_add_test (names, test_mdns);
  return s;
}

GST_CHECK_MAIN (rtc_browser_network)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Media between rtcpeer and Chromium: each codec and kind of input, in both directions.
#include "../rtc_browser.h"

using namespace reach::test;

namespace {
struct Sent {
  const char *name;
  std::string line;  // what rtcpeer sends
  std::string check; // what the page sees of it
};
const Sent sent[] = {
    {"H.264, encoded", picture + h264 + "p.", "sees('H264', 320, 240)"},
    {"H.264, raw", "video-codecs=H264 " + picture + " ! p.", "sees('H264', 320, 240)"},
    {"any, raw", picture + " ! p.", "sees(undefined, 320, 240)"},
    {"VP8, encoded", picture + vp8 + "p.", "sees('VP8', 320, 240)"},
    {"VP8, raw", "video-codecs=VP8 " + picture + " ! p.", "sees('VP8', 320, 240)"},
    {"Opus, encoded", sound + opus + "p.", "hears('opus')"},
    {"Opus, raw", sound + " ! p.", "hears('opus')"},
    {"video and audio", picture + h264 + "p. " + sound + opus + "p.",
        "Promise.all([sees('H264', 320, 240), hears('opus')])"},
};

struct Received {
  const char *name, *kind, *codec, *coded, *raw;
};
const Received received[] = {
    {"H.264", "video", "H264", "video/x-h264", "width=(int)320, height=(int)240"},
    {"VP8", "video", "VP8", "video/x-vp8", "width=(int)320, height=(int)240"},
    {"VP9", "video", "VP9", "video/x-vp9", "width=(int)320, height=(int)240"},
    // There is no depayloader for the first, so that the second is taken.
    {"AV1 or VP8", "video", "AV1,VP8", "video/x-vp8", "width=(int)320, height=(int)240"},
    {"Opus", "audio", "opus", "audio/x-opus", "audio/x-raw"},
    {"PCMU", "audio", "PCMU", "audio/x-mulaw", "audio/x-raw"},
    {"PCMA", "audio", "PCMA", "audio/x-alaw", "audio/x-raw"},
};
} // namespace

GST_START_TEST (test_sends)
{
  const Sent &c = sent[__i__];
  const Server server;
  browser ().open (server.page ());
  browser ().run ("connect('garden')");
  Peer p (server, c.line);
  const std::string what = browser ().run (c.check);
  g_print ("%s: Chromium sees %s\n", c.name, what.c_str ());
}
GST_END_TEST

// It comes to a src pad, coded as it was sent, and is decoded there.
GST_START_TEST (test_receives)
{
  const Received &c = received[__i__];
  const Server server;
  browser ().open (server.page ());
  Peer p (server, "");
  const std::string kind = c.kind;
  browser ().run ("connect('garden', async (p) => { await give(p, '" + kind + "'); prefer(p, '" +
                  kind + "', '" + c.codec + "'); })");
  p.decodes (c.coded, c.raw, 20);
  if (kind == "audio")
    fail_unless (p.seen.wait ([] (const auto &all) { return all.begin ()->second.peak > 1000; }),
        "silence: %s", p.text ().c_str ());
  g_print ("%s of Chromium: %s", c.name, p.text ().c_str ());
}
GST_END_TEST

// We offer all we have, the page answers with one codec: Chromium then still wraps it in our red.
GST_START_TEST (test_answers_with_one)
{
  const Server server;
  browser ().open (server.page ());
  browser ().run (
      "devices('video').then(([t]) => connect('garden', (p) => p.addEventListener('track', "
      "({transceiver: x}) => { prefer(p, 'video', 'VP8', true); x.direction = 'sendrecv'; "
      "x.sender.replaceTrack(t); })))");
  Peer p (server, picture + vp8 + "p.");
  p.decodes ("video/x-vp8", "width=(int)320, height=(int)240", 20);
  browser ().run ("sees('VP8', 320, 240)");
  const std::string answer = browser ().run ("pc().localDescription.type + ' ' + "
                                             "pc().localDescription.sdp.match(/m=video.*/)[0]");
  fail_unless (answer.starts_with ("answer ") && answer.ends_with (" 96"), "%s", answer.c_str ());
  g_print ("answered with one codec: %s: %s", answer.c_str (), p.text ().c_str ());
}
GST_END_TEST

// Chromium reads our FEC.
GST_START_TEST (test_fec)
{
  const Server server;
  browser ().open (server.page ());
  browser ().run ("connect('garden')");
  Peer p (server, picture + vp8 + "p.", false);
  g_signal_connect (p.peer, "on-new-transceiver",
      G_CALLBACK (+[] (GstElement *, GObject *transceiver, gpointer) {
        gst_util_set_object_arg (transceiver, "fec-type", "ulp-red");
        gst_util_set_object_arg (transceiver, "fec-percentage", "100");
      }),
      nullptr);
  p.start ();
  browser ().run ("sees('VP8', 320, 240)");
  // It does not count them: of each frame there is a packet more than it needs at least.
  const std::string seen = browser ().run (
      "until(async () => (await stats('inbound-rtp', (s) => s.framesReceived > 10 && "
      "s.packetsReceived >= 1.8 * s.framesReceived))[0], 'FEC').then((s) => "
      "`${s.packetsReceived} packets of ${s.framesReceived} frames, ${s.packetsLost} lost`)");
  g_print ("FEC at Chromium: %s\n", seen.c_str ());
  p.stop ();
}
GST_END_TEST

// Cameras and microphones at both ends, in one negotiation or in two.
GST_START_TEST (test_both)
{
  const Server server;
  browser ().open (server.page ());
  const std::string give = "connect('garden', (p) => give(p, 'video', 'audio'))";
  if (__i__ == 0)
    browser ().run (give);
  Peer p (server, picture + h264 + "p. " + sound + opus + "p.");
  if (__i__ == 1)
    browser ().run (give);
  browser ().run ("Promise.all([sees('H264', 320, 240), hears('opus')])");
  p.decodes ("video/x-", "width=(int)320, height=(int)240");
  p.decodes ("audio/x-opus", "audio/x-raw");
  g_print ("both at once, %s first: %s", __i__ == 0 ? "Chromium" : "rtcpeer", p.text ().c_str ());
}
GST_END_TEST

static Suite *rtc_browser_media_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_browser_media");
  TCase *c = browser_case (s);
  tcase_add_loop_test (c, test_sends, 0, G_N_ELEMENTS (sent));
  tcase_add_loop_test (c, test_receives, 0, G_N_ELEMENTS (received));
  tcase_add_test (c, test_answers_with_one);
  tcase_add_test (c, test_fec);
  tcase_add_loop_test (c, test_both, 0, 2);
  return s;
}

GST_CHECK_MAIN (rtc_browser_media)

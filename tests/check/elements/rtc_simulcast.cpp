// SPDX-License-Identifier: LGPL-2.1-or-later
// Several pads that are layers of one track: to rtcpeer, which makes a pad of each, and to peers
// that take some of them or none.
#include "../bus_error.h"
#include "rtc/proto/jsep_types.h"
#include "rtc_call.h"
#include <gst/rtp/rtp.h>
#include <gst/video/video-event.h>

using namespace reach;
using namespace reach::test;

namespace {
constexpr const char *names[] = {"h", "m", "l"};
constexpr int widths[] = {320, 160, 80};

std::string by (const SignallingServer &s)
{
  return " signalling-uri=" + s.uri ("garden") + " ";
}

std::string encoder (int layer)
{
  return std::string ("x264enc name=encoder_") + names[layer] +
         " tune=zerolatency speed-preset=ultrafast bitrate=200 key-int-max=3000 ! "
         "video/x-h264,profile=constrained-baseline";
}

// tee and three encoders, or none: then rtcpeer's own.
std::string layers (bool encoded = true)
{
  std::string s = "videotestsrc is-live=true pattern=ball ! "
                  "video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! tee name=t ";
  for (int i = 0; i < 3; i++)
    s += "t. ! queue leaky=downstream ! videoscale ! video/x-raw,width=" +
         std::to_string (widths[i]) + ",height=" + std::to_string (widths[i] * 3 / 4) + " ! " +
         (encoded ? encoder (i) + " ! " : std::string ()) + "identity name=branch_" + names[i] +
         " ! peer.video_" + std::to_string (i) + " ";
  return s;
}

std::string sender (const std::string &more)
{
  return "rtcpeer name=peer video_0::rid=h video_1::rid=m video_2::rid=l " + more + " ";
}

// The track of that layer that is there now.
const Caller::Track *find (const std::vector<Caller::Track> &all, const std::string &rid)
{
  const auto t =
      std::ranges::find_if (all, [&] (const auto &x) { return x.rid == rid && !x.gone; });
  return t == all.end () ? nullptr : &*t;
}

unsigned count (const Caller &c, const std::string &rid)
{
  const auto all = c.tracks.get ();
  const auto *t = find (all, rid);
  return t ? t->buffers : 0;
}

std::string text (const Caller &c)
{
  std::string s;
  for (const auto &t : c.tracks.get ())
    s += t.pad + " " + t.rid + (t.gone ? " (gone)" : "") + " width " + std::to_string (t.width) +
         ": " + std::to_string (t.buffers) + "\n";
  return s;
}

// So many more pictures of the layer, of its size.
void shows (Caller &c, const std::string &rid, int width, unsigned n = 10)
{
  const unsigned before = count (c, rid);
  const bool done = c.tracks.wait ([&] (const auto &all) {
    const auto *t = find (all, rid);
    return t && t->buffers >= before + n && t->width == width;
  });
  fail_unless (done, "no pictures of layer '%s':\n%s", rid.c_str (), text (c).c_str ());
}

void shows_all (Caller &c)
{
  for (int i = 0; i < 3; i++)
    shows (c, names[i], widths[i]);
  const auto all = c.tracks.get ();
  fail_unless_equals_int (std::ranges::count (all, false, &Caller::Track::gone), 3);
}

std::string local_sdp (Caller &c)
{
  GstWebRTCSessionDescription *d = nullptr;
  g_object_get (c.peer, "local-description", &d, nullptr);
  fail_unless (d != nullptr);
  const CharPtr s (gst_sdp_message_as_text (d->sdp));
  gst_webrtc_session_description_free (d);
  return s.get ();
}

bool warns (Caller &c, const std::string &what)
{
  return wait_message (c.pipeline, GST_MESSAGE_WARNING, [&] (GstMessage *m) {
    const auto error = error_of (m);
    return std::string (error->message).find (what) != std::string::npos;
  }) != nullptr;
}

// Lines of the viewer's answer that are others instead.
using Edits = std::vector<std::pair<std::string, std::string>>;
char *on_answer (GstElement *, const char *type, const char *sdp, gpointer edits)
{
  if (!g_str_equal (type, "answer"))
    return nullptr;
  std::string s = sdp;
  for (const auto &[from, to] : *static_cast<const Edits *> (edits)) {
    const auto at = s.find (from);
    if (at == std::string::npos)
      return nullptr; // of an m-line that has none
    s.replace (at, from.size (), to);
  }
  return g_strdup (s.c_str ());
}

// What a branch is asked for, and what has gone through it.
struct Branch {
  Watched<unsigned> keyframes, buffers;
  GstPad *pad; // in front of rtcpeer's

  Branch (Caller &c, const char *name)
  {
    GstElement *e =
        gst_bin_get_by_name (GST_BIN (c.pipeline), (std::string ("branch_") + name).c_str ());
    pad = gst_element_get_static_pad (e, "src");
    gst_object_unref (e);
    probe_ = gst_pad_add_probe (
        pad,
        static_cast<GstPadProbeType> (
            GST_PAD_PROBE_TYPE_EVENT_UPSTREAM | GST_PAD_PROBE_TYPE_BUFFER),
        [] (GstPad *, GstPadProbeInfo *info, gpointer self) {
          auto *b = static_cast<Branch *> (self);
          const bool event = (info->type & GST_PAD_PROBE_TYPE_EVENT_UPSTREAM) != 0;
          if (!event)
            b->buffers.update ([] (unsigned &n) { n++; });
          else if (gst_video_event_is_force_key_unit (gst_pad_probe_info_get_event (info)))
            b->keyframes.update ([] (unsigned &n) { n++; });
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
  }
  ~Branch ()
  {
    gst_pad_remove_probe (pad, probe_);
    gst_object_unref (pad);
  }
  // Nothing goes through it until unblock ().
  void block ()
  {
    block_ = gst_pad_add_probe (
        pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
        [] (GstPad *, GstPadProbeInfo *, gpointer self) {
          static_cast<Branch *> (self)->blocked_.set (true);
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
    fail_unless (blocked_.wait ([] (bool b) { return b; }));
  }
  void unblock () { gst_pad_remove_probe (pad, block_); }

private:
  gulong probe_ = 0, block_ = 0;
  Watched<bool> blocked_{false};
};
} // namespace

// Encoded by the application, or by rtcpeer.
GST_START_TEST (test_layers)
{
  SignallingServer server;
  Caller camera (sender (by (server)) + layers (__i__ == 0));
  Caller viewer ("rtcpeer name=peer" + by (server));
  viewer.play ();
  camera.play ();
  shows_all (viewer);
  const std::string sdp = local_sdp (camera);
  fail_unless (sdp.find ("a=simulcast:send h;m;l") != std::string::npos, "%s", sdp.c_str ());
  fail_unless (
      sdp.find ("m=video", sdp.find ("m=video") + 1) == std::string::npos, "%s", sdp.c_str ());
}
GST_END_TEST

// By both sides, and by an application's signalling.
GST_START_TEST (test_both_ways)
{
  SignallingServer server;
  Caller a (sender (by (server)) + layers ()), b (sender (by (server)) + layers ());
  a.play ();
  b.play ();
  shows_all (a);
  shows_all (b);
}
GST_END_TEST

GST_START_TEST (test_by_application)
{
  Caller camera (sender ("") + layers ()), viewer ("rtcpeer name=peer");
  Wiring w (camera, viewer);
  viewer.play ();
  camera.play ();
  shows_all (viewer);
  fail_unless_equals_string (w.fault.get ().c_str (), "");
  fail_unless_equals_int (camera.needed.get (), 1);
}
GST_END_TEST

GST_START_TEST (test_key_frame)
{
  SignallingServer server;
  Caller camera (sender (by (server)) + layers ());
  Caller viewer ("rtcpeer name=peer" + by (server));
  viewer.play ();
  camera.play ();
  shows_all (viewer);
  Branch h (camera, "h"), m (camera, "m"), l (camera, "l");
  const auto tracks = viewer.tracks.get ();
  GstPad *pad = gst_element_get_static_pad (viewer.peer, find (tracks, "m")->pad.c_str ());
  gst_pad_send_event (
      pad, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
  gst_object_unref (pad);
  fail_unless (m.keyframes.wait ([] (unsigned n) { return n > 0; }));
  shows_all (viewer);
  fail_unless_equals_int (h.keyframes.get (), 0);
  fail_unless_equals_int (l.keyframes.get (), 0);
}
GST_END_TEST

// A pad is released while all run, and another comes for the same layer.
GST_START_TEST (test_pad_goes)
{
  SignallingServer server;
  Caller camera (sender (by (server)) + layers ());
  Caller viewer ("rtcpeer name=peer" + by (server));
  viewer.play ();
  camera.play ();
  shows_all (viewer);
  Branch m (camera, "m");
  m.block ();
  GstPad *pad = gst_pad_get_peer (m.pad);
  gst_pad_unlink (m.pad, pad);
  gst_element_release_request_pad (camera.peer, pad);
  gst_object_unref (pad);
  fail_unless (viewer.tracks.wait ([] (const auto &all) { return find (all, "m") == nullptr; }),
      "%s", text (viewer).c_str ());
  shows (viewer, "h", 320);
  shows (viewer, "l", 80);

  pad = gst_element_request_pad_simple (camera.peer, "video_%u");
  g_object_set (pad, "rid", "m", nullptr);
  fail_unless_equals_int (gst_pad_link (m.pad, pad), GST_PAD_LINK_OK);
  gst_object_unref (pad);
  m.unblock ();
  shows (viewer, "m", 160);
  shows (viewer, "h", 320);
  shows (viewer, "l", 80);
  const std::string sdp = local_sdp (camera);
  fail_unless (sdp.find ("a=simulcast:send h;l;m") != std::string::npos, "%s", sdp.c_str ());
}
GST_END_TEST

// Who takes some of the layers gets those, who takes none the first; the others' encoders are not
// held up.
namespace {
struct Taken {
  Edits edits;
  bool encoded;
  const char *said;
  std::vector<std::pair<std::string, int>> seen; // layers, and their widths
  const char *left;                              // one that is not sent
};
const Edits of_none{{"a=rid:h recv\r\n", ""}, {"a=rid:m recv\r\n", ""}, {"a=rid:l recv\r\n", ""},
    {"a=simulcast:recv h;m;l\r\n", ""}};
const Taken cases[] = {
    {{{"a=rid:m recv\r\n", ""}, {"a=simulcast:recv h;m;l", "a=simulcast:recv h;l"}}, true,
        "does not take the layers m", {{"h", 320}, {"l", 80}}, "m"},
    {of_none, true, "takes no simulcast", {{"", 320}}, "l"},
    {of_none, false, "takes no simulcast", {{"", 320}}, "l"},
};
} // namespace

GST_START_TEST (test_not_all_are_taken)
{
  const Taken &c = cases[__i__];
  SignallingServer server;
  Caller camera (sender (by (server)) + layers (c.encoded));
  Caller viewer ("rtcpeer name=peer" + by (server));
  g_signal_connect (
      viewer.peer, "local-description", G_CALLBACK (on_answer), const_cast<Edits *> (&c.edits));
  Branch left (camera, c.left);
  viewer.play ();
  camera.play ();
  for (const auto &[rid, width] : c.seen)
    shows (viewer, rid, width);
  fail_unless (warns (camera, c.said));
  fail_unless_equals_int (viewer.tracks.get ().size (), c.seen.size ());
  const unsigned before = left.buffers.get ();
  fail_unless (left.buffers.wait ([before] (unsigned n) { return n >= before + 10; }));
}
GST_END_TEST

// One that the viewer has paused, with ~, has a pad and comes later.
GST_START_TEST (test_paused)
{
  SignallingServer server;
  const Edits edits{{"a=simulcast:recv h;m;l", "a=simulcast:recv ~h;m;l"}};
  Caller camera (sender (by (server)) + layers ());
  Caller viewer ("rtcpeer name=peer" + by (server));
  g_signal_connect (
      viewer.peer, "local-description", G_CALLBACK (on_answer), const_cast<Edits *> (&edits));
  viewer.play ();
  camera.play ();
  shows (viewer, "m", 160, 20);
  shows (viewer, "l", 80, 20);
  fail_unless (warns (camera, "has paused the layers h"));
  fail_unless_equals_int (count (viewer, "h"), 0);
}
GST_END_TEST

// They share the estimate by their size; what there is no room for is not sent.
GST_START_TEST (test_bitrate)
{
  SignallingServer server;
  Caller camera (sender (by (server) + "adapt-bitrate=true") + layers ());
  Caller viewer ("rtcpeer name=peer" + by (server));
  viewer.play ();
  camera.play ();
  shows_all (viewer);
  const auto rate = [&] (const char *rid) {
    GstElement *e =
        gst_bin_get_by_name (GST_BIN (camera.pipeline), (std::string ("encoder_") + rid).c_str ());
    guint r = 0;
    g_object_get (e, "bitrate", &r, nullptr);
    gst_object_unref (e);
    return r;
  };
  fail_unless (
      iterate_until ([&] { return rate ("h") > 3 * rate ("m") && rate ("m") > 3 * rate ("l"); }),
      "%u %u %u", rate ("h"), rate ("m"), rate ("l"));
  g_object_set (camera.peer, "max-bitrate", 50000u, nullptr); // h would get 38 of 46 kbit/s
  shows (viewer, "l", 80);                                    // time passes
  fail_unless (iterate_until ([&] {
    const unsigned before = count (viewer, "h");
    shows (viewer, "l", 80);
    return count (viewer, "h") == before;
  }));
  g_object_set (camera.peer, "max-bitrate", 2000000u, nullptr);
  shows (viewer, "h", 320);
  shows (viewer, "m", 160);
}
GST_END_TEST

// As it is written for webrtcbin: one pad, RTP out of rtpfunnel, and caps that name the layers.
GST_START_TEST (test_funnel)
{
  SignallingServer server;
  std::string line = "rtcpeer name=peer" + by (server) +
                     "videotestsrc is-live=true pattern=ball ! "
                     "video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! tee name=t "
                     "rtpfunnel name=f ! capsfilter name=layers ! peer.video_0 ";
  for (int i = 0; i < 3; i++)
    line += "t. ! queue ! videoscale ! video/x-raw,width=" + std::to_string (widths[i]) +
            ",height=" + std::to_string (widths[i] * 3 / 4) + " ! " + encoder (i) +
            " ! rtph264pay name=pay_" + names[i] +
            " pt=96 aggregate-mode=zero-latency config-interval=-1 ! identity name=branch_" +
            names[i] + " ! f. ";
  Caller camera (line), viewer ("rtcpeer name=peer" + by (server));
  GstElement *filter = gst_bin_get_by_name (GST_BIN (camera.pipeline), "layers");
  const std::string caps = "application/x-rtp,media=video,encoding-name=H264,payload=96,"
                           "clock-rate=90000,rid-h=(string)send,rid-m=(string)send,"
                           "rid-l=(string)send,a-simulcast=(string)\"send h;m;l\","
                           "extmap-10=(string)\"" +
                           std::string (rtc::uri::rid) + "\"";
  gst_util_set_object_arg (G_OBJECT (filter), "caps", caps.c_str ());
  gst_object_unref (filter);
  for (const char *name : names) {
    GstElement *pay =
        gst_bin_get_by_name (GST_BIN (camera.pipeline), (std::string ("pay_") + name).c_str ());
    GstElement *extension = gst_element_factory_make ("rtphdrextstreamid", nullptr);
    fail_unless (extension != nullptr);
    gst_rtp_header_extension_set_id (GST_RTP_HEADER_EXTENSION (extension), 10);
    g_object_set (extension, "rid", name, nullptr);
    gst_object_ref_sink (extension);
    g_signal_emit_by_name (pay, "add-extension", extension);
    gst_object_unref (extension);
    gst_object_unref (pay);
  }
  viewer.play ();
  camera.play ();
  shows_all (viewer);
  Branch h (camera, "h"), m (camera, "m"), l (camera, "l");
  const auto tracks = viewer.tracks.get ();
  GstPad *pad = gst_element_get_static_pad (viewer.peer, find (tracks, "l")->pad.c_str ());
  gst_pad_send_event (
      pad, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
  gst_object_unref (pad);
  fail_unless (l.keyframes.wait ([] (unsigned n) { return n > 0; }));
  shows_all (viewer);
  fail_unless_equals_int (h.keyframes.get (), 0);
  fail_unless_equals_int (m.keyframes.get (), 0);
}
GST_END_TEST

GST_START_TEST (test_wrong_names)
{
  SignallingServer server;
  Caller camera ("rtcpeer name=peer video_0::rid=h video_1::rid=h video_2::rid=not-a-rid" +
                 by (server) + layers ());
  Caller viewer ("rtcpeer name=peer" + by (server));
  viewer.play ();
  camera.play ();
  fail_unless (warns (camera, "video_1 is not sent: another layer"));
  fail_unless (warns (camera, "video_2 is not sent: a rid is"));
  shows (viewer, "", 320);
}
GST_END_TEST

static Suite *rtc_simulcast_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_simulcast");
  TCase *tc = tcase_create ("simulcast");
  tcase_set_timeout (tc, 60);
  tcase_add_loop_test (tc, test_layers, 0, 2);
  tcase_add_test (tc, test_both_ways);
  tcase_add_test (tc, test_by_application);
  tcase_add_test (tc, test_key_frame);
  tcase_add_test (tc, test_pad_goes);
  tcase_add_loop_test (tc, test_not_all_are_taken, 0, G_N_ELEMENTS (cases));
  tcase_add_test (tc, test_paused);
  tcase_add_test (tc, test_bitrate);
  tcase_add_test (tc, test_funnel);
  tcase_add_test (tc, test_wrong_names);
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_simulcast)

// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer and rtcpool whose pipelines go from any state to any other in the midst of a call, and
// what becomes of what was muted.
#include "rtc_call.h"

using namespace reach;
using namespace reach::test;

namespace {
// Two who meet, by rtcpeer or by rtcpool.
struct Meeting {
  explicit Meeting (bool pool) : pool_ (pool) {}
  std::string element (const std::string &more = {}) const
  {
    const std::string uri = server_.uri ("garden");
    return (pool_ ? "rtcpool name=peer pool=garden signalling-uri=" +
                        uri.substr (0, uri.rfind ('/'))
                  : "rtcpeer name=peer signalling-uri=" + uri) +
           " " + more + " ";
  }
  std::string camera (const std::string &more = {}) const
  {
    return element (more) + small_h264 + " ! peer.video_0  " + small_audio + " ! peer.audio_0";
  }

private:
  const bool pool_;
  SignallingServer server_;
};

void go (Caller &c, GstState state)
{
  const gint64 begin = g_get_monotonic_time ();
  fail_unless (gst_element_set_state (c.pipeline, state) != GST_STATE_CHANGE_FAILURE);
  const double ms = double (g_get_monotonic_time () - begin) / 1000;
  fail_unless (ms < 5000, "%s takes %g ms", gst_element_state_get_name (state), ms);
}

void both_come (Caller &c, const char *when)
{
  for (const char *media : {"video/x-raw", "audio/x-raw"})
    fail_unless (c.wait_media (media, 15, milliseconds (20000)), "no %s: %s", media, when);
}

unsigned there (const Caller &c)
{
  const auto all = c.tracks.get ();
  return static_cast<unsigned> (std::ranges::count (all, false, &Caller::Track::gone));
}

const char *id_of (const GstStructure *s)
{
  return gst_structure_get_string (s, "peer-id");
}

bool mute_peer (Caller &c, const std::string &id, const char *kind, bool on)
{
  gboolean done = FALSE;
  g_signal_emit_by_name (c.peer, "mute-peer", id.c_str (), kind, static_cast<gboolean> (on), &done);
  return done;
}

std::string own_id (Caller &c)
{
  gchar *id = nullptr;
  g_object_get (c.peer, "id", &id, nullptr);
  const CharPtr owned (id);
  return id ? id : "";
}

bool has (const std::vector<Caller::Track> &all, const char *media)
{
  return std::ranges::any_of (
      all, [media] (const Caller::Track &t) { return t.media == media && !t.gone; });
}
} // namespace

// Each of them, in turn, in each order that there is.
GST_START_TEST (test_states)
{
  const Meeting m (__i__ == 1);
  Caller camera (m.camera ()), viewer (m.element ());
  go (camera, GST_STATE_PAUSED); // it has joined, and has nothing to say yet
  go (viewer, GST_STATE_PLAYING);
  fail_unless (wait_element_message (viewer.pipeline,
                   __i__ == 1 ? "rtc-pool-peer-added" : "rtc-peer-added") != nullptr);
  go (camera, GST_STATE_PLAYING);
  both_come (viewer, "from PAUSED");

  go (viewer, GST_STATE_PAUSED);
  const unsigned paused = viewer.decoded ("video/x-raw");
  Watched<unsigned> sent;
  const auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (camera.peer, "video_0"));
  const gulong probe = gst_pad_add_probe (
      pad.get (), GST_PAD_PROBE_TYPE_BUFFER,
      [] (GstPad *, GstPadProbeInfo *, gpointer n) {
        static_cast<Watched<unsigned> *> (n)->update ([] (unsigned &x) { x++; });
        return GST_PAD_PROBE_OK;
      },
      &sent, nullptr);
  fail_unless (sent.wait ([] (unsigned n) { return n >= 60; }));
  gst_pad_remove_probe (pad.get (), probe);
  fail_unless (viewer.decoded ("video/x-raw") <= paused + 5, "%u in PAUSED, %u before",
      viewer.decoded ("video/x-raw"), paused);
  go (viewer, GST_STATE_PLAYING);
  both_come (viewer, "the viewer was PAUSED");

  for (Caller *c : {&viewer, &camera})
    for (const auto state : {GST_STATE_READY, GST_STATE_NULL, GST_STATE_PAUSED}) {
      go (*c, state);
      if (state != GST_STATE_PAUSED)
        fail_unless (c != &viewer || there (viewer) == 0, "%u pads in %s", there (viewer),
            gst_element_state_get_name (state));
      go (*c, GST_STATE_PLAYING);
      both_come (viewer, gst_element_state_get_name (state));
    }
  fail_unless_equals_int (there (viewer), 2);
  for (int i = 0; i < 20; i++) { // whatever is on its way
    go (i % 2 ? camera : viewer, i % 3 ? GST_STATE_READY : GST_STATE_PAUSED);
    go (i % 2 ? camera : viewer, GST_STATE_PLAYING);
  }
  both_come (viewer, "after many");
}
GST_END_TEST

// What is muted for everybody stays so over all states; what for one member goes with its id, which
// is a new one then.
GST_START_TEST (test_mute_stays)
{
  const Meeting m (true);
  Caller camera (m.camera ("mute-video=true")), viewer (m.element ());
  viewer.play ();
  camera.play ();
  fail_unless (viewer.wait_media ("audio/x-raw", 20));
  fail_unless (!has (viewer.tracks.get (), "video/x-raw"));
  fail_unless (mute_peer (camera, own_id (viewer), "audio", true));
  fail_unless (viewer.tracks.wait ([] (const auto &all) { return !has (all, "audio/x-raw"); }));
  go (camera, GST_STATE_READY);
  fail_unless (!mute_peer (camera, own_id (viewer), "audio", true));
  go (camera, GST_STATE_PLAYING);
  go (viewer, GST_STATE_READY);
  go (viewer, GST_STATE_PLAYING);
  fail_unless (viewer.wait_media ("audio/x-raw", 20));
  fail_unless (!has (viewer.tracks.get (), "video/x-raw"));
  g_object_set (camera.peer, "mute-video", FALSE, nullptr);
  both_come (viewer, "not muted any more");
}
GST_END_TEST

// Muted for one and for all at once: both have to be taken back. Others get everything meanwhile.
GST_START_TEST (test_mute_peer)
{
  const Meeting m (true);
  Caller camera (m.camera ()), one (m.element ()), other (m.element ());
  for (Caller *c : {&one, &other, &camera})
    c->play ();
  both_come (one, "first");
  both_come (other, "first");
  const std::string id = own_id (one);
  for (const char *wrong : {"", "nobody", "garden"})
    fail_unless (!mute_peer (camera, wrong, "video", true));
  fail_unless (mute_peer (camera, id, "video", true) && mute_peer (camera, id, "video", true));
  fail_unless (one.tracks.wait ([] (const auto &all) { return !has (all, "video/x-raw"); }));
  fail_unless (one.wait_media ("audio/x-raw", 20));
  both_come (other, "another is muted");
  g_object_set (camera.peer, "mute-video", TRUE, nullptr);
  fail_unless (other.tracks.wait ([] (const auto &all) { return !has (all, "video/x-raw"); }));
  g_object_set (camera.peer, "mute-video", FALSE, nullptr);
  both_come (other, "not muted any more");
  fail_unless (!has (one.tracks.get (), "video/x-raw"));
  // Over and over again, of all kinds and by anybody; what was said last counts.
  for (int i = 0; i < 100; i++) {
    mute_peer (camera, i % 2 ? id : own_id (other), i % 3 ? "video" : "audio", i % 5 < 2);
    g_object_set (camera.peer, i % 4 ? "mute-audio" : "mute-video", i % 7 < 3, nullptr);
  }
  for (const char *kind : {"video", "audio"}) {
    g_object_set (camera.peer, (std::string ("mute-") + kind).c_str (), FALSE, nullptr);
    fail_unless (
        mute_peer (camera, id, kind, false) && mute_peer (camera, own_id (other), kind, false));
  }
  both_come (one, "at last");
  both_come (other, "at last");
}
GST_END_TEST

// Whoever comes is muted by the handler of peer-added: it gets nothing at all.
GST_START_TEST (test_mute_newcomers)
{
  const Meeting m (true);
  Caller camera (m.camera ()), viewer (m.element ());
  Watched<unsigned> muted;
  g_signal_connect (camera.peer, "peer-added",
      G_CALLBACK (+[] (GstElement *e, GstStructure *s, gpointer n) {
        for (const char *kind : {"video", "audio"}) {
          gboolean done = FALSE;
          g_signal_emit_by_name (e, "mute-peer", id_of (s), kind, TRUE, &done);
          if (done)
            static_cast<Watched<unsigned> *> (n)->update ([] (unsigned &x) { x++; });
        }
      }),
      &muted);
  camera.play ();
  viewer.play ();
  fail_unless (muted.wait ([] (unsigned n) { return n == 2; }));
  Caller speaker (m.camera ()); // media of another come, over whatever there was to wait for
  speaker.play ();
  both_come (viewer, "of another");
  both_come (viewer, "of another");
  fail_unless_equals_int (there (viewer), 2);
  g_signal_handlers_disconnect_by_data (camera.peer, &muted);
}
GST_END_TEST

static Suite *rtc_states_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_states");
  TCase *tc = tcase_create ("states");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 120);
  tcase_add_loop_test (tc, test_states, 0, 2);
  tcase_add_test (tc, test_mute_stays);
  tcase_add_test (tc, test_mute_peer);
  tcase_add_test (tc, test_mute_newcomers);
  return s;
}

GST_CHECK_MAIN (rtc_states)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Taps of a media server: what is routed there comes out in the server's own pipeline.
#include "server_node.h"
#include <thread>
#include <unistd.h>

using namespace reach::test;

namespace {
// A tap, and what it brings to a pad of ours.
class Tapped {
public:
  Tapped (const Server &server, const char *guid, const char *type = "video", guint index = 0)
      : element_ (server.element), tap_ (gst_element_request_pad_simple (element_, "tap_%u"))
  {
    fail_unless (tap_ != nullptr);
    gst_util_set_object_arg (G_OBJECT (tap_), "media-type", type);
    g_object_set (tap_, "index", index, "guid", guid, nullptr);
    static GstStaticPadTemplate any =
        GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
    sink_ = gst_pad_new_from_static_template (&any, nullptr);
    gst_object_ref_sink (sink_);
    g_object_set_data (G_OBJECT (sink_), "tapped", this);
    gst_pad_set_chain_function (sink_, [] (GstPad *pad, GstObject *, GstBuffer *b) {
      of (pad).keep (GST_MINI_OBJECT_CAST (b));
      return GST_FLOW_OK;
    });
    gst_pad_set_event_function (sink_, [] (GstPad *pad, GstObject *, GstEvent *e) -> gboolean {
      of (pad).keep (GST_MINI_OBJECT_CAST (e));
      return TRUE;
    });
    gst_pad_set_active (sink_, TRUE);
    fail_unless_equals_int (gst_pad_link (tap_, sink_), GST_PAD_LINK_OK);
  }
  ~Tapped ()
  {
    block (false);
    release ();
    gst_pad_set_active (sink_, FALSE); // waits for what is in it
    gst_object_unref (sink_);
    gst_object_unref (tap_);
  }
  void release ()
  {
    if (!std::exchange (released_, true))
      gst_element_release_request_pad (element_, tap_);
  }
  void block (bool on)
  {
    got.update ([on] (Received &r) { r.blocked = on; });
  }
  bool wait_buffers (std::size_t n)
  {
    return got.wait ([n] (const Received &r) { return r.n_buffers () >= n; });
  }
  bool wait_events (GstEventType t, std::size_t n)
  {
    return got.wait ([=] (const Received &r) { return r.n_events (t) >= n; });
  }
  GstPad *pad () const { return tap_; }

  Watched<Received> got;

private:
  static Tapped &of (GstPad *pad)
  {
    return *static_cast<Tapped *> (g_object_get_data (G_OBJECT (pad), "tapped"));
  }
  void keep (GstMiniObject *o)
  {
    const std::shared_ptr<GstMiniObject> held (
        o, [] (GstMiniObject *p) { gst_mini_object_unref (p); });
    got.update ([&] (Received &r) { r.items.push_back ({held}); });
    if (GST_IS_BUFFER (o))
      got.wait ([] (const Received &r) { return !r.blocked; }, std::chrono::minutes (10));
  }
  GstElement *element_;
  GstPad *tap_, *sink_ = nullptr;
  bool released_ = false;
};

guint64 receivers_in_stats (const Server &server)
{
  const Structure s = server.stats ();
  return gst_value_list_get_size (gst_structure_get_value (s.get (), "receivers"));
}

bool received (const Server &server, guint64 frames)
{
  return iterate_until ([&] { return server.stat ("frames-received") >= frames; });
}

// An element of a parsed pipeline.
using Object = std::unique_ptr<GstElement, decltype (&gst_object_unref)>;
Object by_name (GstElement *bin, const char *name)
{
  return Object (gst_bin_get_by_name (GST_BIN (bin), name), gst_object_unref);
}
} // namespace

// Whomever the sender sends to. And to the clients it is as if the tap were not there.
GST_START_TEST (test_a_tap_brings_what_is_sent)
{
  Server server (__i__ + 1);
  g_object_set (server.element, "max-clients", 1, nullptr);
  Tapped early (server, "camera"), sound (server, "camera", "audio"), other (server, "nobody");
  server.play ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  auto &audio = camera.add ("audio_0", audio_caps);
  camera.play ();
  video.begin ();
  audio.begin ();
  fail_unless (early.wait_events (GST_EVENT_CAPS, 1) && sound.wait_events (GST_EVENT_CAPS, 1));
  push_frames (video, 0, 20, 10);
  push_frames (audio, 0, 20, 1, 50);
  fail_unless (early.wait_buffers (20) && sound.wait_buffers (20));
  const Received r = early.got.get ();
  for (unsigned i = 0; i < 20; i++) {
    fail_unless (same_bytes (r.buffers ()[i], make_buffer (300, i).get ()), "frame %u", i);
    fail_unless (
        !GST_BUFFER_FLAG_IS_SET (r.buffers ()[i], GST_BUFFER_FLAG_DELTA_UNIT) == (i % 10 == 0));
    fail_unless (same_bytes (sound.got.get ().buffers ()[i], make_buffer (50, i).get ()));
  }
  GstCaps *caps = nullptr;
  gst_event_parse_caps (r.last_event (GST_EVENT_CAPS), &caps);
  fail_unless (gst_caps_is_equal (caps, caps_of (video_caps).get ()));
  fail_unless (r.items.front ().is_event (GST_EVENT_STREAM_START));
  fail_unless_equals_int (r.n_events (GST_EVENT_SEGMENT), 1);
  fail_unless_equals_int (other.got.get ().items.size (), 0);
  fail_unless_equals_uint64 (server.stat ("taps"), 3);
  fail_unless_equals_uint64 (receivers_in_stats (server), 0);
  fail_unless_equals_uint64 (server.stat ("frames-discarded"), 0);
  fail_unless (server.wait_event ("connected", "camera"));
  fail_unless_equals_int (server.events.get ().size (), 1); // the camera alone
}
GST_END_TEST

GST_START_TEST (test_a_late_tap_has_a_picture_at_once)
{
  Server server (__i__ + 1);
  server.play ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  push_frames (video, 0, 35, 30);
  fail_unless (received (server, 35));
  Tapped tap (server, "camera");
  fail_unless (tap.wait_buffers (5));
  push_frames (video, 35, 5, 30);
  fail_unless (tap.wait_buffers (10));
  const Received r = tap.got.get ();
  for (unsigned i = 0; i < 10; i++) {
    fail_unless (same_bytes (r.buffers ()[i], make_buffer (300, 30 + i).get ()), "frame %u", i);
    fail_unless (
        !GST_BUFFER_FLAG_IS_SET (r.buffers ()[i], GST_BUFFER_FLAG_DECODE_ONLY) == (i >= 4));
  }
  fail_unless_equals_int (*video.key_requests, 0);
}
GST_END_TEST

// Another tap, a client and the server's states go on.
GST_START_TEST (test_a_blocked_tap_holds_up_nobody)
{
  constexpr unsigned n = 400;
  Server server (__i__ + 1);
  Tapped stuck (server, "camera"), free (server, "camera");
  stuck.block (true);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  video.begin ();
  fail_unless (free.wait_events (GST_EVENT_CAPS, 1));
  for (unsigned i = 0; i < n; i += 10) { // 20 MB: more than all queues hold
    push_frames (video, i, 10, 10, 50000);
    fail_unless (free.wait_buffers (i + 10) && viewer.wait_buffers ("video_0", i + 10));
  }
  fail_unless_equals_int (stuck.got.get ().n_buffers (), 1);
  stuck.release (); // does not wait for it
  push_frames (video, n, 10, 10, 50000);
  fail_unless (free.wait_buffers (n + 10));
}
GST_END_TEST

GST_START_TEST (test_a_tap_ends_with_its_sender_and_begins_again)
{
  Server server;
  g_object_set (server.element, "resume-window", 0, nullptr);
  Tapped tap (server, "camera");
  server.play ();
  for (unsigned round = 1; round <= 3; round++) {
    Client camera (server, tcp_push, "camera", "viewer");
    auto &video = camera.add ("video_0", video_caps);
    camera.play ();
    video.begin ();
    fail_unless (tap.wait_events (GST_EVENT_CAPS, round), "round %u", round);
    push_frames (video, 0, 5, 5);
    fail_unless (tap.wait_buffers (5 * round), "round %u", round);
    fail_unless_equals_int (tap.got.get ().n_events (GST_EVENT_STREAM_START), round);
    if (round == 1)
      video.eos ();
    camera.null ();
    fail_unless (tap.wait_events (GST_EVENT_EOS, round), "round %u", round);
  }
}
GST_END_TEST

// To another channel, another sender, and another type.
GST_START_TEST (test_what_a_tap_takes_can_change)
{
  Server server;
  Tapped tap (server, "camera", "video", 1);
  server.play ();
  Client camera (server, tcp_push, "camera", "viewer"), other (server, tcp_push, "other", "viewer");
  auto &first = camera.add ("video_0", video_caps), &second = camera.add ("video_1", video_caps);
  auto &video = other.add ("video_0", video_caps), &audio = other.add ("audio_0", audio_caps);
  camera.play ();
  other.play ();
  for (auto *s : {&first, &second, &video, &audio})
    s->begin ();
  const auto brings = [&] (Sender::Stream &s, unsigned mark) {
    // Until a frame of this stream comes: it may not have joined yet.
    for (unsigned i = 0; i < 1000; i++) {
      const std::size_t before = tap.got.get ().n_buffers ();
      s.push (make_buffer (100, mark));
      if (tap.got.wait (
              [before] (const Received &r) { return r.n_buffers () > before; }, milliseconds (50)))
        return same_bytes (tap.got.get ().buffers ().back (), make_buffer (100, mark).get ());
    }
    return false;
  };
  fail_unless (brings (second, 1));
  g_object_set (tap.pad (), "index", 0, nullptr);
  fail_unless (brings (first, 2));
  g_object_set (tap.pad (), "guid", "other", nullptr);
  fail_unless (brings (video, 3));
  gst_util_set_object_arg (G_OBJECT (tap.pad ()), "media-type", "audio");
  fail_unless (brings (audio, 4));
  g_object_set (tap.pad (), "guid", nullptr, nullptr);
  fail_unless (iterate_until ([&] { return server.stat ("taps") == 0; }));
}
GST_END_TEST

// While frames flow, from several threads.
GST_START_TEST (test_taps_come_and_go_in_any_state)
{
  Server server (2);
  {
    Tapped in_null (server, "camera");
  }
  fail_unless (reach_state (server.pipeline, GST_STATE_READY));
  {
    Tapped in_ready (server, "camera");
  }
  server.play ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  video.begin ();
  std::atomic<bool> done{false};
  std::thread pushing ([&] {
    for (unsigned i = 0; !done; i++) {
      push_frames (video, i, 1, 10);
      g_usleep (1000);
    }
  });
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; t++)
    threads.emplace_back ([&] {
      for (unsigned i = 0; i < 5; i++) {
        Tapped tap (server, "camera");
        fail_unless (tap.wait_buffers (i));
      }
    });
  for (auto &t : threads)
    t.join ();
  Tapped last (server, "camera");
  fail_unless (last.wait_buffers (1));
  done = true;
  pushing.join ();
  fail_unless (iterate_until ([&] { return server.stat ("taps") == 1; }));
  fail_unless (reach_state (server.pipeline, GST_STATE_NULL));
}
GST_END_TEST

// From its own streaming thread.
GST_START_TEST (test_a_tap_can_release_itself)
{
  Server server;
  Tapped tap (server, "camera");
  gst_pad_add_probe (
      tap.pad (), GST_PAD_PROBE_TYPE_BUFFER,
      [] (GstPad *, GstPadProbeInfo *, gpointer t) {
        static_cast<Tapped *> (t)->release ();
        return GST_PAD_PROBE_REMOVE;
      },
      &tap, nullptr);
  server.play ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  video.begin ();
  fail_unless (tap.wait_events (GST_EVENT_CAPS, 1)); // it has joined
  push_frames (video, 0, 3, 3);
  fail_unless (iterate_until (
      [&] { return gst_child_proxy_get_children_count (GST_CHILD_PROXY (server.element)) == 0; }));
  fail_unless (iterate_until ([&] { return server.stat ("taps") == 0; }));
}
GST_END_TEST

GST_START_TEST (test_taps_are_children)
{
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch (
      "cammediaserver name=s tap_0::guid=camera tap_0::media-type=audio tap_0::index=3 "
      "s.tap_0 ! fakesink s.tap_7 ! fakesink",
      &error);
  fail_unless (pipeline != nullptr && error == nullptr, "%s", error ? error->message : "");
  {
    const auto server = by_name (pipeline, "s");
    auto *proxy = GST_CHILD_PROXY (server.get ());
    fail_unless_equals_int (gst_child_proxy_get_children_count (proxy), 2);
    gchar *guid = nullptr;
    guint index = 0;
    gint type = -1;
    gst_child_proxy_get (
        proxy, "tap_0::guid", &guid, "tap_0::index", &index, "tap_0::media-type", &type, nullptr);
    fail_unless_equals_string (guid, "camera");
    g_free (guid);
    fail_unless (index == 3 && type == 1);
    gst_child_proxy_set (proxy, "tap_7::guid", "other", nullptr);
    GObject *tap_7 = gst_child_proxy_get_child_by_index (proxy, 1);
    fail_unless_equals_string (GST_OBJECT_NAME (tap_7), "tap_7");
    fail_unless (string_property (tap_7, "guid") == "other");
    gst_element_release_request_pad (server.get (), GST_PAD (tap_7));
    g_object_unref (tap_7);
    fail_unless_equals_int (gst_child_proxy_get_children_count (proxy), 1);
    fail_unless (gst_child_proxy_get_child_by_name (proxy, "tap_7") == nullptr);
    fail_unless (gst_child_proxy_get_child_by_index (proxy, 1) == nullptr);
  }
  gst_object_unref (pipeline);
}
GST_END_TEST

GST_START_TEST (test_there_are_256_taps_at_most)
{
  Server server;
  std::vector<GstPad *> pads;
  for (unsigned i = 0; i < 256; i++)
    pads.push_back (gst_element_request_pad_simple (server.element, "tap_%u"));
  fail_unless (pads.back () != nullptr);
  fail_unless (gst_element_request_pad_simple (server.element, "tap_%u") == nullptr);
  gst_element_release_request_pad (server.element, pads[7]);
  GstPad *again = gst_element_request_pad_simple (server.element, "tap_%u");
  fail_unless_equals_string (GST_OBJECT_NAME (again), "tap_7");
  gst_object_unref (again);
  for (GstPad *p : pads)
    gst_object_unref (p);
}
GST_END_TEST

// Without any sender.
GST_START_TEST (test_states_do_not_wait_for_senders)
{
  Server server;
  GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
  gst_bin_add (GST_BIN (server.pipeline), sink);
  fail_unless (gst_element_link_pads (server.element, "tap_0", sink, "sink"));
  gst_child_proxy_set (GST_CHILD_PROXY (server.element), "tap_0::guid", "camera", nullptr);
  for (int i = 0; i < 3; i++) {
    fail_unless_equals_int (
        gst_element_set_state (server.pipeline, GST_STATE_PAUSED), GST_STATE_CHANGE_NO_PREROLL);
    fail_unless (
        gst_element_set_state (server.pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    fail_unless_equals_int (GST_STATE (server.element), GST_STATE_PLAYING);
    fail_unless (iterate_until ([&] { return server.stat ("taps") == 1; }));
    if (i == 2) { // what waits ends when the application wants it
      fail_unless (gst_element_send_event (server.pipeline, gst_event_new_eos ()));
      fail_unless (wait_message (server.pipeline, GST_MESSAGE_EOS) != nullptr);
    }
    fail_unless_equals_int (
        gst_element_set_state (server.pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  }
}
GST_END_TEST

namespace {
// What decoders make of a file: frames of one type.
unsigned decoded (const std::string &file, const char *stream)
{
  const std::string line = "filesrc location=" + file + " ! matroskademux name=d d." + stream +
                           " ! queue ! decodebin ! fakesink name=out sync=false";
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch (line.c_str (), &error);
  fail_unless (pipeline != nullptr && error == nullptr, "%s", error ? error->message : "");
  unsigned n = 0;
  {
    const auto out = by_name (pipeline, "out");
    g_object_set (out.get (), "signal-handoffs", TRUE, nullptr);
    g_signal_connect (out.get (), "handoff",
        G_CALLBACK (+[] (GstElement *, GstBuffer *, GstPad *, unsigned *count) { ++*count; }), &n);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    fail_unless (wait_message (pipeline, GST_MESSAGE_EOS) != nullptr);
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
  gst_object_unref (pipeline);
  return n;
}
} // namespace

// The sender's end ends the recording, and with it the pipeline.
GST_START_TEST (test_two_taps_record_a_sender)
{
  gchar *file = g_build_filename (g_get_tmp_dir (), "server-tap-XXXXXX.mkv", nullptr);
  close (g_mkstemp (file));
  const std::string record =
      "cammediaserver name=s bind-address=127.0.0.1 port=0 udp-port=-1 "
      "tap_0::guid=camera tap_1::guid=camera tap_1::media-type=audio matroskamux name=m ! "
      "filesink location=" +
      std::string (file) +
      " s.tap_0 ! queue ! h264parse ! m. "
      "s.tap_1 ! queue ! aacparse ! m.";
  GstElement *recorder = gst_parse_launch (record.c_str (), nullptr);
  fail_unless (recorder != nullptr);
  fail_unless (gst_element_set_state (recorder, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  gint port = 0;
  g_object_get (by_name (recorder, "s").get (), "current-port", &port, nullptr);
  const std::string send =
      "camsender name=c host=127.0.0.1 guid=camera port=" + std::to_string (port) +
      " videotestsrc is-live=true num-buffers=60 ! "
      "video/x-raw,width=160,height=120,framerate=30/1 ! x264enc tune=zerolatency key-int-max=30 ! "
      "h264parse ! c.video_0 audiotestsrc is-live=true samplesperbuffer=1024 num-buffers=90 ! "
      "audio/x-raw,rate=48000 ! avenc_aac ! aacparse ! c.audio_0";
  GstElement *sender = gst_parse_launch (send.c_str (), nullptr);
  fail_unless (sender != nullptr);
  fail_unless (gst_element_set_state (sender, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  fail_unless (wait_message (sender, GST_MESSAGE_EOS) != nullptr);
  gst_element_set_state (sender, GST_STATE_NULL);
  fail_unless (wait_message (recorder, GST_MESSAGE_EOS) != nullptr);
  gst_element_set_state (recorder, GST_STATE_NULL);
  gst_object_unref (sender);
  gst_object_unref (recorder);
  fail_unless_equals_int (decoded (file, "video_0"), 60);
  fail_unless (decoded (file, "audio_0") >= 85);
  remove (file);
  g_free (file);
}
GST_END_TEST

static Suite *server_tap_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server-tap");
  TCase *t = tcase_create ("taps");
  suite_add_tcase (s, t);
  tcase_add_loop_test (t, test_a_tap_brings_what_is_sent, 0, 2);
  tcase_add_loop_test (t, test_a_late_tap_has_a_picture_at_once, 0, 2);
  tcase_add_loop_test (t, test_a_blocked_tap_holds_up_nobody, 0, 2);
  tcase_add_test (t, test_a_tap_ends_with_its_sender_and_begins_again);
  tcase_add_test (t, test_what_a_tap_takes_can_change);
  tcase_add_test (t, test_taps_come_and_go_in_any_state);
  tcase_add_test (t, test_a_tap_can_release_itself);
  tcase_add_test (t, test_taps_are_children);
  tcase_add_test (t, test_there_are_256_taps_at_most);
  tcase_add_test (t, test_states_do_not_wait_for_senders);
  tcase_add_test (t, test_two_taps_record_a_sender);
  return s;
}

GST_CHECK_MAIN (server_tap)

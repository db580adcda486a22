// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers of which it is known that they have brought servers into trouble.
#include "rtmp_publisher.h"
#include <cstdlib>

using namespace reach::test;

namespace {
// Has the application decide; counts how often it was asked.
struct Judge {
  explicit Judge (RtmpSource &s)
  {
    g_signal_connect (s.element, "publish-request", G_CALLBACK (on_request), this);
  }
  static gboolean on_request (GstElement *, GstStructure *, GstStructure *r, Judge *self)
  {
    self->asked.update ([] (unsigned &n) { n++; });
    fail_unless (self->may_answer.wait ([] (bool b) { return b; }));
    return g_strcmp0 (gst_structure_get_string (r, "query"), "token=good") == 0;
  }
  Watched<unsigned> asked;
  Watched<bool> may_answer{true};
};

std::size_t at (GRand *random, std::size_t below)
{
  return static_cast<std::size_t> (g_rand_int_range (random, 0, static_cast<gint32> (below)));
}

bool is_free (RtmpSource &s)
{
  const auto stats = s.stats ();
  const GValue *all = gst_structure_get_value (stats.get (), "connections");
  return gst_value_array_get_size (all) == 0;
}

struct Heard {
  std::size_t count = 0;
  std::vector<std::uint8_t> last;
};

unsigned count_of (const RtmpSource::Pad &p, GstEventType t)
{
  return static_cast<unsigned> (std::ranges::count (p.events, t));
}
} // namespace

// OBS takes NetStream.Publish.Start for good and begins again and again when a refusal follows.
GST_START_TEST (test_publish_start_not_before_the_hook)
{
  RtmpSource s;
  Judge judge (s);
  judge.may_answer.set (false);
  s.play ();
  RtmpClient c (s.port ());
  c.connect ();
  fail_unless (c.command (0, {"FCPublish", 2.0, rtmp::Null{}, "cam"}));
  fail_unless (!c.expect ("_result").empty ());
  fail_unless (c.command (0, {"createStream", 3.0, rtmp::Null{}}));
  fail_unless (!c.expect ("_result").empty ());
  fail_unless (c.command (1, {"publish", 4.0, rtmp::Null{}, "cam?token=bad", "live"}));
  fail_unless (judge.asked.wait ([] (unsigned n) { return n == 1; }));
  fail_unless (c.command (0, {"getStreamLength", 5.0, rtmp::Null{}}));
  while (const auto m = c.message ()) { // nothing in front of this answer
    if (m->type != rtmp::MessageType::command_amf0)
      continue;
    const auto d = rtmp::decode_amf0 (m->payload.bytes, {});
    fail_unless (d.at (0) == Value ("_result") && d.at (1) == Value (5.0));
    break;
  }
  judge.may_answer.set (true);
  fail_unless_equals_string (c.expect_status ().c_str (), "NetStream.Publish.Denied");
}
GST_END_TEST

// Who was not let in does not disconnect the one that is there.
GST_START_TEST (test_ghost_is_replaced_only_after_authentication)
{
  const FlvFile file (true, false);
  RtmpSource s;
  Judge judge (s);
  gst_util_set_object_arg (G_OBJECT (s.element), "on-duplicate", "replace");
  s.play ();
  Publisher ghost (s.port (), file, "cam?token=good");
  RtmpClient bad (s.port ());
  bad.connect ();
  fail_unless_equals_string (bad.publish ("cam?token=bad").c_str (), "NetStream.Publish.Denied");
  ghost.send (rtmp::flv_video);
  const auto n = file.frames (true).size ();
  fail_unless (s.wait ([n] (const auto &p) {
    return p.contains ("video_0") && p.at ("video_0").buffers.size () == n;
  }));
  fail_unless_equals_uint64 (s.stat ("replaced"), 0);
  Publisher good (s.port (), file, "cam?token=good");
  fail_unless_equals_string (ghost.client.expect_status ().c_str (), "NetStream.Publish.BadName");
  fail_unless_equals_uint64 (s.stat ("replaced"), 1);
}
GST_END_TEST

// An encoder whose connection was cut comes again at once: no BadName, on which OBS hangs.
GST_START_TEST (test_reconnect_after_an_abrupt_disconnect)
{
  const FlvFile file (true, false);
  RtmpSource s;
  s.set ("stream-key", "cam", "keep-listening", TRUE);
  s.play ();
  const auto n = file.frames (true).size ();
  for (unsigned i = 1; i <= 3; i++) {
    Publisher p (s.port (), file);
    p.send (rtmp::flv_video);
    fail_unless (s.wait ([&] (const auto &pads) {
      return pads.contains ("video_0") && pads.at ("video_0").buffers.size () == i * n;
    }));
    const linger reset{1, 0}; // RST instead of FIN
    ::setsockopt (p.client.fd (), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  fail_unless (iterate_until ([&s] { return is_free (s); }));
  fail_unless_equals_uint64 (s.stat ("replaced"), 0);
  fail_unless_equals_uint64 (s.stat ("bad-peers"), 0);
}
GST_END_TEST

// DJI's send them with each key frame, others an empty one: the same caps, once.
GST_START_TEST (test_repeated_and_empty_sequence_headers)
{
  const FlvFile file;
  RtmpSource s;
  s.play ();
  Publisher p (s.port (), file);
  std::vector<rtmp::FlvTag> headers;
  for (const auto &t : p.tags) {
    const bool media = t.type == rtmp::flv_video || t.type == rtmp::flv_audio;
    if (media && t.body.bytes[1] == 0)
      headers.push_back (t);
    p.send (t);
    if (!media || headers.size () < 2)
      continue;
    for (rtmp::FlvTag again : headers) {
      again.timestamp = t.timestamp;
      p.send (again);
      again.body = again.body.sub (0, again.type == rtmp::flv_video ? 5 : 2);
      p.send (again);
      again.body = {};
      p.send (again);
    }
  }
  fail_unless_equals_int (headers.size (), 2);
  fail_unless (p.client.command (0, {"deleteStream", 5.0, rtmp::Null{}, double{1}}));
  fail_unless (s.wait_eos (3));
  const auto pads = s.pads.get ();
  for (const char *name : {"video_0", "audio_0"}) {
    check_same (pads.at (name), file.frames (name[0] == 'v'));
    fail_unless_equals_int (count_of (pads.at (name), GST_EVENT_CAPS), 1);
  }
}
GST_END_TEST

// The name and the token are in tcUrl, publish has none.
GST_START_TEST (test_key_in_tc_url)
{
  RtmpSource s;
  Judge judge (s);
  s.set ("stream-key", "cam");
  s.play ();
  for (const char *url :
      {"rtmp://h/live/cam?token=good", "\"rtmp://h:1935/live/cam?token=good\""}) {
    RtmpClient c (s.port ());
    c.handshake ();
    fail_unless (
        c.command (0, {"connect", 1.0, Value::object ({{"app", "live"}, {"tcUrl", url}})}));
    fail_unless (!c.expect ("_result").empty ());
    fail_unless_equals_string (c.publish ("").c_str (), "NetStream.Publish.Start");
    fail_unless (c.command (0, {"deleteStream", 5.0, rtmp::Null{}, double{1}}));
    c.sync ();
  }
}
GST_END_TEST

// Stack overflows of others began at 256 bytes.
GST_START_TEST (test_long_app_and_stream_names)
{
  RtmpSource s;
  s.set ("application", nullptr);
  s.play ();
  for (const std::size_t n : {255u, 256u, 257u, 1024u}) {
    const std::string name (n, 'n');
    RtmpClient c (s.port ());
    fail_unless_equals_string (c.connect (name.c_str ()).c_str (), "NetConnection.Connect.Success");
    fail_unless_equals_string (c.publish (name.c_str ()).c_str (), "NetStream.Publish.Start");
    fail_unless (c.command (c.stream, {"closeStream", 0.0, rtmp::Null{}}));
    fail_unless_equals_string (c.expect_status ().c_str (), "NetStream.Unpublish.Success");
  }
  const std::string longer (1025, 'n'), longest (60000, 'n');
  for (const std::string &name : {longer, longest}) {
    RtmpClient app (s.port ()), stream (s.port ());
    fail_unless_equals_string (
        app.connect (name.c_str ()).c_str (), "NetConnection.Connect.InvalidApp");
    stream.connect ();
    fail_unless_equals_string (stream.publish (name.c_str ()).c_str (), "NetStream.Publish.Denied");
    fail_unless_equals_string (stream.publish ("short").c_str (), "NetStream.Publish.Start");
  }
}
GST_END_TEST

// CVE-2023-34105 was a name that a server gave to a shell. This plugin starts no programs at all.
GST_START_TEST (test_cve_2023_34105_names_never_reach_a_shell)
{
  const std::string plugin =
      std::string (g_getenv ("REACH_BUILD_DIR")) + "/gst/rtmpserver/libgstrtmpserver.so";
  gchar *out = nullptr;
  const gchar *argv[] = {"nm", "-D", "--undefined-only", plugin.c_str (), nullptr};
  fail_unless (g_spawn_sync (nullptr, const_cast<gchar **> (argv), nullptr, G_SPAWN_SEARCH_PATH,
      nullptr, nullptr, &out, nullptr, nullptr, nullptr));
  const std::string symbols (out);
  g_free (out);
  fail_unless (symbols.find (" gst_element_post_message") != std::string::npos);
  for (const char *starts : {" system", " popen", " posix_spawn", " exec", " fork", " vfork",
           " g_spawn", " g_subprocess", " wordexp"})
    fail_unless (symbols.find (starts) == std::string::npos, "%s", starts);
}
GST_END_TEST

// Tags are cut off and bits of them changed, all but the codec: flvdemux takes none of the wrong
// ones for a reason to stop, and a CRITICAL of it would end the test.
GST_START_TEST (test_flvdemux_is_fed_no_broken_tags)
{
  const FlvFile file;
  const int port = unused_port ();
  const std::string line =
      "rtmpserversrc name=r bind-address=127.0.0.1 port=" + std::to_string (port) +
      " keep-listening=true r.flv ! queue ! "
      "flvdemux name=d d.video ! fakesink sync=false async=false "
      "d.audio ! fakesink name=a signal-handoffs=true sync=false async=false";
  GstElement *pipeline = gst_parse_launch (line.c_str (), nullptr);
  fail_unless (pipeline != nullptr);
  Watched<Heard> heard;
  GstElement *a = gst_bin_get_by_name (GST_BIN (pipeline), "a");
  g_signal_connect (a, "handoff",
      G_CALLBACK (+[] (GstElement *, GstBuffer *b, GstPad *, Watched<Heard> *h) {
        h->update ([b] (Heard &x) { x = {x.count + 1, bytes_of (b)}; });
      }),
      &heard);
  fail_unless (reach_state (pipeline, GST_STATE_PLAYING));
  Publisher p (port, file);
  const auto frames = file.frames (false);
  const auto send_file = [&] (std::uint32_t base, std::size_t so_far) {
    for (const auto &t : p.tags)
      p.send (t, base);
    fail_unless (
        heard.wait ([&] (const Heard &h) { return h.count > so_far && h.last == frames.back (); }));
  };
  send_file (0, frames.size () - 1);
  GRand *random = g_rand_new_with_seed (4975);
  for (const auto &t : p.tags)
    for (int i = 0; i < 10; i++) {
      std::vector<std::uint8_t> body (t.body.bytes.begin (), t.body.bytes.end ());
      body.resize (at (random, body.size () + 1));
      for (int k = 0; k < 3 && body.size () > 1; k++)
        body[1 + at (random, std::min<std::size_t> (body.size () - 1, 8))] ^=
            static_cast<std::uint8_t> (1u << at (random, 8));
      p.send ({t.type, 2000 + t.timestamp, reach::slice_of (std::move (body))});
    }
  g_rand_free (random);
  send_file (4000, heard.get ().count); // the demuxer is still there
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (a);
  gst_object_unref (pipeline);
}
GST_END_TEST

// Two applications on one port: each has its publisher, and the same key twice.
GST_START_TEST (test_applications_on_one_listener)
{
  const FlvFile file (true, false);
  RtmpSource one, two;
  one.set ("stream-key", "cam");
  one.play ();
  two.set ("application", "second", "stream-key", "cam", "port", one.port ());
  two.play ();
  RtmpClient c (one.port ());
  fail_unless_equals_string (c.connect ("second").c_str (), "NetConnection.Connect.Success");
  fail_unless_equals_string (c.publish ("cam").c_str (), "NetStream.Publish.Start");
  fail_unless_equals_uint64 (two.stat ("publishers"), 1);
  Publisher p (one.port (), file);
  p.send (rtmp::flv_video);
  const auto n = file.frames (true).size ();
  fail_unless (one.wait ([n] (const auto &x) {
    return x.contains ("video_0") && x.at ("video_0").buffers.size () == n;
  }));
  fail_unless (two.pads.get ().empty ());
}
GST_END_TEST

static Suite *rtmp_cases_suite ()
{
  register_plugins ();
  FlvFile::prepare ();
  FlvFile::prepare (true, false);
  Suite *s = suite_create ("rtmp_cases");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_publish_start_not_before_the_hook);
  tcase_add_test (tc, test_ghost_is_replaced_only_after_authentication);
  tcase_add_test (tc, test_reconnect_after_an_abrupt_disconnect);
  tcase_add_test (tc, test_repeated_and_empty_sequence_headers);
  tcase_add_test (tc, test_key_in_tc_url);
  tcase_add_test (tc, test_long_app_and_stream_names);
  tcase_add_test (tc, test_cve_2023_34105_names_never_reach_a_shell);
  tcase_add_test (tc, test_flvdemux_is_fed_no_broken_tags);
  tcase_add_test (tc, test_applications_on_one_listener);
  return s;
}

GST_CHECK_MAIN (rtmp_cases)

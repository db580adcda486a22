// SPDX-License-Identifier: LGPL-2.1-or-later
// Logins with a user name and a password, by clients that others wrote: FFmpeg, rtmp2sink and
// rtmp2src, librtmp; publishing and playing, with the right password, a wrong one and none.
#include "rtmp_auth.h"
#include "../bus_error.h"
#include "rtmpserver/proto/login.h"
#include "rtmpserver/proto/query.h"

using namespace reach::test;

namespace {
std::string hash (const std::string &user, const std::string &salt, const std::string &password)
{
  return rtmp::md5_base64 (rtmp::test::crypto (), {user, salt, password});
}

std::string users ()
{
  return "# test\nann:plain:two words\nbob:adobe:5a17:" + hash ("bob", "5a17", "secret") + "\n";
}

// A source that users are asked for.
struct Asking : RtmpSource {
  explicit Asking (const std::string &lines = users ()) : file (lines)
  {
    set ("user-file", file.path.c_str (), "stream-key", "cam", "keep-listening", TRUE);
    play ();
  }
  // Nobody has come in, and `n` answers were wrong.
  void check_refused (guint64 n) const
  {
    fail_unless_equals_uint64 (stat ("publishers"), 0);
    fail_unless_equals_uint64 (stat ("denied"), n);
  }
  bool wait_video (std::size_t n)
  {
    return wait ([n] (const Pads &p) {
      const auto v = p.find ("video_0");
      return v != p.end () && v->second.buffers.size () >= n;
    });
  }
  SecretFile file;
};

const char *roomy_malloc ()
{
  static const std::string path =
      std::string (g_getenv ("REACH_BUILD_DIR")) + "/tests/check/libroomy-malloc.so";
  return path.c_str ();
}

// The three connects of a login. The code of the last answer.
struct Attempt {
  std::string code, description;
};
Attempt try_connect (int port, const std::string &app)
{
  RtmpClient c (port);
  Attempt a{c.connect (app.c_str (), {}, {{"type", "nonprivate"}}), {}};
  a.description = c.info["description"].string ();
  return a;
}

std::string value_of (const std::string &description, const char *name)
{
  return std::string (rtmp::parameter (description, name).value_or (""));
}

// The third one's application.
std::string answered (const std::string &description, const std::string &password)
{
  const std::string user = value_of (description, "user"),
                    opaque = value_of (description, "opaque");
  const std::string inner = hash (user, value_of (description, "salt"), password);
  return "live?authmod=adobe&user=" + user +
         "&challenge=0123abcd&response=" + hash (inner, opaque, "0123abcd") + "&opaque=" + opaque;
}
} // namespace

GST_START_TEST (test_ffmpeg_publishes)
{
  const FlvFile file;
  Asking s;
  const auto wrong = run (file.ffmpeg (with_user (s.url (), "bob:guess"), "0"));
  fail_if (wrong.good);
  fail_unless (wrong.said.find ("Incorrect username/password") != std::string::npos, "%s",
      wrong.said.c_str ());
  const auto nobody = run (file.ffmpeg (with_user (s.url (), "eve:secret"), "0"));
  fail_if (nobody.good);
  const auto none = run (file.ffmpeg (s.url (), "0"));
  fail_if (none.good);
  fail_unless (
      none.said.find ("No credentials set") != std::string::npos, "%s", none.said.c_str ());
  s.check_refused (2);
  const auto right = run (file.ffmpeg (with_user (s.url (), "bob:secret"), "0"));
  fail_unless (right.good, "%s", right.said.c_str ());
  const auto frames = file.frames (true);
  fail_unless (s.wait_video (frames.size ()));
  check_same (s.pads.get ().at ("video_0"), frames);
  fail_unless_equals_uint64 (s.stat ("denied"), 2);
  // Three that had to come again twice, one that had to once.
  fail_unless_equals_uint64 (s.stat ("challenged"), 7);
  fail_unless_equals_uint64 (s.stat ("rejected"), 2);
}
GST_END_TEST

GST_START_TEST (test_rtmp2sink)
{
  const FlvFile file;
  Asking s;
  const std::string at = "rtmp2sink location=" + s.url ();
  fail_if (ends_well (published (file, at + " username=ann password=guess")));
  fail_if (ends_well (published (file, at)));
  s.check_refused (1);
  fail_unless (ends_well (published (file, at + " username=ann password=\"two words\"")));
  fail_unless (s.wait_video (file.frames (true).size ()));
}
GST_END_TEST

GST_START_TEST (test_rtmpsink_of_librtmp)
{
  const FlvFile file;
  Asking s;
  const auto librtmp = [&] (const char *user) {
    return gst_launch (published (file, "rtmpsink location='" + s.url () + user + "'"));
  };
  fail_if (ends_well (published (file, "rtmpsink location=" + s.url ())));
  const auto wrong = run (librtmp (" pubUser=bob pubPasswd=guess"), roomy_malloc ());
  fail_unless (
      wrong.said.find ("Could not connect") != std::string::npos, "%s", wrong.said.c_str ());
  s.check_refused (1);
  const auto right = run (librtmp (" pubUser=bob pubPasswd=secret"), roomy_malloc ());
  fail_unless (right.good, "%s", right.said.c_str ());
  fail_unless (s.wait_video (file.frames (true).size ()));
}
GST_END_TEST

GST_START_TEST (test_players)
{
  const SecretFile file (users ());
  Sender s (live_video, "user-file=" + file.path);
  const auto good = run (ffmpeg_player (with_user (s.url, "bob:secret")));
  fail_unless (good.good, "%s", good.said.c_str ());
  const auto wrong = run (ffmpeg_player (with_user (s.url, "bob:guess")));
  fail_unless (!wrong.good && wrong.said.find ("Incorrect username") != std::string::npos, "%s",
      wrong.said.c_str ());
  fail_if (run (ffmpeg_player (s.url)).good);
  const std::string rtmp2 = "rtmp2src location=" + s.url;
  fail_unless (ends_well (played (rtmp2 + " username=bob password=secret")));
  fail_if (ends_well (played (rtmp2 + " username=bob password=guess")));
  fail_if (ends_well (played (rtmp2)));
  fail_if (ends_well (played ("rtmpsrc location=\"" + s.url + " live=1\"")));
  fail_unless_equals_uint64 (s.stat<guint64> ("viewers-total"), 2);
}
GST_END_TEST

GST_START_TEST (test_one_user_by_properties)
{
  const FlvFile file;
  RtmpSource s;
  s.set ("username", "cam", "password", "secret");
  s.play ();
  fail_if (run (file.ffmpeg (with_user (s.url (), "cam:guess"), "0")).good);
  fail_unless (run (file.ffmpeg (with_user (s.url (), "cam:secret"), "0")).good);
  fail_unless (s.wait_eos (3));
  // It cannot be read.
  const GParamSpec *p = g_object_class_find_property (G_OBJECT_GET_CLASS (s.element), "password");
  fail_unless (p && !(p->flags & G_PARAM_READABLE) && (p->flags & G_PARAM_WRITABLE));
}
GST_END_TEST

GST_START_TEST (test_an_answer_is_taken_once)
{
  Asking s;
  const auto one = try_connect (s.port (), "live");
  fail_unless_equals_string (one.code.c_str (), "NetConnection.Connect.Rejected");
  fail_unless (one.description.find ("code=403 need auth; authmod=adobe ") != std::string::npos);
  const auto two = try_connect (s.port (), "live?authmod=adobe&user=bob");
  fail_unless_equals_string (value_of (two.description, "salt").c_str (), "5a17");
  const std::string three = answered (two.description, "secret");
  fail_unless_equals_string (
      try_connect (s.port (), three).code.c_str (), "NetConnection.Connect.Success");
  const auto again = try_connect (s.port (), three);
  fail_unless_equals_string (again.code.c_str (), "NetConnection.Connect.Rejected");
  fail_unless_equals_string (value_of (again.description, "reason").c_str (), "authfailed");
  // Nobody learns here which names there are.
  const auto nobody = try_connect (s.port (), "live?authmod=adobe&user=eve");
  fail_unless_equals_string (value_of (nobody.description, "reason").c_str (), "needauth");
  fail_unless_equals_string (
      value_of (try_connect (s.port (), answered (nobody.description, "")).description, "reason")
          .c_str (),
      "authfailed");
}
GST_END_TEST

// Publishers have to log in, players need not. One connection does both when it has.
GST_START_TEST (test_publishers_only)
{
  Sender players (live_video);
  const auto port = static_cast<guint> (std::stoi (players.url.substr (17)));
  RtmpSource s;
  s.set ("port", port, "username", "bob", "password", "secret", "stream-key", "up");
  s.play ();
  fail_unless (ends_well (played ("rtmp2src location=" + players.url)));
  // One that does not say that it is a publisher is let in, but not to publish.
  RtmpClient c (s.port ());
  fail_unless_equals_string (c.connect ().c_str (), "NetConnection.Connect.Success");
  fail_unless_equals_string (c.publish ("up").c_str (), "NetStream.Publish.Denied");
  const FlvFile file;
  fail_if (run (file.ffmpeg (s.url ("live/up"), "0")).good);
  fail_unless (run (file.ffmpeg (with_user (s.url ("live/up"), "bob:secret"), "0")).good);
  fail_unless (s.wait_eos (3));
}
GST_END_TEST

GST_START_TEST (test_user_file_changes)
{
  Asking s;
  const auto log_in = [&s] (const char *user) {
    const auto two = try_connect (s.port (), std::string ("live?authmod=adobe&user=") + user);
    return try_connect (s.port (), answered (two.description, "new")).code ==
           "NetConnection.Connect.Success";
  };
  fail_if (log_in ("new"));
  s.file.write (users () + "new:plain:new\n");
  fail_unless (iterate_until ([&] { return log_in ("new"); }));
  s.file.write ("new");
  const auto m = wait_message (s.pipeline, GST_MESSAGE_WARNING);
  fail_unless (m != nullptr);
  const auto error = error_of (m.get ());
  fail_unless (g_error_matches (error.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
  fail_unless (strstr (error->message, "line 1") != nullptr, "%s", error->message);
  fail_unless (log_in ("new")); // what was read before
  s.file.write (users ());
  fail_unless (iterate_until ([&] { return !log_in ("new"); }));
}
GST_END_TEST

GST_START_TEST (test_bad_settings)
{
  const SecretFile bad ("bob");
  const std::vector<std::vector<const char *>> all{{"user-file", bad.path.c_str ()},
      {"user-file", "/nonexistent"}, {"token-file", "/nonexistent"}, {"username", "bob"},
      {"password", "secret"}};
  for (const char *name : {"rtmpserversrc", "rtmpserversink"})
    for (const auto &p : all) {
      GstElement *e = gst_element_factory_make (name, nullptr);
      GstBus *bus = gst_bus_new ();
      gst_element_set_bus (e, bus);
      g_object_set (e, "port", 0, "bind-address", "127.0.0.1", p[0], p[1], nullptr);
      fail_unless (gst_element_set_state (e, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE);
      GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
      fail_unless (m != nullptr, "%s %s", name, p[0]);
      const auto error = error_of (m);
      fail_unless (g_error_matches (error.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
      fail_unless (strstr (error->message, "secret") == nullptr);
      gst_message_unref (m);
      gst_element_set_state (e, GST_STATE_NULL);
      gst_object_unref (bus);
      gst_object_unref (e);
    }
}
GST_END_TEST

static Suite *rtmp_auth_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_auth");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_ffmpeg_publishes);
  tcase_add_test (tc, test_rtmp2sink);
  tcase_add_test (tc, test_rtmpsink_of_librtmp);
  tcase_add_test (tc, test_players);
  tcase_add_test (tc, test_one_user_by_properties);
  tcase_add_test (tc, test_an_answer_is_taken_once);
  tcase_add_test (tc, test_publishers_only);
  tcase_add_test (tc, test_user_file_changes);
  tcase_add_test (tc, test_bad_settings);
  return s;
}

GST_CHECK_MAIN (rtmp_auth)

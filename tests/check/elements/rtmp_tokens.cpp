// SPDX-License-Identifier: LGPL-2.1-or-later
// Tokens of a file: who may publish and play what, in front of the application's decision; what is
// not told of them.
#include "../bus_error.h"
#include "rtmp_auth.h"
#include <cstdio>
#include <fcntl.h>

using namespace reach::test;

namespace {
constexpr const char *secret = "s3cr3t-t0ken";

std::string line (const char *more)
{
  return std::string (secret) + " " + more + "\n";
}

// How publishing goes.
std::string publish (int port, const char *name, const char *app = "live")
{
  RtmpClient c (port);
  fail_unless_equals_string (c.connect (app).c_str (), "NetConnection.Connect.Success");
  return c.publish (name);
}

std::string play (int port, const char *name)
{
  RtmpClient c (port);
  fail_unless_equals_string (c.connect ().c_str (), "NetConnection.Connect.Success");
  fail_unless (c.command (0, {"createStream", 2.0, rtmp::Null{}}));
  const Values v = c.expect ("_result");
  fail_unless (v.size () > 3);
  const auto stream = static_cast<std::uint32_t> (v[3].number_or (0));
  fail_unless (c.command (stream, {"play", 3.0, rtmp::Null{}, name}));
  std::string code = c.expect_status ();
  return code == "NetStream.Play.Reset" ? c.expect_status () : code;
}

int port_of (const Sender &s)
{
  return std::stoi (s.url.substr (17));
}

// All that GStreamer logs, while it is there: what goes to stderr. (Of log functions that are taken
// out again GStreamer leaks something.)
class Log {
public:
  Log ()
  {
    std::fflush (stderr);
    stderr_ = ::dup (STDERR_FILENO);
    const int fd = ::open (file_.path.c_str (), O_WRONLY | O_TRUNC | O_CLOEXEC);
    fail_unless (fd >= 0 && stderr_ >= 0 && ::dup2 (fd, STDERR_FILENO) == STDERR_FILENO);
    ::close (fd);
    gst_debug_set_active (TRUE);
    gst_debug_set_default_threshold (GST_LEVEL_LOG);
  }
  ~Log ()
  {
    gst_debug_set_default_threshold (GST_LEVEL_NONE);
    std::fflush (stderr);
    ::dup2 (stderr_, STDERR_FILENO);
    ::close (stderr_);
  }
  Log (const Log &) = delete;
  Log &operator= (const Log &) = delete;
  bool has (const char *text) const
  {
    std::fflush (stderr);
    std::ifstream in (file_.path, std::ios::binary);
    const std::string all (std::istreambuf_iterator<char> (in), {});
    fail_unless (all.find ("rtmpserversrc") != all.npos); // it is a log
    return all.find (text) != all.npos;
  }

private:
  const SecretFile file_{""};
  int stderr_ = -1;
};

std::string text_of (const GstStructure *s)
{
  std::string text = reach::CharPtr (gst_structure_to_string (s)).get ();
  std::erase (text, '\\'); // in front of what is no letter
  return text;
}

// What is on the bus so far.
std::string told (GstElement *pipeline)
{
  std::string all;
  GstBus *bus = gst_element_get_bus (pipeline);
  while (GstMessage *m = gst_bus_pop (bus)) {
    if (const GstStructure *s = gst_message_get_structure (m))
      all += text_of (s);
    gst_message_unref (m);
  }
  gst_object_unref (bus);
  return all;
}

struct Asking : RtmpSource {
  explicit Asking (const std::string &lines) : file (lines)
  {
    set ("token-file", file.path.c_str (), "keep-listening", TRUE);
    g_signal_connect (element, "publish-request", G_CALLBACK (asked), this);
    play ();
  }
  static gboolean asked (GstElement *, GstStructure *, GstStructure *request, Asking *self)
  {
    self->queries.update (
        [&] (auto &q) { q.emplace_back (gst_structure_get_string (request, "query")); });
    return TRUE;
  }
  SecretFile file;
  Watched<std::vector<std::string>> queries; // that the application saw
};
} // namespace

GST_START_TEST (test_publish)
{
  Asking s (
      line ("allow=publish stream=live/cam*") + "old expires=2020-01-01\nplayer allow=play\n");
  for (const char *name : {"cam", "cam?token=", "cam?token=guess", "cam?token=old",
           "cam?token=player", "other?token=s3cr3t-t0ken", "cam?x=s3cr3t-t0ken"})
    fail_unless_equals_string (publish (s.port (), name).c_str (), "NetStream.Publish.Denied");
  fail_unless_equals_uint64 (s.stat ("denied"), 7);
  fail_unless_equals_int (s.queries.get ().size (), 0); // the application was not asked
  fail_unless_equals_string (
      publish (s.port (), "cam1?a=b&token=s3cr3t-t0ken").c_str (), "NetStream.Publish.Start");
  fail_unless_equals_string (
      publish (s.port (), "cam2", "live?token=s3cr3t-t0ken").c_str (), "NetStream.Publish.Start");
  // It sees the query, without the token.
  const auto queries = s.queries.get ();
  fail_unless_equals_int (queries.size (), 2);
  fail_unless_equals_string (queries[0].c_str (), "a=b&token=***");
}
GST_END_TEST

// A name that is in use is no secret for those only who may use it.
GST_START_TEST (test_names_in_use)
{
  Asking s (line (""));
  s.set ("stream-key", "cam");
  RtmpClient c (s.port ());
  c.connect ();
  fail_unless_equals_string (
      c.publish ("cam?token=s3cr3t-t0ken").c_str (), "NetStream.Publish.Start");
  fail_unless_equals_string (publish (s.port (), "cam").c_str (), "NetStream.Publish.Denied");
  fail_unless_equals_string (
      publish (s.port (), "cam?token=s3cr3t-t0ken").c_str (), "NetStream.Publish.BadName");
}
GST_END_TEST

GST_START_TEST (test_play)
{
  const SecretFile file (line ("allow=play stream=live/cam"));
  Sender s (live_video, "token-file=" + file.path);
  for (const char *name : {"cam", "cam?token=guess", "cam2?token=s3cr3t-t0ken"})
    fail_unless_equals_string (play (port_of (s), name).c_str (), "NetStream.Play.Failed");
  fail_unless_equals_string (
      play (port_of (s), "cam?token=s3cr3t-t0ken").c_str (), "NetStream.Play.Start");
  fail_unless_equals_uint64 (s.stat<guint64> ("denied"), 3);
}
GST_END_TEST

// Programs that others wrote: a refusal ends them, and the right token lets them in.
GST_START_TEST (test_publishers_of_others)
{
  const FlvFile file;
  Asking s (line ("allow=publish stream=live/cam"));
  const std::string with = s.url () + "?token=" + secret;
  fail_if (run (file.ffmpeg (s.url (), "0")).good);
  fail_unless (is_refused (published (file, "rtmp2sink location=" + s.url ())));
  fail_if (ends_well (published (file, "rtmpsink location=" + s.url ())));
  fail_unless_equals_uint64 (s.stat ("publishers"), 0);
  fail_unless (run (file.ffmpeg (with, "0")).good);
  fail_unless (ends_well (published (file, "rtmp2sink location=\"" + with + "\"")));
  fail_unless (ends_well (published (file, "rtmpsink location=\"" + with + "\"")));
  fail_unless (iterate_until ([&] { return s.stat ("publishers") == 3; }));
}
GST_END_TEST

GST_START_TEST (test_players_of_others)
{
  const SecretFile file (line ("allow=play"));
  Sender s (live_video, "token-file=" + file.path);
  const std::string with = s.url + "?token=" + secret;
  fail_if (run (ffmpeg_player (s.url)).good);
  fail_unless (is_refused (played ("rtmp2src location=" + s.url)));
  fail_if (ends_well (played ("rtmpsrc location=\"" + s.url + " live=1\"")));
  fail_unless_equals_uint64 (s.stat<guint64> ("viewers-total"), 0);
  fail_unless (run (ffmpeg_player (with)).good);
  fail_unless (ends_well (played ("rtmp2src location=\"" + with + "\"")));
  fail_unless (ends_well (played ("rtmpsrc location=\"" + with + " live=1\"")));
}
GST_END_TEST

GST_START_TEST (test_file_changes)
{
  Asking s ("other\n");
  const auto tried = [&s] { return publish (s.port (), "cam?token=s3cr3t-t0ken"); };
  fail_unless_equals_string (tried ().c_str (), "NetStream.Publish.Denied");
  s.file.write (line (""));
  fail_unless (iterate_until ([&] { return tried () == "NetStream.Publish.Start"; }));
  s.file.write (line ("allow=everything"));
  const auto m = wait_message (s.pipeline, GST_MESSAGE_WARNING);
  fail_unless (m != nullptr);
  const auto error = error_of (m.get ());
  fail_unless (
      strstr (error->message, "line 1") && !strstr (error->message, secret), "%s", error->message);
  fail_unless_equals_string (tried ().c_str (), "NetStream.Publish.Start");
  fail_unless (::unlink (s.file.path.c_str ()) == 0);
  fail_unless (wait_message (s.pipeline, GST_MESSAGE_WARNING) != nullptr);
  fail_unless_equals_string (tried ().c_str (), "NetStream.Publish.Start");
  s.file.write ("other\n");
  fail_unless (iterate_until ([&] { return tried () == "NetStream.Publish.Denied"; }));
}
GST_END_TEST

// Not in messages, statistics and logs, whatever a client has it in.
GST_START_TEST (test_secrets_are_not_told)
{
  Log log;
  RtmpSource s;
  const SecretFile file (line (""));
  s.set ("token-file", file.path.c_str (), "username", "bob", "password", "p4ssw0rd");
  s.set ("deferred-requests", 1u | 4u); // connect and publish come as messages
  s.play ();
  RtmpClient c (s.port ());
  const std::string app = std::string ("live?token=") + secret, url = "rtmp://h/" + app;
  fail_unless_equals_string (
      c.connect (app.c_str (), {}, {{"tcUrl", url}}).c_str (), "NetConnection.Connect.Rejected");
  const FlvFile media;
  Program publisher (media.ffmpeg (
      with_user (s.url (("live/cam?token=" + std::string (secret)).c_str ()), "bob:p4ssw0rd")));
  std::string all;
  for (const char *name : {"rtmp-connect-request", "rtmp-publish-request"}) {
    const auto m = wait_element_message (s.pipeline, name);
    fail_unless (m != nullptr, "%s", name);
    const GstStructure *q = gst_message_get_structure (m.get ());
    all += text_of (q);
    guint64 id = 0;
    fail_unless (gst_structure_get_uint64 (q, "request", &id));
    gboolean known = FALSE;
    g_signal_emit_by_name (s.element, "respond", id, TRUE, nullptr, &known);
    fail_unless (known);
  }
  fail_unless (all.find ("***") != std::string::npos, "%s", all.c_str ());
  fail_unless (s.wait_eos (3));
  all += text_of (s.stats ().get ());
  all += told (s.pipeline);
  for (const char *hidden : {secret, "p4ssw0rd"}) {
    fail_unless (all.find (hidden) == std::string::npos, "%s in %s", hidden, all.c_str ());
    fail_if (log.has (hidden), "%s was logged", hidden);
  }
}
GST_END_TEST

// Who runs the server finds there why a client was refused; the name that it gave is not told.
GST_START_TEST (test_refusals_are_logged)
{
  Log log;
  RtmpSource s;
  const SecretFile file (line ("expires=2020-01-01"));
  s.set ("token-file", file.path.c_str ());
  s.play ();
  const std::string late = std::string ("cam?token=") + secret;
  fail_unless_equals_string (
      publish (s.port (), late.c_str ()).c_str (), "NetStream.Publish.Denied");
  fail_unless (log.has (": the token has expired (NetStream.Publish.Denied)"));
  fail_if (log.has (": a token is needed"));
  fail_unless_equals_string (publish (s.port (), "cam").c_str (), "NetStream.Publish.Denied");
  fail_unless (log.has (": a token is needed (NetStream.Publish.Denied)"));
  RtmpClient c (s.port ());
  fail_unless_equals_string (
      c.connect ("else\nwhere").c_str (), "NetConnection.Connect.InvalidApp");
  fail_unless (log.has (": there is no such application (NetConnection.Connect.InvalidApp)"));
  fail_if (log.has ("else\nwhere") || log.has (secret));
}
GST_END_TEST

// Of an application that looks at tokens itself: it sees them, statistics do not show them.
GST_START_TEST (test_the_application_looks)
{
  RtmpSource s;
  Watched<std::string> query;
  const auto decide =
      +[] (GstElement *, GstStructure *, GstStructure *r, Watched<std::string> *to) -> gboolean {
    to->set (gst_structure_get_string (r, "query"));
    return TRUE;
  };
  g_signal_connect (s.element, "publish-request", G_CALLBACK (decide), &query);
  s.play ();
  RtmpClient c (s.port ());
  const std::string app = std::string ("live?token=") + secret;
  c.connect (app.c_str ());
  fail_unless_equals_string (
      c.publish ("cam?token=s3cr3t-t0ken").c_str (), "NetStream.Publish.Start");
  fail_unless_equals_string (query.get ().c_str (), "token=s3cr3t-t0ken");
  const std::string stats = text_of (s.stats ().get ());
  fail_unless (stats.find ("token=***") != stats.npos, "%s", stats.c_str ());
  fail_unless (stats.find (secret) == stats.npos, "%s", stats.c_str ());
}
GST_END_TEST

static Suite *rtmp_tokens_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_tokens");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_publish);
  tcase_add_test (tc, test_names_in_use);
  tcase_add_test (tc, test_play);
  tcase_add_test (tc, test_publishers_of_others);
  tcase_add_test (tc, test_players_of_others);
  tcase_add_test (tc, test_file_changes);
  tcase_add_test (tc, test_secrets_are_not_told);
  tcase_add_test (tc, test_refusals_are_logged);
  tcase_add_test (tc, test_the_application_looks);
  return s;
}

GST_CHECK_MAIN (rtmp_tokens)

// SPDX-License-Identifier: LGPL-2.1-or-later
// What a media server keeps of its clients, over restarts and over its sudden end.
#include "../peer_process.h"
#include "../server_asks.h"
#include <filesystem>
#include <fstream>

using namespace reach::test;
namespace fs = std::filesystem;

namespace {
constexpr const char *keep_names[] = {"never", "groups", "all"};

struct Folder {
  Folder ()
  {
    gchar *t = g_dir_make_tmp ("reach-state-XXXXXX", nullptr);
    path = t;
    g_free (t);
  }
  ~Folder () { fs::remove_all (path); }
  std::string file () const { return (path / "state").string (); }
  fs::path path;
};

void keep (const Server &s, const char *what, const std::string &file)
{
  gst_util_set_object_arg (G_OBJECT (s.element), "keep-client-info", what);
  g_object_set (s.element, "state-file", file.c_str (), nullptr);
}

bool is_member (const Node &n, const char *group)
{
  const Structure s = ask (n, about_group ("group-info", group));
  if (status (s) == "no-such-group")
    return false;
  expect (s, "ok");
  return flag_of (s.get (), "member");
}
} // namespace

GST_START_TEST (test_over_a_restart)
{
  const Folder folder;
  {
    Server server;
    keep (server, keep_names[__i__], folder.file ());
    server.play ();
    Viewer ann (server, tcp_pull, "ann");
    ann.join ();
    const Structure s = join_group (ann, "choir", "secret", true);
    expect (s, "ok");
    fail_unless (flag_of (s.get (), "permanent") == (__i__ > 0));
    expect (join_group (ann, "guests", nullptr), "ok");
    expect (short_ask (ann, "add-contact", "bob"), "ok");
  }
  Server server;
  keep (server, keep_names[__i__], folder.file ());
  server.play ();
  Viewer ann (server, tcp_pull, "ann"), bob (server, tcp_pull, "bob");
  ann.join ();
  bob.join ();
  fail_unless (is_member (ann, "choir") == (__i__ > 0));
  fail_unless (!is_member (ann, "guests"));
  const Structure contacts = ask (ann, gst_structure_new_empty ("list-contacts"));
  fail_unless (list_of (contacts.get (), "guids") == (__i__ == 2 ? "bob " : ""));
  // The password came back too.
  if (__i__ > 0) {
    expect (join_group (bob, "choir", "guess"), "wrong-password");
    expect (join_group (bob, "choir", "secret"), "ok");
  }
}
GST_END_TEST

// Whom the application blocks stays out, with what the file says and after it.
GST_START_TEST (test_blocked_over_a_restart)
{
  const Folder folder;
  const auto emit = [] (const Server &s, const char *what, const char *guid) {
    gboolean done = FALSE;
    g_signal_emit_by_name (s.element, what, guid, &done);
    return done != FALSE;
  };
  {
    Server server;
    keep (server, "groups", folder.file ());
    server.play ();
    fail_unless (emit (server, "block", "eve"));
  }
  Server server;
  keep (server, "groups", folder.file ());
  fail_unless (emit (server, "block", "mallory"));
  server.play ();
  fail_unless (emit (server, "unblock", "eve"));
  fail_unless (!emit (server, "unblock", "eve"));
  Viewer mallory (server, tcp_pull, "mallory");
  mallory.play ();
  fail_unless (server.wait_event ("rejected", "mallory"));
}
GST_END_TEST

// It stays as it is: who is told can look at it.
GST_START_TEST (test_a_damaged_file_is_an_error)
{
  const Folder folder;
  {
    Server server;
    keep (server, "all", folder.file ());
    server.play ();
    Viewer ann (server, tcp_pull, "ann");
    ann.join ();
    expect (join_group (ann, "choir", nullptr, true), "ok");
  }
  const auto size = static_cast<std::streamoff> (fs::file_size (folder.file ()));
  if (__i__ == 0) {
    fs::resize_file (folder.file (), static_cast<std::uintmax_t> (size - 1));
  } else {
    std::fstream f (folder.file (), std::ios::in | std::ios::out | std::ios::binary);
    f.seekp (__i__ == 1 ? 20 : size - 1);
    f.put ('\x7f');
  }
  const auto before = fs::file_size (folder.file ());
  Server server;
  keep (server, "all", folder.file ());
  fail_unless_equals_int (
      gst_element_set_state (server.pipeline, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const auto m = wait_message (server.pipeline, GST_MESSAGE_ERROR);
  fail_unless (m != nullptr);
  gst_element_set_state (server.pipeline, GST_STATE_NULL);
  fail_unless_equals_uint64 (fs::file_size (folder.file ()), before);
}
GST_END_TEST

// The server goes on, and says that nothing is kept.
GST_START_TEST (test_a_file_that_cannot_be_written)
{
  const Folder folder;
  Server server;
  keep (server, "all", (folder.path / "missing" / "state").string ());
  server.play ();
  Viewer ann (server, tcp_pull, "ann");
  ann.join ();
  expect (join_group (ann, "choir", nullptr, true), "ok");
  fail_unless (wait_message (server.pipeline, GST_MESSAGE_WARNING) != nullptr);
}
GST_END_TEST

// Killed at any moment: what it has answered is there again; of the ask that it was killed over,
// either.
GST_START_TEST (test_killed)
{
  const Folder folder;
  const guint16 port = unused_port ();
  const std::string role = std::to_string (port) + ":" + folder.file ();
  Receiver ann (tcp_pull);
  g_object_set (ann.element, "guid", "ann", "host", "127.0.0.1", "port", static_cast<gint> (port),
      "command-timeout", 60, nullptr);
  ann.play ();
  GRand *random = g_rand_new_with_seed (7);
  bool member = false;
  for (int round = 0; round < 8; round++) {
    PeerProcess server (role);
    const gint64 end = g_get_monotonic_time () + g_rand_int_range (random, 0, 60000);
    GstPromise *p = nullptr;
    while (true) {
      p = gst_promise_new ();
      GstStructure *s = about_group (member ? "leave-group" : "join-group", "choir");
      gst_structure_set (s, "permanent", G_TYPE_BOOLEAN, TRUE, nullptr);
      g_signal_emit_by_name (ann.element, "ask-server", s, p);
      gst_structure_free (s);
      if (g_get_monotonic_time () >= end)
        break;
      const std::string now = status (answer_of (p));
      member = now == "ok" ? !member : member;
      fail_unless (now == "ok" || now == "too-fast", "%s", now.c_str ());
    }
    server.kill ();
    PeerProcess again (role);
    const std::string last = status (answer_of (p));
    const bool now = is_member (ann, "choir");
    if (last == "ok")
      member = !member;
    else if (last == "connection-lost") // it may have been decided
      member = now;
    fail_unless (now == member, "round %d, after %s", round, last.c_str ());
  }
  g_rand_free (random);
}
GST_END_TEST

// In the other process, until it is killed.
GST_START_TEST (peer)
{
  const std::string role = PeerProcess::asked_for ();
  Server server;
  keep (server, "groups", role.substr (role.find (':') + 1));
  g_object_set (server.element, "port", std::stoi (role), "udp-port", -1, nullptr);
  server.play ();
  iterate_until ([] { return false; }, nullptr, milliseconds (600000));
}
GST_END_TEST

static Suite *server_state_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_state");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  if (!PeerProcess::asked_for ().empty ()) {
    tcase_add_test (tc, peer);
    return s;
  }
  tcase_add_loop_test (tc, test_over_a_restart, 0, 3);
  tcase_add_test (tc, test_blocked_over_a_restart);
  tcase_add_loop_test (tc, test_a_damaged_file_is_an_error, 0, 3);
  tcase_add_test (tc, test_a_file_that_cannot_be_written);
  tcase_add_test (tc, test_killed);
  return s;
}

GST_CHECK_MAIN (server_state)

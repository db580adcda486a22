// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is let in by a media server: tokens, kick, block, and what it takes of those it does not
// know.
#include "server_node.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace reach::test;

namespace {
constexpr const char *secret = "let me in, I am a friend";

// What an application's handler sees, and its answer: who knows the secret. It holds up who is
// called "slow" until the gate opens.
struct Porter {
  struct Seen {
    std::string guid, token, address, transport;
  };
  explicit Porter (const Server &s)
  {
    g_signal_connect (s.element, "authenticate", G_CALLBACK (on_authenticate), this);
  }
  static gboolean on_authenticate (GstElement *, const char *guid, const char *token,
      const char *address, const char *transport, gpointer self)
  {
    auto &p = *static_cast<Porter *> (self);
    p.seen.update ([&] (auto &v) { v.push_back ({guid, token, address, transport}); });
    if (std::string (guid) == "slow")
      fail_unless (p.open.wait ([] (bool o) { return o; }));
    return std::string (token) == secret;
  }
  Watched<std::vector<Seen>> seen;
  Watched<bool> open;
};

void give (const Node &n, const char *token)
{
  g_object_set (n.element, "token", token, nullptr);
}

bool refused (Node &n)
{
  return n.wait_told ([] (const Told &t) {
    return std::any_of (t.messages.begin (), t.messages.end (), [] (const auto &m) {
      return m.name == "cam-connect-error" && m.text.find ("token") != std::string::npos;
    });
  });
}

bool shows (GstStructure *s, const char *what)
{
  gchar *text = gst_structure_to_string (s);
  const bool found = strstr (text, what);
  g_free (text);
  return found;
}

int connect_to (gint port)
{
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons (static_cast<std::uint16_t> (port));
  a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  fail_unless_equals_int (connect (fd, reinterpret_cast<sockaddr *> (&a), sizeof a), 0);
  return fd;
}

const Way *const pushes[] = {&tcp_push, &http_push, &udp_push};
const Way *const pulls[] = {&tcp_pull, &http_pull, &tcp_pull};
} // namespace

GST_START_TEST (test_token)
{
  const Way &push = *pushes[__i__], &pull = *pulls[__i__];
  Server server (2);
  Porter porter (server);
  server.play ();
  Viewer viewer (server, pull, "viewer");
  Client sender (server, push, "camera", "viewer"), stranger (server, push, "stranger", "viewer");
  give (viewer, secret);
  give (sender, secret);
  give (stranger, "guess");
  fail_unless_equals_string (string_property (sender.element, "token").c_str (), "***");
  viewer.join ();
  auto &video = sender.add ("video_0", video_caps), &other = stranger.add ("video_0", video_caps);
  sender.play ();
  stranger.play ();
  push_frames (video, 0, 10, 10);
  push_frames (other, 0, 1, 1);
  fail_unless (viewer.wait_buffers ("video_0", 10));
  fail_unless (server.wait_event ("rejected", "stranger"));
  fail_unless (refused (stranger));
  fail_unless (server.stat ("refused") >= 1);
  const auto seen = porter.seen.get ();
  for (const auto &s : seen) {
    fail_unless (s.guid == "stranger" ? s.token == "guess" : s.token == secret);
    fail_unless (s.address.starts_with ("127.0.0.1:"), "%s", s.address.c_str ());
    fail_unless_equals_string (
        s.transport.c_str (), s.guid == "viewer" ? pull.protocol : push.protocol);
  }
  fail_if (shows (server.stats ().get (), secret) || shows (sender.stats ().get (), secret));
  for (const auto &m : sender.told.get ().messages)
    fail_if (m.text.find (secret) != std::string::npos);
}
GST_END_TEST

GST_START_TEST (test_token_in_clear)
{
  GstElement *pipeline = gst_pipeline_new (nullptr),
             *sender = gst_element_factory_make ("camsender", nullptr);
  gst_bin_add (GST_BIN (pipeline), sender);
  g_object_set (sender, "host", "127.0.0.1", "port", 1, "token", secret, nullptr);
  GstBus *bus = gst_element_get_bus (pipeline);
  for (const bool tls : {false, true}) {
    g_object_set (sender, "tls", tls, nullptr);
    fail_unless (reach_state (pipeline, GST_STATE_READY));
    GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
    fail_unless ((m != nullptr) == !tls);
    if (m)
      fail_if (shows (const_cast<GstStructure *> (gst_message_get_structure (m)), secret));
    gst_clear_message (&m);
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}
GST_END_TEST

// Media go on while somebody thinks about a client.
GST_START_TEST (test_slow_verdict)
{
  Server server;
  Porter porter (server);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  Client sender (server, tcp_push, "camera", "viewer"), slow (server, tcp_push, "slow", "viewer");
  for (const Node *n : {static_cast<const Node *> (&viewer), static_cast<const Node *> (&sender),
           static_cast<const Node *> (&slow)})
    give (*n, secret);
  viewer.join ();
  auto &video = sender.add ("video_0", video_caps), &late = slow.add ("video_0", video_caps);
  sender.play ();
  push_frames (video, 0, 10, 10);
  fail_unless (viewer.wait_buffers ("video_0", 10));
  slow.play ();
  push_frames (late, 0, 1, 1);
  fail_unless (porter.seen.wait ([] (const auto &v) { return v.back ().guid == "slow"; }));
  push_frames (video, 10, 20, 10);
  fail_unless (viewer.wait_buffers ("video_0", 30));
  fail_unless_equals_int (Node::count (slow.told.get ().messages, "connected"), 0);
  porter.open.update ([] (bool &o) { o = true; });
  fail_unless (viewer.wait_buffers ("video_1", 1));
}
GST_END_TEST

// Nobody is put out by a client that has not shown that it may.
GST_START_TEST (test_replacement)
{
  Server server;
  Porter porter (server);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer"), thief (server, tcp_pull, "viewer"),
      heir (server, tcp_pull, "viewer");
  Client sender (server, tcp_push, "camera", "viewer");
  give (viewer, secret);
  give (thief, "guess");
  give (heir, secret);
  give (sender, secret);
  viewer.join ();
  auto &video = sender.add ("video_0", video_caps);
  sender.play ();
  push_frames (video, 0, 10, 10);
  fail_unless (viewer.wait_buffers ("video_0", 10));
  thief.play ();
  fail_unless (server.wait_event ("rejected", "viewer"));
  fail_unless (refused (thief));
  push_frames (video, 10, 10, 10);
  fail_unless (viewer.wait_buffers ("video_0", 20));
  fail_unless_equals_uint64 (server.stat ("replaced"), 0);
  g_object_set (viewer.element, "reconnect", FALSE, nullptr);
  heir.join ();
  fail_unless (iterate_until ([&] { return server.stat ("replaced") > 0; }));
}
GST_END_TEST

// Whoever is in the file and knows the token, and nobody else.
GST_START_TEST (test_user_file)
{
  Server server;
  std::string lines;
  for (const char *guid : {"viewer", "camera"}) {
    gchar *line = nullptr;
    g_signal_emit_by_name (server.element, "make-user", guid, secret, &line);
    fail_unless (line && !strstr (line, secret), "%s", line);
    lines += std::string (line) + "\n";
    g_free (line);
  }
  gchar *path = nullptr;
  const int fd = g_file_open_tmp ("reach-users-XXXXXX", &path, nullptr);
  fail_unless (write (fd, lines.data (), lines.size ()) == static_cast<ssize_t> (lines.size ()));
  close (fd);
  g_object_set (server.element, "user-file", "/nonexistent", nullptr);
  fail_unless_equals_int (
      gst_element_set_state (server.pipeline, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  g_object_set (server.element, "user-file", path, nullptr);
  server.play ();
  unlink (path);
  g_free (path);
  Viewer viewer (server, tcp_pull, "viewer");
  Client sender (server, tcp_push, "camera", "viewer"), unknown (server, tcp_push, "new", "viewer"),
      wrong (server, udp_push, "camera", "viewer");
  give (viewer, secret);
  give (sender, secret);
  give (unknown, secret);
  give (wrong, "guess");
  viewer.join ();
  auto &video = sender.add ("video_0", video_caps);
  sender.play ();
  push_frames (video, 0, 10, 10);
  fail_unless (viewer.wait_buffers ("video_0", 10));
  for (Client *c : {&unknown, &wrong}) {
    auto &v = c->add ("video_0", video_caps);
    c->play ();
    push_frames (v, 0, 1, 1);
    fail_unless (refused (*c));
  }
  push_frames (video, 10, 10, 10);
  fail_unless (viewer.wait_buffers ("video_0", 20));
  fail_unless_equals_uint64 (server.stat ("replaced"), 0);
}
GST_END_TEST

GST_START_TEST (test_kick_and_block)
{
  Server server;
  gboolean done = TRUE;
  g_signal_emit_by_name (server.element, "block", "viewer", &done);
  fail_unless (done);
  g_signal_emit_by_name (server.element, "block", "", &done);
  fail_unless (!done);
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.play ();
  fail_unless (server.wait_event ("rejected", "viewer"));
  viewer.null ();
  g_signal_emit_by_name (server.element, "unblock", "viewer", &done);
  fail_unless (done);
  Viewer again (server, tcp_pull, "viewer");
  again.join ();
  g_signal_emit_by_name (server.element, "kick", "nobody", "tidying up", &done);
  fail_unless (!done);
  g_signal_emit_by_name (server.element, "kick", "viewer", "tidying up", &done);
  fail_unless (done);
  fail_unless (server.wait_event ("disconnected", "viewer"));
  const auto events = server.events.get ();
  fail_unless (std::any_of (events.begin (), events.end (), [] (const auto &e) {
    return e.what == "cam-client-disconnected" && e.reason == "tidying up";
  }));
  const auto before = server.events.get ();
  g_signal_emit_by_name (server.element, "block", "viewer", &done);
  // It comes back by itself.
  fail_unless (server.wait_event ("rejected", "viewer",
      1 + static_cast<std::size_t> (std::count_if (before.begin (), before.end (),
              [] (const auto &e) { return e.what == "cam-client-rejected"; }))));
  g_signal_emit_by_name (server.element, "unblock", "nobody", &done);
  fail_unless (!done);
}
GST_END_TEST

// More streams than a hello may tell: the rest follows.
GST_START_TEST (test_large_lists)
{
  Server server;
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client sender (server, *pushes[__i__], "camera", "viewer");
  const std::string caps =
      "video/x-raw, format=(string)I420, name=(string)" + std::string (9000, 'x');
  std::vector<Sender::Stream *> all;
  for (const char *pad : {"video_0", "video_1", "video_2"})
    all.push_back (&sender.add (pad, caps.c_str ()));
  sender.play ();
  for (auto *s : all)
    s->begin ();
  for (auto *s : all)
    push_frames (*s, 0, 5, 5);
  for (const char *pad : {"video_0", "video_1", "video_2"})
    fail_unless (viewer.wait_buffers (pad, 5), "%s", pad);
}
GST_END_TEST

// Nothing larger is taken before the hello: not even room for it is made.
GST_START_TEST (test_budget)
{
  Server server;
  server.play ();
  const unsigned char headers[][8] = {
      {1, 0, 0, 0, 0, 0, 0x40, 0}, {32, 0, 0, 0, 0, 1, 0, 0}, {18, 0, 0, 1, 0, 0x80, 0, 0}};
  pollfd p{connect_to (server.port (tcp_push)), POLLIN, 0};
  fail_unless_equals_int (send (p.fd, headers[__i__], 8, MSG_NOSIGNAL), 8);
  fail_unless_equals_int (poll (&p, 1, 8000), 1); // before the time for a hello is up
  char c;
  fail_unless (recv (p.fd, &c, 1, 0) <= 0);
  close (p.fd);
}
GST_END_TEST

static Suite *server_login_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_login");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_token, 0, 3);
  tcase_add_test (tc, test_token_in_clear);
  tcase_add_test (tc, test_slow_verdict);
  tcase_add_test (tc, test_replacement);
  tcase_add_test (tc, test_user_file);
  tcase_add_test (tc, test_kick_and_block);
  tcase_add_loop_test (tc, test_large_lists, 0, 3);
  tcase_add_loop_test (tc, test_budget, 0, 3);
  return s;
}

GST_CHECK_MAIN (server_login)

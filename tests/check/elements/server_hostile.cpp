// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients of a media server that take what others need: stream numbers, and the time that it takes
// to look at a token.
#include "besieged.h"
#include "server_node.h"
#include <cerrno>
#include <glib/gstdio.h>

using namespace reach::test;

namespace {
std::string wire (const Hello &h)
{
  const auto v = encode (h, max_unaccepted - MessageHeader::size);
  return message (Kind::hello, {v.begin (), v.end ()}, static_cast<guint32> (v.size ()));
}

Hello sender_of (std::uint64_t run, std::size_t streams)
{
  Hello h;
  h.role = LinkRole::sender;
  h.type = MediaType::file;
  h.run_id = h.session_key = h.link_key = run;
  h.list_complete = true;
  for (std::size_t i = 0; i < streams; i++)
    h.streams.push_back ({.id = static_cast<std::uint16_t> (i + 1),
        .index = static_cast<std::uint16_t> (i),
        .stream_id = "s",
        .caps = "video/x-a",
        .tags = {}});
  return h;
}

// A connection that says hello, and what it is answered.
class Caller {
public:
  Caller (const Server &server, const Hello &h, const char *from = "127.0.0.1")
      : socket_ (::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
  {
    sockaddr_in a = RawSocket::loopback (0);
    inet_pton (AF_INET, from, &a.sin_addr);
    fail_unless (::bind (socket_.fd (), reinterpret_cast<sockaddr *> (&a), sizeof a) == 0);
    a = RawSocket::loopback (static_cast<guint16> (server.port (tcp_push)));
    fail_unless (::connect (socket_.fd (), reinterpret_cast<sockaddr *> (&a), sizeof a) == 0);
    fail_unless (socket_.send (wire (h)));
  }
  // Its first message, if that has come by now.
  std::optional<Kind> answer ()
  {
    std::uint8_t head[MessageHeader::size];
    const ssize_t n = ::recv (socket_.fd (), head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
    if (n < static_cast<ssize_t> (sizeof head)) {
      fail_if (n == 0, "closed without an answer");
      return {};
    }
    return MessageHeader::parse (head).kind;
  }
  std::optional<Kind> wait_answer ()
  {
    iterate_until ([this] { return answer ().has_value (); });
    return answer ();
  }
  RefuseCode refusal ()
  {
    std::uint8_t m[4096];
    const ssize_t n = ::recv (socket_.fd (), m, sizeof m, MSG_PEEK);
    fail_unless (n > static_cast<ssize_t> (MessageHeader::size));
    const auto r = decode_refuse ({m + MessageHeader::size,
        MessageHeader::parse (std::span (m).first<MessageHeader::size> ()).length});
    fail_unless (r.has_value ());
    return static_cast<RefuseCode> (r->code);
  }

private:
  RawSocket socket_;
};
} // namespace

// Half of the 60,000 numbers are shared out, one each here; who asks for more is told when the rest
// has run out, and is let in when there are some again.
GST_START_TEST (test_stream_numbers)
{
  Server server (1);
  g_object_set (server.element, "max-clients", 100000, "resume-window", 0, "file-timeout", 60,
      nullptr); // they are silent
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  std::vector<Caller> flood;
  std::uint64_t run = 1;
  for (; run <= 117; run++) {
    flood.emplace_back (server, sender_of (run, 256));
    fail_unless (flood.back ().wait_answer () == Kind::welcome, "sender %u", unsigned (run));
  }
  Caller late (server, sender_of (run++, 256));
  fail_unless (late.wait_answer () == Kind::refuse);
  fail_unless_equals_int (late.refusal (), RefuseCode::limit);

  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  push_frames (video, 0, 10, 10);
  fail_unless (viewer.wait_buffers ("video_0", 10));

  flood.clear ();
  fail_unless (iterate_until ([&] {
    Caller again (server, sender_of (run++, 256));
    return again.wait_answer () == Kind::welcome;
  }));
}
GST_END_TEST

namespace {
void use_users (const Server &server, const char *const *guids, const char *token)
{
  std::string lines;
  for (; *guids; guids++) {
    gchar *line = nullptr;
    g_signal_emit_by_name (server.element, "make-user", *guids, token, &line);
    lines += std::string (line) + "\n";
    g_free (line);
  }
  gchar *path = nullptr;
  g_close (g_file_open_tmp ("reach-users-XXXXXX", &path, nullptr), nullptr);
  fail_unless (g_file_set_contents (path, lines.c_str (), -1, nullptr));
  g_object_set (server.element, "user-file", path, nullptr);
  fail_unless (reach_state (server.pipeline, GST_STATE_READY)); // it is read now
  g_unlink (path);
  g_free (path);
}

Hello client (const char *guid, const char *token)
{
  static std::uint64_t run = 1;
  Hello h = sender_of (run++, 1);
  h.guid = guid;
  h.token = token;
  return h;
}
} // namespace

// Guesses from one address keep a client of another waiting for one of them, not for all; and a
// client that has been let in before does not wait.
GST_START_TEST (test_wrong_tokens)
{
  Server server (1);
  const char *const guids[] = {"a", "b", nullptr};
  use_users (server, guids, "right");
  server.play ();
  Caller known (server, client ("a", "right"));
  fail_unless (known.wait_answer () == Kind::welcome);

  std::vector<Caller> flood;
  for (int i = 0; i < 60; i++)
    flood.emplace_back (server, client ("b", "guess"));
  const auto looked_at = [&] {
    return std::ranges::count_if (
        flood, [] (Caller &c) { return c.answer () && c.refusal () == RefuseCode::not_accepted; });
  };
  // The most have been answered that they come too many: the rest waits, two seconds of work.
  fail_unless (iterate_until ([&] {
    return std::ranges::count_if (flood, [] (Caller &c) { return c.answer ().has_value (); }) >= 40;
  }));
  Caller other (server, client ("b", "right"), "127.0.0.2");
  fail_unless (other.wait_answer () == Kind::welcome);
  Caller again (server, client ("a", "right"));
  fail_unless (again.wait_answer () == Kind::welcome);
  fail_unless (looked_at () <= 10, "%d were first", static_cast<int> (looked_at ()));
}
GST_END_TEST

static Suite *server_hostile_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_hostile");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_stream_numbers);
  tcase_add_test (tc, test_wrong_tokens);
  return s;
}

GST_CHECK_MAIN (server_hostile)

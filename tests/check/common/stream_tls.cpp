// SPDX-License-Identifier: LGPL-2.1-or-later
// StreamSocket with TLS over loopback: between two of our own, and with peers that are not.
#include "../tls_files.h"
#include "../wait.h"
#include "common/listener.h"
#include "common/stream_socket.h"
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace reach;
using namespace reach::test;

namespace {
struct Seen {
  int connected = 0, closed = 0, error = -1;
  std::string input, detail;
  TlsFault fault = TlsFault::none;
};

struct End final : StreamSocket::Owner {
  explicit End (Loop &l) : loop (l) {}
  ~End () override
  {
    loop.call ([this] { socket.reset (); });
  }
  void make (const Address &to, std::unique_ptr<TlsSession> tls)
  {
    loop.call ([&] { socket = std::make_unique<StreamSocket> (loop, *this, to, std::move (tls)); });
  }
  void send (std::string_view text, bool finish = false)
  {
    loop.call ([&] {
      // In pieces of many sizes, as headers and payloads are.
      for (std::size_t at = 0, n = 1; at < text.size (); at += n, n = n * 3 % 60000 + 1) {
        const auto part = text.substr (at, n);
        socket->queue (slice_of ({part.begin (), part.end ()}));
      }
      socket->flush ();
      if (finish)
        socket->finish ();
    });
  }
  void on_connected () override
  {
    seen.update ([] (Seen &s) { s.connected++; });
  }
  void on_input (Bytes b) override
  {
    seen.update ([b] (Seen &s) { s.input.append (b.begin (), b.end ()); });
    if (stop_after > 0 && seen.get ().input.size () >= stop_after)
      socket->set_reading (false);
  }
  std::span<std::uint8_t> direct () override
  {
    return std::span (area).subspan (std::min (filled, area.size ()));
  }
  void on_direct (std::size_t n) override
  {
    filled += n;
    seen.update ([&] (Seen &s) {
      s.input.append (area.begin () + static_cast<std::ptrdiff_t> (filled - n),
          area.begin () + static_cast<std::ptrdiff_t> (filled));
    });
  }
  void on_writable () override {}
  void on_closed (int error) override
  {
    seen.update ([&] (Seen &s) {
      s.closed++;
      s.error = error;
      s.fault = socket->tls_fault ();
      s.detail = socket->tls_detail ();
    });
  }
  bool wait_closed ()
  {
    return seen.wait ([] (const Seen &s) { return s.closed > 0; });
  }
  bool wait_input (std::size_t n)
  {
    return seen.wait ([n] (const Seen &s) { return s.input.size () >= n; });
  }

  Loop &loop;
  std::unique_ptr<StreamSocket> socket;
  Watched<Seen> seen;
  std::vector<std::uint8_t> area;
  std::size_t filled = 0, stop_after = 0;
};

std::shared_ptr<const TlsContext> context (const TlsConfig &c)
{
  std::string error;
  auto made = TlsContext::make (c, error);
  fail_unless (made != nullptr, "%s", error.c_str ());
  return made;
}

// A listener with TLS that takes one connection.
struct Server {
  explicit Server (Loop &l) : loop (l), id (files.issue ("server")), end (l)
  {
    TlsConfig c;
    c.server = true;
    c.certificate = id.certificate;
    c.key = id.key;
    tls = context (c);
    std::string error;
    const int fd = Listener::bind ("127.0.0.1", 0, error);
    address = Address::local_of (fd);
    loop.call ([&] {
      listener = std::make_unique<Listener> (loop, fd, [this] (int peer) {
        if (end.socket)
          ::close (peer);
        else
          end.socket = std::make_unique<StreamSocket> (loop, end, peer, tls->session ());
      });
    });
  }
  ~Server ()
  {
    loop.call ([this] { listener.reset (); });
  }
  std::unique_ptr<TlsSession> client () const
  {
    TlsConfig c;
    c.ca_file = files.ca ();
    return context (c)->session ("localhost");
  }

  Loop &loop;
  TlsFiles files;
  const TlsFiles::Identity id;
  std::shared_ptr<const TlsContext> tls;
  Address address;
  std::unique_ptr<Listener> listener;
  End end;
};

std::string pattern (std::size_t n)
{
  std::string s (n, '\0');
  for (std::size_t i = 0; i < n; i++)
    s[i] = static_cast<char> (i * 31 + i / 251);
  return s;
}

int plain_connect (const Address &to)
{
  const int fd = ::socket (to.family (), SOCK_STREAM, 0);
  fail_unless (::connect (fd, to.get (), to.length) == 0);
  return fd;
}

// A program of somebody else's, ended with the test.
struct Program {
  explicit Program (const std::string &command)
  {
    gchar **argv = nullptr;
    fail_unless (g_shell_parse_argv (command.c_str (), nullptr, &argv, nullptr));
    GError *error = nullptr;
    fail_unless (g_spawn_async_with_pipes (nullptr, argv, nullptr,
                     static_cast<GSpawnFlags> (G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD),
                     nullptr, nullptr, &pid, &in, &out, nullptr, &error),
        "%s", command.c_str ());
    g_strfreev (argv);
  }
  ~Program ()
  {
    kill (pid, SIGKILL);
    waitpid (pid, nullptr, 0);
    ::close (in);
    ::close (out);
  }
  void write (std::string_view text) const
  {
    fail_unless (::write (in, text.data (), text.size ()) == static_cast<ssize_t> (text.size ()));
  }
  // Up to and with `end`.
  std::string read_until (std::string_view end) const
  {
    std::string text;
    char c;
    while (text.find (end) == std::string::npos && ::read (out, &c, 1) == 1)
      text.push_back (c);
    return text;
  }
  GPid pid = 0;
  int in = -1, out = -1;
};
} // namespace

GST_START_TEST (test_both_ways)
{
  Loop loop ("tls");
  Server server (loop);
  End client (loop);
  client.make (server.address, server.client ());
  const std::string up = pattern (3 << 20), down = pattern (1 << 20);
  fail_unless (client.seen.wait ([] (const Seen &s) { return s.connected == 1; }), "%s",
      client.seen.get ().detail.c_str ());
  loop.call ([&] { server.end.area.resize (100000); }); // the first bytes go straight to it
  client.send (up);
  fail_unless (server.end.wait_input (up.size ()));
  server.end.send (down);
  fail_unless (client.wait_input (down.size ()));
  client.send ("", true);
  fail_unless (client.wait_closed () && server.end.wait_closed ());
  fail_unless (server.end.seen.get ().input == up && client.seen.get ().input == down);
  fail_unless_equals_int (client.seen.get ().error, 0);
  fail_unless_equals_int (server.end.seen.get ().error, 0);
  fail_unless_equals_int (server.end.seen.get ().connected, 1);
}
GST_END_TEST

GST_START_TEST (test_reading_off)
{
  Loop loop ("tls");
  Server server (loop);
  End client (loop);
  server.end.stop_after = 1000;
  client.make (server.address, server.client ());
  const std::string up = pattern (4 << 20);
  client.send (up, true);
  fail_unless (server.end.wait_input (1000));
  // What was decrypted by then arrived; the rest waits, although it was read from the kernel.
  const std::size_t before = server.end.seen.get ().input.size ();
  fail_unless (before <= TlsSession::max_record);
  loop.call ([&] {
    server.end.stop_after = 0;
    server.end.socket->set_reading (true);
  });
  fail_unless (server.end.wait_input (up.size ()));
  fail_unless (server.end.seen.get ().input == up);
}
GST_END_TEST

GST_START_TEST (test_strangers)
{
  Loop loop ("tls");
  {
    Server server (loop);
    const int fd = plain_connect (server.address);
    fail_unless (::write (fd, "\x01hello", 6) == 6);
    fail_unless (server.end.wait_closed ());
    fail_unless (server.end.seen.get ().fault == TlsFault::not_tls);
    char alert[16];
    fail_unless_equals_int (::read (fd, alert, sizeof alert), 7);
    fail_unless_equals_int (alert[0], 21);
    ::close (fd);
  }
  {
    Server server (loop);
    ::close (plain_connect (server.address));
    fail_unless (server.end.wait_closed ());
    fail_unless (server.end.seen.get ().fault == TlsFault::truncated);
    fail_unless_equals_int (server.end.seen.get ().connected, 0);
  }
  Server server (loop);
  TlsConfig c; // trusts the system's authorities only
  End client (loop);
  client.make (server.address, context (c)->session ("localhost"));
  fail_unless (client.wait_closed () && server.end.wait_closed ());
  fail_unless (client.seen.get ().fault == TlsFault::unverified);
  fail_unless (server.end.seen.get ().fault == TlsFault::rejected);
  fail_unless_equals_int (client.seen.get ().connected, 0);
}
GST_END_TEST

// The connection breaks without TLS's own end, which an attacker could do at any place.
GST_START_TEST (test_truncated)
{
  Loop loop ("tls");
  Server server (loop);
  End client (loop);
  client.make (server.address, server.client ());
  client.send ("half");
  fail_unless (server.end.wait_input (4));
  loop.call ([&] { client.socket->close (); });
  fail_unless (server.end.wait_closed ());
  fail_unless (server.end.seen.get ().fault == TlsFault::truncated);
  fail_unless_equals_int (server.end.seen.get ().error, ECONNRESET);
}
GST_END_TEST

GST_START_TEST (test_s_client)
{
  Loop loop ("tls");
  Server server (loop);
  const char *version = __i__ == 0 ? "-tls1_3" : "-tls1_2";
  const Program p ("openssl s_client -quiet -verify_return_error " + std::string (version) +
                   " -CAfile " + server.files.ca () + " -connect " + server.address.text ());
  p.write ("from s_client\n");
  fail_unless (server.end.wait_input (14), "%s", server.end.seen.get ().detail.c_str ());
  fail_unless (server.end.seen.get ().input == "from s_client\n");
  server.end.send ("to s_client\n");
  fail_unless (p.read_until ("\n") == "to s_client\n");
  if (__i__ == 1) { // asks to negotiate again, and must not get it
    p.write ("R\n");
    server.end.send ("still here\n");
    fail_unless (server.end.seen.get ().closed == 0 || server.end.wait_closed ());
  }
}
GST_END_TEST

GST_START_TEST (test_s_server)
{
  Loop loop ("tls");
  TlsFiles files;
  const auto id = files.issue ("server");
  const guint16 port = unused_port ();
  const Program p ("openssl s_server -naccept 1 -accept 127.0.0.1:" + std::to_string (port) +
                   " -cert " + id.certificate + " -key " + id.key);
  p.read_until ("ACCEPT\n");
  TlsConfig c;
  c.ca_file = files.ca ();
  End client (loop);
  client.make (*Address::parse ("127.0.0.1", port), context (c)->session ("127.0.0.1"));
  client.send ("to s_server\n");
  const std::string seen = p.read_until ("to s_server\n");
  fail_unless (seen.find ("to s_server\n") != std::string::npos, "%s", seen.c_str ());
  p.write ("from s_server\n");
  fail_unless (client.wait_input (14));
  fail_unless (client.seen.get ().input == "from s_server\n");
}
GST_END_TEST

static Suite *stream_tls_suite ()
{
  Suite *s = suite_create ("stream_tls");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_both_ways);
  tcase_add_test (tc, test_reading_off);
  tcase_add_test (tc, test_strangers);
  tcase_add_test (tc, test_truncated);
  tcase_add_loop_test (tc, test_s_client, 0, 2);
  tcase_add_test (tc, test_s_server);
  return s;
}

GST_CHECK_MAIN (stream_tls)

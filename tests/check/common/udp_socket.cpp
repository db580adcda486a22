// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/udp_socket.h"
#include "../wait.h"
#include "fds.h"
#include <unistd.h>

using namespace reach;
using namespace reach::test;

namespace {
struct Seen {
  std::vector<std::string> got;
  std::vector<std::string> from;
  int rounds = 0, writable = 0, error = 0, errors = 0;
};

struct End final : UdpSocket::Owner {
  End (Loop &l, int fd) : loop (l)
  {
    loop.call ([&] { socket = std::make_unique<UdpSocket> (loop, *this, fd); });
  }
  ~End () override
  {
    loop.call ([this] { socket.reset (); });
  }
  void on_datagram (Bytes b, const Address &a) override
  {
    seen.update ([&] (Seen &s) {
      s.got.emplace_back (b.begin (), b.end ());
      s.from.push_back (a.text ());
    });
  }
  void on_datagrams_done (bool) override
  {
    seen.update ([] (Seen &s) { s.rounds++; });
  }
  void on_writable () override
  {
    seen.update ([] (Seen &s) { s.writable++; });
  }
  void on_error (int e) override
  {
    seen.update ([e] (Seen &s) {
      s.error = e;
      s.errors++;
    });
  }
  bool wait_got (std::size_t n)
  {
    return seen.wait ([n] (const Seen &s) { return s.got.size () >= n; });
  }
  // One batch; each datagram's head and body are two pieces.
  bool send (const Address *to, const std::vector<std::string> &datagrams)
  {
    std::vector<iovec> pieces;
    std::vector<std::uint8_t> segments;
    for (const std::string &d : datagrams) {
      const std::size_t head = std::min<std::size_t> (d.size (), 4);
      pieces.push_back ({const_cast<char *> (d.data ()), head});
      pieces.push_back ({const_cast<char *> (d.data ()) + head, d.size () - head});
      segments.push_back (2);
    }
    bool all = false;
    loop.call ([&] { all = socket->send (to, {pieces, segments, datagrams[0].size ()}); });
    return all;
  }

  Loop &loop;
  std::unique_ptr<UdpSocket> socket;
  Watched<Seen> seen;
};

int bound (const char *address = "127.0.0.1")
{
  std::string error;
  const int fd = UdpSocket::bind (address, 0, error);
  if (fd < 0)
    g_print ("%s: %s\n", address, error.c_str ());
  return fd;
}

int connected (const Address &to)
{
  std::string error;
  const int fd = UdpSocket::connect (to, error);
  fail_unless (fd >= 0, "%s", error.c_str ());
  return fd;
}

std::vector<std::string> numbered (std::size_t n, std::size_t size, std::size_t last)
{
  std::vector<std::string> v;
  for (std::size_t i = 0; i < n; i++)
    v.emplace_back (i + 1 == n ? last : size, static_cast<char> ('A' + i % 60));
  return v;
}

// Batches of every kind come out as the datagrams that went in.
void exchange (const char *address, bool gso)
{
  const int fd = bound (address);
  fail_unless (fd >= 0);
  Loop loop ("udp");
  End server (loop, fd);
  const auto to = *Address::parse (address, server.socket->port ());
  End client (loop, connected (to));
  if (!gso)
    loop.call ([&] { client.socket->disable_gso (); });
  std::size_t total = 0;
  const std::tuple<std::size_t, std::size_t, std::size_t> shapes[] = {
      {1, 1200, 1200}, {2, 1200, 1200}, {2, 1200, 5}, {40, 1200, 700}, {50, 100, 100}, {3, 8, 8}};
  for (const auto &[n, size, last] : shapes) {
    const auto batch = numbered (n, size, last);
    fail_unless (client.send (nullptr, batch));
    fail_unless (server.wait_got (total + n), "%zu of %zu", server.seen.get ().got.size (), n);
    const Seen s = server.seen.get ();
    fail_unless (std::equal (
        batch.begin (), batch.end (), s.got.begin () + static_cast<std::ptrdiff_t> (total)));
    total += n;
  }
  Address from;
  loop.call ([&] { from = *Address::parse (address, client.socket->port ()); });
  for (const std::string &f : server.seen.get ().from)
    fail_unless (f == from.text (), "%s", f.c_str ());
  // And back, from the unconnected side.
  fail_unless (server.send (&from, numbered (10, 500, 20)));
  fail_unless (client.wait_got (10));
  fail_unless (client.seen.get ().got == numbered (10, 500, 20));
  loop.call ([&] {
    if (!gso)
      fail_unless (!client.socket->gso ());
    else
      g_print ("%s: segmentation by the kernel %s\n", address,
          client.socket->gso () ? "works" : "is not there, the fallback works");
  });
}
} // namespace

GST_START_TEST (test_batches)
{
  exchange ("127.0.0.1", true);
}
GST_END_TEST

GST_START_TEST (test_fallback)
{
  exchange ("127.0.0.1", false);
}
GST_END_TEST

GST_START_TEST (test_ipv6)
{
  const int fd = bound ("::1");
  if (fd < 0) {
    g_print ("skipped: no IPv6 here\n");
    return;
  }
  ::close (fd);
  exchange ("::1", true);
}
GST_END_TEST

// More than an IP packet holds: sent singly, and the next batch by the kernel's segmentation again.
GST_START_TEST (test_batch_too_long)
{
  Loop loop ("long");
  End server (loop, bound ());
  const auto to = *Address::parse ("127.0.0.1", server.socket->port ());
  End client (loop, connected (to));
  fail_unless (client.send (nullptr, numbered (2, 1200, 1200)));
  bool before = false, after = false;
  loop.call ([&] { before = client.socket->gso (); });
  fail_unless (client.send (nullptr, numbered (60, 1200, 1200)));
  fail_unless (server.wait_got (62));
  loop.call ([&] { after = client.socket->gso (); });
  fail_unless (before == after);
}
GST_END_TEST

// Many senders at once: recvmmsg brings them together, each with its address.
GST_START_TEST (test_many_at_once)
{
  Loop loop ("many");
  End server (loop, bound ());
  const auto to = *Address::parse ("127.0.0.1", server.socket->port ());
  std::vector<int> clients;
  loop.call ([&] { // the loop is busy: nothing is read until all are there
    for (int i = 0; i < 100; i++) {
      clients.push_back (connected (to));
      fail_unless (::send (clients.back (), &i, sizeof i, 0) == sizeof i);
    }
  });
  fail_unless (server.wait_got (100));
  const Seen s = server.seen.get ();
  for (std::size_t i = 0; i < 100; i++) {
    int n = 0;
    memcpy (&n, s.got[i].data (), sizeof n);
    fail_unless_equals_int (n, static_cast<int> (i));
    fail_unless (s.from[i] == Address::local_of (clients[i]).text ());
    ::close (clients[i]);
  }
  fail_unless (s.rounds < 100, "one wake-up for each datagram");
}
GST_END_TEST

// "Nobody there" reaches the owner, even when one send follows the other so that the kernel gives
// the news to a send.
GST_START_TEST (test_connection_refused)
{
  for (const std::size_t sends : {1u, 2u, 3u, 10u})
    for (const bool gso : {true, false}) {
      Loop loop ("refused");
      const auto nobody = *Address::parse ("127.0.0.1", unused_port (G_SOCKET_TYPE_DATAGRAM));
      End client (loop, connected (nobody));
      loop.call ([&] {
        if (!gso)
          client.socket->disable_gso ();
        for (std::size_t i = 0; i < sends; i++)
          client.send (nullptr, {"ping", "pong"});
        fail_unless_equals_int (client.seen.get ().errors, 0); // not from within send ()
      });
      fail_unless (client.seen.wait ([] (const Seen &s) { return s.errors > 0; }),
          "%zu sends: no error", sends);
      fail_unless_equals_int (client.seen.get ().error, ECONNREFUSED);
    }
}
GST_END_TEST

// What has no way to go is loss, not an end.
GST_START_TEST (test_single_errors_are_loss)
{
  Loop loop ("loss");
  End server (loop, bound ()), client (loop, bound ());
  const auto to = *Address::parse ("127.0.0.1", server.socket->port ());
  const auto bad = *Address::parse ("255.255.255.255", 9); // needs SO_BROADCAST
  fail_unless (client.send (&bad, {"nowhere"}));
  fail_unless (client.send (&to, {std::string (70000, 'x')})); // larger than any datagram
  fail_unless (client.send (&to, {"good"}));
  fail_unless (server.wait_got (1));
  fail_unless (server.seen.get ().got[0] == "good");
  fail_unless_equals_int (client.seen.get ().errors, 0);
}
GST_END_TEST

GST_START_TEST (test_bind_errors)
{
  std::string error;
  fail_unless (UdpSocket::bind ("camera.local", 0, error) == -1);
  fail_unless (error == "\"camera.local\" is not an IPv4 or IPv6 address");
  const long fds = open_fds ();
  const int taken = UdpSocket::bind ("127.0.0.1", 0, error);
  fail_unless (taken >= 0);
  fail_unless (UdpSocket::bind ("127.0.0.1", Address::local_of (taken).port (), error) == -1);
  fail_unless (error == "Address already in use", "%s", error.c_str ());
  fail_unless (UdpSocket::connect (*Address::parse ("255.255.255.255", 9), error) == -1);
  fail_unless (error == "Permission denied", "%s", error.c_str ());
  ::close (taken);
  fail_unless_equals_int (open_fds (), fds);
}
GST_END_TEST

static Suite *udp_socket_suite ()
{
  Suite *s = suite_create ("common-udp_socket");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_batches);
  tcase_add_test (tc, test_fallback);
  tcase_add_test (tc, test_ipv6);
  tcase_add_test (tc, test_batch_too_long);
  tcase_add_test (tc, test_many_at_once);
  tcase_add_test (tc, test_connection_refused);
  tcase_add_test (tc, test_single_errors_are_loss);
  tcase_add_test (tc, test_bind_errors);
  return s;
}
GST_CHECK_MAIN (udp_socket)

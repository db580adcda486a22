// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers that come in numbers: slow, quick, greedy. The good stream beside them loses nothing,
// memory and descriptors stay bounded, and the state change to NULL stays prompt.
#include "../common/fds.h"
#include "besieged.h"
#include <fstream>

using namespace reach::test;
using namespace reach::cam;

namespace {
// Resident memory of this process, MiB.
std::size_t memory ()
{
  std::ifstream statm ("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t> (::sysconf (_SC_PAGESIZE)) >> 20;
}

void set_max_links (Besieged &b, guint n)
{
  g_object_set (b.listener ().element, "max-links", n, nullptr);
}

void check_prompt_end (Besieged &b)
{
  const gint64 begin = g_get_monotonic_time ();
  b.listener ().null ();
  const gint64 took = (g_get_monotonic_time () - begin) / 1000;
  fail_unless (took < 3000, "%s: NULL took %d ms", b.way.name, static_cast<int> (took));
}

std::string half_of_a_request (const Besieged &b)
{
  return b.http () ? "GET /cam/v1/pull/video HTTP/1.1\r\nHost: a\r\nX: "
                   : hello_of (caller_role (b)).substr (0, 40);
}

std::uint64_t random_word (std::uint64_t &state)
{
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}
} // namespace

// Half a hello and then a byte now and then, from more connections than are taken.
GST_START_TEST (test_slow_connections_to_the_limit)
{
  Besieged b (__i__);
  if (!over_tcp (b.way))
    return;
  set_max_links (b, 40);
  b.start ();
  const std::string half = half_of_a_request (b);
  std::vector<RawSocket> slow;
  for (int i = 0; i < 150; i++) {
    slow.push_back (b.attack ());
    if (slow.back ().valid ())
      slow.back ().send (half);
    if (i % 10 == 0)
      b.good (1);
  }
  for (int round = 0; round < 20; round++) {
    for (RawSocket &s : slow)
      s.send ("a", 1);
    b.good (2);
    iterate_until ([] { return false; }, nullptr, milliseconds (50));
  }
  const char *broke = "disconnected";
  fail_unless_equals_int (Node::count (b.sender.told.get ().messages, broke), 0);
  fail_unless_equals_int (Node::count (b.receiver.told.get ().messages, broke), 0);
  check_prompt_end (b);
}
GST_END_TEST

GST_START_TEST (test_connections_that_come_and_go)
{
  Besieged b (__i__);
  if (!over_tcp (b.way))
    return;
  b.start ();
  const std::string whole = b.http () ? "GET / HTTP/1.1\r\nHost: a\r\n\r\n" : half_of_a_request (b);
  const long fds_before = open_fds ();
  const std::size_t memory_before = memory ();
  for (unsigned i = 0; i < 2000; i++) {
    RawSocket s = b.attack ();
    fail_unless (s.valid ());
    if (i % 3 != 0)
      s.send (whole);
    if (i % 3 == 1)
      s.reset_on_close ();
    s.close ();
    if (i % 100 == 0)
      b.good (1);
  }
  b.good (20);
  fail_unless (iterate_until ([&] { return open_fds () <= fds_before + 8; }),
      "%s: %ld descriptors, %ld before", b.way.name, open_fds (), fds_before);
  fail_unless (memory () < memory_before + 100, "%u MiB, %u before",
      static_cast<unsigned> (memory ()), static_cast<unsigned> (memory_before));
  check_prompt_end (b);
}
GST_END_TEST

// Established by the book, and then noise.
GST_START_TEST (test_noise_behind_a_hello)
{
  Besieged b (__i__);
  if (std::string (b.way.protocol) != "tcp")
    return;
  b.start ();
  std::uint64_t state = 88172645463325252u;
  for (int i = 0; i < 150; i++) {
    RawSocket s = b.attack ();
    std::string noise;
    while (noise.size () < 2000)
      noise.push_back (static_cast<char> (random_word (state)));
    // Half of them with a kind that exists, so that their bodies are looked at.
    const auto kind = static_cast<Kind> (random_word (state) % 38);
    s.send (hello_of (caller_role (b), static_cast<MediaType> (i % 5)) +
            (i % 2 ? noise : message (kind, noise, static_cast<guint32> (noise.size ()))));
    ::shutdown (s.fd (), SHUT_WR);
    fail_unless (s.wait_closed (), "attack %d is still open", i);
    if (i % 10 == 0)
      b.good (1);
  }
  b.good (10);
  check_prompt_end (b);
}
GST_END_TEST

// Plain HTTP clients, which get all without asking for it, and read nothing.
GST_START_TEST (test_http_clients_that_never_read)
{
  Besieged b (__i__);
  if (!b.http () || b.way.push)
    return;
  g_object_set (b.sender.element, "audio-timeout", 3, nullptr);
  b.start ();
  const std::size_t memory_before = memory ();
  std::vector<RawSocket> peers;
  for (int i = 0; i < 10; i++) {
    peers.push_back (RawSocket::connect (b.sender.port (), 4096));
    peers.back ().send ("GET /cam/v1/pull/audio HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  fail_unless (b.sender.wait_event ("connected", 15));
  const std::size_t before = b.receiver.on ("audio_0").n_buffers ();
  for (unsigned i = 0; i < 300; i++) {
    b.audio->push (make_buffer (100000, i, (b.n + i) * 20 * GST_MSECOND));
    fail_unless (b.receiver.wait_buffers ("audio_0", before + i + 1), "frame %u", i);
  }
  // Ten queues of at most 4 MiB, and what this test keeps itself: 30 MB.
  fail_unless (memory () < memory_before + 250, "%u MiB, %u before",
      static_cast<unsigned> (memory ()), static_cast<unsigned> (memory_before));
  fail_unless (b.wait_closed_for ("timed-out", 10));
  check_prompt_end (b);
}
GST_END_TEST

// First packets from very many ports: nothing is kept of them, and none is answered with more.
GST_START_TEST (test_flood_of_udp_hellos)
{
  Besieged b (__i__);
  if (over_tcp (b.way))
    return;
  b.start ();
  const sockaddr_in to = RawSocket::loopback (b.listener ().port ());
  const std::size_t memory_before = memory ();
  std::uint64_t state = 4711;
  std::size_t sent = 0, answered = 0;
  for (unsigned port = 0; port < 2000; port++) {
    const int fd = ::socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    fail_unless (::connect (fd, reinterpret_cast<const sockaddr *> (&to), sizeof to) == 0);
    for (int again = 0; again < 3; again++) {
      std::string syn (64, '\0');
      for (std::size_t i = 4; i < 34 + (again ? 20u : 0u); i++) // then with cookies that are wrong
        syn[i] = static_cast<char> (random_word (state));
      syn[0] = '\xc1';
      syn[1] = 1;
      if (::send (fd, syn.data (), syn.size (), 0) > 0)
        sent += syn.size ();
    }
    char answer[2048];
    for (ssize_t n = 0; (n = ::recv (fd, answer, sizeof answer, MSG_DONTWAIT)) > 0;)
      answered += static_cast<std::size_t> (n);
    ::close (fd);
    if (port % 100 == 0)
      b.good (1);
  }
  b.good (20);
  fail_unless (answered <= sent);
  fail_unless_equals_int (b.listener ().open_channels (), 1);
  fail_unless (memory () < memory_before + 50, "%u MiB, %u before",
      static_cast<unsigned> (memory ()), static_cast<unsigned> (memory_before));
  check_prompt_end (b);
}
GST_END_TEST

// Each stream is a pad and a thread: a sender gets 32 of them, all together 256.
GST_START_TEST (test_senders_with_very_many_streams)
{
  Besieged b (__i__);
  if (std::string (b.way.protocol) != "tcp" || !b.way.push)
    return;
  b.start ();
  const auto hello = [] (std::uint64_t who) {
    Hello h;
    h.type = MediaType::data;
    h.media_types = type_bit (h.type);
    h.run_id = h.session_key = h.link_key = who;
    h.guid = "sender-" + std::to_string (who);
    h.list_complete = true;
    for (std::uint16_t i = 1; i <= 256; i++) {
      StreamInfo s;
      s.id = s.index = i;
      s.type = MediaType::data;
      s.caps = data_caps;
      h.streams.push_back (s);
    }
    const auto v = encode (h);
    return message (
        Kind::hello, std::string (v.begin (), v.end ()), static_cast<guint32> (v.size ()));
  };
  const auto pads = [&] (const std::string &guid) {
    const Streams s = b.receiver.streams.get ();
    return std::count_if (s.pads.begin (), s.pads.end (),
        [&] (const auto &p) { return guid.empty () || p.second.guid == guid; });
  };
  std::vector<RawSocket> hostile;
  for (unsigned i = 1; i <= 10; i++) {
    const std::size_t connected = Node::count (b.receiver.told.get ().messages, "connected");
    hostile.push_back (b.attack ());
    fail_unless (hostile.back ().send (hello (i)));
    fail_unless (b.receiver.wait_event ("connected", connected + 1));
    b.good (3);
  }
  fail_unless (b.receiver.wait ([] (const Streams &s) { return s.pads.size () >= 256; }));
  b.good (10);
  fail_unless_equals_int (pads ("sender-1"), 32);
  fail_unless_equals_int (pads ("sender-7"), 32);
  fail_unless_equals_int (pads ("sender-8"), 31); // one was there already
  fail_unless_equals_int (pads ("sender-9"), 0);
  fail_unless_equals_int (pads (""), 256);
  fail_unless_equals_int (Node::count (b.sender.told.get ().messages, "disconnected"), 0);
  check_prompt_end (b);
}
GST_END_TEST

static Suite *hostile_load_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("hostile-load");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_slow_connections_to_the_limit, 0, n_ways);
  tcase_add_loop_test (tc, test_connections_that_come_and_go, 0, n_ways);
  tcase_add_loop_test (tc, test_noise_behind_a_hello, 0, n_ways);
  tcase_add_loop_test (tc, test_http_clients_that_never_read, 0, n_ways);
  tcase_add_loop_test (tc, test_flood_of_udp_hellos, 0, n_ways);
  tcase_add_loop_test (tc, test_senders_with_very_many_streams, 0, n_ways);
  return s;
}

GST_CHECK_MAIN (hostile_load)

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/stream_socket.h"
#include "fds.h"
#include "stream_end.h"
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

using namespace reach;
using namespace reach::test;

GST_START_TEST (test_connect_and_talk)
{
  Loop loop ("talk");
  Plain server;
  End end (loop);
  loop.call ([&] {
    end.socket = std::make_unique<StreamSocket> (loop, end, server.address ());
    // Queued before there is a connection: goes out when there is one.
    end.socket->queue (slice_of ({'h', 'i'}));
    end.socket->flush ();
    fail_unless (end.socket->congested ());
  });
  const int peer = server.accept ();
  fail_unless (read_exactly (peer, 2) == "hi");
  fail_unless (end.seen.wait ([] (const Seen &s) { return s.connected == 1; }));
  fail_unless (::write (peer, "hello", 5) == 5);
  fail_unless (end.wait_input (5));
  fail_unless (end.seen.get ().input == "hello");
  loop.call ([&] {
    fail_unless (end.socket->connected () && end.socket->open () && !end.socket->congested ());
    fail_unless (end.socket->peer () == server.address ().text ());
    fail_unless (end.socket->bytes_sent () == 2 && end.socket->bytes_received () == 5);
  });
  ::close (peer);
  fail_unless (end.wait_closed ());
  fail_unless_equals_int (end.seen.get ().error, 0);
  loop.call ([&] { fail_unless (!end.socket->open ()); });
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  Loop loop ("refused");
  const auto nobody = Address::parse ("127.0.0.1", unused_port ());
  End end (loop);
  end.connect (*nobody);
  fail_unless (end.wait_closed ());
  fail_unless_equals_int (end.seen.get ().error, ECONNREFUSED);
  fail_unless_equals_int (end.seen.get ().connected, 0);
  // An error known at once comes from the loop as well, not from within the constructor.
  End broadcast (loop);
  loop.call ([&] {
    broadcast.socket =
        std::make_unique<StreamSocket> (loop, broadcast, *Address::parse ("255.255.255.255", 9));
    fail_unless_equals_int (broadcast.seen.get ().closed, 0);
  });
  fail_unless (broadcast.wait_closed ());
  fail_unless (broadcast.seen.get ().error > 0);
}
GST_END_TEST

GST_START_TEST (test_partial_writes)
{
  Loop loop ("partial");
  Plain server (4096);
  End end (loop);
  end.connect (server.address ());
  const int peer = server.accept ();
  const std::string all = pattern (3 << 20);
  loop.call ([&] {
    const int tiny = 2048;
    // The descriptor is the socket's own; the highest one is the newest but for the accepted.
    for (int fd = 3; fd < 100; fd++) {
      const Address a = Address::local_of (fd);
      sockaddr_storage remote{};
      socklen_t n = sizeof remote;
      if (a.length && getpeername (fd, reinterpret_cast<sockaddr *> (&remote), &n) == 0)
        setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny);
    }
    // Slices of odd sizes, so that writes end anywhere in them.
    for (std::size_t at = 0, n = 1; at < all.size (); n = n * 7 % 9973 + 1) {
      const auto part = all.substr (at, n);
      end.socket->queue (slice_of ({part.begin (), part.end ()}));
      at += part.size ();
    }
    end.socket->flush ();
    fail_unless (end.socket->queued () > 0 && end.socket->congested ());
  });
  fail_unless (read_exactly (peer, all.size ()) == all);
  fail_unless (end.seen.wait ([] (const Seen &s) { return s.writable > 0; }));
  loop.call ([&] {
    fail_unless (end.socket->queued () == 0);
    fail_unless (end.socket->bytes_sent () == all.size ());
  });
  ::close (peer);
}
GST_END_TEST

GST_START_TEST (test_direct_reads)
{
  Loop loop ("direct");
  Plain server;
  End end (loop);
  end.area.resize (100000);
  end.connect (server.address ());
  const int peer = server.accept ();
  const std::string all = pattern (150000);
  std::thread writer ([&] {
    std::size_t at = 0;
    while (at < all.size ()) {
      const ssize_t n = ::write (peer, all.data () + at, all.size () - at);
      fail_unless (n > 0);
      at += static_cast<std::size_t> (n);
    }
  });
  // The first 100,000 bytes straight into the owner's memory, the rest through the scratch area.
  fail_unless (end.wait_input (50000));
  writer.join ();
  loop.call ([&] {
    fail_unless (end.seen.get ().direct == 100000);
    fail_unless (std::equal (end.area.begin (), end.area.end (), all.begin (),
        [] (std::uint8_t a, char b) { return a == static_cast<std::uint8_t> (b); }));
    fail_unless (end.seen.get ().input == all.substr (100000));
    fail_unless (end.socket->bytes_received () == all.size ());
  });
  ::close (peer);
}
GST_END_TEST

// congested () is true while the peer reads nothing, and on_writable says when that has ended.
GST_START_TEST (test_congested)
{
  Loop loop ("congested");
  Plain server (16384);
  End end (loop);
  end.connect (server.address ());
  const int peer = server.accept ();
  fail_unless (end.seen.wait ([] (const Seen &s) { return s.connected == 1; }));
  const std::string piece = pattern (64 << 10);
  std::size_t sent = 0;
  loop.call ([&] {
    while (!end.socket->congested ()) {
      end.socket->queue (slice_of ({piece.begin (), piece.end ()}));
      end.socket->flush ();
      sent += piece.size ();
      fail_unless (sent < (64u << 20), "never congested");
    }
  });
  const int before = end.seen.get ().writable;
  fail_unless (read_exactly (peer, sent).size () == sent);
  fail_unless (end.seen.wait ([before] (const Seen &s) { return s.writable > before; }));
  loop.call ([&] { fail_unless (!end.socket->congested ()); });
  ::close (peer);
}
GST_END_TEST

GST_START_TEST (test_finish_drains)
{
  for (const bool before_connected : {false, true}) {
    Loop loop ("finish");
    Plain server (4096);
    End end (loop);
    const std::string all = pattern (1 << 20);
    loop.call ([&] {
      end.socket = std::make_unique<StreamSocket> (loop, end, server.address ());
      if (before_connected) {
        end.socket->queue (slice_of ({all.begin (), all.end ()}));
        end.socket->finish ();
      }
    });
    const int peer = server.accept ();
    if (!before_connected) {
      fail_unless (end.seen.wait ([] (const Seen &s) { return s.connected == 1; }));
      loop.call ([&] {
        end.socket->queue (slice_of ({all.begin (), all.end ()}));
        end.socket->finish ();
      });
    }
    fail_unless (read_exactly (peer, all.size () + 1) == all); // and then the end
    // The other direction is still open.
    fail_unless (::write (peer, "bye", 3) == 3);
    fail_unless (end.wait_input (3));
    fail_unless_equals_int (end.seen.get ().closed, 0);
    ::close (peer);
    fail_unless (end.wait_closed ());
    fail_unless_equals_int (end.seen.get ().error, 0);
    fail_unless_equals_int (end.seen.get ().writable, 0);
  }
}
GST_END_TEST

GST_START_TEST (test_peer_resets)
{
  Loop loop ("reset");
  Plain server;
  for (const bool reading : {true, false}) {
    End end (loop);
    end.connect (server.address ());
    const int peer = server.accept ();
    fail_unless (end.seen.wait ([] (const Seen &s) { return s.connected == 1; }));
    loop.call ([&] { end.socket->set_reading (reading); });
    close_with_reset (peer);
    fail_unless (end.wait_closed ()); // told although nothing is read
    fail_unless_equals_int (end.seen.get ().error, ECONNRESET);
    end.send ("too late"); // of no effect, and no second on_closed
    loop.call ([] {});
    fail_unless_equals_int (end.seen.get ().closed, 1);
  }
}
GST_END_TEST

GST_START_TEST (test_set_reading)
{
  Loop loop ("reading");
  Plain server;
  End end (loop);
  end.stop_reading = true;
  end.connect (server.address ());
  const int peer = server.accept ();
  fail_unless (::write (peer, "one", 3) == 3);
  fail_unless (end.wait_input (3));
  fail_unless (::write (peer, "two", 3) == 3);
  loop.call ([] {});
  loop.call ([] {});
  fail_unless (end.seen.get ().input == "one");
  loop.call ([&] { end.socket->set_reading (true); });
  fail_unless (end.wait_input (6));
  fail_unless (end.seen.get ().input == "onetwo");
  ::close (peer);
}
GST_END_TEST

// A peer that has ended its side while its data are held back: the loop sleeps meanwhile, and
// everything is still delivered, then the end. When we have finished too, nobody waits for more.
GST_START_TEST (test_end_while_not_reading)
{
  for (const bool both : {false, true}) {
    Loop loop ("held");
    Plain server;
    End end (loop);
    end.connect (server.address ());
    const int peer = server.accept ();
    fail_unless (end.seen.wait ([] (const Seen &s) { return s.connected == 1; }));
    loop.call ([&] { end.socket->set_reading (false); });
    fail_unless (::write (peer, "last words", 10) == 10);
    shutdown (peer, SHUT_WR);
    // What the thread burns in 100 ms of waiting (for a condition that does not come true).
    timespec before{}, after{};
    clockid_t clock{};
    loop.call ([&] {
      pthread_getcpuclockid (pthread_self (), &clock);
      clock_gettime (clock, &before);
    });
    fail_unless (!end.seen.wait (
        [] (const Seen &s) { return s.closed || !s.input.empty (); }, milliseconds (100)));
    clock_gettime (clock, &after);
    const auto ms =
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    fail_unless (ms < 10, "the loop spins: %ld ms of CPU", static_cast<long> (ms));
    if (both)
      loop.call ([&] { end.socket->finish (); });
    else
      loop.call ([&] { end.socket->set_reading (true); });
    fail_unless (end.wait_closed ());
    fail_unless (both || end.seen.get ().input == "last words");
    fail_unless_equals_int (end.seen.get ().error, 0);
    ::close (peer);
  }
}
GST_END_TEST

GST_START_TEST (test_new_owner)
{
  Loop loop ("owner");
  Plain server;
  End old_owner (loop), new_owner (loop);
  old_owner.connect (server.address ());
  const int peer = server.accept ();
  fail_unless (::write (peer, "a", 1) == 1);
  fail_unless (old_owner.wait_input (1));
  loop.call ([&] { old_owner.socket->set_owner (new_owner); });
  fail_unless (::write (peer, "b", 1) == 1);
  fail_unless (new_owner.wait_input (1));
  ::close (peer);
  fail_unless (new_owner.wait_closed ());
  fail_unless_equals_int (old_owner.seen.get ().closed, 0);
}
GST_END_TEST

// With two ports to choose from, connecting to one of them soon meets itself.
GST_START_TEST (test_not_to_itself)
{
  if (unshare (CLONE_NEWNET) != 0) {
    g_print ("skipped: no network namespace of our own (%s)\n", strerror (errno));
    return;
  }
  ifreq lo{};
  const int s = ::socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  g_strlcpy (lo.ifr_name, "lo", sizeof lo.ifr_name);
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  fail_unless (ioctl (s, SIOCSIFFLAGS, &lo) == 0);
  ::close (s);
  FILE *range = fopen ("/proc/sys/net/ipv4/ip_local_port_range", "w");
  if (!range || fputs ("40000 40001", range) < 0 || fclose (range) != 0) {
    g_print ("skipped: the port range cannot be set\n");
    return;
  }
  Loop loop ("itself");
  for (int i = 0; i < 20; i++) {
    End end (loop);
    end.connect (*Address::parse ("127.0.0.1", static_cast<std::uint16_t> (40000 + i % 2)));
    fail_unless (end.wait_closed ());
    fail_unless_equals_int (end.seen.get ().connected, 0);
    fail_unless_equals_int (end.seen.get ().error, ECONNREFUSED);
  }
}
GST_END_TEST

GST_START_TEST (test_cycles)
{
  Loop loop ("cycles");
  Plain server;
  const long fds = open_fds ();
  for (int i = 0; i < 1000; i++) {
    End end (loop);
    end.connect (server.address ());
    End other (loop);
    other.accept (server.accept ());
    if (i % 2) {
      other.send ("x");
      fail_unless (end.wait_input (1));
    }
    if (i % 3)
      loop.call ([&] { end.socket->close (); });
    else
      loop.call ([&] { end.socket->finish (); });
    fail_unless (other.wait_closed ());
  }
  fail_unless (open_fds () < fds + 5); // the libraries below us may keep one or two
}
GST_END_TEST

// What is the same for many is written without the queue; what the kernel does not take is queued.
GST_START_TEST (test_written_now_and_the_rest_queued)
{
  Loop loop ("test");
  const Plain plain (4096);
  End end (loop);
  end.connect (plain.address ());
  const int peer = plain.accept ();
  fail_unless (end.seen.wait ([] (const Seen &s) { return s.connected > 0; }));
  std::string all;
  std::size_t writes = 0, partial = 0;
  while (partial == 0) { // nobody reads yet
    fail_unless (writes++ < 10000);
    std::string a (1000 + writes, 'a'), b (30000 + writes, static_cast<char> ('b' + writes % 20));
    loop.call ([&] {
      if (!end.socket->takes_more ()) {
        partial = 1;
        return;
      }
      const std::array<iovec, 2> pieces{iovec{a.data (), a.size ()}, iovec{b.data (), b.size ()}};
      const std::size_t n = end.socket->write_now (pieces, a.size () + b.size ());
      all += a + b;
      const std::string rest = (a + b).substr (n);
      if (rest.empty ())
        return;
      partial = rest.size ();
      fail_unless (!end.socket->takes_more ());
      end.socket->queue (slice_of ({rest.begin (), rest.end ()}));
    });
  }
  fail_unless (partial > 0 && writes > 1);
  fail_unless (read_exactly (peer, all.size ()) == all);
  fail_unless (end.seen.wait ([] (const Seen &s) { return s.writable > 0; }));
  loop.call ([&] { fail_unless (end.socket->takes_more () && end.socket->queued () == 0); });
  ::close (peer);
  fail_unless (end.wait_closed ());
}
GST_END_TEST

static Suite *stream_socket_suite ()
{
  Suite *s = suite_create ("common-stream_socket");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_written_now_and_the_rest_queued);
  tcase_add_test (tc, test_connect_and_talk);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_partial_writes);
  tcase_add_test (tc, test_direct_reads);
  tcase_add_test (tc, test_congested);
  tcase_add_test (tc, test_finish_drains);
  tcase_add_test (tc, test_peer_resets);
  tcase_add_test (tc, test_set_reading);
  tcase_add_test (tc, test_end_while_not_reading);
  tcase_add_test (tc, test_new_owner);
  tcase_add_test (tc, test_not_to_itself);
  tcase_add_test (tc, test_cycles);
  return s;
}
GST_CHECK_MAIN (stream_socket)

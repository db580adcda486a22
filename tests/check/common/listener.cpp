// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/listener.h"
#include "../wait.h"
#include "fds.h"
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace reach;
using namespace reach::test;

namespace {
int connect_to (const Address &a)
{
  const int fd = socket (a.family (), SOCK_STREAM | SOCK_CLOEXEC, 0);
  fail_unless (fd >= 0 && ::connect (fd, a.get (), a.length) == 0);
  return fd;
}

struct Server {
  explicit Server (int fd)
  {
    loop.call ([&] {
      listener = std::make_unique<Listener> (loop, fd, [this] (int peer) {
        ::close (peer);
        accepted.update ([] (int &n) { n++; });
      });
    });
  }
  ~Server ()
  {
    loop.call ([this] { listener.reset (); });
  }
  bool wait (int n)
  {
    return accepted.wait ([n] (int have) { return have >= n; });
  }
  Loop loop{"listener"};
  std::unique_ptr<Listener> listener;
  Watched<int> accepted{0};
};
} // namespace

GST_START_TEST (test_port_zero)
{
  std::string error;
  const int fd = Listener::bind ("127.0.0.1", 0, error);
  fail_unless (fd >= 0 && error.empty ());
  Server server (fd);
  const std::uint16_t port = server.listener->port ();
  fail_unless (port != 0);
  for (int i = 1; i <= 200; i++)
    ::close (connect_to (*Address::parse ("127.0.0.1", port)));
  fail_unless (server.wait (200));
  // Gone means gone, and the port is free at once.
  server.loop.call ([&] { server.listener.reset (); });
  const int again = Listener::bind ("127.0.0.1", port, error);
  fail_unless (again >= 0, "%s", error.c_str ());
  ::close (again);
}
GST_END_TEST

GST_START_TEST (test_errors_in_words)
{
  std::string error;
  fail_unless (Listener::bind ("camera.local", 0, error) == -1);
  fail_unless (error == "\"camera.local\" is not an IPv4 or IPv6 address", "%s", error.c_str ());
  const long fds = open_fds ();
  const int taken = Listener::bind ("127.0.0.1", 0, error);
  fail_unless (taken >= 0);
  const std::uint16_t port = Address::local_of (taken).port ();
  fail_unless (Listener::bind ("127.0.0.1", port, error) == -1);
  fail_unless (error == "Address already in use", "%s", error.c_str ());
  fail_unless (Listener::bind ("192.0.2.1", 0, error) == -1); // an address of documentation
  fail_unless (error == "Cannot assign requested address", "%s", error.c_str ());
  ::close (taken);
  fail_unless_equals_int (open_fds (), fds);
}
GST_END_TEST

GST_START_TEST (test_both_families)
{
  std::string error;
  const int fd = Listener::bind ("::", 0, error);
  if (fd < 0) {
    g_print ("skipped: no IPv6 here (%s)\n", error.c_str ());
    return;
  }
  Server server (fd);
  const std::uint16_t port = server.listener->port ();
  ::close (connect_to (*Address::parse ("127.0.0.1", port)));
  fail_unless (server.wait (1));
  const auto six = Address::parse ("::1", port);
  const int s = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect (s, six->get (), six->length) == 0)
    fail_unless (server.wait (2));
  else
    g_print ("skipped: ::1 is not reachable\n");
  ::close (s);
}
GST_END_TEST

// Out of descriptors: the connection waits in the backlog, the loop sleeps meanwhile, and it is
// accepted when there is one again.
GST_START_TEST (test_out_of_descriptors)
{
  std::string error;
  Server server (Listener::bind ("127.0.0.1", 0, error));
  const auto to = *Address::parse ("127.0.0.1", server.listener->port ());
  ::close (connect_to (to));
  fail_unless (server.wait (1));
  const int peer = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit old{};
  getrlimit (RLIMIT_NOFILE, &old);
  rlimit none = old;
  none.rlim_cur = static_cast<rlim_t> (peer) + 1; // the next one would be over the limit
  // Gaps below it are filled first.
  std::vector<int> fillers;
  setrlimit (RLIMIT_NOFILE, &none);
  for (int fd = dup (0); fd >= 0; fd = dup (0))
    fillers.push_back (fd);
  fail_unless (::connect (peer, to.get (), to.length) == 0);
  timespec before{}, after{};
  clockid_t clock{};
  server.loop.call ([&] {
    pthread_getcpuclockid (pthread_self (), &clock);
    clock_gettime (clock, &before);
  });
  fail_unless (!server.accepted.wait ([] (int n) { return n >= 2; }, milliseconds (100)));
  clock_gettime (clock, &after);
  const auto ms =
      (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
  setrlimit (RLIMIT_NOFILE, &old);
  for (const int fd : fillers)
    ::close (fd);
  fail_unless (ms < 10, "the loop spins: %ld ms of CPU", static_cast<long> (ms));
  fail_unless (server.wait (2));
  ::close (peer);
}
GST_END_TEST

static Suite *listener_suite ()
{
  Suite *s = suite_create ("common-listener");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_port_zero);
  tcase_add_test (tc, test_errors_in_words);
  tcase_add_test (tc, test_both_families);
  tcase_add_test (tc, test_out_of_descriptors);
  return s;
}
GST_CHECK_MAIN (listener)

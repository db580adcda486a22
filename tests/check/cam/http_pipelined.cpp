// SPDX-License-Identifier: LGPL-2.1-or-later
// A client that asks many times without waiting: no loop and no memory is its own.
#include "../check.h"
#include "../wait.h"
#include "cam/net/http_server_connection.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace reach;
using namespace reach::cam;
using namespace reach::test;

namespace {
constexpr std::size_t unread = 64 << 10; // as http_server_connection.cpp has it

// Knows no path.
class Nowhere final : public HttpServerConnection::Routes {
public:
  void on_post (HttpServerConnection &c) override { on_request (c); }
  void on_request (HttpServerConnection &c) override
  {
    queued.update ([&] (std::size_t &most) { most = std::max (most, c.queued ()); });
    c.refuse (404, "There is nothing here.");
  }
  void on_connection_over (HttpServerConnection &) override {}
  Watched<std::size_t> queued; // the most there was
};
} // namespace

GST_START_TEST (test_answers_that_nobody_reads)
{
  constexpr unsigned n = 5000;
  int ends[2];
  fail_unless (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  Loop loop ("http");
  Nowhere nowhere;
  std::unique_ptr<HttpServerConnection> c;
  loop.call ([&] {
    fcntl (ends[1], F_SETFL, O_NONBLOCK);
    c = std::make_unique<HttpServerConnection> (
        loop, nowhere, HttpServerConnection::Limits{}, ends[1]);
  });
  std::thread writer ([&] {
    const std::string one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (unsigned i = 0; i < n; i++)
      if (send (ends[0], one.data (), one.size (), MSG_NOSIGNAL) !=
          static_cast<ssize_t> (one.size ()))
        return;
  });
  fail_unless (nowhere.queued.wait ([] (std::size_t q) { return q > unread - 1024; }));
  for (int turns = 0; turns < 100; turns++) // it could go on, if it would
    loop.call ([] {});
  std::string got;
  unsigned answers = 0;
  char area[16384];
  while (answers < n) {
    const ssize_t size = recv (ends[0], area, sizeof area, 0);
    fail_unless (size > 0);
    got.append (area, static_cast<std::size_t> (size));
    std::size_t at = 0;
    for (std::size_t next; (next = got.find ("HTTP/1.1 404", at)) != got.npos; at = next + 12)
      answers++;
    got.erase (0, std::max (at, got.size () > 11 ? got.size () - 11 : 0));
  }
  writer.join ();
  fail_unless (nowhere.queued.get () <= unread + 1024, "%u bytes were queued",
      static_cast<unsigned> (nowhere.queued.get ()));
  loop.call ([&] { c.reset (); });
  close (ends[0]);
}
GST_END_TEST

static Suite *http_pipelined_suite ()
{
  Suite *s = suite_create ("http_pipelined");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_answers_that_nobody_reads);
  return s;
}

GST_CHECK_MAIN (http_pipelined)

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/epoll_set.h"
#include "../wait.h"
#include "fds.h"
#include <functional>
#include <glib-unix.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace reach;
using namespace reach::test;

namespace {
struct Context {
  GMainContext *c = g_main_context_new ();
  ~Context () { g_main_context_unref (c); }
};

// An eventfd and what its handler does.
struct Event final : EpollSet::Handler {
  explicit Event (std::function<void (Event &)> f = {}) : action (std::move (f)) {}
  ~Event () override { close (fd); }
  void on_ready (std::uint32_t events) override
  {
    fail_unless (events & EPOLLIN);
    eventfd_t count;
    eventfd_read (fd, &count);
    ready++;
    if (action)
      action (*this);
  }
  void signal () const { eventfd_write (fd, 1); }

  int fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  EpollSet::Token token = 0;
  int ready = 0;
  std::function<void (Event &)> action;
};

// One round without waiting; what is ready by then has been dispatched.
void rounds (GMainContext *c)
{
  while (g_main_context_iteration (c, FALSE))
    ;
}
} // namespace

// Events of one round that were taken before their descriptor was removed must not reach a handler
// that is gone, nor one that has taken its place.
GST_START_TEST (test_stale_events)
{
  Context context;
  EpollSet set (context.c);
  std::vector<std::unique_ptr<Event>> events;
  Event newcomer;
  int dispatched = 0;
  for (int i = 0; i < 10; i++) {
    events.push_back (std::make_unique<Event> ([&] (Event &self) {
      dispatched++;
      // Whoever comes first removes all others, and another takes a freed slot.
      for (auto &e : events)
        if (e && e.get () != &self) {
          set.remove (e->token);
          e.reset ();
        }
      newcomer.token = set.add (newcomer.fd, EPOLLIN, newcomer);
      fail_unless (newcomer.token != 0);
    }));
    events.back ()->token = set.add (events.back ()->fd, EPOLLIN, *events.back ());
    events.back ()->signal ();
  }
  rounds (context.c);
  fail_unless_equals_int (dispatched, 1);
  fail_unless_equals_int (newcomer.ready, 0);
  newcomer.signal ();
  rounds (context.c);
  fail_unless_equals_int (newcomer.ready, 1);
}
GST_END_TEST

GST_START_TEST (test_remove_itself)
{
  Context context;
  EpollSet set (context.c);
  Event e ([&] (Event &self) { set.remove (self.token); });
  e.token = set.add (e.fd, EPOLLIN, e);
  e.signal ();
  rounds (context.c);
  e.signal ();
  rounds (context.c);
  fail_unless_equals_int (e.ready, 1);
  set.remove (e.token); // twice, and a token of nobody
  set.remove (0);
  set.modify (e.token, EPOLLIN);
  const auto old = e.token;
  e.token = set.add (e.fd, EPOLLIN, e);
  fail_unless (e.token != 0 && e.token != old);
  set.remove (old);
  rounds (context.c);
  fail_unless_equals_int (e.ready, 2);
}
GST_END_TEST

GST_START_TEST (test_modify)
{
  Context context;
  EpollSet set (context.c);
  Event e;
  e.token = set.add (e.fd, 0, e);
  e.signal ();
  rounds (context.c);
  fail_unless_equals_int (e.ready, 0);
  set.modify (e.token, EPOLLIN);
  rounds (context.c);
  fail_unless_equals_int (e.ready, 1);
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  Context context;
  EpollSet set (context.c);
  Event e;
  fail_unless (set.add (-1, EPOLLIN, e) == 0);
  FILE *regular = tmpfile ();
  fail_unless (set.add (fileno (regular), EPOLLIN, e) == 0);
  fclose (regular);
  e.token = set.add (e.fd, EPOLLIN, e);
  fail_unless (e.token != 0);
  fail_unless (set.add (e.fd, EPOLLIN, e) == 0); // a second time
  e.signal ();
  rounds (context.c);
  fail_unless_equals_int (e.ready, 1);
}
GST_END_TEST

GST_START_TEST (test_thousand)
{
  rlimit limit{};
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t> (limit.rlim_max, 4096);
  setrlimit (RLIMIT_NOFILE, &limit);
  const long before = open_fds ();
  {
    Context context;
    EpollSet set (context.c);
    std::vector<std::unique_ptr<Event>> events;
    for (int i = 0; i < 1000; i++) {
      auto e = std::make_unique<Event> ();
      e->token = set.add (e->fd, EPOLLIN, *e);
      fail_unless (e->token != 0);
      events.push_back (std::move (e));
    }
    for (int round = 1; round <= 3; round++) {
      for (auto &e : events)
        e->signal ();
      rounds (context.c);
      for (auto &e : events)
        fail_unless_equals_int (e->ready, round);
    }
    // Taken out in any order; those that stay go on.
    for (std::size_t i = 0; i < events.size (); i += 2)
      set.remove (events[i]->token);
    for (auto &e : events)
      e->signal ();
    rounds (context.c);
    for (std::size_t i = 0; i < events.size (); i++)
      fail_unless_equals_int (events[i]->ready, i % 2 ? 4 : 3);
  }
  fail_unless_equals_int (open_fds (), before);
}
GST_END_TEST

// The context waits in the set itself while it has nothing else; what else it may have goes on.
GST_START_TEST (test_beside_others)
{
  Context context;
  EpollSet set (context.c);
  Event e;
  e.token = set.add (e.fd, EPOLLIN, e);
  e.signal ();
  fail_unless (g_main_context_iteration (context.c, TRUE));
  fail_unless_equals_int (e.ready, 1);

  std::thread waker ([&] { g_main_context_wakeup (context.c); });
  fail_unless (!g_main_context_iteration (context.c, TRUE)); // comes back, with nothing
  waker.join ();
  fail_unless (!g_main_context_iteration (context.c, FALSE));

  int eager = 0, foreign = 0, late = 0; // sources of others
  const auto attach = [&] (GSource *s, gint priority, GSourceFunc f, int &count) {
    g_source_set_priority (s, priority);
    g_source_set_callback (s, f, &count, nullptr);
    g_source_attach (s, context.c);
    return s;
  };
  const auto three_times = [] (gpointer n) -> gboolean { return ++*static_cast<int *> (n) < 3; };
  g_source_unref (attach (g_idle_source_new (), G_PRIORITY_HIGH, three_times, eager));
  e.signal (); // is not lost while the others have their turns
  rounds (context.c);
  fail_unless_equals_int (eager, 3);
  fail_unless_equals_int (e.ready, 2);

  Event other;
  const GUnixFDSourceFunc on_fd = [] (gint fd, GIOCondition, gpointer n) -> gboolean {
    eventfd_t count;
    eventfd_read (fd, &count);
    ++*static_cast<int *> (n);
    return G_SOURCE_CONTINUE;
  };
  GSource *fd_source = attach (
      g_unix_fd_source_new (other.fd, G_IO_IN), G_PRIORITY_DEFAULT, G_SOURCE_FUNC (on_fd), foreign);
  other.signal ();
  e.signal ();
  rounds (context.c);
  fail_unless_equals_int (foreign, 1);
  fail_unless_equals_int (e.ready, 3);
  g_source_destroy (fd_source);
  g_source_unref (fd_source);

  g_source_unref (attach (g_timeout_source_new (1), G_PRIORITY_DEFAULT, three_times, late));
  while (late < 3)
    g_main_context_iteration (context.c, TRUE);
  e.signal ();
  rounds (context.c);
  fail_unless_equals_int (e.ready, 4);
}
GST_END_TEST

static Suite *epoll_set_suite ()
{
  Suite *s = suite_create ("common-epoll_set");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_stale_events);
  tcase_add_test (tc, test_remove_itself);
  tcase_add_test (tc, test_modify);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_thousand);
  tcase_add_test (tc, test_beside_others);
  return s;
}
GST_CHECK_MAIN (epoll_set)

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/loop.h"
#include "../wait.h"
#include "common/address.h"
#include "fds.h"
#include <algorithm>
#include <thread>

using namespace reach;
using namespace reach::test;

// Answers from a thread of its own, once the lookup is cancelled.
struct LateResolver {
  GResolver parent;
};
struct LateResolverClass {
  GResolverClass parent;
};
G_DEFINE_TYPE (LateResolver, late_resolver, G_TYPE_RESOLVER)

namespace {
std::thread answering;

void look_up (GResolver *r, const gchar *, GCancellable *c, GAsyncReadyCallback done, gpointer data)
{
  GTask *t = g_task_new (r, c, done, data);
  answering = std::thread ([t, c] {
    GPollFD fd{};
    if (g_cancellable_make_pollfd (c, &fd)) {
      g_poll (&fd, 1, -1);
      g_cancellable_release_fd (c);
    }
    g_task_return_new_error (t, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "late");
    g_object_unref (t);
  });
}

} // namespace

static void late_resolver_init (LateResolver *) {}
static void late_resolver_class_init (LateResolverClass *klass)
{
  auto *k = G_RESOLVER_CLASS (klass);
  k->lookup_by_name_async = look_up;
  k->lookup_by_name_finish = [] (GResolver *, GAsyncResult *result, GError **error) {
    return static_cast<GList *> (g_task_propagate_pointer (G_TASK (result), error));
  };
}

GST_START_TEST (test_order)
{
  Loop loop ("order");
  std::vector<int> seen;
  for (int i = 0; i < 1000; i++)
    loop.post ([&seen, &loop, i] {
      fail_unless (loop.on_loop ());
      seen.push_back (i);
    });
  loop.call ([&] { seen.push_back (1000); });
  fail_unless (!loop.on_loop ());
  fail_unless_equals_int (static_cast<int> (seen.size ()), 1001);
  fail_unless (std::ranges::is_sorted (seen));
}
GST_END_TEST

// On the loop a post runs later, a call at once.
GST_START_TEST (test_from_the_loop)
{
  Loop loop ("inner");
  std::string seen;
  loop.call ([&] {
    loop.post ([&] { seen += 'c'; });
    loop.call ([&] { seen += 'a'; });
    seen += 'b';
  });
  loop.call ([] {});
  fail_unless (seen == "abc", "%s", seen.c_str ());
}
GST_END_TEST

GST_START_TEST (test_many_threads)
{
  constexpr int each = 5000;
  Loop loop ("many");
  int count = 0; // only ever touched on the loop
  std::array<int, 4> last{};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < last.size (); t++)
    threads.emplace_back ([&, t] {
      for (int i = 1; i <= each; i++)
        if (i % 100)
          loop.post ([&, t, i] {
            fail_unless (last[t] < i);
            last[t] = i;
            count++;
          });
        else
          loop.call ([&] { count++; });
    });
  for (auto &t : threads)
    t.join ();
  loop.call ([] {});
  fail_unless_equals_int (count, 4 * each);
}
GST_END_TEST

namespace {
struct Dying {
  Dying (std::string &l, const Loop &o) : log (l), loop (o) {}
  ~Dying ()
  {
    fail_unless (loop.on_loop ());
    log += 'd';
  }
  std::string &log;
  const Loop &loop;
};
} // namespace

GST_START_TEST (test_destroy_later)
{
  std::string log;
  {
    Loop loop ("later");
    loop.call ([&] {
      loop.destroy_later (std::make_unique<Dying> (log, loop));
      loop.destroy_later (std::unique_ptr<Dying> ());
      log += 'a';
    });
    loop.call ([&] { log += 'b'; });
    fail_unless (log == "adb", "%s", log.c_str ());
    // Left to the end of the loop: still destroyed, on its thread.
    loop.post (
        [&] { loop.post ([&] { loop.destroy_later (std::make_unique<Dying> (log, loop)); }); });
  }
  fail_unless (log == "adbd", "%s", log.c_str ());
}
GST_END_TEST

GST_START_TEST (test_start_stop)
{
  {
    Loop warm_up ("warm");
  }
  const long fds = open_fds (), before = threads ();
  int ran = 0;
  for (int i = 0; i < 2000; i++) {
    Loop loop ("cycle");
    if (i % 2)
      loop.post ([&] { ran++; });
  }
  fail_unless_equals_int (ran, 1000);
  fail_unless_equals_int (open_fds (), fds);
  fail_unless_equals_int (threads (), before);
}
GST_END_TEST

// A lookup that is cancelled by the very last task of a loop gives back what its callback holds.
GST_START_TEST (test_ends_during_a_lookup)
{
  for (int i = 0; i < 50; i++) {
    auto held = std::make_shared<int> (1);
    const std::weak_ptr<int> watch = held;
    {
      Loop loop ("lookup");
      loop.post ([&loop, held = std::move (held)] {
        auto r = std::make_unique<Resolve> (loop.context (), "no-such-host.invalid", 1,
            [held] (std::vector<Address>, const std::string &) {});
        loop.post ([&loop, p = std::shared_ptr<Resolve> (std::move (r))] () mutable {
          loop.post ([p = std::move (p)] {}); // behind the quit
        });
      });
    }
    fail_unless (watch.expired (), "leaked in round %d", i);
  }
}
GST_END_TEST

// The same when another thread has the answer only after that.
GST_START_TEST (test_ends_before_an_answer)
{
  GResolver *before = g_resolver_get_default ();
  auto *late = static_cast<GResolver *> (g_object_new (late_resolver_get_type (), nullptr));
  g_resolver_set_default (late);
  for (int i = 0; i < 20; i++) {
    auto held = std::make_shared<int> (1);
    const std::weak_ptr<int> watch = held;
    {
      Loop loop ("late");
      loop.call ([&loop, held = std::move (held)] () mutable {
        auto r = std::make_shared<Resolve> (loop.context (), "late.invalid", 1,
            [held = std::move (held)] (std::vector<Address>, const std::string &) {});
        loop.post ([r = std::move (r)] {});
      });
    }
    answering.join ();
    fail_unless (watch.expired (), "leaked in round %d", i);
  }
  g_resolver_set_default (before);
  g_object_unref (late);
  g_object_unref (before);
}
GST_END_TEST

// The context serves GLib's own sources too.
GST_START_TEST (test_context)
{
  Loop loop ("context");
  std::promise<bool> ran;
  loop.call ([&] {
    fail_unless (g_main_context_get_thread_default () == loop.context ());
    GSource *idle = g_idle_source_new ();
    g_source_set_callback (
        idle,
        [] (gpointer p) -> gboolean {
          static_cast<std::promise<bool> *> (p)->set_value (true);
          return G_SOURCE_REMOVE;
        },
        &ran, nullptr);
    g_source_attach (idle, loop.context ());
    g_source_unref (idle);
    fail_unless (loop.scratch ().size () >= 65536);
  });
  fail_unless (ran.get_future ().wait_for (long_enough) == std::future_status::ready);
}
GST_END_TEST

static Suite *loop_suite ()
{
  Suite *s = suite_create ("common-loop");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_order);
  tcase_add_test (tc, test_from_the_loop);
  tcase_add_test (tc, test_many_threads);
  tcase_add_test (tc, test_destroy_later);
  tcase_add_test (tc, test_start_stop);
  tcase_add_test (tc, test_ends_during_a_lookup);
  tcase_add_test (tc, test_ends_before_an_answer);
  tcase_add_test (tc, test_context);
  return s;
}
GST_CHECK_MAIN (loop)

// SPDX-License-Identifier: LGPL-2.1-or-later
// What waits between streaming threads and the loop.
#include "turn/net/outlet.h"
#include "../check.h"
#include <array>
#include <thread>

using namespace reach;
using namespace reach::turn;

namespace {
bool queue (Outlet &o, std::size_t size, std::size_t padding = 0)
{
  static std::array<std::uint8_t, 65536> bytes{};
  const iovec v{bytes.data (), size};
  const std::array<std::uint8_t, 4> header{0x40, 0, 0, 0};
  return o.queue (header, {&v, 1}, padding);
}
} // namespace

// The loop is called once until it takes what there is.
GST_START_TEST (test_called_once)
{
  Outlet o ({});
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> sizes;
  fail_unless (queue (o, 5, 3));
  fail_if (queue (o, 4));
  fail_unless (o.take (bytes, sizes));
  fail_unless ((sizes == std::vector<std::uint32_t>{12, 8} && bytes.size () == 20));
  fail_if (o.take (bytes, sizes));
  fail_unless (queue (o, 1));
}
GST_END_TEST

// A path that goes takes what waits for it along, and the next one is not in its way.
GST_START_TEST (test_discard)
{
  Outlet o ({});
  fail_unless (queue (o, 100));
  fail_if (queue (o, 100));
  o.discard ();
  fail_unless (o.dropped () == 2);
  fail_unless (queue (o, 100));
}
GST_END_TEST

// Whole frames, the oldest first, and what is left is bounded.
GST_START_TEST (test_limit)
{
  Outlet o ({});
  constexpr std::size_t size = 1000, n = 10000;
  for (std::size_t i = 0; i < n; i++)
    queue (o, size);
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> sizes;
  fail_unless (o.take (bytes, sizes));
  fail_unless (bytes.size () <= Outlet::max_queued + size + 4);
  fail_unless (bytes.size () >= Outlet::max_queued / 4);
  fail_unless (sizes.size () * (size + 4) == bytes.size ());
  fail_unless (o.dropped () + sizes.size () == n);
}
GST_END_TEST

GST_START_TEST (test_wait)
{
  Outlet o ({});
  std::thread loop ([&] {
    Outlet::Table t;
    t.state = Outlet::State::ready;
    o.publish (std::move (t));
  });
  const auto table = o.wait ();
  loop.join ();
  fail_unless (table && table->state == Outlet::State::ready);
  Outlet never ({});
  std::thread app ([&] { never.set_flushing (true); });
  fail_unless (never.wait () == nullptr);
  app.join ();
}
GST_END_TEST

static Suite *outlet_suite ()
{
  Suite *s = suite_create ("turn-outlet");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_called_once);
  tcase_add_test (tc, test_discard);
  tcase_add_test (tc, test_limit);
  tcase_add_test (tc, test_wait);
  return s;
}
GST_CHECK_MAIN (outlet)

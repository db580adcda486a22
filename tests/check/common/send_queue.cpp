// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/send_queue.h"
#include "../check.h"

using namespace reach;

namespace {
class Owner final : public Shared {
public:
  Owner (std::vector<std::uint8_t> v, int &count) : data (std::move (v)), alive (count) { alive++; }
  ~Owner () override { alive--; }
  std::vector<std::uint8_t> data;
  int &alive;
};

Slice slice (std::vector<std::uint8_t> v, int &alive)
{
  auto owner = Counted<const Owner>::make (std::move (v), alive);
  const Bytes b = owner->data;
  return {b, owner};
}

// Slices of 1, 2, … 7 bytes: 28 bytes, numbered.
SendQueue filled (int &alive)
{
  SendQueue q;
  std::uint8_t next = 0;
  for (std::size_t n = 1; n <= 7; n++) {
    std::vector<std::uint8_t> v (n);
    for (auto &x : v)
      x = next++;
    q.push (slice (std::move (v), alive));
  }
  return q;
}

std::vector<std::uint8_t> all (const SendQueue &q, std::size_t entries = 16)
{
  std::vector<iovec> iov (entries);
  std::vector<std::uint8_t> out;
  const std::size_t n = q.gather (iov);
  fail_unless (n <= entries);
  for (std::size_t i = 0; i < n; i++) {
    const auto *p = static_cast<const std::uint8_t *> (iov[i].iov_base);
    fail_unless (iov[i].iov_len > 0);
    out.insert (out.end (), p, p + iov[i].iov_len);
  }
  return out;
}
} // namespace

// The kernel may take any part: cut once at each byte, and then again at each byte of the rest.
GST_START_TEST (test_partial_writes)
{
  for (std::size_t one = 0; one <= 28; one++)
    for (std::size_t two = 0; two <= 28 - one; two++) {
      int alive = 0;
      SendQueue q = filled (alive);
      fail_unless (q.bytes () == 28);
      q.consume (one);
      q.consume (two);
      const std::size_t done = one + two;
      fail_unless (q.bytes () == 28 - done);
      fail_unless (q.empty () == (done == 28));
      const auto left = all (q);
      fail_unless (left.size () == 28 - done);
      for (std::size_t i = 0; i < left.size (); i++)
        fail_unless (left[i] == done + i);
      // What is written completely is let go of, nothing else.
      int whole = 0;
      for (std::size_t n = 1, at = 0; n <= 7; n++) {
        at += n;
        whole += at <= done;
      }
      fail_unless_equals_int (alive, 7 - whole);
    }
}
GST_END_TEST

GST_START_TEST (test_few_entries)
{
  int alive = 0;
  SendQueue q = filled (alive);
  fail_unless (all (q, 0).empty ());
  fail_unless (all (q, 3).size () == 6);
  q.consume (2); // into the two slice
  fail_unless ((all (q, 2) == std::vector<std::uint8_t>{2, 3, 4, 5}));
  q.clear ();
  fail_unless (q.empty () && q.bytes () == 0 && alive == 0);
  // No offset is left over.
  q.push (slice ({9, 8}, alive));
  fail_unless ((all (q) == std::vector<std::uint8_t>{9, 8}));
}
GST_END_TEST

GST_START_TEST (test_empty_slices)
{
  SendQueue q;
  q.push ({});
  fail_unless (q.empty () && q.bytes () == 0);
  q.consume (0);
  fail_unless (all (q).empty ());
}
GST_END_TEST

static Suite *send_queue_suite ()
{
  Suite *s = suite_create ("common-send_queue");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_partial_writes);
  tcase_add_test (tc, test_few_entries);
  tcase_add_test (tc, test_empty_slices);
  return s;
}
GST_CHECK_MAIN (send_queue)

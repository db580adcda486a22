// SPDX-License-Identifier: LGPL-2.1-or-later
// One file from a sender to several receivers, without sockets: all by hand, on a clock of its own.
#include "cam/proto/file_exchange.h"
#include "../check.h"
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <utility>

using namespace reach;
using namespace reach::cam;

namespace {
constexpr std::uint64_t ours = 77, theirs = 5;

struct Fixture {
  explicit Fixture (std::uint64_t file_size, std::size_t receivers, FileExchange::Config c = {},
      std::uint64_t offset = 0)
      : size (file_size)
  {
    c.id = ours;
    FileBegin b{theirs, size, offset, FileBegin::no_mtime, "a", {}};
    b.envelope.from = "camera";
    exchange = std::make_unique<FileExchange> (c, b, receivers, now);
    take ();
  }
  void take ()
  {
    while (const auto o = exchange->poll_transmit ()) {
      if (o->receiver)
        to[*o->receiver].push_back (o->message);
      else
        told.push_back (*decode_file_ack (o->message->body ()));
    }
  }
  void data (std::size_t n)
  {
    exchange->data ({theirs, position}, slice_of (std::vector<std::uint8_t> (n, fill)), now);
    position += n;
    take ();
  }
  void end ()
  {
    exchange->end ({theirs, {}}, now);
    take ();
  }
  void ack (std::size_t receiver, FileStatus s, std::uint64_t bytes = 0)
  {
    exchange->acknowledged (receiver, {ours, s, bytes}, now);
    take ();
  }
  void going_on (std::size_t receiver, std::uint64_t bytes)
  {
    ack (receiver, FileStatus::going_on, bytes);
  }
  void pass (Duration d)
  {
    for (const TimePoint until = now + d; now < until;) {
      now = std::min (until, std::max (now, exchange->poll_timeout ()));
      exchange->timeout (now);
      take ();
    }
  }
  // The next for this receiver.
  MessageRef next (std::size_t receiver)
  {
    auto &q = to[receiver];
    fail_unless (!q.empty (), "nothing for receiver %u", static_cast<unsigned> (receiver));
    MessageRef m = q.front ();
    q.pop_front ();
    return m;
  }
  Kind kind (std::size_t receiver) { return next (receiver)->header.kind; }
  std::uint64_t begun_at (std::size_t receiver)
  {
    const auto b = decode_file_begin (next (receiver)->body ());
    fail_unless (b && b->id == ours && b->size == size && b->envelope.from == "camera");
    return b->offset;
  }
  // Data from `from` up to `until`, in this order and with no gap.
  void expect_data (std::size_t receiver, std::uint64_t from, std::uint64_t until)
  {
    while (from < until) {
      const MessageRef m = next (receiver);
      fail_unless_equals_int (static_cast<int> (m->header.kind), 35);
      const auto d = decode_file_data (m->head ().subspan (MessageHeader::size));
      fail_unless (d && d->id == ours);
      fail_unless_equals_uint64 (d->position, from);
      from += m->size () - MessageHeader::size - FileData::size;
    }
    fail_unless_equals_uint64 (from, until);
  }
  void expect_told (FileStatus s, std::uint64_t bytes)
  {
    fail_unless (!told.empty (), "the sender is told nothing");
    const FileAck a = told.front ();
    told.pop_front ();
    fail_unless_equals_uint64 (a.id, theirs);
    fail_unless_equals_int (static_cast<int> (a.status), static_cast<int> (s));
    fail_unless_equals_uint64 (a.bytes, bytes);
  }
  void start (std::initializer_list<std::uint64_t> have)
  {
    std::size_t i = 0;
    for (const std::uint64_t bytes : have) {
      begun_at (i);
      going_on (i++, bytes);
    }
    position = std::min (have);
    expect_told (FileStatus::going_on, position);
  }

  const std::uint64_t size;
  std::uint8_t fill = 1;
  std::uint64_t position = 0;
  TimePoint now{seconds (1000)};
  std::unique_ptr<FileExchange> exchange;
  std::map<std::size_t, std::deque<MessageRef>> to;
  std::deque<FileAck> told;
};
} // namespace

GST_START_TEST (test_to_three)
{
  Fixture f (300000, 3);
  f.begun_at (0);
  f.going_on (0, 0);
  f.begun_at (1);
  f.going_on (1, 0);
  fail_unless (f.told.empty ());
  f.begun_at (2);
  f.going_on (2, 0);
  f.expect_told (FileStatus::going_on, 0);
  f.data (100000);
  f.data (200000);
  fail_unless (f.to[0][0].get () == f.to[2][0].get (), "made once for all");
  f.end ();
  for (std::size_t i = 0; i < 3; i++) {
    f.expect_data (i, 0, 300000);
    fail_unless_equals_int (static_cast<int> (f.kind (i)), static_cast<int> (Kind::file_end));
  }
  f.going_on (0, 300000);
  f.going_on (1, 150000);
  fail_unless (f.told.empty ());
  f.going_on (2, 100000);
  f.expect_told (FileStatus::going_on, 100000);
  fail_unless_equals_uint64 (f.exchange->held (), 200000);
  f.ack (0, FileStatus::complete);
  f.ack (2, FileStatus::complete);
  f.expect_told (FileStatus::going_on, 150000);
  fail_unless (!f.exchange->over ());
  f.ack (1, FileStatus::complete);
  f.expect_told (FileStatus::complete, 300000);
  fail_unless (f.exchange->over () && f.told.empty ());
}
GST_END_TEST

// Each gets what it lacks, also where that begins within a message.
GST_START_TEST (test_parts_that_are_there)
{
  Fixture f (300000, 3, {}, 1000);
  fail_unless_equals_uint64 (decode_file_begin (f.to[0][0]->body ())->offset, 1000);
  f.start ({120000, 70000, 300000});
  for (int i = 0; i < 4; i++)
    f.data (i < 3 ? 65536 : 300000 - 70000 - 3 * 65536);
  f.end ();
  f.expect_data (0, 120000, 300000);
  f.expect_data (1, 70000, 300000);
  fail_unless_equals_int (static_cast<int> (f.kind (2)), static_cast<int> (Kind::file_end));
  f.ack (0, FileStatus::complete);
  f.ack (2, FileStatus::complete);
  f.ack (1, FileStatus::complete);
  f.told.erase (f.told.begin (), f.told.end () - 1);
  f.expect_told (FileStatus::complete, 300000);
}
GST_END_TEST

GST_START_TEST (test_one_fails_among_others)
{
  Fixture f (1000, 2);
  f.begun_at (0);
  f.ack (0, FileStatus::refused);
  f.begun_at (1);
  f.going_on (1, 0);
  f.expect_told (FileStatus::going_on, 0);
  f.data (1000);
  f.end ();
  fail_unless (f.to[0].empty ());
  f.ack (1, FileStatus::complete);
  f.expect_told (FileStatus::refused, 0);
  fail_unless (f.exchange->over ());
}
GST_END_TEST

GST_START_TEST (test_busy_and_bad_hash_begin_again)
{
  for (const FileStatus s : {FileStatus::busy, FileStatus::bad_hash}) {
    Fixture f (1000, 2);
    if (s == FileStatus::bad_hash) {
      f.start ({0, 0});
      f.data (1000);
      f.end ();
    }
    f.ack (0, s);
    f.expect_told (s, 0);
    fail_unless (f.exchange->over ());
    fail_unless (f.to[1].back ()->header.kind == Kind::file_abandon);
    f.ack (1, FileStatus::complete);
    fail_unless (f.told.empty ());
  }
}
GST_END_TEST

// Its answer says how much it has written, which is more than it had acknowledged.
GST_START_TEST (test_a_receiver_comes_back)
{
  Fixture f (400000, 2);
  f.start ({0, 0});
  f.data (100000);
  f.data (100000);
  f.going_on (0, 100000);
  f.going_on (1, 200000);
  f.expect_told (FileStatus::going_on, 100000);
  f.exchange->unlinked (0, f.now);
  f.going_on (0, 200000); // of the former link
  f.to[0].clear ();
  f.data (100000);
  fail_unless (f.to[0].empty ());
  f.pass (seconds (9));
  while (!f.told.empty ())
    f.expect_told (FileStatus::going_on, 100000);
  f.exchange->linked (0, f.now);
  f.take ();
  fail_unless_equals_uint64 (f.begun_at (0), 100000);
  f.going_on (0, 150000);
  f.expect_told (FileStatus::going_on, 150000);
  f.expect_data (0, 150000, 300000);
  f.data (100000);
  f.end ();
  f.exchange->unlinked (0, f.now);
  f.exchange->linked (0, f.now);
  f.take ();
  f.to[0].erase (f.to[0].begin (), f.to[0].end () - 1);
  fail_unless_equals_uint64 (f.begun_at (0), 150000);
  f.ack (0, FileStatus::complete); // it had come in full
  f.ack (1, FileStatus::complete);
  fail_unless (f.told.back ().status == FileStatus::complete);
}
GST_END_TEST

GST_START_TEST (test_a_receiver_that_lost_its_part)
{
  Fixture f (400000, 2);
  f.start ({0, 0});
  f.data (300000);
  f.going_on (0, 300000);
  f.going_on (1, 300000);
  f.expect_told (FileStatus::going_on, 300000);
  f.exchange->unlinked (0, f.now);
  f.exchange->linked (0, f.now);
  f.take ();
  f.going_on (0, 0);
  f.data (100000);
  f.end ();
  f.ack (1, FileStatus::complete);
  fail_unless (f.told.back ().status == FileStatus::malformed);
}
GST_END_TEST

GST_START_TEST (test_time)
{
  // One that does not come back, one that says nothing.
  for (const bool away : {true, false}) {
    Fixture f (10000000, 2);
    f.start ({0, 0});
    for (int i = 0; i < 8; i++)
      f.data (65536);
    for (std::uint64_t n = 1; n <= 2; n++)
      f.going_on (1, n * 262144);
    if (away)
      f.exchange->unlinked (0, f.now);
    f.pass (milliseconds (9999));
    fail_unless (f.told.size () >= 9, "the sender would give it up");
    while (!f.told.empty ())
      f.expect_told (FileStatus::going_on, 0);
    f.pass (milliseconds (1));
    f.expect_told (FileStatus::going_on, 524288);
    // Whoever has acknowledged what it has to owes nothing.
    f.data (65536);
    f.pass (seconds (59));
    fail_unless (!f.exchange->over ());
    while (!f.told.empty ())
      f.expect_told (FileStatus::going_on, 524288);
    f.ack (1, FileStatus::disk);
    f.expect_told (FileStatus::timed_out, 0); // the first that failed
  }
}
GST_END_TEST

// Who may send and does not, gives its place to others; who must wait for a receiver keeps it.
GST_START_TEST (test_silent_sender)
{
  FileExchange::Config c;
  c.patience = seconds (300);
  {
    Fixture f (10u << 20, 1, c);
    f.begun_at (0);
    f.going_on (0, 0);
    for (int i = 0; i < 3; i++) {
      f.pass (seconds (59));
      f.data (1000);
    }
    f.pass (seconds (59));
    fail_unless (!f.exchange->over ());
    f.pass (seconds (1));
    fail_unless (f.exchange->over () && f.told.back ().status == FileStatus::busy);
    f.next (0), f.next (0), f.next (0);
    fail_unless (f.kind (0) == Kind::file_abandon);
  }
  Fixture f (10u << 20, 1, c);
  f.begun_at (0);
  f.going_on (0, 0);
  for (std::uint64_t n = 0; n < file_window; n += file_piece)
    f.data (file_piece);
  f.pass (seconds (200));
  f.going_on (0, file_window / 2);
  f.pass (seconds (59));
  fail_unless (!f.exchange->over ());
}
GST_END_TEST

// Who does not answer at all is left out before the sender gives up.
GST_START_TEST (test_no_answer)
{
  Fixture f (1000, 2);
  f.going_on (0, 0);
  f.pass (milliseconds (4999));
  fail_unless (f.told.empty ());
  f.pass (milliseconds (1));
  f.expect_told (FileStatus::going_on, 0);
  fail_unless (f.to[1].back ()->header.kind == Kind::file_abandon);
  Fixture none (1000, 1);
  none.pass (seconds (5));
  none.expect_told (FileStatus::timed_out, 0);
}
GST_END_TEST

GST_START_TEST (test_the_window_bounds_what_is_held)
{
  Fixture f (100000000, 2);
  f.start ({0, 0});
  while (f.position < file_window + file_piece)
    f.data (file_piece);
  fail_unless (!f.exchange->over ());
  f.data (3 * file_piece);
  f.expect_told (FileStatus::malformed, 0);
  fail_unless (f.exchange->over ());
  fail_unless_equals_uint64 (f.exchange->held (), 0);
  for (std::size_t i = 0; i < 2; i++)
    fail_unless (f.to[i].back ()->header.kind == Kind::file_abandon);
}
GST_END_TEST

GST_START_TEST (test_many_small_messages)
{
  Fixture f (100000000, 1);
  f.start ({0});
  for (int i = 0; i < 512; i++)
    f.data (1);
  fail_unless (!f.exchange->over ());
  f.data (1);
  f.expect_told (FileStatus::malformed, 0);
}
GST_END_TEST

// It lags behind what the receivers have, so that the sender is never further ahead of them.
GST_START_TEST (test_a_smaller_buffer)
{
  FileExchange::Config c;
  c.max_held = 1000000;
  Fixture f (20000000, 1, c);
  f.start ({0});
  std::uint64_t told = 0, written = 0;
  while (f.position < f.size) {
    // As camsender does it: a piece when less than a window is not acknowledged.
    if (f.position - told < file_window) {
      f.data (std::min<std::uint64_t> (file_piece, f.size - f.position));
    } else {
      written = std::min (written + 262144, f.position);
      f.going_on (0, written);
    }
    if (!f.told.empty ())
      told = f.told.back ().bytes;
    f.told.clear ();
    if (f.position > 4000000)
      fail_unless (f.exchange->held () <= 1000000 + 262144 + file_piece);
  }
  f.end ();
  f.ack (0, FileStatus::complete);
  f.expect_told (FileStatus::complete, f.size);
}
GST_END_TEST

GST_START_TEST (test_what_makes_no_sense)
{
  Fixture early (1000, 1);
  early.data (1000);
  early.expect_told (FileStatus::malformed, 0);
  Fixture gap (1000, 1);
  gap.start ({0});
  gap.position = 10;
  gap.data (10);
  gap.expect_told (FileStatus::malformed, 0);
  Fixture long_ (1000, 1);
  long_.start ({0});
  long_.data (1001);
  long_.expect_told (FileStatus::malformed, 0);
  Fixture short_ (1000, 1);
  short_.start ({0});
  short_.data (999);
  short_.end ();
  short_.expect_told (FileStatus::malformed, 0);
  Fixture more (1000, 1);
  more.start ({0});
  more.data (500);
  more.going_on (0, 501);
  more.expect_told (FileStatus::malformed, 0);
  Fixture done (1000, 1);
  done.start ({0});
  done.ack (0, FileStatus::complete);
  done.expect_told (FileStatus::malformed, 0);
}
GST_END_TEST

GST_START_TEST (test_empty_file)
{
  Fixture f (0, 1);
  f.start ({0});
  f.end ();
  fail_unless_equals_int (static_cast<int> (f.kind (0)), static_cast<int> (Kind::file_end));
  f.ack (0, FileStatus::complete);
  f.expect_told (FileStatus::complete, 0);
}
GST_END_TEST

GST_START_TEST (test_abandoned)
{
  Fixture f (1000, 2);
  f.start ({0, 0});
  f.data (500);
  f.exchange->unlinked (1, f.now);
  f.to.clear ();
  f.exchange->abandon (f.now);
  f.take ();
  fail_unless_equals_int (static_cast<int> (f.kind (0)), static_cast<int> (Kind::file_abandon));
  fail_unless (f.to[1].empty () && f.told.empty ());
  fail_unless (f.exchange->poll_timeout () == TimePoint::max ());
}
GST_END_TEST

static Suite *file_exchange_suite ()
{
  Suite *s = suite_create ("file_exchange");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_to_three);
  tcase_add_test (tc, test_parts_that_are_there);
  tcase_add_test (tc, test_one_fails_among_others);
  tcase_add_test (tc, test_busy_and_bad_hash_begin_again);
  tcase_add_test (tc, test_a_receiver_comes_back);
  tcase_add_test (tc, test_a_receiver_that_lost_its_part);
  tcase_add_test (tc, test_time);
  tcase_add_test (tc, test_silent_sender);
  tcase_add_test (tc, test_no_answer);
  tcase_add_test (tc, test_the_window_bounds_what_is_held);
  tcase_add_test (tc, test_many_small_messages);
  tcase_add_test (tc, test_a_smaller_buffer);
  tcase_add_test (tc, test_what_makes_no_sense);
  tcase_add_test (tc, test_empty_file);
  tcase_add_test (tc, test_abandoned);
  return s;
}

GST_CHECK_MAIN (file_exchange)

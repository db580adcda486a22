// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/proto/message_reader.h"
#include "../check.h"
#include "common/slabs.h"
#include <algorithm>

using namespace reach;
using namespace reach::cam;

namespace {
using Fault = MessageReader::Fault;
using Wire = std::vector<std::uint8_t>;

void append (Wire &w, Kind kind, std::uint16_t stream, std::size_t length, std::uint8_t fill)
{
  const std::size_t at = w.size ();
  w.resize (at + MessageHeader::size + length, fill);
  MessageHeader{kind, 0, stream, static_cast<std::uint32_t> (length)}.write (w.data () + at);
}

Wire header_only (Kind kind, std::uint32_t length)
{
  Wire w (MessageHeader::size);
  MessageHeader{kind, 0, 0, length}.write (w.data ());
  return w;
}

// Counts, so that a test sees what was asked for before the bytes were there.
class CountingSource final : public StorageSource {
public:
  std::unique_ptr<Storage> allocate (std::size_t size) override
  {
    asked++;
    bytes += size;
    if (refuse)
      return nullptr;
    return std::make_unique<VectorStorage> (size + extra);
  }
  unsigned asked = 0;
  std::size_t bytes = 0, extra = 0;
  bool refuse = false;
};

// Keeps what was read into its area.
class KeepingSource final : public StorageSource {
public:
  class Kept final : public Storage {
  public:
    explicit Kept (Slabs::Piece p) : piece (std::move (p)) {}
    std::span<std::uint8_t> bytes () override { return piece.bytes; }
    Slabs::Piece piece;
  };
  std::unique_ptr<Storage> allocate (std::size_t size) override
  {
    copied++;
    return std::make_unique<VectorStorage> (size);
  }
  std::span<std::uint8_t> area () override { return slabs.room (); }
  std::unique_ptr<Storage> keep (const std::uint8_t *begin, std::size_t size) override
  {
    auto piece = slabs.keep (begin, size);
    if (piece.bytes.empty ())
      return nullptr;
    kept++;
    return std::make_unique<Kept> (std::move (piece));
  }
  Slabs slabs;
  unsigned kept = 0, copied = 0;
};

// As a socket does it: at most `step` bytes at once, first where the reader wants them.
void read_all (MessageReader &r, Bytes wire, std::size_t step)
{
  while (!wire.empty ()) {
    const auto direct = r.direct (), area = r.area ();
    const std::size_t n = std::min (step, wire.size ()), d = std::min (n, direct.size ()),
                      a = std::min (n - d, area.size ());
    std::ranges::copy (wire.first (d), direct.begin ());
    std::ranges::copy (wire.subspan (d, a), area.begin ());
    if (d > 0)
      r.filled (d);
    r.input (area.first (a));
    wire = wire.subspan (d + a);
  }
}

Wire drain (MessageReader &r, unsigned *count = nullptr)
{
  Wire all;
  while (auto m = r.poll ()) {
    all.insert (all.end (), m->bytes ().begin (), m->bytes ().end ());
    if (count)
      ++*count;
  }
  return all;
}

Wire sample ()
{
  Wire w;
  append (w, Kind::hello, 0, 5, 0x11);
  append (w, Kind::frame, 3, 60, 0x22);
  append (w, Kind::bye, 0, 0, 0);
  append (w, Kind::file_data, 1, 0, 0);
  append (w, Kind::frame, 4, FrameHeader::size, 0x33);
  return w;
}
} // namespace

GST_START_TEST (test_split_at_every_byte)
{
  const Wire wire = sample ();
  for (std::size_t cut = 0; cut <= wire.size (); cut++) {
    CountingSource source;
    MessageReader r (source);
    unsigned n = 0;
    r.input (Bytes (wire).first (cut));
    Wire got = drain (r, &n);
    r.input (Bytes (wire).subspan (cut));
    const Wire more = drain (r, &n);
    got.insert (got.end (), more.begin (), more.end ());
    fail_unless (got == wire);
    fail_unless_equals_int (n, 5);
    fail_unless_equals_int (source.asked, 3); // the two control messages are not its business
    fail_unless (r.fault () == Fault::none);
  }
}
GST_END_TEST

GST_START_TEST (test_byte_by_byte)
{
  const Wire wire = sample ();
  VectorStorage source;
  MessageReader r (source);
  Wire got;
  unsigned n = 0;
  for (const std::uint8_t b : wire) {
    r.input ({&b, 1});
    const Wire more = drain (r, &n);
    got.insert (got.end (), more.begin (), more.end ());
  }
  fail_unless (got == wire);
  fail_unless_equals_int (n, 5);
}
GST_END_TEST

GST_START_TEST (test_message_fields)
{
  Wire wire;
  append (wire, Kind::frame, 3, 60, 0x22);
  VectorStorage source;
  MessageReader r (source);
  r.input (wire);
  const auto m = r.poll ();
  fail_unless (m.has_value ());
  fail_unless (m->header ().kind == Kind::frame);
  fail_unless_equals_int (m->header ().stream, 3);
  fail_unless_equals_int (m->body ().size (), 60);
  fail_unless (
      std::all_of (m->body ().begin (), m->body ().end (), [] (auto b) { return b == 0x22; }));
  fail_unless (!r.poll ());
}
GST_END_TEST

GST_START_TEST (test_too_big_before_allocation)
{
  const MessageReader::Limits l{1000, 100};
  const struct {
    Kind kind;
    std::uint32_t length;
    Fault fault;
  } cases[] = {
      {Kind::frame, 992, Fault::none},
      {Kind::frame, 993, Fault::too_big},
      {Kind::frame, 0xffffffff, Fault::too_big},
      {Kind::file_data, 992, Fault::none},
      {Kind::file_data, 993, Fault::too_big},
      {Kind::hello, 92, Fault::none},
      {Kind::hello, 93, Fault::too_big},
      {Kind::command, 0xfffffff8, Fault::too_big},
      {Kind::frame, FrameHeader::size - 1, Fault::too_short},
      {Kind::frame, FrameHeader::size, Fault::none},
  };
  for (const auto &c : cases) {
    CountingSource source;
    MessageReader r (source, l);
    r.input (header_only (c.kind, c.length));
    fail_unless (r.fault () == c.fault);
    fail_unless (c.fault == Fault::none || source.asked == 0);
  }
}
GST_END_TEST

// A limit of the moment, below those of the kinds.
GST_START_TEST (test_limit)
{
  CountingSource source;
  MessageReader r (source);
  r.limit (100);
  Wire small;
  append (small, Kind::hello, 0, 92, 1);
  r.input (small);
  fail_unless (r.poll () && r.fault () == Fault::none);
  for (const Kind k : {Kind::hello, Kind::frame}) {
    MessageReader strict (source);
    strict.limit (100);
    strict.input (header_only (k, 93));
    fail_unless (strict.fault () == Fault::too_big);
  }
  fail_unless_equals_int (source.asked, 0);
  r.limit (std::numeric_limits<std::size_t>::max ());
  r.input (header_only (Kind::frame, 5000));
  fail_unless (r.fault () == Fault::none && source.asked == 1);
}
GST_END_TEST

GST_START_TEST (test_nothing_after_a_fault)
{
  for (unsigned kind = 0; kind < 256; kind++) {
    Wire wire;
    append (wire, Kind::ping, 0, 3, 1);
    append (wire, static_cast<Kind> (kind), 0, 64, 2);
    append (wire, Kind::ping, 0, 3, 3);
    VectorStorage source;
    MessageReader r (source);
    r.input (wire);
    unsigned n = 0;
    drain (r, &n);
    if (r.fault () == Fault::none) {
      fail_unless_equals_int (n, 3);
      continue;
    }
    fail_unless (r.fault () == Fault::unknown_kind);
    fail_unless_equals_int (n, 1);
    r.input (wire);
    fail_unless (!r.poll ());
    fail_unless (r.direct ().empty ());
  }
}
GST_END_TEST

GST_START_TEST (test_refused_storage)
{
  Wire wire;
  append (wire, Kind::frame, 0, 64, 2);
  CountingSource none;
  none.refuse = true;
  MessageReader r (none);
  r.input (wire);
  fail_unless (r.fault () == Fault::refused_storage);
  fail_unless (!r.poll ());

  CountingSource wrong;
  wrong.extra = 1;
  MessageReader s (wrong);
  s.input (wire);
  fail_unless (s.fault () == Fault::refused_storage);
  fail_unless (!s.poll ());
}
GST_END_TEST

GST_START_TEST (test_direct)
{
  constexpr std::size_t length = 100000;
  Wire wire;
  append (wire, Kind::frame, 9, length, 0);
  for (std::size_t i = MessageHeader::size; i < wire.size (); i++)
    wire[i] = static_cast<std::uint8_t> (i * 7);
  CountingSource source;
  MessageReader r (source);
  fail_unless (r.direct ().empty ());
  std::size_t at = 20;
  r.input (Bytes (wire).first (at));
  while (!r.direct ().empty ()) {
    const auto to = r.direct ();
    fail_unless_equals_int (to.size (), wire.size () - at);
    const std::size_t n = std::min<std::size_t> (to.size (), 30000);
    std::memcpy (to.data (), wire.data () + at, n);
    r.filled (n);
    at += n;
  }
  // The tail is too small for a read of its own, or there is none.
  fail_unless (wire.size () - at < MessageReader::min_direct);
  fail_unless (at == wire.size () || !r.poll ());
  Wire tail (wire.begin () + static_cast<std::ptrdiff_t> (at), wire.end ());
  append (tail, Kind::bye, 0, 0, 0);
  r.input (tail);
  const auto m = r.poll ();
  fail_unless (m && std::ranges::equal (m->bytes (), wire));
  fail_unless (r.poll ()->header ().kind == Kind::bye);
  fail_unless_equals_int (source.asked, 1);
}
GST_END_TEST

GST_START_TEST (test_direct_to_the_last_byte)
{
  Wire wire;
  append (wire, Kind::frame, 9, 50000, 5);
  VectorStorage source;
  MessageReader r (source);
  r.input (Bytes (wire).first (MessageHeader::size));
  const auto to = r.direct ();
  fail_unless_equals_int (to.size (), 50000);
  std::fill (to.begin (), to.end (), std::uint8_t{5});
  r.filled (to.size ());
  fail_unless (r.direct ().empty ());
  fail_unless (drain (r) == wire);
}
GST_END_TEST

GST_START_TEST (test_messages_stay_where_they_were_read)
{
  Wire wire;
  for (unsigned i = 0; i < 200; i++)
    append (wire, Kind::frame, 1, 1401 + i % 3, static_cast<std::uint8_t> (i));
  KeepingSource source;
  MessageReader r (source);
  std::copy (wire.begin (), wire.begin () + 100000, r.area ().begin ());
  r.input (Bytes (r.area ().first (100000)));
  fail_unless (source.kept >= 70);
  fail_unless_equals_int (source.copied, 0);
  Wire got = drain (r);
  read_all (r, Bytes (wire).subspan (100000), SIZE_MAX);
  const Wire rest = drain (r);
  got.insert (got.end (), rest.begin (), rest.end ());
  fail_unless (got == wire);
}
GST_END_TEST

// Whatever a read brings, the messages are whole, and do not overlap while they are held.
GST_START_TEST (test_kept_in_any_split)
{
  Wire wire;
  for (unsigned i = 0; i < 60; i++) {
    append (wire, Kind::frame, 1, i % 5 == 0 ? 100000 + i : 1000 + i * 37,
        static_cast<std::uint8_t> (i));
    if (i % 7 == 0)
      append (wire, Kind::ping, 0, 24, 0xee);
  }
  for (const std::size_t step : {97u, 1449u, 16384u, 65483u, 200000u, 1000000u}) {
    KeepingSource source;
    MessageReader r (source);
    read_all (r, wire, step);
    fail_unless (drain (r) == wire);
    fail_unless ((step < 1000 || source.kept > 0));
  }
}
GST_END_TEST

// One small message must not hold a slab.
GST_START_TEST (test_little_is_copied)
{
  Wire wire;
  append (wire, Kind::frame, 1, 1000, 1);
  KeepingSource source;
  MessageReader r (source);
  read_all (r, wire, SIZE_MAX);
  fail_unless_equals_int (source.kept, 0);
  fail_unless_equals_int (source.copied, 1);
  fail_unless (drain (r) == wire);
}
GST_END_TEST

static Suite *message_reader_suite ()
{
  Suite *s = suite_create ("cam-message-reader");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_split_at_every_byte);
  tcase_add_test (tc, test_byte_by_byte);
  tcase_add_test (tc, test_message_fields);
  tcase_add_test (tc, test_too_big_before_allocation);
  tcase_add_test (tc, test_limit);
  tcase_add_test (tc, test_nothing_after_a_fault);
  tcase_add_test (tc, test_refused_storage);
  tcase_add_test (tc, test_direct);
  tcase_add_test (tc, test_direct_to_the_last_byte);
  tcase_add_test (tc, test_messages_stay_where_they_were_read);
  tcase_add_test (tc, test_kept_in_any_split);
  tcase_add_test (tc, test_little_is_copied);
  return s;
}
GST_CHECK_MAIN (message_reader)

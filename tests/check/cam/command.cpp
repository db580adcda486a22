// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/proto/command.h"
#include "../check.h"
#include "cam/proto/command_queue.h"
#include <algorithm>
#include <memory>

using namespace reach;
using namespace reach::cam;

namespace {
using Wire = std::vector<std::uint8_t>;

Command sample ()
{
  Command c;
  c.id = 0x0102030405060708;
  c.name = "camera/turn";
  c.parameters = {{"nothing", {}}, {"yes", true}, {"no", false}, {"i32", std::int32_t{-1}},
      {"u32", UINT32_MAX}, {"i64", INT64_MIN}, {"u64", UINT64_MAX}, {"real", -0.1},
      {"text", std::string ("na\xc3\xafve")}, {"empty", std::string ()},
      {"bytes", Wire{0, 255, 0}}};
  return c;
}

// An exact allocation, so that the sanitizer sees a read past the end.
template <typename F> auto decode_copy (F decode, Bytes in)
{
  const auto copy = std::make_unique<std::uint8_t[]> (in.size ());
  std::copy (in.begin (), in.end (), copy.get ());
  return decode (Bytes (copy.get (), in.size ()));
}

std::optional<Command> decode (Bytes in)
{
  return decode_command (in);
}

MessageRef message (std::uint64_t id, std::size_t size = 10)
{
  Command c;
  c.id = id;
  c.name = "x";
  c.parameters = {{"b", Wire (size)}};
  return Message::control (Kind::command, MediaType::command, 0, *encode (c), {});
}

std::vector<std::uint64_t> pop_all (MediaQueue &q)
{
  std::vector<std::uint64_t> ids;
  while (const MessageRef m = q.pop ({}))
    ids.push_back (command_id (m->body ()));
  return ids;
}
using Ids = std::vector<std::uint64_t>;
} // namespace

GST_START_TEST (test_round_trip_and_truncation)
{
  Command c = sample ();
  const std::size_t bare = encode (c)->size ();
  c.envelope = {513, "to", "group", "from"};
  Wire wire = *encode (c);
  fail_unless (decode_copy (decode, wire) == c);
  fail_unless (command_id (wire) == c.id);
  for (std::size_t n = 0; n < wire.size (); n++)
    fail_unless (!decode_copy (decode, Bytes (wire).first (n)) == (n != bare), "%zu bytes", n);
  wire.insert (wire.end (), 9, 0xff); // a later revision's fields
  fail_unless (decode_copy (decode, wire) == c);
  for (const std::string &bad : {std::string (65, 'x'), std::string ("\xff")}) {
    c.envelope.from = bad;
    fail_unless (!encode (c));
    Wire forged = *encode (sample ());
    for (const std::uint8_t b : Wire{0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t> (bad.size ())})
      forged.push_back (b);
    forged.insert (forged.end (), bad.begin (), bad.end ());
    fail_unless (!decode (forged));
  }
}
GST_END_TEST

// Byte by byte, as docs/protocol-cam-commands.md has it.
GST_START_TEST (test_bytes)
{
  Command c;
  c.id = 7;
  c.name = "go";
  c.parameters = {{"n", std::int32_t{-2}}, {"t", std::string ("x")}};
  const Wire expected{0, 0, 0, 0, 0, 0, 0, 7, 0, 2, 'g', 'o', 0, 2, 0, 1, 'n', 2, 0xff, 0xff, 0xff,
      0xfe, 0, 1, 't', 7, 0, 0, 0, 1, 'x'};
  fail_unless (encode (c) == expected);
  c.envelope = {258, "a", "", "bc"};
  Wire addressed = expected;
  for (const std::uint8_t b : Wire{1, 2, 0, 1, 'a', 0, 0, 0, 2, 'b', 'c'})
    addressed.push_back (b);
  fail_unless (encode (c) == addressed);
  fail_unless (
      (encode (CommandAck{7, CommandStatus::too_large}) == Wire{0, 0, 0, 0, 0, 0, 0, 7, 2}));
}
GST_END_TEST

GST_START_TEST (test_what_is_not_encoded)
{
  const auto refused = [] (auto change) {
    Command c = sample ();
    change (c);
    return !encode (c);
  };
  fail_if (refused ([] (Command &) {}));
  fail_unless (refused ([] (Command &c) { c.name.clear (); }));
  fail_unless (refused ([] (Command &c) { c.name.assign (256, 'x'); }));
  fail_unless (refused ([] (Command &c) { c.parameters[0].name.assign (256, 'x'); }));
  fail_unless (refused ([] (Command &c) { c.parameters.resize (65, {"x", true}); }));
  fail_if (refused ([] (Command &c) { c.parameters.resize (64, {"x", true}); }));
  fail_unless (refused ([] (Command &c) { c.parameters[0].value = Wire (max_command); }));
  fail_unless (refused ([] (Command &c) { c.envelope.from.assign (max_command, 'x'); }));
  fail_unless (refused ([] (Command &c) { c.parameters[0].value = std::string ("\xff"); }));
  fail_unless (refused ([] (Command &c) { c.parameters[0].value = std::string ("a\0b", 3); }));
}
GST_END_TEST

GST_START_TEST (test_what_is_not_decoded)
{
  const Wire good = *encode (sample ());
  const auto at = [&] (std::size_t i, std::uint8_t value) {
    Wire w = good;
    w[i] = value;
    return w;
  };
  fail_unless (decode_command (good, good.size ()));
  fail_if (decode_command (good, good.size () - 1)); // this receiver's own limit
  fail_if (decode (at (10, 0)));                     // NUL in the name
  fail_if (decode (at (10, 0xff)));                  // not UTF-8
  const std::size_t count = 8 + 2 + sample ().name.size ();
  fail_if (decode (at (count, 1)));      // 267 parameters
  fail_if (decode (at (count + 1, 12))); // one more than there are
  const std::size_t type = count + 2 + 2 + std::string ("nothing").size ();
  fail_if (decode (at (type, 9))); // no such type
  const std::size_t yes = type + 1 + 2 + 3 + 1;
  fail_unless (good[yes] == 1);
  fail_if (decode (at (yes, 2))); // neither true nor false
  Wire id = good;
  std::fill_n (id.begin (), 8, std::uint8_t{0});
  fail_if (decode (id));
}
GST_END_TEST

GST_START_TEST (test_acknowledgement)
{
  const CommandAck a{UINT64_MAX, CommandStatus::no_receiver};
  const Wire wire = encode (a);
  fail_unless (decode_copy (decode_command_ack, wire) == a);
  for (std::size_t n = 0; n < wire.size (); n++)
    fail_if (decode_copy (decode_command_ack, Bytes (wire).first (n)));
  Wire unknown = wire;
  unknown.back () = 7;
  fail_if (decode_command_ack (unknown));
}
GST_END_TEST

GST_START_TEST (test_queue_keeps_order_and_window)
{
  MediaQueue out (MediaType::command, {});
  CommandQueue q (out, {10, 1u << 20, 3});
  for (std::uint64_t i = 1; i <= 10; i++)
    fail_unless (q.push (message (i), {}));
  fail_if (q.push (message (11), {}));
  fail_unless ((pop_all (out) == Ids{1, 2, 3}));
  fail_unless (q.acknowledged (2, {}));
  fail_if (q.acknowledged (2, {}));
  fail_if (q.acknowledged (9, {})); // not sent yet
  fail_unless ((pop_all (out) == Ids{4}));
  // The link breaks: 1, 3 and 4 may have arrived or not.
  q.restart ({});
  fail_unless ((pop_all (out) == Ids{1, 3, 4}));
  // An answer from the former link, before what is sent again has left.
  q.restart ({});
  fail_unless (q.acknowledged (1, {}));
  fail_unless ((pop_all (out) == Ids{1, 3, 4, 5}));
  fail_unless ((q.clear () == Ids{3, 4, 5, 6, 7, 8, 9, 10}));
  fail_unless_equals_int (static_cast<int> (q.bytes ()), 0);
}
GST_END_TEST

GST_START_TEST (test_queue_is_bounded_in_bytes)
{
  MediaQueue out (MediaType::command, {});
  CommandQueue q (out, {1000, 100000, 3});
  int taken = 0;
  while (q.push (message (static_cast<std::uint64_t> (taken + 1), 30000), {}))
    taken++;
  fail_unless_equals_int (taken, 3);
  fail_unless (q.acknowledged (1, {}));
  fail_unless (q.push (message (9, 30000), {}));
}
GST_END_TEST

GST_START_TEST (test_queue_gives_up)
{
  const auto at = [] (int s) { return TimePoint{} + seconds (s); };
  MediaQueue out (MediaType::command, {});
  CommandQueue q (out, {10, 1u << 20, 2, seconds (15)});
  fail_unless (q.poll_timeout () == TimePoint::max ());
  fail_unless (q.push (message (1), at (0)) && q.push (message (2), at (10)));
  fail_unless (q.push (message (3), at (10))); // waits for the window
  fail_unless (q.poll_timeout () == at (15));
  fail_unless (q.timeout (at (14)).empty ());
  // Each has its own time, and it begins when it is sent.
  fail_unless ((q.timeout (at (15)) == Ids{1}));
  fail_unless ((pop_all (out) == Ids{1, 2, 3}));
  fail_if (q.acknowledged (1, at (16)));
  // Any acknowledgement is a sign of life for all.
  fail_unless (q.acknowledged (3, at (20)));
  fail_unless (q.poll_timeout () == at (35));
  // No link, no time: it begins again with the next one.
  q.pause ();
  fail_unless (q.poll_timeout () == TimePoint::max ());
  q.restart (at (100));
  fail_unless (q.poll_timeout () == at (115));
  fail_unless ((q.timeout (at (200)) == Ids{2}));
  fail_unless_equals_int (static_cast<int> (q.count () + q.bytes ()), 0);

  CommandQueue patient (out, {10, 1u << 20, 2});
  fail_unless (patient.push (message (1), at (0)));
  fail_unless (patient.poll_timeout () == TimePoint::max ());
}
GST_END_TEST

static Suite *command_suite ()
{
  Suite *s = suite_create ("command");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_round_trip_and_truncation);
  tcase_add_test (tc, test_bytes);
  tcase_add_test (tc, test_what_is_not_encoded);
  tcase_add_test (tc, test_what_is_not_decoded);
  tcase_add_test (tc, test_acknowledgement);
  tcase_add_test (tc, test_queue_keeps_order_and_window);
  tcase_add_test (tc, test_queue_is_bounded_in_bytes);
  tcase_add_test (tc, test_queue_gives_up);
  return s;
}

GST_CHECK_MAIN (command)

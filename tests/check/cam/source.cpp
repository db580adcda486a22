// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/proto/source.h"
#include "../check.h"
#include <algorithm>
#include <memory>

using namespace reach;
using namespace reach::cam;

namespace {
using Wire = std::vector<std::uint8_t>;

Source source ()
{
  Source s;
  s.number = 7;
  s.state = SourceState::broken;
  s.run_id = 1;
  s.session_key = 2;
  s.running_time = 3;
  s.latency = 4;
  s.epoch = 5;
  s.guid = "cam";
  s.group = "g";
  StreamInfo stream;
  stream.id = 300;
  stream.caps = "video/x-raw";
  s.streams = {true, {stream}};
  return s;
}

Command command ()
{
  return {0, "go", {{"n", std::int32_t{-2}}, {"text", std::string ("x")}}};
}

// An exact allocation, so that the sanitizer sees a read past the end.
template <typename F> auto decode_copy (F decode, Bytes in)
{
  const auto copy = std::make_unique<std::uint8_t[]> (in.size ());
  std::copy (in.begin (), in.end (), copy.get ());
  return decode (Bytes (copy.get (), in.size ()));
}

// Whole, shorter, and with a later revision's fields.
template <typename T, typename F> void check_body (Wire wire, const T &value, F decode)
{
  fail_unless (decode_copy (decode, wire) == value);
  for (std::size_t n = 0; n < wire.size (); n++)
    fail_unless (!decode_copy (decode, Bytes (wire).first (n)), "accepts %zu bytes", n);
  wire.insert (wire.end (), 9, 0xff);
  fail_unless (decode_copy (decode, wire) == value);
}
} // namespace

GST_START_TEST (test_round_trips)
{
  check_body (encode (source ()), source (), decode_source);
  const SourceClock clock{7, -8, 9, 10};
  check_body (encode (clock), clock, decode_source_clock);
  const Ask ask{11, command ()};
  check_body (*encode (ask), ask, decode_ask);
  const Answer answer{11, AskStatus::limit, "no", command ()};
  check_body (encode (answer), answer, decode_answer);
  check_body (*encode_notice (command ()), command (), decode_notice);
}
GST_END_TEST

// Byte by byte, as docs/protocol-cam-server.md has it.
GST_START_TEST (test_bytes)
{
  const Ask ask{1, {0, "say-hello", {}}};
  const Wire expected{
      0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 's', 'a', 'y', '-', 'h', 'e', 'l', 'l', 'o', 0, 0};
  fail_unless (encode (ask) == expected);
  const SourceClock clock{2, 0x100, 1, 0};
  const Wire sample{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
  fail_unless (encode (clock) == sample);
}
GST_END_TEST

GST_START_TEST (test_impossible)
{
  fail_unless (!encode (Ask{0, command ()}) && !encode (Ask{1, {}}));
  Wire wire = *encode (Ask{1, command ()});
  wire[3] = 0;
  fail_unless (!decode_ask (wire));
  wire[3] = 1;
  wire[11] = 99; // the command's id means nothing here
  fail_unless ((decode_ask (wire) == Ask{1, command ()}));

  Wire state = encode (source ());
  state[4] = 17;
  fail_unless (decode_source (state)->state == SourceState::gone);
  Wire twice = encode (source ());
  twice.resize (max_hello + 1);
  fail_unless (!decode_source (twice));
}
GST_END_TEST

// What is too long is cut or left out: encode always gives what decode accepts.
GST_START_TEST (test_limits)
{
  Source s = source ();
  s.guid = std::string (100, 'g');
  s.group = std::string ("ab\0c", 4);
  s.streams.streams.clear ();
  for (std::uint16_t i = 1; i < 300; i++) {
    StreamInfo stream;
    stream.id = i;
    stream.caps = std::string (max_caps, 'c');
    s.streams.streams.push_back (stream);
  }
  const auto got = decode_source (encode (s));
  fail_unless (got && got->guid == std::string (max_guid, 'g') && got->group == "ab");
  fail_unless_equals_int (got->streams.streams.size (), 15);

  Answer a{1, AskStatus::ok, std::string (1000, 't'), command ()};
  fail_unless (decode_answer (encode (a))->text == std::string (max_string, 't'));
  a.result.parameters = {{"big", Wire (max_command)}};
  const auto cut = decode_answer (encode (a));
  fail_unless (cut && cut->status == AskStatus::limit && cut->result.parameters.empty ());
  a.status = AskStatus::not_found;
  fail_unless (decode_answer (encode (a))->status == AskStatus::not_found);
  fail_unless (!encode (Ask{1, a.result}) && !encode_notice (a.result));
}
GST_END_TEST

GST_START_TEST (test_strings)
{
  const std::vector<std::string> some = {"a", "", std::string (255, 'b')};
  const Wire wire = encode_strings (some);
  fail_unless (decode_strings (wire) == some && decode_strings ({})->empty ());
  fail_unless (!decode_strings (Bytes (wire).first (wire.size () - 1)));
  fail_unless (!decode_strings (Wire{0, 1, 0}) && !decode_strings (Wire{0, 1, 0xff}));
  fail_unless (!decode_strings (Wire{0}));
}
GST_END_TEST

GST_START_TEST (test_status_texts)
{
  std::vector<std::string> all;
  for (std::uint16_t i = 0; i < 20; i++)
    all.emplace_back (ask_status_text (static_cast<AskStatus> (i)));
  fail_unless (all[13] == all[19] && all[12] != all[13]);
  std::sort (all.begin (), all.begin () + 13);
  fail_unless (std::adjacent_find (all.begin (), all.begin () + 13) == all.begin () + 13);
}
GST_END_TEST

static Suite *source_suite ()
{
  Suite *s = suite_create ("cam-source");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_round_trips);
  tcase_add_test (tc, test_bytes);
  tcase_add_test (tc, test_impossible);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_strings);
  tcase_add_test (tc, test_status_texts);
  return s;
}
GST_CHECK_MAIN (source)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Aggregate messages: parts as an FLV file has them.
#include "rtmpserver/proto/flv.h"
#include "rtmpserver/proto/message.h"
#include "tag_fixture.h"

using namespace reach;
using namespace reach::test;
using rtmp::Message;
using rtmp::MessageType;

namespace {
Wire part (std::uint8_t type, std::uint32_t timestamp, const Wire &bytes)
{
  return rtmp::flv_tag_header (type, timestamp, bytes.size ()) + bytes +
         rtmp::flv_tag_trailer (bytes.size ());
}

std::vector<Message> split (std::uint32_t timestamp, const Wire &w)
{
  return *rtmp::split_aggregate ({MessageType::aggregate, 4, 1, timestamp, body (w)}, 100);
}

Wire bytes_of (const Message &m)
{
  return {m.payload.bytes.begin (), m.payload.bytes.end ()};
}
} // namespace

// The message's timestamp counts for the first part; the others keep their distance.
GST_START_TEST (test_parts_and_timestamps)
{
  const auto parts = split (5000,
      part (8, 100, {1, 2}) + part (9, 140, {3}) + part (18, 90, {}) + part (8, 0x1000064, {4}));
  fail_unless (parts.size () == 4);
  fail_unless (parts[0].type == MessageType::audio && parts[0].timestamp == 5000);
  fail_unless (bytes_of (parts[0]) == (Wire{1, 2}) && parts[0].stream == 1);
  fail_unless (parts[1].type == MessageType::video && parts[1].timestamp == 5040);
  fail_unless (bytes_of (parts[1]) == Wire{3});
  fail_unless (parts[2].type == MessageType::data_amf0 && parts[2].timestamp == 4990);
  fail_unless (parts[3].timestamp == 5000 + 0x1000000, "the extension byte is the highest");
}
GST_END_TEST

GST_START_TEST (test_timestamps_wrap)
{
  const auto parts = split (0xfffffff0, part (8, 0, {}) + part (8, 32, {}));
  fail_unless (parts.size () == 2 && parts[0].timestamp == 0xfffffff0 && parts[1].timestamp == 16);
}
GST_END_TEST

// The specification's text has no size behind the last part.
GST_START_TEST (test_without_last_back_pointer)
{
  Wire w = part (8, 0, {1}) + part (9, 10, {2});
  w.resize (w.size () - 4);
  fail_unless (split (0, w).size () == 2);
}
GST_END_TEST

GST_START_TEST (test_wrong_back_pointers)
{
  Wire w = part (8, 0, {1}) + part (9, 10, {2});
  w[12] = w[13] = w[14] = w[15] = 0xff;
  fail_unless (split (0, w).size () == 2);
}
GST_END_TEST

GST_START_TEST (test_truncated)
{
  const Wire w = part (8, 0, {1, 2, 3}) + part (9, 10, {4});
  for (std::size_t n = 0; n <= w.size (); n++) {
    const std::size_t complete = n < 14 ? 0 : n < 18 + 12 ? 1 : 2;
    fail_unless (split (0, Wire (w.begin (), w.begin () + n)).size () == complete, "%zu bytes", n);
  }
}
GST_END_TEST

GST_START_TEST (test_nested_aggregate)
{
  const auto parts = split (0, part (22, 0, part (8, 0, {1})) + part (9, 40, {2}));
  fail_unless (parts.size () == 1 && parts[0].type == MessageType::video);
}
GST_END_TEST

// Eleven bytes make a message, so a large one would make hundreds of thousands.
GST_START_TEST (test_too_many_parts)
{
  Wire w;
  for (int i = 0; i < 10; i++)
    w = w + part (8, 0, {});
  const Message m{MessageType::aggregate, 4, 1, 0, body (w)};
  fail_unless (rtmp::split_aggregate (m, 10)->size () == 10);
  fail_unless (!rtmp::split_aggregate (m, 9));
}
GST_END_TEST

static Suite *aggregate_suite ()
{
  Suite *s = suite_create ("rtmp-aggregate");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_parts_and_timestamps);
  tcase_add_test (tc, test_timestamps_wrap);
  tcase_add_test (tc, test_without_last_back_pointer);
  tcase_add_test (tc, test_wrong_back_pointers);
  tcase_add_test (tc, test_truncated);
  tcase_add_test (tc, test_nested_aggregate);
  tcase_add_test (tc, test_too_many_parts);
  return s;
}
GST_CHECK_MAIN (aggregate)

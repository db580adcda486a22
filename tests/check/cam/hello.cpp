// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/proto/hello.h"
#include "../check.h"
#include <algorithm>
#include <memory>

using namespace reach;
using namespace reach::cam;

namespace {
using Wire = std::vector<std::uint8_t>;

StreamInfo stream (std::uint16_t id)
{
  StreamInfo s;
  s.id = id;
  s.type = MediaType::audio;
  s.index = 3;
  s.stream_id = "0123abc/" + std::to_string (id);
  s.caps = "audio/x-raw, rate=(int)48000";
  s.tags = {1, 0, 2};
  if (id % 2)
    s.global_tags = {3};
  s.sparse = id % 2;
  s.eos = id % 3 == 0;
  return s;
}

Hello sample ()
{
  Hello h;
  h.role = LinkRole::receiver;
  h.type = MediaType::file;
  h.media_types = 0x15;
  h.run_id = 0x8877665544332211;
  h.session_key = 42;
  h.link_key = UINT64_MAX;
  h.guid = "cam-1";
  h.guid_to = std::string (max_guid, 'x');
  h.running_time = -5;
  h.latency = 33000000;
  h.latency_ms = 200;
  h.timeout_ms = 3000;
  h.list_complete = true;
  h.streams = {stream (0), stream (65535), stream (7)};
  return h;
}

// An exact allocation, so that the sanitizer sees a read past the end.
template <typename F> auto decode_copy (F decode, Bytes in)
{
  const auto copy = std::make_unique<std::uint8_t[]> (in.size ());
  std::copy (in.begin (), in.end (), copy.get ());
  return decode (Bytes (copy.get (), in.size ()));
}

template <typename X, typename F> void check_codec (const X &x, F decode)
{
  Wire wire = encode (x);
  fail_unless (decode_copy (decode, wire) == x);
  for (std::size_t n = 0; n < wire.size (); n++)
    fail_unless (
        !decode_copy (decode, Bytes (wire).first (n)), "accepts %zu of %zu bytes", n, wire.size ());
  wire.insert (wire.end (), 9, 0xff); // a later revision's fields
  fail_unless (decode_copy (decode, wire) == x);
}

std::size_t find (const Wire &w, std::string_view what)
{
  const Bytes b = as_bytes (what);
  return static_cast<std::size_t> (
      std::search (w.begin (), w.end (), b.begin (), b.end ()) - w.begin ());
}
} // namespace

GST_START_TEST (test_round_trip_and_truncation)
{
  check_codec (sample (), decode_hello);
  check_codec (sample (), decode_welcome);
  check_codec (StreamList{true, sample ().streams}, decode_streams);
  check_codec (StreamList{false, {stream (1)}}, decode_streams);
  check_codec (Refuse{RefuseCode::busy, "come back later"}, decode_refuse);
  check_codec (Refuse{999, ""}, decode_refuse);
  check_codec (Ping{1, -2, 3, 4}, decode_ping);
  check_codec (Pong{UINT64_MAX}, decode_pong);
  check_codec (Request{65536}, decode_request);
  for (const auto r : {ByeReason::idle, ByeReason::eos, ByeReason::stopping,
           ByeReason::closed_by_application, ByeReason::replaced})
    check_codec (Bye{r}, decode_bye);
}
GST_END_TEST

// The bytes of docs/protocol-cam.md.
GST_START_TEST (test_wire_image)
{
  Hello h;
  h.media_types = 3;
  h.run_id = 1;
  h.session_key = 2;
  h.link_key = 3;
  h.guid = "ab";
  h.running_time = 4;
  h.latency = 5;
  h.latency_ms = 6;
  h.timeout_ms = 7;
  h.streams = {{9, MediaType::data, 1, "s", "c", {0xee}, true, true}};
  const Wire expected{
      'R', 'C', 'M', '1', 0, 1, 0, 0, 3, 0, // magic, version, role, type, media types, flags
      0, 0, 0, 0, 0, 0, 0, 1,               // run id
      0, 0, 0, 0, 0, 0, 0, 2,               // session key
      0, 0, 0, 0, 0, 0, 0, 3,               // link key
      0, 0, 0, 0, 0, 0, 0, 4,               // running time
      0, 0, 0, 0, 0, 0, 0, 5,               // latency
      0, 0, 0, 6, 0, 0, 0, 7,               // latency ms, timeout ms
      0, 2, 'a', 'b', 0, 0, 0, 0,           // guid, guid-to, guid-group
      0, 1, 0, 0, 0, 15,                    // one stream, 15 bytes
      0, 9, 2, 3, 0, 1,                     // id, type, flags, index
      0, 1, 's', 0, 1, 'c', 0, 1, 0xee      // stream id, caps, tags
  };
  fail_unless (encode (h) == expected);
}
GST_END_TEST

// The token is a field of its own behind all others, and only there when it is set.
GST_START_TEST (test_token)
{
  Hello h = sample ();
  const std::size_t without = encode (h).size ();
  h.token = "open sesame";
  const Wire wire = encode (h);
  fail_unless_equals_int (wire.size (), without + 2 + h.token.size ());
  fail_unless (decode_hello (wire) == h);
  h.token = std::string (max_token + 1, 'x');
  fail_unless_equals_int (decode_hello (encode (h))->token.size (), max_token);
}
GST_END_TEST

// As many streams as there is room for, and then the list is not complete.
GST_START_TEST (test_room_for_the_list)
{
  Hello h = sample ();
  h.token = std::string (max_token, 'x');
  h.streams.clear ();
  for (std::uint16_t i = 0; i < 4; i++) {
    h.streams.push_back (stream (i));
    h.streams.back ().caps = std::string (6000, 'c');
  }
  constexpr std::size_t most = max_unaccepted - MessageHeader::size;
  const Wire wire = encode (h, most);
  fail_unless (wire.size () <= most);
  const auto got = decode_hello (wire);
  fail_unless (got && got->streams.size () == 2 && !got->list_complete && got->token == h.token);
  fail_unless (decode_hello (encode (h)) == h);
}
GST_END_TEST

GST_START_TEST (test_other_versions)
{
  Hello h = sample ();
  h.version = 2;
  const auto got = decode_hello (Bytes (encode (h)).first (6));
  fail_unless (got && got->version == 2 && got->guid.empty ());
  h.version = 0;
  fail_unless (!decode_hello (encode (h)));
  Wire wire = encode (sample ());
  wire[3] = '2';
  fail_unless (!decode_hello (wire));
}
GST_END_TEST

GST_START_TEST (test_impossible_values)
{
  const Wire good = encode (sample ());
  const auto with = [&] (std::size_t at, std::uint8_t v) {
    Wire w = good;
    w[at] = v;
    return decode_hello (w);
  };
  fail_unless (!with (6, 2)); // role
  fail_unless (!with (7, 5)); // type
  fail_unless (with (8, 0xff)->media_types == all_types);
  fail_unless (!with (find (good, "cam-1") + 2, 0));  // NUL in a guid
  fail_unless (!with (find (good, "cam-1") - 1, 65)); // longer than any guid
  const std::size_t first_entry = find (good, "0123abc") - 8;
  fail_unless (!with (first_entry + 2, 5)); // type of a stream
  Hello twice = sample ();
  twice.streams = {stream (4), stream (4)};
  fail_unless (!decode_hello (encode (twice)));
  fail_unless (decode_bye (Wire{200})->reason == ByeReason::stopping);
}
GST_END_TEST

// An entry of a later revision is longer; its known fields are read.
GST_START_TEST (test_longer_stream_entry)
{
  Hello h = sample ();
  h.streams = {stream (1)};
  Wire wire = encode (h);
  const std::size_t length_at = find (wire, "0123abc") - 8 - 4;
  const auto length = load_be<std::uint32_t> (wire.data () + length_at);
  store_be (wire.data () + length_at, length + 5);
  fail_unless (!decode_hello (wire));
  wire.insert (wire.end (), 5, 0xaa);
  fail_unless (decode_hello (wire) == h);
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  StreamInfo s = stream (1);
  s.caps = std::string (max_caps, 'c');
  s.stream_id = std::string (max_string, 's');
  s.tags.resize (max_tags);
  fail_unless (fits (s));
  fail_unless (decode_streams (encode (StreamList{true, {s}}))->streams.at (0) == s);

  // What does not fit is left out; the rest arrives.
  StreamInfo big = stream (2), odd = stream (3), long_id = stream (5), tags = stream (6);
  big.caps = std::string (max_caps + 1, 'c');
  odd.caps[3] = '\0';
  long_id.stream_id = std::string (max_string + 1, 's');
  tags.tags.resize (max_tags + 1);
  const auto rest =
      decode_streams (encode (StreamList{true, {big, odd, long_id, tags, stream (4)}}));
  fail_unless (rest && rest->streams.size () == 1 && rest->streams[0] == stream (4));

  // Many, and much.
  Hello h = sample ();
  h.streams.clear ();
  for (std::uint16_t i = 0; i < 300; i++)
    h.streams.push_back (stream (i));
  fail_unless_equals_int (decode_hello (encode (h))->streams.size (), max_streams);
  for (auto &each : h.streams)
    each.caps = s.caps;
  const Wire wire = encode (h);
  fail_unless (wire.size () <= max_hello && wire.size () > max_hello - max_caps - 100);
  fail_unless (decode_hello (wire)->streams.size () == 15);
  Wire too_long = wire;
  too_long.resize (max_hello + 1);
  fail_unless (!decode_hello (too_long));
}
GST_END_TEST

GST_START_TEST (test_texts_are_cut)
{
  Hello h;
  h.guid = std::string (100, 'g');
  h.guid_to = std::string ("ab\0cd", 5);
  const auto got = decode_hello (encode (h));
  fail_unless (got && got->guid == std::string (max_guid, 'g') && got->guid_to == "ab");
  const auto r = decode_refuse (encode (Refuse{1, std::string (1000, 'x')}));
  fail_unless (r && r->text == std::string (max_string, 'x'));
}
GST_END_TEST

// A count or length without the bytes behind it.
GST_START_TEST (test_claims_without_bytes)
{
  fail_unless (!decode_streams (Wire{0, 1, 0})); // 256 streams
  fail_unless (!decode_streams (Wire{0, 1, 1}));
  fail_unless (!decode_streams (Wire{0, 0, 1, 0xff, 0xff, 0xff, 0xff}));
  fail_unless (decode_streams (Wire{0, 0, 0}).has_value ());
}
GST_END_TEST

static Suite *hello_suite ()
{
  Suite *s = suite_create ("cam-hello");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_round_trip_and_truncation);
  tcase_add_test (tc, test_wire_image);
  tcase_add_test (tc, test_token);
  tcase_add_test (tc, test_room_for_the_list);
  tcase_add_test (tc, test_other_versions);
  tcase_add_test (tc, test_impossible_values);
  tcase_add_test (tc, test_longer_stream_entry);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_texts_are_cut);
  tcase_add_test (tc, test_claims_without_bytes);
  return s;
}
GST_CHECK_MAIN (hello)

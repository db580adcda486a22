// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmpserver/proto/chunk_reader.h"
#include "rtmp_wire.h"

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
using Fault = ChunkReader::Fault;

class CountingSource final : public StorageSource {
public:
  Counted<Storage> allocate (std::size_t size) override
  {
    asked += size;
    return Counted<HeapStorage>::make (size);
  }
  Counted<const Shared> keep (Bytes b) override
  {
    kept += keeps;
    return keeps ? Counted<const Shared> (Counted<SharedBytes>::make (Wire{}))
                 : Counted<const Shared> ();
  }
  std::size_t asked = 0;
  bool keeps = false;
  unsigned kept = 0;
};

struct Reading {
  std::vector<Message> messages;
  Fault fault;
};

Reading read (Bytes wire, const Limits &l = {}, std::size_t step = SIZE_MAX)
{
  HeapSource source;
  ChunkReader r (source, l);
  Reading out;
  while (!wire.empty ()) {
    const std::size_t n = std::min (step, wire.size ());
    r.input (wire.first (n));
    while (auto m = r.poll ())
      out.messages.push_back (std::move (*m));
    wire = wire.subspan (n);
  }
  out.fault = r.fault ();
  return out;
}

bool has (const Message &m, Bytes payload)
{
  return std::ranges::equal (m.payload.bytes, payload);
}

// Every kind of header, interleaved.
Wire sample ()
{
  Wire w;
  const Wire big = pattern (300), small = pattern (20, 5);
  put_head (w, {0, 6, 1000, 300, MessageType::video, 1});
  put (w, Bytes (big).first (128));
  put_message (w, {0, 4, 1001, 0, MessageType::audio, 1}, small);
  put_basic (w, 3, 6);
  put (w, Bytes (big).subspan (128, 128));
  put_head (w, {1, 4, 23, 10, MessageType::audio});
  put (w, Bytes (small).first (10));
  put_head (w, {2, 4, 24});
  put (w, Bytes (small).first (10));
  put_basic (w, 3, 6);
  put (w, Bytes (big).subspan (256));
  put_basic (w, 3, 4);
  put (w, Bytes (small).first (10));
  put_message (w, {0, 65599, 5, 0, MessageType::data_amf0, 2}, small);
  put_message (w, {0, 319, 6, 0, MessageType::data_amf0, 2}, small);
  put_message (w, {0, 64, 7, 0, MessageType::data_amf0, 2}, {});
  return w;
}

Wire set_chunk_size (std::uint32_t size)
{
  Wire w, body;
  put_u32 (body, size);
  put_message (w, {0, 2, 0, 0, MessageType::set_chunk_size, 0}, body);
  return w;
}
} // namespace

GST_START_TEST (test_all_header_types_interleaved_in_any_split)
{
  const Wire w = sample ();
  for (std::size_t step = 1; step <= w.size (); step++) {
    const auto [m, fault] = read (w, {}, step);
    fail_unless (fault == Fault::none);
    fail_unless_equals_int (m.size (), 8);
    const std::uint32_t times[] = {1001, 1024, 1048, 1000, 1072, 5, 6, 7};
    const std::uint32_t ids[] = {4, 4, 4, 6, 4, 65599, 319, 64};
    for (std::size_t i = 0; i < m.size (); i++) {
      fail_unless_equals_int (m[i].timestamp, times[i]);
      fail_unless_equals_int (m[i].chunk_stream, ids[i]);
    }
    fail_unless (has (m[3], pattern (300)) && has (m[5], pattern (20, 5)));
    fail_unless (m[3].type == MessageType::video && m[3].stream == 1 && m[6].stream == 2);
    fail_unless_equals_int (m[7].payload.size (), 0);
  }
}
GST_END_TEST

GST_START_TEST (test_type_3_after_type_0_adds_its_timestamp)
{
  Wire w;
  put_message (w, {0, 4, 40, 0, MessageType::audio, 1}, pattern (3));
  put_basic (w, 3, 4);
  put (w, pattern (3, 2));
  const auto [m, fault] = read (w);
  fail_unless (fault == Fault::none && m.size () == 2);
  fail_unless_equals_int (m[1].timestamp, 80);
  fail_unless (has (m[1], pattern (3, 2)));
}
GST_END_TEST

GST_START_TEST (test_times_are_kept_by_chunk_stream_and_control_comes_on_any)
{
  Wire w, size;
  put_message (w, {0, 4, 1000, 0, MessageType::audio, 1}, pattern (3));
  put_message (w, {0, 5, 90000, 0, MessageType::audio, 2}, pattern (3));
  put_u32 (size, 5);
  put_message (w, {0, 6, 0, 0, MessageType::set_chunk_size, 1}, size); // a camera's
  put_head (w, {2, 4, 10});
  put (w, pattern (3));
  put_head (w, {2, 5, 20});
  put (w, pattern (3));
  const auto [m, fault] = read (w);
  fail_unless (fault == Fault::none && m.size () == 5);
  fail_unless (m[3].timestamp == 1010 && m[3].stream == 1);
  fail_unless (m[4].timestamp == 90020 && m[4].stream == 2);
}
GST_END_TEST

GST_START_TEST (test_timestamps_wrap)
{
  Wire w;
  put_message (w, {0, 4, 0xfffffff0, 0, MessageType::audio, 1}, pattern (300));
  put_head (w, {1, 4, 0x20, 3, MessageType::audio});
  put (w, pattern (3));
  const auto [m, fault] = read (w);
  fail_unless (fault == Fault::none && m.size () == 2);
  fail_unless (m[0].timestamp == 0xfffffff0 && m[1].timestamp == 0x10);
}
GST_END_TEST

GST_START_TEST (test_extended_timestamp_on_type_3_present_or_omitted)
{
  for (const bool omitted : {false, true})
    for (std::size_t step : {1u, 2u, 3u, 5u, 1000u}) {
      Wire w;
      for (const std::size_t size : {300u, 130u}) { // 130: two bytes in the last chunk
        const Wire body = pattern (size);
        put_head (w, {0, 6, 0x1000000, static_cast<std::uint32_t> (size), MessageType::video, 1});
        for (std::size_t at = 0; at < size; at += 128) {
          if (at > 0)
            put_basic (w, 3, 6);
          if (at > 0 && !omitted)
            put_u32 (w, 0x1000000);
          put (w, Bytes (body).subspan (at, std::min<std::size_t> (128, size - at)));
        }
      }
      const auto [m, fault] = read (w, {}, step);
      fail_unless (fault == Fault::none && m.size () == 2);
      fail_unless (m[0].timestamp == 0x1000000 && has (m[0], pattern (300)));
      fail_unless (has (m[1], pattern (130)));
    }
}
GST_END_TEST

// Once a sender has left it out, payload that looks like the timestamp is payload.
GST_START_TEST (test_extended_timestamp_ambiguous_payload)
{
  Wire body = pattern (300), like = pattern (300), w;
  store_be<std::uint32_t> (like.data () + 128, 0x1000000);
  for (const Wire &b : {body, like}) {
    put_head (w, {0, 6, 0x1000000, 300, MessageType::video, 1});
    put (w, Bytes (b).first (128));
    put_basic (w, 3, 6);
    put (w, Bytes (b).subspan (128, 128));
    put_basic (w, 3, 6);
    put (w, Bytes (b).subspan (256));
  }
  const auto [m, fault] = read (w);
  fail_unless (fault == Fault::none && m.size () == 2);
  fail_unless (has (m[0], body) && has (m[1], like));
}
GST_END_TEST

GST_START_TEST (test_chunk_size_changes_while_another_message_is_partial)
{
  for (const std::uint32_t size : {1u, 64u, 1000u, 0x7fffffffu}) {
    const Wire body = pattern (500);
    Wire w;
    put_head (w, {0, 6, 0, 500, MessageType::video, 1});
    put (w, Bytes (body).first (128));
    put (w, set_chunk_size (size));
    for (std::size_t at = 128; at < 500; at += std::min<std::size_t> (size, 500)) {
      put_basic (w, 3, 6);
      put (w, Bytes (body).subspan (at, std::min<std::size_t> (size, 500 - at)));
    }
    const auto [m, fault] = read (w, {}, 11);
    fail_unless (fault == Fault::none && m.size () == 2);
    fail_unless (has (m[1], body));
  }
}
GST_END_TEST

GST_START_TEST (test_chunk_size_0_and_above_31_bits_are_refused)
{
  for (const std::uint32_t size : {0u, 0x80000000u, 0xffffffffu}) {
    const auto [m, fault] = read (set_chunk_size (size));
    fail_unless (fault == Fault::bad_control && m.empty ());
  }
  Wire cut;
  put_message (cut, {0, 2, 0, 0, MessageType::set_chunk_size, 0}, pattern (3));
  fail_unless (read (cut).fault == Fault::bad_control);
}
GST_END_TEST

GST_START_TEST (test_abort_drops_the_partial_message)
{
  Wire w, which;
  put_head (w, {0, 6, 0, 500, MessageType::video, 1});
  put (w, pattern (128));
  put_u32 (which, 6);
  put_message (w, {0, 5, 0, 0, MessageType::abort, 0}, which); // cameras do not use chunk stream 2
  put_message (w, {0, 6, 9, 0, MessageType::video, 1}, pattern (20));
  const auto [m, fault] = read (w);
  fail_unless (fault == Fault::none && m.size () == 2);
  fail_unless (has (m[1], pattern (20)));
}
GST_END_TEST

GST_START_TEST (test_cve_2016_10191_other_length_inside_a_partial_message)
{
  for (const std::uint32_t length : {10u, 400u, 0u, 0xffffffu})
    for (const unsigned format : {0u, 1u}) {
      Wire w;
      put_head (w, {0, 6, 0, 500, MessageType::video, 1});
      put (w, pattern (128));
      put_head (w, {format, 6, 0, length, MessageType::video, 1});
      put (w, pattern (600));
      const auto [m, fault] = read (w);
      fail_unless (fault == Fault::interrupted && m.empty ());
    }
}
GST_END_TEST

GST_START_TEST (test_same_header_inside_a_partial_message_goes_on)
{
  const Wire body = pattern (200);
  Wire w;
  put_head (w, {0, 6, 7, 200, MessageType::video, 1});
  put (w, Bytes (body).first (128));
  put_head (w, {1, 6, 0, 200, MessageType::video, 1});
  put (w, Bytes (body).subspan (128));
  const auto [m, fault] = read (w);
  fail_unless (fault == Fault::none && m.size () == 1 && has (m[0], body));
  fail_unless_equals_int (m[0].timestamp, 7);
}
GST_END_TEST

GST_START_TEST (test_first_header_type_3_is_refused_librtmp_ping_type_1_is_not)
{
  for (const unsigned format : {1u, 2u, 3u})
    for (const std::uint32_t id : {2u, 3u}) {
      Wire w;
      put_head (w, {format, id, 0, 6, MessageType::user_control, 0});
      put (w, Wire{0, 7, 0, 0, 0, 1});
      const bool good = format == 1 && id == 2;
      const auto [m, fault] = read (w);
      fail_unless (fault == (good ? Fault::none : Fault::no_header));
      fail_unless_equals_int (m.size (), good);
    }
}
GST_END_TEST

GST_START_TEST (test_header_bomb_many_chunk_streams_big_promises_no_payload)
{
  CountingSource source;
  for (std::uint32_t id = 2; id < 70; id++) {
    ChunkReader r (source, {});
    Wire one;
    put_head (one, {0, id, 0, 4u << 20, MessageType::video, 1});
    r.input (one);
    fail_unless_equals_int (source.asked, 0);
  }
  Wire all = set_chunk_size (1);
  for (std::uint32_t id = 3; id < 80; id++) {
    put_head (all, {0, id, 0, 4u << 20, MessageType::video, 1});
    all.push_back (1);
  }
  ChunkReader r (source, {});
  for (const std::uint8_t b : all)
    r.input ({&b, 1});
  fail_unless (r.fault () == Fault::too_many_chunk_streams);
  fail_unless (source.asked < 1000);
}
GST_END_TEST

GST_START_TEST (test_partial_messages_are_bounded_together)
{
  Limits l;
  l.partial = 10000;
  Wire w = set_chunk_size (5000);
  for (std::uint32_t id = 3; id < 6; id++) {
    put_head (w, {0, id, 0, 6000, MessageType::video, 1});
    put (w, pattern (5000));
  }
  fail_unless (read (w, l, 100).fault == Fault::too_much_storage);
  l.partial = 60000;
  fail_unless (read (w, l, 100).fault == Fault::none);

  HeapSource source;
  ChunkReader r (source, {});
  r.limit (4096); // before the peer is let in
  Wire big;
  put_head (big, {0, 3, 0, 4097, MessageType::audio, 1});
  r.input (big);
  fail_unless (r.fault () == Fault::message_too_big);
}
GST_END_TEST

GST_START_TEST (test_message_limits_by_kind)
{
  Limits l;
  l.message = 2000;
  l.command = 1000;
  const auto fault = [&] (MessageType t, std::uint32_t length) {
    Wire w;
    put_head (w, {0, 3, 0, length, t, 1});
    return read (w, l).fault;
  };
  fail_unless (fault (MessageType::video, 2000) == Fault::none);
  fail_unless (fault (MessageType::video, 2001) == Fault::message_too_big);
  fail_unless (fault (MessageType::command_amf0, 1000) == Fault::none);
  fail_unless (fault (MessageType::command_amf0, 1001) == Fault::message_too_big);
  fail_unless (fault (static_cast<MessageType> (0x20), 1001) == Fault::message_too_big);
}
GST_END_TEST

GST_START_TEST (test_whole_messages_stay_where_they_were_read)
{
  Wire w = set_chunk_size (65536);
  put_message (w, {0, 6, 0, 0, MessageType::video, 1}, pattern (30000), 65536);
  put_message (w, {0, 4, 0, 0, MessageType::audio, 1}, pattern (300), 65536);
  CountingSource source;
  source.keeps = true;
  ChunkReader r (source, {});
  r.input (w);
  fail_unless_equals_int (source.kept, 1);
  r.poll ();
  const auto m = r.poll ();
  fail_unless (m && has (*m, pattern (30000)));
  fail_unless (
      m->payload.bytes.data () >= w.data () && m->payload.bytes.data () < w.data () + w.size ());
}
GST_END_TEST

GST_START_TEST (test_aggregate_is_split_with_its_times)
{
  Wire body;
  const auto tag = [&] (MessageType t, std::uint32_t time, Bytes b) {
    body.push_back (static_cast<std::uint8_t> (t));
    put_u24 (body, static_cast<std::uint32_t> (b.size ()));
    put_u24 (body, time & 0xffffff);
    body.push_back (static_cast<std::uint8_t> (time >> 24));
    put_u24 (body, 0);
    put (body, b);
    put_u32 (body, static_cast<std::uint32_t> (11 + b.size ()));
  };
  tag (MessageType::video, 0x01fffff0, pattern (9));
  tag (MessageType::aggregate, 0x01fffff0, pattern (40));
  tag (MessageType::audio, 0x02000004, pattern (5));
  const Message whole{MessageType::aggregate, 4, 1, 100, slice_of (body)};
  const auto parts = *split_aggregate (whole, 100);
  fail_unless_equals_int (parts.size (), 2);
  fail_unless (parts[0].timestamp == 100 && parts[1].timestamp == 120);
  fail_unless (has (parts[1], pattern (5)) && parts[1].stream == 1);
  for (std::size_t n = 0; n < body.size (); n++)
    fail_unless (split_aggregate ({MessageType::aggregate, 4, 1, 0, whole.payload.sub (0, n)}, 100)
                     ->size () <= 2);
}
GST_END_TEST

GST_START_TEST (test_captured_clients)
{
  const std::pair<const char *, std::size_t> seeds[] = {
      {"ffmpeg_publish", 5}, {"librtmp_publish", 5}};
  for (const auto &[name, least] : seeds) {
    const auto [m, fault] = read (captured (std::string ("rtmp_chunk/") + name), {}, 13);
    fail_unless (fault == Fault::none && m.size () >= least, "%s: %d", name, (int)m.size ());
    std::vector<std::string> commands;
    for (const Message &c : m)
      if (c.type == MessageType::command_amf0) {
        const Decoded d = decode_amf0 (c.payload.bytes, {});
        fail_unless (d.ok ());
        commands.emplace_back (d.at (0).string ());
      }
    const std::vector<std::string> usual{"connect", "releaseStream", "FCPublish", "createStream"};
    fail_unless (
        commands.size () >= 4 && std::equal (usual.begin (), usual.end (), commands.begin ()));
  }
}
GST_END_TEST

static Suite *chunk_reader_suite ()
{
  Suite *s = suite_create ("rtmp-chunk-reader");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_all_header_types_interleaved_in_any_split);
  tcase_add_test (tc, test_type_3_after_type_0_adds_its_timestamp);
  tcase_add_test (tc, test_times_are_kept_by_chunk_stream_and_control_comes_on_any);
  tcase_add_test (tc, test_timestamps_wrap);
  tcase_add_test (tc, test_extended_timestamp_on_type_3_present_or_omitted);
  tcase_add_test (tc, test_extended_timestamp_ambiguous_payload);
  tcase_add_test (tc, test_chunk_size_changes_while_another_message_is_partial);
  tcase_add_test (tc, test_chunk_size_0_and_above_31_bits_are_refused);
  tcase_add_test (tc, test_abort_drops_the_partial_message);
  tcase_add_test (tc, test_cve_2016_10191_other_length_inside_a_partial_message);
  tcase_add_test (tc, test_same_header_inside_a_partial_message_goes_on);
  tcase_add_test (tc, test_first_header_type_3_is_refused_librtmp_ping_type_1_is_not);
  tcase_add_test (tc, test_header_bomb_many_chunk_streams_big_promises_no_payload);
  tcase_add_test (tc, test_partial_messages_are_bounded_together);
  tcase_add_test (tc, test_message_limits_by_kind);
  tcase_add_test (tc, test_whole_messages_stay_where_they_were_read);
  tcase_add_test (tc, test_aggregate_is_split_with_its_times);
  tcase_add_test (tc, test_captured_clients);
  return s;
}
GST_CHECK_MAIN (chunk_reader)

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp_wire.h"
#include "rtmpserver/proto/chunk_reader.h"
#include "rtmpserver/proto/transmit_queue.h"

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
std::vector<Message> read (Bytes wire, std::uint32_t chunk_size)
{
  HeapSource source;
  ChunkReader r (source, {});
  Wire all, size;
  put_u32 (size, chunk_size);
  put_message (all, {0, 2, 0, 0, MessageType::set_chunk_size, 0}, size);
  put (all, wire);
  r.input (all);
  fail_unless (r.fault () == ChunkReader::Fault::none);
  r.poll ();
  std::vector<Message> out;
  while (auto m = r.poll ())
    out.push_back (std::move (*m));
  return out;
}

SharedChunksRef media (MessageType type, std::size_t size, std::uint32_t stream = 1,
    std::uint32_t chunk_size = 1000, std::uint32_t time = 5)
{
  return SharedChunksRef::make (type, time, slice_of (pattern (size)), stream, chunk_size);
}

// Everything; the pieces' owners are kept until it is read.
Wire drain (TransmitQueue &q)
{
  Wire w;
  for (Slice s = q.poll (); s.size () > 0; s = q.poll ())
    put (w, s.bytes);
  return w;
}
} // namespace

GST_START_TEST (test_own_messages_with_short_headers)
{
  ChunkWriter w;
  w.set_chunk_size (100);
  ByteWriter to;
  const struct {
    std::uint32_t id, stream, time;
    std::size_t size, header;
  } cases[] = {
      {3, 0, 0, 50, 12},          // the first
      {3, 0, 0, 60, 8},           // another length
      {3, 0, 0, 60, 1},           // the same again
      {3, 0, 0, 60, 1},           // and again
      {3, 1, 0, 60, 12},          // another stream
      {3, 1, 0x2000000, 250, 14}, // extended: 8 + 4, and two more chunks
      {3, 1, 5, 60, 12},          // back in time
      {70, 0, 0, 60, 13},
      {70000 - 4465, 0, 0, 60, 14},
  };
  std::vector<Message> sent;
  for (const auto &c : cases) {
    const std::size_t before = to.size ();
    Message m{MessageType::command_amf0, c.id, c.stream, c.time, slice_of (pattern (c.size))};
    w.write (c.id, m, to);
    const std::size_t more = c.size > 100 ? 2 * 5 - 2 : 0;
    fail_unless_equals_int (to.size () - before, c.size + c.header + more);
    sent.push_back (m);
  }
  const auto got = read (to.view (), 100);
  fail_unless_equals_int (got.size (), sent.size ());
  for (std::size_t i = 0; i < sent.size (); i++) {
    fail_unless (got[i].timestamp == sent[i].timestamp && got[i].stream == sent[i].stream);
    fail_unless (std::ranges::equal (got[i].payload.bytes, sent[i].payload.bytes));
  }
}
GST_END_TEST

GST_START_TEST (test_shared_chunks_reference_the_payload)
{
  for (const std::size_t size : {0u, 1u, 1000u, 1024u, 1025u, 100000u})
    for (const std::uint32_t chunk_size : {128u, 1000u, 65536u})
      for (const std::uint32_t time : {0u, 0xfffffeu, 0xffffffu, 0xffffffffu}) {
        const auto m = media (MessageType::video, size, 3, chunk_size, time);
        Wire wire;
        for (std::size_t i = 0; i < m->count (); i++) {
          const auto c = m->chunk (i);
          put (wire, c.head.bytes);
          put (wire, c.body.bytes);
          const auto *p = m->payload ().bytes.data ();
          fail_unless (c.body.size () == 0 || c.body.bytes.data () == p + i * chunk_size);
        }
        fail_unless_equals_int (wire.size (), m->size ());
        const auto got = read (wire, chunk_size);
        fail_unless (got.size () == 1 && got[0].timestamp == time && got[0].stream == 3);
        fail_unless (std::ranges::equal (got[0].payload.bytes, pattern (size)));
      }
}
GST_END_TEST

GST_START_TEST (test_replies_and_audio_interleave_with_a_key_frame)
{
  TransmitQueue q;
  ChunkWriter writer;
  writer.set_chunk_size (1000);
  q.media (media (MessageType::video, 50000));
  Wire wire;
  const auto poll = [&] {
    const Slice s = q.poll ();
    put (wire, s.bytes);
    return s.size ();
  };
  for (int i = 0; i < 9; i++) // four chunks, and the header of the fifth
    poll ();
  ByteWriter reply;
  writer.write (3, {MessageType::command_amf0, 3, 0, 0, slice_of (pattern (30))}, reply);
  q.control (reply.take ());
  for (int i = 0; i < 3; i++)
    q.media (media (MessageType::audio, 300));
  q.media (media (MessageType::video, 2000));
  q.media (media (MessageType::video, 5000, 2)); // of another stream
  fail_unless_equals_int (poll (), 1000);        // the chunk is not torn
  while (poll () > 0)
    continue;
  fail_unless (q.control_bytes () == 0 && q.media_bytes () == 0);
  const auto got = read (wire, 1000);
  fail_unless_equals_int (got.size (), 7);
  fail_unless (got[0].type == MessageType::command_amf0);
  for (int i = 1; i < 4; i++)
    fail_unless (got[i].type == MessageType::audio && got[i].payload.size () == 300);
  fail_unless (got[4].payload.size () == 50000 && got[5].payload.size () == 2000);
  fail_unless (got[6].stream == 2);
}
GST_END_TEST

GST_START_TEST (test_what_is_in_order_follows_the_media_before)
{
  TransmitQueue q;
  q.media (media (MessageType::video, 5000));
  q.in_order (SharedChunksRef::make (MessageType::command_amf0, 0u, slice_of (pattern (40)), 1u,
      1000u, chunk_stream_of (MessageType::data_amf0, 1)));
  q.media (media (MessageType::audio, 100));
  const auto got = read (drain (q), 1000);
  fail_unless_equals_int (got.size (), 3);
  fail_unless (got[0].type == MessageType::video && got[1].type == MessageType::command_amf0);
}
GST_END_TEST

GST_START_TEST (test_dropping_media_keeps_what_has_begun)
{
  TransmitQueue q;
  q.media (media (MessageType::video, 3000));
  Wire wire;
  put (wire, q.poll ().bytes);
  q.media (media (MessageType::video, 4000));
  q.media (media (MessageType::video, 4000, 2));
  q.clear_media (1);
  put (wire, drain (q));
  fail_unless_equals_int (q.media_bytes (), 0);
  const auto got = read (wire, 1000);
  fail_unless (got.size () == 2 && got[0].payload.size () == 3000 && got[1].stream == 2);
}
GST_END_TEST

static Suite *chunk_writer_suite ()
{
  Suite *s = suite_create ("rtmp-chunk-writer");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_own_messages_with_short_headers);
  tcase_add_test (tc, test_shared_chunks_reference_the_payload);
  tcase_add_test (tc, test_replies_and_audio_interleave_with_a_key_frame);
  tcase_add_test (tc, test_what_is_in_order_follows_the_media_before);
  tcase_add_test (tc, test_dropping_media_keeps_what_has_begun);
  return s;
}
GST_CHECK_MAIN (chunk_writer)

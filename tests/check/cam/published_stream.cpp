// SPDX-License-Identifier: LGPL-2.1-or-later
// A stream at a media server: renumbering, the group of pictures kept for who joins, key requests.
#include "cam/server/published_stream.h"
#include "../check.h"

using namespace reach;
using namespace reach::cam;

namespace {
constexpr TimePoint t0{seconds (100)};

// The body of a frame as it came from the sender.
Slice body (std::uint32_t seq, std::uint32_t flags, std::int64_t pts, std::size_t payload = 100)
{
  FrameHeader h;
  h.pts = pts;
  h.flags = flags;
  h.seq = seq;
  std::vector<std::uint8_t> bytes (FrameHeader::size + payload, static_cast<std::uint8_t> (seq));
  h.write (bytes.data ());
  return slice_of (std::move (bytes));
}

StreamInfo info_of (std::uint16_t number, MediaType type = MediaType::video)
{
  StreamInfo i;
  i.id = number;
  i.type = type;
  return i;
}

struct Fed {
  explicit Fed (std::size_t cache = 1u << 20, MediaType type = MediaType::video)
      : stream (info_of (7, type), cache)
  {
  }
  MessageRef frame (bool key, std::size_t payload = 100)
  {
    const MessageRef m = stream.input ({Kind::frame},
        body (seq, key ? 0u : std::uint32_t{frame_delta_unit}, seq * 40, payload), now);
    seq++;
    now += milliseconds (40);
    return m;
  }
  std::vector<std::uint32_t> joined () // the numbers of the frames that who joins now gets
  {
    std::vector<std::uint32_t> v;
    for (const MessageRef &m : stream.join (now).messages)
      if (m->header.kind == Kind::frame)
        v.push_back (m->frame_seq);
    return v;
  }
  PublishedStream stream;
  std::uint32_t seq = 0;
  TimePoint now = t0;
};
using Numbers = std::vector<std::uint32_t>;
} // namespace

GST_START_TEST (test_the_body_goes_on_by_reference)
{
  PublishedStream s (info_of (0x1234), 1000);
  const Slice in = body (5, frame_marker, 40);
  const MessageRef m = s.input ({Kind::frame}, in, t0);
  fail_unless (m && m->body ().data () == in.bytes.data ());
  fail_unless_equals_int (m->header.stream, 0x1234);
  fail_unless_equals_int (m->head ().size (), MessageHeader::size);
  fail_unless_equals_int (m->header.length, in.size ());
  fail_unless (m->key && m->droppable && m->frame_seq == 5 && m->frame_flags == frame_marker);
  fail_if (s.input ({Kind::frame}, slice_of ({1, 2, 3}), t0), "too short for a frame");
  fail_if (s.input ({Kind::caps}, slice_of (std::vector<std::uint8_t> (20000)), t0), "too long");
}
GST_END_TEST

// Where the sender's header was, ours is: one piece. Who joins gets another header and the same
// body.
GST_START_TEST (test_the_header_takes_the_place_of_the_received_one)
{
  PublishedStream s (info_of (0x1234), 1000);
  const Slice frame = body (5, 0, 40);
  std::vector<std::uint8_t> whole (MessageHeader::size, 0xff);
  whole.insert (whole.end (), frame.bytes.begin (), frame.bytes.end ());
  const Bytes in = Bytes (whole).subspan (MessageHeader::size);
  const MessageRef m = s.input ({Kind::frame}, {in, {}}, t0, whole.data ());
  fail_unless (m && m->head ().data () == whole.data () && m->body ().data () == in.data ());
  const auto h = MessageHeader::parse (Bytes (whole).first<MessageHeader::size> ());
  fail_unless (h.kind == Kind::frame && h.flags == 0 && h.stream == 0x1234);
  fail_unless_equals_int (h.length, in.size ());
  s.input ({Kind::frame}, body (6, frame_delta_unit, 80), t0);
  const auto joined = s.join (t0).messages;
  fail_unless_equals_int (joined.size (), 2);
  fail_unless (joined[0]->head ().data () != whole.data ());
  fail_unless (joined[0]->frame_flags == frame_past && joined[0]->frame_seq == 5);
}
GST_END_TEST

GST_START_TEST (test_join_in_the_middle)
{
  Fed f;
  fail_if (f.stream.join (f.now).decodable);
  f.stream.input ({Kind::caps}, slice_of ({'c'}), f.now);
  for (int i = 0; i < 25; i++)
    f.frame (i % 10 == 0);
  fail_unless ((f.joined () == Numbers{20, 21, 22, 23, 24}));
  const auto j = f.stream.join (f.now);
  fail_unless (j.decodable && j.messages.front ()->header.kind == Kind::caps);
  std::size_t bytes = 0;
  for (const MessageRef &m : j.messages) {
    bytes += m->size ();
    fail_unless (m->created == f.now, "it waits from now on");
    if (m->header.kind != Kind::frame)
      continue;
    // Both what the queue sees and what travels.
    std::vector<std::uint8_t> wire (m->head ().begin (), m->head ().end ());
    wire.insert (wire.end (), m->body ().begin (), m->body ().end ());
    const auto h = FrameHeader::parse (Bytes (wire).subspan (MessageHeader::size));
    const bool newest = m->frame_seq == 24;
    fail_unless_equals_int (h->flags & frame_past, newest ? 0u : std::uint32_t{frame_past});
    fail_unless_equals_int (m->frame_flags, h->flags);
    fail_unless_equals_int (h->seq, m->frame_seq);
    fail_unless_equals_int (wire.size (), MessageHeader::size + m->header.length);
    fail_unless (wire.back () == static_cast<std::uint8_t> (m->frame_seq));
  }
  fail_unless_equals_int (j.bytes, bytes);
}
GST_END_TEST

// A picture may come in several messages of the same time.
GST_START_TEST (test_pictures_in_parts)
{
  PublishedStream s (info_of (1), 1u << 20);
  std::uint32_t seq = 0;
  for (const auto &[pts, key] : {std::pair{0, true}, {0, true}, {40, false}, {40, false}})
    s.input ({Kind::frame}, body (seq++, key ? 0u : std::uint32_t{frame_delta_unit}, pts), t0);
  Numbers past, now;
  for (const MessageRef &m : s.join (t0).messages)
    (m->frame_flags & frame_past ? past : now).push_back (m->frame_seq);
  fail_unless ((past == Numbers{0, 1} && now == Numbers{2, 3}));
}
GST_END_TEST

GST_START_TEST (test_the_cache_is_bounded)
{
  Fed f (1600); // each counts 256 more than its bytes
  f.frame (true, 500);
  f.frame (false, 300);
  fail_unless ((f.joined () == Numbers{0, 1}));
  f.frame (false, 300); // too much: nothing is kept until the next key frame
  fail_unless (f.joined ().empty () && f.stream.cached_bytes () == 0);
  f.frame (false, 10);
  fail_if (f.stream.join (f.now).decodable);
  f.frame (true, 10);
  fail_unless ((f.joined () == Numbers{4}));

  Fed off (0);
  off.frame (true);
  fail_unless (off.joined ().empty () && !off.stream.join (off.now).decodable);
  Fed sound (1000, MediaType::audio);
  sound.frame (true);
  fail_unless (sound.joined ().empty () && sound.stream.join (sound.now).decodable);
}
GST_END_TEST

// With a frame missing, or other caps, what is kept cannot be decoded.
GST_START_TEST (test_holes_and_caps_end_the_group)
{
  Fed f;
  f.frame (true);
  f.frame (false);
  f.seq++;
  f.frame (false);
  fail_unless (f.joined ().empty ());
  f.frame (true);
  fail_unless ((f.joined () == Numbers{4}));
  f.stream.input ({Kind::caps}, slice_of ({'c'}), f.now);
  fail_unless (f.joined ().empty ());
}
GST_END_TEST

GST_START_TEST (test_key_requests)
{
  Fed f;
  fail_unless (f.stream.poll_timeout () == TimePoint::max ());
  fail_if (f.stream.poll_key_request (f.now));
  // Who joins is served at once, many by one request.
  f.stream.want_key (true);
  fail_unless (f.stream.poll_key_request (f.now));
  f.stream.want_key (true);
  fail_if (f.stream.poll_key_request (f.now));
  fail_unless (f.stream.poll_key_request (f.now + PublishedStream::key_patience), "it was lost");
  f.frame (true);
  fail_unless (f.stream.poll_timeout () == TimePoint::max ());
  // The next one not sooner than an encoder can bear.
  f.now = t0 + PublishedStream::key_patience + milliseconds (100);
  f.stream.want_key (true);
  fail_if (f.stream.poll_key_request (f.now));
  fail_unless (f.stream.poll_timeout () ==
               t0 + PublishedStream::key_patience + PublishedStream::key_interval);
  // Who lost frames waits for the next key frame, and asks where none comes.
  Fed slow;
  slow.frame (true);
  const TimePoint key = t0;
  slow.stream.want_key (false);
  fail_if (slow.stream.poll_key_request (key + PublishedStream::key_patience - milliseconds (1)));
  fail_unless (slow.stream.poll_key_request (key + PublishedStream::key_patience));
}
GST_END_TEST

static Suite *published_stream_suite ()
{
  Suite *s = suite_create ("published_stream");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_the_body_goes_on_by_reference);
  tcase_add_test (tc, test_the_header_takes_the_place_of_the_received_one);
  tcase_add_test (tc, test_join_in_the_middle);
  tcase_add_test (tc, test_pictures_in_parts);
  tcase_add_test (tc, test_the_cache_is_bounded);
  tcase_add_test (tc, test_holes_and_caps_end_the_group);
  tcase_add_test (tc, test_key_requests);
  return s;
}

GST_CHECK_MAIN (published_stream)

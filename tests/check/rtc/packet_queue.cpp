// SPDX-License-Identifier: LGPL-2.1-or-later
// What waits for an output pad's thread: order, limits, what is dropped; and where a key frame
// begins.
#include "rtc/pads/packet_queue.h"
#include "../check.h"
#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>

using namespace reach;
using namespace reach::rtc;

namespace {
using What = PacketQueue::Item::What;

Codec codec (const char *name)
{
  return {96, name, 90000, 1, "", {}};
}

std::vector<std::uint8_t> rtp (std::initializer_list<std::uint8_t> payload)
{
  constexpr std::array<std::uint8_t, 12> header{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
  std::vector<std::uint8_t> p;
  std::ranges::copy (header, std::back_inserter (p));
  std::ranges::copy (payload, std::back_inserter (p));
  return p;
}

// VP8's descriptor, and the first byte of a frame: its lowest bit is 0 in a key frame.
Ref<GstBuffer> vp8 (bool key)
{
  const auto p = rtp ({0x10, static_cast<std::uint8_t> (key ? 0 : 1)});
  return Ref<GstBuffer>::adopt (gst_buffer_new_memdup (p.data (), p.size ()));
}

struct Queue : PacketQueue {
  explicit Queue (Limits limits) : PacketQueue (limits)
  {
    set_codec (codec ("VP8"));
    open ();
    set_playing (true);
    fail_unless (take (batch) && batch.items.size () == 1 && batch.items[0].what == What::codec);
  }
  void push (bool key, bool discont = false)
  {
    Packet p{vp8 (key), TimePoint (milliseconds (++pushed)), discont};
    PacketQueue::push ({&p, 1});
  }
  std::int64_t time (std::size_t i) const
  {
    return std::chrono::duration_cast<milliseconds> (batch.items[i].time.time_since_epoch ())
        .count ();
  }
  Batch batch;
  int pushed = 0;
};
} // namespace

GST_START_TEST (test_order)
{
  Queue q ({});
  q.push (true);
  q.push (false, true);
  q.set_codec (codec ("VP8")); // no other
  q.set_codec (codec ("H264"));
  q.push (true);
  q.end ();
  fail_unless (q.take (q.batch));
  fail_unless_equals_int (q.batch.items.size (), 5);
  fail_unless (!q.batch.items[0].discont && q.batch.items[1].discont);
  fail_unless (q.batch.items[2].what == What::codec && q.batch.items[2].codec->name == "H264");
  fail_unless (q.batch.items[4].what == What::end);
  fail_unless_equals_int (q.time (3), 3);
  fail_unless_equals_int (q.counts ().packets, 3);
  fail_unless_equals_int (q.counts ().dropped, 0);
  fail_unless (!q.batch.keyframe);
}
GST_END_TEST

GST_START_TEST (test_up_to_key_frame)
{
  Queue q ({5, 1 << 20});
  for (const bool key : {true, false, false, true, false, false})
    q.push (key);
  fail_unless_equals_int (q.counts ().dropped, 3);
  fail_unless (q.take (q.batch));
  fail_unless_equals_int (q.batch.items.size (), 3);
  fail_unless_equals_int (q.time (0), 4);
  fail_unless (q.batch.items[0].discont && !q.batch.items[1].discont);
  fail_unless (!q.batch.keyframe);
}
GST_END_TEST

// None waits: all goes, and all that comes until there is one.
GST_START_TEST (test_no_key_frame)
{
  Queue q ({3, 1 << 20});
  for (const bool key : {true, false, false, false, false})
    q.push (key);
  fail_unless_equals_int (q.counts ().dropped, 5);
  fail_unless (q.take (q.batch));
  fail_unless (q.batch.keyframe && q.batch.items.empty ());
  q.push (true);
  q.push (false);
  fail_unless (q.take (q.batch));
  fail_unless_equals_int (q.batch.items.size (), 2);
  fail_unless (q.batch.items[0].discont && !q.batch.items[1].discont);
}
GST_END_TEST

GST_START_TEST (test_bytes)
{
  Queue q ({100, 14 * 4});
  for (int i = 0; i < 5; i++)
    q.push (i == 0 || i == 4);
  fail_unless_equals_int (q.counts ().dropped, 4);
}
GST_END_TEST

GST_START_TEST (test_sound)
{
  Queue q ({4, 1 << 20});
  q.set_codec (codec ("opus"));
  for (int i = 0; i < 5; i++)
    q.push (false);
  fail_unless_equals_int (q.counts ().dropped, 3);
  fail_unless (q.take (q.batch));
  fail_unless_equals_int (q.batch.items.size (), 3); // the codec, and two of five
  fail_unless_equals_int (q.time (1), 4);
  fail_unless (q.batch.items[1].discont);
}
GST_END_TEST

// The codec is told again; what was dropped meanwhile was perhaps needed.
GST_START_TEST (test_closed)
{
  Queue q ({});
  q.push (true);
  q.close ();
  fail_unless (!q.take (q.batch));
  q.push (false);
  q.open ();
  fail_unless (q.take (q.batch));
  fail_unless (q.batch.keyframe);
  fail_unless_equals_int (q.batch.items.size (), 1);
  fail_unless (q.batch.items[0].what == What::codec);
  fail_unless_equals_int (q.counts ().dropped, 2);
  q.push (false);
  fail_unless_equals_int (q.counts ().dropped, 3);
}
GST_END_TEST

GST_START_TEST (test_key_starts)
{
  const KeyStart h264 (codec ("H264")), vp8_start (codec ("VP8")), vp9 (codec ("VP9")),
      av1 (codec ("AV1")), opus (codec ("opus"));
  fail_unless (h264 (rtp ({0x65, 1})) && h264 (rtp ({0x67, 1})) && !h264 (rtp ({0x41, 1})));
  fail_unless (h264 (rtp ({0x7c, 0x85})) && !h264 (rtp ({0x7c, 0x05})) && !h264 (rtp ({0x7c})));
  // STAP-A: a delimiter, then an SPS; cut short.
  fail_unless (h264 (rtp ({0x78, 0, 2, 9, 0x10, 0, 2, 0x67, 1})));
  fail_unless (!h264 (rtp ({0x78, 0, 2, 9, 0x10, 0, 9, 0x41, 1})) && !h264 (rtp ({0x78, 0})));
  fail_unless (vp8_start (rtp ({0x90, 0x80, 0x81, 2, 0})) && !vp8_start (rtp ({0x90, 0x80, 1, 1})));
  fail_unless (!vp8_start (rtp ({0, 0})) && !vp8_start (rtp ({0x90})) && !vp8_start (rtp ({})));
  fail_unless (vp9 (rtp ({0x88, 1})) && !vp9 (rtp ({0xc8, 1})) && !vp9 (rtp ({0x80, 1})));
  fail_unless (av1 (rtp ({0x18})) && !av1 (rtp ({0x10})) && !av1 (rtp ({})));
  fail_unless (opus (rtp ({})) && !opus.tells ());
}
GST_END_TEST

static Suite *packet_queue_suite ()
{
  Suite *s = suite_create ("packet_queue");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_order);
  tcase_add_test (tc, test_up_to_key_frame);
  tcase_add_test (tc, test_no_key_frame);
  tcase_add_test (tc, test_bytes);
  tcase_add_test (tc, test_sound);
  tcase_add_test (tc, test_closed);
  tcase_add_test (tc, test_key_starts);
  return s;
}
GST_CHECK_MAIN (packet_queue)

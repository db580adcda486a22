// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/proto/media_queue.h"
#include "../check.h"
#include <deque>
#include <map>
#include <random>
#include <string>

using namespace reach;
using namespace reach::cam;

namespace {
constexpr TimePoint t0{};
constexpr std::size_t head = MessageHeader::size + FrameHeader::size;
constexpr MediaQueue::Limits unlimited{0, Duration{}, 1024};

struct Source {
  explicit Source (std::uint16_t stream, MediaType t = MediaType::video) : id (stream), type (t) {}

  MessageRef frame (std::uint32_t flags, std::size_t size, TimePoint now)
  {
    FrameHeader fh;
    fh.flags = flags;
    fh.seq = seq++;
    fh.pts = fh.seq * 1000;
    return Message::frame (
        type, id, fh, {}, slice_of (std::vector<std::uint8_t> (size - head)), now);
  }
  MessageRef key (std::size_t size, TimePoint now = t0) { return frame (0, size, now); }
  MessageRef delta (std::size_t size, TimePoint now = t0)
  {
    return frame (frame_delta_unit, size, now);
  }
  MessageRef disposable (std::size_t size, TimePoint now = t0)
  {
    return frame (frame_delta_unit | frame_droppable, size, now);
  }
  MessageRef control (Kind kind, std::size_t size = 16, TimePoint now = t0)
  {
    return Message::control (
        kind, type, id, std::vector<std::uint8_t> (size - MessageHeader::size), now);
  }
  std::uint16_t id;
  MediaType type;
  std::uint32_t seq = 0;
};

std::uint32_t seq_of (const Message &m)
{
  return FrameHeader::parse (m.head ().subspan (MessageHeader::size))->seq;
}

// "0 2 c 5": the frames' numbers and c for caps, in the order they leave.
std::string contents (MediaQueue &q, TimePoint now = t0)
{
  std::string s;
  while (auto m = q.pop (now)) {
    if (!s.empty ())
      s += ' ';
    s += m->header.kind == Kind::frame ? std::to_string (seq_of (*m)) : "c";
  }
  return s;
}

void fail_unless_str (const std::string &got, const char *expected)
{
  fail_unless_equals_string (got.c_str (), expected);
}
} // namespace

GST_START_TEST (test_fifo)
{
  MediaQueue q (MediaType::video, {});
  Source s (1);
  fail_unless (q.empty () && !q.pop (t0));
  fail_unless (q.push (s.control (Kind::caps), t0));
  fail_unless (q.push (s.key (100), t0));
  fail_unless (q.push (s.delta (100), t0 + milliseconds (3)));
  fail_unless_equals_int (q.count (), 3);
  fail_unless_equals_int (q.bytes (), 216);
  fail_unless (q.age (t0 + milliseconds (5)) == milliseconds (5));
  fail_unless_str (contents (q), "c 0 1");
  fail_unless_equals_int (q.bytes (), 0);
  fail_unless (q.age (t0 + milliseconds (5)) == Duration{});
  MediaQueue::Stats d;
  fail_unless (!q.poll_dropped (d));
  fail_unless_equals_int (d.messages, 3);
}
GST_END_TEST

GST_START_TEST (test_drops_before_newest_key)
{
  MediaQueue q (MediaType::video, {1000, Duration{}});
  Source s (1);
  q.push (s.control (Kind::caps), t0);
  q.push (s.key (300), t0);
  q.push (s.delta (200), t0);
  q.push (s.key (300), t0);
  q.push (s.delta (100), t0);
  q.push (s.delta (200), t0); // over
  MediaQueue::Stats d;
  fail_unless (q.poll_dropped (d));
  fail_unless_equals_int (d.frames_dropped, 2);
  fail_unless_equals_int (d.bytes_dropped, 500);
  fail_unless_equals_int (d.gops_dropped, 1);
  fail_unless (!q.poll_dropped (d));
  fail_unless (!q.poll_key_request ());
  fail_unless_str (contents (q), "c 2 3 4");
}
GST_END_TEST

GST_START_TEST (test_drops_all_and_waits_for_key)
{
  MediaQueue q (MediaType::video, {1000, Duration{}});
  Source s (7);
  q.push (s.key (600), t0);
  q.push (s.control (Kind::caps), t0);
  q.push (s.delta (300), t0);
  fail_unless (q.push (s.delta (300), t0)); // no newer key frame: everything goes
  fail_unless (q.poll_key_request () == 7);
  fail_unless (!q.poll_key_request ());
  fail_unless (q.push (s.delta (100), t0));
  fail_unless (!q.poll_key_request ());
  fail_unless_equals_int (q.stats ().frames_dropped, 4);
  fail_unless_equals_int (q.stats ().gops_dropped, 1);
  q.push (s.key (100), t0);
  q.push (s.delta (100), t0);
  fail_unless_str (contents (q), "c 4 5");

  // The next need is a new one.
  q.push (s.delta (600), t0);
  q.push (s.delta (600), t0);
  fail_unless (q.poll_key_request () == 7);
  // A need that was met before it was polled is not reported.
  q.push (s.key (100), t0);
  q.push (s.delta (600), t0);
  q.push (s.delta (600), t0);
  q.push (s.key (100), t0);
  fail_unless (!q.poll_key_request ());
}
GST_END_TEST

GST_START_TEST (test_disposable_frames_first)
{
  MediaQueue q (MediaType::video, {1000, Duration{}});
  Source s (1);
  q.push (s.key (300), t0);
  q.push (s.disposable (200), t0);
  q.push (s.disposable (200), t0);
  q.push (s.delta (200), t0);
  q.push (s.delta (200), t0); // 1100: one disposable frame is enough
  fail_unless_equals_int (q.stats ().frames_dropped, 1);
  fail_unless_equals_int (q.stats ().gops_dropped, 0);
  fail_unless (!q.poll_key_request ());
  fail_unless_str (contents (q), "0 2 3 4");
}
GST_END_TEST

GST_START_TEST (test_independent_frames_oldest_first)
{
  MediaQueue q (MediaType::audio, {1000, Duration{}});
  Source s (2, MediaType::audio);
  q.push (s.control (Kind::caps), t0);
  for (int i = 0; i < 12; i++)
    q.push (s.key (100), t0);
  fail_unless_equals_int (q.stats ().frames_dropped, 3);
  fail_unless (!q.poll_key_request ());
  fail_unless_str (contents (q), "c 3 4 5 6 7 8 9 10 11");
}
GST_END_TEST

GST_START_TEST (test_time_limit)
{
  MediaQueue q (MediaType::video, {0, milliseconds (100)});
  Source s (1);
  q.push (s.control (Kind::caps, 16, t0), t0);
  q.push (s.key (100, t0), t0);
  q.push (s.delta (100, t0 + milliseconds (60)), t0 + milliseconds (60));
  q.push (s.key (100, t0 + milliseconds (90)), t0 + milliseconds (90));
  q.push (s.delta (100, t0 + milliseconds (100)), t0 + milliseconds (100));
  fail_unless_equals_int (q.count (), 5);
  // The first frame is too old: its whole group goes, at the pop already.
  const auto late = t0 + milliseconds (101);
  fail_unless (q.pop (late)->header.kind == Kind::caps);
  fail_unless_equals_int (q.count (), 2);
  fail_unless_equals_int (seq_of (*q.pop (late)), 2);
  // A group whose key frame has gone out is cut, and the rest of it with it.
  fail_unless (!q.pop (t0 + milliseconds (250)));
  fail_unless (q.poll_key_request () == 1);
  fail_unless_equals_int (q.stats ().frames_dropped, 3);
}
GST_END_TEST

GST_START_TEST (test_time_limit_independent)
{
  MediaQueue q (MediaType::data, {0, milliseconds (100)});
  Source s (1, MediaType::data);
  for (int i = 0; i < 5; i++) {
    const auto now = t0 + milliseconds (i * 50);
    q.push (s.key (100, now), now);
  }
  fail_unless_str (contents (q, t0 + milliseconds (200)), "2 3 4");
}
GST_END_TEST

GST_START_TEST (test_last_frame_lost_before_the_first_delta)
{
  MediaQueue q (MediaType::video, {0, milliseconds (100)});
  Source s (1);
  q.push (s.key (100), t0);
  const auto late = t0 + milliseconds (200);
  fail_unless (!q.pop (late));
  fail_unless (!q.poll_key_request ()); // it may be a stream of key frames only
  q.push (s.delta (100, late), late);
  fail_unless (q.poll_key_request () == 1);
  q.push (s.key (100, late), late);
  q.push (s.delta (100, late), late);
  fail_unless_str (contents (q, late), "2 3");
}
GST_END_TEST

GST_START_TEST (test_oversized_key_frame)
{
  MediaQueue q (MediaType::video, {1000, Duration{}});
  Source s (1);
  q.push (s.control (Kind::caps), t0);
  q.push (s.key (5000), t0);
  q.push (s.delta (100), t0); // does not push the key frame out
  q.push (s.delta (100), t0);
  fail_unless (q.poll_key_request () == 1);
  fail_unless_equals_int (q.count (), 2);
  q.push (s.key (5000), t0); // a newer one does
  fail_unless_str (contents (q), "c 3");
}
GST_END_TEST

GST_START_TEST (test_key_frame_of_several_messages)
{
  MediaQueue q (MediaType::video, {1000, Duration{}});
  Source s (1);
  q.push (s.key (300), t0);
  q.push (s.delta (300), t0);
  // Parameter sets and slices with one time.
  for (int i = 0; i < 3; i++) {
    FrameHeader fh;
    fh.pts = 77;
    fh.seq = s.seq++;
    q.push (
        Message::frame (MediaType::video, 1, fh, {}, slice_of (std::vector<std::uint8_t> (52)), t0),
        t0);
  }
  q.push (s.delta (300), t0);
  fail_unless_str (contents (q), "2 3 4 5");
}
GST_END_TEST

GST_START_TEST (test_wait_for_key)
{
  MediaQueue q (MediaType::video, {});
  Source a (1), b (2);
  q.wait_for_key (1);
  q.push (a.control (Kind::caps), t0);
  q.push (a.delta (100), t0);
  q.push (b.delta (100), t0);
  q.push (a.key (100), t0);
  q.push (a.delta (100), t0);
  MediaQueue::Stats d;
  fail_unless (!q.poll_dropped (d)); // a new peer did not lose anything
  fail_unless (!q.poll_key_request ());
  fail_unless_str (contents (q), "c 0 1 2");

  // With frames queued: they go up to the first key frame.
  q.push (a.delta (100), t0);
  q.push (a.key (100), t0);
  q.push (a.delta (100), t0);
  q.wait_for_key (1);
  q.push (a.delta (100), t0);
  fail_unless_str (contents (q), "4 5 6");
}
GST_END_TEST

GST_START_TEST (test_streams_are_independent)
{
  MediaQueue q (MediaType::video, {1000, Duration{}});
  Source big (1), small (2);
  q.push (small.key (100), t0);
  q.push (small.delta (100), t0);
  q.push (big.key (500), t0);
  q.push (small.delta (100), t0);
  q.push (big.delta (300), t0); // over: the bigger stream gives
  fail_unless (q.poll_key_request () == 1);
  fail_unless_str (contents (q), "0 1 2");
  q.push (big.delta (100), t0);
  q.push (small.delta (100), t0);
  fail_unless_str (contents (q), "3");
}
GST_END_TEST

GST_START_TEST (test_refuses_what_it_must_not_drop)
{
  MediaQueue q (MediaType::command, {1000, milliseconds (1)});
  Source s (0, MediaType::command);
  fail_unless (q.push (s.control (Kind::command, 5000), t0)); // alone: accepted
  fail_unless (!q.push (s.control (Kind::command, 16), t0));
  const auto late = t0 + seconds (10);
  fail_unless (q.pop (late)->size () == 5000); // no time limit for commands
  fail_unless (q.push (s.control (Kind::file_data, 600), t0));
  fail_unless (q.push (s.control (Kind::file_data, 400), t0));
  fail_unless (!q.push (s.control (Kind::file_data, 8), t0));
  q.clear ();
  fail_unless (q.empty () && q.bytes () == 0);
  fail_unless (q.push (s.control (Kind::file_data, 600), t0));

  MediaQueue few (MediaType::video, {0, Duration{}, 3});
  for (int i = 0; i < 3; i++)
    fail_unless (few.push (s.control (Kind::caps), t0));
  fail_unless (!few.push (s.control (Kind::caps), t0));
  fail_unless (few.push (s.key (100), t0));
  few.pop (t0);
  fail_unless (few.push (s.control (Kind::caps), t0));
}
GST_END_TEST

// Whatever is pushed and whenever it is popped: the limits hold, controls all arrive, per stream in
// order, and no delta unit arrives whose predecessor did not (disposable ones aside).
static void random_run (std::uint32_t seed, MediaQueue::Limits l)
{
  std::mt19937 rng (seed);
  const auto pick = [&] (unsigned n) { return rng () % n; };
  MediaQueue q (MediaType::video, l);
  Source sources[] = {Source (0), Source (1), Source (2)};
  std::map<std::uint16_t, std::deque<const Message *>> sent; // what must come, or may be dropped
  std::map<std::uint16_t, bool> broken;
  std::map<std::uint16_t, bool> independent{{2, true}};
  std::uint64_t arrived = 0, pushed = 0;
  std::vector<MessageRef> alive;
  TimePoint now = t0;
  const auto take = [&] {
    const auto m = q.pop (now);
    if (!m)
      return;
    auto &expected = sent[m->header.stream];
    while (expected.front () != m.get ()) {
      const Message &lost = *expected.front ();
      fail_unless (lost.header.kind == Kind::frame);
      if (!(FrameHeader::parse (lost.head ().subspan (8))->flags & frame_droppable))
        broken[m->header.stream] = true;
      expected.pop_front ();
      fail_unless (!expected.empty ());
    }
    expected.pop_front ();
    if (m->header.kind != Kind::frame)
      return;
    arrived++;
    if (m->key)
      broken[m->header.stream] = false;
    fail_unless (!broken[m->header.stream]);
    fail_unless (l.max_time == Duration{} || now - m->created <= l.max_time);
  };
  for (int i = 0; i < 3000; i++) {
    now += milliseconds (pick (10));
    Source &s = sources[pick (3)];
    const std::size_t size = head + pick (pick (20) ? 300 : 3000);
    MessageRef m;
    const auto what = pick (12);
    if (what == 0)
      m = s.control (Kind::caps, 16, now);
    else if (what == 1 || s.id == 2 || s.seq == 0)
      m = s.key (size, now);
    else
      m = what < 4 ? s.disposable (size, now) : s.delta (size, now);
    pushed += m->header.kind == Kind::frame;
    alive.push_back (m);
    if (q.push (m, now))
      sent[s.id].push_back (m.get ());
    else
      fail_unless (m->header.kind == Kind::caps);
    for (auto n = pick (3); n > 0; n--)
      take ();
    if (pick (100) == 0)
      while (!q.empty ())
        take ();
    fail_unless (l.max_bytes == 0 || q.bytes () <= l.max_bytes || q.count () < 100);
  }
  while (!q.empty ())
    take ();
  fail_unless_equals_int (q.bytes (), 0);
  fail_unless_equals_uint64 (arrived + q.stats ().frames_dropped, pushed);
}

GST_START_TEST (test_random)
{
  for (std::uint32_t seed = 1; seed <= 30; seed++) {
    random_run (seed, unlimited);
    random_run (seed, {2000, Duration{}, 10});
    random_run (seed, {0, milliseconds (50), 1024});
    random_run (seed, {3000, milliseconds (30), 1024});
  }
}
GST_END_TEST

// Overload for long: dropping one frame per push must not walk the queue each time.
GST_START_TEST (test_many_small_messages)
{
  MediaQueue q (MediaType::data, {4u << 20, Duration{}});
  Source s (0, MediaType::data);
  for (int i = 0; i < 300000; i++)
    q.push (s.key (64), t0);
  fail_unless_equals_int (q.count (), (4 << 20) / 64);
  fail_unless_equals_int (seq_of (*q.pop (t0)), 300000 - (4 << 20) / 64);
}
GST_END_TEST

// The short way past an empty queue decides, counts and asks for key frames as the queue does.
GST_START_TEST (test_pass_is_push_and_pop)
{
  std::mt19937 random (7);
  MediaQueue::Limits limits;
  limits.max_bytes = 2000;
  MediaQueue shorter (MediaType::video, limits), plain (MediaType::video, limits);
  shorter.wait_for_key (1);
  plain.wait_for_key (1);
  Source s (1);
  TimePoint now = t0;
  unsigned passed = 0, keys = 0;
  for (int i = 0; i < 5000; i++) {
    now += milliseconds (10);
    const auto created = random () % 20 == 0 ? now - milliseconds (1500) : now;
    const auto r = random () % 10;
    const MessageRef m = r == 0   ? s.key (300, created)
                         : r == 1 ? s.disposable (200, created)
                         : r == 2 ? s.control (Kind::caps, 16, created)
                                  : s.delta (200, created);
    const bool held = i / 50 % 3 == 1; // the receiver takes nothing: the queue fills and drops
    const bool pass = !held && shorter.pass (*m, now);
    passed += pass;
    fail_unless (pass || shorter.push (m, now));
    fail_unless (plain.push (m, now));
    if (pass)
      fail_unless (plain.pop (now).get () == m.get ());
    if (!held)
      fail_unless_str (contents (shorter, now), contents (plain, now).c_str ());
    fail_unless_equals_int (shorter.bytes (), plain.bytes ());
    const auto key = shorter.poll_key_request ();
    fail_unless (key == plain.poll_key_request ());
    keys += key.has_value ();
  }
  fail_unless (passed > 500 && keys > 10);
  fail_unless (shorter.stats ().messages == plain.stats ().messages);
  fail_unless (shorter.stats ().frames_dropped == plain.stats ().frames_dropped);
  fail_unless (shorter.stats ().gops_dropped == plain.stats ().gops_dropped);
}
GST_END_TEST

static Suite *media_queue_suite ()
{
  Suite *s = suite_create ("cam-media-queue");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_fifo);
  tcase_add_test (tc, test_drops_before_newest_key);
  tcase_add_test (tc, test_drops_all_and_waits_for_key);
  tcase_add_test (tc, test_disposable_frames_first);
  tcase_add_test (tc, test_independent_frames_oldest_first);
  tcase_add_test (tc, test_time_limit);
  tcase_add_test (tc, test_time_limit_independent);
  tcase_add_test (tc, test_last_frame_lost_before_the_first_delta);
  tcase_add_test (tc, test_oversized_key_frame);
  tcase_add_test (tc, test_key_frame_of_several_messages);
  tcase_add_test (tc, test_wait_for_key);
  tcase_add_test (tc, test_streams_are_independent);
  tcase_add_test (tc, test_refuses_what_it_must_not_drop);
  tcase_add_test (tc, test_random);
  tcase_add_test (tc, test_pass_is_push_and_pop);
  tcase_add_test (tc, test_many_small_messages);
  return s;
}
GST_CHECK_MAIN (media_queue)

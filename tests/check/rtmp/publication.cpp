// SPDX-License-Identifier: LGPL-2.1-or-later
// What players of a publication get, and when.
#include "player_fixture.h"
#include <random>

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
Publication::Settings settings (SyncMethod sync, Duration merge = {})
{
  Publication::Settings s;
  s.sync = sync;
  s.merge = merge;
  return s;
}
} // namespace

GST_START_TEST (test_join_with_the_cache)
{
  Stage s;
  Peer peer;
  s.metadata ();
  s.put ('H', 0);
  s.put ('h', 0);
  s.put ('K', 0);
  s.put ('v', 40);
  s.put ('K', 80);
  s.put ('A', 90);
  s.put ('v', 120);
  const auto player = peer.play (s.publication);
  fail_unless_equals_string (peer.take ().c_str (), "M H80 h80 K80 A90 v120");
  fail_unless (s.keys_wanted == 0 && s.players == 1);
  s.put ('v', 160);
  fail_unless_equals_string (peer.take ().c_str (), "v160");
}
GST_END_TEST

// FFmpeg takes those of a later time for a stream of subtitles.
GST_START_TEST (test_metadata_has_time_0)
{
  Stage s;
  Peer early, late;
  const auto a = early.play (s.publication);
  s.put ('K', 5000);
  s.metadata ();
  const auto b = late.play (s.publication);
  for (Peer *p : {&early, &late}) {
    const auto m = std::ranges::find_if (p->client.got, [] (const Message &x) {
      return x.type == MessageType::data_amf0 && x.payload.size () == 9;
    });
    fail_unless (m != p->client.got.end () && m->timestamp == 0);
  }
}
GST_END_TEST

GST_START_TEST (test_join_without_cache)
{
  Stage s (settings (SyncMethod::next_keyframe));
  Peer peer;
  s.put ('H', 0);
  s.put ('K', 0);
  const auto player = peer.play (s.publication);
  fail_unless (s.keys_wanted == 1);
  s.put ('v', 40);
  s.put ('A', 50);
  s.put ('K', 80);
  s.put ('v', 120);
  fail_unless_equals_string (peer.take ().c_str (), "H0 A50 K80 v120");
  fail_unless (player->stats (s.now).skipped == 1 && player->stats (s.now).dropped == 0);
}
GST_END_TEST

GST_START_TEST (test_join_with_the_latest)
{
  Stage s (settings (SyncMethod::latest));
  Peer peer;
  s.put ('H', 0);
  s.put ('K', 0);
  const auto player = peer.play (s.publication);
  s.put ('v', 40);
  fail_unless_equals_string (peer.take ().c_str (), "H0 v40");
  fail_unless (s.keys_wanted == 0);
}
GST_END_TEST

GST_START_TEST (test_join_before_the_publisher)
{
  Stage s;
  Peer peer;
  const auto player = peer.play (s.publication);
  s.metadata ();
  s.put ('A', 0);
  s.put ('H', 0);
  s.put ('v', 0);
  s.put ('K', 40);
  fail_unless_equals_string (peer.take ().c_str (), "M A0 H0 K40");
}
GST_END_TEST

GST_START_TEST (test_many_joins_ask_once)
{
  Stage s (settings (SyncMethod::next_keyframe));
  Peer a, b, c;
  const auto first = a.play (s.publication), second = b.play (s.publication);
  fail_unless (s.keys_wanted == 1);
  c.client.now += Publication::key_interval;
  const auto third = c.play (s.publication);
  fail_unless (s.keys_wanted == 2);
}
GST_END_TEST

GST_START_TEST (test_audio_only)
{
  Stage s;
  Peer peer;
  s.put ('h', 0);
  s.put ('A', 0);
  const auto player = peer.play (s.publication);
  s.put ('A', 20);
  fail_unless_equals_string (peer.take ().c_str (), "h0 A20");
  fail_unless (s.publication.cached_bytes () == 0);
}
GST_END_TEST

GST_START_TEST (test_late_and_changed_headers)
{
  Stage s;
  Peer peer;
  s.put ('H', 0);
  s.put ('K', 0);
  const auto player = peer.play (s.publication);
  s.put ('h', 10); // audio begins later
  s.put ('A', 10);
  s.put ('H', 40); // the same once more, as some cameras send it
  s.put ('v', 40);
  fail_unless_equals_string (peer.take ().c_str (), "H0 K0 h10 A10 v40");
  s.put ('H', 80, 101); // another codec
  s.put ('v', 80);
  fail_unless (s.publication.cached_bytes () == 0);
  s.put ('K', 120);
  fail_unless_equals_string (peer.take ().c_str (), "H80 K120");
}
GST_END_TEST

GST_START_TEST (test_cache_is_bounded)
{
  Publication::Settings limits;
  limits.gop_bytes = 1000;
  Stage s (limits);
  s.put ('K', 0);
  for (std::uint32_t i = 1; i < 8; i++)
    s.put ('v', i * 40);
  fail_unless (s.publication.cached_bytes () > 800);
  s.put ('v', 320, 400);
  fail_unless (s.publication.cached_bytes () == 0);
  s.put ('v', 360); // of no use without its key frame
  fail_unless (s.publication.cached_bytes () == 0);
  limits.gop_messages = 3;
  Stage few (limits);
  for (std::uint32_t i = 0; i < 4; i++)
    few.put (i == 0 ? 'K' : 'v', i);
  fail_unless (few.publication.cached_bytes () == 0);
}
GST_END_TEST

GST_START_TEST (test_payload_is_shared)
{
  Stage s;
  Peer a, b;
  const auto first = a.play (s.publication), second = b.play (s.publication);
  a.open = b.open = false;
  s.put ('K', 0, 20000); // two chunks
  std::vector<const std::uint8_t *> at;
  for (Peer *p : {&a, &b})
    for (Slice x = p->session ().poll_transmit (); x.size () > 0;
         x = p->session ().poll_transmit ())
      at.push_back (x.bytes.data ());
  fail_unless (at.size () == 8, "%zu pieces", at.size ());
  fail_unless (std::equal (at.begin (), at.begin () + 4, at.begin () + 4));
}
GST_END_TEST

GST_START_TEST (test_several_netstreams)
{
  Stage s;
  Peer peer;
  const auto first = peer.play (s.publication), second = peer.play (s.publication);
  fail_unless (first->stream () == 1 && second->stream () == 2);
  s.put ('H', 0);
  s.put ('K', 0);
  fail_unless (peer.client.got.size () == 4);
  for (std::size_t i = 0; i < 4; i++)
    fail_unless (peer.client.got[i].stream == 1 + i % 2);
  peer.take ();
  second->pause (true, s.now);
  s.put ('v', 40);
  fail_unless (peer.client.got.size () == 1 && peer.client.got[0].stream == 1);
}
GST_END_TEST

GST_START_TEST (test_tracks_for_those_who_know_them)
{
  Stage s;
  Peer plain, able (true);
  const auto one = plain.play (s.publication), both = able.play (s.publication);
  s.put ('K', 0);
  s.put ('K', 1, 100, 3);
  s.put ('v', 2, 100, 4); // no key frame of that track yet
  s.put ('v', 40, 100, 3);
  fail_unless_equals_string (plain.take ().c_str (), "K0");
  fail_unless_equals_string (able.take ().c_str (), "K0 K1 v40");
}
GST_END_TEST

GST_START_TEST (test_merge_time)
{
  Stage s (settings (SyncMethod::latest_keyframe, milliseconds (40)));
  Peer peer;
  const auto player = peer.play (s.publication);
  s.put ('K', 0); // the first after a pause: at once
  fail_unless_equals_string (peer.take ().c_str (), "K0");
  const unsigned before = peer.flushes;
  s.now += milliseconds (10);
  s.put ('A', 10);
  s.now += milliseconds (20);
  s.put ('A', 30);
  fail_unless (s.publication.poll_timeout () == s.now + milliseconds (20));
  fail_unless_equals_string (peer.take ().c_str (), "");
  s.now += milliseconds (8); // two early
  s.put ('v', 38);
  fail_unless_equals_string (peer.take ().c_str (), "A10 A30 v38");
  fail_unless (peer.flushes == before + 1);
  s.now += milliseconds (20); // twice the rate: the frame is held
  s.put ('v', 58);
  fail_unless_equals_string (peer.take ().c_str (), "");
  s.now = s.publication.poll_timeout ();
  s.run ();
  fail_unless_equals_string (peer.take ().c_str (), "v58");
  fail_unless (s.publication.poll_timeout () == TimePoint::max ());
}
GST_END_TEST

// Whatever happens, what is written past a session is what would have come through it.
GST_START_TEST (test_past_the_session_and_through_it_are_the_same)
{
  unsigned passed = 0;
  for (std::uint32_t seed = 1; seed <= 50; seed++) {
    std::minstd_rand random (seed);
    Stage s (settings (SyncMethod::latest_keyframe, milliseconds (random () % 2 * 40)));
    Peer quick (true), usual (true);
    usual.quick = false;
    const auto a = quick.play (s.publication), b = usual.play (s.publication);
    const auto both = [&] (auto &&f) {
      f (quick, *a);
      f (usual, *b);
    };
    for (std::uint32_t i = 1; i < 200; i++) {
      s.now += milliseconds (10);
      const auto what = random () % 40;
      if (what == 0)
        both ([&, on = random () % 2 == 0] (Peer &, Player &p) { p.receive (on, true, s.now); });
      else if (what == 1)
        both ([&, on = random () % 2 == 0] (Peer &, Player &p) { p.receive (true, on, s.now); });
      else if (what == 2)
        both ([&, on = !a->paused ()] (Peer &, Player &p) { p.pause (on, s.now); });
      else if (what == 3)
        both ([&] (Peer &peer, Player &) { peer.open = false; });
      else if (what < 8)
        both ([&] (Peer &peer, Player &p) { peer.open_tap (p); });
      else
        s.put ("KvvvvvAAAAAAHh"[random () % 14], i, 20 + random () % 16000,
            static_cast<std::uint8_t> (random () % 8 == 0));
      fail_unless_equals_string (quick.take ().c_str (), usual.take ().c_str ());
    }
    both ([] (Peer &peer, Player &p) { peer.open_tap (p); });
    const Session &x = quick.client.session, &y = usual.client.session;
    fail_unless (x.stats ().bytes_out == y.stats ().bytes_out && usual.passed == 0);
    passed += quick.passed;
  }
  fail_unless (passed > 500, "%u", passed);
}
GST_END_TEST

GST_START_TEST (test_joins_while_something_is_held)
{
  Stage s (settings (SyncMethod::latest_keyframe, milliseconds (100)));
  Peer first, second;
  const auto a = first.play (s.publication);
  s.put ('K', 0);
  s.put ('v', 40);
  fail_unless_equals_string (first.take ().c_str (), "K0");
  const auto b = second.play (s.publication);
  fail_unless_equals_string (first.take ().c_str (), "v40");
  fail_unless_equals_string (second.take ().c_str (), "K0 v40");
}
GST_END_TEST

GST_START_TEST (test_end)
{
  Stage s;
  Peer quick, slow, late;
  const auto a = quick.play (s.publication), b = slow.play (s.publication);
  slow.open = false;
  s.put ('K', 0, 100000);
  s.put ('v', 40);
  s.publication.end (s.now);
  fail_unless_equals_string (quick.take ().c_str (), "K0 v40 u");
  fail_unless (!s.publication.drained () && a->drained () && !b->drained ());
  slow.open_tap (*b);
  fail_unless_equals_string (slow.take ().c_str (), "K0 v40 u");
  fail_unless (s.publication.drained ());
  const auto c = late.play (s.publication);
  fail_unless (late.take ().ends_with ("u"));
}
GST_END_TEST

GST_START_TEST (test_leaving)
{
  Stage s;
  Peer a, b, c;
  auto first = a.play (s.publication), second = b.play (s.publication),
       third = c.play (s.publication);
  first.reset ();
  fail_unless (s.players == 2);
  s.put ('K', 0);
  fail_unless_equals_string (a.take ().c_str (), "");
  fail_unless_equals_string (b.take ().c_str (), "K0");
  fail_unless_equals_string (c.take ().c_str (), "K0");
  third.reset ();
  second.reset ();
  fail_unless (s.players == 0);
  s.put ('v', 40);
  fail_unless (s.publication.poll_timeout () == TimePoint::max ());
}
GST_END_TEST

namespace {
// What a player that joins after ten frames of 40 ms and some sound gets; the key frames are at 0
// and 240.
std::string joins (SyncMethod sync, Burst::Unit unit, std::uint64_t amount,
    std::size_t cache = 8u << 20, unsigned *keys_wanted = nullptr)
{
  Publication::Settings with = settings (sync);
  with.burst = {unit, amount};
  with.gop_bytes = cache;
  Stage s (with);
  s.put ('H', 0);
  for (std::uint32_t i = 0; i < 10; i++) {
    s.put (i % 6 == 0 ? 'K' : 'v', i * 40, 80);
    if (i % 4 == 2)
      s.put ('A', i * 40, 20);
  }
  Peer peer;
  const auto player = peer.play (s.publication);
  s.put ('v', 400);
  if (keys_wanted)
    *keys_wanted = s.keys_wanted;
  fail_unless (s.publication.cached_bytes () <= cache);
  return peer.take ();
}
constexpr std::uint64_t ms = 1000000;
} // namespace

GST_START_TEST (test_burst)
{
  using enum SyncMethod;
  using Unit = Burst::Unit;
  const auto is = [] (const std::string &got, const char *expected) {
    fail_unless_equals_string (got.c_str (), expected);
  };
  is (joins (burst, Unit::messages, 3), "H280 v280 v320 v360 v400");
  is (joins (burst, Unit::ns, 100 * ms), "H240 A240 v280 v320 v360 v400");
  is (joins (burst, Unit::none, 100), "H360 v360 v400");
  // A chunk header of 12 bytes comes with each message.
  is (joins (burst, Unit::bytes, 2 * (80 + 12)), "H320 v320 v360 v400");
  is (joins (burst, Unit::bytes, 2 * (80 + 12) + 1), "H280 v280 v320 v360 v400");
  // From the newest key frame that is far enough back.
  is (joins (burst_keyframe, Unit::ns, 120 * ms), "H240 K240 A240 v280 v320 v360 v400");
  is (joins (burst_keyframe, Unit::ns, 121 * ms),
      "H0 K0 v40 v80 A80 v120 v160 v200 K240 A240 v280 v320 v360 v400");
  // There is none: from the oldest one that there is.
  is (joins (burst_keyframe, Unit::ns, 10000 * ms),
      "H0 K0 v40 v80 A80 v120 v160 v200 K240 A240 v280 v320 v360 v400");
  is (joins (burst_with_keyframe, Unit::ns, 120 * ms), "H240 K240 A240 v280 v320 v360 v400");
}
GST_END_TEST

GST_START_TEST (test_burst_is_bounded_by_the_cache)
{
  using enum SyncMethod;
  unsigned wanted = 0;
  const auto is = [] (const std::string &got, const char *expected) {
    fail_unless_equals_string (got.c_str (), expected);
  };
  const std::size_t four = 4 * (80 + 12);
  is (joins (burst, Burst::Unit::ns, 10000 * ms, four), "H240 A240 v280 v320 v360 v400");
  // The group does not fit: a key frame is asked for, and waited for.
  is (joins (burst_keyframe, Burst::Unit::ns, 10000 * ms, 3 * (80 + 12), &wanted), "H360");
  fail_unless_equals_int (wanted, 1);
  // The second group fits, but is not that long.
  is (joins (burst_keyframe, Burst::Unit::ns, 10000 * ms, 6 * (80 + 12)),
      "H240 K240 A240 v280 v320 v360 v400");
  // No key frame is far enough back and fits.
  is (joins (burst_with_keyframe, Burst::Unit::messages, 2, 3 * (80 + 12)), "H280 v320 v360 v400");
  is (joins (burst, Burst::Unit::ns, 10000 * ms, 0), "H360 v400"); // no cache
}
GST_END_TEST

// Sound alone has no key frames.
GST_START_TEST (test_burst_of_sound)
{
  Publication::Settings with = settings (SyncMethod::burst_with_keyframe);
  with.burst = {Burst::Unit::ns, 50 * ms};
  Stage s (with);
  for (std::uint32_t i = 0; i < 10000; i++)
    s.put ('A', i * 20);
  fail_unless (s.publication.cached_bytes () <= with.gop_bytes);
  Peer peer;
  const auto player = peer.play (s.publication);
  fail_unless_equals_string (peer.take ().c_str (), "A199920 A199940 A199960 A199980");
}
GST_END_TEST

static Suite *publication_suite ()
{
  Suite *s = suite_create ("rtmp-publication");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_join_with_the_cache);
  tcase_add_test (tc, test_metadata_has_time_0);
  tcase_add_test (tc, test_join_without_cache);
  tcase_add_test (tc, test_join_with_the_latest);
  tcase_add_test (tc, test_join_before_the_publisher);
  tcase_add_test (tc, test_many_joins_ask_once);
  tcase_add_test (tc, test_audio_only);
  tcase_add_test (tc, test_late_and_changed_headers);
  tcase_add_test (tc, test_cache_is_bounded);
  tcase_add_test (tc, test_payload_is_shared);
  tcase_add_test (tc, test_several_netstreams);
  tcase_add_test (tc, test_tracks_for_those_who_know_them);
  tcase_add_test (tc, test_merge_time);
  tcase_add_test (tc, test_past_the_session_and_through_it_are_the_same);
  tcase_add_test (tc, test_joins_while_something_is_held);
  tcase_add_test (tc, test_burst);
  tcase_add_test (tc, test_burst_is_bounded_by_the_cache);
  tcase_add_test (tc, test_burst_of_sound);
  tcase_add_test (tc, test_end);
  tcase_add_test (tc, test_leaving);
  return s;
}
GST_CHECK_MAIN (publication)

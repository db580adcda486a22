// SPDX-License-Identifier: LGPL-2.1-or-later
// Players that are slow, pause, or do not want everything.
#include "player_fixture.h"

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
constexpr std::size_t large = Peer::room; // fills what a connection takes

Publication::Settings settings (const PlayerLimits &limits)
{
  Publication::Settings s;
  s.player = limits;
  s.gop_bytes = 0;
  return s;
}

// A player that takes nothing any more: `K0` is at its connection.
struct Slow : Peer {
  explicit Slow (Stage &s) : player (play (s.publication))
  {
    open = false;
    s.put ('K', 0, large);
  }
  std::string reads ()
  {
    open_tap (*player);
    return take ();
  }
  std::unique_ptr<Player> player;
};
} // namespace

GST_START_TEST (test_slow_player_resumes_on_a_key_frame)
{
  Stage s (settings ({.bytes = 1100}));
  Peer quick;
  const auto other = quick.play (s.publication);
  Slow slow (s);
  for (std::uint32_t i = 1; i <= 10; i++)
    s.put (i == 6 ? 'K' : 'v', i * 40, 200);
  fail_unless_equals_string (slow.reads ().c_str (), "K0 K240 v280 v320 v360 v400");
  // The others get all of it.
  fail_unless_equals_string (
      quick.take ().c_str (), "K0 v40 v80 v120 v160 v200 K240 v280 v320 v360 v400");
  fail_unless (slow.player->stats (s.now).dropped == 5 && s.dropped == 5 && s.times_full >= 1);
  fail_unless (other->stats (s.now).dropped == 0);
}
GST_END_TEST

GST_START_TEST (test_no_key_frame_in_the_queue)
{
  Stage s (settings ({.bytes = 1000}));
  Slow slow (s);
  s.put ('A', 20);
  for (std::uint32_t i = 1; i <= 6; i++)
    s.put ('v', i * 40, 200);
  s.put ('A', 250);
  s.put ('K', 280);
  // Audio goes on.
  fail_unless_equals_string (slow.reads ().c_str (), "K0 A20 A250 K280");
}
GST_END_TEST

GST_START_TEST (test_key_frame_is_asked_for_with_patience)
{
  Stage s (settings ({.bytes = 1000}));
  Slow slow (s);
  const unsigned before = s.keys_wanted;
  for (std::uint32_t i = 1; i <= 6; i++)
    s.put ('v', i * 40, 200);
  fail_unless (s.keys_wanted == before);
  s.now += Publication::key_patience;
  s.put ('v', 280);
  fail_unless (s.keys_wanted == before + 1);
}
GST_END_TEST

GST_START_TEST (test_too_long_in_the_queue)
{
  Stage s (settings ({.time = seconds (2)}));
  Slow slow (s);
  s.put ('v', 40);
  s.now += milliseconds (1500);
  s.put ('K', 1540);
  s.put ('v', 1580);
  s.now += milliseconds (600);
  s.put ('v', 2100);
  fail_unless_equals_string (slow.reads ().c_str (), "K0 K1540 v1580 v2100");
  fail_unless (slow.player->stats (s.now).times_full == 1);
}
GST_END_TEST

GST_START_TEST (test_too_many_messages)
{
  Stage s (settings ({.messages = 2, .recover = RecoverPolicy::latest}));
  Slow slow (s);
  for (std::uint32_t i = 1; i <= 5; i++)
    s.put ('v', i);
  fail_unless_equals_string (slow.reads ().c_str (), "K0 v4 v5");
}
GST_END_TEST

GST_START_TEST (test_audio_alone_is_bounded)
{
  Stage s (settings ({.bytes = 1000}));
  Slow slow (s);
  for (std::uint32_t i = 0; i < 100000; i++)
    s.put ('A', i);
  fail_unless (slow.player->stats (s.now).queued_bytes <= 1000);
  fail_unless (slow.unsent () < large + 1000);
}
GST_END_TEST

GST_START_TEST (test_headers_are_not_dropped)
{
  Stage s (settings ({.bytes = 1000}));
  Slow slow (s);
  s.put ('v', 40, 500);
  s.put ('H', 80);
  s.put ('K', 80, 400);
  s.put ('v', 120, 600);
  s.put ('K', 160, 200);
  fail_unless_equals_string (slow.reads ().c_str (), "K0 H80 K160");
}
GST_END_TEST

GST_START_TEST (test_soft_limit)
{
  Stage s (settings ({.messages = 6, .messages_soft = 2, .recover = RecoverPolicy::soft_limit}));
  Slow slow (s);
  for (std::uint32_t i = 1; i <= 9; i++)
    s.put ('v', i);
  // With the seventh it was full: two were left, and two more came.
  fail_unless_equals_string (slow.reads ().c_str (), "K0 v6 v7 v8 v9");
  fail_unless (slow.player->stats (s.now).dropped == 5 && s.times_full == 1);
}
GST_END_TEST

// Without units: half of the bytes, half of the time. Headers stay.
GST_START_TEST (test_soft_limit_of_bytes_and_time)
{
  Stage s (settings ({.bytes = 1200, .time = seconds (2), .recover = RecoverPolicy::soft_limit}));
  Slow slow (s);
  s.put ('h', 1);
  for (std::uint32_t i = 2; i <= 12; i++)
    s.put ('v', i, 88);
  fail_unless (slow.player->stats (s.now).queued_bytes <= 600);
  fail_unless_equals_string (slow.reads ().c_str (), "K0 h1 v9 v10 v11 v12");
  Slow late (s);
  for (std::uint32_t i = 20; i <= 23; i++) {
    s.put ('v', i);
    s.now += milliseconds (700);
  }
  fail_unless_equals_string (late.reads ().c_str (), "h12 K0 v22 v23");
}
GST_END_TEST

GST_START_TEST (test_without_recovery)
{
  Stage s (settings ({.bytes = 1000, .recover = RecoverPolicy::none}));
  Slow slow (s);
  s.put ('v', 40, 500);
  fail_unless (!slow.gave_up);
  s.put ('v', 80, 600);
  fail_unless (slow.gave_up && slow.player->stats (s.now).queued_bytes == 0);
  s.put ('K', 120);
  fail_unless_equals_string (slow.reads ().c_str (), "K0");
}
GST_END_TEST

// A group of pictures that is larger than the queue may be.
GST_START_TEST (test_burst_at_a_join)
{
  Publication::Settings limits;
  limits.player.bytes = 1000;
  Stage s (limits);
  s.put ('K', 0, large);
  for (std::uint32_t i = 1; i <= 20; i++)
    s.put ('v', i * 40, 200);
  Peer peer;
  peer.client.play (); // the handshake's replies are out
  peer.take ();
  peer.open = false;
  const auto player = s.publication.join (peer, 1, s.now);
  fail_unless (player->stats (s.now).queued_messages == 20 && s.times_full == 0);
  s.put ('v', 840, 900);
  fail_unless (s.times_full == 0);
  s.put ('v', 880, 900);
  fail_unless (s.times_full == 1);
  peer.open_tap (*player);
  fail_unless_equals_string (peer.take ().substr (0, 2).c_str (), "K0");
}
GST_END_TEST

GST_START_TEST (test_pause)
{
  Stage s;
  Peer peer;
  const auto player = peer.play (s.publication);
  s.put ('H', 0);
  s.put ('K', 0);
  s.put ('v', 40);
  peer.take ();
  player->pause (true, s.now);
  s.put ('v', 80);
  s.put ('K', 120);
  s.put ('v', 160);
  fail_unless_equals_string (peer.take ().c_str (), "");
  player->pause (false, s.now);
  fail_unless_equals_string (peer.take ().c_str (), "H120 K120 v160");
  s.put ('v', 200);
  fail_unless_equals_string (peer.take ().c_str (), "v200");
}
GST_END_TEST

GST_START_TEST (test_resume_without_cache)
{
  Stage s (settings ({}));
  Peer peer;
  const auto player = peer.play (s.publication);
  s.put ('K', 0);
  player->pause (true, s.now);
  peer.take ();
  s.now += seconds (1);
  const unsigned before = s.keys_wanted;
  player->pause (false, s.now);
  fail_unless (s.keys_wanted == before + 1);
  s.put ('v', 40);
  s.put ('K', 80);
  fail_unless_equals_string (peer.take ().c_str (), "K80");
}
GST_END_TEST

GST_START_TEST (test_receive)
{
  Stage s (settings ({}));
  Peer peer;
  const auto player = peer.play (s.publication);
  s.put ('H', 0);
  s.put ('h', 0);
  s.put ('K', 0);
  peer.take ();
  player->receive (true, false, s.now);
  s.put ('v', 40);
  s.put ('A', 40);
  fail_unless_equals_string (peer.take ().c_str (), "A40");
  s.put ('H', 80, 101); // meanwhile
  player->receive (false, true, s.now);
  s.put ('v', 80);
  s.put ('A', 80);
  s.put ('K', 120);
  fail_unless_equals_string (peer.take ().c_str (), "H80 K120");
  player->receive (true, true, s.now);
  s.put ('A', 130);
  fail_unless_equals_string (peer.take ().c_str (), "h120 A130");
}
GST_END_TEST

static Suite *player_suite ()
{
  Suite *s = suite_create ("rtmp-player");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_slow_player_resumes_on_a_key_frame);
  tcase_add_test (tc, test_no_key_frame_in_the_queue);
  tcase_add_test (tc, test_key_frame_is_asked_for_with_patience);
  tcase_add_test (tc, test_too_long_in_the_queue);
  tcase_add_test (tc, test_too_many_messages);
  tcase_add_test (tc, test_audio_alone_is_bounded);
  tcase_add_test (tc, test_headers_are_not_dropped);
  tcase_add_test (tc, test_soft_limit);
  tcase_add_test (tc, test_soft_limit_of_bytes_and_time);
  tcase_add_test (tc, test_without_recovery);
  tcase_add_test (tc, test_burst_at_a_join);
  tcase_add_test (tc, test_pause);
  tcase_add_test (tc, test_resume_without_cache);
  tcase_add_test (tc, test_receive);
  return s;
}
GST_CHECK_MAIN (player)

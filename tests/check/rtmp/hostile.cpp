// SPDX-License-Identifier: LGPL-2.1-or-later
// What clients can make a server hold or do with few bytes, counted.
#include "player_fixture.h"
#include <atomic>
#include <cstdlib>
#include <malloc.h>
#include <new>

namespace {
std::atomic<std::size_t> live{0}; // bytes of operator new
}

[[gnu::noinline]] void *operator new (std::size_t n)
{
  void *p = std::malloc (n);
  if (!p)
    throw std::bad_alloc ();
  live += malloc_usable_size (p);
  return p;
}
[[gnu::noinline]] void operator delete (void *p) noexcept
{
  if (p)
    live -= malloc_usable_size (p);
  std::free (p);
}
[[gnu::noinline]] void operator delete (void *p, std::size_t) noexcept
{
  operator delete (p);
}

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
// A message without payload, and `n` more like it of one byte each.
Wire tiny (std::size_t n)
{
  Wire w;
  put_head (w, {0, 4, 0, 0, MessageType::video, 1});
  w.insert (w.end (), n, 3 << 6 | 4);
  return w;
}

// An array of `n` nulls: a byte each on the wire.
Value nulls (std::size_t n)
{
  Array a;
  a.values.assign (n, Null{});
  return a;
}
} // namespace

GST_START_TEST (test_tiny_messages_leave_nothing_behind)
{
  Client stranger, publisher;
  stranger.handshake ();
  publisher.connect ();
  publisher.publish ();
  for (Client *c : {&stranger, &publisher}) {
    const Wire w = tiny (200000);
    const std::size_t before = live;
    c->session.input (w, c->now);
    while (c->session.poll_event ()) {
    }
    fail_unless (live < before + 16384, "%zu bytes more", live - before);
  }
}
GST_END_TEST

GST_START_TEST (test_commands_before_the_verdict_are_bounded)
{
  // Held for the verdict: what they take counts, not what they were on the wire.
  Client c;
  c.handshake ();
  c.command (0, {"connect", 1.0, Client::connect_object ()});
  c.expect<ConnectRequest> ();
  const std::size_t before = live;
  for (unsigned i = 0; i < 60 && !c.session.ended (); i++)
    c.command (0, {"call", 0.0, Null{}, nulls (4000)});
  fail_unless (c.expect<Ended> ().reason == EndReason::too_much);
  fail_unless (live < before + (1u << 20), "%zu bytes more", live - before);
  // The connect command itself.
  Client d;
  d.handshake ();
  d.command (0, {"connect", 1.0, Client::connect_object (), nulls (4000)});
  fail_unless (d.expect<Ended> ().reason == EndReason::too_much);
}
GST_END_TEST

// A few bytes that mean the same values again and again.
GST_START_TEST (test_few_values_are_repeated)
{
  Wire w = encode_amf0 ({nulls (60)});
  for (unsigned i = 0; i < 60; i++)
    put (w, Wire{7, 0, 0});
  const Decoded d = decode_amf0 (w, {});
  fail_unless (d.fault == Decoded::Fault::too_many);
  fail_unless (d.memory < 64u << 10);
  // The same within AMF3, which a reference of AMF0 repeats.
  Wire three = {10, 0, 0, 0, 1, 0x11, 9, 60 * 2 + 1, 1};
  three.insert (three.end (), 60, 1);
  for (unsigned i = 0; i < 60; i++)
    put (three, Wire{7, 0, 0});
  fail_unless (decode_amf0 (three, {}).fault == Decoded::Fault::too_many);
}
GST_END_TEST

// Each pause is answered behind the media, which nobody reads.
GST_START_TEST (test_pauses_that_nobody_reads)
{
  Client c;
  c.connect ();
  const auto id = c.play ();
  Wire w;
  put_message (w, {0, 3, 0, 0, MessageType::command_amf0, id},
      encode_amf0 ({"pause", 0.0, Null{}, true, 0.0}));
  for (unsigned i = 0; i < 10000 && !c.session.ended (); i++) {
    c.session.input (w, c.now);
    while (auto e = c.session.poll_event ())
      if (const auto *p = std::get_if<PauseRequest> (&*e))
        c.session.accept (p->request, c.now);
  }
  fail_unless (c.session.ended ());
}
GST_END_TEST

GST_START_TEST (test_receive_audio_before_play)
{
  Client c;
  c.connect ();
  const auto id = c.create ();
  c.command (id, {"receiveAudio", 0.0, Null{}, false});
  c.expect<ReceiveChanged> ();
  c.command (id, {"play", 0.0, Null{}, "cam"});
  c.accept (c.expect<PlayRequest> ().request);
  const auto r = c.expect<ReceiveChanged> (); // whoever plays it learns now
  fail_unless (r.stream == id && !r.audio && r.video);
}
GST_END_TEST

// Players that read nothing, on streams for which all has to be framed again.
GST_START_TEST (test_joins_share_the_cached_group)
{
  Stage s;
  std::vector<std::unique_ptr<Peer>> peers;
  std::vector<std::unique_ptr<Player>> players;
  for (unsigned i = 0; i < 20; i++) {
    auto &p = *peers.emplace_back (std::make_unique<Peer> ());
    p.client.create ();
    p.client.said ();
    p.open = false;
  }
  s.put ('H', 0);
  s.put ('K', 0, 10000);
  for (std::uint32_t i = 1; i < 200; i++)
    s.put ('v', i, 10000);
  const std::size_t before = live;
  for (auto &p : peers)
    players.push_back (p->play (s.publication));
  for (const auto &p : players)
    fail_unless_equals_int (p->stream (), 2);
  // 20 times 2 MB; what waits are references.
  fail_unless (live < before + (1u << 20), "%zu bytes more", live - before);
  s.put ('v', 200);
  peers[0]->open = true;
  const std::size_t got = peers[0]->client.got.size ();
  while (peers[0]->unsent () > 0 || !players[0]->drained ())
    peers[0]->open_tap (*players[0]);
  fail_unless_equals_int (peers[0]->client.got.size () - got, 202);
}
GST_END_TEST

// A publisher that is relayed and changes its configuration with each frame.
GST_START_TEST (test_superseded_headers_go)
{
  Publication::Settings settings;
  settings.player.bytes = 4000;
  Stage s (settings);
  Peer p;
  const auto player = p.play (s.publication);
  p.open = false;
  s.put ('K', 0, Peer::room);
  for (std::uint32_t i = 1; i < 2000; i++) {
    s.put ('H', i, 100 + i % 2);
    s.put ('K', i, 100);
  }
  fail_unless (
      player->stats (s.now).queued_bytes < 8000, "%zu", player->stats (s.now).queued_bytes);
  p.open_tap (*player);
  const std::string got = p.take ();
  fail_unless (got.find ("H1999") != got.npos, "%s", got.c_str ());
}
GST_END_TEST

static Suite *hostile_suite ()
{
  Suite *s = suite_create ("rtmp-hostile");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_tiny_messages_leave_nothing_behind);
  tcase_add_test (tc, test_commands_before_the_verdict_are_bounded);
  tcase_add_test (tc, test_few_values_are_repeated);
  tcase_add_test (tc, test_pauses_that_nobody_reads);
  tcase_add_test (tc, test_receive_audio_before_play);
  tcase_add_test (tc, test_joins_share_the_cached_group);
  tcase_add_test (tc, test_superseded_headers_go);
  return s;
}
GST_CHECK_MAIN (hostile)

// SPDX-License-Identifier: LGPL-2.1-or-later
// The server of pools: what its application decides, its limits, and two ways to it.
#include "pool_script.h"

using namespace reach;
using namespace reach::test;

GST_START_TEST (private_pools)
{
  rtc::pool::Limits l;
  l.private_pools = true;
  PoolScript s (l);
  s.join (1, "garden");
  const std::string t = s.take (1);
  fail_unless (
      t.find ("\"unknown-pool\",\"pool\":\"garden\"") != std::string::npos, "%s", t.c_str ());
  fail_unless (s.pools.add_pool ("garden"));
  s.send (1, "rtc:join", R"({"pool":"garden"})"); // the connection is as good as before
  fail_unless (s.take (1).starts_with ("{\"type\":\"rtc:joined\""));
  fail_unless (s.pools.remove_pool ("garden"));
  fail_if (s.pools.remove_pool ("garden"));
  s.join (2, "garden");
  fail_unless (s.error (2, "unknown-pool"));
  fail_unless_equals_uint64 (s.pools.pools (), 1);
  s.gone (1);
  fail_unless_equals_uint64 (s.pools.pools (), 0);
  fail_unless (s.pools.add_pool ("kept"));
  s.join (3, "kept");
  s.gone (3);
  fail_unless_equals_uint64 (s.pools.pools (), 1);
  fail_unless (s.pools.close_pool ("kept"));
  s.join (4, "kept");
  fail_unless (s.error (4, "unknown-pool"));
  fail_if (s.pools.add_pool (""));
  fail_if (s.pools.add_pool ("a\nb"));
}
GST_END_TEST

// A name can stand for another one, which the peer is told.
GST_START_TEST (resolved_names)
{
  PoolScript s;
  s.decides = false;
  s.join (1, "door");
  fail_unless (s.pools.decide (s.requests.back ().request, true, "garden \"7\"", s.now));
  s.drain ();
  fail_unless (s.take (1).find (R"("pool":"garden \"7\"")") != std::string::npos);
  s.join (2, "door");
  fail_unless (s.pools.decide (s.requests.back ().request, true, "", s.now));
  s.drain ();
  fail_unless (s.error (2, "unknown-pool"));
}
GST_END_TEST

GST_START_TEST (decisions)
{
  PoolScript s;
  s.decides = false;
  s.join (1, "garden");
  fail_unless_equals_string (s.take (1).c_str (), "");
  s.send (1, "rtc:join", R"({"pool":"garden"})");
  fail_unless (s.error (1, "joined"));
  s.send (1, "rtc:candidate", R"({"for":"p1","candidate":null})");
  fail_unless (s.error (1, "not-joined"));
  const std::uint64_t asked = s.requests.back ().request;
  fail_unless (s.pools.decide (asked, false, "", s.now));
  fail_if (s.pools.decide (asked, true, "garden", s.now));
  s.drain ();
  fail_unless (s.error (1, "refused"));
  s.send (1, "rtc:join", R"({"pool":"garden"})"); // and again
  s.join (2, "garden");
  fail_unless (s.pools.poll_timeout () == s.now + seconds (10));
  s.gone (2); // it does not wait for the answer
  fail_if (s.pools.decide (s.requests.back ().request, true, "garden", s.now));
  s.now += seconds (10);
  s.pools.timeout (s.now);
  s.drain ();
  fail_unless (s.error (1, "refused")); // no answer is a no
  fail_unless (!s.pools.poll_timeout ());
  fail_unless_equals_uint64 (s.pools.pools (), 0);
  fail_unless_equals_uint64 (s.pools.peers (), 0);
}
GST_END_TEST

GST_START_TEST (limits)
{
  rtc::pool::Limits l;
  l.peers = 2;
  l.pools = 2;
  l.waiting = 1;
  l.message = 200;
  l.messages = {10, 20};
  PoolScript s (l);
  s.join (1, "a");
  s.join (2, "a");
  s.join (3, "a");
  fail_unless (s.error (3, "full"));
  s.join (4, "b");
  s.join (5, "c");
  fail_unless (s.error (5, "limit"));
  fail_if (s.pools.add_pool ("c"));
  fail_unless (s.pools.add_pool ("b"));
  s.send (1, "rtc:candidate",
      R"({"for":"p2","candidate":{"candidate":")" + std::string (200, 'x') + "\"}}");
  s.take (2);
  s.forget ();
  fail_if (s.pools.describe ("a", "p1", "{\"x\":\"" + std::string (200, 'x') + "\"}"));
  s.decides = false;
  s.join (6, "b");
  s.join (7, "b");
  fail_unless (s.error (7, "limit"));
  s.forget ();
  // Who sends more than its rate is out; its neighbour is told as of any that leaves.
  for (int i = 0; i < 60; i++)
    s.send (1, "chat", "{}");
  const std::string t = s.take (1);
  fail_unless (t.find ("\"reason\":\"rate\"") != std::string::npos);
  fail_unless (t.ends_with ("close 1008\n"));
  fail_unless_equals_string (
      s.take (2).c_str (), line ("rtc:close", R"({"id":"p1","uid":"p1"})").c_str ());
  fail_unless (s.take_events ().ends_with ("left a p1 limit\n"));
  s.now += seconds (1); // another's bucket is its own, and fills again
  s.send (2, "rtc:candidate", "{}");
  fail_unless (s.error (2, "malformed"));
}
GST_END_TEST

// Who is there has something to say to each that comes, at a rate that others decide.
GST_START_TEST (room_for_newcomers)
{
  rtc::pool::Limits l;
  l.messages = {10, 20};
  PoolScript s (l);
  s.join (1, "garden");
  for (rtc::pool::Id other = 2; other <= 101; other++)
    s.join (other, "garden");
  s.forget ();
  for (int i = 0; i < 100; i++)
    for (int n = 0; n < 15; n++)
      s.send (
          1, "rtc:candidate", R"({"for":"p)" + std::to_string (2 + i) + R"(","candidate":null})");
  fail_unless (s.take (1).empty ());
  // The last to come has met them all, too.
  for (int i = 0; i < 100; i++)
    for (int n = 0; n < 15; n++)
      s.send (
          101, "rtc:candidate", R"({"for":"p)" + std::to_string (1 + i) + R"(","candidate":null})");
  fail_unless (s.take (101).find ("close") == std::string::npos);
  for (int i = 0; i < 2000; i++)
    s.send (1, "chat", "{}");
  fail_unless (s.take (1).ends_with ("close 1008\n"));
}
GST_END_TEST

// Whoever sends much of what is too long is answered shortly.
GST_START_TEST (too_long)
{
  rtc::pool::Limits l;
  l.message = 1000;
  Two s (l);
  s.send (1, "rtc:sdp",
      R"({"to":"p2","description":{"type":"offer","sdp":")" + std::string (1000, 'x') + "\"}}");
  fail_unless (s.error (1, "malformed"));
  fail_unless_equals_string (s.take (2).c_str (), "");
}
GST_END_TEST

// The same pool by raw WebSocket and by socket.io, in two namespaces.
GST_START_TEST (socket_io_events)
{
  PoolScript s;
  s.join (1, "garden");
  s.pools.connect (2, "42");
  s.pools.connect (3, "42/room,");
  const auto event = [&] (rtc::pool::Id who, const char *name, const std::string &data) {
    s.pools.event (who, name, *rtc::json::parse (data), s.now);
    s.drain ();
  };
  s.forget ();
  event (2, "rtc:join", R"({"pool":"garden"})");
  fail_unless_equals_string (s.take (2).c_str (),
      "42[\"rtc:joined\",{\"client_id\":\"p2\",\"peers\":[\"p1\"],\"descriptions\":{\"p1\":null,"
      "\"p2\":null},\"pool\":\"garden\"}]\n");
  event (3, "rtc:join", R"({"pool":"garden"})");
  s.forget ();
  event (2, "rtc:candidate", R"({"for":"p3","candidate":null})");
  fail_unless_equals_string (
      s.take (3).c_str (), "42/room,[\"rtc:candidate\",{\"candidate\":null,\"from\":\"p2\"}]\n");
  event (2, "rtc:sdp", "null");
  fail_unless (s.take (2).starts_with ("42[\"rtc:error\",{"));
  s.pools.malformed (2, s.now);
  s.drain ();
  fail_unless (s.take (2).find ("\"malformed\"") != std::string::npos);
}
GST_END_TEST

static Suite *pools_server_suite ()
{
  Suite *s = suite_create ("pools_server");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, private_pools);
  tcase_add_test (tc, resolved_names);
  tcase_add_test (tc, decisions);
  tcase_add_test (tc, limits);
  tcase_add_test (tc, room_for_newcomers);
  tcase_add_test (tc, too_long);
  tcase_add_test (tc, socket_io_events);
  return s;
}

GST_CHECK_MAIN (pools_server)

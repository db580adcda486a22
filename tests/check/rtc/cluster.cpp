// SPDX-License-Identifier: LGPL-2.1-or-later
// Several servers of pools that are one, over a bus of the test's, where each two servers have a
// delay of their own.
#include "cluster_world.h"
#include <random>

using namespace reach;
using namespace reach::test;

GST_START_TEST (session)
{
  World w;
  Server &a = w.start (), &b = w.start ();
  w.ready ();
  fail_unless_equals_uint64 (a.cluster.nodes (), 1);
  a.join (1, "garden");
  w.settle ();
  fail_unless (a.script.take (1).starts_with ("{\"type\":\"rtc:joined\""));
  b.join (1, "garden");
  w.settle ();
  fail_unless_equals_string (b.script.take (1).c_str (),
      line ("rtc:joined",
          R"({"client_id":"b1","peers":["a1"],"descriptions":{"a1":null,"b1":null},"pool":"garden"})")
          .c_str ());
  fail_unless_equals_string (a.script.take (1).c_str (),
      (line ("rtc:peer", R"({"id":"b1"})") + line ("rtc:request_offers", R"({"for":"b1"})"))
          .c_str ());
  const std::string offer = R"({"type":"offer","sdp":"v=0"})";
  a.send (1, "rtc:sdp", R"({"to":"b1","description":)" + offer + "}");
  a.send (1, "rtc:candidate", R"({"for":"b1","candidate":null})");
  w.settle ();
  fail_unless_equals_string (b.script.take (1).c_str (),
      (line ("rtc:sdp", R"({"peer":"a1","description":)" + offer + "}") +
          line ("rtc:offer", R"({"for":"a1","offer":)" + offer + "}") +
          line ("rtc:candidate", R"({"candidate":null,"from":"a1"})"))
          .c_str ());
  // Whoever describes a member, its own server says it to all.
  fail_unless (a.script.pools.describe ("garden", "b1", R"({"name":"Bo"})"));
  a.drain ();
  w.settle ();
  fail_unless_equals_string (a.script.take (1).c_str (),
      line ("rtc:describe", R"({"id":"b1","uid":"b1","description":{"name":"Bo"}})").c_str ());
  fail_unless_equals_string (b.script.take (1).c_str (), "");
  fail_unless (b.script.pools.broadcast ("garden", R"({"type":"news","data":{}})"));
  fail_unless (b.script.pools.send ("garden", "a1", R"({"type":"you","data":{}})"));
  b.drain ();
  w.settle ();
  fail_unless_equals_string (
      a.script.take (1).c_str (), (line ("news", "{}") + line ("you", "{}")).c_str ());
  fail_unless_equals_string (b.script.take (1).c_str (), line ("news", "{}").c_str ());
  // Some are left out, wherever they are.
  fail_unless (b.script.pools.broadcast ("garden", R"({"type":"x","data":{}})", {"b1"}));
  fail_unless (b.script.pools.broadcast ("garden", R"({"type":"y","data":{}})", {"?\"", "a1"}));
  b.drain ();
  w.settle ();
  fail_unless_equals_string (a.script.take (1).c_str (), line ("x", "{}").c_str ());
  fail_unless_equals_string (b.script.take (1).c_str (), line ("y", "{}").c_str ());
  b.script.pools.disconnect (1, "closed");
  b.drain ();
  w.settle ();
  fail_unless_equals_string (
      a.script.take (1).c_str (), line ("rtc:close", R"({"id":"b1","uid":"b1"})").c_str ());
  b.join (2, "garden");
  w.settle ();
  b.script.forget ();
  fail_unless (a.script.pools.close_pool ("garden"));
  a.drain ();
  w.settle ();
  fail_unless_equals_string (
      b.script.take (2).c_str (), (line ("rtc:stop", "{}") + "close 1000\n").c_str ());
  fail_unless_equals_uint64 (b.script.pools.pools (), 0);
}
GST_END_TEST

// Its members are told as gone within ten seconds, and another's join waits no longer.
GST_START_TEST (node_dies)
{
  World w;
  Server &a = w.start (), &b = w.start (), &c = w.start ();
  w.ready ();
  a.join (1, "garden");
  b.join (1, "garden");
  w.settle ();
  b.cut = true;
  c.join (1, "garden");
  w.settle ();
  fail_unless_equals_string (c.script.take (1).c_str (), "");
  a.script.forget ();
  const TimePoint cut = w.now;
  for (int i = 0; i < 9; i++)
    w.pass (seconds (1));
  fail_unless (w.now - cut < seconds (10));
  fail_unless_equals_string (a.script.take (1).substr (0, 46).c_str (),
      line ("rtc:close", R"({"id":"b1","uid":"b1"})").substr (0, 46).c_str ());
  fail_unless (c.script.take (1).find (R"("peers":["a1"])") != std::string::npos);
  // The one that was cut off has let its members go, and comes back as a new one.
  fail_unless (b.script.take (1).ends_with ("close 1013\n"));
  fail_unless_equals_uint64 (b.script.pools.peers (), 0);
  b.cut = false;
  w.ready ();
  b.join (2, "garden");
  w.settle ();
  fail_unless (b.script.take (2).find (R"("peers":["a1","c1"])") != std::string::npos);
}
GST_END_TEST

GST_START_TEST (node_stops)
{
  World w;
  Server &a = w.start (), &b = w.start ();
  w.ready ();
  a.join (1, "garden");
  b.join (1, "garden");
  w.settle ();
  a.script.forget ();
  b.cluster.stop ();
  b.drain ();
  w.settle ();
  fail_unless_equals_string (
      a.script.take (1).c_str (), line ("rtc:close", R"({"id":"b1","uid":"b1"})").c_str ());
  fail_unless_equals_uint64 (a.cluster.nodes (), 0);
}
GST_END_TEST

// What there is, is known to a server that starts later.
GST_START_TEST (late_node)
{
  World w;
  Server &a = w.start ();
  w.ready ();
  a.join (1, "garden");
  fail_unless (
      a.script.take (1).starts_with ("{\"type\":\"rtc:joined\"")); // alone it need not wait
  fail_unless (a.script.pools.add_pool ("kept"));
  fail_unless (a.script.pools.describe ("garden", "a1", R"({"x":1})"));
  a.drain ();
  Server &b = w.start ();
  b.join (1, "garden"); // before it is ready: it waits
  fail_unless_equals_string (b.script.take (1).c_str (), "");
  w.ready ();
  fail_unless (b.script.take (1).find (R"("peers":["a1"],"descriptions":{"a1":{"x":1},)") !=
               std::string::npos);
  fail_unless_equals_uint64 (b.script.pools.pools (), 2);
  fail_unless (b.script.pools.remove_pool ("kept"));
  b.drain ();
  w.settle ();
  fail_unless_equals_uint64 (a.script.pools.pools (), 1);
}
GST_END_TEST

// Without the others' answers nobody comes in, and is told so.
GST_START_TEST (no_bus)
{
  World w;
  Server &a = w.start ();
  a.cut = true;
  a.join (1, "garden");
  for (int i = 0; i < 4; i++)
    w.pass (seconds (1));
  fail_unless_equals_string (a.script.take (1).c_str (), "");
  w.pass (seconds (2)); // it starts anew
  fail_unless_equals_string (a.script.take (1).c_str (), "close 1013\n");
  for (const char *bad : {"", "{}", "[]", "{\"node\":1}", "{\"node\":\"x\",\"kind\":\"want\"}",
           "{\"node\":\"x\",\"run\":-1,\"kind\":\"alive\"}"})
    a.cluster.input (bad, w.now);
  fail_unless (a.cluster.malformed () > 0);
}
GST_END_TEST

namespace {
// Of each two that know each other one was there before the other, as both see it.
void check_roles (World &w, unsigned seed)
{
  std::map<std::string, std::string> elders; // of each member, as it was told on joining
  std::map<std::string, std::string> later;  // and whom it was told of then
  for (auto &s : w.servers)
    for (auto &[who, text] : s->script.got) {
      const std::size_t at = text.find ("\"client_id\":\"");
      fail_unless (at != std::string::npos, "seed %u: %s", seed, text.c_str ());
      const std::string id = text.substr (at + 13, text.find ('"', at + 13) - at - 13);
      const std::size_t peers = text.find ("\"peers\":[");
      elders[id] = text.substr (peers, text.find (']', peers) - peers);
      later[id] = text.substr (text.find ('\n'));
    }
  for (const auto &[x, elder] : elders)
    for (const auto &[y, unused] : elders) {
      if (x == y)
        continue;
      const bool polite = elder.find ("\"" + y + "\"") != std::string::npos;
      const bool told =
          later[x].find ("rtc:peer\",\"data\":{\"id\":\"" + y + "\"") != std::string::npos;
      fail_unless (polite != told, "seed %u: %s and %s", seed, x.c_str (), y.c_str ());
      const bool other = elders[y].find ("\"" + x + "\"") != std::string::npos;
      fail_unless (polite != other, "seed %u: %s and %s", seed, x.c_str (), y.c_str ());
    }
}
} // namespace

// All join at once, on three servers, with messages that take any time.
GST_START_TEST (joins_at_once)
{
  for (unsigned seed = 0; seed < 300; seed++) {
    std::mt19937 random (seed);
    World w;
    for (int i = 0; i < 3; i++)
      w.start ();
    w.ready ();
    rtc::pool::Id next = 0;
    while (next < 9 || std::any_of (w.servers.begin (), w.servers.end (),
                           [] (const auto &s) { return !s->idle (); })) {
      Server &s = *w.servers[random () % 3];
      if (random () % 8 == 0 && next < 9)
        s.join (++next, "garden");
      else
        w.deliver (s, *w.servers[random () % 3]);
    }
    check_roles (w, seed);
  }
}
GST_END_TEST

// The same over a bus that loses some: what is missed is asked for again.
GST_START_TEST (lossy_bus)
{
  for (unsigned seed = 0; seed < 100; seed++) {
    std::mt19937 random (seed);
    World w;
    for (int i = 0; i < 3; i++)
      w.start ();
    w.ready ();
    w.loses = [&random] { return random () % 10 == 0; };
    for (rtc::pool::Id id = 1; id <= 6; id++) {
      w.servers[random () % 3]->join (id, "garden");
      w.pass (milliseconds (300), random () % 2);
    }
    for (int i = 0; i < 3; i++)
      w.pass (seconds (1));
    w.loses = {};
    for (int i = 0; i < 2; i++)
      w.pass (seconds (1));
    for (auto &s : w.servers)
      fail_unless (s->cluster.ready () && s->cluster.nodes () == 2, "seed %u", seed);
    check_roles (w, seed);
  }
}
GST_END_TEST

static Suite *cluster_suite ()
{
  Suite *s = suite_create ("cluster");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, session);
  tcase_add_test (tc, node_dies);
  tcase_add_test (tc, node_stops);
  tcase_add_test (tc, late_node);
  tcase_add_test (tc, no_bus);
  tcase_add_test (tc, joins_at_once);
  tcase_add_test (tc, lossy_bus);
  return s;
}

GST_CHECK_MAIN (cluster)

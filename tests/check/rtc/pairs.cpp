// SPDX-License-Identifier: LGPL-2.1-or-later
// Channels of two peers: a test for each row of docs/protocol-signalling.md, "Two peers", on one
// server and on several that are one.
#include "cluster_world.h"
#include <random>

using namespace reach;
using namespace reach::test;

namespace {
using rtc::pool::Id;

void join_pair (PoolScript &s, Id who, const std::string &channel, const std::string &name)
{
  s.pools.connect (who);
  s.pools.join_pair (who, channel, name, s.now);
}

void same (const std::string &a, const std::string &b)
{
  fail_unless_equals_string (a.c_str (), b.c_str ());
}

std::string peer (const std::string &id, bool polite)
{
  return line ("peer", "{\"id\":\"" + id + "\",\"polite\":" + (polite ? "true" : "false") + "}");
}

std::string left (const std::string &id, const std::string &reason)
{
  return line ("left", "{\"id\":\"" + id + "\",\"reason\":\"" + reason + "\"}");
}

std::string refused (const std::string &code, const std::string &sentence, unsigned close)
{
  return line ("error", "{\"code\":\"" + code + "\",\"message\":\"" + sentence + "\"}") + "close " +
         std::to_string (close) + "\n";
}

const std::string full = refused ("full", "There are two in this channel already", 1008);

// On one server, with what can be said there.
struct One : PoolScript {
  explicit One (rtc::pool::Limits l = {}) : PoolScript (l) {}
  void pair (Id who, const std::string &name, const std::string &channel = "room")
  {
    join_pair (*this, who, channel, name);
    drain ();
  }
};
} // namespace

// peer, to both; who comes later is polite.
GST_START_TEST (peers)
{
  One s;
  s.pair (1, "ann");
  same (s.take (1), "");
  s.pair (2, "b\"ob");
  same (s.take (1), peer ("b\\\"ob", false));
  same (s.take (2), peer ("ann", true));
  s.pair (3, "cy");
  same (s.take (3), full);
  s.pair (4, "cy", "other");
  same (s.take (1) + s.take (2) + s.take (4), "");
  same (s.take_events (), "joined room ann\njoined room b\"ob\njoined other cy\n");
  fail_unless_equals_uint64 (s.pools.channels (), 2);
  fail_unless_equals_uint64 (s.pools.pools () + s.pools.peers (), 0);
  s.gone (3);
  s.gone (4);
  fail_unless_equals_uint64 (s.pools.channels (), 1);
}
GST_END_TEST

// description, candidate and message, as they are; other types are ignored.
GST_START_TEST (messages)
{
  One s;
  s.pair (1, "a");
  s.send (1, "message", "{}");
  same (
      s.take (1), line ("error", R"({"code":"alone","message":"Nobody else is in this channel"})"));
  s.pair (2, "b");
  s.forget ();
  for (const char *text : {R"({ "type" : "description", "data":{"type":"offer","sdp":"ü\u00fc"} })",
           R"({"data":{"candidate":null},"type":"candidate"})",
           R"({"type":"message","data":{"x":[1.0]}})"}) {
    s.text (1, text);
    same (s.take (2), std::string (text) + "\n");
    s.text (2, text);
    same (s.take (1), std::string (text) + "\n");
  }
  s.send (1, "news", "{}");
  s.send (1, "rtc:join", "{\"pool\":\"garden\"}");
  same (s.take (1) + s.take (2), "");
}
GST_END_TEST

// left, for each reason.
GST_START_TEST (leaves)
{
  One s;
  s.pair (1, "a");
  s.pair (2, "b");
  s.forget ();
  s.gone (2, "closed");
  same (s.take (1), left ("b", "closed"));
  s.pair (3, "b");
  s.forget ();
  s.gone (3, "lost");
  same (s.take (1), left ("b", "lost"));
  s.pair (4, "b");
  s.forget ();
  s.pair (5, "b"); // its connection was dead
  same (s.take (4), "close 1008\n");
  same (s.take (1), left ("b", "replaced") + peer ("b", false));
  same (s.take (5), peer ("a", true));
  s.gone (4, "lost");
  same (s.take (1), "");
  same (s.take_events (), "left room b replaced\njoined room b\n");
  s.pair (6, "a"); // who was first can be replaced, too, and comes later now
  same (s.take (6), peer ("b", true));
  same (s.take (5), left ("a", "replaced") + peer ("a", false));
}
GST_END_TEST

GST_START_TEST (errors)
{
  rtc::pool::Limits l;
  l.pools = 2;
  l.message = 100;
  l.messages = {1, 3};
  One s (l);
  Id next = 10;
  for (const std::string &bad : {std::string (), std::string ("no"), std::string ("[]"),
           std::string ("{\"type\":\"message\"}"), std::string (R"({"type":"message","data":[]})"),
           std::string (R"({"type":1,"data":{}})"),
           std::string (R"({"type":"message","data":{"x":")") + std::string (100, 'x') + "\"}}"}) {
    s.pair (next, "a");
    s.pair (next + 1, "b");
    s.forget ();
    s.text (next, bad);
    same (s.take (next), refused ("malformed", "This is no message", 1002));
    same (s.take (next + 1), left ("a", "lost"));
    s.gone (next);
    s.gone (next + 1);
    next += 2;
  }
  s.pair (1, "a");
  s.pair (2, "b", "second");
  s.pair (3, "c", "third");
  same (s.take (3), refused ("limit", "There are too many channels", 1013));
  s.join (4, "garden"); // pools are counted by themselves
  fail_unless_equals_uint64 (s.pools.pools (), 1);
  s.forget ();
  for (int i = 0; i < 4; i++)
    s.send (1, "news", "{}");
  same (s.take (1), refused ("rate", "Too many messages", 1008));
  s.send (1, "news", "{}");
  same (s.take (1), "");
}
GST_END_TEST

// Nothing that is done with pools reaches a channel of the same name, nor one that is guessed.
GST_START_TEST (apart_from_pools)
{
  One s;
  s.pair (1, "a");
  s.pair (2, "b");
  s.join (3, "room");
  s.forget ();
  for (const char *name : {"room", "\x1fpair:room"}) {
    s.pools.broadcast (name, R"({"type":"x","data":{}})");
    fail_if (s.pools.describe (name, "p1", "{}"));
    fail_if (s.pools.send (name, "p1", R"({"type":"x","data":{}})"));
    s.pools.add_pool (name);
    s.pools.remove_pool (name);
    s.pools.close_pool (name);
  }
  s.join (4, "\\u001fpair:room");
  same (s.take (4).substr (0, 25), R"({"type":"rtc:error","data)");
  same (s.take (1) + s.take (2), "");
  fail_unless_equals_uint64 (s.pools.channels (), 1);
}
GST_END_TEST

namespace {
void pair (Server &s, Id who, const std::string &name)
{
  join_pair (s.script, who, "room", name);
  s.drain ();
}

void gone (Server &s, Id who)
{
  s.script.pools.disconnect (who, "closed");
  s.drain ();
}
} // namespace

GST_START_TEST (at_two_servers)
{
  World w;
  Server &a = w.start (), &b = w.start ();
  w.ready ();
  pair (a, 1, "ann");
  w.settle ();
  same (a.script.take (1), "");
  pair (b, 1, "bob");
  w.settle ();
  same (a.script.take (1), peer ("bob", false));
  same (b.script.take (1), peer ("ann", true));
  const std::string text = R"({ "data" : {"type":"offer","sdp":"ü\u00fc"},"type":"description"})";
  for (Server *s : {&a, &b}) {
    s->script.text (1, text);
    s->drain ();
    w.settle ();
    same ((s == &a ? b : a).script.take (1), text + "\n");
  }
  for (Server *s : {&a, &b}) {
    pair (*s, 2, "cy");
    w.settle ();
    same (s->script.take (2), full);
    gone (*s, 2);
  }
  // Bob comes again at the other server; his old connection is not known to be dead.
  pair (a, 3, "bob");
  w.settle ();
  same (b.script.take (1), "close 1008\n");
  same (a.script.take (1), left ("bob", "replaced") + peer ("bob", false));
  same (a.script.take (3), peer ("ann", true));
  gone (b, 1);
  gone (a, 3);
  w.settle ();
  same (a.script.take (1), left ("bob", "closed"));
  pair (b, 4, "dan");
  w.settle ();
  gone (a, 1);
  w.settle ();
  same (b.script.take (4), peer ("ann", true) + left ("ann", "closed"));
  gone (b, 4);
  w.settle ();
  fail_unless_equals_uint64 (a.script.pools.channels () + b.script.pools.channels (), 0);
}
GST_END_TEST

// The one that is left is told within ten seconds; another server's client may come instead.
GST_START_TEST (server_dies)
{
  World w;
  Server &a = w.start (), &b = w.start ();
  w.ready ();
  pair (a, 1, "ann");
  pair (b, 1, "bob");
  w.settle ();
  a.script.forget ();
  b.script.forget ();
  b.cut = true;
  for (int i = 0; i < 9; i++)
    w.pass (seconds (1));
  same (a.script.take (1), left ("bob", "lost"));
  fail_unless (b.script.take (1).ends_with ("close 1013\n")); // it comes again
  pair (a, 2, "bob");
  w.settle ();
  same (a.script.take (2), peer ("ann", true));
}
GST_END_TEST

// A server that does not hear itself lets nobody in, and says so.
GST_START_TEST (no_bus)
{
  World w;
  Server &a = w.start ();
  a.cut = true;
  pair (a, 1, "ann");
  w.pass (seconds (4));
  a.script.send (1, "message", "{}"); // before it is in
  fail_unless (a.script.take (1).find ("\"alone\"") != std::string::npos);
  for (int i = 0; i < 3; i++)
    w.pass (seconds (1));
  same (a.script.take (1), "close 1013\n");
}
GST_END_TEST

// What is there is known to a server that starts later.
GST_START_TEST (late_server)
{
  World w;
  Server &a = w.start ();
  w.ready ();
  pair (a, 1, "ann");
  Server &b = w.start ();
  pair (b, 1, "bob"); // it waits
  same (b.script.take (1), "");
  w.ready ();
  same (b.script.take (1), peer ("ann", true));
  same (a.script.take (1), peer ("bob", false));
}
GST_END_TEST

namespace {
// What a client knows in the end: the other one, and whether it is polite to it.
struct Known {
  std::string other;
  bool polite = false, closed = false;
};

Known known_of (const std::string &text)
{
  Known k;
  for (std::size_t at = 0; at < text.size ();) {
    const std::size_t end = text.find ('\n', at);
    const std::string one = text.substr (at, end - at);
    at = end + 1;
    const std::size_t id = one.find ("\"id\":\"");
    const std::string name =
        id == one.npos ? "" : one.substr (id + 6, one.find ('"', id + 6) - id - 6);
    if (one.starts_with ("close"))
      k.closed = true;
    else if (one.starts_with ("{\"type\":\"peer\""))
      k.other = name, k.polite = one.find ("true") != one.npos;
    else if (one.starts_with ("{\"type\":\"left\"") && name == k.other)
      k.other.clear ();
  }
  return k;
}

struct Client {
  Server *server;
  Id id;
  std::string name;
  bool away = false;
};

// Who is in knows of the other one, and one of them is polite.
void check (std::vector<Client> &all, const std::string &run)
{
  std::map<std::string, Known> in;
  for (Client &c : all) {
    const Known k = known_of (c.server->script.got[c.id]);
    if (k.closed || c.away)
      continue;
    fail_unless (
        in.emplace (c.name, k).second, "%s: %s is in twice", run.c_str (), c.name.c_str ());
  }
  fail_unless (in.size () <= 2, "%s: %zu are in", run.c_str (), in.size ());
  if (in.size () == 1)
    same (in.begin ()->second.other, "");
  if (in.size () < 2)
    return;
  const auto &[a, of_a] = *in.begin ();
  const auto &[b, of_b] = *in.rbegin ();
  fail_unless (of_a.other == b && of_b.other == a, "%s: %s knows of '%s', %s of '%s'", run.c_str (),
      a.c_str (), of_a.other.c_str (), b.c_str (), of_b.other.c_str ());
  fail_unless (of_a.polite != of_b.polite, "%s: roles", run.c_str ());
}
} // namespace

// Peers of a few names come, come again and go, on three servers, with messages between these that
// take any time.
GST_START_TEST (joins_at_once)
{
  unsigned pairs = 0;
  for (unsigned seed = 0; seed < 1000; seed++) {
    const std::string run = "seed " + std::to_string (seed);
    std::mt19937 random (seed);
    World w;
    for (int i = 0; i < 3; i++)
      w.start ();
    w.ready ();
    std::vector<Client> all;
    const auto idle = [&] {
      return std::all_of (
          w.servers.begin (), w.servers.end (), [] (const auto &s) { return s->idle (); });
    };
    while (all.size () < 8 || !idle ()) {
      Server &s = *w.servers[random () % 3];
      if (random () % 8 == 0 && all.size () < 8) {
        all.push_back ({&s, all.size () + 1, std::string (1, char ('x' + random () % 3))});
        pair (s, all.back ().id, all.back ().name);
      } else if (random () % 30 == 0 && !all.empty ()) {
        Client &c = all[random () % all.size ()];
        c.away = true;
        gone (*c.server, c.id);
      } else {
        w.deliver (s, *w.servers[random () % 3]);
      }
    }
    check (all, run);
    std::size_t in = 0;
    for (const Client &c : all)
      in += !c.away && !known_of (c.server->script.got[c.id]).closed;
    pairs += in == 2;
    for (const Client &c : all)
      gone (*c.server, c.id);
    w.settle ();
    for (const auto &s : w.servers)
      fail_unless_equals_uint64 (s->script.pools.channels (), 0);
  }
  fail_unless (pairs > 500, "%u", pairs);
}
GST_END_TEST

static Suite *pairs_suite ()
{
  Suite *s = suite_create ("pairs");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, peers);
  tcase_add_test (tc, messages);
  tcase_add_test (tc, leaves);
  tcase_add_test (tc, errors);
  tcase_add_test (tc, apart_from_pools);
  tcase_add_test (tc, at_two_servers);
  tcase_add_test (tc, server_dies);
  tcase_add_test (tc, no_bus);
  tcase_add_test (tc, late_server);
  tcase_add_test (tc, joins_at_once);
  return s;
}

GST_CHECK_MAIN (pairs)

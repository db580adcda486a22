// SPDX-License-Identifier: LGPL-2.1-or-later
// Servers of a cluster on a bus of the test's, where each two have a delay of their own.
#pragma once
#include "pool_script.h"
#include "rtc/signalling/proto/cluster.h"
#include <algorithm>

namespace reach::test {
struct World;

struct Server {
  Server (World &w, char name);
  void drain ();
  void join (rtc::pool::Id who, const std::string &pool)
  {
    script.pools.connect (who);
    script.pools.input (
        who, "{\"type\":\"rtc:join\",\"data\":{\"pool\":\"" + pool + "\"}}", script.now);
    drain ();
  }
  void send (rtc::pool::Id who, const std::string &type, const std::string &data)
  {
    script.pools.input (who, "{\"type\":\"" + type + "\",\"data\":" + data + "}", script.now);
    drain ();
  }
  World &world;
  const std::string name;
  PoolScript script;
  rtc::pool::Cluster cluster;
  std::map<std::string, std::deque<std::string>> sent; // to each: not delivered yet
  bool idle () const
  {
    return std::all_of (
        sent.begin (), sent.end (), [] (const auto &s) { return s.second.empty (); });
  }
  bool cut = false; // neither hears nor is heard
};

struct World {
  Server &start ()
  {
    servers.push_back (std::make_unique<Server> (*this, static_cast<char> ('a' + servers.size ())));
    servers.back ()->script.now = now;
    return *servers.back ();
  }
  bool deliver (Server &from, Server &to)
  {
    auto &queue = from.sent[to.name];
    if (queue.empty ())
      return false;
    const std::string text = queue.front ();
    queue.pop_front ();
    if (!from.cut && !to.cut && !(loses && loses ())) {
      to.cluster.input (text, now);
      to.drain ();
    }
    return true;
  }
  void settle ()
  {
    for (bool more = true; more;) {
      more = false;
      for (auto &from : servers)
        for (auto &to : servers)
          more |= deliver (*from, *to);
    }
  }
  void pass (Duration d, bool delivers = true)
  {
    now += d;
    for (auto &s : servers) {
      s->script.now = now;
      s->cluster.timeout (now);
      s->script.pools.timeout (now);
      s->drain ();
    }
    if (delivers)
      settle ();
  }
  // Until all have heard each other.
  void ready ()
  {
    for (int i = 0; i < 4; i++)
      pass (seconds (1));
    for (auto &s : servers)
      fail_unless (s->cluster.ready () || s->cut, "%s", s->name.c_str ());
  }
  TimePoint now{};
  std::function<bool ()> loses; // a message
  std::vector<std::unique_ptr<Server>> servers;
};

inline rtc::pool::Limits small_limits ()
{
  rtc::pool::Limits l;
  l.messages = {0, 0};
  return l;
}

inline Server::Server (World &w, char n)
    : world (w), name (1, n), script (small_limits (), true, std::string (1, n)),
      cluster (script.pools, name, {}, w.now)
{
}

inline void Server::drain ()
{
  for (;;) {
    script.drain ();
    auto m = cluster.poll_message ();
    if (!m)
      return;
    for (auto &s : world.servers)
      if (m->node.empty () || m->node == s->name)
        sent[s->name].push_back (m->text);
  }
}
} // namespace reach::test

// SPDX-License-Identifier: LGPL-2.1-or-later
// Several servers of pools that are one: what they tell each other over a bus where everybody hears
// everybody, itself included, and each sender's order is kept. Sans-IO.
//
// A node is known by its id and its run. It says that it is alive once a second; who is silent for
// five has gone, with its members. What the bus loses is missed by its number and asked for again.
// A node that starts listens first, and gets what the others have; only then it takes members. A
// node that does not hear itself, or is told that it was given up, lets its members go and starts
// again, as a new run: nobody has to put two truths together.
#pragma once
#include "pools.h"

namespace reach::rtc::pool {
class Cluster {
public:
  struct Times {
    Duration alive = seconds (1), dead = seconds (5), gather = milliseconds (1500);
  };
  // node: unguessable, nothing that JSON escapes.
  Cluster (Pools &pools, const std::string &node, const Times &times, TimePoint now);

  struct Message {
    std::string node; // for it alone; empty: for all
    std::string text;
  };
  void input (std::string_view text, TimePoint now);
  void stop (); // says that this node goes, so that nobody has to find out
  void timeout (TimePoint now);
  TimePoint poll_timeout () const
  {
    return connected_ && !ready_ && !late_ ? std::min (next_, ready_at_) : next_;
  }
  // Also what the pools have to say. Drain it after whatever is done with them.
  std::optional<Message> poll_message ();

  std::size_t nodes () const { return nodes_.size (); } // others that are known
  bool ready () const { return ready_; }                // takes members
  std::uint64_t malformed () const { return malformed_; }

private:
  // What was sent and may be asked for again, numbered from 1.
  struct Sent {
    std::deque<std::string> texts;
    std::size_t bytes = 0;
    std::uint64_t count = 0; // in all
  };
  struct Node {
    std::uint64_t run;
    TimePoint seen;
    std::uint64_t next_all, next_own = 1; // the numbers of what is to come from it
    TimePoint asked{};                    // for something again
    Sent sent;                            // to it alone
    bool told = false;                    // what it has
  };
  using Nodes = std::map<std::string, Node>;
  struct Sender {
    std::string node;
    std::uint64_t run = 0, count = 0; // count: of what it has sent to all
  };

  std::string head (const char *kind) const;
  void publish (std::string text, const std::string &to = {});
  void keep (Sent &sent, std::string text, const std::string &to);
  void send (const char *kind, const std::string &rest, const std::string &to = {});
  bool in_order (const Sender &from, Node &n, const json::Value &m, TimePoint now);
  void ask_again (const std::string &node, Node &n, TimePoint now);
  void send_again (const std::string &node, Node &n, const json::Value &m);
  void say (const Outside &o);
  void say_all ();
  void alive ();
  void tell_state (const std::string &to);
  void on_own (TimePoint now);
  void on_alive (const Sender &from, const json::Value &m, TimePoint now);
  void on_known (const Sender &from, Node &n, const std::string &kind, const json::Value &m);
  void meet (const Sender &from, TimePoint now);
  void acknowledged (const std::string &node, const std::string &peer);
  void gone (Nodes::iterator n);
  void restart (TimePoint now);
  void check_ready (TimePoint now);

  Pools &pools_;
  const std::string node_;
  const Times times_;
  std::uint64_t run_ = 1;
  Nodes nodes_;
  Sent sent_; // to all
  // Who wants to join, and whose answers are awaited.
  std::map<std::string, std::set<std::string>> awaited_;
  std::vector<Outside> held_; // until this node is ready
  std::deque<Message> messages_;
  TimePoint next_, heard_; // heard_: itself
  TimePoint ready_at_;
  bool ready_ = false, connected_ = false; // connected_: in this run it has heard itself
  bool late_ = false;                      // ready_at_ has passed
  std::uint64_t malformed_ = 0;
};
} // namespace reach::rtc::pool

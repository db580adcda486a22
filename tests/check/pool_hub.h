// SPDX-License-Identifier: LGPL-2.1-or-later
// A server of pools in the test itself, for rtcpool elements without signalling-uri: the test
// carries each message, when it likes to.
#pragma once
#include "rtc/signalling/proto/pools.h"
#include "wait.h"
#include <algorithm>
#include <gst/gst.h>
#include <random>

namespace reach::test {
class PoolHub {
public:
  // crossing: what the two of a pair tell each other waits until both have offered.
  explicit PoolHub (unsigned seed = 0, bool crossing = false)
      : random_ (seed), crossing_ (crossing),
        server_ ({.messages = {0, 0}}, [this] { return "p" + std::to_string (++ids_); })
  {
  }
  ~PoolHub ()
  {
    for (const auto &m : members_) {
      g_signal_handlers_disconnect_by_data (m->element, m.get ());
      gst_object_unref (m->element);
    }
    // What is on its way to the application, on a thread of the elements', holds them.
    const std::size_t all = members_.size ();
    if (!gone_->wait ([all] (std::size_t n) { return n >= all; }))
      g_error ("elements are alive that nobody needs");
  }
  PoolHub (const PoolHub &) = delete;
  PoolHub &operator= (const PoolHub &) = delete;

  // What becomes of a candidate on its way between two, in the order of add (); empty: it is lost.
  std::function<std::string (std::size_t from, std::size_t to, const std::string &)> rewrite;

  // Before it joins. Whoever else holds it is gone before the hub is.
  void add (GstElement *element)
  {
    gst_object_ref (element);
    g_object_set_data (G_OBJECT (element), kept_reference, GINT_TO_POINTER (1));
    using Gone = std::shared_ptr<Watched<std::size_t>>;
    g_object_set_data_full (
        G_OBJECT (element), "gone", new Gone (gone_), +[] (gpointer p) {
          const std::unique_ptr<Gone> gone (static_cast<Gone *> (p));
          (*gone)->update ([] (std::size_t &n) { n++; });
        });
    members_.push_back (std::make_unique<Member> (Member{this, element, members_.size ()}));
    g_signal_connect (element, "signaller-send", G_CALLBACK (on_send), members_.back ().get ());
  }
  // As the server has it now; empty: in no pool.
  std::string id_of (GstElement *element) const
  {
    for (const auto &m : members_)
      if (m->element == element && m->way)
        return m->peer;
    return {};
  }
  // The action, and what a server sees of it.
  void leave (GstElement *element)
  {
    for (const auto &m : members_)
      if (m->element == element) {
        g_signal_emit_by_name (element, "leave");
        m->down.clear ();
        m->peer.clear ();
        if (const Id id = std::exchange (m->way, Id{0}))
          server_.disconnect (id, "closed");
        up_.update ([&] (auto &all) { // what is under way was of its connection
          std::erase_if (all, [&] (const Up &u) { return u.member == m->number; });
        });
      }
    serve ();
  }
  // What the server's side does.
  template <typename F> auto act (F &&f)
  {
    const auto result = f (server_);
    serve ();
    return result;
  }
  // One message, any, in any direction; waits a moment for it. False: there was none.
  bool deliver (milliseconds moment = milliseconds (5))
  {
    const auto some = [this] (const std::vector<Up> &all) {
      return !all.empty () ||
             std::ranges::any_of (members_, [this] (const auto &m) { return next (*m) >= 0; });
    };
    if (!up_.wait (some, moment))
      return false;
    const std::size_t first = random_ () % members_.size ();
    for (std::size_t i = 0; i < members_.size (); i++) {
      Member &m = *members_[(first + i) % members_.size ()];
      if (random_ () % 2 ? up (m) || down (m) : down (m) || up (m))
        return true;
    }
    return false;
  }
  // Carries until it holds.
  template <typename F> bool until (F &&holds, milliseconds limit = long_enough)
  {
    const TimePoint end = Clock::now () + limit;
    while (!holds ()) {
      if (Clock::now () > end)
        return false;
      deliver ();
    }
    return true;
  }
  unsigned crossed () const { return crossed_; } // pairs, both of which had offered first
  // Offers that came to who had made one, and was not answered yet.
  unsigned glares () const { return glares_; }
  // How often a message of this type went through, to the server or from it.
  unsigned times (const std::string &type) const
  {
    const auto at = types_.find (type);
    return at == types_.end () ? 0 : at->second;
  }
  // The same, by elements alone.
  unsigned sent (const std::string &type) const
  {
    const auto at = sent_.find (type);
    return at == sent_.end () ? 0 : at->second;
  }
  unsigned below (unsigned n) { return static_cast<unsigned> (random_ () % n); }

private:
  using Id = rtc::pool::Id;
  struct Down {
    std::string type, data, from, kind; // from: a member; empty: the server. kind: of a description
  };
  struct Member {
    PoolHub *hub;
    GstElement *element;
    std::size_t number;
    Id way = 0; // its connection; 0: none
    std::string peer;
    std::deque<Down> down;
  };
  struct Up {
    std::size_t member;
    std::string type, data;
  };
  struct Pair {
    unsigned offers = 0; // a bit for each side
    bool open () const { return offers == 3; }
  };

  // On the thread that has all signals.
  static void on_send (GstElement *, const char *type, const char *json, gpointer p)
  {
    const auto *m = static_cast<Member *> (p);
    m->hub->up_.update ([&] (auto &all) { all.push_back ({m->number, type, json}); });
  }
  bool up (Member &m)
  {
    std::optional<Up> message;
    up_.update ([&] (auto &all) {
      const auto at = std::ranges::find (all, m.number, &Up::member);
      if (at == all.end ())
        return;
      message = std::move (*at);
      all.erase (at);
    });
    if (!message)
      return false;
    if (message->type == "rtc:join") {
      if (m.way)
        server_.disconnect (m.way, "closed");
      server_.connect (m.way = ++last_way_);
      m.down.clear (); // of the connection before
    }
    types_[message->type]++;
    sent_[message->type]++;
    if (m.way) // else it is of a connection that was closed
      server_.input (
          m.way, "{\"type\":\"" + message->type + "\",\"data\":" + message->data + "}", now_);
    serve ();
    return true;
  }
  void serve ()
  {
    for (;;) {
      while (const auto t = server_.poll_transmit ())
        for (const auto &m : members_)
          if (m->way == t->to)
            queue (*m, t->text);
      const auto e = server_.poll_event ();
      if (!e)
        return;
      if (const auto *r = std::get_if<rtc::pool::JoinRequest> (&*e))
        server_.decide (r->request, true, r->pool, now_);
      else if (const auto *j = std::get_if<rtc::pool::Joined> (&*e))
        for (const auto &m : members_)
          if (m->way == j->client)
            m->peer = j->peer;
    }
  }
  void queue (Member &to, const std::string &text)
  {
    namespace json = rtc::json;
    const auto v = json::parse (text);
    const json::Value data = *json::member (*v, "data");
    Down d{*json::string_member (*v, "type"), std::string (data.text), {}, {}};
    if (d.type == "rtc:sdp" || d.type == "rtc:offer" || d.type == "rtc:answer" ||
        d.type == "rtc:candidate")
      for (const char *name : {"peer", "from", "for"})
        if (const auto who = json::string_member (data, name))
          d.from = *who;
    const auto description = json::member (data, "description");
    if (description)
      d.kind = json::string_member (*description, "type").value_or ("");
    if (d.kind == "offer")
      offered_.insert ({d.from, to.peer});
    if (crossing_ && !d.from.empty ()) {
      Pair &p = pair (d.from, to.peer);
      if (!p.open () && d.kind == "offer" && (p.offers |= d.from < to.peer ? 1 : 2) == 3)
        crossed_++;
    }
    if (rewrite && d.type == "rtc:candidate" && !rewritten (d, data, to))
      return;
    to.down.push_back (std::move (d));
  }
  // False: it is lost.
  bool rewritten (Down &d, const rtc::json::Value &data, const Member &to)
  {
    namespace json = rtc::json;
    const auto c = json::member (data, "candidate");
    const auto text = c ? json::string_member (*c, "candidate") : std::nullopt;
    const auto from =
        std::ranges::find_if (members_, [&d] (const auto &m) { return m->peer == d.from; });
    if (!text || text->empty () || from == members_.end ())
      return true; // the end of them
    const std::string now = rewrite ((*from)->number, to.number, *text);
    d.data = "{\"candidate\":{\"candidate\":" + json::quote (now) +
             ",\"sdpMid\":\"0\"},\"from\":" + json::quote (d.from) + "}";
    return !now.empty ();
  }
  Pair &pair (const std::string &a, const std::string &b)
  {
    return pairs_[{std::min (a, b), std::max (a, b)}];
  }
  // The place of what comes next; -1: nothing can.
  int next (Member &m)
  {
    for (std::size_t i = 0; i < m.down.size (); i++)
      if (!crossing_ || m.down[i].from.empty () || pair (m.down[i].from, m.peer).open ())
        return static_cast<int> (i);
    return -1;
  }
  bool down (Member &m)
  {
    const int at = next (m);
    if (at < 0)
      return false;
    const Down d = std::move (m.down[static_cast<std::size_t> (at)]);
    m.down.erase (m.down.begin () + at);
    types_[d.type]++;
    if (d.kind == "answer")
      offered_.erase ({m.peer, d.from});
    else if (d.kind == "offer" && offered_.contains ({m.peer, d.from}))
      glares_++;
    g_signal_emit_by_name (m.element, "signaller-receive", d.type.c_str (), d.data.c_str ());
    return true;
  }

  std::mt19937 random_;
  const bool crossing_;
  unsigned ids_ = 0, crossed_ = 0;
  Id last_way_ = 0;
  const TimePoint now_{};
  rtc::pool::Pools server_;
  std::vector<std::unique_ptr<Member>> members_;
  std::map<std::pair<std::string, std::string>, Pair> pairs_;
  std::map<std::string, unsigned> types_, sent_;
  std::set<std::pair<std::string, std::string>> offered_; // from, to
  unsigned glares_ = 0;
  Watched<std::vector<Up>> up_;
  const std::shared_ptr<Watched<std::size_t>> gone_ = std::make_shared<Watched<std::size_t>> ();
};
} // namespace reach::test

// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients of a server of pools without sockets, written line by line.
#pragma once
#include "../check.h"
#include "rtc/signalling/proto/pools.h"
#include <string>

namespace reach::test {
struct PoolScript {
  explicit PoolScript (
      rtc::pool::Limits limits = {}, bool clustered = false, std::string prefix = "p")
      : pools (
            limits, [this, prefix] { return prefix + std::to_string (++ids); }, clustered)
  {
  }
  // Everybody may come in, unless `decides` is off.
  void drain ()
  {
    for (;;) {
      while (auto t = pools.poll_transmit ()) {
        std::string &to = got[t->to];
        if (!t->text.empty ())
          to += t->text + "\n";
        if (t->close)
          to += "close " + std::to_string (t->close) + "\n";
      }
      auto e = pools.poll_event ();
      if (!e)
        return;
      if (auto *r = std::get_if<rtc::pool::JoinRequest> (&*e)) {
        requests.push_back (*r);
        if (decides)
          pools.decide (r->request, true, r->pool, now);
      } else if (auto *j = std::get_if<rtc::pool::Joined> (&*e)) {
        events += "joined " + j->pool + " " + j->peer + "\n";
      } else if (auto *l = std::get_if<rtc::pool::Left> (&*e)) {
        events += "left " + l->pool + " " + l->peer + " " + l->reason + "\n";
      } else if (auto *m = std::get_if<rtc::pool::AppMessage> (&*e)) {
        events += "app " + m->peer + " " + m->type + " " + m->data + "\n";
      }
    }
  }
  void send (rtc::pool::Id who, const std::string &type, const std::string &data)
  {
    text (who, "{\"type\":\"" + type + "\",\"data\":" + data + "}");
  }
  void text (rtc::pool::Id who, const std::string &t)
  {
    pools.input (who, t, now);
    drain ();
  }
  // A new client that joins.
  void join (rtc::pool::Id who, const std::string &pool)
  {
    pools.connect (who);
    send (who, "rtc:join", "{\"pool\":\"" + pool + "\"}");
  }
  void gone (rtc::pool::Id who, const char *reason = "closed")
  {
    pools.disconnect (who, reason);
    drain ();
  }
  // What this one has got since it was asked last.
  std::string take (rtc::pool::Id who) { return std::exchange (got[who], {}); }
  std::string take_events () { return std::exchange (events, {}); }
  void forget ()
  {
    got.clear ();
    events.clear ();
  }
  // Whether the last thing it got is an rtc:error with this reason.
  bool error (rtc::pool::Id who, const std::string &reason)
  {
    const std::string t = take (who);
    const bool is = t.starts_with ("{\"type\":\"rtc:error\",\"data\":{\"message\":\"") &&
                    t.find ("\"reason\":\"" + reason + "\"") != std::string::npos &&
                    t.find ('\n') == t.size () - 1;
    if (!is)
      g_printerr ("not an error of reason %s: %s\n", reason.c_str (), t.c_str ());
    return is;
  }

  unsigned ids = 0;
  TimePoint now{};
  bool decides = true;
  rtc::pool::Pools pools;
  std::map<rtc::pool::Id, std::string> got;
  std::string events;
  std::vector<rtc::pool::JoinRequest> requests;
};

// A message with its line's end.
inline std::string line (const std::string &type, const std::string &data)
{
  return "{\"type\":\"" + type + "\",\"data\":" + data + "}\n";
}

inline const char *const some_offer = R"({"type":"offer","sdp":"v=0\r\n \u00fc ü"})";

// Two of version 2 and what each got so far forgotten.
struct Two : PoolScript {
  explicit Two (rtc::pool::Limits l = {}) : PoolScript (l)
  {
    join (1, "garden");
    join (2, "garden");
    forget ();
  }
  // From now on the server knows which version each speaks.
  void know (const char *a, const char *b)
  {
    speak (1, "p2", a);
    speak (2, "p1", b);
    forget ();
  }
  void speak (rtc::pool::Id who, const char *to, const std::string &version)
  {
    if (version == "v2")
      send (who, "rtc:sdp",
          std::string ("{\"to\":\"") + to + "\",\"description\":" + some_offer + "}");
    else
      send (who, "rtc:offers", std::string ("{\"") + to + "\":" + some_offer + "}");
  }
};
} // namespace reach::test

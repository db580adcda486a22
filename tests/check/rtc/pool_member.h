// SPDX-License-Identifier: LGPL-2.1-or-later
// A member of a pool that writes down what it is told.
#pragma once
#include "../wait.h"
#include "common/guarded.h"
#include "common/loop.h"
#include "rtc/signalling/pool_client.h"
#include <algorithm>
#include <string>

namespace reach::test {
class PoolMember final : public rtc::PoolSignaller::Owner {
public:
  using Config = rtc::PoolSignaller::Config;
  static Config to (
      const std::string &uri, const std::string &pool = "garden", unsigned version = 0)
  {
    Config c;
    c.uri = uri;
    c.pool = pool;
    c.version = version;
    return c;
  }
  PoolMember (Loop &loop, const Config &c) : loop_ (loop)
  {
    loop_.call ([&] {
      std::string error;
      signaller_ = rtc::PoolSignaller::make (loop_, *this, c, error);
      fail_unless (signaller_ != nullptr, "%s", error.c_str ());
    });
  }
  ~PoolMember () override
  {
    loop_.call ([this] { signaller_.reset (); });
  }
  // On the loop.
  template <typename F> void with (F &&f)
  {
    loop_.call ([&] { f (*signaller_); });
  }
  void leave ()
  {
    with ([this] (auto &s) { s.leave ([this] { note ("left"); }); });
    fail_unless (saw ("left"));
  }
  // Within a generous time; what was seen counts once.
  bool saw (const std::string &what)
  {
    return !saw_one ([&] (const std::string &t) { return t == what; }).empty ();
  }
  // What was told, from this beginning on; empty: nothing.
  std::string saw_from (const std::string &begin)
  {
    return saw_one ([&] (const std::string &t) { return t.starts_with (begin); });
  }
  int times (const std::string &begin)
  {
    auto l = told_.lock ();
    return static_cast<int> (std::count_if (
        l->begin (), l->end (), [&] (const std::string &t) { return t.starts_with (begin); }));
  }
  // Joined; the id.
  std::string joined ()
  {
    const std::string t = saw_from ("joined ");
    return t.empty () ? "" : t.substr (7, t.find (' ', 7) - 7);
  }
  std::function<void (const std::string &)> on_told; // on the loop, before it is written down
  std::unique_ptr<rtc::PoolSignaller> take () { return std::move (signaller_); } // on the loop

private:
  template <typename P> std::string saw_one (P &&is)
  {
    auto l = told_.lock ();
    if (!l.wait_until (Clock::now () + long_enough,
            [&] (const auto &t) { return std::any_of (t.begin (), t.end (), is); })) {
      for (const std::string &t : *l)
        g_printerr ("told: %s\n", t.c_str ());
      return {};
    }
    const auto at = std::find_if (l->begin (), l->end (), is);
    const std::string found = *at;
    l->erase (at);
    return found;
  }
  void note (const std::string &what)
  {
    if (on_told)
      on_told (what);
    told_.update ([&] (auto &t) { t.push_back (what); });
  }
  void on_joined (const std::string &id, const std::string &pool,
      const std::vector<rtc::PoolSignaller::Peer> &there) override
  {
    std::string t = "joined " + id + " " + pool;
    for (const auto &p : there)
      t += " " + p.id + "=" + p.description;
    note (t);
  }
  void on_peer (const std::string &id) override { note ("peer " + id); }
  void on_peer_described (const std::string &id, const std::string &json) override
  {
    note ("described " + id + " " + json);
  }
  void on_peer_closed (const std::string &id) override { note ("closed " + id); }
  void on_description (
      const std::string &peer, const std::string &type, const std::string &sdp) override
  {
    note (peer + " " + type + " " + sdp);
  }
  void on_candidate (const std::string &peer, const rtc::SignalledCandidate &c) override
  {
    note (peer + " candidate " + c.candidate + "|" + c.mid + "|" + std::to_string (c.mline) + "|" +
          c.ufrag);
  }
  void on_stopped () override { note ("stopped"); }
  void on_lost (const std::string &why) override { note ("lost " + why); }
  void on_error (const std::string &message, bool fatal) override
  {
    note ((fatal ? "fatal " : "error ") + message);
  }
  void on_app_message (const std::string &type, const std::string &json) override
  {
    note ("app " + type + " " + json);
  }
  void on_send (const std::string &type, const std::string &json) override
  {
    note ("send " + type + " " + json);
  }

  Loop &loop_;
  Guarded<std::vector<std::string>> told_;
  std::unique_ptr<rtc::PoolSignaller> signaller_;
};
} // namespace reach::test

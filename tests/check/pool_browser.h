// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpool as a member of a pool, and pages with the npm package rtcpool in the same pool.
#pragma once
#include "rtc_browser.h"

namespace reach::test {
// The element as a member of "garden".
class Member : public Peer {
public:
  Member (const Server &server, const char *scheme, const std::string &more, bool play = true)
      : Peer ("rtcpool name=p latency=50 pool=garden signalling-uri=" + server.pools (scheme) +
                  " " + more,
            play)
  {
  }
  std::string id () const
  {
    gchar *id = nullptr;
    g_object_get (peer, "id", &id, nullptr);
    const std::string all = id ? id : "";
    g_free (id);
    return all;
  }
  std::string joins ()
  {
    fail_unless (waits_for ("rtc-pool-joined"));
    return id ();
  }
  unsigned members () const
  {
    guint n = 0;
    g_object_get (peer, "n-connections", &n, nullptr);
    return n;
  }
};

inline std::string page_of (const Server &server)
{
  return server.page () + "pool.html";
}

// Its id.
inline std::string page_joins (const std::string &how, const std::string &page = "a")
{
  return browser ().run ("join('garden', " + how + ")", page);
}

// The page gets of this member what `check` says.
inline std::string page_checks (
    const std::string &id, const std::string &check, const std::string &page = "a")
{
  return browser ().run ("look('" + id + "').then(() => " + check + ")", page);
}
} // namespace reach::test

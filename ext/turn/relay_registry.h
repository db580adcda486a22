// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements of one process with the same allocation-name use one allocation.
#pragma once
#include "relay_settings.h"

namespace reach::turn {
class SharedSession {
public:
  // An empty name: one's own. Without a server in the settings somebody's of that name is joined.
  // Null and `error` in words.
  static std::unique_ptr<SharedSession> get (
      const std::string &name, const RelaySettings &settings, std::string &error);
  // Gives the use back; who held the last one is the last to stop () it.
  ~SharedSession ();
  SharedSession (const SharedSession &) = delete;
  SharedSession &operator= (const SharedSession &) = delete;
  Session &operator* () const { return *session_; }
  Session *operator->() const { return session_.get (); }
  const std::shared_ptr<Session> &shared () const { return session_; }

private:
  SharedSession (std::string name, std::shared_ptr<Session> session)
      : name_ (std::move (name)), session_ (std::move (session))
  {
  }
  const std::string name_;
  const std::shared_ptr<Session> session_;
};
} // namespace reach::turn

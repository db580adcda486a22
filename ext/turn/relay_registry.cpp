// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay_registry.h"
#include <map>

namespace reach::turn {
namespace {
struct Entry {
  RelaySettings settings;
  std::shared_ptr<Session> session;
  unsigned users = 0;
};
Guarded<std::map<std::string, Entry>> registry;

std::shared_ptr<Session> make (const RelaySettings &settings, std::string &error)
{
  auto s = session_settings (settings, error);
  return s ? std::make_shared<Session> (std::move (*s)) : nullptr;
}
} // namespace

std::unique_ptr<SharedSession> SharedSession::get (
    const std::string &name, const RelaySettings &settings, std::string &error)
{
  std::shared_ptr<Session> session;
  if (name.empty ()) {
    session = make (settings, error);
  } else {
    auto r = registry.lock ();
    const auto at = r->find (name);
    if (at == r->end ()) {
      session = make (settings, error);
      if (session)
        r->emplace (name, Entry{settings, session, 1});
    } else if (settings.host.empty () || at->second.settings == settings) {
      at->second.users++;
      session = at->second.session;
    } else {
      error = "another element has the allocation-name \"" + name +
              "\" with other settings: make them equal, or leave out uri and host here";
    }
  }
  if (!session)
    return nullptr;
  return std::unique_ptr<SharedSession> (new SharedSession (name, std::move (session)));
}

SharedSession::~SharedSession ()
{
  if (name_.empty ())
    return;
  auto r = registry.lock ();
  const auto at = r->find (name_);
  if (at != r->end () && at->second.session == session_ && --at->second.users == 0)
    r->erase (at);
}
} // namespace reach::turn

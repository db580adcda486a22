// SPDX-License-Identifier: LGPL-2.1-or-later
#include "router.h"

namespace reach::cam {
Router::Router (RouterConfig config)
    : config_ (std::move (config)), clients_ (config_.limits, config_.default_accept),
      passwords_ (config_)
{
}

bool Router::appear (const std::string &guid, Part part, TimePoint now)
{
  if (guid.empty ())
    return part == Part::sender;
  if (!good_guid (guid) || banned_.contains (guid))
    return false;
  Client *c = clients_.find (guid);
  if (!c) {
    if (!make_room ())
      return false;
    c = &clients_.add (guid);
    c->asks = {static_cast<double> (config_.limits.ask_burst), now};
    routes_changed_.insert (guid);
    changed (Keep::all);
  } else if (!c->has_parts ()) {
    if (!c->online ())
      changed (Keep::groups);
    clients_.back (*c);
  }
  (part == Part::sender ? c->senders : c->receivers)++;
  return true;
}

bool Router::make_room ()
{
  while (clients_.full ()) {
    Client *oldest = clients_.oldest_offline ();
    if (!oldest)
      return false;
    forget (*oldest);
  }
  return true;
}

void Router::vanish (const std::string &guid, Part part, bool orderly, TimePoint now)
{
  Client *c = clients_.find (guid);
  if (!c)
    return;
  unsigned &parts = part == Part::sender ? c->senders : c->receivers;
  if (parts == 0)
    return;
  parts--;
  if (c->has_parts ())
    return;
  if (orderly || banned_.contains (guid) || config_.resume_window <= Duration::zero ())
    exit (*c, orderly);
  else
    clients_.missing (*c, now + config_.resume_window);
}

void Router::timeout (TimePoint now)
{
  while (Client *c = clients_.overdue (now))
    exit (*c, false);
}

void Router::exit (Client &c, bool orderly)
{
  say_exit (c, orderly);
  const auto groups = c.groups; // leave () changes them
  for (const std::string &name : groups)
    if (!groups_.find (name)->second.members.at (c.guid))
      leave (c, name, orderly);
  if (!stays (c))
    return forget (c);
  if (!keeps (Keep::all)) {
    clients_.clear (c);
    routes_changed_.insert (c.guid);
  }
  clients_.gone (c);
  changed (Keep::groups);
}

void Router::forget (Client &c)
{
  const auto groups = c.groups;
  for (const std::string &name : groups)
    leave (c, name, true);
  routes_changed_.insert (c.guid);
  changed (Keep::all);
  clients_.remove (c);
}

bool Router::ban (const std::string &guid, const std::string &why)
{
  if (!good_guid (guid))
    return false;
  if (!banned_.contains (guid)) {
    if (banned_.size () >= config_.limits.max_banned)
      return false;
    banned_.insert (guid);
    changed (Keep::never);
  }
  Client *c = clients_.find (guid);
  if (c && c->has_parts ())
    kicks_.push_back ({guid, why});
  else if (c && c->online ())
    exit (*c, false);
  else if (c)
    forget (*c);
  return true;
}

bool Router::unban (const std::string &guid)
{
  if (banned_.erase (guid) == 0)
    return false;
  changed (Keep::never);
  return true;
}

std::vector<std::string> Router::banned () const
{
  return {banned_.begin (), banned_.end ()};
}

void Router::notify (const Client &to, const Client &about, Command what)
{
  if (to.receivers > 0 && &to != &about && !Clients::apart (to, about))
    notices_.push_back ({to.guid, std::move (what)});
}

void Router::changed (KeepClientInfo least)
{
  state_changed_ = state_changed_ || keeps (least);
}

std::optional<RouterEvent> Router::poll_event ()
{
  const auto next = [] (auto &queue) -> RouterEvent {
    auto e = std::move (queue.front ());
    queue.pop_front ();
    return e;
  };
  if (!notices_.empty ())
    return next (notices_);
  if (!kicks_.empty ())
    return next (kicks_);
  if (!routes_changed_.empty ())
    return RoutesChanged{std::move (routes_changed_.extract (routes_changed_.begin ()).value ())};
  if (std::exchange (state_changed_, false))
    return StateChanged{};
  return std::nullopt;
}

TimePoint Router::poll_timeout () const
{
  return clients_.next_deadline ();
}

std::size_t Router::clients () const
{
  return clients_.size ();
}

std::size_t Router::groups () const
{
  return groups_.size ();
}

bool Router::knows (const std::string &guid) const
{
  return clients_.find (guid) != nullptr;
}
} // namespace reach::cam

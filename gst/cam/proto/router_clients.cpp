// SPDX-License-Identifier: LGPL-2.1-or-later
#include "router_clients.h"
#include <algorithm>

namespace reach::cam {
Clients::Clients (const RouterLimits &limits, std::uint8_t default_accept)
    : limits_ (limits), default_accept_ (default_accept)
{
}

Client *Clients::find (std::string_view guid)
{
  const auto i = clients_.find (guid);
  return i == clients_.end () ? nullptr : &i->second;
}

const Client *Clients::find (std::string_view guid) const
{
  const auto i = clients_.find (guid);
  return i == clients_.end () ? nullptr : &i->second;
}

Client &Clients::add (const std::string &guid)
{
  Client &c = clients_[guid];
  c.guid = guid;
  return c;
}

void Clients::remove (Client &c)
{
  clear (c);
  back (c);
  clients_.erase (clients_.find (c.guid));
}

void Clients::gone (Client &c)
{
  forget_deadline (c);
  c.gone = ++last_gone_;
  offline_[c.gone] = &c;
}

void Clients::back (Client &c)
{
  forget_deadline (c);
  offline_.erase (c.gone);
  c.gone = 0;
}

void Clients::missing (Client &c, TimePoint until)
{
  forget_deadline (c);
  c.missing_until = until;
  missing_.emplace (until, c.guid);
}

void Clients::forget_deadline (Client &c)
{
  missing_.erase ({c.missing_until, c.guid});
  c.missing_until = TimePoint::max ();
}

Client *Clients::oldest_offline ()
{
  return offline_.empty () ? nullptr : offline_.begin ()->second;
}

std::vector<const Client *> Clients::offline () const
{
  std::vector<const Client *> all;
  for (const auto &[gone, c] : offline_)
    all.push_back (c);
  return all;
}

TimePoint Clients::next_deadline () const
{
  return missing_.empty () ? TimePoint::max () : missing_.begin ()->first;
}

Client *Clients::overdue (TimePoint now)
{
  return next_deadline () > now || missing_.empty () ? nullptr : find (missing_.begin ()->second);
}

bool Clients::put (Client &c, List list, const std::string &guid, std::uint8_t media_types)
{
  GuidList &l = c.*list;
  if (const auto i = l.find (guid); i != l.end ()) {
    i->second = media_types;
  } else {
    if (l.size () >= limits_.max_contacts || entries_ >= limits_.max_entries)
      return false;
    l.emplace (guid, media_types);
    entries_++;
  }
  changed (c, list, guid);
  return true;
}

bool Clients::drop (Client &c, List list, std::string_view guid)
{
  GuidList &l = c.*list;
  const auto i = l.find (guid);
  if (i == l.end ())
    return false;
  l.erase (i);
  entries_--;
  changed (c, list, guid);
  return true;
}

void Clients::changed (Client &c, List list, std::string_view guid)
{
  if (list == &Client::contacts) {
    auto &of = contact_of_[std::string (guid)];
    if (c.contacts.contains (guid))
      of.insert (c.guid);
    else
      of.erase (c.guid);
    if (of.empty ())
      contact_of_.erase (contact_of_.find (guid));
  }
  if (list != &Client::allowed)
    return;
  c.restricted = 0;
  for (const auto &[who, types] : c.allowed)
    c.restricted |= types;
}

void Clients::clear (Client &c)
{
  for (const List list : {&Client::contacts, &Client::allowed, &Client::blocked})
    while (!(c.*list).empty ())
      drop (c, list, std::string ((c.*list).begin ()->first));
  c.default_accept.reset ();
  c.info.clear ();
}

std::vector<std::string> Clients::contact_of (std::string_view guid) const
{
  const auto i = contact_of_.find (guid);
  if (i == contact_of_.end ())
    return {};
  return {i->second.begin (), i->second.end ()};
}

std::uint8_t Clients::accepts (const Client &receiver, std::string_view from) const
{
  if (from == receiver.guid)
    return all_types;
  const Client *sender = find (from);
  if (receiver.blocked.contains (from) || (sender && apart (receiver, *sender)))
    return 0;
  const auto named = receiver.allowed.find (from);
  const std::uint8_t others = receiver.default_accept.value_or (default_accept_);
  return static_cast<std::uint8_t> (
      (others & ~receiver.restricted) | (named == receiver.allowed.end () ? 0 : named->second));
}

bool Clients::apart (const Client &a, const Client &b)
{
  return a.blocked.contains (b.guid) || b.blocked.contains (a.guid);
}
} // namespace reach::cam

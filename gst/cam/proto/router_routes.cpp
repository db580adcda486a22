// SPDX-License-Identifier: LGPL-2.1-or-later
// Who gets what of whom.
#include "router.h"

namespace reach::cam {
std::vector<Target> Router::targets (
    const std::string &from, const std::string &to, const std::string &group) const
{
  std::vector<Target> all;
  const auto add = [&] (const std::string &guid, std::uint8_t types) {
    const Client *receiver = clients_.find (guid);
    if (receiver && (types = mask (from, *receiver, types)) != 0)
      all.push_back ({guid, types});
  };
  if (!to.empty ()) {
    add (to, all_types);
  } else if (!group.empty ()) {
    const auto g = groups_.find (group);
    if (g != groups_.end () && g->second.members.contains (from))
      for (const auto &[guid, permanent] : g->second.members)
        if (guid != from)
          add (guid, all_types);
  } else if (const Client *sender = clients_.find (from)) {
    for (const auto &[guid, types] : sender->contacts)
      add (guid, types);
  }
  return all;
}

std::uint8_t Router::media_types (const std::string &from, const std::string &to,
    const std::string &group, const std::string &receiver) const
{
  const Client *r = clients_.find (receiver);
  if (!r)
    return 0;
  if (!to.empty ())
    return to == receiver ? mask (from, *r, all_types) : 0;
  if (from == receiver)
    return 0;
  if (!group.empty ()) {
    const auto g = groups_.find (group);
    const bool both = g != groups_.end () && g->second.members.contains (from) &&
                      g->second.members.contains (receiver);
    return both ? mask (from, *r, all_types) : 0;
  }
  const Client *sender = clients_.find (from);
  if (!sender)
    return 0;
  const auto contact = sender->contacts.find (receiver);
  return contact == sender->contacts.end () ? 0 : mask (from, *r, contact->second);
}

std::vector<std::string> Router::groups_of (const std::string &guid) const
{
  const Client *c = clients_.find (guid);
  if (!c)
    return {};
  return {c->groups.begin (), c->groups.end ()};
}

std::vector<std::string> Router::contact_of (const std::string &guid) const
{
  return clients_.contact_of (guid);
}
} // namespace reach::cam

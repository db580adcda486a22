// SPDX-License-Identifier: LGPL-2.1-or-later
// A client's three lists of others, and telling those of two of them that it is there.
#include "router.h"

namespace reach::cam {
template <GuidList Client::*list> AskStatus Router::add_to (Client &me, AskReader &in, Command &)
{
  const std::string guid = in.guid ();
  const std::uint8_t types = list == &Client::blocked ? all_types : in.media_types (all_types);
  if (in.failed ())
    return AskStatus::malformed;
  if (guid == me.guid)
    return AskStatus::not_allowed;
  if (const auto i = (me.*list).find (guid); i != (me.*list).end () && i->second == types)
    return AskStatus::exists;
  if (!clients_.put (me, list, guid, types))
    return AskStatus::limit;
  routes_changed_.insert (me.guid);
  changed (Keep::all);
  return AskStatus::ok;
}

template <GuidList Client::*list>
AskStatus Router::remove_from (Client &me, AskReader &in, Command &)
{
  const std::string guid = in.guid ();
  if (in.failed ())
    return AskStatus::malformed;
  if (!clients_.drop (me, list, guid))
    return AskStatus::not_found;
  routes_changed_.insert (me.guid);
  changed (Keep::all);
  return AskStatus::ok;
}

template <GuidList Client::*list>
AskStatus Router::show (Client &me, AskReader &in, Command &result)
{
  const std::string after = in.text ("after", max_guid);
  if (in.failed ())
    return AskStatus::malformed;
  AnswerPage page (result);
  ByteWriter guids, types;
  page.fill (me.*list, after, [&] (const auto &entry) {
    page.string (guids, entry.first);
    page.byte (types, entry.second);
  });
  page.column ("guids", guids);
  if constexpr (list != &Client::blocked)
    page.column ("media-types", types);
  return AskStatus::ok;
}

// Used by the table of asks in another file.
template AskStatus Router::add_to<&Client::contacts> (Client &, AskReader &, Command &);
template AskStatus Router::add_to<&Client::allowed> (Client &, AskReader &, Command &);
template AskStatus Router::add_to<&Client::blocked> (Client &, AskReader &, Command &);
template AskStatus Router::remove_from<&Client::contacts> (Client &, AskReader &, Command &);
template AskStatus Router::remove_from<&Client::allowed> (Client &, AskReader &, Command &);
template AskStatus Router::remove_from<&Client::blocked> (Client &, AskReader &, Command &);
template AskStatus Router::show<&Client::contacts> (Client &, AskReader &, Command &);
template AskStatus Router::show<&Client::allowed> (Client &, AskReader &, Command &);
template AskStatus Router::show<&Client::blocked> (Client &, AskReader &, Command &);

AskStatus Router::set_default_accept (Client &me, AskReader &in, Command &)
{
  const std::uint8_t types = in.media_types (std::nullopt);
  if (in.failed ())
    return AskStatus::malformed;
  me.default_accept = types;
  routes_changed_.insert (me.guid);
  changed (Keep::all);
  return AskStatus::ok;
}

// To whom it has said hello.
std::set<std::string> Router::greeted (const Client &c) const
{
  std::set<std::string> all;
  if (c.hello_contacts)
    for (const auto &[guid, types] : c.contacts)
      all.insert (guid);
  if (c.hello_allowed)
    for (const auto &[guid, types] : c.allowed)
      all.insert (guid);
  return all;
}

// The answer tells who of these has said hello to `me`.
AskStatus Router::say_hello (Client &me, AskReader &in, Command &result)
{
  const bool contacts = in.flag ("contacts", true), allowed = in.flag ("allowed-senders", true);
  if (in.failed ())
    return AskStatus::malformed;
  const auto before = std::pair{me.hello_contacts, me.hello_allowed};
  me.hello_contacts = contacts;
  me.hello_allowed = allowed;
  ByteWriter present;
  for (const std::string &guid : greeted (me)) {
    const Client *other = clients_.find (guid);
    if (!other || !other->online ())
      continue;
    notify (*other, me, {0, "user-enter", {{"guid", me.guid}}});
    const bool to_me = (other->hello_contacts && other->contacts.contains (me.guid)) ||
                       (other->hello_allowed && other->allowed.contains (me.guid));
    if (to_me && !Clients::apart (me, *other))
      present.str16 (guid);
  }
  me.hello_contacts |= before.first;
  me.hello_allowed |= before.second;
  result.parameters = {{"present", present.take ()}};
  return AskStatus::ok;
}

AskStatus Router::say_goodbye (Client &me, AskReader &in, Command &)
{
  if (in.failed ())
    return AskStatus::malformed;
  say_exit (me, true);
  return AskStatus::ok;
}

void Router::say_exit (Client &c, bool orderly)
{
  for (const std::string &guid : greeted (c))
    if (const Client *other = clients_.find (guid))
      notify (*other, c, {0, "user-exit", {{"guid", c.guid}, {"orderly", orderly}}});
  c.hello_contacts = c.hello_allowed = false;
}
} // namespace reach::cam

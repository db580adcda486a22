// SPDX-License-Identifier: LGPL-2.1-or-later
// Access to another client's media, and what clients tell of themselves.
#include "router.h"

namespace reach::cam {
namespace {
Command access_notice (const char *name, const Client &about)
{
  return {0, name, {{"guid", about.guid}}};
}

Command user_info (const std::vector<Parameter> &info)
{
  return {0, "user-info", info};
}
} // namespace

AskStatus Router::request_media_access (Client &me, AskReader &in, Command &)
{
  const std::string guid = in.guid ();
  const std::uint8_t types = in.media_types (all_types);
  if (in.failed ())
    return AskStatus::malformed;
  if (guid == me.guid)
    return AskStatus::not_allowed;
  const Client *other = clients_.find (guid);
  if (!other)
    return AskStatus::no_such_client;
  // Who is blocked must not see that it is.
  if (other->receivers == 0 || Clients::apart (me, *other))
    return AskStatus::offline;
  Command what = access_notice ("media-access-request", me);
  what.parameters.push_back ({"media-types", std::uint32_t{types}});
  notify (*other, me, std::move (what));
  return AskStatus::ok;
}

// It gives up what it has asked for and what it was granted.
AskStatus Router::cancel_media_access_request (Client &me, AskReader &in, Command &)
{
  const std::string guid = in.guid ();
  if (in.failed ())
    return AskStatus::malformed;
  Client *other = clients_.find (guid);
  if (!other || other == &me)
    return AskStatus::no_such_client;
  if (clients_.drop (*other, &Client::contacts, me.guid)) {
    routes_changed_.insert (guid);
    changed (Keep::all);
  }
  notify (*other, me, access_notice ("media-access-request-cancelled", me));
  return AskStatus::ok;
}

AskStatus Router::allow_media_access (Client &me, AskReader &in, Command &)
{
  const std::string guid = in.guid ();
  const std::uint8_t types = in.media_types (all_types);
  if (in.failed ())
    return AskStatus::malformed;
  const Client *other = clients_.find (guid);
  if (!other)
    return AskStatus::no_such_client;
  if (other == &me)
    return AskStatus::not_allowed;
  if (!clients_.put (me, &Client::contacts, guid, types))
    return AskStatus::limit;
  routes_changed_.insert (me.guid);
  changed (Keep::all);
  Command what = access_notice ("media-access-allowed", me);
  what.parameters.push_back ({"media-types", std::uint32_t{types}});
  notify (*other, me, std::move (what));
  return AskStatus::ok;
}

AskStatus Router::cancel_media_access (Client &me, AskReader &in, Command &)
{
  const std::string guid = in.guid ();
  if (in.failed ())
    return AskStatus::malformed;
  if (!clients_.drop (me, &Client::contacts, guid))
    return AskStatus::not_found;
  routes_changed_.insert (me.guid);
  changed (Keep::all);
  if (const Client *other = clients_.find (guid))
    notify (*other, me, access_notice ("media-access-cancelled", me));
  return AskStatus::ok;
}

AskStatus Router::set_user_info (Client &me, AskReader &in, Command &)
{
  const auto encoded = encode (user_info (in.all ()));
  if (!encoded)
    return AskStatus::malformed;
  if (encoded->size () > config_.limits.max_info)
    return AskStatus::limit;
  me.info = in.all ();
  changed (Keep::all);
  return AskStatus::ok;
}

AskStatus Router::get_user_info (Client &me, AskReader &in, Command &result)
{
  const std::string guid = in.guid ();
  if (in.failed ())
    return AskStatus::malformed;
  const Client *other = clients_.find (guid);
  if (!other)
    return AskStatus::no_such_client;
  if (!Clients::apart (me, *other))
    result.parameters = other->info;
  return AskStatus::ok;
}

AskStatus Router::list_users (Client &me, AskReader &in, Command &result)
{
  const std::string after = in.text ("after", max_guid);
  const bool only_online = in.flag ("online", false), with_info = in.flag ("info", false);
  if (in.failed ())
    return AskStatus::malformed;
  AnswerPage page (result);
  ByteWriter users, online, infos;
  page.fill (clients_.all (), after, [&] (const auto &entry) {
    const Client &c = entry.second;
    const bool apart = Clients::apart (me, c), here = c.online () && !apart;
    if (only_online && !here)
      return;
    page.string (users, c.guid);
    page.byte (online, here);
    if (with_info)
      page.block (infos, *encode (user_info (apart ? std::vector<Parameter>{} : c.info)));
  });
  page.column ("users", users);
  page.column ("online", online);
  if (with_info)
    page.column ("infos", infos);
  return AskStatus::ok;
}
} // namespace reach::cam

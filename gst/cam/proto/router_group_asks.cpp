// SPDX-License-Identifier: LGPL-2.1-or-later
#include "router.h"

namespace reach::cam {
namespace {
Command group_notice (const char *name, const Client &about, const Group &g)
{
  return {0, name, {{"guid", about.guid}, {"group", g.name}}};
}
} // namespace

Group *Router::group_of (const std::string &name)
{
  const auto i = groups_.find (name);
  return i == groups_.end () ? nullptr : &i->second;
}

void Router::tell_group (const Group &g, const Client &about, Command what)
{
  for (const auto &[guid, permanent] : g.members)
    if (const Client *member = clients_.find (guid))
      notify (*member, about, what);
}

void Router::leave (Client &c, const std::string &group, bool orderly)
{
  const auto i = groups_.find (group);
  Group &g = i->second;
  const auto member = g.members.find (c.guid);
  if (member->second)
    changed (Keep::groups);
  g.members.erase (member);
  Command what = group_notice ("user-leaves-group", c, g);
  what.parameters.push_back ({"orderly", orderly});
  tell_group (g, c, std::move (what));
  c.groups.erase (group);
  routes_changed_.insert (c.guid);
  if (g.members.empty ())
    groups_.erase (i);
}

// Whether `me` may come in, making the group if there is none.
AskStatus Router::admit (Client &me, AskReader &in, const std::string &name, bool &created)
{
  const std::string password = in.text ("password", max_password);
  const bool only_existing = in.flag ("only-existing", false);
  if (in.failed ())
    return AskStatus::malformed;
  if (me.groups.size () >= config_.limits.max_memberships)
    return AskStatus::limit;
  if (Group *g = group_of (name)) {
    if (g->members.size () >= config_.limits.max_members)
      return AskStatus::limit;
    if (!g->password)
      return AskStatus::ok;
    switch (passwords_.check (*g->password, me.guid, password, in.now)) {
    case Passwords::Verdict::right:
      return AskStatus::ok;
    case Passwords::Verdict::wrong:
      return AskStatus::wrong_password;
    case Passwords::Verdict::not_now:
      return AskStatus::too_fast;
    }
  }
  if (only_existing)
    return AskStatus::no_such_group;
  if (groups_.size () >= config_.limits.max_groups)
    return AskStatus::limit;
  if (!password.empty () && !passwords_.available ())
    return AskStatus::not_served;
  std::optional<PasswordHash> hash;
  if (!password.empty () && !(hash = passwords_.make (password, in.now)))
    return AskStatus::too_fast;
  Group &g = groups_[name];
  g.name = name;
  g.owner = me.guid;
  g.password = hash;
  created = true;
  return AskStatus::ok;
}

AskStatus Router::join_group (Client &me, AskReader &in, Command &result)
{
  const std::string name = in.group ();
  const bool permanent = in.flag ("permanent", false) && keeps (Keep::groups);
  if (in.failed ())
    return AskStatus::malformed;
  bool created = false;
  const bool member = me.groups.contains (name);
  if (!member)
    if (const AskStatus s = admit (me, in, name, created); s != AskStatus::ok)
      return s;
  Group &g = *group_of (name);
  if (permanent || (member && g.members.at (me.guid)))
    changed (Keep::groups);
  g.members[me.guid] = permanent;
  if (!member) {
    me.groups.insert (name);
    routes_changed_.insert (me.guid);
    tell_group (g, me, group_notice ("user-joins-group", me, g));
  }
  result.parameters = {
      {"group", name}, {"owner", g.owner}, {"created", created}, {"permanent", permanent}};
  return AskStatus::ok;
}

void Router::attend (const std::string &guid, const std::string &group, TimePoint now)
{
  const Client *c = clients_.find (guid);
  const Group *g = group_of (group);
  if (c && !group.empty () && !c->groups.contains (group) && !(g && g->password))
    ask (guid, {0, ask_name (AskType::join_group), {{"group", group}}}, now);
}

AskStatus Router::leave_group (Client &me, AskReader &in, Command &)
{
  const std::string name = in.group ();
  if (in.failed ())
    return AskStatus::malformed;
  if (!group_of (name))
    return AskStatus::no_such_group;
  if (!me.groups.contains (name))
    return AskStatus::not_found;
  leave (me, name, true);
  return AskStatus::ok;
}

AskStatus Router::list_groups (Client &, AskReader &in, Command &result)
{
  const std::string after = in.text ("after", max_group_name);
  if (in.failed ())
    return AskStatus::malformed;
  AnswerPage page (result);
  ByteWriter groups, passwords;
  page.fill (groups_, after, [&] (const auto &entry) {
    page.string (groups, entry.first);
    page.byte (passwords, entry.second.password.has_value ());
  });
  page.column ("groups", groups);
  page.column ("passwords", passwords);
  return AskStatus::ok;
}

AskStatus Router::group_info (Client &me, AskReader &in, Command &result)
{
  const std::string name = in.group ();
  if (in.failed ())
    return AskStatus::malformed;
  const Group *g = group_of (name);
  if (!g)
    return AskStatus::no_such_group;
  result.parameters = {{"group", name}, {"owner", g->owner}, {"password", g->password.has_value ()},
      {"members", static_cast<std::uint32_t> (g->members.size ())},
      {"member", me.groups.contains (name)}};
  return AskStatus::ok;
}

AskStatus Router::group_members (Client &me, AskReader &in, Command &result)
{
  const std::string name = in.group (), after = in.text ("after", max_guid);
  const bool only_online = in.flag ("online", false);
  if (in.failed ())
    return AskStatus::malformed;
  const Group *g = group_of (name);
  if (!g)
    return AskStatus::no_such_group;
  if (g->password && !me.groups.contains (name))
    return AskStatus::not_allowed;
  AnswerPage page (result);
  ByteWriter members, online;
  page.fill (g->members, after, [&] (const auto &member) {
    const Client &c = *clients_.find (member.first);
    const bool here = c.online () && !Clients::apart (me, c);
    if (only_online && !here)
      return;
    page.string (members, c.guid);
    page.byte (online, here);
  });
  page.column ("members", members);
  page.column ("online", online);
  return AskStatus::ok;
}
} // namespace reach::cam

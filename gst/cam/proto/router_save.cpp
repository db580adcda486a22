// SPDX-License-Identifier: LGPL-2.1-or-later
// The state that outlives the server's process: u32 magic, u16 version, banned guids, clients with
// those that went first in front, groups. Clients and groups stand behind their u32 size, so that a
// later revision may add to them. Lists stand behind a u32 count, texts behind a u16 length.
#include "router.h"
#include "text.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::uint32_t magic = 0x52435331; // "RCS1"
constexpr std::uint16_t version = 1;
constexpr std::uint8_t not_said = 0xff; // default-accept
constexpr GuidList Client::*lists[] = {&Client::contacts, &Client::allowed, &Client::blocked};

template <typename Container> void put_count (ByteWriter &w, const Container &c)
{
  w.u32 (static_cast<std::uint32_t> (c.size ()));
}

// An entry behind its size.
template <typename F> void put_entry (ByteWriter &w, F &&write)
{
  const std::size_t at = w.size ();
  w.u32 (0);
  write ();
  w.patch (at, static_cast<std::uint32_t> (w.size () - at - 4));
}

bool get_guid (ByteReader &r, std::string &to)
{
  to = r.str16 (max_guid);
  return !r.failed () && good_guid (to);
}

bool get_list (ByteReader &r, std::map<std::string, std::uint8_t> &to)
{
  for (std::uint32_t n = r.u32 (); n > 0; n--) {
    std::string guid;
    if (!get_guid (r, guid))
      return false;
    to[std::move (guid)] = r.u8 () & all_types;
  }
  return !r.failed ();
}

bool get_info (ByteReader &r, std::size_t limit, std::vector<Parameter> &to)
{
  const Bytes body = r.take (r.u32 ());
  auto info = decode_bare_command (body);
  if (r.failed () || !info)
    return false;
  if (body.size () <= limit)
    to = std::move (info->parameters);
  return true;
}
} // namespace

// Whether it is in the saved state, which is what stays of it when it goes.
bool Router::stays (const Client &c) const
{
  const auto permanent = [&] (const std::string &group) {
    return groups_.find (group)->second.members.at (c.guid);
  };
  return !banned_.contains (c.guid) &&
         (keeps (Keep::all) || (keeps (Keep::groups) && std::ranges::any_of (c.groups, permanent)));
}

std::vector<std::uint8_t> Router::save () const
{
  ByteWriter w;
  w.u32 (magic);
  w.u16 (version);
  put_count (w, banned_);
  for (const std::string &guid : banned_)
    w.str16 (guid);

  auto clients = clients_.offline ();
  for (const auto &[guid, c] : clients_.all ())
    if (c.online ())
      clients.push_back (&c);
  std::erase_if (clients, [this] (const Client *c) { return !stays (*c); });
  put_count (w, clients);
  for (const Client *c : clients)
    save_client (w, *c);

  std::uint32_t groups = 0;
  const std::size_t count_at = w.size ();
  w.u32 (0);
  for (const auto &[name, g] : groups_)
    groups += save_group (w, g);
  w.patch (count_at, groups);
  return w.take ();
}

void Router::save_client (ByteWriter &w, const Client &c) const
{
  static const Client nothing;
  const Client &kept = keeps (Keep::all) ? c : nothing;
  put_entry (w, [&] {
    w.str16 (c.guid);
    w.u8 (kept.default_accept.value_or (not_said));
    for (const auto list : lists) {
      put_count (w, kept.*list);
      for (const auto &[guid, types] : kept.*list) {
        w.str16 (guid);
        w.u8 (types);
      }
    }
    const auto info = encode (Command{0, "user-info", kept.info});
    put_count (w, *info);
    w.bytes (*info);
  });
}

bool Router::save_group (ByteWriter &w, const Group &g) const
{
  std::vector<std::string> members;
  for (const auto &[guid, permanent] : g.members)
    if (permanent && stays (*clients_.find (guid)))
      members.push_back (guid);
  if (members.empty ())
    return false;
  put_entry (w, [&] {
    w.str16 (g.name);
    w.str16 (g.owner);
    w.u8 (g.password.has_value ());
    const PasswordHash password = g.password.value_or (PasswordHash{});
    w.bytes (password.salt);
    w.bytes (password.digest);
    put_count (w, members);
    for (const std::string &guid : members)
      w.str16 (guid);
  });
  return true;
}

bool Router::load (Bytes in)
{
  Router fresh (config_);
  if (!fresh.load_all (ByteReader (in)))
    return false;
  clients_ = std::move (fresh.clients_);
  groups_ = std::move (fresh.groups_);
  banned_ = std::move (fresh.banned_);
  return true;
}

bool Router::load_all (ByteReader r)
{
  if (r.u32 () != magic || r.u16 () != version)
    return false;
  for (std::uint32_t n = r.u32 (); n > 0; n--) {
    std::string guid;
    if (!get_guid (r, guid))
      return false;
    if (banned_.size () < config_.limits.max_banned)
      banned_.insert (std::move (guid));
  }
  // The oldest are left out when there are too many.
  for (std::uint32_t n = r.u32 (); n > 0; n--)
    if (!load_client (ByteReader (r.take (r.u32 ())), n > config_.limits.max_clients) ||
        r.failed ())
      return false;
  for (std::uint32_t n = r.u32 (); n > 0; n--)
    if (!load_group (ByteReader (r.take (r.u32 ()))) || r.failed ())
      return false;
  if (r.failed () || r.left () > 0)
    return false;
  for (const Client *c : clients_.offline ())
    if (!stays (*c))
      forget (*clients_.find (c->guid));
  return true;
}

bool Router::load_client (ByteReader r, bool left_out)
{
  std::string guid;
  if (!get_guid (r, guid) || clients_.find (guid))
    return false;
  const std::uint8_t accept = r.u8 ();
  std::map<std::string, std::uint8_t> entries[std::size (lists)];
  for (auto &list : entries)
    if (!get_list (r, list))
      return false;
  std::vector<Parameter> info;
  if (!get_info (r, config_.limits.max_info, info))
    return false;
  if (left_out)
    return true;
  Client &client = clients_.add (guid);
  clients_.gone (client);
  if (!keeps (Keep::all))
    return true;
  if (accept != not_said)
    client.default_accept = accept & all_types;
  client.info = std::move (info);
  for (std::size_t i = 0; i < std::size (lists); i++)
    for (const auto &[other, types] : entries[i])
      if (other != guid)
        clients_.put (client, lists[i], other, types);
  return true;
}

bool Router::load_group (ByteReader r)
{
  Group g;
  g.name = r.str16 (max_group_name);
  if (g.name.empty () || !is_text (g.name) || groups_.contains (g.name) || !get_guid (r, g.owner))
    return false;
  const bool has_password = r.u8 () != 0;
  PasswordHash password;
  for (std::uint8_t &b : password.salt)
    b = r.u8 ();
  for (std::uint8_t &b : password.digest)
    b = r.u8 ();
  if (has_password)
    g.password = password;
  for (std::uint32_t n = r.u32 (); n > 0; n--) {
    std::string guid;
    if (!get_guid (r, guid))
      return false;
    const Client *c = clients_.find (guid);
    if (c && c->groups.size () < config_.limits.max_memberships &&
        g.members.size () < config_.limits.max_members)
      g.members.emplace (std::move (guid), true);
  }
  if (r.failed ())
    return false;
  if (g.members.empty () || groups_.size () >= config_.limits.max_groups)
    return true;
  for (const auto &[guid, permanent] : g.members)
    clients_.find (guid)->groups.insert (g.name);
  groups_.emplace (g.name, std::move (g));
  return true;
}
} // namespace reach::cam

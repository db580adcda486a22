// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests on an allocation, and its end (RFC 8656, 8 to 12).
#include "framing.h"
#include "server.h"

namespace reach::turn::server {
using stun::Attr;
using stun::Builder;
using stun::Class;
namespace code = stun::code;

bool Core::owned (const Request &r)
{
  if (!r.allocation)
    refuse (r, code::allocation_mismatch, "Allocation Mismatch");
  else if (!r.allocation->identity.same_user (r.identity))
    refuse (r, code::wrong_credentials, "Wrong Credentials");
  else
    return true;
  return false;
}

void Core::schedule (Allocation &a, TimePoint when)
{
  auto node = expiries_.extract ({a.expires, &a});
  a.expires = when;
  if (node) {
    node.value () = {when, &a};
    expiries_.insert (std::move (node));
  } else {
    expiries_.emplace (when, &a);
  }
}

void Core::remove_relay (Allocation &a, Family f)
{
  if (!a.relay (f))
    return;
  Allocation::Relay &r = a.relays[index_of (f)];
  ports_.close (r.id);
  by_relay_[r.id] = nullptr;
  free_relays_.push_back (r.id);
  r = {};
}

void Core::end (Allocation &a, Ended why)
{
  stats_.deleted++;
  events_.push_back (
      AllocationDeleted{a.serial, why, a.identity.user, a.client, a.relayed (), a.traffic});
  expiries_.erase ({a.expires, &a});
  while (!a.connections.empty ())
    drop (connections_.find (a.connections.back ()));
  for (const Family f : {Family::ipv4, Family::ipv6})
    remove_relay (a, f);
  commons_.leave (a.account);
  forget_tickets (a);
  if (a.adrift)
    adrift_.erase (a.serial);
  else
    by_client_.erase (Client (a.client));
}

void Core::refresh (Request &r)
{
  if (const auto refusal = move (r))
    return refuse (r, refusal->code, refusal->reason);
  if (!owned (r))
    return;
  Allocation &a = *r.allocation;
  const auto asked = r.message.u32 (Attr::lifetime);
  const bool give_back = asked && *asked == 0;
  const bool one = r.message.has (Attr::requested_address_family);
  const auto family =
      static_cast<Family> (r.message.u8 (Attr::requested_address_family).value_or (0));
  if (one && !a.relay (family))
    return refuse (r, code::peer_family_mismatch, "Peer Address Family Mismatch");
  const std::uint32_t lifetime = give_back ? 0 : lifetime_of (r);
  if (r.identity.token)
    a.identity = r.identity; // the next token
  Builder b = begin (r, Class::success);
  b.u32 (Attr::lifetime, lifetime);
  if (!give_back)
    add_ticket (b, r, a);
  if (!config_.software.empty ())
    b.text (Attr::software, config_.software);
  finish (r, b);
  if (!give_back)
    return schedule (a, r.now + seconds (lifetime));
  if (one)
    remove_relay (a, family);
  if (!one || a.relayed ().empty ())
    end (a, Ended::refreshed);
}

std::optional<Core::Refusal> Core::check_peer (
    const Allocation &a, const std::optional<Address> &peer) const
{
  if (!peer)
    return Refusal{code::bad_request, "Bad Request"};
  if (!a.relay (peer->family))
    return Refusal{code::peer_family_mismatch, "Peer Address Family Mismatch"};
  if (!config_.peers.allowed (*peer))
    return Refusal{code::forbidden, "Forbidden"};
  return {};
}

// Where the port counts, too.
std::optional<Core::Refusal> Core::check_port (
    const Allocation &a, const std::optional<Address> &peer) const
{
  if (const auto refusal = check_peer (a, peer))
    return refusal;
  const bool relayed = peer->port >= config_.min_port && peer->port <= config_.max_port;
  const bool neighbour =
      a.relaying == Relaying::tcp && !relayed && config_.peers.is_neighbour (*peer);
  if (neighbour || config_.peers.is_door (*peer))
    return Refusal{code::forbidden, "Forbidden"};
  return {};
}

// All of them or none.
void Core::create_permission (Request &r)
{
  if (!owned (r))
    return;
  Allocation &a = *r.allocation;
  const Message &m = r.message;
  std::optional<Refusal> refusal;
  std::size_t n = 0, fresh = 0;
  m.all (Attr::xor_peer_address, [&] (Bytes value) {
    const auto peer = m.xor_address (value);
    if (const auto why = check_peer (a, peer); why && !refusal) {
      refusal = why;
      if (why->code == code::forbidden)
        discard (Discard::denied_peer, r.client, *peer);
    }
    n++;
    fresh += peer && !a.permitted (*peer, r.now);
  });
  if (n == 0)
    refusal = Refusal{code::bad_request, "Bad Request"};
  else if (!refusal && fresh > a.room_for_hosts (config_.limits.permissions, r.now))
    refusal = Refusal{code::insufficient_capacity, "Insufficient Capacity"};
  if (refusal)
    return refuse (r, refusal->code, refusal->reason);
  m.all (Attr::xor_peer_address, [&] (Bytes value) {
    a.permit (*m.xor_address (value), r.now + config_.permission_lifetime);
  });
  Builder b = begin (r, Class::success);
  finish (r, b);
}

void Core::channel_bind (Request &r)
{
  if (!owned (r))
    return;
  Allocation &a = *r.allocation;
  const auto number = r.message.u16 (Attr::channel_number);
  const auto peer = r.message.xor_address (Attr::xor_peer_address);
  if (a.relaying != Relaying::udp || !number || *number < first_channel ||
      *number > config_.last_channel || !peer || peer->port == 0)
    return refuse (r, code::bad_request, "Bad Request");
  if (const auto refusal = check_port (a, peer)) {
    if (refusal->code == code::forbidden)
      discard (Discard::denied_peer, r.client, *peer);
    return refuse (r, refusal->code, refusal->reason);
  }
  const bool room =
      a.permitted (*peer, r.now) || a.room_for_hosts (config_.limits.permissions, r.now) > 0;
  using Bind = Allocation::Bind;
  const Bind bind = room ? a.bind (*number, *peer, r.now + config_.channel_lifetime, r.now,
                               config_.channel_rest, config_.limits.channels)
                         : Bind::full;
  if (bind == Bind::conflict)
    return refuse (r, code::bad_request, "Bad Request");
  if (bind == Bind::full)
    return refuse (r, code::insufficient_capacity, "Insufficient Capacity");
  a.permit (*peer, r.now + config_.permission_lifetime);
  Builder b = begin (r, Class::success);
  finish (r, b);
}
} // namespace reach::turn::server

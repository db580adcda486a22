// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_allocation.h"

namespace reach::turn::server {
std::vector<Address> Allocation::relayed () const
{
  std::vector<Address> v;
  for (const Relay &r : relays)
    if (r.address)
      v.push_back (r.address);
  return v;
}

std::size_t Allocation::room_for_hosts (std::size_t limit, TimePoint now)
{
  if (hosts_.size () >= limit)
    hosts_.erase_if ([&] (const Address &, TimePoint until) { return until <= now; });
  return limit - std::min (limit, hosts_.size ());
}

void Allocation::drop_channels (TimePoint ended_by)
{
  channels_.erase_if ([&] (std::uint16_t, const Channel &c) {
    if (c.until > ended_by)
      return false;
    numbers_.erase (c.peer);
    return true;
  });
}

Allocation::Bind Allocation::bind (std::uint16_t number, const Address &peer, TimePoint until,
    TimePoint now, Duration rest, std::size_t limit)
{
  Channel *there = channels_.find (number);
  const std::uint16_t *other = numbers_.find (peer);
  if (there && there->peer == peer) {
    there->until = until;
    return Bind::bound;
  }
  if ((there && there->until + rest > now) ||
      (other && channels_.find (*other)->until + rest > now))
    return Bind::conflict;
  drop_channels (there || other || channels_.size () >= limit ? now - rest : TimePoint::min ());
  if (channels_.size () >= limit)
    return Bind::full;
  channels_.put (number, {peer, until});
  numbers_.put (peer, number);
  return Bind::bound;
}
} // namespace reach::turn::server

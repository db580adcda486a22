// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peers.h"
#include <algorithm>

namespace reach::turn {
namespace {
// Neither bound, nor about to be, nor in its rest (RFC 8656, 12).
bool is_over (const Channel &c, TimePoint now)
{
  return c.state == PeerState::none && !c.wanted && !c.asking && c.rests <= now;
}
} // namespace

Permission *Peers::permission (const Address &peer)
{
  const auto i = permissions_.find (peer.host ());
  return i == permissions_.end () ? nullptr : &i->second;
}

Permission *Peers::add_permission (const Address &peer)
{
  if (Permission *p = permission (peer))
    return p;
  if (permissions_.size () >= max_permissions_)
    std::erase_if (permissions_, [] (const auto &entry) {
      return entry.second.refused || (!entry.second.wanted && !entry.second.asking);
    });
  if (permissions_.size () >= max_permissions_)
    return nullptr;
  return &permissions_[peer.host ()];
}

Channel *Peers::channel (const Address &peer)
{
  const auto i = by_peer_.find (peer);
  return i == by_peer_.end () ? nullptr : i->second;
}

Channel *Peers::channel (std::uint16_t number)
{
  const auto i = channels_.find (number);
  return i == channels_.end () ? nullptr : &i->second;
}

void Peers::erase (const Channel &c)
{
  const std::uint16_t number = c.number;
  by_peer_.erase (c.peer);
  channels_.erase (number);
}

Channel *Peers::add_channel (const Address &peer, std::uint16_t number, TimePoint now)
{
  if (number != 0 && !is_channel (number))
    return nullptr;
  Channel *theirs = channel (peer);
  if (theirs && (number == 0 || number == theirs->number))
    return theirs;
  if (theirs && !is_over (*theirs, now))
    return nullptr;
  if (theirs)
    erase (*theirs);
  if (Channel *other = channel (number)) {
    if (!is_over (*other, now))
      return nullptr;
    erase (*other);
  }
  for (std::uint16_t n = least_; number == 0 && n <= most_; n++) {
    const Channel *c = channel (n);
    if (c && is_over (*c, now)) {
      erase (*c);
      c = nullptr;
    }
    if (!c)
      number = n;
  }
  if (channels_.size () >= max_channels_) {
    const auto old = std::ranges::find_if (
        channels_, [now] (const auto &entry) { return is_over (entry.second, now); });
    if (old == channels_.end ())
      return nullptr;
    erase (old->second);
  }
  if (number == 0)
    return nullptr;
  Channel *c = &channels_[number];
  c->number = number;
  c->peer = peer;
  by_peer_[peer] = c;
  return c;
}

void Peers::lost ()
{
  std::erase_if (permissions_, [] (const auto &entry) { return !entry.second.wanted; });
  for (auto &[host, p] : permissions_)
    p = Permission{.by_hand = p.by_hand};
  std::vector<std::uint16_t> unwanted;
  for (auto &[number, c] : channels_) {
    if (!c.wanted)
      unwanted.push_back (number);
    c = Channel{.number = number, .peer = c.peer, .by_hand = c.by_hand};
  }
  for (const std::uint16_t n : unwanted)
    erase (channels_[n]);
}

TimePoint Peers::poll_timeout () const
{
  TimePoint first = TimePoint::max ();
  for (const auto &[host, p] : permissions_)
    first = std::min ({first, p.due, p.state == PeerState::active ? p.expires : first});
  for (const auto &[number, c] : channels_)
    first = std::min ({first, c.due, c.state == PeerState::active ? c.expires : first});
  return first;
}
} // namespace reach::turn

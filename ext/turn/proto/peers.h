// SPDX-License-Identifier: LGPL-2.1-or-later
// Permissions and channels of one allocation, and when they are to be refreshed (RFC 8656, 9 and
// 12). Looking one up allocates nothing.
#pragma once
#include "client_events.h"
#include "framing.h"
#include <unordered_map>

namespace reach::turn {
inline constexpr Duration permission_lifetime = seconds (300), channel_lifetime = seconds (600);
inline constexpr Duration permission_margin = seconds (60), channel_margin = seconds (60);
// After its end a channel's number, and its peer, may not be bound to another one for so long.
inline constexpr Duration channel_rest = seconds (300);

enum class PeerState : std::uint8_t {
  none,  // wanted, or forgotten
  asked, // for the first time; nothing may be sent
  active // until `expires`, even while it is being refreshed
};

struct Permission {
  PeerState state = PeerState::none;
  bool wanted = true;   // kept, and asked for again with the next allocation
  bool by_hand = false; // forget () leaves it
  bool asking = false;
  bool single = false;  // one of a batch that was refused: it is asked for alone
  bool refused = false; // not asked for again by itself
  TimePoint expires{}, due = TimePoint::max (); // due: to be asked for
};

struct Channel {
  std::uint16_t number = 0;
  Address peer;
  PeerState state = PeerState::none;
  bool wanted = true, asking = false, refused = false, by_hand = false;
  TimePoint expires{}, due = TimePoint::max ();
  TimePoint rests{}; // until then its number and peer stay together
};

class Peers {
public:
  // Channels without a number of their own get one from `least` to `most`.
  Peers (std::size_t permissions, std::size_t channels, std::uint16_t least = first_channel,
      std::uint16_t most = last_channel)
      : max_permissions_ (permissions), max_channels_ (channels), least_ (least), most_ (most)
  {
  }

  // Null: there are too many.
  Permission *add_permission (const Address &peer);
  Permission *permission (const Address &peer);
  // Null: too many, no number is free, or the number and the peer are not free for each other.
  // Number 0: any.
  Channel *add_channel (const Address &peer, std::uint16_t number, TimePoint now);
  Channel *channel (const Address &peer);
  Channel *channel (std::uint16_t number);
  void remove_permission (const Address &peer) { permissions_.erase (peer.host ()); }

  bool can_send (const Address &peer, TimePoint now)
  {
    const Permission *p = permission (peer);
    return p && p->state == PeerState::active && p->expires > now;
  }
  // The channel to send through, 0: none.
  std::uint16_t bound_to (const Address &peer, TimePoint now)
  {
    const Channel *c = channel (peer);
    return c && c->state == PeerState::active && c->expires > now ? c->number : 0;
  }

  // The allocation is gone, with all of them; what is wanted stays for the next one.
  void lost ();
  TimePoint poll_timeout () const;

  std::unordered_map<Address, Permission, stun::AddressHash> &permissions ()
  {
    return permissions_;
  }
  std::unordered_map<std::uint16_t, Channel> &channels () { return channels_; }

private:
  void erase (const Channel &c);

  std::size_t max_permissions_, max_channels_;
  std::uint16_t least_, most_;
  std::unordered_map<Address, Permission, stun::AddressHash> permissions_; // by host
  std::unordered_map<std::uint16_t, Channel> channels_;
  std::unordered_map<Address, Channel *, stun::AddressHash> by_peer_;
};
} // namespace reach::turn

// SPDX-License-Identifier: LGPL-2.1-or-later
// Which peers a client may reach through the server. A relay inside a network would otherwise be a
// door to whatever only that network can reach.
#pragma once
#include "address.h"
#include <algorithm>
#include <optional>
#include <vector>

namespace reach::turn::server {
using stun::Address;
using stun::Family;

struct Prefix {
  Address address;
  unsigned bits = 0;

  // "192.0.2.0/24", "2001:db8::/32", an address alone. Numbers only; nothing for anything else.
  static std::optional<Prefix> parse (std::string_view text);
  bool contains (const Address &a) const;
};

class PeerPolicy {
public:
  void allow (const Prefix &p) { rules_.push_back ({p, true}); }
  void deny (const Prefix &p) { rules_.push_back ({p, false}); }
  // The most exact rule decides, of equal ones a denial. Without one: everything but what is not
  // for the public — this host, private and link-local networks (with the cloud's metadata
  // services), multicast, reserved blocks, and IPv6 addresses with an IPv4 address inside, which
  // would lead around the rules for IPv4.
  bool allowed (const Address &peer) const;

  // Where the server is, besides loopback addresses, and the ports that it listens on there. They
  // are no peers, whatever the rules: an allocation could be another one's client, and what is
  // relayed go in circles.
  void add_host (const Address &host) { hosts_.push_back (host.host ()); }
  void add_door (std::uint16_t port) { doors_.push_back (port); }
  bool is_door (const Address &peer) const
  {
    return std::ranges::find (doors_, peer.port) != doors_.end () && is_here (peer);
  }
  // Other programs of this host, with which its firewall lets nobody talk but this host, unless a
  // rule is about them.
  bool is_neighbour (const Address &peer) const { return is_here (peer) && !rule_for (peer); }

private:
  struct Rule {
    Prefix prefix;
    bool allow;
  };
  const Rule *rule_for (const Address &peer) const;
  bool is_here (const Address &peer) const;

  std::vector<Rule> rules_;
  std::vector<Address> hosts_;
  std::vector<std::uint16_t> doors_;
};
} // namespace reach::turn::server

// SPDX-License-Identifier: LGPL-2.1-or-later
// The clients that a server knows: their presence and their lists. Part of the routing core
// (router.h), which alone uses it.
#pragma once
#include "router_types.h"
#include "token_bucket.h"
#include <optional>
#include <set>

namespace reach::cam {

// Other clients' guids, known to the server or not, each with media types.
using GuidList = std::map<std::string, std::uint8_t, std::less<>>;

struct Client {
  std::string guid;
  // Presence. A client that crashed is online until `missing_until`.
  unsigned senders = 0, receivers = 0;
  TimePoint missing_until = TimePoint::max ();
  std::uint64_t gone = 0; // grows with every client that goes; 0: online
  bool hello_contacts = false, hello_allowed = false; // told these that it is there

  GuidList contacts; // to whom its media go by default
  GuidList allowed;  // who may send to it
  GuidList blocked;
  std::optional<std::uint8_t> default_accept;
  std::uint8_t restricted = 0; // types for which `allowed` is not empty
  std::vector<Parameter> info;
  std::set<std::string, std::less<>> groups;
  TokenBucket asks;

  bool online () const { return gone == 0; }
  bool has_parts () const { return senders + receivers > 0; }
};

class Clients {
public:
  using List = GuidList Client::*;

  Clients (const RouterLimits &limits, std::uint8_t default_accept);

  Client *find (std::string_view guid);
  const Client *find (std::string_view guid) const;
  std::size_t size () const { return clients_.size (); }
  bool full () const { return clients_.size () >= limits_.max_clients; }
  const std::map<std::string, Client, std::less<>> &all () const { return clients_; }

  Client &add (const std::string &guid); // not known yet; online
  void remove (Client &c);

  // Presence.
  void gone (Client &c);
  void back (Client &c);
  void missing (Client &c, TimePoint until);
  Client *oldest_offline ();
  std::vector<const Client *> offline () const; // the oldest first
  TimePoint next_deadline () const;             // max (): nobody is missing
  Client *overdue (TimePoint now);

  // Lists. False: no room in this list, or in all of them together.
  bool put (Client &c, List list, const std::string &guid, std::uint8_t media_types);
  bool drop (Client &c, List list, std::string_view guid);
  void clear (Client &c); // all lists, info and default-accept
  std::vector<std::string> contact_of (std::string_view guid) const;

  // The types that `receiver` takes from `from`, whom the server need not know.
  std::uint8_t accepts (const Client &receiver, std::string_view from) const;
  // One has blocked the other: they do not see each other.
  static bool apart (const Client &a, const Client &b);

private:
  void changed (Client &c, List list, std::string_view guid);
  void forget_deadline (Client &c);

  RouterLimits limits_;
  std::uint8_t default_accept_;
  std::map<std::string, Client, std::less<>> clients_;
  std::map<std::string, std::set<std::string>, std::less<>> contact_of_;
  std::map<std::uint64_t, Client *> offline_; // by Client::gone
  std::set<std::pair<TimePoint, std::string>> missing_;
  std::uint64_t last_gone_ = 0;
  std::size_t entries_ = 0; // of all lists
};
} // namespace reach::cam

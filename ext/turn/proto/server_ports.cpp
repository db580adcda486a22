// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_ports.h"

namespace reach::turn::server {
const char *to_string (Discard d)
{
  static constexpr std::array<const char *, discard_kinds> names = {"malformed", "short-datagram",
      "unsupported-method", "channel-out-of-range", "channel-not-bound", "no-permission",
      "no-allocation", "rate-limited", "denied-peer", "over-bandwidth", "too-many-pending",
      "too-many-connections"};
  return names[static_cast<std::size_t> (d)];
}

Stats &Stats::operator+= (const Stats &o)
{
  requests += o.requests;
  errors += o.errors;
  challenges += o.challenges;
  bindings += o.bindings;
  created += o.created;
  deleted += o.deleted;
  moved += o.moved;
  connected += o.connected;
  traffic.to_peers += o.traffic.to_peers;
  traffic.to_peers_bytes += o.traffic.to_peers_bytes;
  traffic.to_client += o.traffic.to_client;
  traffic.to_client_bytes += o.traffic.to_client_bytes;
  for (std::size_t i = 0; i < discard_kinds; i++)
    discarded[i] += o.discarded[i];
  return *this;
}

Account *LocalCommons::enter (const std::string &name, const Limits &l, Full &why)
{
  why = allocations_ >= l.allocations ? Full::all : Full::no;
  const auto found = accounts_.find (name);
  if (found != accounts_.end () && l.user_allocations > 0 &&
      found->second->allocations >= l.user_allocations)
    why = Full::user;
  if (why != Full::no)
    return nullptr;
  auto &a = accounts_[name];
  if (!a) {
    a = std::make_unique<Account> ();
    a->name = name;
  }
  a->allocations++;
  allocations_++;
  return a.get ();
}

void LocalCommons::leave (Account *a)
{
  allocations_--;
  if (--a->allocations == 0)
    accounts_.erase (std::string (a->name));
}

bool LocalCommons::keep (const Token &t, Reserved r, const Limits &l)
{
  return reserved_.size () < l.reservations && reserved_.emplace (t, std::move (r)).second;
}

std::optional<Reserved> LocalCommons::claim (const Token &t, const std::string *user)
{
  const auto i = reserved_.find (t);
  if (i == reserved_.end () || (user && i->second.user != *user))
    return {};
  Reserved r = std::move (i->second);
  reserved_.erase (i);
  return r;
}
} // namespace reach::turn::server

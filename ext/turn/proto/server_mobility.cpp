// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients whose address changes (RFC 8016): a ticket finds the allocation, credentials prove whose
// it is.
#include "server.h"

namespace reach::turn::server {
using stun::Attr;
namespace code = stun::code;

// Any bytes will do (RFC 8016, 3.1.1), but a client that keeps them as a text would lose a zero and
// what follows. Letters and digits make 96 bits of them.
void Core::new_ticket (Allocation &a)
{
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  tickets_.erase (a.tickets[1]);
  a.tickets[1] = a.tickets[0];
  config_.crypto.random (a.tickets[0]);
  for (std::uint8_t &b : a.tickets[0])
    b = static_cast<std::uint8_t> (letters[b % letters.size ()]);
  tickets_[a.tickets[0]] = &a;
}

void Core::make_mobile (Allocation &a)
{
  a.mobile = true;
  new_ticket (a);
}

void Core::forget_tickets (const Allocation &a)
{
  if (a.mobile)
    for (const Ticket &t : a.tickets)
      tickets_.erase (t);
}

void Core::add_ticket (stun::Builder &b, const Request &r, const Allocation &a)
{
  if (a.mobile && r.message.has (Attr::mobility_ticket))
    b.add (Attr::mobility_ticket, a.tickets[0]);
}

// Its connection has ended. It stays, without a 5-tuple, until it moves or expires.
void Core::set_adrift (Allocation &a)
{
  auto *there = by_client_.find (a.client);
  a.adrift = true;
  adrift_[a.serial] = std::move (*there);
  by_client_.erase (Client (a.client));
}

// What a Refresh of another 5-tuple, with a ticket, is to be about: after it the request has the
// allocation.
std::optional<Core::Refusal> Core::move (Request &r)
{
  const auto value = r.message.find (Attr::mobility_ticket);
  if (!config_.mobility || !value)
    return {};
  constexpr Refusal bad{code::bad_request, "Bad Request"};
  Ticket t{};
  if (value->size () != t.size ())
    return bad;
  std::ranges::copy (*value, t.begin ());
  const auto found = tickets_.find (t);
  if (found == tickets_.end ())
    return bad;
  Allocation &a = *found->second;
  if (!a.identity.same_client (r.identity))
    return Refusal{code::wrong_credentials, "Wrong Credentials"};
  if (r.allocation)
    return r.allocation == &a ? std::nullopt : std::optional (bad);
  // From elsewhere once more: somebody has seen it. A client says something new on a new path.
  if (r.message.transaction () == a.moved_by)
    return bad;
  const Transport transport = paths_[r.client.path]->transport;
  if (a.relaying == Relaying::tcp && !is_stream (transport))
    return bad;
  auto node = a.adrift ? std::move (adrift_[a.serial]) : std::move (*by_client_.find (a.client));
  if (a.adrift)
    adrift_.erase (a.serial);
  else
    by_client_.erase (Client (a.client));
  const Address from = a.client.address;
  a.adrift = false;
  a.moved_by = r.message.transaction ();
  a.client = r.client;
  a.transport = transport;
  a.identity = r.identity;
  new_ticket (a);
  by_client_.put (a.client, std::move (node));
  r.allocation = &a;
  stats_.moved++;
  events_.push_back (AllocationMoved{a.serial, a.identity.user, a.client, from, transport});
  return {};
}
} // namespace reach::turn::server

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transactions.h"
#include <algorithm>

namespace reach::turn {
void Transactions::add (const stun::TransactionId &id, Bytes wire, Request request, TimePoint now)
{
  Transaction t{id, {wire.begin (), wire.end ()}, std::move (request), now, {}, 1};
  t.wait = reliable_ || !timing_.enabled ? timing_.reliable
           : timing_.requests > 1        ? timing_.rto
                                         : timing_.rto * timing_.last_wait;
  t.due = now + t.wait;
  all_.push_back (std::move (t));
}

// Moves to the next deadline; false when there is none. A late call sends once, not all that it
// missed.
bool Transactions::again (Transaction &t, TimePoint now) const
{
  if (reliable_ || !timing_.enabled || t.sent >= timing_.requests)
    return false;
  t.sent++;
  t.wait = t.sent == timing_.requests ? timing_.rto * timing_.last_wait : t.wait * 2;
  t.due = t.due + t.wait > now ? t.due + t.wait : now + t.wait;
  return true;
}

std::optional<Transaction> Transactions::take (const stun::TransactionId &id)
{
  const auto i = std::ranges::find (all_, id, &Transaction::id);
  if (i == all_.end ())
    return {};
  std::optional<Transaction> t (std::move (*i));
  all_.erase (i);
  return t;
}

const Transaction *Transactions::find (const stun::TransactionId &id) const
{
  const auto i = std::ranges::find (all_, id, &Transaction::id);
  return i == all_.end () ? nullptr : &*i;
}

std::optional<Request> Transactions::take_first (stun::Method method)
{
  for (const Transaction &t : all_)
    if (t.request.method == method)
      return take (stun::TransactionId (t.id))->request;
  return {};
}

TimePoint Transactions::poll_timeout () const
{
  TimePoint first = TimePoint::max ();
  for (const Transaction &t : all_)
    first = std::min (first, t.due);
  return first;
}
} // namespace reach::turn

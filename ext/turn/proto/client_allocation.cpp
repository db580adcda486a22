// SPDX-License-Identifier: LGPL-2.1-or-later
// The allocation: asked for, kept, lost, asked for again, given back.
#include "client.h"
#include <algorithm>

namespace reach::turn {
using namespace stun;

namespace {
constexpr Duration refresh_margin = seconds (60);
}

void Client::allocate (TimePoint now)
{
  if (state_ != State::idle)
    return;
  had_allocation_ = false;
  visited_.clear ();
  redirects_ = new_paths_ = capacity_retries_ = losses_ = silent_ = 0;
  mobility_ = config_.mobility;
  dont_fragment_ = config_.dont_fragment;
  if (path_)
    begin (now);
  else
    want_path ();
}

void Client::want_path ()
{
  state_ = State::no_path;
  emit (PathWanted{});
}

void Client::begin (TimePoint now)
{
  retry_at_ = TimePoint::max ();
  if (next_credentials_) {
    auth_.replace (std::move (*next_credentials_));
    next_credentials_.reset ();
  }
  state_ = State::allocating;
  if (auth_.unusable ())
    return fail (Why::bad_credentials, Method::allocate, 0, "a character that none may have");
  if (!send (Request{Method::allocate}, now))
    fail (Why::bad_credentials, Method::allocate, 0, "no room in a request");
}

void Client::set_credentials (Credentials c, TimePoint expires, TimePoint now)
{
  credentials_at_ = TimePoint::max ();
  if (expires != TimePoint::max ())
    credentials_at_ = std::max (now, expires - config_.limits.credentials_margin);
  if (c.kind == Credentials::Kind::token && auth_.credentials ().kind == c.kind)
    auth_.replace (std::move (c));
  else
    next_credentials_ = std::move (c);
}

void Client::set_lifetime (std::uint32_t lifetime, TimePoint now)
{
  const Duration whole = seconds (std::min (lifetime, config_.limits.lifetime));
  const Duration margin =
      whole < seconds (10) ? whole / 2 : std::min<Duration> (refresh_margin, whole / 10);
  expires_ = now + whole;
  updated_ = now;
  refresh_at_ = config_.refresh_allocation ? expires_ - margin : TimePoint::max ();
}

void Client::on_allocated (const Message &m, TimePoint now)
{
  Allocated e;
  m.all (Attr::xor_relayed_address, [&] (Bytes v) {
    const auto a = m.xor_address (v);
    if (a && e.relayed.size () < 2 &&
        std::ranges::find (e.relayed, a->family, &Address::family) == e.relayed.end ())
      e.relayed.push_back (*a);
  });
  e.lifetime = m.u32 (Attr::lifetime).value_or (0);
  if (e.relayed.empty () || e.lifetime == 0) {
    if (had_allocation_)
      return retry_later (true, now);
    return fail (Why::bad_response, Method::allocate, 0, "no relayed address or lifetime", m);
  }
  e.mapped = m.mapped ().value_or (Address{});
  e.refused_family = m.address_error ();
  if (const auto token = m.find (Attr::reservation_token); token && token->size () == 8)
    std::ranges::copy (*token, e.reservation.emplace ().begin ());
  const auto ticket = m.find (Attr::mobility_ticket);
  e.mobile = mobility_ && ticket && !ticket->empty () && ticket->size () <= config_.limits.ticket;
  ticket_.clear ();
  if (e.mobile)
    ticket_.assign (ticket->begin (), ticket->end ());
  e.message = m;
  relayed_ = e.relayed;
  mapped_ = e.mapped;
  state_ = State::allocated;
  had_allocation_ = true;
  config_.reservation.reset (); // used up
  redirects_ = new_paths_ = capacity_retries_ = 0;
  visited_.clear ();
  set_lifetime (e.lifetime, now);
  if (config_.keepalive > Duration{} && !is_stream (config_.transport))
    keepalive_at_ = now + config_.keepalive;
  emit (std::move (e));
  restore_peers (now);
}

bool Client::refresh (std::uint32_t lifetime, TimePoint now)
{
  if (lifetime == 0) {
    close (now);
    return true;
  }
  if (state_ != State::allocated)
    return false;
  Request r{Method::refresh};
  r.lifetime = lifetime;
  return send (std::move (r), now);
}

void Client::on_refreshed (const Request &r, const Message &m, TimePoint now)
{
  const std::uint32_t lifetime = m.u32 (Attr::lifetime).value_or (0);
  if (state_ == State::closing)
    return closed ();
  if (lifetime == 0)
    return lost (Why::bad_response, 0, true, now);
  if (const auto ticket = m.find (Attr::mobility_ticket);
      ticket && !ticket->empty () && ticket->size () <= config_.limits.ticket && mobility_)
    ticket_.assign (ticket->begin (), ticket->end ());
  state_ = State::allocated;
  losses_ = 0;
  set_lifetime (lifetime, now);
  emit (Refreshed{lifetime, r.move, m});
  if (r.move) // what was asked on the old path has no answer any more
    restore_peers (now);
}

// What it refuses and we can do without (RFC 8656, 7.4; RFC 8016, 3.2.2). True: ask again.
bool Client::weaken (const Message &m, unsigned code)
{
  if (code == code::mobility_forbidden && mobility_) {
    mobility_ = false;
    return true;
  }
  if (code != code::unknown_attribute || !dont_fragment_)
    return false;
  const Bytes list = m.find (Attr::unknown_attributes).value_or (Bytes{});
  dont_fragment_ = list.size () != 2 || load_be<std::uint16_t> (list.data ()) !=
                                            static_cast<std::uint16_t> (Attr::dont_fragment);
  return !dont_fragment_;
}

void Client::allocate_error (
    const Message &m, unsigned code, std::string_view reason, TimePoint now)
{
  if (weaken (m, code))
    return begin (now);
  switch (code) {
  case code::try_alternate:
    return redirect (m);
  case code::allocation_mismatch: // our ports are somebody's from before
    if (++new_paths_ > config_.limits.new_paths)
      break;
    emit (ResponseError{Method::allocate, code, reason, m});
    path_ = false;
    return want_path ();
  case code::quota_reached:
  case code::insufficient_capacity:
  case code::server_error:
    if (++capacity_retries_ > config_.limits.capacity_retries)
      break;
    emit (ResponseError{Method::allocate, code, reason, m});
    state_ = State::waiting;
    retry_at_ = now + config_.limits.capacity_wait;
    return;
  default:
    break;
  }
  fail (code == code::wrong_credentials ? Why::wrong_credentials : Why::refused, Method::allocate,
      code, reason, m);
}

// Never by another transport, to a server that we were at, or from the outside into what only we
// can reach (RFC 8489, 10).
void Client::redirect (const Message &m)
{
  const auto to = m.address (Attr::alternate_server);
  visited_.push_back (server_);
  const bool good = to && to->port != 0 && scope_of (*to) != Scope::unusable &&
                    scope_of (*to) >= scope_of (server_) &&
                    (!server_ || to->family == server_.family) &&
                    std::ranges::find (visited_, *to) == visited_.end () &&
                    ++redirects_ <= config_.limits.redirects;
  if (!good)
    return fail (Why::bad_redirect, Method::allocate, code::try_alternate,
        to ? to_string (*to) : "no address", m);
  auth_.forget_server ();
  path_ = false;
  state_ = State::no_path;
  transactions_.clear ();
  emit (Redirected{*to, std::string (m.text (Attr::alternate_domain)), m});
}

void Client::refresh_error (
    const Request &r, const Message &m, unsigned code, std::string_view reason, TimePoint now)
{
  if (state_ == State::closing)
    return closed ();
  emit (ResponseError{Method::refresh, code, reason, m});
  if (r.move || code == code::allocation_mismatch || code == code::wrong_credentials)
    return lost (Why::refused, code, true, now);
  if (config_.refresh_allocation) // while there is time
    refresh_at_ = now + std::max<Duration> ((expires_ - now) / 2, seconds (1));
}

// Nothing of the allocation is left.
void Client::over ()
{
  relayed_.clear ();
  mapped_ = {};
  ticket_.clear ();
  expires_ = refresh_at_ = retry_at_ = keepalive_at_ = TimePoint::max ();
  peers_.lost ();
  peers_due_ = TimePoint::max ();
  transactions_.drop_if ([] (const Request &r) { return r.method != Method::binding; });
}

void Client::lost (Why why, unsigned code, bool path_is_good, TimePoint now)
{
  over ();
  if (why == Why::expired && !config_.refresh_allocation) {
    state_ = State::idle;
    return emit (AllocationLost{why, code, Duration::max ()});
  }
  retry_later (path_is_good, now);
  emit (AllocationLost{why, code, retry_at_ - now});
}

void Client::retry_later (bool path_is_good, TimePoint now)
{
  path_ = path_ && path_is_good;
  if (!path_)
    transactions_.clear ();
  state_ = State::waiting;
  retry_at_ = now + backoff (losses_++);
}

// Doubled with each loss, a quarter more or less, so that all clients of a server that fell do not
// come back at once.
Duration Client::backoff (unsigned n) const
{
  const Limits &l = config_.limits;
  Duration d = l.retry_first;
  for (unsigned i = 0; i < n && d < l.retry_max; i++)
    d *= 2;
  d = std::min (d, l.retry_max);
  std::uint8_t random = 0;
  config_.crypto.random ({&random, 1});
  return d * 3 / 4 + d / 512 * random;
}

void Client::fail (Why why, Method method, unsigned code, std::string_view reason, const Message &m)
{
  over ();
  state_ = State::idle;
  emit (Failed{why, method, code, std::string (reason), m});
}

void Client::close (TimePoint now)
{
  if (state_ == State::idle || state_ == State::closing)
    return;
  // An answer that gives us one may be on its way.
  const bool there = state_ == State::allocated || state_ == State::moving ||
                     (state_ == State::allocating && auth_.has_key ());
  over ();
  state_ = State::closing;
  Request r{Method::refresh};
  r.lifetime = 0;
  if (!there || !send (std::move (r), now))
    closed ();
}

void Client::closed ()
{
  over ();
  state_ = State::idle;
  emit (Closed{});
}
} // namespace reach::turn

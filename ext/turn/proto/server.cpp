// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server.h"
#include "framing.h"
#include <algorithm>

namespace reach::turn::server {
using stun::Class;
using stun::Method;

namespace {
Config completed (Config c)
{
  if (c.nonce_secret.empty ()) {
    c.nonce_secret.resize (32);
    c.crypto.random (c.nonce_secret);
  }
  c.max_lifetime = std::max (c.max_lifetime, c.default_lifetime);
  return c;
}

std::uint64_t seed_of (const Config &c)
{
  std::array<std::uint8_t, 8> b{};
  c.crypto.random (b);
  return load_be<std::uint64_t> (b.data ());
}
} // namespace

Core::Core (Config config, Ports &ports, Commons &commons, TimePoint now)
    : config_ (completed (std::move (config))), ports_ (ports), commons_ (commons),
      authority_ (config_),
      limiter_ (config_.limits.unauthenticated, config_.limits.sources, seed_of (config_)),
      by_client_ (ClientHash{seed_of (config_)})
{
  config_.crypto.random (indication_id_);
  authority_.set_wall_clock (0, now);
}

Core::~Core ()
{
  end_all (TimePoint::max ());
  for (const auto &[when, token] : reservations_)
    if (const auto r = commons_.claim (token, nullptr))
      ports_.drop (r->socket);
}

std::optional<PathId> Core::add_path (const Path &path)
{
  if (free_paths_.empty ()) {
    if (paths_.size () >= config_.limits.paths)
      return {};
    free_paths_.push_back (static_cast<PathId> (paths_.size ()));
    paths_.emplace_back ();
  }
  const PathId id = free_paths_.back ();
  free_paths_.pop_back ();
  paths_[id] = path;
  if (path.corner >= 0)
    corners_[static_cast<std::size_t> (path.corner)] = id;
  return id;
}

void Core::remove_path (PathId id, TimePoint now)
{
  std::vector<Allocation *> gone;
  if (paths_[id]->remote) {
    gone.push_back (find ({id, paths_[id]->remote}));
  } else {
    by_client_.for_each ([&] (const Client &c, auto &a) {
      if (c.path == id)
        gone.push_back (a.get ());
    });
  }
  for (Allocation *a : gone)
    if (a && a->mobile)
      set_adrift (*a);
    else if (a)
      end (*a, Ended::path_closed);
  if (const auto c = spliced_.find (id); c != spliced_.end ())
    drop (connections_.find (c->second));
  std::erase_if (pending_, [&] (const Pending &p) { return p.client.path == id; });
  if (const int c = paths_[id]->corner; c >= 0)
    corners_[static_cast<std::size_t> (c)].reset ();
  paths_[id].reset ();
  free_paths_.push_back (id);
}

void Core::end_all (TimePoint)
{
  while (!expiries_.empty ())
    end (*expiries_.begin ()->second, Ended::shutdown);
}

const Transmit *Core::poll_transmit ()
{
  return std::exchange (has_out_, false) ? &out_ : nullptr;
}

std::optional<Event> Core::poll_event ()
{
  if (next_event_ < events_.size ())
    return std::move (events_[next_event_++]);
  events_.clear ();
  next_event_ = 0;
  return {};
}

TimePoint Core::poll_timeout () const
{
  TimePoint t = expiries_.empty () ? TimePoint::max () : expiries_.begin ()->first;
  if (!waiting_.empty ())
    t = std::min (t, waiting_.begin ()->first);
  if (!reservations_.empty ())
    t = std::min (t, reservations_.begin ()->first);
  for (const Pending &p : pending_)
    t = std::min (t, p.deadline);
  return t;
}

// A question that nobody answered makes a datagram, and there is room for one: what else is due
// then is done in the next call, which poll_timeout () asks for at once.
void Core::timeout (TimePoint now)
{
  while (!expiries_.empty () && expiries_.begin ()->first <= now)
    end (*expiries_.begin ()->second, Ended::expired);
  while (!reservations_.empty () && reservations_.begin ()->first <= now) {
    if (const auto r = commons_.claim (reservations_.begin ()->second, nullptr))
      ports_.drop (r->socket);
    reservations_.erase (reservations_.begin ());
  }
  time_out_connections (now);
  if (has_out_)
    return;
  const auto late = std::ranges::find_if (pending_, [&] (auto &p) { return p.deadline <= now; });
  if (late == pending_.end ())
    return;
  Pending p = take_pending (late);
  if (p.asked_allocation)
    p.decision.allowed = false;
  else
    p.decision.password.emplace ();
  decide (std::move (p), now);
}

void Core::input (const Client &client, Bytes in, TimePoint now)
{
  if (in.empty ())
    return discard (Discard::short_datagram, client);
  if (in[0] >= 0x40 && in[0] <= 0x7f)
    return in[0] <= config_.last_channel >> 8 ? input_channel (client, in, now)
                                              : discard (Discard::channel_out_of_range, client);
  if (in[0] > 3)
    return discard (Discard::malformed, client);
  input_stun (client, in, now);
}

void Core::input_stun (const Client &client, Bytes in, TimePoint now)
{
  Message::Fault why{};
  const auto m = Message::parse (in, &why);
  if (!m) {
    if (why == Message::Fault::not_stun && old_binding (client, in, now))
      return;
    return discard (
        why == Message::Fault::truncated ? Discard::short_datagram : Discard::malformed, client);
  }
  if (m->kind () == Class::request)
    return handle (client, *m, {}, now);
  if (m->kind () == Class::indication && m->method () == Method::send)
    return send_indication (client, *m, now);
  if (m->kind () == Class::indication && m->method () == Method::binding)
    return; // keeps a NAT's binding alive; never answered
  discard (Discard::unsupported_method, client);
}

void Core::handle (const Client &client, const Message &m, const Decision &d, TimePoint now)
{
  static constexpr std::array known = {Method::binding, Method::allocate, Method::refresh,
      Method::create_permission, Method::channel_bind, Method::connect, Method::connection_bind};
  const Method method = m.method ();
  if (std::ranges::find (known, method) == known.end ())
    return discard (Discard::unsupported_method, client);
  if (!d.password && !d.allowed && is_pending (client, m.transaction ()))
    return; // repeated while the application thinks
  stats_.requests++;
  Request r{client, m, d, now, find (client), {}, false};
  if (method == Method::binding && config_.short_term_binding) {
    if (!authenticate_short_term (r))
      return;
  } else if (method == Method::binding && !config_.authenticate_binding) {
    if (!limiter_.take (client.address, now))
      return discard (Discard::rate_limited, client);
  } else if (!within_rate (r)) {
    return discard (Discard::rate_limited, client);
  } else if (!authenticate (r)) {
    return;
  } else if (r.allocation && config_.limits.requests.limited ()) {
    r.allocation->requests.charge (config_.limits.requests, 1, now);
  }
  if (!known_attributes (r))
    return;
  switch (method) {
  case Method::binding:
    return binding (r);
  case Method::allocate:
    return allocate (r);
  case Method::refresh:
    return refresh (r);
  case Method::create_permission:
    return create_permission (r);
  case Method::connect:
    return connect (r);
  case Method::connection_bind:
    return connection_bind (r);
  default:
    return channel_bind (r);
  }
}

// Before the work that proofs are. Nobody else can use up the rate of an allocation.
bool Core::within_rate (const Request &r)
{
  const Rate &rate = config_.limits.requests;
  if (r.decision.password || r.decision.allowed)
    return true; // once more
  if (r.allocation)
    return !rate.limited () || r.allocation->requests.has (rate, 1, r.now);
  return config_.anonymous || limiter_.has (r.client.address, r.now);
}

bool Core::authenticate (Request &r)
{
  if (config_.anonymous)
    return true;
  auto result = authority_.check (r.message, r.client.address,
      r.allocation ? &r.allocation->identity : nullptr, r.decision.password, r.now);
  using Verdict = Authority::Verdict;
  if (result.verdict == Verdict::good) {
    r.identity = std::move (result.identity);
    r.sha256 = result.sha256;
    return true;
  }
  if (!limiter_.take (r.client.address, r.now)) {
    discard (Discard::rate_limited, r.client);
    return false;
  }
  switch (result.verdict) {
  case Verdict::ask: {
    const std::string user (r.message.text (stun::Attr::username));
    const std::uint64_t id = ++last_id_;
    ask (r, AuthorizeRequest{id, user, config_.realm, r.client}, id);
    break;
  }
  case Verdict::stale:
    refuse (r, stun::code::stale_nonce, "Stale Nonce", true);
    break;
  case Verdict::bad:
    refuse (r, stun::code::bad_request, "Bad Request");
    break;
  default:
    refuse (r, stun::code::unauthenticated, "Unauthenticated", true);
  }
  return false;
}

bool Core::authenticate_short_term (Request &r)
{
  auto result = authority_.check_short_term (r.message);
  using Verdict = Authority::Verdict;
  if (result.verdict == Verdict::good) {
    r.identity = std::move (result.identity);
    r.sha256 = result.sha256;
    return true;
  }
  if (!limiter_.take (r.client.address, r.now))
    discard (Discard::rate_limited, r.client);
  else if (result.verdict == Verdict::bad)
    refuse (r, stun::code::bad_request, "Bad Request");
  else
    refuse (r, stun::code::unauthenticated, "Unauthenticated");
  return false;
}

bool Core::is_pending (const Client &c, const stun::TransactionId &t) const
{
  return std::ranges::any_of (
      pending_, [&] (const Pending &p) { return p.client == c && p.transaction == t; });
}

void Core::ask (const Request &r, Event e, std::uint64_t id)
{
  const std::size_t all = config_.limits.pending, least = 8;
  const Address network = r.client.address.network ();
  const auto its = static_cast<std::size_t> (std::ranges::count_if (
      pending_, [&] (const Pending &p) { return p.client.address.network () == network; }));
  if (pending_.size () >= all || its >= std::max (all / 4, least))
    return discard (Discard::too_many_pending, r.client);
  const Bytes b = r.message.bytes ();
  pending_.push_back (
      {id, std::holds_alternative<AllocateRequest> (e), r.client, r.message.transaction (),
          {b.begin (), b.end ()}, r.decision, r.now + config_.limits.decision});
  events_.push_back (std::move (e));
}

Core::Pending Core::take_pending (std::vector<Pending>::iterator i)
{
  Pending p = std::move (*i);
  pending_.erase (i);
  return p;
}

void Core::decide (Pending p, TimePoint now)
{
  if (const auto m = Message::parse (p.bytes))
    handle (p.client, *m, p.decision, now);
}

bool Core::authorize (std::uint64_t id, std::optional<std::string> password, TimePoint now)
{
  const auto i =
      std::ranges::find_if (pending_, [&] (auto &p) { return p.id == id && !p.asked_allocation; });
  if (i == pending_.end ())
    return false;
  Pending p = take_pending (i);
  p.decision.password = std::move (password);
  decide (std::move (p), now);
  return true;
}

bool Core::allow (std::uint64_t id, bool yes, TimePoint now)
{
  const auto i =
      std::ranges::find_if (pending_, [&] (auto &p) { return p.id == id && p.asked_allocation; });
  if (i == pending_.end ())
    return false;
  Pending p = take_pending (i);
  p.decision.allowed = yes;
  decide (std::move (p), now);
  return true;
}
} // namespace reach::turn::server

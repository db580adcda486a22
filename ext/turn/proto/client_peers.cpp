// SPDX-License-Identifier: LGPL-2.1-or-later
// Permissions and channels: asked for in batches, refreshed, refused.
#include "client.h"
#include <algorithm>

namespace reach::turn {
using namespace stun;

namespace {
constexpr Duration later = seconds (60); // after "not now"

bool is_temporary (unsigned code)
{
  return code == code::quota_reached || code == code::server_error ||
         code == code::insufficient_capacity;
}
} // namespace

bool Client::has_family (const Address &peer) const
{
  return peer && (relayed_.empty () || std::ranges::find (relayed_, peer.family,
                                           &Address::family) != relayed_.end ());
}

bool Client::create_permission (std::span<const Address> peers, TimePoint now, bool by_hand)
{
  bool all = true;
  for (const Address &peer : peers) {
    Permission *p = has_family (peer) ? peers_.add_permission (peer) : nullptr;
    all = all && p;
    if (!p)
      continue;
    p->wanted = true;
    p->refused = false;
    p->by_hand = p->by_hand || by_hand;
    if (!p->asking)
      p->due = now;
  }
  if (state_ == State::allocated)
    ask_permissions (now);
  peers_changed ();
  return all;
}

std::uint16_t Client::bind_channel (
    const Address &peer, std::uint16_t number, TimePoint now, bool by_hand)
{
  if (!has_family (peer) || peer.port == 0 || config_.relay != Relay::udp)
    return 0;
  Channel *c = peers_.add_channel (peer, number, now);
  if (!c)
    return 0;
  const std::uint16_t n = c->number;
  c->wanted = true;
  c->refused = false;
  c->by_hand = c->by_hand || by_hand;
  if (!c->asking)
    c->due = now;
  if (state_ == State::allocated)
    ask_channels (now);
  peers_changed ();
  return n;
}

void Client::forget (const Address &peer, bool others)
{
  if (Channel *c = peers_.channel (peer); c && !c->by_hand) {
    c->wanted = false;
    c->due = TimePoint::max ();
  }
  for (const auto &[number, c] : peers_.channels ()) // which needs it
    others = others || (c.wanted && c.peer.host () == peer.host ());
  if (Permission *p = peers_.permission (peer); p && !others && !p->by_hand) {
    p->wanted = false;
    p->due = TimePoint::max ();
    if (p->state == PeerState::none && !p->asking)
      peers_.remove_permission (peer);
  }
  peers_changed ();
}

bool Client::connect (const Address &peer, TimePoint now)
{
  if (state_ != State::allocated || config_.relay != Relay::tcp || !has_family (peer))
    return false;
  Request r{Method::connect};
  r.peers = {peer};
  return send (std::move (r), now);
}

bool Client::binding_request (TimePoint now)
{
  if (!binding_auth_)
    binding_auth_.emplace (config_.crypto, Credentials{});
  return send (Request{Method::binding}, now);
}

Client::PeerList Client::peers ()
{
  PeerList l;
  for (const auto &[host, p] : peers_.permissions ())
    if (p.state == PeerState::active)
      l.permissions.push_back ({host, p.expires});
  for (const auto &[number, c] : peers_.channels ())
    if (c.state == PeerState::active)
      l.channels.push_back ({number, c.peer, c.expires});
  std::ranges::sort (l.channels, {}, &PeerList::Channel::number);
  return l;
}

// All that are due, and with them those that would be soon.
std::vector<Address> Client::next_batch (TimePoint now)
{
  std::vector<Address> batch;
  for (const TimePoint until : {now, now + permission_margin})
    for (auto &[host, p] : peers_.permissions ()) {
      const bool in = until != now && p.due <= now; // already
      if (p.asking || p.due > until || in || batch.size () >= config_.limits.batch)
        continue;
      if (until != now && (batch.empty () || p.single))
        continue;
      if (p.single && batch.empty ())
        return {host};
      if (!p.single)
        batch.push_back (host);
    }
  return batch;
}

void Client::ask_permissions (TimePoint now)
{
  for (;;) {
    Request r{Method::create_permission};
    r.peers = next_batch (now);
    if (r.peers.empty ())
      return;
    const std::vector<Address> asked = r.peers;
    const bool sent = send (std::move (r), now);
    for (const Address &host : asked) {
      Permission *p = peers_.permission (host);
      p->asking = sent;
      p->due = sent ? TimePoint::max () : now + seconds (1);
      if (sent && p->state == PeerState::none)
        p->state = PeerState::asked;
    }
    if (!sent)
      return;
  }
}

void Client::ask_channels (TimePoint now)
{
  for (auto &[number, c] : peers_.channels ()) {
    if (c.asking || c.due > now)
      continue;
    Request r{Method::channel_bind};
    r.channel = number;
    r.peers = {c.peer};
    c.asking = send (std::move (r), now);
    c.due = c.asking ? TimePoint::max () : now + seconds (1);
    if (c.asking && c.state == PeerState::none)
      c.state = PeerState::asked;
  }
}

// What has ended, and what is to be refreshed.
void Client::check_peers (TimePoint now)
{
  for (auto &[number, c] : peers_.channels ())
    if (c.state == PeerState::active && c.expires <= now) {
      c.state = c.asking ? PeerState::asked : PeerState::none;
      c.wanted = c.wanted && config_.refresh_channels;
      emit (PeerExpired{c.peer, number});
    }
  for (auto &[host, p] : peers_.permissions ())
    if (p.state == PeerState::active && p.expires <= now) {
      p.state = p.asking ? PeerState::asked : PeerState::none;
      p.wanted = p.wanted && config_.refresh_permissions;
      emit (PeerExpired{host, 0});
    }
  std::erase_if (peers_.permissions (), [] (const auto &entry) {
    const Permission &p = entry.second;
    return p.state == PeerState::none && !p.wanted && !p.asking && !p.refused;
  });
  if (state_ == State::allocated) {
    ask_channels (now);
    ask_permissions (now);
  }
  peers_changed ();
  if (state_ != State::allocated) // until it is
    peers_due_ = TimePoint::max ();
}

// An allocation without them has begun, or what was asked on another path has no answer.
void Client::restore_peers (TimePoint now)
{
  std::vector<Address> strangers;
  for (auto &[host, p] : peers_.permissions ()) {
    p.asking = false;
    if (!has_family (host))
      strangers.push_back (host);
    else if (p.wanted && p.state != PeerState::active)
      p.due = now;
    else if (p.wanted && config_.refresh_permissions)
      p.due = std::max (now, p.expires - permission_margin);
  }
  for (const Address &host : strangers)
    peers_.remove_permission (host);
  for (auto &[number, c] : peers_.channels ()) {
    c.asking = false;
    if (!has_family (c.peer)) {
      c.wanted = false;
      c.refused = true;
      c.due = TimePoint::max ();
      strangers.push_back (c.peer);
    } else if (c.wanted && c.state != PeerState::active)
      c.due = now;
    else if (c.wanted && config_.refresh_channels)
      c.due = std::max (now, c.expires - channel_margin);
  }
  if (!strangers.empty ())
    emit (PeerRefused{Method::create_permission, std::move (strangers), 0,
        code::peer_family_mismatch, "the allocation has no address of this family", {}});
  check_peers (now);
}

void Client::on_permissions (const Request &r, const Message &m, TimePoint now)
{
  for (const Address &host : r.peers)
    if (Permission *p = peers_.permission (host)) {
      p->asking = false;
      p->state = PeerState::active;
      p->expires = now + permission_lifetime;
      p->due = p->wanted && config_.refresh_permissions ? p->expires - permission_margin
                                                        : TimePoint::max ();
    }
  peers_changed ();
  emit (PermissionsCreated{r.peers, m});
}

void Client::on_channel (const Request &r, const Message &m, TimePoint now)
{
  Channel *c = peers_.channel (r.channel);
  if (!c)
    return;
  c->asking = false;
  c->state = PeerState::active;
  c->expires = now + channel_lifetime;
  c->rests = c->expires + channel_rest;
  // It installs a permission too (RFC 8656, 12.2), which is refreshed with all others.
  Permission *p = peers_.add_permission (c->peer);
  if (p && !p->asking) {
    p->state = PeerState::active;
    p->refused = false;
    p->expires = now + permission_lifetime;
    p->due = p->wanted && config_.refresh_permissions ? p->expires - permission_margin
                                                      : TimePoint::max ();
  }
  const bool alone = !p || !config_.refresh_permissions; // then it must do so in time
  c->due = !c->wanted || !config_.refresh_channels ? TimePoint::max ()
           : alone                                 ? now + permission_lifetime - permission_margin
                                                   : c->expires - channel_margin;
  peers_changed ();
  emit (ChannelBound{c->number, c->peer, m});
}

void Client::permissions_error (
    const Request &r, const Message &m, unsigned code, std::string_view reason, TimePoint now)
{
  if (code == code::allocation_mismatch || code == code::wrong_credentials) {
    emit (ResponseError{r.method, code, reason, m});
    return lost (Why::refused, code, true, now);
  }
  // One of them is the reason, and none was installed (RFC 8656, 10.2): each by itself then.
  const bool each = !is_temporary (code) && r.peers.size () > 1;
  for (const Address &host : r.peers)
    if (Permission *p = peers_.permission (host)) {
      p->asking = false;
      p->single = p->single || each;
      const bool ends = !is_temporary (code) && !each;
      p->refused = p->refused || ends;
      p->wanted = p->wanted && !ends;
      p->due = !p->wanted ? TimePoint::max () : each ? now : now + later;
      if (p->state == PeerState::asked)
        p->state = PeerState::none;
    }
  if (is_temporary (code))
    emit (ResponseError{r.method, code, reason, m});
  else if (!each)
    emit (PeerRefused{r.method, r.peers, 0, code, reason, m});
  if (each)
    ask_permissions (now);
  peers_changed ();
}

void Client::channel_error (
    const Request &r, const Message &m, unsigned code, std::string_view reason, TimePoint now)
{
  if (code == code::allocation_mismatch || code == code::wrong_credentials) {
    emit (ResponseError{r.method, code, reason, m});
    return lost (Why::refused, code, true, now);
  }
  if (Channel *c = peers_.channel (r.channel)) {
    c->asking = false;
    c->refused = !is_temporary (code);
    c->wanted = c->wanted && !c->refused;
    c->due = c->wanted ? now + later : TimePoint::max ();
    if (c->state == PeerState::asked)
      c->state = PeerState::none;
  }
  if (is_temporary (code))
    emit (ResponseError{r.method, code, reason, m});
  else
    emit (PeerRefused{r.method, r.peers, r.channel, code, reason, m});
  peers_changed ();
}
} // namespace reach::turn

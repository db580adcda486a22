// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests: written, asked again after a challenge, answered, or not.
#include "client.h"

namespace reach::turn {
using namespace stun;

Authenticator &Client::auth_of (const Request &r)
{
  static_assert (std::is_copy_constructible_v<Authenticator>);
  return r.method == Method::binding ? *binding_auth_ : auth_;
}

TransactionId Client::new_id ()
{
  TransactionId id;
  config_.crypto.random (id);
  return id;
}

bool Client::send (Request r, TimePoint now)
{
  if (!path_ || transactions_.full ())
    return false;
  const TransactionId id = new_id ();
  Builder b (scratch_, r.method, Class::request, id);
  write (b, r);
  if (config_.amend && !b.failed ())
    if (const auto other = config_.amend (b.message ());
        !other.empty () && may_replace (b.message (), other))
      b.replace (other);
  r.proof = auth_of (r).sign (b);
  if (config_.fingerprint)
    b.fingerprint ();
  if (b.failed ())
    return false;
  const Bytes wire = b.message ();
  out_.push_back ({wire.begin (), wire.end ()});
  transactions_.add (id, wire, std::move (r), now);
  sent_at_ = now;
  stats_.requests++;
  return true;
}

bool Client::may_replace (Bytes before, Bytes after)
{
  const auto old = Message::parse (before), m = Message::parse (after);
  return old && m && m->kind () == old->kind () && m->method () == old->method () &&
         m->transaction () == old->transaction () && m->integrity_at () == 0 &&
         m->integrity_sha256_at () == 0 && !m->has_fingerprint ();
}

void Client::write (Builder &b, const Request &r) const
{
  const bool introduces = r.method == Method::allocate || r.method == Method::binding;
  if (introduces && !config_.software.empty ())
    b.text (Attr::software, config_.software);
  if (r.method == Method::allocate)
    write_allocate (b);
  if (r.channel != 0)
    b.u16 (Attr::channel_number, r.channel);
  for (const Address &peer : r.peers)
    b.xor_address (Attr::xor_peer_address, peer);
  if (r.lifetime)
    b.u32 (Attr::lifetime, *r.lifetime);
  if (r.family != Family::none)
    b.u8 (Attr::requested_address_family, static_cast<std::uint8_t> (r.family));
  if (r.move)
    b.add (Attr::mobility_ticket, ticket_);
}

void Client::write_allocate (Builder &b) const
{
  b.u8 (Attr::requested_transport, static_cast<std::uint8_t> (config_.relay));
  if (config_.lifetime > 0)
    b.u32 (Attr::lifetime, config_.lifetime);
  // The one or the other, and neither with a token, whose family is settled (RFC 8656, 7.1).
  const bool udp = config_.relay == Relay::udp;
  const bool reserved = config_.reservation && udp;
  if (config_.families == Families::both && !reserved)
    b.u8 (Attr::additional_address_family, static_cast<std::uint8_t> (Family::ipv6));
  else if (config_.families != Families::server_default && !reserved)
    b.u8 (Attr::requested_address_family,
        static_cast<std::uint8_t> (
            config_.families == Families::ipv6 ? Family::ipv6 : Family::ipv4));
  if (reserved)
    b.add (Attr::reservation_token, *config_.reservation);
  else if (config_.even_port && udp) {
    const std::uint8_t bit = config_.reserve_next && config_.families != Families::both ? 0x80 : 0;
    b.add (Attr::even_port, {&bit, 1});
  }
  if (dont_fragment_ && udp)
    b.flag (Attr::dont_fragment);
  if (mobility_)
    b.flag (Attr::mobility_ticket);
}

void Client::challenge (Request r, const Message &m, TimePoint now)
{
  using Answer = Authenticator::Answer;
  const unsigned code = m.error ()->code;
  switch (auth_of (r).challenged (m, r.proof)) {
  case Answer::retry:
    if (++r.challenges > config_.limits.challenges)
      return refuse (r, Why::stale_nonces, code, m, now);
    if (!send (r, now))
      refuse (r, Why::bad_credentials, code, m, now); // no room for them in a request
    return;
  case Answer::wrong_credentials:
    return refuse (r, Why::wrong_credentials, code, m, now);
  case Answer::no_credentials:
    return refuse (r, Why::no_credentials, code, m, now);
  case Answer::bid_down:
  case Answer::no_algorithm:
    return refuse (r, Why::bid_down, code, m, now);
  case Answer::bad_challenge:
    return refuse (r, Why::bad_response, code, m, now);
  }
}

// The server does not take our word. Of a request for an allocation that is the end; otherwise it
// has forgotten us, or what is ours, so we start again.
void Client::refuse (const Request &r, Why why, unsigned code, const Message &m, TimePoint now)
{
  const auto e = m.error ();
  const std::string_view reason = e ? e->reason : std::string_view{};
  if (r.method == Method::binding)
    return emit (ResponseError{r.method, code, reason, m});
  if (state_ == State::closing)
    return closed ();
  if (r.method == Method::allocate)
    return fail (why, r.method, code, reason, m);
  emit (ResponseError{r.method, code, reason, m});
  lost (why, code, true, now);
}

void Client::success (const Request &r, const Message &m, TimePoint now)
{
  switch (r.method) {
  case Method::allocate:
    return on_allocated (m, now);
  case Method::refresh:
    return on_refreshed (r, m, now);
  case Method::create_permission:
    return on_permissions (r, m, now);
  case Method::channel_bind:
    return on_channel (r, m, now);
  case Method::connect:
    if (const auto id = m.u32 (Attr::connection_id))
      return emit (PeerConnected{r.peers[0], *id, false, m});
    return emit (PeerRefused{r.method, r.peers, 0, 0, "no connection id", m});
  default: // Binding
    if (const auto mapped = m.mapped ()) {
      if (relayed_.empty ())
        mapped_ = *mapped;
      return emit (BindingSuccess{
          *mapped, m.address (Attr::response_origin), m.address (Attr::other_address), m});
    }
    emit (ResponseError{r.method, 0, "no mapped address", m});
  }
}

void Client::error (
    const Request &r, const Message &m, unsigned code, std::string_view reason, TimePoint now)
{
  switch (r.method) {
  case Method::allocate:
    return allocate_error (m, code, reason, now);
  case Method::refresh:
    return refresh_error (r, m, code, reason, now);
  case Method::create_permission:
    return permissions_error (r, m, code, reason, now);
  case Method::channel_bind:
    return channel_error (r, m, code, reason, now);
  case Method::connect:
    emit (PeerRefused{r.method, r.peers, 0, code, reason, m});
    if (code == code::allocation_mismatch)
      lost (Why::refused, code, true, now);
    return;
  default:
    emit (ResponseError{r.method, code, reason, m});
  }
}

void Client::unanswered (const Request &r, Why why, TimePoint now)
{
  silent_++;
  emit (TimedOut{r.method, r.peers});
  if (r.method == Method::binding || r.method == Method::connect)
    return;
  if (state_ == State::closing)
    return closed ();
  if (r.method == Method::allocate) {
    if (had_allocation_)
      return retry_later (false, now);
    return fail (why, r.method, 0, "no answer");
  }
  if (r.move || silent_ >= config_.limits.silent)
    return lost (why, 0, false, now);
  if (r.method == Method::refresh) {
    refresh_at_ = now;
    return;
  }
  for (const Address &peer : r.peers)
    if (Permission *p = peers_.permission (peer); p && r.method == Method::create_permission) {
      p->asking = false;
      p->due = p->wanted ? now : TimePoint::max ();
    }
  if (Channel *c = peers_.channel (r.channel)) {
    c->asking = false;
    c->due = c->wanted ? now : TimePoint::max ();
  }
  peers_changed ();
}
} // namespace reach::turn

// SPDX-License-Identifier: LGPL-2.1-or-later
// Application data. Nothing here allocates once a channel or a permission is there.
#include "client.h"

namespace reach::turn {
using namespace stun;

namespace {
constexpr std::size_t padding_of (std::size_t n)
{
  return (4 - n % 4) % 4;
}
} // namespace

// What a peer lacks is asked for, unless that was refused. True: it may come.
bool Client::missing (const Address &peer, bool channel, TimePoint now)
{
  const Channel *c = peers_.channel (peer);
  const Permission *p = peers_.permission (peer);
  if (channel) {
    if (c)
      return !c->refused && (c->wanted || c->asking);
    return config_.automatic_permissions && bind_channel (peer, 0, now) != 0;
  }
  if (p && p->state != PeerState::active)
    return !p->refused && (p->wanted || p->asking);
  return config_.automatic_permissions && create_permission ({&peer, 1}, now);
}

Client::Wrapped Client::wrap (
    const Address &peer, std::size_t size, std::span<std::uint8_t> header, TimePoint now)
{
  if (state_ != State::allocated) {
    const bool never = state_ == State::idle || state_ == State::closing;
    return {never ? Route::refused : Route::pending};
  }
  if (config_.relay != Relay::udp || !has_family (peer))
    return {Route::refused};
  if (config_.mode != Mode::indication) {
    if (const std::uint16_t n = peers_.bound_to (peer, now))
      return wrap_channel (n, size, header, now);
    const bool comes = missing (peer, true, now);
    if (config_.mode == Mode::channel)
      return {comes ? Route::pending : Route::refused};
    if (comes && !peers_.can_send (peer, now)) // it brings the permission
      return {Route::pending};
  }
  if (peers_.can_send (peer, now))
    return wrap_indication (peer, size, header, now);
  return {missing (peer, false, now) ? Route::pending : Route::refused};
}

Client::Wrapped Client::wrap_channel (
    std::uint16_t number, std::size_t size, std::span<std::uint8_t> header, TimePoint now)
{
  const Channel *c = peers_.channel (number);
  if (state_ != State::allocated || !c || c->state != PeerState::active || c->expires <= now ||
      size > 0xffff || header.size () < channel_header)
    return {};
  write_channel_header (header.data (), number, size);
  sent_at_ = now;
  return {Route::channel, channel_header, is_stream (config_.transport) ? padding_of (size) : 0};
}

Client::Wrapped Client::wrap_indication (
    const Address &peer, std::size_t size, std::span<std::uint8_t> header, TimePoint now)
{
  if (state_ != State::allocated || !peers_.can_send (peer, now) || peer.port == 0 ||
      config_.relay != Relay::udp)
    return {};
  // No answer belongs to it, so that the next number will do for an id.
  for (std::size_t i = indication_id_.size (); i-- > 0 && ++indication_id_[i] == 0;)
    continue;
  Builder b (header, Method::send, Class::indication, indication_id_);
  b.xor_address (Attr::xor_peer_address, peer);
  if (dont_fragment_)
    b.flag (Attr::dont_fragment);
  b.data_header (size);
  if (b.failed ())
    return {};
  sent_at_ = now;
  return {Route::indication, b.message ().size (), padding_of (size)};
}

std::optional<Data> Client::unwrap (Bytes frame)
{
  std::optional<Data> d;
  if (kind_of (frame) == FrameKind::channel) {
    const auto in = parse_channel_data (frame);
    // A datagram may overtake the answer to ChannelBind.
    const Channel *c = in ? peers_.channel (in->number) : nullptr;
    if (c && c->state != PeerState::none)
      d = Data{c->peer, c->number, in->payload};
  } else if (const auto m = Message::parse (frame)) {
    const auto payload = m->find (Attr::data);
    const auto peer = m->xor_address (Attr::xor_peer_address);
    const bool is_data = m->kind () == Class::indication && m->method () == Method::data;
    std::uint16_t unknown[1];
    if (is_data && payload && peer && peers_.permission (*peer) &&
        m->unknown_required (unknown) == 0)
      d = Data{*peer, 0, *payload};
  }
  if (d) {
    stats_.data_in++;
    stats_.bytes_in += d->payload.size ();
  }
  return d;
}

void Client::receive_channel (Bytes frame)
{
  if (const auto d = unwrap (frame))
    return emit (*d);
  if (const auto in = parse_channel_data (frame)) {
    stats_.unknown_peer++;
  } else {
    stats_.malformed++;
    emit (UnknownBytes{frame});
  }
}

void Client::receive_data (const Message &m)
{
  if (const auto d = unwrap (m.bytes ()))
    return emit (*d);
  const auto peer = m.xor_address (Attr::xor_peer_address);
  const auto icmp = m.icmp ();
  if (!peer || (!icmp && !m.has (Attr::data)))
    stats_.malformed++;
  else if (!peers_.permission (*peer))
    stats_.unknown_peer++;
  else if (icmp) {
    stats_.icmp++;
    emit (IcmpError{*peer, *icmp, m});
  }
}

void Client::receive_attempt (const Message &m)
{
  const auto peer = m.xor_address (Attr::xor_peer_address);
  const auto id = m.u32 (Attr::connection_id);
  if (!peer || !id || config_.relay != Relay::tcp)
    stats_.malformed++;
  else if (!peers_.permission (*peer))
    stats_.unknown_peer++;
  else
    emit (PeerConnected{*peer, *id, true, m});
}

// A Binding indication when nothing else has kept the NAT's binding (RFC 8656, 5 leaves it open;
// they end after 30 s in some).
void Client::keep_alive (TimePoint now)
{
  if (keepalive_at_ > now)
    return;
  if (state_ != State::allocated || !path_) {
    keepalive_at_ = TimePoint::max ();
    return;
  }
  if (sent_at_ + config_.keepalive <= now) {
    std::uint8_t buffer[header_size + 8];
    Builder b (buffer, Method::binding, Class::indication, new_id ());
    if (config_.fingerprint)
      b.fingerprint ();
    out_.push_back ({b.message ().begin (), b.message ().end ()});
    sent_at_ = now;
  }
  keepalive_at_ = sent_at_ + config_.keepalive;
}
} // namespace reach::turn

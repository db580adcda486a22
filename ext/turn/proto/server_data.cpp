// SPDX-License-Identifier: LGPL-2.1-or-later
// What is relayed (RFC 8656, 11 and 12). Per datagram: two or three look-ups, no allocation.
#include "framing.h"
#include "server.h"

namespace reach::turn::server {
using stun::Attr;
using stun::Builder;
using stun::Class;
using stun::Method;

bool Core::afford (Allocation &a, std::size_t n, TimePoint now)
{
  const auto size = static_cast<double> (n);
  return (!config_.bandwidth.limited () || a.bandwidth.take (config_.bandwidth, size, now)) &&
         (!config_.user_bandwidth.limited () ||
             a.account->bandwidth.take (config_.user_bandwidth, size, now));
}

void Core::to_peer (
    Allocation &a, std::uint16_t channel, const Address &peer, Bytes payload, bool dont_fragment)
{
  out_.kind = Transmit::Kind::to_peer;
  out_.padding = 0;
  out_.dont_fragment = dont_fragment;
  out_.channel = channel;
  out_.relay = a.relays[index_of (peer.family)].id;
  out_.client = a.client;
  out_.peer = peer;
  out_.head = {};
  out_.payload = payload;
  has_out_ = true;
  for (Traffic *t : {&a.traffic, &stats_.traffic}) {
    t->to_peers++;
    t->to_peers_bytes += payload.size ();
  }
}

void Core::input_channel (const Client &client, Bytes in, TimePoint now)
{
  if (in.size () < channel_header)
    return discard (Discard::short_datagram, client);
  Allocation *a = find (client);
  if (!a)
    return discard (Discard::no_allocation, client);
  const auto number = load_be<std::uint16_t> (in.data ());
  const std::size_t size = load_be<std::uint16_t> (in.data () + 2);
  const Bytes behind = in.subspan (channel_header);
  if (size > behind.size ())
    return discard (Discard::short_datagram, client);
  if (behind.size () - size > 3) // more than padding
    return discard (Discard::malformed, client);
  const Bytes data = behind.first (size);
  const Allocation::Channel *c = a->channel (number, now);
  if (!c)
    return discard (Discard::channel_not_bound, client);
  if (!a->permitted (c->peer, now) || !a->relay (c->peer.family))
    return discard (Discard::no_permission, client, c->peer);
  if (!afford (*a, size, now))
    return discard (Discard::over_bandwidth, client, c->peer);
  to_peer (*a, number, c->peer, data, false);
}

void Core::send_indication (const Client &client, const Message &m, TimePoint now)
{
  Allocation *a = find (client);
  if (!a || a->relaying != Relaying::udp)
    return discard (Discard::no_allocation, client);
  std::array<std::uint16_t, 1> unknown{};
  const auto peer = m.xor_address (Attr::xor_peer_address);
  const auto data = m.find (Attr::data);
  const bool dont_fragment = m.has (Attr::dont_fragment);
  if (!peer || !data || m.unknown_required (unknown) > 0 ||
      (dont_fragment && !config_.dont_fragment))
    return discard (Discard::malformed, client);
  if (!a->permitted (*peer, now) || !a->relay (peer->family))
    return discard (config_.peers.allowed (*peer) ? Discard::no_permission : Discard::denied_peer,
        client, *peer);
  if (config_.peers.is_door (*peer))
    return discard (Discard::denied_peer, client, *peer);
  if (!afford (*a, data->size (), now))
    return discard (Discard::over_bandwidth, client, *peer);
  to_peer (*a, 0, *peer, *data, dont_fragment);
}

// Random at the start and counted up: nobody answers to it.
Builder Core::indication (Method method)
{
  store_be (indication_id_.data () + 4, load_be<std::uint64_t> (indication_id_.data () + 4) + 1);
  return {reply_, method, Class::indication, indication_id_};
}

void Core::to_client (Allocation &a, std::uint16_t channel, const Address &peer, Bytes payload)
{
  out_.kind = Transmit::Kind::to_client;
  out_.dont_fragment = false;
  out_.channel = channel;
  out_.client = a.client;
  out_.peer = peer;
  out_.payload = payload;
  const auto padding = static_cast<std::uint8_t> (-payload.size () & 3);
  if (channel != 0) {
    write_channel_header (reply_.data (), channel, payload.size ());
    out_.head = Bytes (reply_).first (channel_header);
    out_.padding = is_stream (a.transport) ? padding : std::uint8_t{0};
  } else {
    Builder b = indication (Method::data);
    b.xor_address (Attr::xor_peer_address, peer);
    b.data_header (payload.size ());
    out_.head = b.message ();
    out_.padding = padding;
  }
  has_out_ = true;
  for (Traffic *t : {&a.traffic, &stats_.traffic}) {
    t->to_client++;
    t->to_client_bytes += payload.size ();
  }
}

void Core::input_peer (RelayId relay, const Address &peer, Bytes in, TimePoint now)
{
  Allocation *a = relay < by_relay_.size () ? by_relay_[relay] : nullptr;
  if (!a || a->adrift)
    return discard (Discard::no_allocation, {}, peer);
  if (!a->permitted (peer, now))
    return discard (Discard::no_permission, {}, peer);
  if (!afford (*a, in.size (), now))
    return discard (Discard::over_bandwidth, {}, peer);
  const std::uint16_t channel = a->channel_of (peer, now);
  constexpr std::size_t max_data = 0xffff - 64; // with the attributes in front
  if (channel == 0 && in.size () > max_data)
    return discard (Discard::malformed, {}, peer);
  to_client (*a, channel, peer, in);
}

void Core::input_icmp (RelayId relay, const Address &peer, const stun::Icmp &icmp, TimePoint now)
{
  Allocation *a = relay < by_relay_.size () ? by_relay_[relay] : nullptr;
  if (!a || a->adrift || !a->permitted (peer, now))
    return;
  Builder b = indication (Method::data);
  b.xor_address (Attr::xor_peer_address, peer);
  b.icmp (icmp.type, icmp.code, icmp.data);
  send_reply (a->client, b.message ());
}
} // namespace reach::turn::server

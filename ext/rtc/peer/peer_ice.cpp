// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer connection's transport, and the candidates of both sides.
#include "peer_connection.h"
#include "rtc/net/descriptors.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::size_t most_early_candidates = 256;
constexpr unsigned descriptors_wanted = 128; // of one connection, and of others at the same time
} // namespace

void PeerConnection::local_ice (const IceCredentials &ice)
{
  if (ice.ufrag.empty ())
    return end_transport ();
  if (ice == local_ice_)
    return;
  // It would be more than this connection that ends.
  if (!transport_ && !descriptors_left (descriptors_wanted))
    return owner_.on_warning ("too many files are open for another connection; raise the limit of "
                              "this process (ulimit -n)");
  local_ice_ = ice;
  set_gathering (GatheringState::gathering);
  if (transport_)
    return transport_->restart_ice (ice);
  TransportSettings s{.ice = config_.ice,
      .data = !config_.datagrams,
      .plain = config_.plain && config_.datagrams,
      .sctp = config_.sctp,
      .silence = config_.silence};
  // Who offers is controlling (RFC 8445, 6.1.1).
  s.ice.controlling = negotiator_.state () == SignalingState::have_local_offer;
  transport_.reset (new Transport (loop_, *this, config_.dtls, s));
  transport_->set_local (ice);
  if (servers_came_)
    transport_->add_servers (more_servers_);
  transport_->gather ();
}

void PeerConnection::add_ice_servers (const std::vector<IceServer> &servers)
{
  servers_came_ = true;
  more_servers_.insert (more_servers_.end (), servers.begin (), servers.end ());
  if (!transport_)
    return;
  if (std::ranges::any_of (servers, [] (const IceServer &s) { return s.uri.relay; }))
    set_gathering (GatheringState::gathering);
  transport_->add_servers (servers);
}

void PeerConnection::end_transport ()
{
  local_ice_ = {};
  // A first offer that is taken back ends no channels: they are for what is agreed upon instead.
  if (!peer_ufrag_.empty ())
    data_.on_closed (SctpFault::none);
  peer_ufrag_.clear ();
  next_report_.reset ();
  sending_->open (nullptr);
  // It may be that it is it who calls.
  loop_.destroy_later (std::move (transport_));
  set_gathering (GatheringState::fresh);
}

void PeerConnection::take_candidate (const event::RemoteCandidate &c)
{
  if (!transport_ || peer_ufrag_.empty () || (!c.ufrag.empty () && c.ufrag != peer_ufrag_)) {
    if (early_candidates_.size () < most_early_candidates)
      early_candidates_.push_back (c);
    return;
  }
  if (c.candidate)
    transport_->add_remote (to_string (*c.candidate));
  else
    transport_->end_of_candidates ();
}

void PeerConnection::on_local_candidate (const std::string &text)
{
  const auto c = parse_candidate (text);
  if (!c)
    return;
  const auto told = negotiator_.add_local_candidate (*c, local_ice_.ufrag);
  if (told)
    owner_.on_local_candidate (*told);
  changed ();
}

void PeerConnection::on_gathered ()
{
  const auto told = negotiator_.end_local_candidates (local_ice_.ufrag);
  if (told)
    owner_.on_local_candidate (*told);
  set_gathering (GatheringState::complete);
  changed ();
}

void PeerConnection::set_gathering (GatheringState g)
{
  if (std::exchange (gathering_, g) != g)
    owner_.on_gathering (g);
}

void PeerConnection::on_ice_state (IceState state)
{
  owner_.on_ice (state);
}
} // namespace reach::rtc

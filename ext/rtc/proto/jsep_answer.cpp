// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 9429, 5.3.
#include "jsep.h"
#include <algorithm>

namespace reach::rtc {
namespace {
bool is_rtp_over_dtls (const sdp::Media &m)
{
  // RFC 9429, 5.1.2: these names are one thing here, and the answer says what the offer said.
  for (const std::string_view p : {"UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP",
           "TCP/DTLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP"})
    if (m.protocol == p)
      return true;
  return false;
}

void reject (sdp::Media &m)
{
  m.port = 0;
  m.direction_said = Direction::inactive;
}

// As it was offered, with nothing of it taken.
sdp::Media frame (const sdp::Media &offered)
{
  sdp::Media m;
  m.kind = offered.kind;
  m.protocol = offered.protocol;
  m.mid = offered.mid;
  m.connection = "IN IP4 0.0.0.0";
  return m;
}

// What the peer sends in several qualities: of each stream the first alternative.
void receive_simulcast (sdp::Media &m, const sdp::Media &offered, std::size_t limit)
{
  for (const auto &alternatives : offered.simulcast->send) {
    const auto found = std::ranges::find (offered.rids, alternatives[0].id, &Rid::id);
    if (found == offered.rids.end () || !found->send || m.rids.size () >= limit)
      continue;
    m.rids.push_back ({found->id, false, {}});
    m.simulcast->receive.push_back ({alternatives[0]});
  }
}

void send_simulcast (sdp::Media &m, const sdp::Media &offered, const std::vector<Rid> &ours)
{
  for (const auto &alternatives : offered.simulcast->receive)
    for (const sdp::SimulcastRid &a : alternatives) {
      if (std::ranges::find (ours, a.id, &Rid::id) == ours.end () ||
          std::ranges::find (m.rids, a.id, &Rid::id) != m.rids.end ())
        continue;
      m.rids.push_back ({a.id, true, {}});
      m.simulcast->send.push_back ({{a.id, false}});
      break;
    }
}
} // namespace

sdp::Media Negotiator::answered_media (const sdp::Media &offered, const Transceiver &t)
{
  sdp::Media m = frame (offered);
  m.direction_said = intersect (t.direction, reverse (offered.direction ()));
  m.rtcp_mux = true;
  m.rtcp_rsize = offered.rtcp_rsize;
  m.extmap_allow_mixed = offered.extmap_allow_mixed || pending_remote_->extmap_allow_mixed;
  m.codecs = answer_codecs (offered.codecs, codecs_of (t), !t.preferences.empty ());
  m.extensions = answer_extensions (offered.extensions, extensions_of (t.kind));
  if (offered.simulcast && can_rid (m)) {
    m.simulcast.emplace ();
    if (receives (m.direction ()))
      receive_simulcast (m, offered, config_.max_rids);
    if (sends (m.direction ()))
      send_simulcast (m, offered, t.encodings);
    if (m.rids.empty ())
      m.simulcast.reset ();
  }
  sender_lines (t, m);
  return m;
}

sdp::Media Negotiator::answered_data (const sdp::Media &offered) const
{
  sdp::Media m = frame (offered);
  m.formats = {"webrtc-datachannel"};
  m.sctp_port = config_.sctp_port;
  m.max_message_size = config_.max_message_size;
  return m;
}

sdp::Media Negotiator::answered (
    const sdp::Media &offered, std::size_t mline, const sdp::Media *transport)
{
  const bool reachable =
      transport && (&offered == transport || is_bundled (*pending_remote_, offered));
  const Transceiver *t = at_mline (mline);
  sdp::Media m;
  if (!offered.rejected () && reachable && t && !t->stopping && !t->stopped && offered.rtcp_mux &&
      is_rtp_over_dtls (offered))
    m = answered_media (offered, *t);
  else if (!offered.rejected () && reachable && data_.mline == mline && is_data (offered))
    return answered_data (offered);
  if (m.codecs.empty ()) { // rejected, with what was offered (RFC 3264, 6)
    m = frame (offered);
    m.formats = offered.formats;
    m.codecs = offered.codecs;
    for (Codec &c : m.codecs)
      c.feedback.clear ();
    reject (m);
  }
  return m;
}

IceCredentials Negotiator::answer_ice ()
{
  const bool same =
      !ice_.ufrag.empty () && current_remote_ &&
      remote_transport (*pending_remote_).ice == remote_transport (*current_remote_).ice;
  // A second answer, after a pranswer, is of the same generation.
  if (same || state_ == SignalingState::have_local_pranswer)
    return ice_;
  if (!ice_next_ || *ice_next_ == ice_)
    ice_next_ = IceCredentials{random_text (8), random_text (24)};
  return *ice_next_;
}

DtlsRole Negotiator::answer_role () const
{
  const RemoteTransport r = remote_transport (*pending_remote_);
  if (const auto left = role_left (r.setup, DescriptionType::offer))
    return *left;
  // The association goes on, unless the certificate is another.
  const bool same =
      current_remote_ && remote_transport (*current_remote_).fingerprints == r.fingerprints;
  return role_ && same ? *role_ : config_.role;
}

Outcome<sdp::Description> Negotiator::create_answer ()
{
  if (state_ != SignalingState::have_remote_offer && state_ != SignalingState::have_local_pranswer)
    return {{JsepFault::wrong_state}};
  sdp::Description d = begin_description ();
  d.extmap_allow_mixed = pending_remote_->extmap_allow_mixed;
  // The first that is taken, of those that the peer's transport is for (RFC 8843, 7.3).
  const sdp::Media *transport = transport_section (*pending_remote_);
  const IceCredentials ice = answer_ice ();
  const auto setup = answer_role () == DtlsRole::client ? sdp::Setup::active : sdp::Setup::passive;
  sdp::Group bundle{"BUNDLE", {}};
  for (std::size_t i = 0; i < pending_remote_->media.size (); i++) {
    const sdp::Media &offered = pending_remote_->media[i];
    sdp::Media &m = d.media.emplace_back (answered (offered, i, transport));
    if (m.rejected ())
      continue;
    m.transport = our_transport (ice, setup);
    if (!is_bundled (*pending_remote_, offered))
      continue;
    // The peer's first stays first: what it gathered is for that.
    bundle.mids.insert (&offered == transport ? bundle.mids.begin () : bundle.mids.end (), m.mid);
  }
  if (!bundle.mids.empty ())
    d.groups.push_back (std::move (bundle));
  put_candidates (d, ice);
  last_answer_ = d;
  return {{}, std::move (d)};
}
} // namespace reach::rtc

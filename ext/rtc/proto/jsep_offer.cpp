// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 9429, 5.2.
#include "jsep.h"
#include <algorithm>

namespace reach::rtc {
struct Negotiator::Build {
  sdp::Description d;
  std::vector<std::optional<TransceiverId>> plan;
  const sdp::Description *base = nullptr; // m-lines that are there
  IceCredentials ice;
  PayloadTypes types;
  ExtensionIds ids;
  std::vector<TransceiverId> unplaced; // transceivers without an m-line, in order
  bool data_unplaced = false;
  std::vector<std::string> mids; // those that are new

  const sdp::Media *before (std::size_t mline) const
  {
    return base && mline < base->media.size () ? &base->media[mline] : nullptr;
  }
};

namespace {
constexpr std::string_view any_address = "IN IP4 0.0.0.0";

// What the peer sends in several qualities we go on to receive so (RFC 9429, 5.2.2).
void keep_received (const sdp::Media &before, sdp::Media &m)
{
  sdp::SimulcastList kept;
  if (before.simulcast)
    for (const auto &stream : before.simulcast->receive) {
      const auto rid = std::ranges::find (before.rids, stream[0].id, &Rid::id);
      // In one m-line a rid has one meaning.
      if (rid == before.rids.end () || rid->send ||
          std::ranges::find (m.rids, rid->id, &Rid::id) != m.rids.end ())
        continue;
      m.rids.push_back (*rid);
      kept.push_back ({stream[0]});
    }
  if (kept.empty ())
    return;
  if (!m.simulcast)
    m.simulcast.emplace ();
  m.simulcast->receive = std::move (kept);
}

sdp::Media rejected (const sdp::Media &like)
{
  sdp::Media m;
  m.kind = like.kind;
  m.port = 0;
  m.protocol = like.protocol;
  m.formats = like.formats;
  m.codecs = like.codecs;
  for (Codec &c : m.codecs)
    c.feedback.clear ();
  m.connection = any_address;
  m.mid = like.mid;
  m.direction_said = Direction::inactive;
  return m;
}
} // namespace

std::string Negotiator::unused_mid (const std::vector<std::string> &also) const
{
  for (unsigned n = 0;; n++) {
    std::string mid = std::to_string (n);
    bool used = mid == data_.mid || std::ranges::find (also, mid) != also.end () ||
                std::ranges::find (transceivers_, mid, &Transceiver::mid) != transceivers_.end ();
    for (const Slot *s : {&current_local_, &current_remote_, &pending_local_, &pending_remote_})
      used = used || (*s && (*s)->find (mid));
    if (!used)
      return mid;
  }
}

sdp::Description Negotiator::begin_description ()
{
  sdp::Description d;
  d.origin.session_id = session_id_;
  d.origin.version = ++session_version_;
  d.extmap_allow_mixed = true;
  return d;
}

sdp::TransportParameters Negotiator::our_transport (
    const IceCredentials &ice, sdp::Setup setup) const
{
  sdp::TransportParameters t;
  t.ufrag = ice.ufrag;
  t.pwd = ice.pwd;
  t.ice_options = config_.ice_options;
  t.fingerprints = config_.fingerprints;
  t.setup = setup;
  return t;
}

// What we send, in an offer or an answer. An answer names it also where the offer does not take it.
void Negotiator::sender_lines (const Transceiver &t, sdp::Media &m) const
{
  if (!sends (t.direction))
    return;
  for (const std::string &s : t.streams)
    m.msids.push_back ({s, t.sender_id});
  if (t.streams.empty ())
    m.msids.push_back ({"-", t.sender_id});
  // ssrc lines and what is sent by rid do not go together.
  const bool by_rid = m.simulcast && !m.simulcast->send.empty ();
  if (!config_.signal_ssrcs || by_rid || !sends (m.direction ()))
    return;
  const bool rtx =
      std::ranges::any_of (m.codecs, [] (const Codec &c) { return is_name (c, "rtx"); });
  const std::string msid = m.msids[0].stream + " " + t.sender_id;
  const std::vector<sdp::Attribute> about = {{"cname", config_.cname}, {"msid", msid}};
  m.ssrcs.push_back ({t.ssrc, about});
  if (rtx) {
    m.ssrcs.push_back ({t.rtx_ssrc, about});
    m.ssrc_groups.push_back ({"FID", {t.ssrc, t.rtx_ssrc}});
  }
}

sdp::Media Negotiator::offered_media (
    Build &b, const Transceiver &t, const std::string &mid, std::size_t mline)
{
  sdp::Media m;
  m.kind = to_string (t.kind);
  m.connection = any_address;
  m.mid = mid;
  m.direction_said = t.direction;
  m.rtcp_mux = m.rtcp_rsize = m.extmap_allow_mixed = true;
  const sdp::Media *before = t.mline == mline ? b.before (mline) : nullptr;
  m.codecs = b.types.offer (codecs_of (t), before);
  m.extensions = b.ids.offer (extensions_of (t.kind));
  if (!t.encodings.empty () && sends (t.direction)) {
    sdp::Simulcast &s = m.simulcast.emplace ();
    for (const Rid &r : t.encodings) {
      m.rids.push_back ({r.id, true, r.restrictions});
      s.send.push_back ({{r.id, false}});
    }
  }
  if (before && receives (t.direction))
    keep_received (*before, m);
  sender_lines (t, m);
  return m;
}

sdp::Media Negotiator::offered_data (const std::string &mid) const
{
  sdp::Media m;
  m.kind = "application";
  m.protocol = "UDP/DTLS/SCTP";
  m.formats = {"webrtc-datachannel"};
  m.connection = any_address;
  m.mid = mid;
  m.sctp_port = config_.sctp_port;
  m.max_message_size = config_.max_message_size;
  return m;
}

// Puts the next transceiver without an m-line, or the data channels, into this one.
bool Negotiator::place (Build &b, std::size_t mline)
{
  const auto new_mid = [&] { return b.mids.emplace_back (unused_mid (b.mids)); };
  sdp::Media m;
  std::optional<TransceiverId> who;
  if (!b.unplaced.empty ()) {
    who = b.unplaced.front ();
    b.unplaced.erase (b.unplaced.begin ());
    m = offered_media (b, *find (*who), new_mid (), mline);
  } else if (b.data_unplaced) {
    b.data_unplaced = false;
    m = offered_data (new_mid ());
  } else
    return false;
  b.d.media.push_back (std::move (m));
  b.plan.push_back (who);
  return true;
}

void Negotiator::offer_slot (Build &b, std::size_t mline)
{
  const Transceiver *t = at_mline (mline);
  const sdp::Media &before = b.base->media[mline];
  if (t && !t->stopping && !t->stopped) {
    b.d.media.push_back (offered_media (b, *t, t->mid, mline));
    b.plan.push_back (t->id);
  } else if (data_.mline == mline) {
    b.d.media.push_back (offered_data (data_.mid));
    b.plan.emplace_back ();
  } else if (t || state_ != SignalingState::stable ||
             !is_recyclable (mline, current_local (), current_remote ()) || !place (b, mline)) {
    b.d.media.push_back (rejected (before));
    b.plan.emplace_back ();
  }
}

// The group's first m-line is the one whose transport is in use. Others that are new are
// bundle-only.
void Negotiator::bundle_offer (Build &b)
{
  const auto in_use = [&] (const sdp::Media &m) {
    const sdp::Media *now = current_local_ ? current_local_->find (m.mid) : nullptr;
    return now && !now->rejected ();
  };
  auto &media = b.d.media;
  auto first = std::ranges::find_if (
      media, [&] (const sdp::Media &m) { return !m.rejected () && in_use (m); });
  if (first == media.end ())
    first = std::ranges::find_if (media, [] (const sdp::Media &m) { return !m.rejected (); });
  if (first == media.end ())
    return;
  sdp::Group g{"BUNDLE", {first->mid}};
  for (sdp::Media &m : media) {
    if (m.rejected ())
      continue;
    if (&m != &*first)
      g.mids.push_back (m.mid);
    if (&m != &*first && config_.bundle_only && !in_use (m)) {
      m.bundle_only = true;
      m.port = 0;
    } else
      m.transport = our_transport (b.ice, sdp::Setup::actpass);
  }
  b.d.groups.push_back (std::move (g));
}

IceCredentials Negotiator::offer_ice (bool restart)
{
  // Once an offer with new credentials is set, they are those of ice_.
  const bool replace = restart || std::ranges::find (ice_replace_, ice_) != ice_replace_.end ();
  if (!replace && !ice_.ufrag.empty ())
    return ice_;
  if (!ice_next_ || *ice_next_ == ice_)
    ice_next_ = IceCredentials{random_text (8), random_text (24)};
  return *ice_next_;
}

void Negotiator::put_candidates (sdp::Description &d, const IceCredentials &ice) const
{
  const sdp::Media *m = transport_section (d);
  if (!m || ice != ice_)
    return;
  sdp::Media &to = d.media[static_cast<std::size_t> (m - d.media.data ())];
  to.candidates = candidates_;
  to.end_of_candidates = candidates_end_;
}

Outcome<sdp::Description> Negotiator::create_offer (bool ice_restart)
{
  if (state_ != SignalingState::stable && state_ != SignalingState::have_local_offer)
    return {{JsepFault::wrong_state}};
  Build b;
  b.d = begin_description ();
  b.base = local ();
  b.ice = offer_ice (ice_restart);
  if (b.base)
    for (const sdp::Media &m : b.base->media) {
      b.types.keep (m);
      b.ids.keep (m);
    }
  for (const Transceiver &t : transceivers_)
    if (!t.mline && !t.stopping && !t.stopped)
      b.unplaced.push_back (t.id);
  b.data_unplaced = data_.wanted && !data_.mline;
  for (std::size_t i = 0; b.base && i < b.base->media.size (); i++)
    offer_slot (b, i);
  while (place (b, b.d.media.size ()))
    ;
  bundle_offer (b);
  put_candidates (b.d, b.ice);
  plan_ = std::move (b.plan);
  last_offer_ = b.d;
  return {{}, std::move (b.d)};
}
} // namespace reach::rtc

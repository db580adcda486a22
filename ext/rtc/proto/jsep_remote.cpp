// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 9429, 5.10; webrtc-pc, 4.4.1.5.
#include "jsep.h"
#include <algorithm>

namespace reach::rtc {
namespace {
bool is_media (const sdp::Media &m)
{
  return m.media_kind () == MediaKind::audio || m.media_kind () == MediaKind::video;
}

bool wants (const sdp::Media &m, const std::string &rid)
{
  return m.simulcast && std::ranges::any_of (m.simulcast->receive, [&] (const auto &stream) {
    return std::ranges::find (stream, rid, &sdp::SimulcastRid::id) != stream.end ();
  });
}

// The offer asks for what this one sends: by an application's track, or by its layers.
bool is_asked_for (const sdp::Media &m, const Transceiver &t)
{
  return t.by_track ||
         (!t.track.empty () && can_rid (m) &&
             std::ranges::any_of (t.encodings, [&] (const Rid &r) { return wants (m, r.id); }));
}
} // namespace

JsepError Negotiator::check_remote (DescriptionType type, const sdp::Description &d) const
{
  using S = SignalingState;
  const bool offer = type == DescriptionType::offer;
  const bool right =
      offer ? state_ == S::stable || state_ == S::have_local_offer || state_ == S::have_remote_offer
            : state_ == S::have_local_offer || state_ == S::have_remote_pranswer;
  if (!right)
    return {JsepFault::wrong_state};
  if (const JsepError e = check_description (d, type))
    return e;
  const JsepError fits = offer ? check_follows (d, current_local (), current_remote ())
                               : check_answer (d, *pending_local_);
  if (fits)
    return fits;
  const auto media = std::ranges::count_if (d.media, is_media);
  if (static_cast<std::size_t> (media) > config_.max_transceivers)
    return {JsepFault::too_many};
  // The role may only change with the association.
  const RemoteTransport r = remote_transport (d);
  const auto left = transport_section (d) ? role_left (r.setup, type) : std::nullopt;
  const RemoteTransport now =
      current_remote_ ? remote_transport (*current_remote_) : RemoteTransport{};
  if (role_ && left && *left != *role_ && r.fingerprints == now.fingerprints &&
      r.tls_id == now.tls_id)
    return {JsepFault::bad_setup};
  return {};
}

JsepError Negotiator::set_remote (DescriptionType type, const sdp::Description &d)
{
  if (type == DescriptionType::rollback)
    return rollback (SignalingState::have_remote_offer);
  if (const JsepError e = check_remote (type, d))
    return e;
  if (type == DescriptionType::offer && state_ == SignalingState::have_local_offer)
    rollback (state_);
  else if (type == DescriptionType::offer && state_ == SignalingState::have_remote_offer)
    undo ();
  apply_remote (type, d);
  return {};
}

void Negotiator::apply_remote (DescriptionType type, sdp::Description d)
{
  const bool offer = type == DescriptionType::offer, answer = type == DescriptionType::answer;
  last_offer_.reset ();
  last_answer_.reset ();
  std::vector<std::string> mids;
  for (std::size_t i = 0; i < d.media.size (); i++) {
    const sdp::Description *before = offer ? current_remote () : &*pending_local_;
    if (d.media[i].mid.empty ())
      d.media[i].mid =
          before && i < before->media.size () ? before->media[i].mid : unused_mid (mids);
    mids.push_back (d.media[i].mid);
  }
  if (offer)
    take_snapshot ();
  else if (transport_section (d))
    role_ = role_left (remote_transport (d).setup, type);
  pending_remote_ = d;
  set_state (offer    ? SignalingState::have_remote_offer
             : answer ? SignalingState::stable
                      : SignalingState::have_remote_pranswer);
  tell_remote (d);
  for (std::size_t i = 0; i < d.media.size (); i++) {
    if (is_media (d.media[i]))
      apply_remote_media (type, d.media[i], i);
    else if (is_data (d.media[i]))
      apply_remote_data (type, d.media[i], i);
  }
  if (!offer)
    finish (!answer, false);
}

void Negotiator::tell_remote (const sdp::Description &d)
{
  const RemoteTransport r = remote_transport (d);
  if (r.ice.ufrag.empty ())
    return;
  tell (event::Remote{r});
  const sdp::Media *transport = transport_section (d);
  for (const sdp::Media &m : d.media) {
    if (m.rejected () || (&m != transport && !is_bundled (d, m)))
      continue;
    for (const Candidate &c : m.candidates)
      if (c.ufrag.empty () || c.ufrag == r.ice.ufrag)
        tell (event::RemoteCandidate{m.mid, r.ice.ufrag, c});
    if (m.end_of_candidates && &m == transport)
      tell (event::RemoteCandidate{m.mid, r.ice.ufrag, {}});
  }
}

// The transceiver for an m-line of an offer; nullptr where none is needed.
Transceiver *Negotiator::associate (const sdp::Media &m, std::size_t mline)
{
  if (Transceiver *t = at_mline (mline)) {
    if (t->mid == m.mid)
      return t;
    // The m-line is used again; who had it is over.
    stop_now (*t);
    disassociate (*t);
  }
  if (m.rejected ())
    return nullptr;
  const auto found = std::ranges::find_if (transceivers_, [&] (const Transceiver &t) {
    return t.kind == m.media_kind () && is_asked_for (m, t) && !t.mline && !t.stopping &&
           !t.stopped;
  });
  Transceiver *t = found != transceivers_.end () && receives (m.direction ()) ? &*found : nullptr;
  if (!t) {
    t = &make (m.media_kind (), Direction::recvonly);
    t->by_remote = true;
    tell (event::TransceiverAdded{t->id});
  }
  t->mid = m.mid;
  t->mline = mline;
  return t;
}

void Negotiator::apply_remote_media (DescriptionType type, const sdp::Media &m, std::size_t mline)
{
  const bool offer = type == DescriptionType::offer;
  Transceiver *t = offer ? associate (m, mline) : at_mline (mline);
  if (!t || t->stopped)
    return;
  if (m.rejected ()) {
    stop_now (*t);
    return;
  }
  const Direction ours = reverse (m.direction ());
  take_simulcast (type, m, *t);
  receive (*t, receives (ours) && !t->stopping ? &m : nullptr);
  if (!offer)
    set_current (*t, ours);
}

// Of what we send in several qualities, what the peer wants; and what an offer asks for, where the
// streams could be told apart.
void Negotiator::take_simulcast (DescriptionType type, const sdp::Media &m, Transceiver &t)
{
  if (type == DescriptionType::answer) {
    // Not those that came after the offer.
    const std::vector<Rid> &offered = pending_local_->media[*t.mline].rids;
    if (receives (m.direction ()))
      std::erase_if (t.encodings, [&] (const Rid &r) {
        return !wants (m, r.id) && std::ranges::find (offered, r.id, &Rid::id) != offered.end ();
      });
    return;
  }
  if (type != DescriptionType::offer || !m.simulcast || !t.encodings.empty () ||
      m.media_kind () != MediaKind::video || !can_rid (m))
    return;
  for (const auto &stream : m.simulcast->receive)
    if (t.encodings.size () < config_.max_rids)
      t.encodings.push_back ({stream[0].id, true, {}});
}

void Negotiator::apply_remote_data (DescriptionType type, const sdp::Media &m, std::size_t mline)
{
  // One association; a second m-line of the kind is rejected by the answer.
  if (type != DescriptionType::offer || m.rejected () || (data_.mline && *data_.mline != mline))
    return;
  data_.mid = m.mid;
  data_.mline = mline;
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// Signaling state, rollback, and when negotiation is needed (webrtc-pc, 4.7.3).
#include "jsep.h"
#include <algorithm>

namespace reach::rtc {
std::optional<JsepEvent> Negotiator::poll_event ()
{
  while (!events_.empty ()) {
    JsepEvent e = std::move (events_.front ());
    events_.pop_front ();
    // What came since may have settled it; back in stable it is told again.
    if (std::holds_alternative<event::NegotiationNeeded> (e)) {
      needed_told_ = false;
      if (state_ != SignalingState::stable || !needed_)
        continue;
    }
    return e;
  }
  return {};
}

void Negotiator::set_state (SignalingState s)
{
  if (state_ != s)
    tell (event::Signaling{s});
  state_ = s;
}

void Negotiator::take_snapshot ()
{
  if (!snapshot_)
    snapshot_ = Snapshot{transceivers_, data_, ice_, role_, candidates_, candidates_end_};
}

void Negotiator::disassociate (Transceiver &t)
{
  t.mid.clear ();
  t.mline.reset ();
}

// A track comes (`m`: what it is told with), goes on, or ends (nullptr).
void Negotiator::receive (Transceiver &t, const sdp::Media *m)
{
  if (!m) {
    if (t.receiving)
      tell (event::TrackRemoved{t.id});
    t.receiving = false;
    t.remote_streams.clear ();
    return;
  }
  std::string track = m->mid;
  std::vector<std::string> streams;
  for (const sdp::Msid &i : m->msids) {
    if (!i.track.empty ())
      track = i.track;
    if (i.stream != "-" && std::ranges::find (streams, i.stream) == streams.end ())
      streams.push_back (i.stream);
  }
  if (t.receiving && t.remote_track == track && t.remote_streams == streams)
    return;
  t.receiving = true;
  t.remote_track = std::move (track);
  t.remote_streams = std::move (streams);
  tell (event::TrackAdded{t.id, t.remote_track, t.remote_streams});
}

void Negotiator::set_current (Transceiver &t, std::optional<Direction> d)
{
  if (d)
    t.has_sent |= sends (*d);
  if (t.current_direction == d)
    return;
  t.current_direction = d;
  tell (event::CurrentDirection{t.id, d});
}

void Negotiator::stop_now (Transceiver &t)
{
  if (t.stopped)
    return;
  t.stopping = t.stopped = true;
  t.track.clear ();
  receive (t, nullptr);
  set_current (t, {});
}

// What the description set, not what the application did meanwhile.
void Negotiator::restore (Transceiver &now, const Transceiver &before)
{
  now.mid = before.mid;
  now.mline = before.mline;
  if (now.stopping) {
    if (!now.mline) // no peer knows of it
      stop_now (now);
    return;
  }
  set_current (now, before.current_direction);
  if (before.encodings.size () != now.encodings.size ())
    now.encodings = before.encodings;
  if (now.receiving && !before.receiving)
    receive (now, nullptr);
  else if (before.receiving && (!now.receiving || now.remote_track != before.remote_track ||
                                   now.remote_streams != before.remote_streams)) {
    now.receiving = true;
    now.remote_track = before.remote_track;
    now.remote_streams = before.remote_streams;
    tell (event::TrackAdded{now.id, now.remote_track, now.remote_streams});
  }
}

JsepError Negotiator::rollback (SignalingState expected)
{
  if (state_ != expected || !snapshot_)
    return {JsepFault::wrong_state};
  undo ();
  set_state (SignalingState::stable);
  needed_ = false;
  update_needed ();
  return {};
}

void Negotiator::undo ()
{
  Snapshot old = std::move (*snapshot_);
  snapshot_.reset ();
  for (Transceiver &t : transceivers_) {
    const auto before = std::ranges::find (old.transceivers, t.id, &Transceiver::id);
    if (before != old.transceivers.end ()) {
      restore (t, *before);
      continue;
    }
    disassociate (t);
    receive (t, nullptr);
    // The offer made it. With a track of ours it is ours.
    if (t.stopping || (t.by_remote && !t.track_added))
      stop_now (t);
    t.by_track |= t.track_added;
    t.by_remote = false;
  }
  data_ = {data_.wanted, old.data.mid, old.data.mline};
  const bool remote_offered = pending_remote_.has_value ();
  pending_local_.reset ();
  pending_remote_.reset ();
  last_offer_.reset ();
  last_answer_.reset ();
  ice_next_.reset ();
  role_ = old.role;
  if (ice_ != old.ice) {
    ice_ = std::move (old.ice);
    candidates_ = std::move (old.candidates);
    candidates_end_ = old.candidates_end;
    tell (event::LocalIce{ice_});
  }
  if (remote_offered && current_remote_)
    tell_remote (*current_remote_);
  remove_stopped ();
}

// A stopped transceiver is kept until both sides know (webrtc-pc, 4.4.1.5).
void Negotiator::remove_stopped ()
{
  std::erase_if (transceivers_, [this] (const Transceiver &t) {
    const bool over =
        t.stopped && (!t.mline || is_recyclable (*t.mline, current_local (), current_remote ()));
    if (over)
      tell (event::TransceiverRemoved{t.id});
    return over;
  });
}

void Negotiator::settle_data ()
{
  if (!data_.mline || !is_recyclable (*data_.mline, current_local (), current_remote ()))
    return;
  data_ = {};
  tell (event::DataRefused{});
}

// All m-lines were refused. The next one has a transport of its own.
void Negotiator::end_transport ()
{
  role_.reset ();
  candidates_.clear ();
  candidates_end_ = false;
  if (ice_.ufrag.empty ())
    return;
  ice_ = {};
  tell (event::LocalIce{});
}

// After an answer, pranswer or not.
void Negotiator::finish (bool provisional, bool we_answered)
{
  if (!provisional) {
    current_local_ = std::move (*pending_local_);
    current_remote_ = std::move (*pending_remote_);
    pending_local_.reset ();
    pending_remote_.reset ();
    snapshot_.reset ();
    last_offer_.reset ();
    last_answer_.reset ();
    we_answered_ = we_answered;
    settle_data ();
    remove_stopped ();
    if (!transport_section (we_answered ? *current_local_ : *current_remote_))
      end_transport ();
    if (std::ranges::find (ice_replace_, ice_) == ice_replace_.end ())
      ice_replace_.clear ();
  }
  Negotiated now = negotiate (
      {*local (), *remote (), we_answered, transceivers_, role_.value_or (config_.role)});
  now.provisional = provisional;
  compare (now, negotiated ());
  negotiated_ = std::move (now);
  tell (event::Negotiated{});
  if (provisional)
    return;
  needed_ = false;
  update_needed ();
}

namespace {
// The layers that we send are others than those that were agreed upon. An answer cannot add any
// that the offer did not ask for.
bool layers_differ (const Transceiver &t, const sdp::Media &ours, const sdp::Media &theirs)
{
  std::size_t agreed = 0;
  if (ours.simulcast && theirs.simulcast)
    for (const auto &stream : ours.simulcast->send)
      for (const sdp::SimulcastRid &r : stream) {
        const auto taken = std::ranges::find (theirs.rids, r.id, &Rid::id);
        if (taken == theirs.rids.end () || taken->send)
          continue;
        agreed++;
        if (std::ranges::find (t.encodings, r.id, &Rid::id) == t.encodings.end ())
          return true;
      }
  return agreed != t.encodings.size ();
}
} // namespace

bool Negotiator::is_needed (const Transceiver &t) const
{
  if (t.stopped)
    return t.mline && !is_recyclable (*t.mline, current_local (), current_remote ());
  if (t.stopping || !t.mline || !current_local_ || *t.mline >= current_local_->media.size ())
    return true;
  const sdp::Media &ours = current_local_->media[*t.mline];
  const sdp::Media &theirs = current_remote_->media[*t.mline];
  if (sends (t.direction)) {
    std::vector<std::string> said;
    for (const sdp::Msid &m : ours.msids)
      if (m.stream != "-")
        said.push_back (m.stream);
    if (ours.msids.empty () || said != t.streams)
      return true;
    if (sends (ours.direction ()) && layers_differ (t, ours, theirs))
      return true;
  }
  if (!we_answered_)
    return ours.direction () != t.direction && reverse (theirs.direction ()) != t.direction;
  return ours.direction () != intersect (t.direction, reverse (theirs.direction ()));
}

bool Negotiator::check_needed () const
{
  if (!ice_replace_.empty () || (data_.wanted && !data_.mline))
    return true;
  return std::ranges::any_of (
      transceivers_, [this] (const Transceiver &t) { return is_needed (t); });
}

void Negotiator::update_needed ()
{
  if (state_ != SignalingState::stable)
    return;
  const bool was = needed_;
  needed_ = check_needed ();
  if (!needed_ || was || needed_told_)
    return;
  needed_told_ = true;
  tell (event::NegotiationNeeded{});
}
} // namespace reach::rtc

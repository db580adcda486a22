// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_session.h"
#include "rtc/proto/codec.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr Duration longest_hold = seconds (3), restart_pause = seconds (3);
constexpr std::size_t most_held_candidates = 256;

std::optional<DescriptionType> type_of (std::string_view text)
{
  for (const auto t : {DescriptionType::offer, DescriptionType::pranswer, DescriptionType::answer,
           DescriptionType::rollback})
    if (to_string (t) == text)
      return t;
  return {};
}
} // namespace

std::vector<Codec> offered_codecs (std::span<const Codec> known, std::span<const Codec> wanted)
{
  std::vector<Codec> all;
  const auto add = [&] (const Codec &c) {
    if (std::ranges::find (all, c) == all.end ())
      all.push_back (c);
  };
  for (const Codec &w : wanted) {
    const std::size_t before = all.size ();
    for (const Codec &k : known)
      if (matches (k, w))
        add (k);
    if (all.size () == before)
      for (const Codec &k : known)
        if (is_name (k, w.name))
          add (k);
  }
  if (!all.empty ())
    for (const Codec &k : known)
      if (is_auxiliary (k))
        add (k);
  return all;
}

PeerSession::PeerSession (Loop &loop, Owner &owner, PeerConfig config, Mode mode)
    : owner_ (owner), mode_ (mode), connection_ (loop, *this, std::move (config)),
      hold_timer_ (loop.timers (), [this] { set_hold (false); }),
      offer_timer_ (loop.timers (), [this] { offer_if_needed (); }),
      restart_timer_ (loop.timers (), [this] {
        if (connection_.ice_state () == IceState::failed)
          restart_ice ();
      })
{
}

std::optional<TransceiverId> PeerSession::add_input (Input input)
{
  Negotiator &n = negotiator ();
  const MediaKind kind = input.source->kind ();
  const auto id = n.add_track (kind, input.track, {input.stream});
  if (!id)
    return {};
  if (input.direction != Direction::sendrecv)
    n.set_direction (*id, input.direction);
  inputs_.push_back ({input.source, *id, {}});
  connection_.attach (*id, std::move (input.source));
  connection_.changed ();
  return *id;
}

void PeerSession::describe_input (const MediaSource *source, std::span<const Codec> codecs)
{
  const auto at = std::ranges::find_if (
      inputs_, [source] (const Added &a) { return a.source.get () == source; });
  if (at == inputs_.end () || std::ranges::equal (at->codecs, codecs))
    return;
  at->codecs.assign (codecs.begin (), codecs.end ());
  set_codecs (at->transceiver, codecs);
}

void PeerSession::set_codecs (TransceiverId id, std::span<const Codec> codecs)
{
  const Transceiver *t = negotiator ().find (id);
  if (!t)
    return;
  const JsepConfig &config = connection_.config ().jsep;
  const auto all =
      offered_codecs (t->kind == MediaKind::audio ? config.audio : config.video, codecs);
  if (all.empty () && !codecs.empty ())
    return owner_.on_warning (*this, "what a pad gets is of no codec that may be offered");
  negotiator ().set_codec_preferences (id, all);
  connection_.changed ();
}

void PeerSession::remove_input (const MediaSource *source)
{
  const auto at = std::ranges::find_if (
      inputs_, [source] (const Added &a) { return a.source.get () == source; });
  if (at == inputs_.end ())
    return;
  const TransceiverId id = at->transceiver;
  inputs_.erase (at);
  connection_.attach (id, nullptr);
  negotiator ().remove_track (id);
  connection_.changed ();
}

std::optional<TransceiverId> PeerSession::transceiver_of (const MediaSource *source) const
{
  for (const Added &a : inputs_)
    if (a.source.get () == source)
      return a.transceiver;
  return {};
}

void PeerSession::on_jsep (const JsepEvent &e)
{
  owner_.on_jsep (*this, e);
  if (automatic () && std::holds_alternative<event::NegotiationNeeded> (e))
    offer_if_needed ();
}

void PeerSession::wait_before_offer (Duration wait)
{
  offer_from_ = Clock::now () + wait;
}

void PeerSession::offer_if_needed ()
{
  Negotiator &n = negotiator ();
  if (!automatic () || hold_ || held_offer_ || n.state () != SignalingState::stable || !n.needed ())
    return;
  if (Clock::now () < offer_from_)
    return offer_timer_.arm (offer_from_);
  send_local (DescriptionType::offer);
}

// The application may have other words for it.
bool PeerSession::send_local (DescriptionType type)
{
  Negotiator &n = negotiator ();
  const auto made = type == DescriptionType::offer ? n.create_offer () : n.create_answer ();
  JsepError error = made.error;
  sdp::Description d = made.value;
  if (!error) {
    const std::string edited = owner_.edit_local (*this, type, sdp::to_string (d));
    if (sdp::Parsed p = edited.empty () ? sdp::Parsed () : sdp::parse (edited); !edited.empty ()) {
      if (p)
        d = std::move (p.description);
      else
        owner_.on_warning (*this, "the edited description is malformed, it is not used: " +
                                      std::string (sdp::to_string (p.fault)));
    }
    error = n.set_local (type, d);
  }
  if (error) {
    owner_.on_warning (*this, "no " + std::string (to_string (type)) +
                                  " can be made: " + std::string (to_string (error.fault)));
    return false;
  }
  owner_.on_description (*this, type, sdp::to_string (*n.local ()));
  connection_.changed ();
  return true;
}

void PeerSession::set_hold (bool hold)
{
  if (std::exchange (hold_, hold) == hold)
    return;
  if (hold)
    return hold_timer_.arm (Clock::now () + longest_hold);
  hold_timer_.cancel ();
  go_on ();
}

void PeerSession::go_on ()
{
  if (auto d = std::exchange (held_offer_, {}))
    apply_description (DescriptionType::offer, *d);
  for (const auto &c : std::exchange (held_candidates_, {}))
    take_candidate (c);
  offer_if_needed ();
}

// RFC 8866, 5.2, and RFC 9429, 5.2.1: the session's number stays.
bool PeerSession::is_of_another (const std::string &sdp)
{
  const sdp::Description *before = negotiator ().remote ();
  const sdp::Parsed p = sdp::parse (sdp);
  return before && p && p.description.origin.session_id != before->origin.session_id;
}

void PeerSession::take_description (const std::string &type, const std::string &text)
{
  const auto t = type_of (type);
  sdp::Parsed p;
  if (t && *t != DescriptionType::rollback)
    p = sdp::parse (text);
  if (!t || !p)
    return owner_.on_warning (*this, "a description of the peer is malformed: " +
                                         (t ? std::string (sdp::to_string (p.fault)) : type));
  if (hold_ && *t == DescriptionType::offer) {
    held_offer_ = std::move (p.description);
    held_candidates_.clear ();
    return;
  }
  apply_description (*t, p.description);
}

void PeerSession::apply_description (DescriptionType type, const sdp::Description &d)
{
  Negotiator &n = negotiator ();
  const bool offer = type == DescriptionType::offer;
  const bool collision = offer && n.state () != SignalingState::stable;
  ignoring_ = collision && mode_ == Mode::impolite;
  if (ignoring_)
    return;
  // An answer to an offer that was taken back is as late as it is harmless.
  if (type == DescriptionType::answer && n.state () == SignalingState::stable)
    return;
  offer_from_ = {}; // the peer has had the first word
  if (const JsepError e = n.set_remote (type, d))
    return owner_.on_warning (*this, "the peer's " + std::string (to_string (type)) +
                                         " cannot be used: " + std::string (to_string (e.fault)) +
                                         ", m-line " + std::to_string (e.mline));
  connection_.changed ();
  if (offer && n.state () == SignalingState::have_remote_offer &&
      !send_local (DescriptionType::answer))
    return;
  offer_if_needed ();
}

void PeerSession::take_candidate (const SignalledCandidate &c)
{
  if (held_offer_) {
    if (held_candidates_.size () < most_held_candidates)
      held_candidates_.push_back (c);
    return;
  }
  CandidateInit i{.candidate = c.candidate};
  if (!c.mid.empty ())
    i.mid = c.mid;
  if (c.mline >= 0)
    i.mline = static_cast<std::size_t> (c.mline);
  if (!c.ufrag.empty ())
    i.ufrag = c.ufrag;
  const JsepError e = negotiator ().add_candidate (i);
  if (e && !ignoring_ && e.fault != JsepFault::unknown_ufrag)
    owner_.on_warning (
        *this, "a candidate of the peer cannot be used: " + std::string (to_string (e.fault)));
  connection_.changed ();
}

void PeerSession::restart_ice ()
{
  restart_from_ = Clock::now () + restart_pause;
  negotiator ().restart_ice ();
  connection_.changed ();
}

void PeerSession::resume ()
{
  const Negotiator &n = negotiator ();
  if (automatic () && n.state () == SignalingState::have_local_offer)
    owner_.on_description (*this, DescriptionType::offer, sdp::to_string (*n.local ()));
}

// Both sides may see it; glare is harmless. A call that once was and fell silent goes on trying,
// also where the application signals.
void PeerSession::on_ice (IceState s)
{
  owner_.on_ice (*this, s);
  if (s != IceState::failed || (!automatic () && !silent_))
    return;
  restart_timer_.arm (std::max (Clock::now (), restart_from_));
}
} // namespace reach::rtc

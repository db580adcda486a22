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

const PeerSession::Layer *PeerSession::Added::find (const MediaSource *source) const
{
  const auto at =
      std::ranges::find_if (layers, [source] (const Layer &l) { return l.source.get () == source; });
  return at == layers.end () ? nullptr : &*at;
}

PeerSession::Added *PeerSession::added (const MediaSource *source)
{
  const auto at =
      std::ranges::find_if (inputs_, [source] (const Added &a) { return a.find (source); });
  return at == inputs_.end () ? nullptr : &*at;
}

// Layers have an m-line of their own: an answer cannot add any, and in one m-line a rid cannot be
// of both sides.
std::optional<TransceiverId> PeerSession::make_transceiver (const Input &input)
{
  Negotiator &n = negotiator ();
  const MediaKind kind = input.source->kind ();
  if (!input.rid.empty ()) {
    const auto id = n.add_transceiver (kind,
        {.direction = Direction::sendonly, .track = input.track, .streams = {input.stream}});
    return id ? std::optional (*id) : std::nullopt;
  }
  const auto id = n.add_track (kind, input.track, {input.stream});
  if (!id)
    return {};
  if (input.direction != Direction::sendrecv)
    n.set_direction (*id, input.direction);
  return *id;
}

JsepError PeerSession::offer_layers (const Added &a)
{
  std::vector<Rid> rids;
  for (const Layer &l : a.layers)
    rids.push_back ({l.rid, true, {}});
  return negotiator ().set_encodings (a.transceiver, std::move (rids));
}

std::optional<TransceiverId> PeerSession::add_input (Input input)
{
  auto at = inputs_.end ();
  if (!input.rid.empty ())
    at = std::ranges::find (inputs_, input.track, &Added::track);
  if (at == inputs_.end ()) {
    const auto id = make_transceiver (input);
    if (!id)
      return {};
    at = inputs_.insert (at, {.track = input.track, .transceiver = *id});
  }
  const TransceiverId id = at->transceiver;
  const std::size_t place = std::min (input.place, at->layers.size ());
  const auto layer = at->layers.insert (
      at->layers.begin () + static_cast<std::ptrdiff_t> (place), {input.rid, input.source});
  if (!input.rid.empty () && offer_layers (*at)) {
    at->layers.erase (layer); // more than there may be, or two of one name
    return {};
  }
  connection_.attach (id, std::move (input.source), input.rid, place);
  connection_.changed ();
  return id;
}

bool PeerSession::has_input (
    const MediaSource *source, const std::string &track, const std::string &rid) const
{
  return std::ranges::any_of (inputs_, [&] (const Added &a) {
    const Layer *l = a.track == track ? a.find (source) : nullptr;
    return l && l->rid == rid;
  });
}

void PeerSession::describe_input (const MediaSource *source, std::span<const Codec> codecs)
{
  Added *a = added (source);
  if (!a || std::ranges::equal (a->codecs, codecs))
    return;
  a->codecs.assign (codecs.begin (), codecs.end ());
  set_codecs (a->transceiver, codecs);
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
  Added *a = added (source);
  if (!a)
    return;
  const TransceiverId id = a->transceiver;
  const std::string rid = a->find (source)->rid;
  std::erase_if (a->layers, [source] (const Layer &l) { return l.source.get () == source; });
  connection_.attach (id, nullptr, rid);
  if (!a->layers.empty ()) {
    // What the peer has refused it would refuse again.
    const Transceiver *t = negotiator ().find (id);
    std::vector<Rid> left = t ? t->encodings : std::vector<Rid> ();
    if (std::erase_if (left, [&] (const Rid &r) { return r.id == rid; }) > 0)
      negotiator ().set_encodings (id, std::move (left));
  } else {
    std::erase_if (inputs_, [id] (const Added &x) { return x.transceiver == id; });
    const Transceiver *t = negotiator ().find (id);
    if (rid.empty () && t && t->mline)
      negotiator ().remove_track (id);
    else // nothing comes by it either
      negotiator ().stop (id);
  }
  connection_.changed ();
}

std::optional<TransceiverId> PeerSession::transceiver_of (const MediaSource *source) const
{
  for (const Added &a : inputs_)
    if (a.find (source))
      return a.transceiver;
  return {};
}

void PeerSession::on_negotiated (const Negotiated &n)
{
  owner_.on_negotiated (*this, n);
  tell_refused (n);
}

void PeerSession::tell_refused (const Negotiated &n)
{
  for (Added &a : inputs_) {
    const auto m = std::ranges::find (n.media, a.transceiver, &NegotiatedMedia::transceiver);
    if (m == n.media.end () || !sends (m->direction) || a.layers.size () < 2)
      continue;
    std::string refused, paused;
    for (const Layer &l : a.layers) {
      const auto r = std::ranges::find (m->send_rids, l.rid, &Rid::id);
      if (r == m->send_rids.end ())
        refused += (refused.empty () ? "" : ", ") + l.rid;
      else if (r->paused)
        paused += (paused.empty () ? "" : ", ") + l.rid;
    }
    std::string text;
    if (m->send_rids.empty ())
      text = "the peer takes no simulcast: of the layers " + refused + " only the first is sent";
    else if (!refused.empty ())
      text = "the peer does not take the layers " + refused + ": they are not sent";
    if (!paused.empty ())
      text += (text.empty () ? "" : "; ") + ("the peer has paused the layers " + paused);
    if (std::exchange (a.refused, text) != text && !text.empty ())
      owner_.on_warning (*this, text);
  }
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_session.h"
#include "rtc/proto/codec.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr Duration restart_pause = seconds (3);
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
    : owner_ (owner), connection_ (loop, *this, std::move (config)),
      negotiation_ (connection_.negotiator (), *this, mode),
      negotiation_timer_ (loop.timers (),
          [this] {
            negotiation_.timeout (Clock::now ());
            schedule ();
          }),
      restart_timer_ (loop.timers (), [this] {
        if (connection_.ice_state () == IceState::failed)
          restart_ice ();
      })
{
}

const PeerSession::Layer *PeerSession::Added::find (const MediaSource *source) const
{
  const auto at = std::ranges::find_if (
      layers, [source] (const Layer &l) { return l.source.get () == source; });
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
    const auto id = n.add_transceiver (
        kind, {.direction = Direction::sendonly, .track = input.track, .streams = {input.stream}});
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

void PeerSession::schedule ()
{
  if (const auto next = negotiation_.poll_timeout ())
    negotiation_timer_.arm (*next);
  else
    negotiation_timer_.cancel ();
}

void PeerSession::on_jsep (const JsepEvent &e)
{
  owner_.on_jsep (*this, e);
  if (!std::holds_alternative<event::NegotiationNeeded> (e))
    return;
  negotiation_.needed (Clock::now ());
  schedule ();
}

void PeerSession::wait_before_offer (Duration wait)
{
  negotiation_.wait_before_offer (Clock::now () + wait);
}

void PeerSession::set_hold (bool hold)
{
  negotiation_.set_hold (hold, Clock::now ());
  schedule ();
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
  negotiation_.take_description (type, text, Clock::now ());
  schedule ();
}

void PeerSession::take_candidate (const SignalledCandidate &c)
{
  CandidateInit i{.candidate = c.candidate};
  if (!c.mid.empty ())
    i.mid = c.mid;
  if (c.mline >= 0)
    i.mline = static_cast<std::size_t> (c.mline);
  if (!c.ufrag.empty ())
    i.ufrag = c.ufrag;
  negotiation_.take_candidate (i);
}

void PeerSession::restart_ice ()
{
  restart_from_ = Clock::now () + restart_pause;
  negotiator ().restart_ice ();
  connection_.changed ();
}

void PeerSession::resume ()
{
  negotiation_.resume ();
}

// Both sides may see it; glare is harmless. A call that once was and fell silent goes on trying,
// also where the application signals.
void PeerSession::on_ice (IceState s)
{
  owner_.on_ice (*this, s);
  if (s != IceState::failed || (!negotiation_.automatic () && !silent_))
    return;
  restart_timer_.arm (std::max (Clock::now (), restart_from_));
}
} // namespace reach::rtc

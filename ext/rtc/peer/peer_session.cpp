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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "perfect_negotiation.h"
#include <algorithm>
#include <utility>

namespace reach::rtc {
namespace {
constexpr Duration longest_hold = seconds (3);
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

void PerfectNegotiation::needed (TimePoint now)
{
  waits_ = false;
  Negotiator &n = negotiator_;
  if (!automatic () || hold_ || held_offer_ || n.state () != SignalingState::stable || !n.needed ())
    return;
  if (now < offer_from_)
    waits_ = true;
  else
    send_local (DescriptionType::offer);
}

bool PerfectNegotiation::send_local (DescriptionType type)
{
  Negotiator &n = negotiator_;
  const auto made = type == DescriptionType::offer ? n.create_offer () : n.create_answer ();
  JsepError error = made.error;
  sdp::Description d = made.value;
  if (!error) {
    const std::string edited = owner_.edit_local_description (type, sdp::to_string (d));
    if (sdp::Parsed p = edited.empty () ? sdp::Parsed () : sdp::parse (edited); !edited.empty ()) {
      if (p)
        d = std::move (p.description);
      else
        warn ("the edited description is malformed, it is not used: " +
              std::string (sdp::to_string (p.fault)));
    }
    error = n.set_local (type, d);
  }
  if (error) {
    warn ("no " + std::string (to_string (type)) +
          " can be made: " + std::string (to_string (error.fault)));
    return false;
  }
  owner_.on_local_description (type, sdp::to_string (*n.local ()));
  owner_.on_negotiator_changed ();
  return true;
}

void PerfectNegotiation::set_hold (bool hold, TimePoint now)
{
  if (std::exchange (hold_, hold) == hold)
    return;
  if (hold)
    hold_until_ = now + longest_hold;
  else
    go_on (now);
}

void PerfectNegotiation::go_on (TimePoint now)
{
  if (auto d = std::exchange (held_offer_, {}))
    apply_description (DescriptionType::offer, *d, now);
  for (const auto &c : std::exchange (held_candidates_, {}))
    take_candidate (c);
  needed (now);
}

void PerfectNegotiation::take_description (
    const std::string &type, const std::string &text, TimePoint now)
{
  const auto t = type_of (type);
  sdp::Parsed p;
  if (t && *t != DescriptionType::rollback)
    p = sdp::parse (text);
  if (!t || !p)
    return warn ("a description of the peer is malformed: " +
                 (t ? std::string (sdp::to_string (p.fault)) : type));
  if (hold_ && *t == DescriptionType::offer) {
    held_offer_ = std::move (p.description);
    held_candidates_.clear ();
    return;
  }
  apply_description (*t, p.description, now);
}

void PerfectNegotiation::apply_description (
    DescriptionType type, const sdp::Description &d, TimePoint now)
{
  Negotiator &n = negotiator_;
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
    return warn ("the peer's " + std::string (to_string (type)) + " cannot be used: " +
                 std::string (to_string (e.fault)) + ", m-line " + std::to_string (e.mline));
  owner_.on_negotiator_changed ();
  if (offer && n.state () == SignalingState::have_remote_offer &&
      !send_local (DescriptionType::answer))
    return;
  needed (now);
}

void PerfectNegotiation::take_candidate (const CandidateInit &c)
{
  if (held_offer_) {
    if (held_candidates_.size () < most_held_candidates)
      held_candidates_.push_back (c);
    return;
  }
  const JsepError e = negotiator_.add_candidate (c);
  if (e && !ignoring_ && e.fault != JsepFault::unknown_ufrag)
    warn ("a candidate of the peer cannot be used: " + std::string (to_string (e.fault)));
  owner_.on_negotiator_changed ();
}

void PerfectNegotiation::resume ()
{
  if (automatic () && negotiator_.state () == SignalingState::have_local_offer)
    owner_.on_local_description (DescriptionType::offer, sdp::to_string (*negotiator_.local ()));
}

void PerfectNegotiation::timeout (TimePoint now)
{
  if (hold_ && now >= hold_until_)
    set_hold (false, now);
  if (waits_ && now >= offer_from_)
    needed (now);
}

std::optional<TimePoint> PerfectNegotiation::poll_timeout () const
{
  if (hold_)
    return hold_until_;
  return waits_ ? std::optional (offer_from_) : std::nullopt;
}
} // namespace reach::rtc

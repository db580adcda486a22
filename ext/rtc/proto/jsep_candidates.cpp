// SPDX-License-Identifier: LGPL-2.1-or-later
// Trickle ICE (RFC 8838, RFC 9429, 4.1.17).
#include "jsep.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::size_t max_candidates = 256;

// The m-line of a candidate.
sdp::Media *find_media (sdp::Description &d, const CandidateInit &c)
{
  if (c.mid)
    return d.find (*c.mid);
  return c.mline && *c.mline < d.media.size () ? &d.media[*c.mline] : nullptr;
}

const std::string &ufrag_of (const sdp::Description &d, const sdp::Media &m)
{
  const sdp::Media *t = transport_section (d);
  return t && is_bundled (d, m) ? t->transport.ufrag : m.transport.ufrag;
}

// They are few, and stay as long as their peer connection: no room for more of them.
void append (std::vector<Candidate> &all, Candidate c)
{
  all.reserve (all.size () + 1);
  all.push_back (std::move (c));
}

void store (sdp::Media &m, const std::optional<Candidate> &c)
{
  if (!c)
    m.end_of_candidates = true;
  else if (m.candidates.size () < max_candidates &&
           std::ranges::find (m.candidates, *c) == m.candidates.end ())
    append (m.candidates, *c);
}
} // namespace

JsepError Negotiator::add_candidate (const CandidateInit &c)
{
  if (state_ == SignalingState::closed || !remote ())
    return {JsepFault::wrong_state};
  std::optional<Candidate> candidate;
  if (!c.candidate.empty ()) {
    candidate = parse_candidate (c.candidate);
    if (!candidate)
      return {JsepFault::bad_candidate};
    if (!c.mid && !c.mline)
      return {JsepFault::bad_argument};
  }
  std::optional<std::string> ufrag = c.ufrag;
  if (!ufrag && candidate && !candidate->ufrag.empty ())
    ufrag = candidate->ufrag;
  bool found = false;
  for (Slot *s : {&pending_remote_, &current_remote_}) {
    if (!*s)
      continue;
    const sdp::Media *transport = transport_section (**s);
    sdp::Media *m = find_media (**s, c);
    if (!m && !c.mid && !c.mline && transport) // the end, of all m-lines
      m = &(*s)->media[static_cast<std::size_t> (transport - (*s)->media.data ())];
    if (!m)
      continue;
    found = true;
    const std::string &own = ufrag_of (**s, *m);
    if (own.empty () || (ufrag && *ufrag != own))
      continue;
    // One without a transport in use is of an m-line that was rejected: of no use, no error.
    if (m->rejected () || (m != transport && !is_bundled (**s, *m)))
      return {};
    const std::string mid = m->mid, generation = own;
    store (*m, candidate);
    tell (event::RemoteCandidate{mid, generation, std::move (candidate)});
    return {};
  }
  return {found ? JsepFault::unknown_ufrag : JsepFault::unknown};
}

// Where our candidates belong; the fault of the value, when nowhere.
Outcome<CandidateInit> Negotiator::local_target (std::string_view ufrag) const
{
  const sdp::Description *d = local ();
  const sdp::Media *m = d ? transport_section (*d) : nullptr;
  // Of what we offered the peer may have refused the first.
  if (d && !pending_local_ && negotiated_)
    if (const sdp::Media *used = d->find (negotiated_->transport_mid))
      m = used;
  if (!m || ufrag != ice_.ufrag)
    return {{m ? JsepFault::unknown_ufrag : JsepFault::wrong_state}};
  return {{}, {"", m->mid, static_cast<std::size_t> (m - d->media.data ()), std::string (ufrag)}};
}

Outcome<CandidateInit> Negotiator::add_local_candidate (const Candidate &c, std::string_view ufrag)
{
  auto to = local_target (ufrag);
  if (!to)
    return to;
  if (candidates_.size () >= max_candidates)
    return {{JsepFault::too_many}};
  Candidate said = c;
  said.ufrag = ufrag;
  to.value.candidate = to_string (said);
  if (std::ranges::find (candidates_, said) == candidates_.end ())
    append (candidates_, std::move (said));
  put_candidates (pending_local_ ? *pending_local_ : *current_local_, ice_);
  return to;
}

Outcome<CandidateInit> Negotiator::end_local_candidates (std::string_view ufrag)
{
  auto to = local_target (ufrag);
  if (!to)
    return to;
  candidates_end_ = true;
  put_candidates (pending_local_ ? *pending_local_ : *current_local_, ice_);
  return to;
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 9429, 5.9.
#include "jsep.h"
#include <algorithm>

namespace reach::rtc {
namespace {
// An application may edit what was created, but not what other parts rely on.
bool same_shape (const sdp::Description &a, const sdp::Description &b)
{
  return std::ranges::equal (a.media, b.media, [] (const sdp::Media &x, const sdp::Media &y) {
    const auto codec_is_there = [&] (const Codec &c) {
      return std::ranges::find (y.codecs, c.payload_type, &Codec::payload_type) != y.codecs.end ();
    };
    return x.kind == y.kind && x.mid == y.mid && x.rejected () == y.rejected () &&
           x.protocol == y.protocol && x.transport.ufrag == y.transport.ufrag &&
           x.transport.pwd == y.transport.pwd &&
           x.transport.fingerprints == y.transport.fingerprints &&
           (x.rejected () || std::ranges::all_of (x.codecs, codec_is_there));
  });
}

std::optional<DtlsRole> chosen_role (const std::optional<sdp::Setup> &setup)
{
  if (setup == sdp::Setup::active)
    return DtlsRole::client;
  if (setup == sdp::Setup::passive)
    return DtlsRole::server;
  return {};
}
} // namespace

JsepError Negotiator::set_local ()
{
  const bool offer = state_ == SignalingState::stable || state_ == SignalingState::have_local_offer;
  if (state_ == SignalingState::closed || state_ == SignalingState::have_remote_pranswer)
    return {JsepFault::wrong_state};
  const auto made = offer ? create_offer () : create_answer ();
  if (!made)
    return made.error;
  return set_local (offer ? DescriptionType::offer : DescriptionType::answer, *made);
}

JsepError Negotiator::set_local (DescriptionType type, const sdp::Description &d)
{
  switch (type) {
  case DescriptionType::rollback:
    return rollback (SignalingState::have_local_offer);
  case DescriptionType::offer:
    return set_local_offer (d);
  default:
    return set_local_answer (type, d);
  }
}

void Negotiator::take_local_ice (const sdp::Description &d)
{
  const sdp::Media *m = transport_section (d);
  if (!m)
    return;
  const IceCredentials ice{m->transport.ufrag, m->transport.pwd};
  if (ice_next_ == ice)
    ice_next_.reset ();
  if (ice == ice_)
    return;
  ice_ = ice;
  candidates_.clear ();
  candidates_end_ = false;
  tell (event::LocalIce{ice_});
}

JsepError Negotiator::set_local_offer (const sdp::Description &d)
{
  if (state_ != SignalingState::stable && state_ != SignalingState::have_local_offer)
    return {JsepFault::wrong_state};
  if (!last_offer_ || !same_shape (d, *last_offer_))
    return {JsepFault::modified};
  take_snapshot ();
  for (std::size_t i = 0; i < d.media.size (); i++) {
    const sdp::Media &m = d.media[i];
    if (Transceiver *t = plan_[i] ? get (*plan_[i]) : nullptr) {
      t->mid = m.mid;
      t->mline = i;
    } else if (is_data (m) && !m.rejected ()) {
      data_.mid = m.mid;
      data_.mline = i;
    }
  }
  pending_local_ = d;
  last_offer_.reset ();
  set_state (SignalingState::have_local_offer);
  take_local_ice (d);
  put_candidates (*pending_local_, ice_);
  return {};
}

void Negotiator::apply_local_answer (const sdp::Description &d)
{
  for (std::size_t i = 0; i < d.media.size (); i++) {
    Transceiver *t = at_mline (i);
    const sdp::Media &m = d.media[i];
    if (!t || t->stopped)
      continue;
    if (m.rejected ()) {
      stop_now (*t);
      continue;
    }
    if (!receives (m.direction ()))
      receive (*t, nullptr);
    set_current (*t, m.direction ());
  }
}

JsepError Negotiator::set_local_answer (DescriptionType type, const sdp::Description &d)
{
  if (state_ != SignalingState::have_remote_offer && state_ != SignalingState::have_local_pranswer)
    return {JsepFault::wrong_state};
  if (!last_answer_ || !same_shape (d, *last_answer_))
    return {JsepFault::modified};
  if (const sdp::Media *m = transport_section (d)) {
    const auto role = chosen_role (m->transport.setup);
    const auto left = role_left (remote_transport (*pending_remote_).setup, DescriptionType::offer);
    if (!role || (left && *left != *role))
      return {JsepFault::bad_setup};
    role_ = role;
  }
  pending_local_ = d;
  take_local_ice (d);
  put_candidates (*pending_local_, ice_);
  const bool provisional = type == DescriptionType::pranswer;
  set_state (provisional ? SignalingState::have_local_pranswer : SignalingState::stable);
  apply_local_answer (d);
  finish (provisional, true);
  return {};
}
} // namespace reach::rtc

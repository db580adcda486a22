// SPDX-License-Identifier: LGPL-2.1-or-later
// The path: bytes, time, and which answer is whose.
#include "client.h"
#include <algorithm>

namespace reach::turn {
using namespace stun;

Client::Client (Config config)
    : config_ (std::move (config)), auth_ (config_.crypto, config_.credentials),
      transactions_ (
          config_.retransmission, is_stream (config_.transport), config_.limits.transactions),
      peers_ (config_.limits.peers, config_.limits.channels, config_.least_channel,
          config_.most_channel),
      framer_ (config_.limits.stream_frame), scratch_ (config_.limits.request),
      mobility_ (config_.mobility), dont_fragment_ (config_.dont_fragment)
{
  if (config_.binding_credentials)
    binding_auth_.emplace (config_.crypto, *config_.binding_credentials);
  config_.crypto.random (indication_id_);
}

std::optional<Event> Client::poll_event ()
{
  if (events_.empty ())
    return {};
  std::optional<Event> e (std::move (events_.front ()));
  events_.pop_front ();
  return e;
}

std::vector<std::uint8_t> Client::poll_transmit ()
{
  if (out_.empty ())
    return {};
  auto v = std::move (out_.front ());
  out_.pop_front ();
  return v;
}

void Client::connected (const Address &server, TimePoint now)
{
  const bool moved = !relayed_.empty ();
  server_ = server;
  path_ = true;
  sent_at_ = now;
  silent_ = 0;
  framer_.reset ();
  transactions_.clear ();
  out_.clear ();
  if (state_ == State::closing) {
    closed ();
  } else if (moved && !ticket_.empty () && expires_ > now) {
    auth_.new_path ();
    state_ = State::moving;
    refresh_at_ = TimePoint::max ();
    Request r{Method::refresh};
    r.move = true;
    if (!send (std::move (r), now))
      lost (Why::disconnected, 0, true, now);
  } else if (moved) {
    lost (Why::disconnected, 0, true, now);
  } else if (state_ == State::no_path || state_ == State::allocating) {
    begin (now);
  }
}

void Client::disconnected (TimePoint now)
{
  path_ = false;
  framer_.reset ();
  out_.clear ();
  for (const Method m : {Method::binding, Method::connect})
    while (const auto r = transactions_.take_first (m))
      emit (TimedOut{m, r->peers});
  transactions_.clear ();
  if (state_ == State::closing) {
    closed ();
  } else if (!relayed_.empty () && !ticket_.empty ()) {
    refresh_at_ = TimePoint::max ();
    want_path ();
  } else if (!relayed_.empty ()) {
    lost (Why::disconnected, 0, false, now);
  } else if (state_ == State::allocating) {
    if (had_allocation_)
      retry_later (false, now);
    else
      fail (Why::disconnected, Method::allocate, 0, "the connection ended");
  }
}

// What refers to the last input is about to dangle.
void Client::detach_events ()
{
  if (events_.empty ())
    return;
  Fifo<Event> kept;
  while (auto e = poll_event ()) {
    std::visit (
        [] (auto &x) {
          if constexpr (requires { x.message; })
            x.message = {};
          if constexpr (requires { x.refused_family; })
            x.refused_family.reset ();
          if constexpr (requires {
                          requires std::is_same_v<decltype (x.reason), std::string_view>;
                        })
            x.reason = {};
        },
        *e);
    if (std::holds_alternative<Data> (*e) || std::holds_alternative<UnknownBytes> (*e))
      stats_.undrained++;
    else
      kept.push_back (std::move (*e));
  }
  events_ = std::move (kept);
}

void Client::input (Bytes in, TimePoint now)
{
  detach_events ();
  if (!path_)
    return;
  if (!is_stream (config_.transport))
    return receive (in, now);
  framer_.input (in);
  while (path_) {
    const auto frame = framer_.next ();
    if (!frame)
      break;
    receive (*frame, now);
  }
  if (framer_.failed ()) {
    stats_.malformed++;
    disconnected (now);
  }
}

void Client::receive (Bytes frame, TimePoint now)
{
  switch (kind_of (frame)) {
  case FrameKind::channel:
    return receive_channel (frame);
  case FrameKind::stun:
    return receive_message (frame, now);
  default:
    stats_.malformed++;
    emit (UnknownBytes{frame});
  }
}

void Client::receive_message (Bytes frame, TimePoint now)
{
  const auto m = Message::parse (frame);
  if (!m) {
    stats_.malformed++;
    return emit (UnknownBytes{frame});
  }
  if (config_.heard && !m->has (Attr::data))
    config_.heard (*m);
  if (m->kind () == Class::indication) {
    receive_indication (*m);
  } else if (m->kind () == Class::request) {
    stats_.unmatched++;
    emit (UnknownBytes{frame});
  } else {
    receive_response (*m, now);
  }
}

void Client::receive_response (const Message &m, TimePoint now)
{
  const Transaction *t = transactions_.find (m.transaction ());
  const bool is_error = m.kind () == Class::error;
  const auto e = is_error ? m.error () : std::optional<ErrorInfo> ();
  if (!t || t->request.method != m.method () || (is_error && !e)) {
    stats_.unmatched++;
    return;
  }
  const unsigned code = e ? e->code : 0;
  // A challenge need not be signed. Every other answer to what was (RFC 8489, 9.2.5).
  const bool challenged = code == stun::code::unauthenticated || code == stun::code::stale_nonce;
  const bool has_proof = m.integrity_at () != 0 || m.integrity_sha256_at () != 0;
  const bool genuine =
      (challenged && !has_proof) || auth_of (t->request).verify (m, t->request.proof);
  if (!genuine) {
    stats_.unmatched++;
    if (!is_stream (config_.transport)) // the right one may follow
      return;
  }
  Request r = std::move (transactions_.take (m.transaction ())->request);
  if (!genuine)
    return unanswered (r, Why::integrity, now);
  silent_ = 0;
  std::uint16_t unknown[1];
  if (m.unknown_required (unknown) > 0) // RFC 8489, 6.3.3 and 6.3.4
    return error (
        r, m, stun::code::unknown_attribute, "the answer has attributes unknown here", now);
  if (challenged)
    return challenge (std::move (r), m, now);
  if (e)
    return error (r, m, code, e->reason, now);
  success (r, m, now);
}

void Client::receive_indication (const Message &m)
{
  std::uint16_t unknown[1];
  if (m.unknown_required (unknown) > 0) {
    stats_.malformed++;
    return;
  }
  switch (m.method ()) {
  case Method::data:
    return receive_data (m);
  case Method::connection_attempt:
    return receive_attempt (m);
  case Method::binding: // somebody's keepalive
    return;
  default:
    stats_.unmatched++;
  }
}

void Client::timeout (TimePoint now)
{
  const auto again = [&] (const std::vector<std::uint8_t> &wire) {
    stats_.retransmissions++;
    out_.push_back (wire);
    sent_at_ = now;
  };
  while (const auto t = transactions_.next_due (now, again)) {
    stats_.timeouts++;
    unanswered (t->request, Why::timeout, now);
  }
  if (retry_at_ <= now) {
    retry_at_ = TimePoint::max ();
    if (path_)
      begin (now);
    else
      want_path ();
  }
  if (expires_ <= now && !relayed_.empty () && state_ != State::closing)
    lost (Why::expired, 0, path_, now);
  if (refresh_at_ <= now) {
    refresh_at_ = TimePoint::max ();
    Request r{Method::refresh};
    if (config_.lifetime > 0)
      r.lifetime = config_.lifetime;
    if (!send (std::move (r), now))
      refresh_at_ = now + seconds (1);
  }
  if (peers_due_ <= now)
    check_peers (now);
  if (credentials_at_ <= now) {
    credentials_at_ = TimePoint::max ();
    emit (CredentialsExpiring{});
  }
  keep_alive (now);
}

TimePoint Client::poll_timeout () const
{
  return std::min ({transactions_.poll_timeout (), retry_at_, expires_, refresh_at_, peers_due_,
      credentials_at_, keepalive_at_});
}
} // namespace reach::turn

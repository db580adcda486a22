// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link_core.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr TimePoint never = TimePoint::max ();
// A peer that pings without end and reads nothing must not make us queue answers without end.
constexpr Duration pong_interval = milliseconds (10);

// No overflow when `d` means for ever.
TimePoint after (TimePoint t, Duration d)
{
  return t > TimePoint{} && d >= never - t ? never : t + d;
}
} // namespace

LinkCore::LinkCore (Config config, TimePoint now)
    : config_ (config), started_ (now), heard_ (now), progress_ (now), sent_ (now), pinged_ (now),
      used_ (now), ponged_ (now - pong_interval)
{
}

MessageRef LinkCore::control (Kind kind, std::vector<std::uint8_t> body, TimePoint now) const
{
  return Message::control (kind, type_, 0, std::move (body), now);
}

void LinkCore::opened (const Hello &ours, TimePoint now)
{
  heard_ = progress_ = now;
  if (!config_.initiator)
    return;
  type_ = ours.type;
  constexpr std::size_t most = max_unaccepted - MessageHeader::size;
  auto bytes = encode (ours);
  list_cut_ = bytes.size () > most;
  if (list_cut_)
    bytes = encode (ours, most);
  send_control (control (Kind::hello, std::move (bytes), now));
}

void LinkCore::input (Incoming m, TimePoint now)
{
  heard_ = now;
  if (over_)
    return;
  if (established_)
    on_established_message (std::move (m), now);
  else if (config_.initiator)
    on_answer (m, now);
  else
    on_hello (m, now);
}

bool LinkCore::passes (const Incoming &m, TimePoint now)
{
  if (!established_ || over_ || !events_.empty () || m.header ().kind != Kind::frame ||
      config_.role != LinkRole::receiver || !FrameHeader::parse (m.body ()))
    return false;
  heard_ = now;
  return true;
}

void LinkCore::on_hello (const Incoming &m, TimePoint now)
{
  std::optional<Hello> hello;
  if (m.header ().kind == Kind::hello && !hello_seen_)
    hello = decode_hello (m.body ());
  if (!hello) {
    fail (CloseReason::malformed, "the peer did not begin with a hello");
    return;
  }
  hello_seen_ = true;
  type_ = hello->type;
  peer_ = *hello;
  // First: nothing else of a hello of another version was read.
  if (hello->version != hello_version) {
    refuse ({static_cast<std::uint16_t> (RefuseCode::version),
                "this side speaks version " + std::to_string (hello_version)},
        now);
    return;
  }
  if (config_.relay)
    config_.role = hello->role == LinkRole::sender ? LinkRole::receiver : LinkRole::sender;
  if (hello->role == config_.role) {
    refuse ({static_cast<std::uint16_t> (RefuseCode::wrong_role),
                config_.role == LinkRole::sender ? "this is a sender: connect a receiver to it"
                                                 : "this is a receiver: connect a sender to it"},
        now);
    return;
  }
  emit (HelloCame{std::move (*hello)});
}

void LinkCore::on_answer (const Incoming &m, TimePoint now)
{
  if (m.header ().kind == Kind::welcome) {
    if (auto w = decode_hello (m.body ());
        w && w->version == hello_version && w->role != config_.role)
      return establish (std::move (*w), now);
  } else if (m.header ().kind == Kind::refuse) {
    if (auto r = decode_refuse (m.body ()))
      return fail (CloseReason::refused, r->text, static_cast<RefuseCode> (r->code));
  }
  fail (CloseReason::malformed, "the answer to our hello was neither welcome nor refuse");
}

void LinkCore::establish (Hello peer, TimePoint now)
{
  peer_ = std::move (peer);
  established_ = true;
  used_ = sent_ = pinged_ = progress_ = now;
  emit (Established{peer_});
}

void LinkCore::accept (const Welcome &ours, TimePoint now)
{
  if (over_ || established_)
    return;
  send_control (control (Kind::welcome, encode (ours), now));
  establish (Hello (peer_), now);
}

void LinkCore::refuse (const Refuse &why, TimePoint now)
{
  if (over_)
    return;
  send_control (control (Kind::refuse, encode (why), now));
  fail (CloseReason::refused, why.text);
}

void LinkCore::finish (ByeReason why, TimePoint now)
{
  if (over_)
    return;
  if (established_)
    send_control (control (Kind::bye, encode (Bye{why}), now));
  fail (CloseReason::local, "");
}

// Who may send what: a receiver that sends frames, or a sender that asks for them, is not our
// protocol.
bool LinkCore::direction_ok (Kind k) const
{
  switch (k) {
  case Kind::ping:
  case Kind::pong:
  case Kind::bye:
    return true;
  case Kind::request:
  case Kind::key_unit:
  case Kind::command_ack:
  case Kind::file_ack:
    return config_.role == LinkRole::sender;
  case Kind::source:
  case Kind::source_clock:
    return config_.role == LinkRole::receiver && from_relay ();
  case Kind::answer:
  case Kind::notice:
    return from_relay ();
  case Kind::ask:
    return config_.relay;
  case Kind::hello:
  case Kind::welcome:
  case Kind::refuse:
    return false;
  default:
    return config_.role == LinkRole::receiver;
  }
}

void LinkCore::on_established_message (Incoming m, TimePoint now)
{
  const MessageHeader h = m.header ();
  if (!direction_ok (h.kind))
    return fail (CloseReason::malformed, "a message that the peer's role does not send");
  switch (h.kind) {
  case Kind::ping:
    if (const auto p = decode_ping (m.body ())) {
      if ((h.flags & ping_wants_pong) && now >= after (ponged_, pong_interval)) {
        ponged_ = now;
        send_control (control (Kind::pong, encode (Pong{p->id}), now));
      }
      emit (ClockSample{*p});
      return;
    }
    break;
  case Kind::request:
    if (const auto r = decode_request (m.body ())) {
      credit_ = std::min<std::int64_t> (
          credit_ + r->bytes, static_cast<std::int64_t> (config_.max_credit));
      return;
    }
    break;
  case Kind::key_unit:
    emit (KeyWanted{h.stream});
    return;
  case Kind::streams:
    if (auto l = decode_streams (m.body ())) {
      emit (StreamsChanged{std::move (*l)});
      return;
    }
    break;
  case Kind::bye:
    if (const auto b = decode_bye (m.body ())) {
      bye_ = b->reason;
      return;
    }
    break;
  case Kind::frame:
    if (!FrameHeader::parse (m.body ()))
      break;
    emit (Received{std::move (m)});
    return;
  default:
    emit (Received{std::move (m)});
    return;
  }
  fail (CloseReason::malformed, "a message that cannot be read");
}

void LinkCore::fail (CloseReason why, std::string detail, std::optional<RefuseCode> refused)
{
  if (std::exchange (over_, true))
    return;
  if (bye_ == ByeReason::replaced)
    detail = "another client with this guid has taken the place of this one";
  emit (Failed{why, std::move (detail), bye_, refused});
}

void LinkCore::transport_closed (CloseReason why, std::string detail)
{
  fail (why, std::move (detail));
}

MessageRef LinkCore::poll_transmit ()
{
  if (control_.empty ())
    return {};
  MessageRef m = std::move (control_.front ());
  control_.pop_front ();
  return m;
}

void LinkCore::sent (const Message &m, TimePoint now)
{
  sent_ = now;
  // What leaves the queue had room to go to, and the first message after a pause starts the wait
  // for progress. Pings alone do not: they are sent to a stalled peer too.
  if (m.header.kind >= Kind::caps || !was_pending_)
    progress_ = now;
  was_pending_ = true;
  if (m.header.kind == Kind::ping) {
    pinged_ = now;
    ping_asked_ = false;
  } else if (m.header.kind >= Kind::caps) {
    used_ = now;
    idle_told_ = false;
    if (m.header.kind == Kind::frame || m.header.kind == Kind::file_data)
      credit_ -= static_cast<std::int64_t> (m.size ());
  }
}

bool LinkCore::clock_due (TimePoint now) const
{
  return established_ && config_.role == LinkRole::sender &&
         now - pinged_ >= config_.clock_interval;
}

// The peer must hear from us three times within its timeout.
Duration LinkCore::ping_interval () const
{
  const Duration theirs =
      peer_.timeout_ms == 0 ? forever : Duration (milliseconds (peer_.timeout_ms)) / 3;
  return std::max<Duration> (theirs, milliseconds (20));
}

TimePoint LinkCore::ping_time () const
{
  const TimePoint t = after (sent_, ping_interval ());
  if (config_.role == LinkRole::receiver)
    return t;
  // A sample that did not travel with media in time goes alone.
  return std::min (t, after (after (pinged_, config_.clock_interval), config_.clock_interval));
}

void LinkCore::timeout (TimePoint now, bool pending)
{
  if (over_)
    return;
  if (!established_) {
    const Duration limit = config_.initiator ? config_.timeout : config_.handshake;
    if (now >= after (started_, limit))
      fail (CloseReason::timed_out, "no answer from the peer in time");
    return;
  }
  if (!peer_.unlimited && now >= after (heard_, config_.timeout))
    return fail (CloseReason::timed_out, "the peer has fallen silent");
  // Nobody can stall while there is nothing to take.
  if (!pending || !was_pending_)
    progress_ = now;
  was_pending_ = pending;
  if (now >= after (progress_, config_.timeout))
    return fail (CloseReason::timed_out, "the peer takes nothing any more");
  if (!ping_asked_ && now >= ping_time ()) {
    ping_asked_ = true;
    emit (PingDue{});
  }
  if (!pending && !idle_told_ && now >= after (used_, config_.idle)) {
    idle_told_ = true;
    emit (IdleTooLong{});
  }
}

TimePoint LinkCore::poll_timeout (bool pending) const
{
  if (over_)
    return never;
  if (!established_)
    return after (started_, config_.initiator ? config_.timeout : config_.handshake);
  TimePoint t = peer_.unlimited ? never : after (heard_, config_.timeout);
  if (pending)
    t = std::min (t, after (progress_, config_.timeout));
  if (!ping_asked_)
    t = std::min (t, ping_time ());
  if (!pending && !idle_told_)
    t = std::min (t, after (used_, config_.idle));
  return t;
}

std::optional<LinkCore::Event> LinkCore::poll_event ()
{
  if (events_.empty ())
    return {};
  Event e = std::move (*events_.front ());
  events_.pop_front ();
  return e;
}
} // namespace reach::cam

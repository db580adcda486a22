// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link.h"
#include <limits>

namespace reach::cam {
namespace {
using FarGrid = std::chrono::duration<std::int64_t, std::ratio<1, 16>>;
constexpr Duration far_deadline = milliseconds (500);     // may be up to 1/16 s late
constexpr Duration measure_interval = milliseconds (100); // while something is sent anyway
} // namespace

Link::Link (Loop &loop, Owner &owner, std::unique_ptr<Transport> transport, LinkCore::Config config,
    std::uint64_t link_key)
    : loop_ (loop), owner_ (owner), transport_ (std::move (transport)),
      core_ (config, Clock::now ()), link_key_ (link_key),
      timer_ (loop.timers (), [this] { on_timer (); }), in_ (Clock::now ()), out_ (Clock::now ()),
      has_clock_ (config.clock_interval != LinkCore::forever)
{
  if (!config.initiator)
    transport_->limit_messages (max_unaccepted);
  arm ();
}

Link::~Link () = default;

void Link::on_open ()
{
  const Hello hello = owner_.make_hello (*this);
  clock_told_ = !has_clock_ || hello.running_time != no_time;
  core_.opened (hello, Clock::now ());
  pump ();
}

void Link::on_message (Incoming m)
{
  const TimePoint now = Clock::now ();
  if (core_.passes (m, now)) {
    if (now - measured_ >= measure_interval)
      measure (now);
    return owner_.on_received (*this, std::move (m));
  }
  core_.input (std::move (m), now);
  drain_events ();
}

void Link::on_closed (CloseReason why, const std::string &detail)
{
  transport_over_ = true;
  core_.transport_closed (why, detail);
  drain_events ();
  end ();
}

void Link::accept (const Welcome &ours)
{
  clock_told_ = !has_clock_ || ours.running_time != no_time;
  transport_->limit_messages (std::numeric_limits<std::size_t>::max ());
  core_.accept (ours, Clock::now ());
  drain_events ();
  pump ();
}

void Link::refuse (RefuseCode code, std::string text)
{
  core_.refuse ({static_cast<std::uint16_t> (code), std::move (text)}, Clock::now ());
  drain_events ();
}

void Link::finish (ByeReason why)
{
  core_.finish (why, Clock::now ());
  drain_events ();
}

void Link::set_idle (Duration idle)
{
  core_.set_idle (idle);
  arm ();
}

void Link::send_control (MessageRef m)
{
  core_.send_control (std::move (m));
  pump ();
}

void Link::transmit (MessageRef m, TimePoint now)
{
  core_.sent (*m, now);
  transport_->send (std::move (m));
}

// Of 400 links nearly every one can send at once: a message that waits nowhere costs the queue's
// look at it and the write.
void Link::push (const MessageRef &m, TimePoint now)
{
  const bool free = clock_told_ && !pumping_ && !transport_over_ && core_.quiet () &&
                    core_.may_send () && !core_.clock_due (now) && transport_->room () > 0;
  if (!free || !queue_->pass (*m, now)) {
    queue_->push (m, now);
    return;
  }
  transmit (m, now);
  messages_sent_++;
  passed_ = true;
}

// From the queue into the transport. True: there is more, but no room.
bool Link::fill (TimePoint now, bool &media)
{
  while (queue_ && !queue_->empty () && core_.may_send ()) {
    if (transport_->room () == 0)
      return true;
    MessageRef m = queue_->pop (now);
    if (!m)
      return false;
    if (!media && (!clock_told_ || core_.clock_due (now)))
      tell_clock (now);
    transmit (std::move (m), now);
    messages_sent_++;
    media = true;
  }
  return false;
}

void Link::pump (TimePoint now)
{
  if (pumping_ || transport_over_)
    return;
  pumping_ = true;
  if (now - measured_ >= measure_interval)
    measure (now);
  bool media = std::exchange (passed_, false), any = media;
  while (MessageRef m = core_.poll_transmit ()) {
    transmit (std::move (m), now);
    any = true;
  }
  // A flush that takes all makes room, and nothing else would tell.
  bool full = false;
  do {
    full = fill (now, media);
    if (any || media)
      transport_->flush ();
  } while (full && transport_->room () > 0);
  pumping_ = false;
  if (media)
    owner_.on_sent (*this);
  arm ();
}

// Frames that come before any sample have no time at the receiver: a hello from PAUSED has none.
void Link::tell_clock (TimePoint now)
{
  const Ping p = owner_.make_ping ();
  if (p.running_time == no_time)
    return;
  clock_told_ = true;
  transmit (Message::control (Kind::ping, MediaType::data, 0, encode (p), now), now);
}

bool Link::pending () const
{
  return !transport_->idle () || (queue_ && !queue_->empty () && core_.may_send ());
}

// Bytes count as life, not messages: a key frame may take longer than the timeout on a slow link.
void Link::measure (TimePoint now)
{
  measured_ = now;
  const TransportStats s = transport_->stats ();
  const auto grown = [] (std::uint64_t &seen, std::uint64_t total) {
    const std::uint64_t before = std::exchange (seen, total);
    return total > before ? total - before : 0;
  };
  if (const auto n = grown (seen_in_, s.bytes_received)) {
    core_.heard (now);
    in_.add (n, now);
  }
  if (const auto n = grown (seen_out_, s.bytes_sent)) {
    core_.progressed (now);
    out_.add (n, now);
  }
}

TransportStats Link::stats ()
{
  const TimePoint now = Clock::now ();
  measure (now);
  TransportStats s = transport_->stats ();
  s.send_rate = static_cast<std::uint64_t> (out_.per_second (now) * 8);
  s.receive_rate = static_cast<std::uint64_t> (in_.per_second (now) * 8);
  return s;
}

void Link::on_timer ()
{
  const TimePoint now = Clock::now ();
  measure (now);
  core_.timeout (now, pending ());
  drain_events ();
  arm ();
}

// The timer is not put off on each message: it fires at the old deadline, and then looks at the new
// one.
void Link::arm ()
{
  const TimePoint t = told_ ? TimePoint::max () : core_.poll_timeout (pending ());
  if (t == TimePoint::max () || (timer_.armed () && t >= timer_.when ()))
    return;
  // All links look at deadlines that are far at common points in time, before them: one wake-up.
  const bool far = t - Clock::now () > far_deadline;
  timer_.arm (far ? std::chrono::floor<FarGrid> (t) : t);
}

void Link::drain_events ()
{
  while (auto e = core_.poll_event ()) {
    if (auto *r = std::get_if<LinkCore::Received> (&*e))
      owner_.on_received (*this, std::move (r->message));
    else if (auto *h = std::get_if<LinkCore::HelloCame> (&*e))
      owner_.on_hello (*this, h->hello);
    else if (auto *w = std::get_if<LinkCore::Established> (&*e))
      owner_.on_established (*this, w->peer);
    else if (auto *k = std::get_if<LinkCore::KeyWanted> (&*e))
      owner_.on_key_wanted (*this, k->stream);
    else if (auto *c = std::get_if<LinkCore::ClockSample> (&*e))
      owner_.on_clock (*this, c->ping);
    else if (auto *s = std::get_if<LinkCore::StreamsChanged> (&*e))
      owner_.on_streams (*this, s->list);
    else if (std::holds_alternative<LinkCore::PingDue> (*e))
      send_control (Message::control (
          Kind::ping, MediaType::data, 0, encode (owner_.make_ping ()), Clock::now ()));
    else if (std::holds_alternative<LinkCore::IdleTooLong> (*e))
      owner_.on_idle (*this);
    else if (auto *f = std::get_if<LinkCore::Failed> (&*e))
      end_ = End{f->why, f->detail, f->bye, core_.established (), f->refused};
  }
  if (end_ && !transport_over_ && !draining_) {
    // What the core still wants to say (a bye, a refusal) goes out before the transport closes.
    draining_ = true;
    pump ();
    transport_->close (end_->why == CloseReason::local || end_->why == CloseReason::refused);
    return;
  }
  if (!end_)
    pump ();
}

void Link::end ()
{
  timer_.cancel ();
  if (std::exchange (told_, true) || !end_)
    return;
  owner_.on_ended (*this, *end_);
}
} // namespace reach::cam

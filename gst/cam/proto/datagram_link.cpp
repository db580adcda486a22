// SPDX-License-Identifier: LGPL-2.1-or-later
// Set-up, timers and what the owner calls; datagram_link_input.cpp and datagram_link_output.cpp
// have the rest.
#include "datagram_link.h"
#include <cmath>

namespace reach::cam {
namespace {
constexpr milliseconds longest_ping_interval = seconds (15); // below what NAT tables forget
constexpr unsigned max_closes = 4;
constexpr Duration longest_behind = seconds (1);
constexpr Duration longest_catch_up = seconds (3); // of what waited for the link to stand

TimePoint after (TimePoint t, milliseconds d)
{
  return d == milliseconds::max () ? TimePoint::max () : t + d;
}

// Compared in milliseconds: the longest of them overflows in finer units.
Duration ping_interval (milliseconds timeout)
{
  return std::min (longest_ping_interval, timeout / 3);
}

DatagramConfig checked (DatagramConfig c)
{
  c.max_datagram = std::clamp<std::size_t> (c.max_datagram, 256, 1200);
  c.max_incomplete_bytes =
      std::clamp<std::size_t> (c.max_incomplete_bytes, c.max_message, UINT32_MAX);
  c.max_window = std::clamp<std::size_t> (c.max_window, 1, 1u << 20);
  if (c.timeout < milliseconds (0) || c.timeout > std::chrono::hours (24 * 365))
    c.timeout = milliseconds::max ();
  c.latency = std::clamp (c.latency, milliseconds (1), milliseconds (60000));
  return c;
}
} // namespace

DatagramLink::DatagramLink (const DatagramConfig &config, StorageSource &storage, Random &random,
    const Address &peer, TimePoint now)
    : config_ (checked (config)), random_ (random), client_ (true), epoch_ (now),
      timestamp_base_ (static_cast<std::uint32_t> (random.next ())), latency_ (config_.latency),
      cid_ (static_cast<std::uint32_t> (random.next ())), client_id_ (random.next ()),
      client_cid_ (cid_), first_message_ (static_cast<std::uint32_t> (random.next ())),
      path_ (peer), sent_ (config_.max_in_flight, *this), received_ (config_.max_ack_ranges),
      outbox_ (config_, stats_), reassembly_ (config_, storage, events_)
{
  outbox_.start (first_message_);
  outbox_.set_latency (latency_);
  syn_time_ = now;
  connect_deadline_ = after (now, config_.timeout);
  last_received_ = last_eliciting_ = input_start_ = now;
}

DatagramLink::DatagramLink (const DatagramConfig &config, StorageSource &storage, Random &random,
    const Address &peer, const SynPacket &syn, std::uint32_t cid, TimePoint now)
    : config_ (checked (config)), random_ (random), client_ (false), epoch_ (now),
      timestamp_base_ (static_cast<std::uint32_t> (random.next ())), latency_ (config_.latency),
      cid_ (cid), client_id_ (syn.client_id), client_cid_ (syn.client_cid),
      first_message_ (static_cast<std::uint32_t> (random.next ())), path_ (peer),
      sent_ (config_.max_in_flight, *this), received_ (config_.max_ack_ranges),
      outbox_ (config_, stats_), reassembly_ (config_, storage, events_)
{
  outbox_.start (first_message_);
  last_received_ = last_eliciting_ = input_start_ = now;
  accept_to_ = peer;
  establish (
      syn.latency_ms, syn.client_cid, syn.first_message, syn.message_window, syn.byte_window);
}

DatagramLink::~DatagramLink () = default;

std::int64_t DatagramLink::us (TimePoint t) const
{
  return timestamp_base_ + std::chrono::duration_cast<microseconds> (t - epoch_).count ();
}

void DatagramLink::establish (std::uint16_t latency_ms, std::uint32_t peer_cid,
    std::uint32_t first_message, std::uint32_t message_window, std::uint32_t byte_window)
{
  state_ = State::established;
  peer_cid_ = peer_cid;
  latency_ = std::max (config_.latency, std::min (milliseconds (latency_ms), config_.max_latency));
  outbox_.set_latency (latency_);
  sent_.set_latency (latency_);
  received_.set_latency (latency_);
  outbox_.set_peer_windows (message_window, byte_window);
  reassembly_.start (first_message);
  events_.push_back ({DatagramEvent::Kind::established});
}

// tell: the peer gets to know it.
void DatagramLink::fault (DatagramFault f, bool tell)
{
  if (state_ == State::closed)
    return;
  close_due_ = tell && state_ != State::connecting;
  close_reason_ = f;
  state_ = State::closed;
  DatagramEvent e{DatagramEvent::Kind::closed};
  e.fault = f;
  events_.push_back (std::move (e));
}

void DatagramLink::malformed ()
{
  if (++stats_.packets_malformed >= config_.max_malformed)
    fault (DatagramFault::malformed, true);
}

void DatagramLink::send (MessageRef m, TimePoint now)
{
  if (state_ == State::closing || state_ == State::closed)
    return;
  if (input_rate_ == 0 && input_bytes_ == 0)
    input_start_ = now;
  input_bytes_ += m->size ();
  if (const Duration d = now - input_start_; d >= milliseconds (50)) {
    const double t = std::chrono::duration<double> (d).count ();
    const double sample = static_cast<double> (input_bytes_) / t;
    input_rate_ += (sample - input_rate_) * (input_rate_ == 0 ? 1 : 1 - std::exp (-t / 0.5));
    input_bytes_ = 0;
    input_start_ = now;
  }
  // What waited above for the link to stand, or behind such, is not late: its time runs from when
  // it could first be sent.
  if (!m->reliable && !caught_up_) {
    if (media_start_ == TimePoint{})
      catch_up_until_ = now + longest_catch_up;
    media_start_ = now;
    caught_up_ = now - m->created < latency_ / 4 || now >= catch_up_until_;
  }
  const TimePoint created = m->reliable ? m->created : std::max (m->created, media_start_);
  outbox_.push (std::move (m), timestamp (created), created);
  filled_ = room () == 0;
}

std::size_t DatagramLink::room () const
{
  double want = std::max (static_cast<double> (config_.backlog), pacer_.rate () * 0.05);
  if (bandwidth_.congested ()) {
    // What waits here is late soon: leave it above, where whole groups of pictures can go.
    const double wait = std::min (std::chrono::duration<double> (latency_).count () / 4, 0.05);
    want = std::max (bandwidth_.rate () * wait, 2.0 * static_cast<double> (config_.max_datagram));
  }
  const auto n = static_cast<std::size_t> (want);
  return n > outbox_.backlog () ? n - outbox_.backlog () : 0;
}

void DatagramLink::close (TimePoint now)
{
  if (state_ == State::connecting) {
    fault (DatagramFault::local, false);
  } else if (state_ == State::established) {
    state_ = State::closing;
    close_reason_ = DatagramFault::orderly;
    close_due_ = true;
    close_time_ = now;
    timeout_close (now);
  }
}

std::optional<DatagramEvent> DatagramLink::poll_event ()
{
  if (events_.empty ())
    return {};
  DatagramEvent e = std::move (events_.front ());
  events_.pop_front ();
  return e;
}

DatagramStats DatagramLink::stats () const
{
  DatagramStats s = stats_;
  s.messages_received = reassembly_.delivered ();
  s.messages_lost = reassembly_.lost ();
  s.bandwidth = static_cast<std::uint64_t> (bandwidth_.rate () * 8);
  s.pacing_rate = static_cast<std::uint64_t> (pacer_.rate () * 8);
  if (sent_.rtt ().known ()) {
    s.rtt = sent_.rtt ().smoothed ();
    s.min_rtt = sent_.rtt ().minimum ();
  }
  return s;
}

void DatagramLink::timeout_handshake (TimePoint now)
{
  if (now >= connect_deadline_)
    fault (DatagramFault::timed_out, false);
}

void DatagramLink::timeout_close (TimePoint now)
{
  if (now < close_time_)
    return;
  if (closes_++ >= max_closes) {
    fault (DatagramFault::local, false);
    return;
  }
  close_due_ = true;
  close_time_ = now + std::min<Duration> (sent_.rtt ().probe_delay (), milliseconds (250));
}

void DatagramLink::timeout (TimePoint now, bool all_read)
{
  if (state_ == State::connecting)
    timeout_handshake (now);
  if (state_ == State::closing)
    timeout_close (now);
  if (state_ != State::established)
    return;
  if (now >= after (last_received_, config_.timeout)) {
    fault (DatagramFault::timed_out, true);
    return;
  }
  const auto interval = ping_interval (config_.timeout);
  if (now >= last_eliciting_ + interval)
    ping_due_ = true;
  outbox_.expire (now, sent_.rtt ().probe_delay ());
  if (now >= sent_.deadline () && sent_.timeout (now) && !outbox_.has_repeat (now))
    ping_due_ = true;
  // One that never gets to the end of what comes must go on too.
  const TimePoint too_late = all_read ? now : now - longest_behind;
  if (too_late >= reassembly_.timeout () && reassembly_.advance (too_late))
    received_.want_ack (now);
  if (outbox_.backlog () > 0 && outbox_.blocked () && now >= forward_time_) {
    ping_due_ = true;
    forward_time_ = now + sent_.rtt ().probe_delay ();
  }
}

TimePoint DatagramLink::poll_timeout ()
{
  switch (state_) {
  case State::closed:
    return TimePoint::max ();
  case State::closing:
    return close_time_;
  case State::connecting:
    return std::min (syn_time_, connect_deadline_);
  case State::established:
    break;
  }
  TimePoint t = after (last_received_, config_.timeout);
  t = std::min (t, last_eliciting_ + ping_interval (config_.timeout));
  t = std::min (
      {t, outbox_.expiry (), sent_.deadline (), reassembly_.timeout (), received_.deadline ()});
  if (outbox_.backlog () > 0 && outbox_.blocked ())
    t = std::min (t, forward_time_);
  if (may_send_data ()) {
    if (outbox_.has_new () || outbox_.has_repeat (TimePoint::min ()))
      t = std::min (t, pacer_.next ());
    else
      t = std::min (t, std::max (outbox_.repeat_time (), pacer_.next ()));
  }
  return t;
}
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "congestion_control.h"
#include <algorithm>
#include <cmath>

namespace reach::rtc {
namespace {
// The fast one is for the first probe, which tells how much there is: soon, as the picture is bad
// until then. Later ones begin with feedback. Each is a wake-up for each peer.
constexpr Duration tick = milliseconds (25), slow_tick = milliseconds (500), silence = seconds (1);
constexpr double enough = 0.98;                 // of the maximum
constexpr double backoff = 0.85, growth = 1.08; // growth: per second
// What an overuse has left in queues is let out of them before anything else.
constexpr Duration queue_limit = milliseconds (80), drain_time = seconds (5);
constexpr double drain = 0.8;
constexpr Duration short_queue = milliseconds (15), leap_queue = milliseconds (50);
constexpr double probe_seconds = 0.015;
constexpr unsigned probe_packets = 5;

double in_seconds (Duration d)
{
  return std::chrono::duration<double> (d).count ();
}
} // namespace

CongestionController::CongestionController (const Config &config, TimePoint now)
    : config_ (config), log_ (config.log), loss_ (config.max), rate_ (config.start),
      estimate_ (config.start), next_ (now), increased_ (now), heard_ (now)
{
  set_limits (config.min, config.max);
}

void CongestionController::set_limits (double min, double max)
{
  config_.min = min;
  config_.max = std::max (min, max);
  rate_ = std::clamp (rate_, config_.min, config_.max);
  estimate_ = std::clamp (estimate_, config_.min, config_.max);
  loss_.set_max (config_.max);
  pacer_.set_rate (estimate_, config_.pacing);
}

std::uint16_t CongestionController::sent (std::size_t bytes, TimePoint now)
{
  if (log_.in_flight () == 0)
    heard_ = now; // silence counts from here
  const std::uint16_t cluster = pacer_.sent (bytes, now);
  return log_.sent (bytes, now, cluster);
}

void CongestionController::input (const TwccFeedback &f, TimePoint now)
{
  stats_.feedbacks++;
  heard_ = now_ = now;
  take (log_.feedback (f), now);
  maybe_probe (now);
}

void CongestionController::take (std::span<const PacketResult> results, TimePoint now)
{
  std::int64_t lost = 0, total = 0;
  std::optional<ProbeResults::Result> probed;
  std::optional<TimePoint> newest;
  for (const PacketResult &p : results) {
    if (!p.received) {
      lost++;
      total++;
      continue;
    }
    lost -= p.was_lost;
    total += !p.was_lost;
    newest = newest ? std::max (*newest, p.sent) : p.sent;
    acked_.input (p.size, p.arrival);
    queue_.input (p.sent, p.arrival, now);
    if (p.cluster == 0)
      detector_.input (p.sent, p.arrival);
    else if (const auto r = probes_.input (p))
      probed = r;
  }
  // The time to the last packet and back, and what the feedback waited: the smallest counts.
  if (newest)
    rtt_ =
        std::min<Duration> (rtt_ + rtt_ / 50, std::max<Duration> (now - *newest, milliseconds (1)));
  loss_.input (lost, total);
  loss_.update (estimate_, rtt_, now);
  adapt (detector_.state (), now);
  if (probed && detector_.state () != PathUse::over)
    apply (*probed, now);
  combine ();
}

void CongestionController::adapt (PathUse use, TimePoint now)
{
  if (use == PathUse::over) {
    // Its effect takes a round trip to be seen; far too fast is worth another step before.
    // Queues that are short yet are worth to wait, no more; and what has come through says too
    // little while it is of before a leap.
    const bool leapt = now - leapt_ < seconds (1) + rtt_;
    if (queue_.value () < (leapt ? leap_queue : short_queue)) {
      state_ = State::hold;
      return;
    }
    const Duration pause = std::clamp<Duration> (rtt_, milliseconds (50), milliseconds (200));
    const auto acked = acked_.rate ();
    if (now - decreased_ >= pause || (acked && rate_ > 2 * *acked))
      decrease (now);
    state_ = State::hold;
  } else if (use == PathUse::under || draining ())
    state_ = State::hold; // queues run empty: let them
  else if (state_ == State::hold) {
    state_ = State::increase;
    increased_ = now;
  } else
    increase (now);
}

void CongestionController::decrease (TimePoint now)
{
  stats_.overuses++;
  const auto acked = acked_.rate ();
  const double target = acked ? backoff * *acked : rate_ / 2;
  if (now - decreased_ > seconds (3))
    before_drop_ = rate_;
  decreased_ = now;
  if (acked) {
    // A link that is another one now.
    const double off = capacity_ > 0 ? std::abs (*acked - capacity_) / capacity_ : 0;
    if (capacity_ == 0 || off > 0.5)
      capacity_ = *acked;
    else
      capacity_ += 0.1 * (*acked - capacity_);
  }
  rate_ = std::clamp (std::min (rate_, target), config_.min, config_.max);
}

// Near what the link was last known to carry by a packet per round trip, else by 8 % a second; not
// far beyond what is really sent, as nothing is known of that.
void CongestionController::increase (TimePoint now)
{
  const double passed = std::min (in_seconds (now - increased_), 1.0);
  increased_ = now;
  const auto acked = acked_.rate ();
  if (acked && capacity_ > 0 && *acked > capacity_ * 1.15)
    capacity_ = 0;
  const bool near = capacity_ > 0 && rate_ > capacity_ * backoff;
  const double response = in_seconds (rtt_) + 0.1;
  const double step = near ? std::max (1000 * 8 / response, 4000.0) * passed
                           : std::max (rate_ * (std::pow (growth, passed) - 1), 1000 * passed);
  const double limit = acked ? 1.5 * *acked + 10000 : config_.max;
  if (rate_ < limit)
    rate_ = std::clamp (std::min (rate_ + step, std::max (limit, rate_)), config_.min, config_.max);
}

void CongestionController::apply (const ProbeResults::Result &r, TimePoint now)
{
  const bool leap = r.rate > rate_ * 1.3;
  // What overtakes the estimate by little is within the error of so few packets.
  if (r.rate > rate_ * 1.05) {
    rate_ = std::min (r.rate, config_.max);
    capacity_ = 0;
    increased_ = leapt_ = now;
    loss_.raise (rate_);
  }
  if ((r.kept_up || leap) && r.cluster == cluster_ && !pacer_.probing ())
    probe (2 * r.rate, now);
}

bool CongestionController::draining () const
{
  return queue_.value () > queue_limit && now_ - decreased_ < drain_time;
}

void CongestionController::combine ()
{
  double e = std::min (rate_, loss_.rate ());
  if (remb_ > 0)
    e = std::min (e, remb_);
  if (draining ())
    e *= drain;
  estimate_ = std::clamp (e, config_.min, config_.max);
  // What loss holds down delay does not run away from.
  rate_ = std::min (rate_, std::max (estimate_ * 2, config_.min));
  pacer_.set_rate (estimate_, config_.pacing);
}

void CongestionController::probe (double rate, TimePoint now)
{
  rate = std::min (rate, config_.max * 1.2);
  const bool full = estimate_ >= config_.max * enough;
  if (!config_.probing || pacer_.probing () || full || rate < estimate_ * 1.1)
    return;
  cluster_ = cluster_ == TwccSender::max_cluster ? 1 : cluster_ + 1;
  const auto bytes = static_cast<std::size_t> (rate * probe_seconds / 8);
  probes_.start (cluster_, rate, bytes, probe_packets);
  pacer_.start ({cluster_, rate, bytes, probe_packets}, now);
  probed_ = now;
  stats_.probes++;
}

// At the start, back to where it was after a drop, and now and then. Padding is what was sent
// before: a probe that is the first to send anything is lost.
void CongestionController::maybe_probe (TimePoint now)
{
  const bool clear = state_ == State::increase && loss_.fraction () < 0.1 && sending ();
  if (!clear || now - decreased_ < milliseconds (500))
    return;
  if (stats_.probes == 0)
    probe (3 * estimate_, now);
  else if (now - probed_ >= config_.probe_interval) {
    const bool dropped = before_drop_ > 1.5 * estimate_ && now - decreased_ < seconds (5);
    probe (dropped ? std::max (backoff * before_drop_, 2 * estimate_) : 2 * estimate_, now);
    before_drop_ = 0;
  }
}

void CongestionController::input_report (double fraction_lost, Duration rtt, TimePoint now)
{
  if (stats_.feedbacks > 0)
    return; // which says the same, and sooner
  rtt_ = rtt;
  heard_ = now;
  loss_.report (fraction_lost);
  loss_.update (estimate_, rtt_, now);
  adapt (PathUse::normal, now);
  combine ();
}

void CongestionController::timeout (TimePoint now)
{
  if (now < next_)
    return;
  now_ = now;
  // No word of what was sent: the path may be full, or gone.
  const bool flying =
      stats_.feedbacks > 0 && log_.in_flight () > 0 && now - log_.last_sent () < silence;
  if (flying && now - heard_ > silence + 3 * rtt_) {
    heard_ = now - silence / 2 - 3 * rtt_;
    rate_ = std::max (rate_ * 0.8, config_.min);
    combine ();
  }
  maybe_probe (now);
  const bool first_probe = config_.probing && stats_.probes == 0 && sending ();
  const bool full = estimate_ >= config_.max * enough;
  next_ = now + (first_probe && !full ? tick : slow_tick);
  if (flying)
    next_ = std::clamp<TimePoint> (heard_ + silence + 3 * rtt_, now + tick, next_);
}

std::optional<double> CongestionController::poll_change ()
{
  if (std::abs (estimate_ - told_) < told_ * 0.02)
    return {};
  told_ = estimate_;
  return estimate_;
}

CongestionController::Stats CongestionController::stats () const
{
  Stats s = stats_;
  s.delay_rate = rate_;
  s.loss_rate = loss_.rate ();
  s.acked_rate = acked_.rate ().value_or (0);
  s.loss = loss_.fraction ();
  s.rtt = rtt_;
  s.queue = queue_.value ();
  return s;
}
} // namespace reach::rtc

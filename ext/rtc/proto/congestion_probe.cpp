// SPDX-License-Identifier: LGPL-2.1-or-later
#include "congestion_probe.h"
#include <algorithm>

namespace reach::rtc {
void ProbeResults::start (std::uint16_t cluster, double rate, std::size_t bytes, unsigned packets)
{
  place_ = (place_ + 1) % clusters_.size ();
  clusters_[place_] = {};
  clusters_[place_].id = cluster;
  clusters_[place_].rate = rate;
  clusters_[place_].wanted_bytes = bytes;
  clusters_[place_].wanted = packets;
}

std::optional<ProbeResults::Result> ProbeResults::input (const PacketResult &p)
{
  const auto c = std::ranges::find (clusters_, p.cluster, &Cluster::id);
  if (p.cluster == 0 || c == clusters_.end ())
    return {};
  if (c->packets == 0 || p.sent < c->first_sent)
    c->first_sent = p.sent;
  if (c->packets == 0 || p.sent >= c->last_sent) {
    c->last_sent = p.sent;
    c->last_size = p.size;
  }
  if (c->packets == 0 || p.arrival < c->first_arrival) {
    c->first_arrival = p.arrival;
    c->first_size = p.size;
  }
  c->last_arrival = c->packets == 0 ? p.arrival : std::max (c->last_arrival, p.arrival);
  c->packets++;
  c->bytes += p.size;
  if (c->packets * 5 < c->wanted * 4 || c->bytes * 5 < c->wanted_bytes * 4 || c->packets < 4)
    return {};
  using Seconds = std::chrono::duration<double>;
  const double left = Seconds (c->last_sent - c->first_sent).count ();
  const double came = Seconds (c->last_arrival - c->first_arrival).count ();
  if (left <= 0 || came <= 0 || left > 1 || came > 1)
    return {};
  const double send_rate = static_cast<double> (c->bytes - c->last_size) * 8 / left;
  const double receive_rate = static_cast<double> (c->bytes - c->first_size) * 8 / came;
  // Much faster than they left: something on the way held them and let them go at once.
  if (receive_rate > 2 * send_rate)
    return {};
  Result r;
  r.cluster = p.cluster;
  r.rate = std::min (send_rate, receive_rate);
  r.kept_up = receive_rate >= 0.8 * send_rate && r.rate >= 0.7 * c->rate;
  if (!r.kept_up)
    r.rate *= 0.95;
  return r;
}
} // namespace reach::rtc

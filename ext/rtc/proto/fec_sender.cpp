// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fec_sender.h"
#include <algorithm>
#include <array>

namespace reach::rtc {
void FecSender::media (const RtpPacket &p)
{
  if (due_ > 0)
    count_ = due_ = made_ = 0;
  if (count_ == kept_.size ())
    kept_.emplace_back ();
  kept_[count_++].assign (p.bytes ().begin (), p.bytes ().end ());
  credit_ += percentage_;
  // Small frames share one.
  if ((p.marker () && credit_ >= 100) || count_ == most) {
    due_ = std::min<std::size_t> (std::max (credit_ / 100, 1u), count_);
    credit_ -= std::min (credit_, static_cast<unsigned> (due_) * 100);
  }
}

// Each is about every n-th packet, so that neighbours, which mostly are lost together, are in
// different ones.
std::size_t FecSender::poll (std::span<std::uint8_t> to)
{
  if (!due ())
    return 0;
  std::array<RtpPacket, most> group;
  std::size_t n = 0;
  for (std::size_t i = made_; i < count_; i += due_)
    if (const auto p = RtpPacket::parse (kept_[i]))
      group[n++] = *p;
  made_++;
  return protect (std::span (group).first (n), to);
}
} // namespace reach::rtc

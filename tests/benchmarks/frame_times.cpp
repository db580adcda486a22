// SPDX-License-Identifier: LGPL-2.1-or-later
#include "frame_times.h"

namespace reach::bench {

void FrameTimes::saw (std::uint32_t number, bool key, const FrameMark &mark, std::int64_t now)
{
  const bool hole = next_ != 0 && number != next_;
  holes_ += hole;
  holes_off_key_ += hole && !key;
  next_ = number + 1;
  seen_.push_back (
      {mark.sent_at, static_cast<float> (static_cast<double> (now - mark.sent_at) / 1e6)});
}

void FrameTimes::collect (std::int64_t since, std::vector<double> &to) const
{
  for (const Seen &s : seen_)
    if (s.sent_at >= since)
      to.push_back (s.ms);
}
} // namespace reach::bench

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam_times.h"
#include "common/proto/bytes.h"
#include <algorithm>

namespace reach::bench {
namespace {
constexpr std::uint8_t kind_frame = 18;
constexpr std::uint32_t flag_delta_unit = 1;
constexpr std::uint32_t flag_past = 512; // of the group before the join
} // namespace

void CamTimes::input (std::span<const char> in, std::int64_t now)
{
  while (!in.empty ()) {
    // The header first: it says how long the message is.
    const std::size_t length = got_ < header ? 0 : load_be<std::uint32_t> (head_.data () + 4);
    const std::size_t whole = header + length;
    std::size_t n = std::min (in.size (), whole - got_);
    if (got_ < head_.size ()) {
      n = std::min (n, head_.size () - got_);
      std::copy_n (in.begin (), n, head_.begin () + static_cast<std::ptrdiff_t> (got_));
    }
    got_ += n;
    in = in.subspan (n);
    if (got_ >= header && got_ == header + load_be<std::uint32_t> (head_.data () + 4)) {
      message_done (now);
      got_ = 0;
    }
  }
}

void CamTimes::message_done (std::int64_t now)
{
  if (head_[0] != kind_frame || got_ < looked_at)
    return;
  const auto flags = load_be<std::uint32_t> (head_.data () + header + 24);
  const auto number = load_be<std::uint32_t> (head_.data () + header + 28);
  const auto extension = load_be<std::uint16_t> (head_.data () + header + 32);
  const auto mark = FrameMark::parse (std::span (head_).subspan (header + frame_header));
  if ((flags & flag_past) == 0 && extension == 0 && mark)
    saw (number, (flags & flag_delta_unit) == 0, *mark, now);
}
} // namespace reach::bench

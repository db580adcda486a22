// SPDX-License-Identifier: LGPL-2.1-or-later
#include "framing.h"
#include <algorithm>
#include <utility>

namespace reach::turn {
FrameKind kind_of (Bytes frame)
{
  if (frame.empty ())
    return FrameKind::other;
  if (frame[0] < 4)
    return FrameKind::stun;
  return frame[0] >= 0x40 && frame[0] <= 0x4f ? FrameKind::channel : FrameKind::other;
}

std::optional<ChannelData> parse_channel_data (Bytes frame)
{
  if (frame.size () < channel_header || kind_of (frame) != FrameKind::channel)
    return {};
  const std::size_t n = load_be<std::uint16_t> (frame.data () + 2);
  const std::size_t there = frame.size () - channel_header;
  if (n > there || there - n > 3)
    return {};
  return ChannelData{load_be<std::uint16_t> (frame.data ()), frame.subspan (channel_header, n)};
}

void write_channel_header (std::uint8_t *to, std::uint16_t number, std::size_t size)
{
  store_be (to, number);
  store_be (to + 2, static_cast<std::uint16_t> (size));
}

void StreamFramer::input (Bytes in)
{
  in_ = failed_ ? Bytes{} : in;
}

void StreamFramer::reset ()
{
  in_ = {};
  partial_.clear ();
  failed_ = false;
}

std::optional<StreamFramer::Size> StreamFramer::measure (const std::uint8_t *head)
{
  const FrameKind kind = kind_of ({head, 1});
  const std::size_t n = load_be<std::uint16_t> (head + 2);
  const std::size_t size = n + (kind == FrameKind::stun ? 20 : channel_header);
  const Size s{(size + 3) & ~std::size_t{3}, size};
  failed_ = kind == FrameKind::other || s.whole > max_ || (kind == FrameKind::stun && n % 4 != 0);
  return failed_ ? std::nullopt : std::optional (s);
}

void StreamFramer::fill (std::size_t to)
{
  const std::size_t n = std::min (to - std::min (to, partial_.size ()), in_.size ());
  partial_.insert (partial_.end (), in_.begin (), in_.begin () + static_cast<std::ptrdiff_t> (n));
  in_ = in_.subspan (n);
}

std::optional<Bytes> StreamFramer::next ()
{
  if (failed_ || (in_.empty () && partial_.empty ()))
    return {};
  if (partial_.empty () && in_.size () >= channel_header) {
    const auto s = measure (in_.data ());
    if (!s)
      return {};
    if (in_.size () >= s->whole) {
      const Bytes frame = in_.first (s->without_padding);
      in_ = in_.subspan (s->whole);
      return frame;
    }
  }
  fill (channel_header);
  if (partial_.size () < channel_header)
    return {};
  const auto s = measure (partial_.data ());
  if (!s)
    return {};
  fill (s->whole);
  if (partial_.size () < s->whole)
    return {};
  std::swap (partial_, whole_);
  partial_.clear ();
  return Bytes (whole_).first (s->without_padding);
}

std::vector<std::uint8_t> StreamFramer::take_rest ()
{
  auto rest = std::exchange (partial_, {});
  rest.insert (rest.end (), in_.begin (), in_.end ());
  in_ = {};
  return rest;
}
} // namespace reach::turn

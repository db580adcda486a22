// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp_times.h"
#include "rtmp_words.h"

namespace reach::bench {

std::optional<RtmpFrame> RtmpFrame::parse (const RtmpMessages::Message &m)
{
  constexpr std::size_t prefix = 5; // frame type and codec, packet type, composition time
  if (m.type != rtmp::video || m.begin.size () < prefix || m.begin[1] != 1)
    return std::nullopt; // no frame
  const auto mark = FrameMark::parse (m.begin.subspan (prefix));
  if (!mark)
    return std::nullopt;
  return RtmpFrame{m.begin[0] >> 4 == 1, *mark};
}

void RtmpTimes::input (std::span<const char> in, std::int64_t now)
{
  messages_.input (in, [&] (const RtmpMessages::Message &m) {
    if (const auto frame = RtmpFrame::parse (m))
      saw (frame->mark.frame, frame->key, frame->mark, now);
  });
}
} // namespace reach::bench

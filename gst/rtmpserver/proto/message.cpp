// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message.h"

namespace reach::rtmp {
namespace {
constexpr std::size_t tag_header = 11; // of FLV

std::uint32_t u24 (const std::uint8_t *p)
{
  return static_cast<std::uint32_t> (p[0] << 16 | p[1] << 8 | p[2]);
}
} // namespace

std::optional<std::vector<Message>> split_aggregate (const Message &aggregate, std::size_t most)
{
  std::vector<Message> parts;
  const Bytes in = aggregate.payload.bytes;
  std::uint32_t first = 0; // in the sender's own time
  bool begun = false;
  for (std::size_t at = 0; at + tag_header <= in.size ();) {
    const std::uint8_t *h = in.data () + at;
    const std::size_t size = u24 (h + 1);
    const std::uint32_t time = u24 (h + 4) | static_cast<std::uint32_t> (h[7]) << 24;
    at += tag_header;
    if (size > in.size () - at)
      break;
    if (!begun)
      first = time;
    begun = true;
    Message m{static_cast<MessageType> (h[0] & 0x1f), aggregate.chunk_stream, aggregate.stream,
        aggregate.timestamp + (time - first), aggregate.payload.sub (at, size)};
    if (parts.size () == most)
      return {};
    if (m.type != MessageType::aggregate)
      parts.push_back (std::move (m));
    at += size + 4; // the back pointer, which nobody needs
  }
  return parts;
}
} // namespace reach::rtmp

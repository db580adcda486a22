// SPDX-License-Identifier: LGPL-2.1-or-later
// Words that SDP, JSEP and the layers above share.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reach::rtc {
enum class MediaKind : std::uint8_t { audio, video, application, other };

// Two bits, 1 to send and 2 to receive, so that `and` intersects.
enum class Direction : std::uint8_t { inactive, sendonly, recvonly, sendrecv };

constexpr Direction direction_of (bool send, bool receive)
{
  return static_cast<Direction> ((send ? 1 : 0) | (receive ? 2 : 0));
}
constexpr bool sends (Direction d)
{
  return (static_cast<unsigned> (d) & 1) != 0;
}
constexpr bool receives (Direction d)
{
  return (static_cast<unsigned> (d) & 2) != 0;
}
// As the peer sees it.
constexpr Direction reverse (Direction d)
{
  return direction_of (receives (d), sends (d));
}
constexpr Direction intersect (Direction a, Direction b)
{
  return direction_of (sends (a) && sends (b), receives (a) && receives (b));
}

std::string_view to_string (Direction d); // sendrecv, …
std::string_view to_string (MediaKind k);
std::optional<Direction> parse_direction (std::string_view text);

// One payload type of an m-line: rtpmap, fmtp and rtcp-fb.
struct Codec {
  std::uint8_t payload_type = 0;
  std::string name; // as in rtpmap; compared without case
  std::uint32_t clock_rate = 0;
  std::uint8_t channels = 1;
  std::string fmtp;                  // its parameters as they were written
  std::vector<std::string> feedback; // nack, nack pli, transport-cc, …

  bool operator== (const Codec &) const = default;
};

// a=rid (RFC 8851)
struct Rid {
  std::string id;
  bool send = false;
  std::string restrictions; // pt=…;max-width=…
  bool paused = false;      // as a=simulcast has it; in what was negotiated

  bool operator== (const Rid &) const = default;
};
} // namespace reach::rtc

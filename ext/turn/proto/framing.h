// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN messages and ChannelData on one path (RFC 8656, 12.4 and 12.5).
#pragma once
#include "common/proto/bytes.h"
#include <optional>
#include <vector>

namespace reach::turn {
inline constexpr std::uint16_t first_channel = 0x4000, last_channel = 0x4fff;
inline constexpr std::size_t channel_header = 4;

inline bool is_channel (std::uint16_t number)
{
  return number >= first_channel && number <= last_channel;
}

enum class FrameKind : std::uint8_t { stun, channel, other };
// By the first byte (RFC 7983, RFC 8656); what it says has yet to be checked.
FrameKind kind_of (Bytes frame);

struct ChannelData {
  std::uint16_t number;
  Bytes payload;
};
// A datagram, or a frame of StreamFramer. On UDP there may be padding, and nothing else, behind it;
// a length beyond the datagram drops it.
std::optional<ChannelData> parse_channel_data (Bytes frame);
void write_channel_header (std::uint8_t *to, std::uint16_t number, std::size_t size);

// Cuts a byte stream into frames. Frames that lie whole in an input are parts of it; of the others
// there is a copy. All that next () gave since the last input () stay valid until the next one.
class StreamFramer {
public:
  // max: of a frame with its padding. A longer one fails before it is stored.
  explicit StreamFramer (std::size_t max = 65536 + 20) : max_ (max) {}

  // next () first took all that it had.
  void input (Bytes in);
  std::optional<Bytes> next (); // without padding
  // The peer is out of step: close the connection.
  bool failed () const { return failed_; }
  // What came behind the last frame, of which only a part may be here: the stream is another
  // protocol's from there on.
  std::vector<std::uint8_t> take_rest ();
  void reset ();

private:
  struct Size {
    std::size_t whole, without_padding;
  };
  std::optional<Size> measure (const std::uint8_t *head);
  void fill (std::size_t to);

  std::size_t max_;
  Bytes in_;
  std::vector<std::uint8_t> partial_, whole_;
  bool failed_ = false;
};
} // namespace reach::turn

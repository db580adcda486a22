// SPDX-License-Identifier: LGPL-2.1-or-later
// A media message as it is written to a socket: made once, stamped for each frame, so that a load
// costs its sender little more than the writing.
#pragma once
#include <cstdint>
#include <string>

namespace reach::bench {

inline constexpr std::uint32_t loop_chunk_size = 65536; // of send-loop's

class RtmpImage {
public:
  // Of H.264 or AAC frames of that many bytes, a FrameMark first.
  RtmpImage (std::uint8_t type, std::size_t size, std::uint32_t chunk_size);
  // The message with this number, timestamp, and the time now; valid until the next call.
  const std::string &stamp (std::uint32_t frame, std::uint32_t ms, bool key);

private:
  static constexpr std::size_t header = 12;
  const bool video_;
  const std::size_t size_;
  std::string text_;
};

// What goes before frames: the decoder's configuration.
std::string rtmp_configuration (bool sound);
} // namespace reach::bench

// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts what an RTMP server sends into messages (RTMP 1.0, 5.3), of which it keeps only the
// beginning.
#pragma once
#include "common/proto/bytes.h"
#include <array>
#include <functional>

namespace reach::bench {

class RtmpMessages {
public:
  struct Message {
    std::uint8_t type = 0;
    std::size_t size = 0;
    Bytes begin;
  };
  using Handler = std::function<void (const Message &)>;
  static constexpr std::size_t handshake = 1 + 2 * 1536;

  // skip: bytes in front of the first chunk.
  explicit RtmpMessages (std::size_t skip = handshake, std::uint32_t chunk_size = 128)
      : skip_ (skip), chunk_size_ (chunk_size)
  {
  }
  // Any split of the bytes.
  void input (std::span<const char> in, const Handler &handler);
  bool shaken () const { return skip_ == 0; }

private:
  struct Stream {
    std::uint32_t id = 0;
    std::uint8_t type = 0;
    bool extended = false;
    std::size_t length = 0, got = 0; // of the message
    std::array<std::uint8_t, 160> begin{};
  };
  std::size_t header_size () const;
  std::size_t basic_size () const;
  Stream &stream ();
  void begin_chunk ();
  void take_payload (std::span<const char> in);
  void finish (const Handler &handler);

  std::size_t skip_;
  std::uint32_t chunk_size_;
  std::vector<Stream> streams_;
  std::array<std::uint8_t, 18> head_{};
  std::size_t head_got_ = 0, left_ = 0; // of the chunk's payload
  std::size_t now_ = 0;                 // index of the chunk's stream
};
} // namespace reach::bench

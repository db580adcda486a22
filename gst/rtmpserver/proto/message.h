// SPDX-License-Identifier: LGPL-2.1-or-later
// RTMP messages (RTMP 1.0, 5.4, 6.2 and 7.1), as the chunk reader gives them out.
#pragma once
#include "common/proto/slice.h"
#include <optional>
#include <vector>

namespace reach::rtmp {
enum class MessageType : std::uint8_t {
  set_chunk_size = 1,
  abort = 2,
  acknowledgement = 3,
  user_control = 4,
  window_ack_size = 5,
  set_peer_bandwidth = 6,
  audio = 8,
  video = 9,
  data_amf3 = 15,
  shared_object_amf3 = 16,
  command_amf3 = 17,
  data_amf0 = 18,
  shared_object_amf0 = 19,
  command_amf0 = 20,
  aggregate = 22,
};
constexpr bool is_media (MessageType t)
{
  return t == MessageType::audio || t == MessageType::video || t == MessageType::aggregate;
}

enum class UserControl : std::uint16_t {
  stream_begin = 0,
  stream_eof = 1,
  stream_dry = 2,
  set_buffer_length = 3,
  stream_is_recorded = 4,
  ping_request = 6,
  ping_response = 7,
};

struct Message {
  MessageType type{};
  std::uint32_t chunk_stream = 0;
  std::uint32_t stream = 0;    // message stream id; 0: the connection itself
  std::uint32_t timestamp = 0; // absolute, ms; a serial number that wraps
  Slice payload;
};

// The messages in an aggregate, in order, their payloads by reference. What is cut off at the end
// is left out, and so is an aggregate within one. Nothing when there are more than `most`.
std::optional<std::vector<Message>> split_aggregate (const Message &aggregate, std::size_t most);
} // namespace reach::rtmp

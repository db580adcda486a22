// SPDX-License-Identifier: LGPL-2.1-or-later
// What one connection may cost. Every limit is a field, so that a server can set and a test can
// reach it.
#pragma once
#include "common/proto/time.h"
#include <cstddef>

namespace reach::rtmp {
struct Limits {
  // Chunks
  std::size_t chunk_streams = 64;          // chunk stream ids that a peer uses
  std::size_t message = 4u << 20;          // bytes of one message
  std::size_t command = 64u << 10;         // bytes of one message that is not media
  std::size_t partial = 8u << 20;          // storage of all messages under way together
  std::size_t aggregate_parts = 4096;      // messages in one aggregate
  std::size_t before_publish = 256u << 10; // the same until the peer is let in to publish

  // AMF, per message
  std::size_t amf_depth = 32;         // objects within objects
  std::size_t amf_values = 4096;      // values, also those that references repeat
  std::size_t amf_repeated = 256;     // of them, those that references repeat: little on the wire
  std::size_t amf_string = 64u << 10; // bytes of one string
  std::size_t amf_bytes = 256u << 10; // strings and byte arrays, also those that references repeat

  // Session
  std::size_t net_streams = 16;
  std::size_t transactions = 64;     // of each side, waiting for their answer
  std::size_t replies = 256u << 10;  // bytes of replies that wait to be sent
  Duration handshake = seconds (10); // until the connect command has come
  Duration ping = seconds (20);      // between ping requests
  Duration idle = seconds (60);      // nothing came; zero: never
};
} // namespace reach::rtmp

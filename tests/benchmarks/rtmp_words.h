// SPDX-License-Identifier: LGPL-2.1-or-later
// What clients of an RTMP server say, written out here: the bytes on the wire are the contract, not
// the library's encoder.
#pragma once
#include "common/proto/bytes.h"

namespace reach::bench::rtmp {

enum : std::uint8_t { chunk_size_message = 1, audio = 8, video = 9, data = 18, command = 20 };

// The plain handshake. C2 is said to all that the server may have said.
std::string first_hello ();  // C0, C1
std::string second_hello (); // C2
std::string connect ();      // to the application "live"
std::string create_stream ();
std::string play (const std::string &name);    // on stream 1
std::string publish (const std::string &name); // on stream 1
std::string metadata (bool sound);             // H.264, perhaps AAC
std::string acknowledge (std::uint64_t bytes);
std::string announce_chunk_size (std::uint32_t size);

// A message, in chunks of at most that many bytes.
std::string message (std::uint8_t chunk_stream, std::uint8_t type, std::uint8_t stream, Bytes body,
    std::uint32_t chunk_size = 128);
} // namespace reach::bench::rtmp

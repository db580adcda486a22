// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts the messages of a peer together from their chunks (RTMP 1.0, 5.3). Sans-IO: feed bytes, take
// messages. Set Chunk Size and Abort take effect here, and are given out like the rest.
//
// A length that a peer announces costs nothing: storage grows as bytes come, and what all messages
// under way hold together is bounded.
#pragma once
#include "common/proto/fifo.h"
#include "limits.h"
#include "message.h"
#include "storage.h"
#include <array>
#include <memory>
#include <optional>

namespace reach::rtmp {
class ChunkReader {
public:
  enum class Fault : std::uint8_t {
    none,
    too_many_chunk_streams,
    message_too_big,
    too_much_storage, // messages under way
    refused_storage,
    no_header,   // a chunk stream begins with a header that leaves fields out
    interrupted, // another message begins within an unfinished one
    bad_control, // Set Chunk Size or Abort
  };
  static constexpr std::size_t min_kept = 16u << 10; // less is copied, and does not hold its slab

  ChunkReader (StorageSource &storage, const Limits &l) : storage_ (storage), limits_ (l) {}

  // For messages under way together, from now on; also no message may be longer.
  void limit (std::size_t bytes) { most_ = bytes; }
  // Any split is fine. Stops with a fault at the first bad chunk; messages before it are still
  // given out. Drain poll () after each call.
  void input (Bytes in);
  std::optional<Message> poll ();

  Fault fault () const { return fault_; }
  std::uint32_t chunk_size () const { return chunk_size_; }

private:
  static constexpr std::size_t max_header = 18;
  struct Stream {
    std::uint32_t id = 0;
    Message header;           // of the last message, or of the one under way
    std::uint32_t field = 0;  // timestamp or delta, as the last header had it
    std::uint32_t length = 0; // of the message
    bool known = false, extended = false;
    bool under_way = false;
    std::size_t got = 0;
    Counted<Storage> storage;
    std::span<std::uint8_t> room;
  };
  struct Header {
    std::size_t size = 0; // of the whole chunk header; 0: more bytes are needed
    unsigned format = 0;
    std::uint32_t id = 0, field = 0, length = 0, message_stream = 0;
    std::uint8_t type = 0;
    bool extended = false;
  };

  Bytes take_header (Bytes in);
  Header parse (Bytes in);
  bool parse_extended (Header &h, Bytes in, const Stream *s);
  Stream *find (std::uint32_t id);
  Stream *add (std::uint32_t id);
  void begin_chunk (const Header &h);
  bool begin_message (Stream &s, const Header &h);
  Bytes take_payload (Bytes in);
  bool reserve (Stream &s, std::size_t n, std::size_t in_sight);
  bool keep (Stream &s, Bytes in);
  void finish (Stream &s, Slice payload);
  void release (Stream &s);
  void control (const Message &m);
  void stop (Fault f);

  StorageSource &storage_;
  Limits limits_;
  std::size_t most_ = SIZE_MAX;
  std::vector<std::unique_ptr<Stream>> streams_;
  Stream *stream_ = nullptr;   // of the chunk under way
  std::size_t chunk_left_ = 0; // its payload still to come
  std::uint32_t chunk_size_ = 128;
  std::array<std::uint8_t, max_header> head_{}; // of a header that input () ended in
  std::size_t head_size_ = 0;
  bool omits_ = false;      // the peer leaves extended timestamps out of type 3 chunks
  std::size_t partial_ = 0; // storage of messages under way
  Fifo<Message, 64> done_;  // not polled yet
  Fault fault_ = Fault::none;
};
const char *fault_name (ChunkReader::Fault f);
} // namespace reach::rtmp

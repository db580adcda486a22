// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages cut into chunks: small ones of our own, and media for any number of players.
#pragma once
#include "message.h"
#include <array>
#include <map>

namespace reach::rtmp {
// The chunk stream of what is sent: control 2, commands 3, and for each kind of media of each
// NetStream one of its own, so that its chunks may be mixed with all others.
std::uint32_t chunk_stream_of (MessageType type, std::uint32_t stream);

// Our own messages, with headers as short as they can be. One side of one connection.
class ChunkWriter {
public:
  // Of what is written from now on; the peer has to be told first.
  void set_chunk_size (std::uint32_t size) { chunk_size_ = size; }
  std::uint32_t chunk_size () const { return chunk_size_; }
  // All chunks of the message, appended to `to`.
  void write (std::uint32_t chunk_stream, const Message &m, ByteWriter &to);

private:
  struct Last {
    std::uint32_t stream, timestamp, delta;
    std::size_t length;
    MessageType type;
    bool has_delta; // it was not a type 0
  };
  unsigned format_of (const Last &last, const Message &m) const;

  std::uint32_t chunk_size_ = 128;
  std::map<std::uint32_t, Last> last_; // by chunk stream, of which we use few
};

// One media message for all players that have the same chunk size and the same stream id: its chunk
// headers are made once, the payload is referenced. Not changed after it was made; any thread.
class SharedChunks final : public Shared {
public:
  // A message of one chunk and up to this many bytes is copied behind its header: what is written
  // to each of hundreds of players is one piece then.
  static constexpr std::size_t max_joined = 16u << 10;
  // Or not, where it is for few: then it refers to the payload, however small.
  enum class Join : std::uint8_t { small, never };

  SharedChunks (MessageType type, std::uint32_t timestamp, Slice payload, std::uint32_t stream,
      std::uint32_t chunk_size, Join join = Join::small)
      : SharedChunks (type, timestamp, std::move (payload), stream, chunk_size,
            chunk_stream_of (type, stream), join)
  {
  }
  // On another chunk stream than that of its kind.
  SharedChunks (MessageType type, std::uint32_t timestamp, Slice payload, std::uint32_t stream,
      std::uint32_t chunk_size, std::uint32_t chunk_stream, Join join = Join::small);

  // A chunk's header, and its part of the payload, which is empty where both are one piece.
  struct Chunk {
    Slice head, body;
  };
  std::size_t count () const { return count_; }
  Chunk chunk (std::size_t i) const;
  std::size_t size () const; // bytes on the wire, all chunks

  MessageType type () const { return type_; }
  std::uint32_t timestamp () const { return timestamp_; }
  Slice payload () const;
  std::uint32_t stream () const { return stream_; }
  std::uint32_t chunk_stream () const { return chunk_stream_; }
  std::uint32_t chunk_size () const { return chunk_size_; }

private:
  Counted<const Shared> self () const;

  const MessageType type_;
  const std::uint32_t timestamp_, stream_, chunk_stream_, chunk_size_;
  const Join join_;
  bool joined () const { return join_ == Join::small && count_ == 1 && size_ <= max_joined; }

  Slice payload_; // empty where it is in first_
  const std::size_t size_;
  std::size_t count_;
  std::vector<std::uint8_t> first_;       // its header, perhaps with the payload behind it
  std::array<std::uint8_t, 7> further_{}; // the header of each further chunk
  std::size_t further_size_;
};
using SharedChunksRef = Counted<const SharedChunks>;
} // namespace reach::rtmp

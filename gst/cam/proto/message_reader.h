// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts a byte stream (TCP, HTTP) into messages. Sans-IO: feed bytes, take messages.
//
// A message's storage is asked for once its header has passed the limits, and is filled once.
// Whoever owns the socket may read a large message straight into it: direct () and filled (). What
// was read into area () stays there without a copy where that is worth it.
#pragma once
#include "close_reason.h"
#include "incoming.h"
#include <limits>

namespace reach::cam {

class MessageReader {
public:
  // Both count the 8-byte header. Control is every kind but frame and file_data.
  struct Limits {
    std::size_t max_message = 16u << 20;
    std::size_t max_control = 256u << 10;
  };
  enum class Fault : std::uint8_t { none, too_big, unknown_kind, refused_storage, too_short };
  // Less than this is not worth a read of its own.
  static constexpr std::size_t min_direct = 8u << 10;
  // Of one input, or in one message: less is copied out of area ().
  static constexpr std::size_t min_kept = 16u << 10;

  explicit MessageReader (StorageSource &frames) : MessageReader (frames, Limits{}) {}
  MessageReader (StorageSource &frames, Limits l) : frames_ (frames), limits_ (l) {}

  // Of the messages that begin from now on, whatever the kind allows; max (): no more than that.
  void limit (std::size_t most) { most_ = most; }
  // Any split is fine. Stops with a fault at the first bad header; messages before it are still
  // delivered, nothing is after it. Drain poll () after each call: what waits is what one call
  // brought.
  void input (Bytes in);
  std::optional<Incoming> poll ();

  // Where the next bytes of a large message under way belong, else empty.
  std::span<std::uint8_t> direct ();
  // Where the bytes behind those are best read to, so that messages can stay there; empty:
  // anywhere.
  std::span<std::uint8_t> area () { return frames_.area (); }
  // n bytes were written to direct (), from its start.
  void filled (std::size_t n);

  Fault fault () const { return fault_; }

private:
  Fault check (const MessageHeader &h) const;
  std::size_t keep (Bytes in, bool much);
  void begin ();
  void finish_if_full ();
  void stop (Fault f);

  StorageSource &frames_;
  Limits limits_;
  std::size_t most_ = std::numeric_limits<std::size_t>::max ();
  std::array<std::uint8_t, MessageHeader::size> head_{};
  std::size_t head_size_ = 0;
  std::unique_ptr<Storage> storage_; // of the message under way
  std::span<std::uint8_t> rest_;     // its part still to be filled
  std::vector<Incoming> done_;
  std::size_t next_ = 0; // the first of done_ not polled yet
  Fault fault_ = Fault::none;
};
const char *fault_name (MessageReader::Fault f);
CloseReason close_reason (MessageReader::Fault f); // of the link that is read from
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
// The messages of the cam protocol (docs/protocol-cam.md, "Messages"), the same over TCP, HTTP and
// UDP. Every message is an 8-byte header and `length` further bytes.
#pragma once
#include "common/proto/slice.h"
#include "common/proto/time.h"
#include <array>
#include <optional>

namespace reach::cam {

enum class MediaType : std::uint8_t { video = 0, audio = 1, data = 2, command = 3, file = 4 };
constexpr std::size_t n_media_types = 5;
constexpr std::uint8_t type_bit (MediaType t)
{
  return static_cast<std::uint8_t> (1u << static_cast<unsigned> (t));
}
constexpr std::uint8_t all_types = 0x1f;
const char *media_type_name (MediaType t); // "video", "audio", "data", "command", "file"

enum class Kind : std::uint8_t {
  // Handshake
  hello = 1,   // first message of the side that connects
  welcome = 2, // the accepting side's answer
  refuse = 3,  // the accepting side's other answer, then it closes
  bye = 4,     // orderly end of this link, with a reason
  // Keeping the link
  ping = 5,
  pong = 6,
  request = 7,  // receiver → sender, pull: byte credits
  key_unit = 8, // receiver → sender: this stream needs a key frame
  streams = 9,  // sender → receiver: the whole stream list again, after a change
  // Links of a media server
  source = 10,       // server → receiver: a sender whose media it gets
  source_clock = 11, // server → receiver: a clock sample of it
  ask = 12,          // client → server
  answer = 13,       // server → client
  notice = 14,       // server → client: of others
  // One stream, in order with its frames
  caps = 16,
  tags = 17,
  frame = 18,
  gap = 19,
  eos = 20,
  // Commands and files
  command = 32,
  command_ack = 33,
  file_begin = 34,
  file_data = 35,
  file_end = 36,
  file_ack = 37,
  file_abandon = 38,
};

struct MessageHeader {
  static constexpr std::size_t size = 8;
  Kind kind{};
  std::uint8_t flags = 0;
  std::uint16_t stream = 0; // the sender's stream number (StreamInfo::id); 0 where none is meant
  std::uint32_t length = 0; // bytes behind this header

  static MessageHeader parse (std::span<const std::uint8_t, size> in);
  void write (std::uint8_t *out) const;
};

// Buffer flags as they travel (FrameHeader::flags).
enum FrameFlag : std::uint32_t {
  frame_delta_unit = 1u << 0,
  frame_discont = 1u << 1,
  frame_header = 1u << 2,
  frame_marker = 1u << 3,
  frame_droppable = 1u << 4,
  frame_gap = 1u << 5,
  frame_corrupted = 1u << 6,
  frame_live = 1u << 7,
  frame_resync = 1u << 8,
  frame_past = 1u << 9, // older than the join: to be decoded, not shown
};

// MessageHeader::flags of tags: they are of the whole medium, not of this stream alone.
constexpr std::uint8_t tags_global = 1;

constexpr std::int64_t no_time = INT64_MIN;

// The fixed part of a frame message; 48 bytes with the message header, so that the payload of a
// message kept in one block is 16-byte aligned.
struct FrameHeader {
  static constexpr std::size_t size = 40;
  static constexpr std::size_t max_extension = 1024;
  std::int64_t pts = no_time; // running time of the sender's run, ns
  std::int64_t dts = no_time;
  std::int64_t duration = no_time;
  std::uint32_t flags = 0;
  std::uint32_t seq = 0;       // counts the frames of its stream, so that a receiver sees drops
  std::uint16_t extension = 0; // bytes between this header and the payload, a multiple of 16

  static std::optional<FrameHeader> parse (Bytes in);
  void write (std::uint8_t *out) const;
};

// A message ready to be sent: made once, shared by every receiver.
class Message : public Shared {
public:
  static constexpr std::size_t max_head = 128;

  MessageHeader header;
  MediaType type = MediaType::video;
  bool key = true;        // a decoder can start here
  bool droppable = false; // media: may be dropped by queue policy
  bool reliable = true;   // over UDP: repeated until acknowledged, else until its deadline
  TimePoint created{};
  // Of a frame, as in its header: queues look at them for each receiver.
  std::uint32_t frame_flags = 0, frame_seq = 0;
  std::int64_t frame_pts = no_time;

  Bytes head () const { return head_bytes_; } // starts with the 8-byte header
  Bytes body () const { return body_.bytes; }
  std::size_t size () const { return head_bytes_.size () + body_.size (); }

  // A control message: everything behind the header is `body`.
  static Counted<const Message> control (Kind kind, MediaType type, std::uint16_t stream,
      std::vector<std::uint8_t> body, TimePoint now, std::uint8_t flags = 0);
  // A frame; `extension` must be at most max_head - 48 bytes and a multiple of 16.
  static Counted<const Message> frame (MediaType type, std::uint16_t stream, FrameHeader fh,
      Bytes extension, Slice payload, TimePoint now);
  // A received stream message again, under another stream number: its body by reference. `flags`
  // are added to a frame's, else they are the message's. Empty: a frame whose body is none.
  // `place`: the 8 bytes in front of `body`, if its owner has them for this message: then the
  // header is written there, and what is sent is one piece.
  static Counted<const Message> routed (Kind kind, MediaType type, std::uint16_t stream,
      std::uint32_t flags, Slice body, TimePoint now, std::uint8_t *place = nullptr);

  // File data under another id, their payload by reference.
  static Counted<const Message> file_data (
      std::uint64_t id, std::uint64_t position, Slice payload, TimePoint now);

  Message () = default;

protected:
  void set_frame (MediaType type, std::uint16_t stream, FrameHeader fh, Bytes extension,
      Bytes payload, TimePoint now);

private:
  std::array<std::uint8_t, max_head> head_{};
  Bytes head_bytes_; // in head_, or in front of the body
  Slice body_;
};
using MessageRef = Counted<const Message>;
} // namespace reach::cam

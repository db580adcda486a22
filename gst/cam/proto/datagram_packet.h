// SPDX-License-Identifier: LGPL-2.1-or-later
// The packets of the cam protocol over UDP, byte by byte as in docs/protocol-cam-udp.md.
#pragma once
#include "datagram_types.h"

namespace reach::cam {

constexpr std::uint8_t datagram_version = 1;
constexpr std::uint64_t max_packet_number = (std::uint64_t{1} << 48) - 1;

// The first byte. Outside the ranges of STUN, DTLS and RTP, so that they can share a socket.
enum class PacketType : std::uint8_t {
  syn = 0xc1,
  cookie = 0xc2,
  accept = 0xc3,
  reject = 0xc4,
  data = 0xc8
};

enum class FrameType : std::uint8_t {
  padding = 0,
  ack = 1,
  fragment = 2,
  reliable_fragment = 3,
  ping = 4,
  path_challenge = 5,
  path_response = 6,
  close = 7,
  close_answer = 8,
  forward = 9,
};

using CookieBytes = std::array<std::uint8_t, Mac::size>;

// The client's first packet, and the same again with the cookie filled in.
struct SynPacket {
  static constexpr std::size_t size = 64;
  std::uint8_t version = datagram_version;
  std::uint16_t latency_ms = 0;
  std::uint32_t client_cid = 0; // what the server puts on packets to the client
  std::uint64_t client_id = 0;
  std::uint64_t number = 0;
  std::uint32_t first_message = 0;
  std::uint32_t message_window = 0, byte_window = 0;
  std::uint32_t bucket = 0;
  CookieBytes cookie{}; // all zero: none yet

  bool has_cookie () const { return cookie != CookieBytes{}; }
  static std::optional<SynPacket> parse (Bytes in);
  void write (std::span<std::uint8_t, size> out) const;
};

struct CookiePacket {
  static constexpr std::size_t size = 36;
  std::uint32_t client_cid = 0;
  std::uint64_t client_id = 0;
  std::uint32_t bucket = 0;
  CookieBytes cookie{};

  static std::optional<CookiePacket> parse (Bytes in);
  void write (std::span<std::uint8_t, size> out) const;
};

struct AcceptPacket {
  static constexpr std::size_t size = 64;
  std::uint16_t latency_ms = 0;
  std::uint32_t client_cid = 0;
  std::uint64_t client_id = 0;
  std::uint64_t number = 0;
  std::uint32_t first_message = 0;
  std::uint32_t message_window = 0, byte_window = 0;
  std::uint32_t server_cid = 0; // what the client puts on packets to the server

  static std::optional<AcceptPacket> parse (Bytes in);
  void write (std::span<std::uint8_t, size> out) const;
};

enum class RejectReason : std::uint8_t { version = 1, overload = 2 };
struct RejectPacket {
  static constexpr std::size_t size = 16;
  RejectReason reason = RejectReason::version;
  std::uint32_t client_cid = 0;
  std::uint64_t client_id = 0;

  static std::optional<RejectPacket> parse (Bytes in);
  void write (std::span<std::uint8_t, size> out) const;
};

struct DataHeader {
  static constexpr std::size_t size = 15;
  std::uint32_t cid = 0;
  std::uint64_t number = 0;
  std::uint32_t timestamp = 0; // µs of the sender's clock, low 32 bits

  static std::optional<DataHeader> parse (Bytes in);
  void write (std::uint8_t *out) const;
};

struct FragmentHeader {
  static constexpr std::size_t size = 23;
  bool reliable = false;
  std::uint32_t message = 0; // sequence, low 32 bits
  std::uint16_t reliable_before =
      0;                            // distance to the newest reliable message before; 0 = none near
  std::uint32_t created = 0;        // µs of the sender's clock, low 32 bits
  std::uint16_t since_previous = 0; // ms between the creation of the message before and of this one
  std::uint32_t total = 0;          // bytes of the whole message
  std::uint32_t offset = 0;
  std::uint16_t length = 0;

  void write (std::uint8_t *out) const;
};

// A run of packet numbers, both ends included.
struct NumberRange {
  std::uint64_t first = 0, last = 0;
};

struct AckFrame {
  static constexpr std::size_t max_ranges = 24;
  static constexpr std::size_t max_size = 18 + 4 * (max_ranges - 1);
  std::uint32_t delay_us = 0;
  std::uint32_t next_message = 0; // all before it are delivered or given up; low 32 bits
  std::size_t count = 0;
  std::array<NumberRange, max_ranges> ranges{}; // newest first

  std::size_t wire_size () const { return 18 + 4 * (count - 1); }
  void write (std::uint8_t *out) const;
};

// Walks the frames behind a data header.
class FrameReader {
public:
  explicit FrameReader (Bytes in) : in_ (in) {}
  // False at the end or when malformed.
  bool next ();
  bool malformed () const { return malformed_; }

  FrameType type = FrameType::padding;
  AckFrame ack;
  FragmentHeader fragment;
  Bytes payload;            // of a fragment
  std::uint64_t token = 0;  // of a path challenge or response
  std::uint8_t reason = 0;  // of a close
  std::uint32_t oldest = 0; // of a forward: the sender has nothing more of the messages before it

private:
  bool read_ack (ByteReader &r);
  bool read_fragment (ByteReader &r, bool reliable);
  Bytes in_;
  bool malformed_ = false;
};

inline void store_be48 (std::uint8_t *to, std::uint64_t v)
{
  store_be (to, static_cast<std::uint16_t> (v >> 32));
  store_be (to + 2, static_cast<std::uint32_t> (v));
}
inline std::uint64_t load_be48 (const std::uint8_t *from)
{
  return std::uint64_t{load_be<std::uint16_t> (from)} << 32 | load_be<std::uint32_t> (from + 2);
}
} // namespace reach::cam

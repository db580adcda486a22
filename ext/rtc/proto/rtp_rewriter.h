// SPDX-License-Identifier: LGPL-2.1-or-later
// One payloaded stream for one of many peers: header fields, payload type and header extensions are
// the peer's, the payload is the source's. No allocation per packet.
#pragma once
#include "rtp_packet.h"
#include <array>
#include <string>
#include <vector>

namespace reach::rtc {
struct RewriteRules {
  std::uint32_t ssrc = 0;
  std::uint32_t rtx_ssrc = 0; // 0: no RTX
  // Added to the source's.
  std::uint16_t sequence_offset = 0;
  std::uint32_t timestamp_offset = 0;
  std::uint16_t rtx_sequence = 0; // the first

  struct PayloadType {
    std::uint8_t source, peer;
    std::uint8_t rtx = 0; // its RTX, 0: none
  };
  std::vector<PayloadType> payload_types; // of the source's others nothing is sent; up to 16

  // Ids at the peer, 0: not agreed upon.
  std::uint8_t mid_id = 0, rid_id = 0, repaired_rid_id = 0, abs_send_time_id = 0, transport_id = 0;
  std::string mid, rid; // up to 16 bytes each; longer ones are not sent
  struct Kept {
    std::uint8_t source, peer;
  };
  std::vector<Kept> kept; // extensions of the source that go on, under the peer's id; up to 16
  // a=extmap-allow-mixed is agreed upon, or all is to be of two bytes.
  ExtensionForm form = ExtensionForm::one_byte;
};

// What changes with each packet to this peer; a value whose extension is not agreed upon is unused.
struct PacketStamps {
  std::uint32_t abs_send_time = 0;
  std::uint16_t transport_number = 0;
};

class PacketRewriter {
public:
  explicit PacketRewriter (const RewriteRules &rules);

  // All of these write into `to` and return the packet's size; what remains of `to` is for the SRTP
  // tag. 0: no room, or the payload type is not the peer's.
  std::size_t media (
      const RtpPacket &source, const PacketStamps &stamps, std::span<std::uint8_t> to) const;
  // The header alone, for a payload that stays where it is.
  std::size_t header (
      const RtpPacket &source, const PacketStamps &stamps, std::span<std::uint8_t> to) const;
  // RFC 4588: `source` was sent with that sequence and timestamp.
  std::size_t rtx (const RtpPacket &source, std::uint16_t sequence, std::uint32_t timestamp,
      const PacketStamps &stamps, std::span<std::uint8_t> to);
  // Padding alone, on the RTX stream; n: 1 to 255. `like`: the payload type, of the source.
  std::size_t padding (std::uint8_t like, std::uint8_t n, std::uint32_t timestamp,
      const PacketStamps &stamps, std::span<std::uint8_t> to);

  // More than the source's bytes at most, RTX included.
  std::size_t growth () const { return growth_; }
  // The peer's number of a packet of the source.
  std::uint16_t sequence (const RtpPacket &source) const
  {
    return static_cast<std::uint16_t> (source.sequence () + sequence_offset_);
  }
  std::uint32_t timestamp (const RtpPacket &source) const
  {
    return source.timestamp () + timestamp_offset_;
  }
  // A packet of the source does not go to this peer, on purpose: leaves no gap in its numbers.
  void skip () { sequence_offset_--; }
  // One that is not of the source goes with the next number.
  void insert () { sequence_offset_++; }
  // Another source, or one that started anew, follows behind what was sent last.
  void move (std::uint16_t sequence_offset, std::uint32_t timestamp_offset)
  {
    sequence_offset_ = sequence_offset;
    timestamp_offset_ = timestamp_offset;
  }
  // For one that follows this one by other rules.
  std::uint16_t sequence_offset () const { return sequence_offset_; }
  std::uint32_t timestamp_offset () const { return timestamp_offset_; }
  std::uint16_t rtx_sequence () const { return rtx_sequence_; } // the next
  // mid and rid go with each packet while the peer may not know the SSRC (default), or not.
  void identify (bool on) { identify_ = on; }

private:
  // Extensions that are the same each time, with the places of those that are not (0: none).
  struct Block {
    std::array<std::uint8_t, 88> bytes;
    std::uint8_t size = 0, abs_send_time = 0, transport = 0;
  };
  static Block make_block (const RewriteRules &rules, bool identify, bool rtx);
  const RewriteRules::PayloadType *find (std::uint8_t source) const;
  std::size_t write_header (const RtpPacket *source, const RtpHeader &h, bool rtx,
      const PacketStamps &stamps, std::span<std::uint8_t> to, bool padding = false) const;
  void keep (const RtpPacket &source, ExtensionWriter &w) const;

  std::uint32_t ssrc_, rtx_ssrc_, timestamp_offset_;
  std::uint16_t sequence_offset_, rtx_sequence_;
  ExtensionForm form_;
  bool identify_ = true;
  std::uint8_t types_ = 0, kept_count_ = 0;
  std::array<RewriteRules::PayloadType, 16> payload_types_{};
  std::array<RewriteRules::Kept, 16> kept_{};
  Block blocks_[2][2]; // [rtx][identify]
  std::size_t growth_;
};
} // namespace reach::rtc

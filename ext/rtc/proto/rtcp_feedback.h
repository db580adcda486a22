// SPDX-License-Identifier: LGPL-2.1-or-later
// Feedback about media: generic NACK and PLI (RFC 4585), FIR (RFC 5104), REMB
// (draft-alvestrand-rmcat-remb).
#pragma once
#include "rtcp_packet.h"

namespace reach::rtc {
struct Nack {
  std::uint32_t sender_ssrc = 0, media_ssrc = 0;
  Bytes pairs; // a number, and a bit for each of the 16 behind it

  template <typename F> void each (F &&f) const // in their order
  {
    for (std::size_t at = 0; at + 4 <= pairs.size (); at += 4) {
      const auto first = load_be<std::uint16_t> (&pairs[at]);
      f (first);
      for (unsigned bits = load_be<std::uint16_t> (&pairs[at + 2]), n = 1; bits != 0;
           bits >>= 1, n++)
        if (bits & 1)
          f (static_cast<std::uint16_t> (first + n));
    }
  }
};
std::optional<Nack> parse_nack (const RtcpPacket &p);
// numbers: in their order. Returns how many found room, from the first on.
std::size_t write_nack (RtcpWriter &to, std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
    std::span<const std::uint16_t> numbers);

struct Pli {
  std::uint32_t sender_ssrc = 0, media_ssrc = 0;
};
std::optional<Pli> parse_pli (const RtcpPacket &p);
bool write_pli (RtcpWriter &to, std::uint32_t sender_ssrc, std::uint32_t media_ssrc);

struct FirEntry {
  std::uint32_t media_ssrc = 0;
  std::uint8_t number = 0; // a new one for each request, the same when that is repeated
};
struct Fir {
  std::uint32_t sender_ssrc = 0;
  Bytes entries;
  std::size_t size () const { return entries.size () / 8; }
  FirEntry operator[] (std::size_t i) const
  {
    return {load_be<std::uint32_t> (&entries[i * 8]), entries[i * 8 + 4]};
  }
};
std::optional<Fir> parse_fir (const RtcpPacket &p);
bool write_fir (RtcpWriter &to, std::uint32_t sender_ssrc, FirEntry entry);

struct Remb {
  std::uint32_t sender_ssrc = 0;
  std::uint64_t bitrate = 0; // bit/s
  Bytes sources;
  std::size_t size () const { return sources.size () / 4; }
  std::uint32_t operator[] (std::size_t i) const
  {
    return load_be<std::uint32_t> (&sources[i * 4]);
  }
};
std::optional<Remb> parse_remb (const RtcpPacket &p);
// Rounded down to 18 significant bits; up to 255 sources.
bool write_remb (RtcpWriter &to, std::uint32_t sender_ssrc, std::uint64_t bitrate,
    std::span<const std::uint32_t> sources);
} // namespace reach::rtc

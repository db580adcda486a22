// SPDX-License-Identifier: LGPL-2.1-or-later
// Generic FEC of one level (RFC 5109): a parity packet over up to 48 packets gives back one of
// them.
#pragma once
#include "common/proto/fifo.h"
#include "rtp_packet.h"
#include "rtp_statistics.h"

namespace reach::rtc {
// The FEC payload for packets of one SSRC that lie within 48 numbers from the first on; written
// into `to`. 0: none, too far apart, or no room. Needs 18 bytes more than the largest of them
// behind its fixed header.
std::size_t protect (std::span<const RtpPacket> packets, std::span<std::uint8_t> to);

// Keeps copies of what came lately, and makes what is missing of them.
class FecReceiver {
public:
  struct Limits {
    std::size_t packets = 96; // kept; at most
    std::size_t fecs = 24;
    std::size_t size = 1600; // of a packet; larger ones are not kept
  };
  explicit FecReceiver (const Limits &limits) : limits_ (limits) {}

  // A media packet as it was protected: without RED, its own payload type.
  void media (const RtpPacket &p);
  // The payload of a FEC packet of that SSRC.
  void fec (Bytes payload, std::uint32_t ssrc);
  // A packet that came back; it counts as received. Valid until the next call of anything.
  Bytes poll ();
  std::uint64_t recovered () const { return recovered_; }

private:
  struct Kept {
    std::int64_t number = 0;
    std::vector<std::uint8_t> bytes;
  };
  struct Fec {
    std::int64_t base = 0;
    std::uint64_t mask = 0;             // the highest of 48 bits: base
    std::size_t length = 0, header = 0; // protected; the FEC's headers
    std::uint32_t ssrc = 0;
    std::vector<std::uint8_t> bytes;
  };
  const Kept *find (std::int64_t number) const;
  // How many are missing, and the last of them.
  unsigned missing (const Fec &f, std::int64_t &number) const;
  bool recover (const Fec &f, std::int64_t number);
  void keep (Bytes b, std::int64_t number);

  Limits limits_;
  Unwrapper<std::uint16_t> unwrapper_;
  SeenWindow seen_;
  Fifo<Kept> kept_;
  Fifo<Fec> fecs_;
  std::vector<std::uint8_t> out_;
  std::uint64_t recovered_ = 0;
};
} // namespace reach::rtc

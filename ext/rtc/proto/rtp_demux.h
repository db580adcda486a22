// SPDX-License-Identifier: LGPL-2.1-or-later
// What a datagram of a peer is (RFC 7983, RFC 9443, RFC 5761), and which stream an RTP packet of a
// BUNDLE group belongs to (RFC 9143, 9.2).
#pragma once
#include "rtp_packet.h"
#include <string>
#include <vector>

namespace reach::rtc {
enum class DatagramKind : std::uint8_t { stun, zrtp, dtls, turn_channel, quic, rtp, rtcp, unknown };
// By the first two bytes; the rest has yet to be checked. 64 to 79 is ChannelData of TURN and on
// another path QUIC, of which nothing is expected here.
DatagramKind kind_of_datagram (Bytes datagram);

enum class RtpUse : std::uint8_t { media, rtx, fec };

// One stream that the descriptions agreed upon: a media section, or a layer (rid) of one.
struct DemuxStream {
  std::uint32_t id = 0; // the caller's
  std::string mid;      // empty: none
  std::string rid;      // empty: none
  struct Ssrc {
    std::uint32_t ssrc;
    RtpUse use;
  };
  std::vector<Ssrc> ssrcs; // announced
  struct Type {
    std::uint8_t number;
    RtpUse use;
    std::uint8_t apt = 0; // of RTX
  };
  std::vector<Type> payload_types;
};

struct Routed {
  std::uint32_t stream = 0;
  RtpUse use = RtpUse::media;
  std::uint8_t apt = 0; // of RTX: the payload type of the original
  bool fresh = false;   // this packet made the SSRC known
};

class BundleDemux {
public:
  struct Ids { // of header extensions, 0: not agreed upon
    std::uint8_t mid = 0, rid = 0, repaired_rid = 0;
  };
  // max_learnt: SSRCs that nothing announced and that packets made known. When there are that many
  // the one that was heard least lately makes room, but only when it has been quiet for as many
  // packets as `quiet`: a flood of invented ones costs nothing that works.
  explicit BundleDemux (std::size_t max_learnt = 64, std::uint32_t quiet = 5000)
      : max_learnt_ (max_learnt), quiet_ (quiet)
  {
  }

  // Replaces all; what was learnt stays where its stream's id is still there.
  void configure (std::vector<DemuxStream> streams, const Ids &ids);
  // Nothing: it is no stream's, and is to be dropped.
  std::optional<Routed> route (const RtpPacket &p);
  // By SSRC alone, as RTCP has it.
  std::optional<Routed> find (std::uint32_t ssrc) const;
  // BYE, or a timeout.
  void forget (std::uint32_t ssrc);

  std::size_t learnt () const { return learnt_; }
  std::uint64_t refused () const { return refused_; }

private:
  struct Known {
    std::uint32_t ssrc;
    std::uint32_t stream; // its place in streams_
    RtpUse use;
    bool announced;
    std::uint64_t heard; // count of packets
  };
  Known *lookup (std::uint32_t ssrc);
  std::optional<std::uint32_t> by_text (const RtpPacket &p, Bytes &mid, Bytes &rid) const;
  std::optional<std::uint32_t> by_type (std::uint8_t type) const;
  const DemuxStream::Type *type_of (std::uint32_t stream, std::uint8_t number) const;
  Known *learn (const RtpPacket &p);
  bool make_room ();
  bool moved (const Known &k, const RtpPacket &p) const;

  std::size_t max_learnt_, learnt_ = 0;
  std::uint32_t quiet_;
  std::vector<DemuxStream> streams_;
  std::vector<Known> known_;
  std::size_t last_ = 0; // where the last packet's was
  Ids ids_;
  std::uint64_t packets_ = 0, refused_ = 0;
};
} // namespace reach::rtc

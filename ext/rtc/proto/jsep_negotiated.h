// SPDX-License-Identifier: LGPL-2.1-or-later
// What offer and answer come to, for transport and media.
#pragma once
#include "jsep_types.h"

namespace reach::rtc {
struct NegotiatedCodec {
  Codec codec; // payload type, fmtp and feedback of the one who receives it
  std::optional<std::uint8_t> rtx;
  bool operator== (const NegotiatedCodec &) const = default;
};

// What differs from the state before.
enum Change : unsigned {
  changed_codecs = 1,
  changed_extensions = 2,
  changed_direction = 4,
  changed_streams = 8, // ssrcs, rids
  changed_local_ice = 16,
  changed_remote_ice = 32,
  changed_fingerprints = 64,
  changed_role = 128,
  changed_data = 256,
  changed_mlines = 512, // one came or went
};

struct NegotiatedMedia {
  std::size_t mline = 0;
  std::string mid;
  TransceiverId transceiver = 0;
  MediaKind kind = MediaKind::audio;
  Direction direction = Direction::inactive;
  std::vector<NegotiatedCodec> send, receive; // in the receiver's order of preference
  std::vector<sdp::ExtMap> extensions;        // direction: ours
  bool rtcp_rsize = false;
  std::uint32_t ssrc = 0, rtx_ssrc = 0;
  std::vector<sdp::Ssrc> remote_ssrcs;
  std::vector<sdp::SsrcGroup> remote_groups;
  std::vector<Rid> send_rids, receive_rids; // restrictions, paused: the receiver's
  unsigned changed = 0;
};

// Whether the peer wants this layer now; without simulcast, or for a source without rid, the first
// of its transceiver.
bool takes_layer (const NegotiatedMedia &m, const std::string &rid, bool first);

struct NegotiatedData {
  std::size_t mline = 0;
  std::string mid;
  std::uint16_t local_port = 5000, remote_port = 5000;
  std::uint64_t remote_max_message_size = 65536; // RFC 8841, 6.1; 0: any
  bool operator== (const NegotiatedData &) const = default;
};

struct Negotiated {
  bool provisional = false; // by a pranswer
  IceCredentials local;
  RemoteTransport remote;
  DtlsRole role = DtlsRole::server;
  std::string transport_mid; // the m-line whose transport all use
  std::vector<NegotiatedMedia> media;
  std::optional<NegotiatedData> data;
  unsigned changed = 0; // all of them together

  const NegotiatedMedia *find (std::string_view mid) const;
};

struct NegotiatedInput {
  const sdp::Description &local, &remote;
  bool we_answered;
  const std::vector<Transceiver> &transceivers;
  DtlsRole role;
};
Negotiated negotiate (const NegotiatedInput &in);
// Sets `changed` against what was in force.
void compare (Negotiated &now, const Negotiated *before);
} // namespace reach::rtc

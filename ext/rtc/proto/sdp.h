// SPDX-License-Identifier: LGPL-2.1-or-later
// SDP as WebRTC uses it: text to typed values and back. What is written is canonical: CRLF, one
// order of lines. Attributes that are not known stay as text, in their order.
// RFC 8866, 5576, 5888, 8285, 8839, 8841, 8842, 8843, 8851, 8853, 8858.
#pragma once
#include "candidate.h"
#include "media_types.h"
#include <array>

namespace reach::rtc::sdp {
struct Limits {
  std::size_t bytes = 256 << 10, line = 8192, lines = 8192;
  std::size_t media = 128;       // m-lines
  std::size_t attributes = 1024; // of the session, and of each m-line
  std::size_t candidates = 256;  // of each m-line
  std::size_t name = 256;        // a mid, rid, msid, group member, …
};

enum class Fault : std::uint8_t {
  none,
  too_long,  // bytes, or one line
  too_many,  // lines, m-lines, attributes, candidates
  bad_line,  // not letter=value, or a control character
  bad_order, // a line that may not stand there, or is missing
  bad_version,
  bad_origin,
  bad_time,
  bad_connection,
  bad_media,
  bad_attribute,       // the value of an attribute that is known
  duplicate_attribute, // of those that may stand once
  duplicate_mid,
  duplicate_payload_type,
};
std::string_view to_string (Fault f);

struct Attribute {
  std::string name, value;
  bool operator== (const Attribute &) const = default;
};

struct Origin {
  std::string username = "-", session_id = "0", address = "IN IP4 127.0.0.1";
  std::uint64_t version = 0;
  bool operator== (const Origin &) const = default;
};

enum class Setup : std::uint8_t { actpass, active, passive, holdconn };

struct Fingerprint {
  std::string hash; // in lower case: sha-256
  std::vector<std::uint8_t> digest;
  bool operator== (const Fingerprint &) const = default;
};

// What belongs to the transport below an m-line. At session level: the default of all of them.
struct TransportParameters {
  std::string ufrag, pwd; // empty: not said
  std::vector<std::string> ice_options;
  std::vector<Fingerprint> fingerprints;
  std::optional<Setup> setup;
  std::string tls_id;
  bool operator== (const TransportParameters &) const = default;
};

struct Msid {
  std::string stream, track; // stream `-`: none
  bool operator== (const Msid &) const = default;
};

struct ExtMap {
  std::uint16_t id = 0; // 1 to 255; 4096 to 4351 in offers with too many
  std::string uri;
  Direction direction = Direction::sendrecv;
  std::string attributes;
  bool operator== (const ExtMap &) const = default;
};

struct Ssrc {
  std::uint32_t ssrc = 0;
  std::vector<Attribute> attributes; // cname, msid, …
  bool operator== (const Ssrc &) const = default;
};

struct SsrcGroup {
  std::string semantics; // FID, SIM, …
  std::vector<std::uint32_t> ssrcs;
  bool operator== (const SsrcGroup &) const = default;
};

struct SimulcastRid {
  std::string id;
  bool paused = false;
  bool operator== (const SimulcastRid &) const = default;
};
// Streams in order, each with its alternatives (RFC 8853, 5.2).
using SimulcastList = std::vector<std::vector<SimulcastRid>>;
struct Simulcast {
  SimulcastList send, receive;
  bool operator== (const Simulcast &) const = default;
};

struct Media {
  std::string kind = "audio"; // the first word of the m-line
  std::uint16_t port = 9;
  std::string protocol = "UDP/TLS/RTP/SAVPF";
  std::vector<std::string> formats; // of what is not RTP
  std::vector<Codec> codecs;        // of RTP, in the order of the m-line
  std::string connection;           // IN IP4 0.0.0.0; empty: the session's
  std::vector<std::string> bandwidth;
  std::string mid; // empty: not said
  TransportParameters transport;
  std::optional<Direction> direction_said;
  bool bundle_only = false, rtcp_mux = false, rtcp_mux_only = false, rtcp_rsize = false;
  bool extmap_allow_mixed = false, crypto = false; // crypto: SDES keys were there
  std::vector<Msid> msids;
  std::vector<ExtMap> extensions;
  std::vector<Ssrc> ssrcs;
  std::vector<SsrcGroup> ssrc_groups;
  std::vector<Rid> rids;
  std::optional<Simulcast> simulcast;
  std::optional<std::uint16_t> sctp_port;
  std::optional<std::uint64_t> max_message_size; // 0: any
  std::vector<Candidate> candidates;
  bool end_of_candidates = false;
  std::vector<Attribute> other;

  bool operator== (const Media &) const = default;
  MediaKind media_kind () const;
  bool is_rtp () const { return protocol.find ("RTP/") != std::string::npos; }
  bool rejected () const { return port == 0 && !bundle_only; }
  Direction direction () const { return direction_said.value_or (Direction::sendrecv); }
};

struct Group {
  std::string semantics; // BUNDLE, LS
  std::vector<std::string> mids;
  bool operator== (const Group &) const = default;
};

struct Description {
  Origin origin;
  std::string name = "-", connection;
  std::vector<std::string> bandwidth;
  std::vector<Group> groups;
  TransportParameters transport;
  std::optional<Direction> direction_said;
  bool ice_lite = false, extmap_allow_mixed = false;
  std::vector<ExtMap> extensions;
  std::vector<Attribute> other;
  std::vector<Media> media;

  bool operator== (const Description &) const = default;
  const Group *bundle () const; // the first BUNDLE group
  const Media *find (std::string_view mid) const;
  Media *find (std::string_view mid);
};

struct Parsed {
  Fault fault = Fault::none;
  std::size_t line = 0; // from 1, where the fault is
  Description description;
  explicit operator bool () const { return fault == Fault::none; }
};

// Lines end with CRLF or LF. What the session says for every m-line (transport, direction, header
// extensions) is in each of them after this, so that nothing has to look in two places.
Parsed parse (std::string_view text, const Limits &limits = {});
std::string to_string (const Description &d);
} // namespace reach::rtc::sdp

// SPDX-License-Identifier: LGPL-2.1-or-later
// Codecs of SDP, caps of GStreamer, and the elements between them.
#pragma once
#include "common/ref.h"
#include "rtc/proto/media_types.h"
#include <optional>
#include <string>
#include <vector>

namespace reach::rtc {
// What an RTP packet of ours may have, so that header extensions and SRTP's tag fit into 1,200
// bytes.
inline constexpr unsigned send_mtu = 1120;

enum class InputFormat : std::uint8_t { none, rtp, encoded, raw };

// What a sink pad of that kind takes, what needs least work first. Without what no element here can
// payload.
Ref<GstCaps> input_caps (MediaKind kind);
// The same with all elements that there may be.
Ref<GstCaps> template_caps (MediaKind kind);
InputFormat input_format (const GstCaps *caps, MediaKind kind);

// The codec of application/x-rtp caps with its fmtp as far as both sides have to agree on it;
// nothing for one that is not known here.
std::optional<Codec> codec_of_rtp (const GstCaps *caps);
// The id that application/x-rtp caps have for a header extension, in extmap-1 to extmap-14 or more;
// 0: none.
std::uint8_t extension_id (const GstStructure *caps, std::string_view uri);
// The same of encoded caps. H264 without a profile in its caps: nothing, it is not known yet.
std::optional<Codec> codec_of_encoded (const GstCaps *caps);
// Whether that is all a payloader takes it for: the name in rtpmap; empty for other caps.
std::string encoded_name (const GstCaps *caps);

// application/x-rtp for a depayloader.
Ref<GstCaps> rtp_caps (const Codec &codec, MediaKind kind);
// What a depayloader makes of it; nothing is said of size or profile.
Ref<GstCaps> media_caps (const Codec &codec);

// What raw media can become with the encoders and payloaders that are installed, in our order.
std::vector<Codec> encodable (MediaKind kind);
// What a stream of `codec` may be called to one who receives it: itself first, then H264's profiles
// whose decoders take it too (RFC 6184, 8.1).
std::vector<Codec> receivable_as (const Codec &codec);

// A row of elements, linked in that order. Theirs are ours: no floating references.
struct Elements {
  std::vector<Ref<GstElement>> row;
  Ref<GstElement> encoder;
  std::string missing; // not empty: this element is not installed
};
// In front of a sink for RTP. `codec`: what comes out.
Elements payload_elements (const Codec &codec, const GstCaps *encoded);
Elements encode_elements (const Codec &codec, MediaKind kind);
// Behind a source of RTP.
Elements depayload_elements (const Codec &codec);
} // namespace reach::rtc

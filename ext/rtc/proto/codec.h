// SPDX-License-Identifier: LGPL-2.1-or-later
// Which payload types of two descriptions are the same codec, and what is answered.
#pragma once
#include "media_types.h"
#include "shared_list.h"
#include <span>

namespace reach::rtc {
// A parameter of fmtp, name without case. Nothing when it is not there.
std::optional<std::string_view> fmtp_parameter (std::string_view fmtp, std::string_view name);

enum class H264Profile : std::uint8_t {
  constrained_baseline,
  baseline,
  main,
  constrained_high,
  high,
  other
};
struct H264Level {
  H264Profile profile = H264Profile::baseline;
  std::uint8_t idc = 0, flags = 0; // the first two bytes
  std::uint16_t level = 0;         // ten times level_idc; 1b is 105

  bool operator== (const H264Level &) const = default;
};
// RFC 6184, 8.1, table 5.
std::optional<H264Level> parse_profile_level_id (std::string_view text);
std::string to_string (const H264Level &l);

bool is_name (const Codec &c, std::string_view name);
// rtx, red, ulpfec, flexfec, CN, telephone-event: nothing to send by itself.
bool is_auxiliary (const Codec &c);
// The payload type that an rtx codec repairs.
std::optional<std::uint8_t> apt_of (const Codec &c);

// One codec with parameters that can talk to each other: H264's profile and packetization-mode,
// VP9's profile-id, AV1's profile. Payload types are not compared, levels are not.
bool matches (const Codec &a, const Codec &b);
// As `matches`; rtx and audio's red also have to point at codecs that match.
bool matches (
    const Codec &a, std::span<const Codec> all_a, const Codec &b, std::span<const Codec> all_b);
// The fmtp of an answer: ours, with H264's level as both can (RFC 6184, 8.2.2).
std::string answered_fmtp (const Codec &ours, const Codec &offered);

// What is offered where nothing else is said. Video: VP8, H264, VP9, AV1, rtx, red, ulpfec; audio:
// opus, PCMU, PCMA, red.
SharedList<Codec> default_codecs (MediaKind kind);
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// Payload types and header extension ids of one BUNDLE group: a number means the same in all of its
// m-lines, and keeps its meaning over renegotiations (RFC 8843, 9.1; RFC 8285, 6).
#pragma once
#include "codec.h"
#include "sdp.h"
#include <array>

namespace reach::rtc {
class PayloadTypes {
public:
  // What a description that is in force uses.
  void keep (const sdp::Media &m);
  // The codecs of an m-line that is offered. `wanted`: capabilities in order, in which rtx stands
  // once for all; `before`: the m-line as it is in force, or nullptr. What no number is left for is
  // left out.
  std::vector<Codec> offer (std::span<const Codec> wanted, const sdp::Media *before);

private:
  std::optional<std::uint8_t> find (const Codec &c, const sdp::Media *before) const;
  bool assign (Codec &c, const sdp::Media *before);

  std::array<std::optional<Codec>, 128> used_{};
};

class ExtensionIds {
public:
  void keep (const sdp::Media &m);
  std::vector<sdp::ExtMap> offer (std::span<const sdp::ExtMap> wanted);

private:
  std::array<std::string, 256> used_{};
};

// What an answer takes of an offer. `preferred`: in our order, not in the offer's.
std::vector<Codec> answer_codecs (
    std::span<const Codec> offered, std::span<const Codec> ours, bool preferred);
std::vector<sdp::ExtMap> answer_extensions (
    std::span<const sdp::ExtMap> offered, std::span<const sdp::ExtMap> ours);
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// A candidate as a=candidate says it (RFC 8839, 5.1; RFC 6544), and as libnice has it.
#pragma once
#include <cstdint>
#include <nice/agent.h>
#include <optional>
#include <string>
#include <string_view>

namespace reach::rtc {
struct IceCandidate {
  enum class Type : std::uint8_t { host, srflx, prflx, relay };
  std::string foundation; // 1 to 32 characters
  unsigned component = 1;
  bool tcp = false;
  std::string tcp_type; // active, passive, so
  std::uint32_t priority = 0;
  std::string address; // literal, or a name that ends with .local
  std::uint16_t port = 0;
  Type type = Type::host;
  std::string related_address; // empty: none
  std::uint16_t related_port = 0;
  std::string ufrag; // empty: not said

  std::string text () const; // "candidate:…", without a=
  bool mdns () const;        // the address is a name of multicast DNS
};

// With or without "a=" in front. Nothing when it is none, or longer than 512 bytes.
std::optional<IceCandidate> parse_ice_candidate (std::string_view text);
IceCandidate candidate_of (const NiceCandidate &c);
// Owned by the caller; null when the address is not a literal.
NiceCandidate *nice_candidate_of (const IceCandidate &c, unsigned stream);
const char *to_text (IceCandidate::Type type);
} // namespace reach::rtc

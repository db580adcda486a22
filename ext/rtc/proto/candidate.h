// SPDX-License-Identifier: LGPL-2.1-or-later
// An ICE candidate as text (RFC 8839, 5.1; RFC 6544 for TCP).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reach::rtc {
enum class CandidateType : std::uint8_t { host, srflx, prflx, relay };
enum class TcpType : std::uint8_t { active, passive, so };
// What kind of text an address is. mdns: one label and .local.
enum class AddressForm : std::uint8_t { invalid, ipv4, ipv6, mdns, name };

struct Candidate {
  std::string foundation; // 1 to 32 characters
  std::uint16_t component = 1;
  bool tcp = false;
  std::uint32_t priority = 0;
  std::string address;
  std::uint16_t port = 0;
  CandidateType type = CandidateType::host;
  std::optional<std::string> related_address;
  std::uint16_t related_port = 0;
  std::optional<TcpType> tcp_type;
  std::optional<std::uint32_t> generation, network_id, network_cost;
  std::string ufrag; // empty: not said
  std::vector<std::pair<std::string, std::string>> extensions;

  bool operator== (const Candidate &) const = default;
};

AddressForm address_form (std::string_view text);

// With or without `a=`, but with `candidate:`. At most 1024 bytes; 16 extensions.
std::optional<Candidate> parse_candidate (std::string_view text);
// candidate:…, without `a=`
std::string to_string (const Candidate &c);
} // namespace reach::rtc

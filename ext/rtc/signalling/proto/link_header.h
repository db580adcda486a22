// SPDX-License-Identifier: LGPL-2.1-or-later
// Link header fields (RFC 8288), by which a WHIP or WHEP server names STUN and TURN servers
// (RFC 9725, 4.6).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace reach::rtc {
struct IceLink {
  std::string uri; // of RFC 7064 or 7065, not checked
  std::string username, credential;
  std::string credential_type; // in lower case; empty: not said
};

struct IceLinks {
  static constexpr std::size_t most = 8, longest = 16 << 10; // servers; bytes of the field
  std::vector<IceLink> servers;
  std::size_t left_out = 0; // more of them than that
  bool malformed = false;   // what follows the fault, or a field that is too long, is not read
};

// `field`: all Link fields of an answer, with commas between. Links of other relations are passed
// over. All texts are of printable ASCII.
IceLinks parse_ice_links (std::string_view field);
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// turn:, turns:, stun: and stuns: (RFC 7064, 7065), with a user part of our own in front of the
// host: turn:user:password@host:port?transport=udp. In the user part reserved characters are
// percent-coded.
#pragma once
#include "client.h"
#include <string>

namespace reach::turn {
struct Uri {
  bool relay = true;      // turn
  bool secure = false;    // the s
  std::string host;       // a name, or an address without brackets
  std::uint16_t port = 0; // 0: not said
  std::optional<Transport> transport;
  std::optional<std::string> username, password;

  // What is not said follows from the scheme (RFC 7065, 3.2; with `s` UDP is DTLS, RFC 7350).
  std::uint16_t effective_port () const { return port != 0 ? port : secure ? 5349 : 3478; }
  Transport effective_transport () const;
};

std::optional<Uri> parse_uri (std::string_view text);
// With the user part, if `secret`; else its password is left out, and there is a * for it.
std::string to_string (const Uri &u, bool secret);
// What may be shown of a text that need not be a URI: no password in it.
std::string redact (std::string_view text);
} // namespace reach::turn

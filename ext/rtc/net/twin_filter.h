// SPDX-License-Identifier: LGPL-2.1-or-later
// Two sockets of one port (SO_REUSEPORT), libnice's and a twin of ours that was bound after it:
// which of them a datagram goes to, by its first bytes and its sender, decided in the kernel.
#pragma once
#include "common/address.h"
#include <vector>

namespace reach::rtc {
struct TwinRules {
  static constexpr std::size_t max_accepted = 32, max_peers = 4;

  // Binding requests (RFC 8445, 7.3) come to the twin, but for those from `accepted`.
  bool ask_bindings = false;
  std::vector<Address> accepted; // max_accepted at most
  // Whose RTP, RTCP and DTLS (RFC 7983: first byte 20 to 63, 128 to 191) come to the twin.
  std::vector<Address> peers; // max_peers at most
};

// Instead of the rules before. `twin` is bound. False, and errno, when the kernel refuses: then
// those before stay.
bool attach_filter (int twin, const TwinRules &rules);

// Family, address and port.
bool same_endpoint (const Address &a, const Address &b);
} // namespace reach::rtc

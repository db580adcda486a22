// SPDX-License-Identifier: LGPL-2.1-or-later
// What the upgrade of one of two peers asks for (docs/protocol-signalling.md); the rest of their
// protocol is in proto/pools_pairs.cpp.
#pragma once
#include "common/proto/http1.h"
#include <optional>
#include <string>

namespace reach::rtc::pairing {
constexpr const char *protocol = "reach-pair";
constexpr std::size_t max_name = 128; // bytes of a channel's name, and of a peer's

struct Wish {
  std::string channel, peer; // peer: the client's own name for itself, which survives its return
};
// Nothing when it is no name.
std::optional<Wish> wish_of (const http::Request &r);
} // namespace reach::rtc::pairing

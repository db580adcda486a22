// SPDX-License-Identifier: LGPL-2.1-or-later
// Why a link ended: what the core, the transports and the statistics all name.
#pragma once
#include <cstddef>
#include <cstdint>

namespace reach::cam {
enum class CloseReason : std::uint8_t {
  none,
  local,       // we closed it
  orderly,     // the peer closed its side
  refused,     // nobody listens there, or the peer said no
  unreachable, // network or name error
  timed_out,
  reset,        // broken by the peer or the network
  malformed,    // bytes that are not our protocol
  too_big,      // a message over the limits
  unauthorized, // a proxy or peer wants credentials we do not have
  overload,     // a limit on this side
};
const char *close_reason_name (CloseReason r);

constexpr std::size_t n_close_reasons = 11;
} // namespace reach::cam

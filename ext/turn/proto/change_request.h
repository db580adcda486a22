// SPDX-License-Identifier: LGPL-2.1-or-later
// What CHANGE-REQUEST may ask for (RFC 5780, 7.2).
#pragma once
#include <cstdint>

namespace reach::stun {
inline constexpr std::uint32_t change_ip = 4, change_port = 2;
}

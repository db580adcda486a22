// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "common/proto/bytes.h"
#include <optional>

namespace reach::stun {
std::string base64 (Bytes in); // RFC 4648, with padding
// Four characters, none of them padding, to the 24 bits they stand for.
std::optional<std::uint32_t> base64_quantum (std::string_view four);
} // namespace reach::stun

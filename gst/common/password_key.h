// SPDX-License-Identifier: LGPL-2.1-or-later
// The functions behind password.h.
#pragma once
#include "common/proto/bytes.h"
#include <array>
#include <string_view>

namespace reach {
using PasswordKey = std::array<std::uint8_t, 32>;
bool has_scrypt ();
bool scrypt (std::string_view password, Bytes salt, PasswordKey &out); // N = 2^14, r = 8, p = 1
// RFC 8018, with HMAC-SHA-256.
void pbkdf2 (std::string_view password, Bytes salt, unsigned rounds, PasswordKey &out);
} // namespace reach

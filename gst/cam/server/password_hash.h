// SPDX-License-Identifier: LGPL-2.1-or-later
// What a media server keeps of group passwords instead of them. The same in every build, as it is
// in state files.
#pragma once
#include "cam/proto/router_types.h"

namespace reach::cam {
constexpr unsigned password_rounds = 10000; // 3 ms of the hub's thread with OpenSSL

// PBKDF2 with HMAC-SHA-256.
Digest hash_password (Bytes salt, std::string_view password, unsigned rounds = password_rounds);
Digest hash_password_with_glib (Bytes salt, std::string_view password, unsigned rounds);

void fill_random (std::span<std::uint8_t> out); // unpredictable
} // namespace reach::cam

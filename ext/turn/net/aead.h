// SPDX-License-Identifier: LGPL-2.1-or-later
// AES-256-GCM by OpenSSL, for tokens of third-party authorization (RFC 7635).
#pragma once
#include "common/proto/bytes.h"
#include <optional>
#include <vector>

namespace reach::turn {
// key: 32 bytes, nonce: 12; `sealed` ends with the tag of 16. Nothing: it was not sealed with them.
std::optional<std::vector<std::uint8_t>> open_sealed (
    Bytes key, Bytes nonce, Bytes associated, Bytes sealed);
} // namespace reach::turn

// SPDX-License-Identifier: LGPL-2.1-or-later
// Keys of credentials and the check of a message against one (RFC 8489, 9 and 14).
#pragma once
#include "crypto.h"
#include "message.h"
#include "stun_types.h"
#include <optional>
#include <vector>

namespace reach::stun {
using Key = std::vector<std::uint8_t>;

// Names and passwords are prepared already (prepare.h).
Key short_term_key (std::string_view password);
Key long_term_key (const Crypto &crypto, PasswordAlgorithm algorithm, std::string_view user,
    std::string_view realm, std::string_view password);
Crypto::Sha256 userhash_of (const Crypto &crypto, std::string_view user, std::string_view realm);

enum class Integrity : std::uint8_t { absent, wrong, right };
Integrity check_sha1 (const Crypto &crypto, const Message &m, Bytes key);
// Truncated ones are taken down to 16 bytes, in steps of 4.
Integrity check_sha256 (const Crypto &crypto, const Message &m, Bytes key);

// Not quicker where they differ early.
bool same_secret (Bytes a, Bytes b);
} // namespace reach::stun

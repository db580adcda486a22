// SPDX-License-Identifier: LGPL-2.1-or-later
// User names, realms and passwords before they are hashed: the profile OpaqueString (RFC
// 8265, 4.2), which RFC 8489 asks for. Spaces become one, what is composed is in one form (NFC),
// and nothing else changes: unlike SASLprep, which RFC 5389 had, it keeps compatibility characters,
// and refuses what cannot be seen instead of taking it out. Of ASCII both are the text itself.
//
// What Unicode's tables are needed for comes from outside (Crypto::unicode). The rule for ZERO
// WIDTH NON-JOINER (RFC 5892, A.1) is kept in a simpler form: between letters of Arabic and Syriac.
#pragma once
#include "crypto.h"
#include <optional>

namespace reach::stun {
// Nothing: it is no UTF-8, or has a character that may not be there. An empty text stays one.
std::optional<std::string> prepare (const Crypto &crypto, std::string_view text);
} // namespace reach::stun

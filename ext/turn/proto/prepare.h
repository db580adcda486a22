// SPDX-License-Identifier: LGPL-2.1-or-later
// User names, realms and passwords before they are hashed: SASLprep (RFC 4013), which RFC 5389 asks
// for and which gives what OpaqueString (RFC 8265) of RFC 8489 gives for every text that both
// allow, and the test vectors of both. Done here: characters mapped to nothing or to a space, and
// those that are prohibited. Normalization comes from outside (Crypto::nfkc). Not checked: the
// order of right-to-left text, and code points that Unicode had not assigned then.
#pragma once
#include "crypto.h"
#include <optional>

namespace reach::stun {
// Nothing: it is no UTF-8, or has a prohibited character.
std::optional<std::string> prepare (const Crypto &crypto, std::string_view text);
} // namespace reach::stun

// SPDX-License-Identifier: LGPL-2.1-or-later
// What the STUN and TURN cores take from outside.
#pragma once
#include "common/proto/bytes.h"
#include <array>
#include <functional>
#include <optional>
#include <vector>

namespace reach::stun {
using Parts = std::span<const Bytes>; // hashed one after the other

// What Unicode's tables say.
struct Unicode {
  std::function<std::string (std::string_view)> nfc; // normalization form C
  // A letter, mark, number, punctuation, symbol or space: no control or format character, nothing
  // private and nothing that is not assigned.
  std::function<bool (char32_t)> is_text;
  std::function<bool (char32_t)> is_virama; // of combining class 9
};

struct Crypto {
  using Md5 = std::array<std::uint8_t, 16>;
  using Sha1 = std::array<std::uint8_t, 20>;
  using Sha256 = std::array<std::uint8_t, 32>;
  std::function<Md5 (Bytes)> md5;
  std::function<Sha256 (Bytes)> sha256;
  std::function<Sha1 (Bytes key, Parts)> hmac_sha1;
  std::function<Sha256 (Bytes key, Parts)> hmac_sha256;
  std::function<void (std::span<std::uint8_t>)> random;
  // AES-256-GCM: what was sealed, its tag behind it; nothing where somebody changed it. Empty:
  // there is none.
  using Opened = std::optional<std::vector<std::uint8_t>>;
  std::function<Opened (Bytes key, Bytes nonce, Bytes associated, Bytes sealed)> open_sealed;
  // Of names and passwords; empty: they are taken as normalized, and all characters as assigned.
  Unicode unicode;
};
} // namespace reach::stun

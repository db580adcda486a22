// SPDX-License-Identifier: LGPL-2.1-or-later
// The small codings HTTP needs: percent (RFC 3986), query strings, base64url (RFC 4648 section 5).
#pragma once
#include "bytes.h"
#include <optional>
#include <utility>

namespace reach::http {

// Nothing for a '%' without two hex digits and for an encoded NUL.
std::optional<std::string> percent_decode (std::string_view s, bool plus_is_space = false);
// Leaves unreserved characters only.
std::string percent_encode (std::string_view s);

class Query {
public:
  static constexpr std::size_t max_fields = 64;
  // Nothing for bad coding, too many fields, or the same name twice.
  static std::optional<Query> parse (std::string_view s);

  const std::string *get (std::string_view name) const;
  // A plain decimal number up to `max`; `fallback` when absent, nothing when it is anything else.
  std::optional<std::uint64_t> number (
      std::string_view name, std::uint64_t fallback, std::uint64_t max = UINT64_MAX) const;
  std::size_t size () const { return fields_.size (); }

private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

std::optional<std::uint64_t> parse_number (std::string_view s);

std::string base64url_encode (Bytes in); // without padding
// Padding is accepted and not needed; other characters and leftover bits are refused.
std::optional<std::vector<std::uint8_t>> base64url_decode (std::string_view s);
} // namespace reach::http

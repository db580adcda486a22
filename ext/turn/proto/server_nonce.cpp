// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_nonce.h"
#include "base64.h"
#include "integrity.h"

namespace reach::turn::server {
namespace {
constexpr std::size_t time_size = 12, proof_size = 16; // hexadecimal digits

std::uint64_t milliseconds_of (TimePoint t)
{
  return static_cast<std::uint64_t> (
      std::chrono::duration_cast<milliseconds> (t.time_since_epoch ()).count ());
}

std::string hex (std::uint64_t v, std::size_t digits)
{
  std::string s (digits, '0');
  for (std::size_t i = digits; i-- > 0; v >>= 4)
    s[i] = "0123456789abcdef"[v & 15];
  return s;
}

std::optional<std::uint64_t> from_hex (std::string_view s)
{
  std::uint64_t v = 0;
  for (const char c : s) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f'))
      return {};
    v = v << 4 | static_cast<std::uint64_t> (digit ? c - '0' : c - 'a' + 10);
  }
  return v;
}
} // namespace

Nonces::Nonces (const stun::Crypto &crypto, std::vector<std::uint8_t> secret, Duration lifetime,
    bool algorithms, bool userhash)
    : crypto_ (crypto), secret_ (std::move (secret)), lifetime_ (lifetime)
{
  if (!algorithms && !userhash)
    return;
  // The bits are counted from the most significant one (RFC 8489, 18.1).
  const std::uint8_t bits[3] = {
      static_cast<std::uint8_t> ((algorithms ? 0x80 : 0) | (userhash ? 0x40 : 0)), 0, 0};
  cookie_ = "obMatJos2" + stun::base64 (bits);
}

std::string Nonces::sign (std::string_view front, const Address &client) const
{
  const std::array<Bytes, 2> parts{as_bytes (front), client.ip_bytes ()};
  const auto d = crypto_.hmac_sha256 (secret_, parts);
  return hex (load_be<std::uint64_t> (d.data ()), proof_size);
}

std::string Nonces::make (const Address &client, TimePoint now) const
{
  const std::string front = cookie_ + hex (milliseconds_of (now), time_size);
  return front + sign (front, client);
}

Nonces::State Nonces::check (std::string_view nonce, const Address &client, TimePoint now) const
{
  const std::size_t front = cookie_.size () + time_size;
  if (nonce.size () != front + proof_size || !nonce.starts_with (cookie_))
    return State::stale;
  const auto then = from_hex (nonce.substr (cookie_.size (), time_size));
  const std::string proof = sign (nonce.substr (0, front), client);
  if (!then || !stun::same_secret (as_bytes (proof), as_bytes (nonce.substr (front))))
    return State::stale;
  const auto age = static_cast<std::int64_t> (milliseconds_of (now) - *then);
  return age >= 0 && milliseconds (age) <= lifetime_ ? State::good : State::stale;
}
} // namespace reach::turn::server

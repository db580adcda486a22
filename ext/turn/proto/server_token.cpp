// SPDX-License-Identifier: LGPL-2.1-or-later
// Self-contained tokens of third-party authorization (RFC 7635, 6.2), sealed with AES-256-GCM.
#include "server_auth.h"
#include <algorithm>

namespace reach::turn::server {
using stun::Attr;

namespace {
constexpr std::size_t nonce_size = 12, tag_size = 16, max_mac_key = 64;
constexpr std::int64_t clock_difference = 5; // seconds that clocks may be apart

struct Token {
  stun::Key mac_key;
  std::int64_t made = 0, lifetime = 0; // seconds since 1970, seconds
};

std::optional<Token> parse_token (Bytes plain)
{
  if (plain.size () < 2)
    return {};
  const std::size_t n = load_be<std::uint16_t> (plain.data ());
  if (n == 0 || n > max_mac_key || plain.size () != 2 + n + 8 + 4)
    return {};
  const Bytes key = plain.subspan (2, n), rest = plain.subspan (2 + n);
  // 48 bits of seconds, 16 of their fraction
  return Token{{key.begin (), key.end ()},
      static_cast<std::int64_t> (load_be<std::uint64_t> (rest.data ()) >> 16),
      load_be<std::uint32_t> (rest.data () + 8)};
}
} // namespace

Authority::Found Authority::by_token (const Message &m, std::string_view kid, TimePoint now) const
{
  const Bytes value = *m.find (Attr::access_token);
  const auto key = std::ranges::find (config_.token_keys, kid, &TokenKey::kid);
  if (key == config_.token_keys.end () || !config_.crypto.open_sealed ||
      value.size () < 2 + nonce_size + tag_size ||
      load_be<std::uint16_t> (value.data ()) != nonce_size)
    return {};
  const auto plain = config_.crypto.open_sealed (key->key, value.subspan (2, nonce_size),
      as_bytes (token_server ()), value.subspan (2 + nonce_size));
  const auto token = plain ? parse_token (*plain) : std::nullopt;
  if (!token)
    return {};
  const std::int64_t time = unix_time (now);
  const std::int64_t left = token->made + token->lifetime - time;
  if (left + clock_difference <= 0 || token->made > time + clock_difference)
    return {};
  Identity i;
  i.user = kid;
  i.key = token->mac_key;
  i.token = true;
  i.until = now + seconds (left + clock_difference);
  return i;
}
} // namespace reach::turn::server

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "integrity.h"
#include <string>

namespace reach::stun {
namespace {
std::string joined (std::string_view a, std::string_view b)
{
  return std::string (a) + ":" + std::string (b);
}

// The header as it was when the attribute at `at` with `size` bytes of value was the last one.
std::array<std::uint8_t, 4> header_then (const Message &m, std::size_t at, std::size_t size)
{
  std::array<std::uint8_t, 4> h{m.bytes ()[0], m.bytes ()[1]};
  store_be (h.data () + 2, static_cast<std::uint16_t> (at + 4 + size - header_size));
  return h;
}

// The value of the attribute at this offset, which Message has checked.
Bytes value_at (const Message &m, std::size_t at)
{
  return m.bytes ().subspan (at + 4, load_be<std::uint16_t> (m.bytes ().data () + at + 2));
}
} // namespace

bool same_secret (Bytes a, Bytes b)
{
  if (a.size () != b.size ())
    return false;
  unsigned differ = 0;
  for (std::size_t i = 0; i < a.size (); i++)
    differ |= static_cast<unsigned> (a[i] ^ b[i]);
  return differ == 0;
}

Key short_term_key (std::string_view password)
{
  const Bytes b = as_bytes (password);
  return {b.begin (), b.end ()};
}

Key long_term_key (const Crypto &crypto, PasswordAlgorithm algorithm, std::string_view user,
    std::string_view realm, std::string_view password)
{
  const std::string all = joined (joined (user, realm), password);
  if (algorithm == PasswordAlgorithm::sha256) {
    const auto d = crypto.sha256 (as_bytes (all));
    return {d.begin (), d.end ()};
  }
  const auto d = crypto.md5 (as_bytes (all));
  return {d.begin (), d.end ()};
}

Crypto::Sha256 userhash_of (const Crypto &crypto, std::string_view user, std::string_view realm)
{
  return crypto.sha256 (as_bytes (joined (user, realm)));
}

Integrity check_sha1 (const Crypto &crypto, const Message &m, Bytes key)
{
  const std::size_t at = m.integrity_at ();
  if (at == 0)
    return Integrity::absent;
  const Bytes value = value_at (m, at);
  if (value.size () != sizeof (Crypto::Sha1))
    return Integrity::wrong;
  const auto head = header_then (m, at, value.size ());
  const std::array<Bytes, 2> parts{head, m.bytes ().subspan (4, at - 4)};
  return same_secret (crypto.hmac_sha1 (key, parts), value) ? Integrity::right : Integrity::wrong;
}

Integrity check_sha256 (const Crypto &crypto, const Message &m, Bytes key)
{
  const std::size_t at = m.integrity_sha256_at ();
  if (at == 0)
    return Integrity::absent;
  const Bytes value = value_at (m, at);
  if (value.size () < 16 || value.size () > sizeof (Crypto::Sha256) || value.size () % 4 != 0)
    return Integrity::wrong;
  const auto head = header_then (m, at, value.size ());
  const std::array<Bytes, 2> parts{head, m.bytes ().subspan (4, at - 4)};
  const auto digest = crypto.hmac_sha256 (key, parts);
  return same_secret (Bytes (digest).first (value.size ()), value) ? Integrity::right
                                                                   : Integrity::wrong;
}
} // namespace reach::stun

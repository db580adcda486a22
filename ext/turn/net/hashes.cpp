// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hashes.h"
#include "aead.h"
#include <cerrno>
#include <glib.h>
#include <memory>
#include <sys/random.h>
#include <system_error>

namespace reach::turn {
namespace {
template <std::size_t n> std::array<std::uint8_t, n> hash (GChecksumType type, Bytes in)
{
  std::array<std::uint8_t, n> out{};
  gsize size = n;
  const std::unique_ptr<GChecksum, void (*) (GChecksum *)> c (
      g_checksum_new (type), g_checksum_free);
  g_checksum_update (c.get (), in.data (), static_cast<gssize> (in.size ()));
  g_checksum_get_digest (c.get (), out.data (), &size);
  return out;
}

template <std::size_t n>
std::array<std::uint8_t, n> hmac (GChecksumType type, Bytes key, stun::Parts parts)
{
  std::array<std::uint8_t, n> out{};
  gsize size = n;
  const std::unique_ptr<GHmac, void (*) (GHmac *)> h (
      g_hmac_new (type, key.data (), key.size ()), g_hmac_unref);
  for (const Bytes b : parts)
    g_hmac_update (h.get (), b.data (), static_cast<gssize> (b.size ()));
  g_hmac_get_digest (h.get (), out.data (), &size);
  return out;
}

void fill_random (std::span<std::uint8_t> to)
{
  while (!to.empty ()) {
    const ssize_t n = getrandom (to.data (), to.size (), 0);
    if (n < 0 && errno != EINTR)
      throw std::system_error (errno, std::generic_category (), "no random numbers");
    to = to.subspan (n > 0 ? static_cast<std::size_t> (n) : 0);
  }
}

std::string nfc (std::string_view text)
{
  const std::unique_ptr<char, void (*) (void *)> n (
      g_utf8_normalize (
          text.data (), static_cast<gssize> (text.size ()), G_NORMALIZE_DEFAULT_COMPOSE),
      g_free);
  return n ? std::string (n.get ()) : std::string ();
}

bool is_text (char32_t c)
{
  switch (g_unichar_type (c)) {
  case G_UNICODE_CONTROL:
  case G_UNICODE_FORMAT:
  case G_UNICODE_UNASSIGNED:
  case G_UNICODE_PRIVATE_USE:
  case G_UNICODE_SURROGATE:
  case G_UNICODE_LINE_SEPARATOR:
  case G_UNICODE_PARAGRAPH_SEPARATOR:
    return false;
  default:
    return true;
  }
}

bool is_virama (char32_t c)
{
  constexpr int virama = 9;
  return g_unichar_combining_class (c) == virama;
}
} // namespace

stun::Crypto make_crypto ()
{
  stun::Crypto c;
  c.md5 = [] (Bytes b) { return hash<16> (G_CHECKSUM_MD5, b); };
  c.sha256 = [] (Bytes b) { return hash<32> (G_CHECKSUM_SHA256, b); };
  c.hmac_sha1 = [] (Bytes k, stun::Parts p) { return hmac<20> (G_CHECKSUM_SHA1, k, p); };
  c.hmac_sha256 = [] (Bytes k, stun::Parts p) { return hmac<32> (G_CHECKSUM_SHA256, k, p); };
  c.random = fill_random;
#ifdef REACH_TURN_AEAD
  c.open_sealed = open_sealed;
#endif
  c.unicode = {nfc, is_text, is_virama};
  return c;
}
} // namespace reach::turn

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "password_hash.h"
#include <cerrno>
#include <cstdlib>
#include <glib.h>
#include <sys/random.h>
#ifdef HAVE_OPENSSL
#include <openssl/evp.h>
#endif

namespace reach::cam {
namespace {
Digest finish (GHmac *h)
{
  Digest out{};
  gsize n = out.size ();
  g_hmac_get_digest (h, out.data (), &n);
  g_hmac_unref (h);
  return out;
}
} // namespace

// RFC 8018, 5.2, for its first block, which is all that is needed.
Digest hash_password_with_glib (Bytes salt, std::string_view password, unsigned rounds)
{
  GHmac *const keyed = g_hmac_new (
      G_CHECKSUM_SHA256, reinterpret_cast<const guchar *> (password.data ()), password.size ());
  constexpr guchar first_block[] = {0, 0, 0, 1};
  GHmac *h = g_hmac_copy (keyed);
  g_hmac_update (h, salt.data (), static_cast<gssize> (salt.size ()));
  g_hmac_update (h, first_block, sizeof first_block);
  Digest u = finish (h), sum = u;
  for (unsigned i = 1; i < rounds; i++) {
    h = g_hmac_copy (keyed);
    g_hmac_update (h, u.data (), static_cast<gssize> (u.size ()));
    u = finish (h);
    for (std::size_t k = 0; k < sum.size (); k++)
      sum[k] ^= u[k];
  }
  g_hmac_unref (keyed);
  return sum;
}

Digest hash_password (Bytes salt, std::string_view password, unsigned rounds)
{
#ifdef HAVE_OPENSSL
  Digest out{};
  if (PKCS5_PBKDF2_HMAC (password.data (), static_cast<int> (password.size ()), salt.data (),
          static_cast<int> (salt.size ()), static_cast<int> (rounds), EVP_sha256 (),
          static_cast<int> (out.size ()), out.data ()) == 1)
    return out;
#endif
  return hash_password_with_glib (salt, password, rounds);
}

void fill_random (std::span<std::uint8_t> out)
{
  while (!out.empty ()) {
    const ssize_t n = getrandom (out.data (), out.size (), 0);
    if (n > 0)
      out = out.subspan (static_cast<std::size_t> (n));
    else if (errno != EINTR)
      std::abort (); // no Linux this runs on
  }
}
} // namespace reach::cam

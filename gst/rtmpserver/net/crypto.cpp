// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crypto.h"
#include <glib.h>
#include <memory>
#include <sys/random.h>

namespace reach::rtmp {
namespace {
Crypto::Digest hmac_sha256 (Bytes key, Bytes data)
{
  Crypto::Digest out{};
  gsize n = out.size ();
  const std::unique_ptr<GHmac, void (*) (GHmac *)> h (
      g_hmac_new (G_CHECKSUM_SHA256, key.data (), key.size ()), g_hmac_unref);
  g_hmac_update (h.get (), data.data (), static_cast<gssize> (data.size ()));
  g_hmac_get_digest (h.get (), out.data (), &n);
  return out;
}

// Of logins, whose clients know no better hash.
std::array<std::uint8_t, 16> md5 (Bytes data)
{
  std::array<std::uint8_t, 16> out{};
  gsize n = out.size ();
  const std::unique_ptr<GChecksum, void (*) (GChecksum *)> c (
      g_checksum_new (G_CHECKSUM_MD5), g_checksum_free);
  g_checksum_update (c.get (), data.data (), static_cast<gssize> (data.size ()));
  g_checksum_get_digest (c.get (), out.data (), &n);
  return out;
}

// Where the kernel has nothing yet, early in the system's start, anything will do.
void random_bytes (std::span<std::uint8_t> to)
{
  std::size_t done = 0;
  while (done < to.size ()) {
    const ssize_t n = getrandom (to.data () + done, to.size () - done, GRND_NONBLOCK);
    if (n <= 0)
      break;
    done += static_cast<std::size_t> (n);
  }
  for (; done < to.size (); done++)
    to[done] = static_cast<std::uint8_t> (g_random_int ());
}
} // namespace

Crypto make_crypto ()
{
  return {hmac_sha256, random_bytes, md5};
}
} // namespace reach::rtmp

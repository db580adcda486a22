// SPDX-License-Identifier: LGPL-2.1-or-later
#include "password.h"
#include "password_key.h"
#include <glib.h>
#include <optional>
#include <sys/random.h>
#include <vector>

namespace reach {
namespace {
constexpr std::size_t salt_size = 16;
constexpr unsigned rounds = 100000;

struct Kept {
  bool scrypt = false;
  std::vector<std::uint8_t> salt, key;
};

std::string hex (Bytes b)
{
  static constexpr char digits[] = "0123456789abcdef";
  std::string s;
  for (const std::uint8_t x : b) {
    s += digits[x >> 4];
    s += digits[x & 15];
  }
  return s;
}

// Empty: not hexadecimal.
std::vector<std::uint8_t> unhex (std::string_view s)
{
  std::vector<std::uint8_t> out;
  if (s.size () % 2 != 0)
    return out;
  for (std::size_t i = 0; i < s.size (); i += 2) {
    const int high = g_ascii_xdigit_value (s[i]), low = g_ascii_xdigit_value (s[i + 1]);
    if (high < 0 || low < 0)
      return {};
    out.push_back (static_cast<std::uint8_t> (high << 4 | low));
  }
  return out;
}

std::optional<Kept> parse (std::string_view hash)
{
  const std::size_t a = hash.find (':'), b = hash.rfind (':');
  if (a == hash.npos || a == b)
    return {};
  const std::string_view method = hash.substr (0, a);
  Kept k{method == "scrypt", unhex (hash.substr (a + 1, b - a - 1)), unhex (hash.substr (b + 1))};
  if ((!k.scrypt && method != "pbkdf2") || (k.scrypt && !has_scrypt ()) ||
      k.salt.size () != salt_size || k.key.size () != PasswordKey{}.size ())
    return {};
  return k;
}

bool derive (bool with_scrypt, std::string_view password, Bytes salt, PasswordKey &out)
{
  if (with_scrypt)
    return scrypt (password, salt, out);
  pbkdf2 (password, salt, rounds, out);
  return true;
}
} // namespace

// One block of it: a key is as long as a digest.
void pbkdf2 (std::string_view password, Bytes salt, unsigned n, PasswordKey &out)
{
  const auto *key = reinterpret_cast<const guchar *> (password.data ());
  GHmac *keyed = g_hmac_new (G_CHECKSUM_SHA256, key, password.size ());
  GHmac *h = g_hmac_copy (keyed);
  constexpr guchar block[] = {0, 0, 0, 1};
  g_hmac_update (h, salt.data (), static_cast<gssize> (salt.size ()));
  g_hmac_update (h, block, sizeof block);
  PasswordKey u{};
  for (unsigned i = 0; i < n; i++) {
    if (i > 0) {
      h = g_hmac_copy (keyed);
      g_hmac_update (h, u.data (), static_cast<gssize> (u.size ()));
    }
    gsize size = u.size ();
    g_hmac_get_digest (h, u.data (), &size);
    g_hmac_unref (h);
    for (std::size_t k = 0; k < u.size (); k++)
      out[k] = static_cast<std::uint8_t> (i == 0 ? u[k] : out[k] ^ u[k]);
  }
  g_hmac_unref (keyed);
}

std::string hash_password (std::string_view password)
{
  std::array<std::uint8_t, salt_size> salt;
  PasswordKey key;
  if (getrandom (salt.data (), salt.size (), 0) != static_cast<ssize_t> (salt.size ()) ||
      !derive (has_scrypt (), password, salt, key))
    return {};
  return (has_scrypt () ? "scrypt:" : "pbkdf2:") + hex (salt) + ":" + hex (key);
}

bool check_password (std::string_view password, std::string_view hash)
{
  const auto kept = parse (hash);
  PasswordKey key;
  if (!kept || !derive (kept->scrypt, password, kept->salt, key))
    return false;
  unsigned different = 0; // how soon is nobody's business
  for (std::size_t i = 0; i < key.size (); i++)
    different |= static_cast<unsigned> (key[i] ^ kept->key[i]);
  return different == 0;
}

bool is_password_hash (std::string_view hash)
{
  return parse (hash).has_value ();
}
} // namespace reach

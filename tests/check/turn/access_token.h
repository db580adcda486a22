// SPDX-License-Identifier: LGPL-2.1-or-later
// Access tokens as a server of third-party authorization makes them (RFC 7635, 6.2).
#pragma once
#include "common/proto/bytes.h"
#include <algorithm>
#include <openssl/evp.h>
#include <string_view>
#include <vector>

namespace reach::test {
// `made` in seconds of Unix time, `lifetime` in seconds.
inline std::vector<std::uint8_t> plain_token (
    Bytes mac_key, std::int64_t made, std::uint32_t lifetime)
{
  std::vector<std::uint8_t> b (2 + mac_key.size () + 12);
  store_be (b.data (), static_cast<std::uint16_t> (mac_key.size ()));
  std::ranges::copy (mac_key, b.begin () + 2);
  std::uint8_t *rest = b.data () + 2 + mac_key.size ();
  store_be (rest, static_cast<std::uint64_t> (made) << 16);
  store_be (rest + 8, lifetime);
  return b;
}

// AES-256-GCM with a key of 32 bytes, for the server of that name.
inline std::vector<std::uint8_t> seal_token (Bytes plain, Bytes key, std::string_view server)
{
  std::vector<std::uint8_t> out (2 + 12, 9), sealed (plain.size ()), tag (16);
  store_be (out.data (), std::uint16_t{12});
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new ();
  int n = 0;
  EVP_EncryptInit_ex (c, EVP_aes_256_gcm (), nullptr, key.data (), out.data () + 2);
  EVP_EncryptUpdate (c, nullptr, &n, reinterpret_cast<const std::uint8_t *> (server.data ()),
      static_cast<int> (server.size ()));
  EVP_EncryptUpdate (c, sealed.data (), &n, plain.data (), static_cast<int> (plain.size ()));
  EVP_EncryptFinal_ex (c, sealed.data () + n, &n);
  EVP_CIPHER_CTX_ctrl (c, EVP_CTRL_AEAD_GET_TAG, 16, tag.data ());
  EVP_CIPHER_CTX_free (c);
  out.insert (out.end (), sealed.begin (), sealed.end ());
  out.insert (out.end (), tag.begin (), tag.end ());
  return out;
}
} // namespace reach::test

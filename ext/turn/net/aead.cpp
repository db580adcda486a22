// SPDX-License-Identifier: LGPL-2.1-or-later
#include "aead.h"
#include <memory>
#include <openssl/evp.h>

namespace reach::turn {
std::optional<std::vector<std::uint8_t>> open_sealed (
    Bytes key, Bytes nonce, Bytes associated, Bytes sealed)
{
  constexpr std::size_t key_size = 32, nonce_size = 12, tag_size = 16;
  if (key.size () != key_size || nonce.size () != nonce_size || sealed.size () < tag_size)
    return {};
  const std::unique_ptr<EVP_CIPHER_CTX, void (*) (EVP_CIPHER_CTX *)> c (
      EVP_CIPHER_CTX_new (), EVP_CIPHER_CTX_free);
  const std::size_t size = sealed.size () - tag_size;
  std::vector<std::uint8_t> plain (size), tag (sealed.end () - tag_size, sealed.end ());
  int n = 0;
  const bool good =
      c && EVP_DecryptInit_ex (c.get (), EVP_aes_256_gcm (), nullptr, key.data (), nonce.data ()) &&
      EVP_DecryptUpdate (
          c.get (), nullptr, &n, associated.data (), static_cast<int> (associated.size ())) &&
      EVP_DecryptUpdate (c.get (), plain.data (), &n, sealed.data (), static_cast<int> (size)) &&
      EVP_CIPHER_CTX_ctrl (c.get (), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data ()) &&
      EVP_DecryptFinal_ex (c.get (), plain.data () + n, &n) > 0;
  return good ? std::optional (std::move (plain)) : std::nullopt;
}
} // namespace reach::turn

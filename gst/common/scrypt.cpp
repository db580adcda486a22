// SPDX-License-Identifier: LGPL-2.1-or-later
#include "password_key.h"
#include <openssl/evp.h>

namespace reach {
bool has_scrypt ()
{
  return true;
}

bool scrypt (std::string_view password, Bytes salt, PasswordKey &out)
{
  constexpr std::uint64_t n = 1 << 14, r = 8, p = 1, most = 32u << 20; // 16 MiB
  return EVP_PBE_scrypt (password.data (), password.size (), salt.data (), salt.size (), n, r, p,
             most, out.data (), out.size ()) == 1;
}
} // namespace reach

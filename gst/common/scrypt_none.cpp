// SPDX-License-Identifier: LGPL-2.1-or-later
// A build without OpenSSL.
#include "password_key.h"

namespace reach {
bool has_scrypt ()
{
  return false;
}

bool scrypt (std::string_view, Bytes, PasswordKey &)
{
  return false;
}
} // namespace reach

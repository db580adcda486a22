// SPDX-License-Identifier: LGPL-2.1-or-later
// Passwords and tokens as they are kept: salted and hashed so that trying many is expensive. Any
// thread.
#pragma once
#include <string>
#include <string_view>

namespace reach {
// "scrypt:SALT:HASH", or "pbkdf2:SALT:HASH" in a build without OpenSSL; both in hexadecimal.
// Computes for about a tenth of a second. Empty: the system gives no random bytes.
std::string hash_password (std::string_view password);
// Takes as long, and as long for a wrong one. False also for what hash_password () does not write,
// and for scrypt without OpenSSL.
bool check_password (std::string_view password, std::string_view hash);
// Whether check_password () can do something with it.
bool is_password_hash (std::string_view hash);
} // namespace reach

// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages in words, for logs: what is in the attributes is not told, as it may be secret.
#pragma once
#include "message.h"
#include <string>

namespace reach::stun {
const char *name_of (Method m); // "create-permission"
// "allocate request 0123456789abcdef01234567: USERNAME REALM NONCE"; of an error
// with its code.
std::string describe (const Message &m);
} // namespace reach::stun

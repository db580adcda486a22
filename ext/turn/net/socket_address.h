// SPDX-License-Identifier: LGPL-2.1-or-later
// Addresses as the kernel has them and as STUN has them.
#pragma once
#include "common/address.h"
#include "turn/proto/address.h"

namespace reach::turn {
// An IPv4 client of an IPv6 socket is an IPv4 client.
stun::Address from_socket (const reach::Address &a);
// `v6`: for a socket of IPv6, whatever the address is.
reach::Address to_socket (const stun::Address &a, bool v6 = false);
// Numbers without a port; of no family if they are none.
stun::Address parse_host (const std::string &host);
} // namespace reach::turn

// SPDX-License-Identifier: LGPL-2.1-or-later
// Nonces that nobody has to remember: a time and a proof that it was said here, to that address.
// In front the cookie of RFC 8489, 9.2, which says what the server can do.
#pragma once
#include "crypto.h"
#include "server_types.h"

namespace reach::turn::server {
class Nonces {
public:
  enum class State : std::uint8_t { good, stale }; // stale: too old, or not from here at all

  Nonces (const stun::Crypto &crypto, std::vector<std::uint8_t> secret, Duration lifetime,
      bool algorithms, bool userhash);
  std::string make (const Address &client, TimePoint now) const;
  State check (std::string_view nonce, const Address &client, TimePoint now) const;

private:
  std::string sign (std::string_view front, const Address &client) const;

  const stun::Crypto &crypto_;
  std::vector<std::uint8_t> secret_;
  Duration lifetime_;
  std::string cookie_;
};
} // namespace reach::turn::server

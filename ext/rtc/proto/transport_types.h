// SPDX-License-Identifier: LGPL-2.1-or-later
// What descriptions say of the transport, and the transport takes.
#pragma once
#include <cstdint>
#include <string>

namespace reach::rtc {
enum class DtlsRole : std::uint8_t { client, server }; // ours: a=setup:active, passive

struct IceCredentials {
  std::string ufrag, pwd;
  bool operator== (const IceCredentials &) const = default;
};
} // namespace reach::rtc

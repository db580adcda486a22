// SPDX-License-Identifier: LGPL-2.1-or-later
#include "random_id.h"
#include <cstdint>
#include <stdexcept>
#include <sys/random.h>

namespace reach::rtc {
// GLib's comes from a Mersenne twister, whose next numbers follow from those that were seen.
std::string random_id ()
{
  static constexpr char hex[] = "0123456789abcdef";
  std::uint8_t b[16];
  if (getrandom (b, sizeof b, 0) != sizeof b)
    throw std::runtime_error ("the system gives no random bytes");
  b[6] = static_cast<std::uint8_t> ((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<std::uint8_t> ((b[8] & 0x3f) | 0x80);
  std::string out;
  for (std::size_t i = 0; i < sizeof b; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      out += '-';
    out += hex[b[i] >> 4];
    out += hex[b[i] & 15];
  }
  return out;
}
} // namespace reach::rtc

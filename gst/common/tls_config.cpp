// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tls.h"

namespace reach {
namespace {
int digit (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  const char small = static_cast<char> (c | 0x20);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

std::optional<TlsConfig::Fingerprint> parse_pin (std::string_view text)
{
  TlsConfig::Fingerprint f{};
  std::size_t n = 0;
  for (const char c : text) {
    if (c == ':' || c == ' ')
      continue;
    const int d = digit (c);
    if (d < 0 || n == 2 * f.size ())
      return {};
    f[n / 2] = static_cast<std::uint8_t> (f[n / 2] << 4 | d);
    n++;
  }
  return n == 2 * f.size () ? std::optional (f) : std::nullopt;
}
} // namespace

std::optional<std::vector<TlsConfig::Fingerprint>> TlsConfig::parse_pins (std::string_view text)
{
  std::vector<Fingerprint> pins;
  while (!text.empty ()) {
    const std::size_t comma = std::min (text.find (','), text.size ());
    const auto pin = parse_pin (text.substr (0, comma));
    if (!pin)
      return {};
    pins.push_back (*pin);
    text.remove_prefix (std::min (comma + 1, text.size ()));
  }
  return pins;
}
} // namespace reach

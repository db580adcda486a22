// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON that is cut: each part of what is valid is valid by itself, and strings survive.
#include "rtc/signalling/proto/json_text.h"
#include <cstdint>
#include <cstdlib>

using namespace reach::rtc;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

void check (const json::Value &v, unsigned depth)
{
  const auto again = json::parse (v.text, depth);
  require (again && again->kind == v.kind && again->text == v.text);
  if (const auto s = json::string_of (v))
    require (json::string_of (*json::parse (json::quote (*s))) == s);
  for (json::Items i (v); i.next ();) {
    if (v.is (json::Kind::object))
      require (json::member (v, *json::string_of (i.name ())).has_value ());
    check (i.value (), depth - 1);
  }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  const std::string_view text (reinterpret_cast<const char *> (data), size);
  constexpr unsigned depth = 8;
  if (size < 4096)
    if (const auto v = json::parse (text, depth))
      check (*v, depth);
  return 0;
}

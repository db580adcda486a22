// SPDX-License-Identifier: LGPL-2.1-or-later
// Bodies that only a media server's links have; the first byte says which. What is accepted must
// survive another round.
#include "cam/proto/source.h"
#include <cstdlib>

using namespace reach;
using namespace reach::cam;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

// Doubles that are not numbers are not equal to themselves, so bytes are compared.
std::vector<std::uint8_t> again (const std::vector<std::uint8_t> &wire)
{
  return wire;
}
std::vector<std::uint8_t> again (const std::optional<std::vector<std::uint8_t>> &wire)
{
  require (wire.has_value ());
  return *wire;
}

template <typename E, typename D> void round_trip (E encode_one, D decode_one, Bytes in)
{
  const auto x = decode_one (in);
  if (!x)
    return;
  const auto wire = again (encode_one (*x));
  const auto y = decode_one (wire);
  require (y.has_value () && again (encode_one (*y)) == wire);
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const Bytes in = Bytes (data, size).subspan (1);
  const auto encode_any = [] (const auto &x) { return encode (x); };
  switch (data[0] % 6) {
  case 0:
    round_trip (encode_any, decode_source, in);
    break;
  case 1:
    round_trip (encode_any, decode_source_clock, in);
    break;
  case 2:
    round_trip (encode_any, decode_ask, in);
    break;
  case 3:
    round_trip (encode_any, decode_answer, in);
    break;
  case 4:
    round_trip (encode_notice, decode_notice, in);
    break;
  default:
    if (const auto strings = decode_strings (in))
      require (decode_strings (encode_strings (*strings)) == strings);
  }
  return 0;
}

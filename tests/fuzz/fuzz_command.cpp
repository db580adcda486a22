// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands and their acknowledgements; the first byte says which. What is accepted must survive
// another round (compared as bytes: NaN is not equal to itself).
#include "cam/proto/command.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::cam;

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const Bytes in = Bytes (data, size).subspan (1);
  command_id (in);
  if (data[0] % 2) {
    const auto a = decode_command_ack (in);
    if (a && !(decode_command_ack (encode (*a)) == a))
      std::abort ();
    return 0;
  }
  const auto c = decode_command (in);
  if (!c)
    return 0;
  const auto wire = encode (*c);
  if (!wire || wire->size () > in.size () ||
      !std::equal (wire->begin (), wire->end (), in.begin ()))
    std::abort ();
  return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Every handshake body; the first byte says which. What is accepted must survive another round.
#include "cam/proto/hello.h"
#include <cstdlib>

using namespace reach;
using namespace reach::cam;

namespace {
template <typename F> void round_trip (F decode, Bytes in)
{
  const auto x = decode (in);
  if (x && !(decode (encode (*x)) == x))
    std::abort ();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const Bytes in = Bytes (data, size).subspan (1);
  switch (data[0] % 7) {
  case 0:
    // Of another version only the version is read, and that is all that could be written again.
    if (const auto h = decode_hello (in); h && h->version == hello_version)
      round_trip (decode_hello, in);
    break;
  case 1:
    round_trip (decode_streams, in);
    break;
  case 2:
    round_trip (decode_refuse, in);
    break;
  case 3:
    round_trip (decode_ping, in);
    break;
  case 4:
    round_trip (decode_pong, in);
    break;
  case 5:
    round_trip (decode_request, in);
    break;
  default:
    round_trip (decode_bye, in);
  }
  return 0;
}

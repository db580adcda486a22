// SPDX-License-Identifier: LGPL-2.1-or-later
// A byte stream cut as the input says gives the frames of the same stream in one piece.
#include "turn/proto/framing.h"
#include <cstdlib>

using namespace reach;
using namespace reach::turn;

namespace {
using Frames = std::vector<std::vector<std::uint8_t>>;

void require (bool holds)
{
  if (!holds)
    std::abort ();
}

void take (StreamFramer &f, Bytes in, Frames &to)
{
  f.input (in);
  while (const auto frame = f.next ())
    to.emplace_back (frame->begin (), frame->end ());
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size < 2)
    return 0;
  const std::size_t piece = data[0] + 1u, max = 16u + data[1] * 16u;
  const Bytes in (data + 2, size - 2);
  Frames whole, pieces;
  StreamFramer a (max), b (max);
  take (a, in, whole);
  for (std::size_t at = 0; at < in.size (); at += piece)
    take (b, in.subspan (at, std::min (piece, in.size () - at)), pieces);
  require (a.failed () == b.failed () && whole == pieces);
  std::size_t n = 0;
  for (const auto &frame : whole) {
    require (frame.size () >= channel_header && frame.size () <= max);
    n += (frame.size () + 3) & ~std::size_t{3};
  }
  const auto rest = a.take_rest ();
  require (a.failed () || n + rest.size () == in.size ());
  return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// FLV files, in pieces whose sizes the first byte says: the same tags as in one piece.
#include "rtmpserver/proto/flv.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
std::vector<FlvTag> read (Bytes in, std::size_t piece)
{
  FlvReader r (64 << 10);
  std::vector<FlvTag> out;
  while (!in.empty ()) {
    const std::size_t n = std::min (piece, in.size ());
    const bool good = r.input (in.first (n));
    while (auto tag = r.next ())
      out.push_back (std::move (*tag));
    if (!good)
      break;
    in = in.subspan (n);
  }
  return out;
}

bool same (const FlvTag &a, const FlvTag &b)
{
  return a.type == b.type && a.timestamp == b.timestamp &&
         std::equal (a.body.bytes.begin (), a.body.bytes.end (), b.body.bytes.begin (),
             b.body.bytes.end ());
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const Bytes in = Bytes (data, size).subspan (1);
  const auto whole = read (in, in.size ());
  const auto pieces = read (in, 1 + data[0] % 64);
  if (!std::equal (whole.begin (), whole.end (), pieces.begin (), pieces.end (), same))
    std::abort ();
  return 0;
}

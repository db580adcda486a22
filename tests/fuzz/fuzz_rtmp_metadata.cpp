// SPDX-License-Identifier: LGPL-2.1-or-later
// Data messages and metadata packets in AMF0. What was understood is the same after a round.
#include "rtmpserver/proto/amf0.h"
#include "rtmpserver/proto/metadata.h"
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  const Decoded d = decode_amf0 (Bytes (data, size), Limits{});
  if (const auto color = parse_color_info (d.values))
    require (parse_color_info (build_color_info (*color)) == color);
  if (const auto m = parse_metadata (d.values)) {
    // Once built, it says the same for good; before that a codec may have had another number.
    const auto once = parse_metadata (build_metadata (*m));
    require (once.has_value ());
    require (parse_metadata (build_metadata (*once)) == once);
  }
  return 0;
}

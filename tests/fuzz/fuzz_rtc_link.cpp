// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as Link header fields: within the limits, and of printable ASCII.
#include "rtc/signalling/proto/link_header.h"
#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace reach::rtc;

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  const IceLinks all = parse_ice_links ({reinterpret_cast<const char *> (data), size});
  if (all.servers.size () > IceLinks::most || all.left_out > size)
    std::abort ();
  const auto printable = [] (char c) { return (c >= ' ' && c <= '~') || c == '\t'; };
  for (const IceLink &l : all.servers)
    for (const std::string *text : {&l.uri, &l.username, &l.credential, &l.credential_type})
      if (text->size () > size || !std::ranges::all_of (*text, printable))
        std::abort ();
  return 0;
}

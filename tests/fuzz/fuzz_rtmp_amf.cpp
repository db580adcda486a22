// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF0, and AMF3 within it: what was decoded is within the limits, and encoded and decoded again it
// is the same.
#include "rtmpserver/proto/amf0.h"
#include "rtmpserver/proto/connect.h"
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

// Values in all; looks at the depth on its way.
std::size_t count (const Value &v, std::size_t depth, const Limits &l)
{
  require (depth <= l.amf_depth);
  require (v.string ().size () <= l.amf_string);
  (void)v.number ();
  (void)v.boolean ();
  std::size_t n = 1;
  for (const Property &p : v.members ())
    n += count (p.value, depth + 1, l);
  for (const Value &e : v.values ())
    n += count (e, depth + 1, l);
  if (const auto *d = v.as<Dictionary> ())
    for (const auto &[key, value] : d->entries)
      n += count (key, depth + 1, l) + count (value, depth + 1, l);
  return n;
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  Limits l;
  l.amf_values = 1000;
  l.amf_bytes = 20000;
  const Decoded d = decode_amf0 ({data, size}, l);
  std::size_t n = 0;
  for (const Value &v : d.values)
    n += count (v, 0, l);
  require (n <= l.amf_values);
  if (!d.ok ())
    return 0;
  // More than in the input: no references, and counts that were wrong are right.
  Limits more;
  more.amf_values = 100000;
  more.amf_bytes = 100u << 20;
  const auto bytes = encode_amf0 (d.values);
  const Decoded again = decode_amf0 (bytes, more);
  require (again.ok () && encode_amf0 (again.values) == bytes);
  (void)parse_connect (d.values);
  return 0;
}

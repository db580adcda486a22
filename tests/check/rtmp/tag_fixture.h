// SPDX-License-Identifier: LGPL-2.1-or-later
// Message bodies as bytes, and what they are parsed to.
#pragma once
#include "../check.h"
#include "rtmpserver/proto/tag.h"

namespace reach::test {
using Wire = std::vector<std::uint8_t>;
using rtmp::Codec;
using rtmp::Framing;
using rtmp::PacketType;
using rtmp::TagResult;
using rtmp::TrackPacket;

inline Wire operator+ (Wire a, const Wire &b)
{
  a.insert (a.end (), b.begin (), b.end ());
  return a;
}

inline Wire text (std::string_view s)
{
  return {s.begin (), s.end ()};
}

// An exact allocation, so that the sanitizer sees a read past the end.
inline Slice body (const Wire &w)
{
  return slice_of (Wire (w.begin (), w.end ()));
}

inline Wire payload (const TrackPacket &p)
{
  return {p.payload.bytes.begin (), p.payload.bytes.end ()};
}

using Parse = TagResult (*) (const Slice &, std::vector<TrackPacket> &);

inline std::vector<TrackPacket> packets (Parse parse, const Wire &w)
{
  std::vector<TrackPacket> out (3); // what was there before must go
  const TagResult result = parse (body (w), out);
  fail_unless (result == TagResult::ok, "result %d", static_cast<int> (result));
  return out;
}

inline TrackPacket packet (Parse parse, const Wire &w)
{
  auto all = packets (parse, w);
  fail_unless (all.size () == 1, "%zu packets", all.size ());
  return all[0];
}

inline TagResult result (Parse parse, const Wire &w)
{
  std::vector<TrackPacket> out (1);
  const TagResult r = parse (body (w), out);
  fail_unless (r == TagResult::ok || out.empty (), "packets of a bad body");
  return r;
}

// What the builder makes of a parsed packet must be the bytes that it was parsed from.
inline void round_trip (Parse parse, const Wire &w)
{
  const TrackPacket p = packet (parse, w);
  const auto header = rtmp::build_header (p);
  fail_unless (header.has_value ());
  const Wire again = *header + payload (p);
  fail_unless (again == w, "%zu bytes of %zu", again.size (), w.size ());
}
} // namespace reach::test

// SPDX-License-Identifier: LGPL-2.1-or-later
// Bodies of audio and video messages; the first byte says which. What is accepted is within the
// body, and what can be built again must be parsed to the same.
#include "rtmpserver/proto/codec_config.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

bool within (Bytes part, Bytes whole)
{
  return part.empty () || (part.data () >= whole.data () &&
                              part.data () + part.size () <= whole.data () + whole.size ());
}

bool same (const TrackPacket &a, const TrackPacket &b)
{
  return a.codec == b.codec && a.framing == b.framing && a.type == b.type && a.track == b.track &&
         a.command == b.command && a.composition_ms == b.composition_ms &&
         a.nano_offset == b.nano_offset &&
         std::equal (a.payload.bytes.begin (), a.payload.bytes.end (), b.payload.bytes.begin (),
             b.payload.bytes.end ());
}

using Parse = TagResult (*) (const Slice &, std::vector<TrackPacket> &);

void check_again (
    Parse parse, std::vector<std::uint8_t> wire, const std::vector<TrackPacket> &packets)
{
  std::vector<TrackPacket> again;
  require (parse (slice_of (std::move (wire)), again) == TagResult::ok);
  require (std::equal (packets.begin (), packets.end (), again.begin (), again.end (), same));
}

void check (Parse parse, const Slice &body)
{
  std::vector<TrackPacket> packets;
  const TagResult result = parse (body, packets);
  require (result == TagResult::ok || packets.empty ());
  for (const TrackPacket &p : packets) {
    require (within (p.payload.bytes, body.bytes) && p.nano_offset <= 999999);
    parse_frame_size (p);
  }
  if (packets.empty ())
    return;
  if (packets[0].framing >= Framing::many_tracks) {
    if (auto wire = build_many (packets))
      check_again (parse, std::move (*wire), packets);
  } else if (auto wire = build_header (packets[0])) {
    wire->insert (wire->end (), packets[0].payload.bytes.begin (), packets[0].payload.bytes.end ());
    check_again (parse, std::move (*wire), packets);
  }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const Slice body{Bytes (data, size).subspan (1), {}};
  check (data[0] % 2 == 1 ? parse_video : parse_audio, body);
  return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Changed-area frames: whatever comes in stays inside the picture, and what our encoder makes of
// any two pictures comes out again. Input: format, width, height, policy, then frames of a 16-bit
// length whose top bit says that something was lost before.
#include "cam/delta/compression.h"
#include "cam/delta/proto/encoder.h"
#include <cstdlib>
#include <cstring>

using namespace reach;
using namespace reach::delta;

namespace {
void decode (ByteReader r, const Layout &layout, Decoder::OnCorruption policy)
{
  Decoder decoder (layout);
  ZlibInflater inflater;
  while (r.left () > 2) {
    const unsigned length = r.u16 ();
    const auto outcome = decoder.input (r.take (std::min<std::size_t> (length & 0x7fff, r.left ())),
        length & 0x8000, policy, inflater);
    if (outcome != Decoder::Outcome::shown && outcome != Decoder::Outcome::damaged)
      continue;
    if (!decoder.picture ().data[0])
      std::abort ();
    for (const Rect &rect : decoder.changed ())
      if (!layout.contains (rect))
        std::abort ();
  }
}

// The input again and again as a picture, then with one more byte in front.
void round_trip (Bytes in, const Layout &layout, unsigned differences)
{
  EncoderSettings s;
  s.thresholds.common = 0;
  s.min_change_area = 0;
  s.difference_interval = differences;
  Encoder encoder (layout, s);
  Decoder decoder (layout);
  ZlibInflater inflater;
  std::vector<std::uint8_t> picture (layout.bytes (layout.whole ()));
  for (unsigned n = 0; n < 3; n++) {
    for (std::size_t i = 0; i < picture.size (); i++)
      picture[i] = in[(i + n * (i > picture.size () / 2)) % in.size ()];
    const View now = read_only (layout.packed (picture.data ()));
    const auto plan = encoder.look (now, false);
    const std::size_t head = FrameHeader::size (plan.rects.size ());
    std::vector<std::uint8_t> frame (head + plan.bytes);
    encoder.write (plan, now, frame.data () + head);
    write_header ({plan.kind, Coding::raw, encoder.sequence ()}, plan.rects, frame.data ());
    if (decoder.input (frame, false, Decoder::OnCorruption::drop_until_key, inflater) !=
        Decoder::Outcome::shown)
      std::abort ();
    if (layout.format ().planes[0].channels.find ('x') == std::string_view::npos &&
        std::memcmp (decoder.picture ().data[0], picture.data (), picture.size ()) != 0)
      std::abort ();
  }
}
} // namespace

// GLib keeps a block for good.
extern "C" const char *__asan_default_options ()
{
  return "detect_leaks=0";
}

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size < 5)
    return 0;
  const Format &format = formats ()[data[0] % formats ().size ()];
  const auto layout = Layout::make (format.name, 1u + data[1], 1u + data[2]);
  const bool pass = data[3] & 1;
  decode (ByteReader (Bytes (data, size).subspan (4)), *layout,
      pass ? Decoder::OnCorruption::pass : Decoder::OnCorruption::drop_until_key);
  if (data[3] & 2)
    round_trip (Bytes (data, size).subspan (4), *layout, data[3] >> 2 & 3);
  return 0;
}

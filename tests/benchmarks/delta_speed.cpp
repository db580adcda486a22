// SPDX-License-Identifier: LGPL-2.1-or-later
// How long changed-area coding takes for one picture, without GStreamer and without compression.
// reach-delta-speed [WIDTH HEIGHT]; prints a Markdown table. docs/changed-areas.md says more.
#include "cam/delta/proto/decoder.h"
#include "cam/delta/proto/encoder.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

using namespace reach;
using namespace reach::delta;

namespace {
class NoInflater final : public Inflater {
  bool inflate (Bytes, std::span<std::uint8_t>) override { return false; }
};

struct Pictures {
  explicit Pictures (const Layout &l) : a (l.bytes (l.whole ())), b (a.size ()), layout (l)
  {
    std::mt19937 random (1);
    for (auto &v : a)
      v = static_cast<std::uint8_t> (random ());
    b = a;
  }
  // `side` × `side` pixels in the middle of b become new.
  void change (unsigned width, unsigned height)
  {
    const MutableView v = layout.packed (b.data ());
    const Rect r{static_cast<std::uint16_t> ((layout.columns () - width) / 2),
        static_cast<std::uint16_t> ((layout.rows () - height) / 2),
        static_cast<std::uint16_t> (width), static_cast<std::uint16_t> (height)};
    for (std::size_t i = 0; i < layout.planes (); i++) {
      const auto p = layout.part (i, r);
      for (unsigned y = 0; y < p.lines; y++)
        for (std::size_t x = 0; x < p.bytes; x++)
          v.line (i, p.first + y)[p.offset + x] ^= 0x80;
    }
  }
  std::vector<std::uint8_t> a, b;
  const Layout layout;
};

using Clock = std::chrono::steady_clock;

double ms_since (Clock::time_point t)
{
  return std::chrono::duration<double, std::milli> (Clock::now () - t).count ();
}

double median (std::vector<double> &v)
{
  std::ranges::nth_element (v, v.begin () + static_cast<std::ptrdiff_t> (v.size () / 2));
  return v[v.size () / 2];
}

// Two pictures in turn; medians of looking, packing and decoding.
void measure (const char *label, Pictures &pictures, unsigned differences)
{
  const Layout &l = pictures.layout;
  EncoderSettings s;
  s.full_interval = 0;
  s.difference_interval = differences;
  Encoder encoder (l, s);
  Decoder decoder (l);
  NoInflater none;
  std::vector<std::uint8_t> frame (FrameHeader::size (Encoder::max_rects) + 2 * pictures.a.size ());
  std::vector<double> look, pack, decode;
  std::size_t bytes = 0;
  for (int i = 0; i < 60; i++) {
    const View now = read_only (l.packed (i % 2 ? pictures.b.data () : pictures.a.data ()));
    auto t = Clock::now ();
    const auto plan = encoder.look (now, i == 0);
    look.push_back (ms_since (t));
    t = Clock::now ();
    const std::size_t head = FrameHeader::size (plan.rects.size ());
    encoder.write (plan, now, frame.data () + head);
    pack.push_back (ms_since (t));
    write_header ({plan.kind, Coding::raw, encoder.sequence ()}, plan.rects, frame.data ());
    bytes = head + plan.bytes;
    t = Clock::now ();
    decoder.input (Bytes (frame).first (bytes), false, Decoder::OnCorruption::drop_until_key, none);
    decode.push_back (ms_since (t));
  }
  std::printf ("| %s | %s | %zu | %.2f | %.2f | %.2f |\n", l.format ().name.data (), label, bytes,
      median (look), median (pack), median (decode));
}
} // namespace

int main (int argc, char **argv)
{
  const unsigned width = argc > 2 ? static_cast<unsigned> (std::atoi (argv[1])) : 1920;
  const unsigned height = argc > 2 ? static_cast<unsigned> (std::atoi (argv[2])) : 1080;
  std::printf (
      "| format, %u × %u | what changes | bytes sent | find, ms | pack, ms | decode, ms |\n"
      "|---|---|---|---|---|---|\n",
      width, height);
  for (const char *format : {"I420", "NV12", "YUY2", "BGRx", "RGB"}) {
    const auto layout = Layout::make (format, width, height);
    if (!layout)
      return 1;
    Pictures p (*layout);
    measure ("nothing", p, 0);
    p.change (layout->columns () / 10, layout->rows () / 10);
    measure ("1 %", p, 0);
    p.b = p.a;
    p.change (layout->columns (), layout->rows ());
    measure ("everything", p, 0);
    measure ("everything, differences", p, 1000);
  }
  return 0;
}

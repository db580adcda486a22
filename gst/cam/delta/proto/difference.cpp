// SPDX-License-Identifier: LGPL-2.1-or-later
// The inner loops are plain ones that the compiler turns into vector instructions: no branches,
// one array each, known steps.
#include "difference.h"
#include <algorithm>
#include <cstring>

// Two versions of a function, one for AVX2; which one runs is found out when the program is loaded.
// Sanitizers do not like code that runs so early.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WIDE_TOO __attribute__ ((target_clones ("avx2", "default")))
#else
#define WIDE_TOO
#endif

namespace reach::delta {
namespace {
using std::uint16_t;
using std::uint32_t;
using std::uint8_t;

// max (|a − b| − ignore, 0) of each byte.
WIDE_TOO void excess_of (const uint8_t *__restrict a, const uint8_t *__restrict b,
    const uint8_t *__restrict ignore, uint8_t *__restrict out, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++) {
    const uint8_t high = std::max (a[i], b[i]), low = std::min (a[i], b[i]);
    const uint8_t d = static_cast<uint8_t> (high - low);
    out[i] = static_cast<uint8_t> (std::max (d, ignore[i]) - ignore[i]);
  }
}

// The sums of the bytes of each group of one, two, three and four.
WIDE_TOO void sum_ones (const uint8_t *__restrict in, uint16_t *__restrict out, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++)
    out[i] = in[i];
}

WIDE_TOO void sum_twos (const uint8_t *__restrict in, uint16_t *__restrict out, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++) {
    uint16_t w;
    std::memcpy (&w, in + 2 * i, 2);
    out[i] = static_cast<uint16_t> ((w & 0xff) + (w >> 8));
  }
}

WIDE_TOO void sum_threes (const uint8_t *__restrict in, uint16_t *__restrict out, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++)
    out[i] = static_cast<uint16_t> (in[3 * i] + in[3 * i + 1] + in[3 * i + 2]);
}

WIDE_TOO void sum_fours (const uint8_t *__restrict in, uint16_t *__restrict out, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++) {
    uint32_t w;
    std::memcpy (&w, in + 4 * i, 4);
    out[i] = static_cast<uint16_t> ((w & 0xff) + (w >> 8 & 0xff) + (w >> 16 & 0xff) + (w >> 24));
  }
}

void sum_groups (const uint8_t *in, uint16_t *out, std::size_t n, std::size_t step)
{
  switch (step) {
  case 1:
    return sum_ones (in, out, n);
  case 2:
    return sum_twos (in, out, n);
  case 3:
    return sum_threes (in, out, n);
  default:
    return sum_fours (in, out, n);
  }
}

WIDE_TOO void add (uint16_t *__restrict to, const uint16_t *__restrict sums, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++)
    to[i] = static_cast<uint16_t> (to[i] + sums[i]);
}

// Each group counts for two pixels.
WIDE_TOO void add_twice (uint16_t *__restrict to, const uint16_t *__restrict sums, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++) {
    to[2 * i] = static_cast<uint16_t> (to[2 * i] + sums[i]);
    to[2 * i + 1] = static_cast<uint16_t> (to[2 * i + 1] + sums[i]);
  }
}

WIDE_TOO void count_above (const uint16_t *__restrict pixels, uint16_t limit,
    uint16_t *__restrict counts, std::size_t blocks)
{
  for (std::size_t i = 0; i < blocks; i++) {
    uint16_t n = 0;
    for (unsigned x = 0; x < block_size; x++)
      n = static_cast<uint16_t> (n + (pixels[i * block_size + x] > limit));
    counts[i] = static_cast<uint16_t> (counts[i] + n);
  }
}

uint8_t own_threshold (char channel, const Thresholds &t)
{
  const auto byte = [] (int v) { return static_cast<uint8_t> (std::clamp (v, 0, 255)); };
  switch (channel) {
  case 'r':
    return byte (t.r);
  case 'g':
    return byte (t.g);
  case 'b':
    return byte (t.b);
  default:
    return byte (std::max ({t.r, t.g, t.b}));
  }
}
} // namespace

Difference::Difference (const Layout &layout, const Thresholds &t)
    : layout_ (layout),
      limit_ (t.common < 0
                  ? 0
                  : static_cast<unsigned> (std::min (t.common, 255)) * layout.format ().channels),
      pixels_ (std::size_t{layout.columns ()} * block_size), counts_ (layout.blocks ())
{
  for (std::size_t i = 0; i < layout.planes (); i++) {
    const std::string_view channels = layout.format ().planes[i].channels;
    const std::size_t n = layout.part (i, layout.whole ()).bytes;
    Line &l = lines_[i];
    l.excess.resize (n);
    l.sums.resize (n / channels.size ());
    l.ignore.resize (n);
    for (std::size_t k = 0; k < n; k++) {
      const char c = channels[k % channels.size ()];
      l.ignore[k] = c == 'x' ? 255 : t.common < 0 ? own_threshold (c, t) : uint8_t{0};
    }
  }
}

std::span<const uint16_t> Difference::count (const View &a, const View &b)
{
  bool any = false;
  std::ranges::fill (counts_, uint16_t{0});
  for (unsigned y = 0; y < layout_.height (); y++) {
    bool same = true;
    for (std::size_t i = 0; i < layout_.planes (); i++) {
      const unsigned shift = layout_.format ().planes[i].shift_y;
      if ((y & ((1u << shift) - 1)) == 0)
        look (i, y >> shift, a, b);
      same = same && lines_[i].same;
    }
    if (same)
      continue;
    any = true;
    add_up (y);
  }
  return any ? std::span<const uint16_t> (counts_) : std::span<const uint16_t> ();
}

void Difference::look (std::size_t plane, unsigned y, const View &a, const View &b)
{
  Line &l = lines_[plane];
  const uint8_t *pa = a.line (plane, y), *pb = b.line (plane, y);
  l.same = std::memcmp (pa, pb, l.excess.size ()) == 0;
  if (l.same)
    return;
  excess_of (pa, pb, l.ignore.data (), l.excess.data (), l.excess.size ());
  sum_groups (l.excess.data (), l.sums.data (), l.sums.size (),
      layout_.format ().planes[plane].channels.size ());
}

void Difference::add_up (unsigned y)
{
  std::ranges::fill (pixels_, uint16_t{0});
  for (std::size_t i = 0; i < layout_.planes (); i++) {
    const Line &l = lines_[i];
    if (l.same)
      continue;
    (layout_.format ().planes[i].shift_x ? add_twice : add) (
        pixels_.data (), l.sums.data (), l.sums.size ());
  }
  if (layout_.width () < pixels_.size ()) // half a group beyond an odd width
    pixels_[layout_.width ()] = 0;
  count_above (pixels_.data (), static_cast<uint16_t> (limit_),
      counts_.data () + std::size_t{y / block_size} * layout_.columns (), layout_.columns ());
}
} // namespace reach::delta

// SPDX-License-Identifier: LGPL-2.1-or-later
// AV1: the configuration record, and of a sequence header what goes into it (specification 5.5).
#include "bits.h"
#include "codec_config.h"

namespace reach::rtmp {
namespace {
struct Sequence {
  std::uint32_t profile = 0, level = 0, tier = 0;
  std::uint32_t width = 0, height = 0;
  bool high_bit_depth = false, twelve_bit = false, monochrome = false;
  bool subsampled_x = true, subsampled_y = true;
  std::uint32_t sample_position = 0;
};

class SequenceReader {
public:
  explicit SequenceReader (Bytes obu) : r_ (obu) {}

  std::optional<Sequence> read ()
  {
    s_.profile = r_.bits (3);
    r_.bit (); // still_picture
    reduced_ = r_.bit ();
    if (reduced_)
      s_.level = r_.bits (5);
    else
      read_operating_points ();
    const unsigned width_bits = r_.bits (4) + 1;
    const unsigned height_bits = r_.bits (4) + 1;
    s_.width = r_.bits (width_bits) + 1;
    s_.height = r_.bits (height_bits) + 1;
    skip_tools ();
    read_color ();
    return r_.failed () || s_.profile > 2 ? std::nullopt : std::optional (s_);
  }

private:
  void read_operating_points ()
  {
    bool model = false;
    unsigned delay_bits = 0;
    if (r_.bit ()) { // timing_info_present_flag
      r_.skip (64);
      if (r_.bit ())
        r_.ue (); // uvlc has the form of ue
      model = r_.bit ();
      if (model) {
        delay_bits = r_.bits (5) + 1;
        r_.skip (32 + 5 + 5);
      }
    }
    const bool display_delay = r_.bit ();
    const unsigned points = r_.bits (5) + 1;
    for (unsigned i = 0; i < points && !r_.failed (); i++) {
      r_.skip (12);
      const std::uint32_t level = r_.bits (5);
      const bool tier = level > 7 && r_.bit ();
      if (i == 0) {
        s_.level = level;
        s_.tier = tier ? 1 : 0;
      }
      if (model && r_.bit ())
        r_.skip (2 * delay_bits + 1);
      if (display_delay && r_.bit ())
        r_.skip (4);
    }
  }

  void skip_tools ()
  {
    if (!reduced_ && r_.bit ()) // frame_id_numbers_present_flag
      r_.skip (4 + 3);
    r_.skip (3);
    if (!reduced_) {
      r_.skip (4);
      const bool order_hint = r_.bit ();
      if (order_hint)
        r_.skip (2);
      const bool screen_content = r_.bit () || r_.bit (); // the sender's choice, or forced
      if (screen_content && !r_.bit ())
        r_.bit ();
      if (order_hint)
        r_.skip (3);
    }
    r_.skip (3);
  }

  void read_color ()
  {
    s_.high_bit_depth = r_.bit ();
    s_.twelve_bit = s_.profile == 2 && s_.high_bit_depth && r_.bit ();
    s_.monochrome = s_.profile != 1 && r_.bit ();
    const std::uint32_t description = r_.bit () ? r_.bits (24) : 0;
    constexpr std::uint32_t srgb = 1 << 16 | 13 << 8 | 0;
    if (description == srgb && !s_.monochrome) {
      s_.subsampled_x = s_.subsampled_y = false;
      return;
    }
    r_.bit (); // color_range
    if (s_.monochrome)
      return;
    if (s_.profile == 1) {
      s_.subsampled_x = s_.subsampled_y = false;
    } else if (s_.profile == 2) {
      s_.subsampled_x = !s_.twelve_bit || r_.bit ();
      s_.subsampled_y = s_.twelve_bit && s_.subsampled_x && r_.bit ();
    }
    if (s_.subsampled_x && s_.subsampled_y)
      s_.sample_position = r_.bits (2);
  }

  BitReader r_;
  Sequence s_;
  bool reduced_ = false;
};

std::uint64_t leb128 (ByteReader &r)
{
  std::uint64_t v = 0;
  for (unsigned i = 0; i < 8; i++) {
    const std::uint8_t b = r.u8 ();
    v |= std::uint64_t{b & 0x7fu} << (7 * i);
    if ((b & 0x80) == 0)
      break;
  }
  return v;
}

// The first sequence header among OBUs, without its OBU header.
Bytes find_sequence_header (Bytes obus)
{
  ByteReader r (obus);
  while (r.left () > 0 && !r.failed ()) {
    const std::uint8_t header = r.u8 ();
    if ((header & 4) != 0)
      r.u8 ();
    const std::uint64_t size = (header & 2) != 0 ? leb128 (r) : r.left ();
    if (size > r.left ())
      return {};
    const Bytes obu = r.take (static_cast<std::size_t> (size));
    if ((header >> 3 & 0x0f) == 1)
      return obu;
  }
  return {};
}

std::uint8_t bit_at (bool value, unsigned at)
{
  return static_cast<std::uint8_t> ((value ? 1u : 0u) << at);
}
} // namespace

std::optional<VideoConfig> parse_av1_config (Bytes av1c)
{
  ByteReader r (av1c);
  if (r.u8 () != 0x81) // marker and version 1
    return std::nullopt;
  VideoConfig v;
  const std::uint8_t profile_level = r.u8 ();
  const std::uint8_t format = r.u8 ();
  r.u8 ();
  if (r.failed ())
    return std::nullopt;
  v.profile = profile_level >> 5;
  v.level = profile_level & 0x1f;
  v.bit_depth = (format & 0x40) == 0 ? 8 : (format & 0x20) != 0 ? 12 : 10;
  const bool mono = (format & 0x10) != 0;
  const unsigned subsampled = format >> 2 & 3;
  v.chroma_format = mono ? 0 : subsampled == 3 ? 1 : subsampled == 2 ? 2 : 3;
  if (const auto s = SequenceReader (find_sequence_header (av1c.subspan (4))).read ()) {
    v.width = s->width;
    v.height = s->height;
  }
  return v;
}

std::optional<std::vector<std::uint8_t>> build_av1_config (Bytes temporal_unit)
{
  constexpr std::size_t max_header = 16384; // two bytes of size say it
  const Bytes obu = find_sequence_header (temporal_unit);
  const auto s = SequenceReader (obu).read ();
  if (!s || obu.size () >= max_header)
    return std::nullopt;
  ByteWriter w;
  w.u8 (0x81);
  w.u8 (static_cast<std::uint8_t> (s->profile << 5 | s->level));
  w.u8 (static_cast<std::uint8_t> (s->tier << 7 | bit_at (s->high_bit_depth, 6) |
                                   bit_at (s->twelve_bit, 5) | bit_at (s->monochrome, 4) |
                                   bit_at (s->subsampled_x, 3) | bit_at (s->subsampled_y, 2) |
                                   s->sample_position));
  w.u8 (0);
  w.u8 (1 << 3 | 2); // a sequence header with its size
  if (obu.size () >= 128)
    w.u8 (static_cast<std::uint8_t> (obu.size () | 0x80));
  w.u8 (static_cast<std::uint8_t> (obu.size () >= 128 ? obu.size () >> 7 : obu.size ()));
  w.bytes (obu);
  return w.take ();
}
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bits.h"
#include "codec_config.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
constexpr std::array<std::uint32_t, 13> aac_rates{
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
constexpr std::array<std::uint8_t, 8> aac_channels{0, 1, 2, 3, 4, 5, 6, 8};
constexpr unsigned object_sbr = 5, object_ps = 29;

unsigned aac_object_type (BitReader &r)
{
  const unsigned type = r.bits (5);
  return type == 31 ? 32 + r.bits (6) : type;
}

// 0: a reserved index.
std::uint32_t aac_rate (BitReader &r)
{
  const unsigned index = r.bits (4);
  if (index == 15)
    return r.bits (24);
  return index < aac_rates.size () ? aac_rates[index] : 0;
}

// Channels are counted by the elements that a program_config_element lists (14496-3, 4.4.1.1).
std::uint8_t count_program_config (BitReader &r)
{
  r.skip (4 + 2 + 4);
  std::array<unsigned, 3> speakers{r.bits (4), r.bits (4), r.bits (4)}; // front, side, back
  const unsigned lfe = r.bits (2);
  r.skip (3 + 4);
  for (const unsigned mix_bits : {4u, 4u, 3u})
    if (r.bit ())
      r.skip (mix_bits);
  unsigned channels = lfe;
  for (const unsigned n : speakers)
    for (unsigned i = 0; i < n; i++) {
      channels += r.bit () ? 2 : 1;
      r.skip (4);
    }
  return r.failed () ? 0 : static_cast<std::uint8_t> (channels);
}

// SBR and PS that decoders without them do not see: behind the rest, after a mark.
void read_sync_extension (BitReader &r, AudioConfig &a)
{
  if (r.left () < 16 || r.bits (11) != 0x2b7 || aac_object_type (r) != object_sbr)
    return;
  a.sbr = r.bit ();
  if (!a.sbr)
    return;
  aac_rate (r);
  if (r.left () >= 12 && r.bits (11) == 0x548)
    a.ps = r.bit ();
}

bool is_general_audio (unsigned object)
{
  constexpr std::array<unsigned, 11> objects{1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22};
  return object == 23 || std::find (objects.begin (), objects.end (), object) != objects.end ();
}

// GASpecificConfig: frame length and, without a channel configuration, the channels.
void read_general_audio (BitReader &r, unsigned object, AudioConfig &a)
{
  a.frame_samples = r.bit () ? 960 : 1024;
  if (r.bit ())
    r.skip (14);
  const bool extension = r.bit ();
  if (a.channels == 0)
    a.channels = count_program_config (r);
  else if (object == 2 && !extension && !a.sbr)
    read_sync_extension (r, a);
}
} // namespace

std::optional<AudioConfig> parse_aac_config (Bytes asc)
{
  BitReader r (asc);
  AudioConfig a;
  unsigned object = aac_object_type (r);
  a.rate = aac_rate (r);
  const unsigned channels = r.bits (4);
  if (object == object_sbr || object == object_ps) {
    a.sbr = true;
    a.ps = object == object_ps;
    aac_rate (r);
    object = aac_object_type (r);
  }
  if (r.failed () || object == 0 || a.rate == 0 || a.rate > 192000 ||
      channels >= aac_channels.size ())
    return std::nullopt;
  a.profile = static_cast<std::uint8_t> (object);
  a.channels = aac_channels[channels];
  if (is_general_audio (object))
    read_general_audio (r, object, a);
  return a;
}

std::optional<AudioConfig> parse_mp3_frame (Bytes frame)
{
  if (frame.size () < 4 || frame[0] != 0xff || (frame[1] & 0xe0) != 0xe0)
    return std::nullopt;
  const unsigned version = frame[1] >> 3 & 3, layer = frame[1] >> 1 & 3;
  const unsigned rate = frame[2] >> 2 & 3, bitrate = frame[2] >> 4;
  if (version == 1 || layer == 0 || rate == 3 || bitrate == 15)
    return std::nullopt;
  constexpr std::array<std::uint32_t, 3> rates{44100, 48000, 32000};
  AudioConfig a;
  a.profile = version == 3 ? 1 : version == 2 ? 2 : 3;
  a.layer = static_cast<std::uint8_t> (4 - layer);
  a.rate = rates[rate] >> (a.profile - 1);
  a.channels = frame[3] >> 6 == 3 ? 1 : 2;
  a.frame_samples = a.layer == 1 ? 384 : a.layer == 3 && a.profile != 1 ? 576 : 1152;
  return a;
}

// ATSC A/52, 5.3 and E.1.2: both have bsid at the same place, which says what the rest is.
std::optional<AudioConfig> parse_ac3_frame (Bytes frame)
{
  if (frame.size () < 7 || frame[0] != 0x0b || frame[1] != 0x77)
    return std::nullopt;
  constexpr std::array<std::uint32_t, 3> rates{48000, 44100, 32000};
  constexpr std::array<std::uint8_t, 8> channels{2, 1, 2, 3, 3, 4, 4, 5};
  const unsigned bsid = frame[5] >> 3;
  AudioConfig a;
  a.frame_samples = 1536;
  if (bsid <= 10) {
    const unsigned code = frame[4] >> 6;
    if (code == 3)
      return std::nullopt;
    a.rate = rates[code] >> (bsid > 8 ? bsid - 8 : 0);
    BitReader r (frame.subspan (6));
    const unsigned mode = r.bits (3);
    if ((mode & 1) != 0 && mode != 1)
      r.skip (2);
    if ((mode & 4) != 0)
      r.skip (2);
    if (mode == 2)
      r.skip (2);
    a.channels = static_cast<std::uint8_t> (channels[mode] + (r.bit () ? 1 : 0));
    return a;
  }
  if (bsid > 16)
    return std::nullopt;
  BitReader r (frame.subspan (4));
  const unsigned code = r.bits (2), blocks = r.bits (2);
  if (code == 3 && blocks == 3)
    return std::nullopt;
  constexpr std::array<std::uint16_t, 4> samples{256, 512, 768, 1536};
  a.rate = code == 3 ? rates[blocks] / 2 : rates[code];
  a.frame_samples = code == 3 ? 1536 : samples[blocks];
  const unsigned mode = r.bits (3);
  a.channels = static_cast<std::uint8_t> (channels[mode] + (r.bit () ? 1 : 0));
  return a;
}

namespace {
constexpr std::string_view opus_magic = "OpusHead";

// Both formats are little-endian here, unlike all else in this folder.
std::uint16_t swap16 (std::uint16_t v)
{
  return static_cast<std::uint16_t> (v << 8 | v >> 8);
}
std::uint32_t swap32 (std::uint32_t v)
{
  return static_cast<std::uint32_t> (swap16 (static_cast<std::uint16_t> (v))) << 16 |
         swap16 (static_cast<std::uint16_t> (v >> 16));
}
} // namespace

std::optional<OpusHead> parse_opus_head (Bytes head)
{
  ByteReader r (head);
  const Bytes magic = r.take (opus_magic.size ());
  const Bytes expected = as_bytes (opus_magic);
  if (!std::equal (magic.begin (), magic.end (), expected.begin (), expected.end ()))
    return std::nullopt;
  const std::uint8_t version = r.u8 ();
  OpusHead h;
  h.channels = r.u8 ();
  h.pre_skip = swap16 (r.u16 ());
  h.rate = swap32 (r.u32 ());
  h.gain = static_cast<std::int16_t> (swap16 (r.u16 ()));
  h.family = r.u8 ();
  if (r.failed () || version >= 16 || h.channels == 0)
    return std::nullopt;
  if (h.family == 0) {
    h.coupled = h.channels == 2 ? 1 : 0;
    return h.channels <= 2 ? std::optional (h) : std::nullopt;
  }
  h.streams = r.u8 ();
  h.coupled = r.u8 ();
  const Bytes mapping = r.take (h.channels);
  h.mapping.assign (mapping.begin (), mapping.end ());
  const unsigned decoded = h.streams + h.coupled;
  const bool valid = std::all_of (mapping.begin (), mapping.end (),
      [decoded] (std::uint8_t m) { return m == 255 || m < decoded; });
  if (r.failed () || h.streams == 0 || h.coupled > h.streams || decoded > 255 || !valid)
    return std::nullopt;
  return h;
}

std::vector<std::uint8_t> build_opus_head (const OpusHead &h)
{
  ByteWriter w;
  w.bytes (as_bytes (opus_magic));
  w.u8 (1);
  w.u8 (h.channels);
  w.u16 (swap16 (h.pre_skip));
  w.u32 (swap32 (h.rate));
  w.u16 (swap16 (static_cast<std::uint16_t> (h.gain)));
  w.u8 (h.family);
  if (h.family != 0) {
    w.u8 (h.streams);
    w.u8 (h.coupled);
    w.bytes (h.mapping);
  }
  return w.take ();
}

AudioConfig FlacInfo::audio () const
{
  AudioConfig a;
  a.rate = rate;
  a.channels = channels;
  a.bits = bits;
  return a;
}

std::optional<FlacInfo> parse_flac_config (Bytes record)
{
  constexpr std::size_t info_size = 34;
  const Bytes marker = as_bytes ("fLaC");
  if (record.size () >= 4 && std::equal (marker.begin (), marker.end (), record.begin ()))
    record = record.subspan (4);
  if (record.size () >= 4 + info_size && (record[0] & 0x7f) == 0 && record[1] == 0 &&
      record[2] == 0 && record[3] == info_size)
    record = record.subspan (4);
  if (record.size () < info_size)
    return std::nullopt;
  FlacInfo f;
  f.stream_info = record.first (info_size);
  BitReader r (f.stream_info);
  f.min_block = static_cast<std::uint16_t> (r.bits (16));
  f.max_block = static_cast<std::uint16_t> (r.bits (16));
  r.skip (24 + 24);
  f.rate = r.bits (20);
  f.channels = static_cast<std::uint8_t> (r.bits (3) + 1);
  f.bits = static_cast<std::uint8_t> (r.bits (5) + 1);
  if (f.rate == 0 || f.bits < 4 || f.min_block < 16 || f.max_block < f.min_block)
    return std::nullopt;
  return f;
}

std::optional<MultichannelConfig> parse_multichannel (Bytes payload)
{
  ByteReader r (payload);
  MultichannelConfig c;
  const std::uint8_t order = r.u8 ();
  c.channels = r.u8 ();
  if (order > 2)
    return std::nullopt;
  c.order = static_cast<MultichannelConfig::Order> (order);
  if (c.order == MultichannelConfig::Order::custom) {
    const Bytes mapping = r.take (c.channels);
    c.mapping.assign (mapping.begin (), mapping.end ());
  } else if (c.order == MultichannelConfig::Order::native) {
    c.mask = r.u32 ();
  }
  return r.failed () ? std::nullopt : std::optional (std::move (c));
}

std::vector<std::uint8_t> build_multichannel (const MultichannelConfig &c)
{
  ByteWriter w;
  w.u8 (static_cast<std::uint8_t> (c.order));
  w.u8 (c.channels);
  if (c.order == MultichannelConfig::Order::custom) {
    std::vector<std::uint8_t> mapping = c.mapping;
    mapping.resize (c.channels, 0xff);
    w.bytes (mapping);
  } else if (c.order == MultichannelConfig::Order::native) {
    w.u32 (c.mask);
  }
  return w.take ();
}
} // namespace reach::rtmp

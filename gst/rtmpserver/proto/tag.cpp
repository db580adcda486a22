// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tag.h"
#include "codec_ids.h"
#include "tag_bits.h"

namespace reach::rtmp {
namespace {
std::uint32_t u24 (ByteReader &r)
{
  const std::uint32_t high = r.u8 ();
  return high << 16 | r.u16 ();
}

std::int32_t s24 (ByteReader &r)
{
  return static_cast<std::int32_t> (u24 (r) << 8) >> 8;
}

// What remains, by reference.
Slice rest (const Slice &body, const ByteReader &r)
{
  return body.sub (body.size () - r.left (), r.left ());
}

std::optional<PacketType> video_packet_type (std::uint8_t wire)
{
  switch (wire) {
  case 0:
    return PacketType::sequence_start;
  case 1:
  case wire_coded_frames_x:
    return PacketType::coded_frames;
  case 2:
    return PacketType::sequence_end;
  case 4:
    return PacketType::metadata;
  case 5:
    return PacketType::mpeg2ts_sequence_start;
  default:
    return std::nullopt;
  }
}

std::optional<PacketType> audio_packet_type (std::uint8_t wire)
{
  switch (wire) {
  case 0:
    return PacketType::sequence_start;
  case 1:
    return PacketType::coded_frames;
  case 2:
    return PacketType::sequence_end;
  case 4:
    return PacketType::multichannel_config;
  default:
    return std::nullopt;
  }
}

// Reads an enhanced body: extensions, then the packet type, then one track or several.
class ExtendedBody {
public:
  ExtendedBody (const Slice &body, bool audio) : body_ (body), reader_ (body.bytes), audio_ (audio)
  {
    const std::uint8_t first = reader_.u8 ();
    wire_type_ = first & 0x0f;
    if (!audio_)
      frame_ = static_cast<FrameType> (first >> 4 & 7);
  }

  TagResult parse (std::vector<TrackPacket> &out)
  {
    if (!extensions ())
      return TagResult::malformed;
    const bool multitrack = wire_type_ == (audio_ ? audio_multitrack : video_multitrack);
    if (is_command (multitrack))
      return command (out);
    return multitrack ? tracks (out) : one (out, Framing::enhanced);
  }

private:
  // The frame type of metadata does not count, and some senders write `command` there. With
  // several tracks the packet type is not known yet, but a command is a single byte.
  bool is_command (bool multitrack) const
  {
    if (audio_ || frame_ != FrameType::command || wire_type_ == wire_metadata)
      return false;
    return !multitrack || reader_.left () <= 1;
  }

  // Extensions of unknown type are skipped; each says which packet type follows it.
  bool extensions ()
  {
    while (wire_type_ == wire_mod_ex && !reader_.failed ()) {
      std::size_t size = reader_.u8 () + std::size_t{1};
      if (size == 256)
        size = reader_.u16 () + std::size_t{1};
      ByteReader data (reader_.take (size));
      const std::uint8_t next = reader_.u8 ();
      wire_type_ = next & 0x0f;
      if (next >> 4 == mod_ex_nano_offset) {
        nano_ = u24 (data);
        if (data.failed () || nano_ > max_nano_offset)
          return false;
      }
    }
    return !reader_.failed ();
  }

  TrackPacket base (Framing framing) const
  {
    TrackPacket p;
    p.framing = framing;
    p.key = frame_ == FrameType::key || frame_ == FrameType::generated_key;
    p.disposable = frame_ == FrameType::disposable;
    p.nano_offset = nano_;
    return p;
  }

  TagResult command (std::vector<TrackPacket> &out)
  {
    TrackPacket p = base (Framing::enhanced);
    p.type = PacketType::command;
    p.command = reader_.u8 ();
    return reader_.failed () ? TagResult::malformed : (out.push_back (p), TagResult::ok);
  }

  void read_fourcc (TrackPacket &p)
  {
    p.fourcc = reader_.u32 ();
    p.codec = audio_ ? audio_codec_of (p.fourcc) : video_codec_of (p.fourcc);
  }

  bool set_type (TrackPacket &p)
  {
    const auto type = audio_ ? audio_packet_type (wire_type_) : video_packet_type (wire_type_);
    if (type)
      p.type = *type;
    return type.has_value ();
  }

  // The composition time, if there is one, and the rest of `data`.
  bool set_payload (TrackPacket &p, const Slice &data)
  {
    ByteReader r (data.bytes);
    if (p.type == PacketType::coded_frames && wire_type_ != wire_coded_frames_x &&
        has_composition_time (p.codec))
      p.composition_ms = s24 (r);
    p.payload = rest (data, r);
    return !r.failed ();
  }

  TagResult one (std::vector<TrackPacket> &out, Framing framing)
  {
    TrackPacket p = base (framing);
    read_fourcc (p);
    if (framing == Framing::one_track)
      p.track = reader_.u8 ();
    if (reader_.failed ())
      return TagResult::malformed;
    if (!set_type (p))
      return TagResult::unsupported;
    if (!set_payload (p, rest (body_, reader_)))
      return TagResult::malformed;
    out.push_back (std::move (p));
    return TagResult::ok;
  }

  TagResult tracks (std::vector<TrackPacket> &out)
  {
    const std::uint8_t outer = wire_type_;
    const std::uint8_t b = reader_.u8 ();
    const std::uint8_t kind = b >> 4;
    wire_type_ = b & 0x0f;
    if (reader_.failed () || wire_type_ == outer)
      return TagResult::malformed;
    if (kind == 0)
      return one (out, Framing::one_track);
    if (kind > 2)
      return TagResult::unsupported;
    return several (out, base (kind == 1 ? Framing::many_tracks : Framing::many_codecs));
  }

  TagResult several (std::vector<TrackPacket> &out, TrackPacket p)
  {
    if (!set_type (p))
      return TagResult::unsupported;
    if (p.framing == Framing::many_tracks)
      read_fourcc (p);
    do {
      if (p.framing == Framing::many_codecs)
        read_fourcc (p);
      p.track = reader_.u8 ();
      const std::uint32_t size = u24 (reader_);
      const std::size_t at = body_.size () - reader_.left ();
      reader_.take (size);
      if (reader_.failed () || out.size () == max_tracks || !set_payload (p, body_.sub (at, size)))
        return TagResult::malformed;
      out.push_back (p);
    } while (reader_.left () > 0);
    return TagResult::ok;
  }

  const Slice &body_;
  ByteReader reader_;
  const bool audio_;
  FrameType frame_ = FrameType::inter;
  std::uint8_t wire_type_ = 0;
  std::uint32_t nano_ = 0;
};

// The part of a legacy video header that only AVC and HEVC have.
TagResult read_nal_header (TrackPacket &p, ByteReader &r)
{
  const std::uint8_t type = r.u8 ();
  const std::int32_t composition = s24 (r);
  if (r.failed ())
    return TagResult::malformed;
  if (type > 2)
    return TagResult::unsupported;
  p.type = *video_packet_type (type);
  if (p.type == PacketType::coded_frames)
    p.composition_ms = composition;
  return TagResult::ok;
}

TagResult legacy_video (const Slice &body, TrackPacket &p)
{
  ByteReader r (body.bytes);
  const std::uint8_t first = r.u8 ();
  const auto frame = static_cast<FrameType> (first >> 4);
  p.codec = video_codec_of_id (first & 0x0f);
  p.key = frame == FrameType::key || frame == FrameType::generated_key;
  p.disposable = frame == FrameType::disposable;
  if (p.codec == Codec::unknown)
    return TagResult::unsupported;
  if (frame == FrameType::command) {
    p.type = PacketType::command;
    p.command = r.u8 ();
    return r.failed () ? TagResult::malformed : TagResult::ok;
  }
  if (is_nal_codec (p.codec)) {
    if (const TagResult result = read_nal_header (p, r); result != TagResult::ok)
      return result;
  } else if (p.codec == Codec::vp6 || p.codec == Codec::vp6a) {
    p.vp6_adjust = r.u8 ();
  }
  p.payload = rest (body, r);
  return r.failed () ? TagResult::malformed : TagResult::ok;
}

Sound sound_of (std::uint8_t first)
{
  Sound s;
  s.rate = sound_rates[first >> 2 & 3];
  s.bits = (first & 2) != 0 ? 16 : 8;
  s.channels = (first & 1) != 0 ? 2 : 1;
  switch (first >> 4) { // formats that have one rate
  case 4:
    s.rate = 16000;
    s.channels = 1;
    break;
  case 5:
    s.rate = 8000;
    s.channels = 1;
    break;
  case 7:
  case 8:
  case mp3_8k_format:
    s.rate = 8000;
    break;
  case 11: // Speex is 16 kHz mono in FLV
    s.rate = 16000;
    s.channels = 1;
    break;
  default:
    break;
  }
  return s;
}

TagResult legacy_audio (const Slice &body, TrackPacket &p)
{
  ByteReader r (body.bytes);
  const std::uint8_t first = r.u8 ();
  p.codec = audio_codec_of_id (first >> 4);
  p.sound = sound_of (first);
  if (p.codec == Codec::unknown)
    return TagResult::unsupported;
  if (p.codec == Codec::aac) {
    const std::uint8_t type = r.u8 ();
    if (r.failed ())
      return TagResult::malformed;
    if (type > 1)
      return TagResult::unsupported;
    p.type = type == 0 ? PacketType::sequence_start : PacketType::coded_frames;
  }
  p.payload = rest (body, r);
  return TagResult::ok;
}

template <typename F>
TagResult parse_legacy (F parse, const Slice &body, std::vector<TrackPacket> &out)
{
  TrackPacket p;
  const TagResult result = parse (body, p);
  if (result == TagResult::ok)
    out.push_back (std::move (p));
  return result;
}

TagResult parse_extended (const Slice &body, bool audio, std::vector<TrackPacket> &out)
{
  const TagResult result = ExtendedBody (body, audio).parse (out);
  if (result != TagResult::ok)
    out.clear ();
  return result;
}
} // namespace

TagResult parse_video (const Slice &body, std::vector<TrackPacket> &out)
{
  out.clear ();
  if (body.bytes.empty ())
    return TagResult::ok;
  if ((body.bytes[0] & ex_video_bit) != 0)
    return parse_extended (body, false, out);
  return parse_legacy (legacy_video, body, out);
}

TagResult parse_audio (const Slice &body, std::vector<TrackPacket> &out)
{
  out.clear ();
  if (body.bytes.empty ())
    return TagResult::ok;
  if (body.bytes[0] >> 4 == ex_sound_format)
    return parse_extended (body, true, out);
  return parse_legacy (legacy_audio, body, out);
}
} // namespace reach::rtmp

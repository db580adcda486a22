// SPDX-License-Identifier: LGPL-2.1-or-later
#include "codec_ids.h"
#include "tag.h"
#include "tag_bits.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
using Wire = std::vector<std::uint8_t>;

void put_u24 (ByteWriter &w, std::uint32_t v)
{
  w.u8 (static_cast<std::uint8_t> (v >> 16));
  w.u16 (static_cast<std::uint16_t> (v));
}

std::uint8_t frame_bits (const TrackPacket &p)
{
  FrameType t = p.disposable ? FrameType::disposable : p.key ? FrameType::key : FrameType::inter;
  // It does not count for metadata; but FFmpeg's player takes others for frames.
  if (p.type == PacketType::command || p.type == PacketType::metadata)
    t = FrameType::command;
  // Configuration is sent as key frames are, and readers look at that.
  if (p.type == PacketType::sequence_start || p.type == PacketType::mpeg2ts_sequence_start)
    t = FrameType::key;
  return static_cast<std::uint8_t> (static_cast<unsigned> (t) << 4);
}

std::optional<std::uint8_t> wire_type (const TrackPacket &p)
{
  const bool audio = is_audio (p.codec);
  switch (p.type) {
  case PacketType::sequence_start:
    return 0;
  case PacketType::coded_frames:
    return has_composition_time (p.codec) && p.composition_ms == 0 ? wire_coded_frames_x : 1;
  case PacketType::sequence_end:
    return 2;
  case PacketType::metadata:
    return audio ? std::nullopt : std::optional<std::uint8_t> (4);
  case PacketType::mpeg2ts_sequence_start:
    return audio ? std::nullopt : std::optional<std::uint8_t> (5);
  case PacketType::multichannel_config:
    return audio ? std::optional<std::uint8_t> (4) : std::nullopt;
  case PacketType::command:
    break;
  }
  return std::nullopt;
}

// The first byte, with the extension that carries the nano offset when there is one.
void put_start (ByteWriter &w, const TrackPacket &p, std::uint8_t type)
{
  const auto first = static_cast<std::uint8_t> (
      is_audio (p.codec) ? ex_sound_format << 4 : ex_video_bit | frame_bits (p));
  if (p.nano_offset == 0) {
    w.u8 (first | type);
    return;
  }
  w.u8 (first | wire_mod_ex);
  w.u8 (3 - 1);
  put_u24 (w, std::min (p.nano_offset, max_nano_offset));
  w.u8 (static_cast<std::uint8_t> (mod_ex_nano_offset << 4 | type));
}

std::optional<Wire> enhanced_header (const TrackPacket &p)
{
  ByteWriter w;
  if (p.type == PacketType::command) {
    if (is_audio (p.codec))
      return std::nullopt;
    put_start (w, p, 0);
    w.u8 (p.command);
    return w.take ();
  }
  const std::uint32_t id = fourcc_of (p.codec);
  const auto type = wire_type (p);
  if (id == 0 || !type)
    return std::nullopt;
  if (p.framing == Framing::one_track) {
    put_start (w, p, is_audio (p.codec) ? audio_multitrack : video_multitrack);
    w.u8 (*type);
    w.u32 (id);
    w.u8 (p.track);
  } else {
    put_start (w, p, *type);
    w.u32 (id);
  }
  if (*type == 1 && has_composition_time (p.codec))
    put_u24 (w, static_cast<std::uint32_t> (p.composition_ms));
  return w.take ();
}

// AVC and HEVC have the types of the wire, the others frames only.
bool has_legacy_type (const TrackPacket &p)
{
  if (p.type == PacketType::coded_frames || p.type == PacketType::command)
    return true;
  return is_nal_codec (p.codec) && p.type <= PacketType::sequence_end;
}

std::optional<Wire> legacy_video_header (const TrackPacket &p)
{
  const int id = legacy_id_of (p.codec);
  if (id < 0 || !has_legacy_type (p))
    return std::nullopt;
  ByteWriter w;
  w.u8 (static_cast<std::uint8_t> (frame_bits (p) | id));
  if (p.type == PacketType::command) {
    w.u8 (p.command);
  } else if (is_nal_codec (p.codec)) {
    const bool frame = p.type == PacketType::coded_frames;
    w.u8 (static_cast<std::uint8_t> (p.type));
    put_u24 (w, frame ? static_cast<std::uint32_t> (p.composition_ms) : 0);
  } else if (p.codec == Codec::vp6 || p.codec == Codec::vp6a) {
    w.u8 (p.vp6_adjust);
  }
  return w.take ();
}

int sound_format (const TrackPacket &p)
{
  if (p.codec == Codec::mp3 && p.sound.rate == 8000)
    return mp3_8k_format;
  if (p.codec == Codec::nellymoser && p.sound.channels == 1 && p.sound.rate == 16000)
    return 4;
  if (p.codec == Codec::nellymoser && p.sound.channels == 1 && p.sound.rate == 8000)
    return 5;
  return legacy_id_of (p.codec);
}

// The nearest of the four rates that is not lower. AAC always says 44.1 kHz, 16 bit, stereo.
std::uint8_t sound_bits (const TrackPacket &p)
{
  if (p.codec == Codec::aac)
    return 0x0f;
  std::uint8_t rate = 0;
  while (rate < 3 && sound_rates[rate] < p.sound.rate)
    rate++;
  if (p.codec == Codec::speex)
    return 1 << 2 | 2; // as encoders write it: 11 kHz, 16 bit, mono
  return static_cast<std::uint8_t> (
      rate << 2 | (p.sound.bits == 8 ? 0 : 2) | (p.sound.channels == 1 ? 0 : 1));
}

std::optional<Wire> legacy_audio_header (const TrackPacket &p)
{
  const int id = sound_format (p);
  const bool config = p.type == PacketType::sequence_start;
  if (id < 0 || (p.type != PacketType::coded_frames && !(config && p.codec == Codec::aac)))
    return std::nullopt;
  ByteWriter w;
  w.u8 (static_cast<std::uint8_t> (id << 4 | sound_bits (p)));
  if (p.codec == Codec::aac)
    w.u8 (config ? 0 : 1);
  return w.take ();
}

bool goes_with (const TrackPacket &p, const TrackPacket &first)
{
  return p.framing == first.framing && p.type == first.type && p.key == first.key &&
         p.nano_offset == first.nano_offset && is_audio (p.codec) == is_audio (first.codec) &&
         (p.framing == Framing::many_codecs || p.codec == first.codec);
}
} // namespace

bool has_sound_header (Codec codec, const Sound &s)
{
  const auto is = [&s] (std::uint32_t rate, unsigned channels) {
    return s.rate == rate && s.channels <= channels;
  };
  switch (codec) {
  case Codec::alaw:
  case Codec::mulaw:
    return is (8000, 2);
  case Codec::speex:
    return is (16000, 1);
  case Codec::nellymoser:
    if (is (8000, 1) || is (16000, 1))
      return true;
    break;
  default:
    break;
  }
  return s.channels >= 1 && s.channels <= 2 &&
         std::find (sound_rates.begin (), sound_rates.end (), s.rate) != sound_rates.end ();
}

std::optional<Wire> build_header (const TrackPacket &p)
{
  switch (p.framing) {
  case Framing::legacy:
    return is_audio (p.codec) ? legacy_audio_header (p) : legacy_video_header (p);
  case Framing::enhanced:
  case Framing::one_track:
    return enhanced_header (p);
  default:
    return std::nullopt;
  }
}

std::optional<Wire> build_many (std::span<const TrackPacket> packets)
{
  if (packets.empty () || packets.size () > max_tracks)
    return std::nullopt;
  const TrackPacket &first = packets.front ();
  auto type = wire_type (first);
  if (first.framing < Framing::many_tracks || !type)
    return std::nullopt;
  // One type for all tracks: composition times are left out only where none has one.
  const bool frames = first.type == PacketType::coded_frames;
  if (frames)
    type = 1;
  const bool many_codecs = first.framing == Framing::many_codecs;
  ByteWriter w;
  put_start (w, first, is_audio (first.codec) ? audio_multitrack : video_multitrack);
  w.u8 (static_cast<std::uint8_t> ((many_codecs ? 2 : 1) << 4 | *type));
  if (!many_codecs)
    w.u32 (fourcc_of (first.codec));
  for (const TrackPacket &p : packets) {
    const bool timed = frames && has_composition_time (p.codec);
    const std::size_t size = p.payload.size () + (timed ? 3 : 0);
    if (!goes_with (p, first) || fourcc_of (p.codec) == 0 || size > 0xffffff)
      return std::nullopt;
    if (many_codecs)
      w.u32 (fourcc_of (p.codec));
    w.u8 (p.track);
    put_u24 (w, static_cast<std::uint32_t> (size));
    if (timed)
      put_u24 (w, static_cast<std::uint32_t> (p.composition_ms));
    w.bytes (p.payload.bytes);
  }
  return w.take ();
}
} // namespace reach::rtmp

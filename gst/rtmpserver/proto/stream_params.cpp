// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_params.h"
#include "amf0.h"
#include <algorithm>
#include <cmath>

namespace reach::rtmp {
namespace {
template <typename T> bool set (T &own, const T &value)
{
  const bool changed = !(own == value);
  own = value;
  return changed;
}

bool needs_config (Codec c)
{
  return c == Codec::avc || c == Codec::hevc || c == Codec::vvc || c == Codec::aac ||
         c == Codec::opus || c == Codec::flac;
}

std::optional<AudioConfig> audio_config_of (Codec codec, Bytes record)
{
  switch (codec) {
  case Codec::aac:
    return parse_aac_config (record);
  case Codec::opus:
    if (const auto h = parse_opus_head (record)) {
      AudioConfig a;
      a.rate = 48000;
      a.channels = h->channels;
      return a;
    }
    return std::nullopt;
  case Codec::flac:
    if (const auto f = parse_flac_config (record))
      return f->audio ();
    return std::nullopt;
  default:
    return AudioConfig{};
  }
}
} // namespace

// False for a configuration that is not valid.
bool StreamParams::note_config (const TrackPacket &p)
{
  const Bytes record = p.payload.bytes;
  if (record.empty ())
    return false;
  if (is_audio (p.codec)) {
    const auto a = audio_config_of (p.codec, record);
    if (!a)
      return false;
    audio = *a;
  } else {
    const auto v = parse_video_config (p.codec, record);
    if (!v)
      return false;
    if (v->width > 0)
      size = {v->width, v->height};
  }
  config.assign (record.begin (), record.end ());
  return true;
}

// Runs for every frame, so that it copies nothing.
bool StreamParams::note_frame (const TrackPacket &p)
{
  bool changed = set (sound, p.sound);
  if (const auto s = parse_frame_size (p))
    changed |= set (size, *s);
  std::optional<AudioConfig> a;
  if (p.codec == Codec::mp3)
    a = parse_mp3_frame (p.payload.bytes);
  else if (p.codec == Codec::ac3 || p.codec == Codec::eac3)
    a = parse_ac3_frame (p.payload.bytes);
  if (a)
    changed |= set (audio, *a);
  return changed;
}

bool StreamParams::note (const TrackPacket &p)
{
  const bool other = codec != p.codec;
  if (p.type == PacketType::coded_frames) {
    if (other)
      *this = StreamParams{};
    codec = p.codec;
    return note_frame (p) || other;
  }
  // FFmpeg 8.1 sends what it says of further tracks as if it were of the default one.
  const bool notice = p.type == PacketType::metadata || p.type == PacketType::multichannel_config;
  if (notice && other && codec != Codec::unknown)
    return false;
  StreamParams next = other ? StreamParams{} : *this;
  next.codec = p.codec;
  if (p.type == PacketType::multichannel_config) {
    next.speakers = parse_multichannel (p.payload.bytes);
  } else if (p.type == PacketType::metadata) {
    const auto info = parse_color_info (decode_amf0 (p.payload.bytes, Limits{}).values);
    if (info)
      next.color = *info == ColorInfo{} ? std::nullopt : info;
  } else if (p.type != PacketType::sequence_start || !next.note_config (p)) {
    return false;
  }
  const bool changed = !(next == *this);
  if (changed)
    *this = std::move (next);
  return changed;
}

bool StreamParams::note (const TrackInfo &info)
{
  const StreamParams before = *this;
  if (config.empty () && info.width > 0 && info.height > 0 && size.width == 0)
    size = {info.width, info.height};
  if (info.framerate > 0)
    framerate = info.framerate;
  return !(before == *this);
}

bool StreamParams::complete () const
{
  return codec != Codec::unknown && (!config.empty () || !needs_config (codec));
}
} // namespace reach::rtmp

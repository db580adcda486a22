// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outgoing.h"
#include "proto/amf0.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
constexpr std::int64_t ms = 1000000; // ns

TrackInfo track_info (const StreamParams &p)
{
  TrackInfo t;
  t.codec = p.codec;
  t.fourcc = fourcc_of (p.codec);
  t.width = p.size.width;
  t.height = p.size.height;
  t.framerate = p.framerate;
  t.rate = p.audio.rate != 0 ? p.audio.rate : p.sound.rate;
  t.channels = p.audio.channels != 0 ? p.audio.channels : p.sound.channels;
  t.bits = p.sound.bits;
  return t;
}

void add_tracks (const std::vector<OutgoingTracks::Track> &tracks, std::optional<TrackInfo> &main,
    std::vector<Metadata::Track> &further)
{
  for (const auto &t : tracks) {
    if (t.params.codec == Codec::unknown)
      continue;
    if (t.id == 0)
      main = track_info (t.params);
    else
      further.push_back ({t.id, track_info (t.params)});
  }
}
} // namespace

MessageType OutgoingTrack::type () const
{
  return is_audio (params_.codec) ? MessageType::audio : MessageType::video;
}

TrackPacket OutgoingTrack::packet (PacketType t) const
{
  TrackPacket p;
  p.codec = params_.codec;
  p.framing = framing_;
  p.type = t;
  p.track = id_;
  p.sound = params_.sound;
  return p;
}

bool OutgoingTrack::set_params (const StreamParams &p)
{
  params_ = p;
  // The plain header where FLV has one: every player knows it.
  const bool plain = fourcc_of (p.codec) == 0 || p.codec == Codec::avc || p.codec == Codec::aac ||
                     p.codec == Codec::mp3;
  framing_ = id_ != 0 ? Framing::one_track : plain ? Framing::legacy : Framing::enhanced;
  if (build_header (packet (PacketType::coded_frames))) {
    colored_ |= p.color.has_value ();
    placed_ |= p.speakers.has_value ();
    return true;
  }
  params_ = {};
  return false;
}

OutgoingTrack::Part OutgoingTrack::part (const TrackPacket &p, Bytes payload) const
{
  Part out;
  out.info.track = id_;
  auto head = build_header (p);
  if (!head)
    return out;
  head->reserve (head->size () + payload.size ());
  head->insert (head->end (), payload.begin (), payload.end ());
  out.body = slice_of (std::move (*head));
  return out;
}

std::vector<OutgoingTrack::Part> OutgoingTrack::headers () const
{
  std::vector<Part> out;
  const auto add = [&] (PacketType t, Bytes payload) {
    if (Part p = part (packet (t), payload); p.body.size () > 0) {
      p.info.header = true;
      out.push_back (std::move (p));
    }
  };
  if (!params_.config.empty ())
    add (PacketType::sequence_start, params_.config);
  return out;
}

// What is not known any more is said too.
Slice OutgoingTrack::notice () const
{
  if (framing_ == Framing::legacy)
    return {};
  if (type () == MessageType::video && colored_) {
    const auto body = encode_amf0 (build_color_info (params_.color.value_or (ColorInfo{})));
    return part (packet (PacketType::metadata), body).body;
  }
  if (type () == MessageType::audio && placed_) {
    MultichannelConfig unknown;
    unknown.channels = params_.audio.channels;
    const auto body = build_multichannel (params_.speakers.value_or (unknown));
    return part (packet (PacketType::multichannel_config), body).body;
  }
  return {};
}

TrackPacket OutgoingTrack::frame_packet (bool key, std::int32_t composition_ms) const
{
  TrackPacket p = packet (PacketType::coded_frames);
  p.key = key && type () == MessageType::video;
  p.composition_ms = std::clamp (composition_ms, -0x800000, 0x7fffff);
  return p;
}

OutgoingTrack::Part OutgoingTrack::frame (
    Bytes payload, bool key, std::int32_t composition_ms) const
{
  const TrackPacket p = frame_packet (key, composition_ms);
  Part out = part (p, payload);
  out.info.key = p.key;
  return out;
}

OutgoingTrack::Part OutgoingTrack::frame (
    const Slice &all, std::size_t at, bool key, std::int32_t composition_ms) const
{
  const TrackPacket p = frame_packet (key, composition_ms);
  const auto head = build_header (p);
  if (!head || head->size () > at ||
      !std::ranges::equal (*head, all.bytes.subspan (at - head->size (), head->size ())))
    return frame (all.bytes.subspan (at), key, composition_ms);
  const std::size_t from = at - head->size ();
  return {all.sub (from, all.size () - from), {id_, p.key, false}};
}

Slice metadata_body (const OutgoingTracks &tracks)
{
  Metadata m;
  m.encoder = "gst-plugins-reach";
  add_tracks (tracks.video, m.video, m.video_tracks);
  add_tracks (tracks.audio, m.audio, m.audio_tracks);
  return slice_of (encode_amf0 (build_metadata (m)));
}

std::uint32_t timestamp_of (std::int64_t running_time)
{
  return static_cast<std::uint32_t> (std::max<std::int64_t> (running_time, 0) / ms);
}

TagInfo info_of (MessageType type, const Slice &body)
{
  std::vector<TrackPacket> packets;
  const TagResult r = type == MessageType::video   ? parse_video (body, packets)
                      : type == MessageType::audio ? parse_audio (body, packets)
                                                   : TagResult::unsupported;
  TagInfo info;
  if (r != TagResult::ok || packets.empty ())
    return info;
  const TrackPacket &p = packets.front ();
  info.track = p.track;
  info.codec = p.codec;
  info.header =
      p.type == PacketType::sequence_start || p.type == PacketType::mpeg2ts_sequence_start;
  info.notice = p.type == PacketType::metadata || p.type == PacketType::multichannel_config;
  info.key = p.key && p.type == PacketType::coded_frames;
  return info;
}
} // namespace reach::rtmp

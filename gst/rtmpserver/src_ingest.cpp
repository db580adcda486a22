// SPDX-License-Identifier: LGPL-2.1-or-later
#include "src_ingest.h"
#include "caps.h"
#include "proto/amf0.h"
#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN (rtmpserversrc_debug);
#define GST_CAT_DEFAULT rtmpserversrc_debug

namespace reach::rtmp {
namespace {
std::int64_t ns_of (TimePoint t)
{
  return nanoseconds (t.time_since_epoch ()).count ();
}

TrackPad::Kind kind_of (MessageType t)
{
  return t == MessageType::audio   ? TrackPad::Kind::audio
         : t == MessageType::video ? TrackPad::Kind::video
                                   : TrackPad::Kind::data;
}

Timeline::Kind timeline_kind (TrackPad::Kind k)
{
  return k == TrackPad::Kind::audio   ? Timeline::Kind::audio
         : k == TrackPad::Kind::video ? Timeline::Kind::video
                                      : Timeline::Kind::data;
}

bool is_header (PacketType t)
{
  return t != PacketType::coded_frames && t != PacketType::command;
}
} // namespace

SrcIngest::SrcIngest (SrcPads &pads, Loop &loop, const Limits &limits, std::string stream_id,
    std::function<void (bool)> hold, Ended ended)
    : pads_ (pads), limits_ (limits), stream_id_ (std::move (stream_id)),
      ended_ (std::move (ended)), flv_ (pads, clock_),
      back_pressure_ (loop, limits.idle, std::move (hold)),
      patience_ (loop.timers (), [this] { complete (); })
{
}

void SrcIngest::message (const Message &m, TimePoint arrived)
{
  if (counters_.messages++ == 0) {
    first_ = ns_of (arrived);
    patience_.arm (arrived + patience);
  }
  heard_ = arrived;
  counters_.bytes += m.payload.size ();
  if (m.type == MessageType::data_amf0)
    data (m, arrived);
  else
    media (m, arrived);
}

void SrcIngest::sample (const Timeline::Stamp &at, TimePoint arrived)
{
  back_pressure_.note (at.time, arrived);
  clock_->update ([&] (ClockMap &c) { c.sample (at.time.count (), ns_of (arrived)); });
}

void SrcIngest::media (const Message &m, TimePoint arrived)
{
  const bool video = m.type == MessageType::video;
  const TagResult r = video ? parse_video (m.payload, packets_) : parse_audio (m.payload, packets_);
  if (r != TagResult::ok) {
    (r == TagResult::malformed ? counters_.malformed : counters_.unknown)++;
    return;
  }
  const TrackPad::Kind kind = kind_of (m.type);
  FlvOutput::Tag tag{.message = m, .arrived = first_};
  bool any_key = false;
  for (const TrackPacket &p : packets_) {
    const auto at =
        timeline_.map (timeline_kind (kind), p.track, m.timestamp, p.nano_offset, arrived);
    if (!is_header (p.type))
      sample (at, arrived);
    tag.time = at.time.count ();
    any_key |= p.key;
    if (is_header (p.type) && p.type != PacketType::sequence_end)
      tag.header = (video ? 0x10000 : 0) | static_cast<int> (p.type) << 8 | p.track;
    packet (p, m.payload.bytes, at);
  }
  const bool has_video =
      tracks_.lower_bound ({TrackPad::Kind::video, 0}) != tracks_.end () &&
      tracks_.lower_bound ({TrackPad::Kind::video, 0})->first.first == TrackPad::Kind::video;
  tag.key = video ? any_key : !has_video;
  if (!packets_.empty ())
    flv_.tag (std::move (tag));
  check_complete ();
}

SrcIngest::Track *SrcIngest::track_of (Key key)
{
  const auto at = tracks_.find (key);
  if (at != tracks_.end ())
    return &at->second;
  return tracks_.size () < max_tracks ? &tracks_[key] : nullptr;
}

void SrcIngest::packet (const TrackPacket &p, Bytes body, const Timeline::Stamp &at)
{
  const Key key{is_audio (p.codec) ? TrackPad::Kind::audio : TrackPad::Kind::video, p.track};
  Track *t = p.codec == Codec::unknown ? nullptr : track_of (key);
  if (!t || p.type == PacketType::command) {
    counters_.unknown++;
    return;
  }
  const bool fresh = t->params.codec == Codec::unknown;
  bool changed = t->params.note (p);
  if (const TrackInfo *info = info_of (key); info && (fresh || changed))
    changed |= t->params.note (*info);
  if (changed && t->params.complete ())
    if (auto caps = caps_of (t->params))
      configure (key, *t, std::move (caps));
  if (p.type != PacketType::coded_frames || p.payload.size () == 0)
    return;
  if (!t->pad) {
    counters_.early++;
    return;
  }
  auto b = buffer_of (p.payload, body);
  if (key.first == TrackPad::Kind::video)
    frames_.add (1, heard_);
  const bool delta = key.first == TrackPad::Kind::video && !p.key;
  if (delta)
    GST_BUFFER_FLAG_SET (b.get (), GST_BUFFER_FLAG_DELTA_UNIT);
  if (p.disposable)
    GST_BUFFER_FLAG_SET (b.get (), GST_BUFFER_FLAG_DROPPABLE);
  const std::int64_t dts = at.time.count ();
  t->pad->frame ({.buffer = std::move (b),
      .pts = dts + std::int64_t{p.composition_ms} * 1000000,
      .dts = dts,
      .key = !delta,
      .discont = at.discontinuity});
}

void SrcIngest::configure (Key key, Track &t, Ref<GstCaps> caps)
{
  if (t.pad)
    return t.pad->caps (std::move (caps));
  const CharPtr suffix (g_strdup_printf (pad_name_format (key.first), key.second));
  t.pad = pads_.track (key.first, key.second, stream_id_ + "/" + suffix.get ());
  if (!t.pad)
    return;
  t.dropped = t.pad->totals ().dropped;
  const bool fresh = !t.pad->has_caps ();
  t.pad->begin (clock_);
  t.pad->caps (std::move (caps));
  apply_metadata (key, t);
  if (fresh)
    pads_.show (t.pad);
}

void SrcIngest::data (const Message &m, TimePoint arrived)
{
  const auto at = timeline_.map (Timeline::Kind::data, 0, m.timestamp, 0, arrived);
  const Decoded d = decode_amf0 (m.payload.bytes, limits_);
  if (!d.ok () && d.values.empty ()) {
    counters_.malformed++;
    return;
  }
  const auto meta = parse_metadata (d.values);
  if (meta)
    metadata (*meta);
  const Key key{TrackPad::Kind::data, 0};
  if (Track *t = track_of (key)) {
    if (!t->pad)
      configure (key, *t,
          Ref<GstCaps>::adopt (gst_caps_new_simple (
              "application/x-rtmp-data", "format", G_TYPE_STRING, "amf0", nullptr)));
    if (t->pad)
      t->pad->frame (
          {.buffer = buffer_of (m.payload), .pts = at.time.count (), .dts = at.time.count ()});
  }
  flv_.tag (
      {.message = m, .time = at.time.count (), .arrived = first_, .header = meta ? 0x20000 : -1});
  check_complete ();
}

void SrcIngest::metadata (const Metadata &m)
{
  metadata_ = m;
  for (auto &[key, t] : tracks_) {
    const TrackInfo *info = info_of (key);
    if (info && t.params.note (*info) && t.params.complete ())
      if (auto caps = caps_of (t.params))
        configure (key, t, std::move (caps));
    if (t.pad)
      apply_metadata (key, t);
  }
}

const TrackInfo *SrcIngest::info_of (Key key) const
{
  if (!metadata_ || key.first == TrackPad::Kind::data)
    return nullptr;
  const bool video = key.first == TrackPad::Kind::video;
  for (const auto &t : video ? metadata_->video_tracks : metadata_->audio_tracks)
    if (t.id == key.second)
      return &t.info;
  const auto &main = video ? metadata_->video : metadata_->audio;
  return key.second == 0 && main ? &*main : nullptr;
}

// What metadata say beyond caps, as tags.
void SrcIngest::apply_metadata (Key key, Track &t)
{
  const TrackInfo *info = info_of (key);
  if (!info)
    return;
  auto list = Ref<GstTagList>::adopt (gst_tag_list_new_empty ());
  if (info->bitrate >= 1 && info->bitrate < 4e6)
    gst_tag_list_add (list.get (), GST_TAG_MERGE_REPLACE, GST_TAG_NOMINAL_BITRATE,
        static_cast<guint> (info->bitrate * 1000), nullptr);
  const std::string &encoder = metadata_->encoder;
  if (!encoder.empty () && encoder.size () <= 256 &&
      g_utf8_validate_len (encoder.data (), encoder.size (), nullptr))
    gst_tag_list_add (
        list.get (), GST_TAG_MERGE_REPLACE, GST_TAG_ENCODER, encoder.c_str (), nullptr);
  if (gst_tag_list_is_empty (list.get ()))
    return;
  const CharPtr text (gst_tag_list_to_string (list.get ()));
  if (t.tags == text.get ())
    return;
  t.tags = text.get ();
  t.pad->tags (std::move (list));
}

// All that the metadata promise are there.
void SrcIngest::check_complete ()
{
  if (complete_ || !metadata_)
    return;
  const auto there = [this] (TrackPad::Kind k, unsigned n) {
    const auto t = tracks_.find ({k, n});
    return t != tracks_.end () && t->second.pad;
  };
  bool all = metadata_->video || metadata_->audio;
  if (metadata_->video)
    all &= there (TrackPad::Kind::video, 0);
  if (metadata_->audio)
    all &= there (TrackPad::Kind::audio, 0);
  for (const auto &t : metadata_->video_tracks)
    all &= there (TrackPad::Kind::video, t.id);
  for (const auto &t : metadata_->audio_tracks)
    all &= there (TrackPad::Kind::audio, t.id);
  if (all)
    complete ();
}

void SrcIngest::complete ()
{
  if (complete_)
    return;
  if (tracks_.empty ()) // nothing that a pad can be made for, so far
    return patience_.arm (Clock::now () + patience);
  complete_ = true;
  patience_.cancel ();
  bool audio = false, video = false;
  for (const auto &[key, t] : tracks_) {
    audio |= key.first == TrackPad::Kind::audio && t.pad;
    video |= key.first == TrackPad::Kind::video && t.pad;
  }
  flv_.complete (audio, video);
  if (!pads_.completed ())
    pads_.complete ();
  flush ();
}

void SrcIngest::flush ()
{
  const TimePoint now = Clock::now ();
  const bool ahead = !back_pressure_.live_at (now);
  BackPressure::Pads pads;
  const auto flush_pad = [&] (const std::shared_ptr<TrackPad> &p) {
    p->set_patient (ahead);
    p->flush ();
    if (ahead)
      pads.push_back (p);
  };
  for (const auto &[key, t] : tracks_)
    if (t.pad)
      flush_pad (t.pad);
  if (const auto flv = pads_.flv ())
    flush_pad (flv);
  back_pressure_.look (pads, complete_, now);
}

SrcIngest::Counters SrcIngest::counters () const
{
  Counters c = counters_;
  c.held = back_pressure_.times ();
  return c;
}

Flow SrcIngest::flow (TimePoint now)
{
  Flow f;
  f.fps = frames_.per_second (now);
  for (const auto &[key, t] : tracks_)
    if (t.pad)
      f.dropped += t.pad->totals ().dropped - t.dropped;
  return f;
}

void SrcIngest::ended (PublishEnd how)
{
  if (!tracks_.empty ())
    complete ();
  patience_.cancel ();
  back_pressure_.release ();
  ended_ (*this, how);
}
} // namespace reach::rtmp

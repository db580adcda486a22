// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv_output.h"
#include "proto/flv.h"

namespace reach::rtmp {

void FlvOutput::tag (Tag t)
{
  const bool small = t.header >= 0 && t.message.payload.size () <= 64u << 10;
  if (small && (headers_.contains (t.header) || headers_.size () < max_headers))
    headers_[t.header] = t;
  const auto pad = pads_.flv ();
  missed_ |= !pad;
  if (!pad)
    return;
  if (complete_) {
    begin (*pad, t.arrived);
    return send (*pad, t);
  }
  held_bytes_ += t.message.payload.size () + sizeof t;
  if (held_bytes_ <= max_held)
    held_.push_back (std::move (t));
}

void FlvOutput::complete (bool audio, bool video)
{
  audio_ = audio;
  video_ = video;
  complete_ = true;
  for (Tag &t : std::exchange (held_, {}))
    tag (std::move (t));
}

// The file's header if nobody has sent it, and what decoders need first where those tags are gone.
void FlvOutput::begin (TrackPad &pad, std::int64_t arrived)
{
  if (std::exchange (begun_, true))
    return;
  pad.begin (clock_);
  auto &stream = pads_.flv_stream;
  base_ = stream.begun ? std::max (arrived - stream.start, stream.last) : 0;
  if (!std::exchange (stream.begun, true)) {
    stream.start = arrived;
    pad.caps (Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("video/x-flv")));
    auto b = buffer_of (slice_of (flv_header (audio_, video_)));
    GST_BUFFER_FLAG_SET (b.get (), GST_BUFFER_FLAG_HEADER);
    pad.frame ({.buffer = std::move (b), .pts = 0, .dts = 0, .keep = true, .vital = true});
  }
  if (missed_)
    for (const auto &[which, t] : headers_)
      send (pad, t);
}

// Times go on from the publisher before.
void FlvOutput::send (TrackPad &pad, const Tag &t)
{
  const std::int64_t time = std::max<std::int64_t> (0, base_ + t.time);
  const auto ms = static_cast<std::uint32_t> (time / 1000000);
  pads_.flv_stream.last = std::max (pads_.flv_stream.last, time);
  const auto type = static_cast<std::uint8_t> (t.message.type);
  const std::size_t size = t.message.payload.size ();
  auto b = buffer_of (slice_of (flv_tag_header (type, ms, size)));
  for (const Slice &s : {t.message.payload, slice_of (flv_tag_trailer (size))})
    if (s.size () > 0)
      gst_buffer_append_memory (b.get (), memory_of (s, s.bytes).release ());
  const bool header = t.header >= 0;
  if (header)
    GST_BUFFER_FLAG_SET (b.get (), GST_BUFFER_FLAG_HEADER);
  else if (!t.key)
    GST_BUFFER_FLAG_SET (b.get (), GST_BUFFER_FLAG_DELTA_UNIT);
  pad.frame ({.buffer = std::move (b), .pts = t.time, .dts = t.time, .key = t.key, .keep = header});
}
} // namespace reach::rtmp

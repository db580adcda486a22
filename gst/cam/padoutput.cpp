// SPDX-License-Identifier: LGPL-2.1-or-later
#include "padoutput.h"
#include "framing.h"
#include "names.h"
#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN (camreceiver_debug);
#define GST_CAT_DEFAULT camreceiver_debug

namespace reach::cam {
namespace {
// A stream that brings nothing for so long is filled with GAP events, so that muxers and mixers go
// on.
constexpr Duration silence = milliseconds (500);
constexpr std::size_t min_list = 8;                // fewer gain nothing, and go one by one
constexpr std::size_t max_list_bytes = 256u << 10; // credit is given for a whole list

GstStreamType stream_type (MediaType t)
{
  return t == MediaType::video   ? GST_STREAM_TYPE_VIDEO
         : t == MediaType::audio ? GST_STREAM_TYPE_AUDIO
                                 : GST_STREAM_TYPE_UNKNOWN;
}

std::int64_t monotonic_now ()
{
  return nanoseconds (Clock::now ().time_since_epoch ()).count ();
}
} // namespace

PadOutput::PadOutput (PadHost &host, PadLimits limits, const Remote &r, const StreamInfo &info,
    std::string id, guint group_id)
    : remote (r.id), guid (r.guid), type (info.type), index (info.index),
      stream_id (std::move (id)), host_ (host), limits_ (limits), group_id_ (group_id),
      session_key_ (r.session_key), stream_id_at_sender_ (info.id),
      need_key_ (info.type == MediaType::video), clock_ (r.clock)
{
  state_.lock ()->clock = r.clock;
  const auto flags = info.sparse ? GST_STREAM_FLAG_SPARSE : GST_STREAM_FLAG_NONE;
  const auto c = caps_from_peer (info.caps);
  stream_ = Ref<GstStream>::adopt (
      gst_stream_new (stream_id.c_str (), c.get (), stream_type (type), flags));
}

PadOutput::~PadOutput ()
{
  clear (state_.lock ()->items);
  clear (batch_);
  for (Item &i : staged_)
    gst_mini_object_unref (i.object);
}

void PadOutput::clear (std::deque<Item> &items)
{
  for (Item &i : items)
    if (i.object)
      gst_mini_object_unref (i.object);
  items.clear ();
}

PadOutput::Totals PadOutput::totals () const
{
  return {counters_.frames, counters_.bytes, counters_.lost, counters_.dropped};
}

// Any thread: a place somewhere among the frames.
void PadOutput::put (Item item)
{
  state_.update ([&] (State &s) { s.items.push_back (item); });
}

// Loop thread: behind the frames that came before.
void PadOutput::put_in_order (Item item)
{
  flush ();
  put (item);
}

void PadOutput::push_event (GstEvent *e)
{
  put ({Item::What::event, GST_MINI_OBJECT_CAST (e)});
}

void PadOutput::caps (std::string text)
{
  auto c = caps_from_peer (text);
  if (!c) {
    GST_WARNING_OBJECT (pad_, "caps of the peer were refused: %s", text.c_str ());
    return;
  }
  // In band after the same in the stream list.
  if (caps_ && gst_caps_is_strictly_equal (caps_.get (), c.get ()))
    return;
  caps_ = c;
  raw_ = g_str_has_suffix (gst_structure_get_name (gst_caps_get_structure (c.get (), 0)), "/x-raw");
  gst_stream_set_caps (stream_.get (), c.get ());
  put_in_order ({Item::What::event, GST_MINI_OBJECT_CAST (gst_event_new_caps (c.get ()))});
}

void PadOutput::tags (Bytes text, bool global)
{
  auto list = tags_from_peer ({reinterpret_cast<const char *> (text.data ()), text.size ()});
  Ref<GstTagList> &told = global ? global_tags_ : tags_;
  if (!list || (told && gst_tag_list_is_equal (told.get (), list.get ())))
    return;
  gst_tag_list_set_scope (list.get (), global ? GST_TAG_SCOPE_GLOBAL : GST_TAG_SCOPE_STREAM);
  told = list;
  if (!global)
    gst_stream_set_tags (stream_.get (), list.get ());
  put_in_order ({Item::What::event, GST_MINI_OBJECT_CAST (gst_event_new_tag (list.release ()))});
}

bool PadOutput::too_long (const State &s, TimePoint now) const
{
  if (s.bytes > limits_.max_bytes || s.items.size () > 20000)
    return true;
  if (limits_.max_time == Duration{} || s.items.size () < 2)
    return false;
  const auto oldest = std::find_if (s.items.begin (), s.items.end (),
      [] (const Item &i) { return i.what == Item::What::buffer; });
  return oldest != s.items.end () && now - oldest->arrived > limits_.max_time;
}

// Downstream is slower than the stream. Video starts again at a key frame, other types lose the
// oldest.
std::uint64_t PadOutput::overflow (State &s)
{
  const bool video = type == MediaType::video;
  const std::size_t target = s.bytes / 2;
  std::uint64_t dropped = 0;
  std::size_t kept = 0;
  for (Item &i : s.items) {
    if (i.what == Item::What::buffer && (video || s.bytes > target)) {
      s.bytes -= i.size;
      dropped++;
      gst_mini_object_unref (i.object);
    } else {
      s.items[kept++] = i;
    }
  }
  s.items.resize (kept);
  need_key_ = video;
  return dropped;
}

void PadOutput::frame (const FrameHeader &h, Incoming m)
{
  const std::size_t size = m.bytes ().size ();
  const bool hole = last_seq_ && h.seq != *last_seq_ + 1, joined = !last_seq_ && h.seq != 0;
  if (hole)
    counters_.lost += h.seq - *last_seq_ - 1;
  last_seq_ = h.seq;
  const bool start = !(h.flags & frame_delta_unit);
  const bool skip = need_key_ && !start;
  if ((hole && type == MediaType::video) || skip)
    host_.key_wanted (remote, stream_id_at_sender_);
  if (skip) {
    counters_.dropped++;
    host_.consumed (remote, type, size);
    return;
  }
  need_key_ = false;
  GstBuffer *b = buffer_of (h, std::move (m), raw_);
  if (hole || joined)
    GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_DISCONT);
  staged_.push_back ({Item::What::buffer, GST_MINI_OBJECT_CAST (b), h.pts, h.dts, size});
}

// One lock and at most one wake-up for all the frames that came together.
void PadOutput::flush ()
{
  if (staged_.empty ())
    return;
  std::uint64_t dropped = 0;
  std::size_t freed = 0;
  const TimePoint now = Clock::now ();
  state_.update ([&] (State &s) {
    for (Item &i : staged_) {
      i.arrived = now;
      s.items.push_back (i);
      s.bytes += i.size;
    }
    if (too_long (s, now)) {
      freed = s.bytes;
      dropped = overflow (s);
      freed -= s.bytes;
    }
  });
  staged_.clear ();
  if (dropped == 0)
    return;
  counters_.dropped += dropped;
  host_.consumed (remote, type, freed);
  if (need_key_)
    host_.key_wanted (remote, stream_id_at_sender_);
  host_.pad_dropped (this, dropped);
}

void PadOutput::gap (std::int64_t pts, std::int64_t duration)
{
  put_in_order ({Item::What::gap, nullptr, pts, duration});
}

void PadOutput::eos ()
{
  put_in_order ({Item::What::eos});
}

void PadOutput::send_eos ()
{
  put ({Item::What::close});
}

void PadOutput::want_key ()
{
  host_.key_wanted (remote, stream_id_at_sender_);
}

void PadOutput::preset_sticky ()
{
  push_sticky ();
  while (true) {
    Item item;
    {
      auto s = state_.lock ();
      if (s->items.empty () || s->items.front ().what != Item::What::event)
        return;
      item = s->items.front ();
      s->items.pop_front ();
    }
    handle (item);
  }
}

void PadOutput::broken ()
{
  put_in_order ({Item::What::broken});
}

void PadOutput::resumed (
    std::shared_ptr<RunClock> clock, std::uint64_t session_key, std::uint16_t stream)
{
  stream_id_at_sender_ = stream;
  session_key_ = session_key;
  last_seq_.reset ();
  need_key_ = type == MediaType::video;
  flush ();
  state_.update ([&] (State &s) {
    s.clock = std::move (clock);
    s.items.push_back ({Item::What::resumed});
  });
}

void PadOutput::close ()
{
  put_in_order ({Item::What::close});
}

void PadOutput::set_playing (bool on)
{
  state_.update ([on] (State &s) { s.playing = on; });
}

void PadOutput::set_flushing (bool on)
{
  flushing_ = on;
  state_.update ([on] (State &s) { s.flushing = on; });
}

// Waits until there is something, and takes a part of it. False: flushing.
bool PadOutput::refill ()
{
  constexpr std::size_t most = 64;
  auto s = state_.lock ();
  const auto ready = [] (const State &x) { return x.flushing || (x.playing && !x.items.empty ()); };
  while (!ready (*s)) {
    if (s.wait_until (Clock::now () + silence, ready))
      break;
    if (s->playing)
      s.unlocked ([this] { fill_silence (); });
  }
  if (s->flushing)
    return false;
  while (!s->items.empty () && batch_.size () < most) {
    s->bytes -= s->items.front ().size;
    batch_.push_back (s->items.front ());
    s->items.pop_front ();
  }
  return true;
}

bool PadOutput::step ()
{
  if (flushing_ || (batch_.empty () && !refill ()))
    return false;
  push_sticky ();
  if (batch_.front ().what == Item::What::buffer)
    return push_buffers ();
  Item item = batch_.front ();
  batch_.pop_front ();
  return handle (item);
}

bool PadOutput::handle (Item &item)
{
  switch (item.what) {
  case Item::What::buffer:
    return false; // push_buffers () takes them
  case Item::What::event: {
    auto *e = GST_EVENT_CAST (item.object);
    const bool is_caps = GST_EVENT_TYPE (e) == GST_EVENT_CAPS;
    gst_pad_push_event (pad_, e);
    if (is_caps && !std::exchange (have_caps_, true)) {
      GstSegment segment;
      gst_segment_init (&segment, GST_FORMAT_TIME);
      gst_pad_push_event (pad_, gst_event_new_segment (&segment));
    }
    return true;
  }
  case Item::What::gap:
    push_gap (out_time (item.pts), item.dts);
    return true;
  case Item::What::broken:
    discont_ = true;
    return true;
  case Item::What::resumed:
    clock_ = state_.lock ()->clock;
    discont_ = true;
    return true;
  case Item::What::eos:
    if (!limits_.keep_listening && !std::exchange (eos_sent_, true))
      gst_pad_push_event (pad_, gst_event_new_eos ());
    return true;
  case Item::What::close:
    if (!std::exchange (eos_sent_, true))
      gst_pad_push_event (pad_, gst_event_new_eos ());
    if (unreported_ > 0) // others share the link's credit
      host_.consumed (remote, type, std::exchange (unreported_, 0));
    host_.pad_finished (this);
    return false;
  }
  return false;
}

void PadOutput::push_sticky ()
{
  if (std::exchange (sticky_done_, true))
    return;
  GstEvent *e = gst_event_new_stream_start (stream_id.c_str ());
  gst_event_set_group_id (e, group_id_);
  gst_event_set_stream (e, stream_.get ());
  gst_event_set_stream_flags (e, gst_stream_get_stream_flags (stream_.get ()));
  gst_pad_push_event (pad_, e);
}

std::int64_t PadOutput::out_time (std::int64_t remote_ts)
{
  if (remote_ts == no_time)
    return no_time;
  std::int64_t monotonic = no_time;
  {
    auto map = clock_->map.lock ();
    if (map->ready ())
      monotonic = map->map (remote_ts, monotonic_now ());
  }
  return monotonic == no_time ? no_time : host_.running_time_of (monotonic);
}

// Frames that follow each other closely are placed by one mapping: their distances stay exact, and
// the drift within so short a time is less than a clock's jitter.
std::int64_t PadOutput::place (std::int64_t reference)
{
  constexpr std::int64_t close = 10'000'000;
  if (reference == no_time)
    return no_time;
  if (mapped_ == no_time || reference < mapped_ || reference - mapped_ > close) {
    mapped_ = reference;
    mapped_to_ = out_time (reference);
  }
  return mapped_to_ == no_time ? no_time : mapped_to_ + (reference - mapped_);
}

GstBuffer *PadOutput::finish (const Item &item)
{
  auto *b = GST_BUFFER_CAST (item.object);
  // One mapping for both times, so that their difference stays exact.
  const std::int64_t reference = item.dts != no_time ? item.dts : item.pts;
  const std::int64_t out = place (reference);
  const auto at = [&] (std::int64_t t) {
    return t == no_time || out == no_time
               ? GST_CLOCK_TIME_NONE
               : static_cast<GstClockTime> (std::max<std::int64_t> (0, out + (t - reference)));
  };
  GST_BUFFER_PTS (b) = at (item.pts);
  GST_BUFFER_DTS (b) = at (item.dts);
  if (std::exchange (discont_, false))
    GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_DISCONT);
  if (out != no_time)
    end_ = std::max (end_, out + (GST_BUFFER_DURATION_IS_VALID (b)
                                         ? static_cast<std::int64_t> (GST_BUFFER_DURATION (b))
                                         : 0));
  return b;
}

// The buffers in front of the batch: many go in one list, so that downstream is locked and
// called once for all of them.
bool PadOutput::push_buffers ()
{
  std::size_t n = 0, counted = 0;
  while (n < batch_.size () && batch_[n].what == Item::What::buffer && counted < max_list_bytes)
    counted += batch_[n++].size;
  if (n < min_list) {
    n = 1;
    counted = batch_.front ().size;
  }
  note_consumed (counted);
  mapped_ = no_time;
  std::uint64_t bytes = 0;
  GstBufferList *list = n > 1 && !eos_sent_ ? gst_buffer_list_new_sized (n) : nullptr;
  GstBuffer *b = nullptr;
  for (std::size_t i = 0; i < n; i++) {
    const Item item = batch_.front ();
    batch_.pop_front ();
    if (eos_sent_) {
      gst_mini_object_unref (item.object);
      continue;
    }
    b = finish (item);
    bytes += gst_buffer_get_size (b);
    if (list)
      gst_buffer_list_add (list, b);
  }
  if (!b)
    return true;
  const GstFlowReturn flow = list ? gst_pad_push_list (pad_, list) : gst_pad_push (pad_, b);
  counters_.frames += n;
  counters_.bytes += bytes;
  return went_on (flow);
}

bool PadOutput::went_on (GstFlowReturn flow)
{
  if (flow == GST_FLOW_OK || flow == GST_FLOW_NOT_LINKED)
    return true; // nobody wants this stream, which is no fault
  if (flow == GST_FLOW_EOS) {
    eos_sent_ = true;
    return true; // goes on taking what comes, so that the sender's other streams are not held up
  }
  if (flow != GST_FLOW_FLUSHING)
    host_.pad_flow_error (this, flow);
  return false;
}

void PadOutput::push_gap (std::int64_t pts, std::int64_t duration)
{
  if (!have_caps_ || eos_sent_ || pts == no_time || pts < 0)
    return;
  const auto d = duration < 0 ? GST_CLOCK_TIME_NONE : static_cast<GstClockTime> (duration);
  end_ = std::max (end_, pts + std::max<std::int64_t> (0, duration));
  gst_pad_push_event (pad_, gst_event_new_gap (static_cast<GstClockTime> (pts), d));
}

void PadOutput::fill_silence ()
{
  const std::int64_t now = host_.running_time_of (monotonic_now ());
  if (now == no_time)
    return;
  const std::int64_t to = now - nanoseconds (silence).count ();
  // What was sent before we played ended before our zero.
  const std::int64_t from = std::max<std::int64_t> (0, end_ == no_time ? to : end_);
  if (to > from)
    push_gap (from, to - from);
}

void PadOutput::note_consumed (std::size_t bytes)
{
  unreported_ += bytes;
  if (unreported_ >= limits_.report)
    host_.consumed (remote, type, std::exchange (unreported_, 0));
}
} // namespace reach::cam

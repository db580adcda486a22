// SPDX-License-Identifier: LGPL-2.1-or-later
#include "trackpad.h"
#include "common/running_clock.h"
#include "pad_thread.h"
#include <algorithm>
#include <set>

namespace reach::rtmp {
namespace {
std::int64_t monotonic_now ()
{
  return nanoseconds (Clock::now ().time_since_epoch ()).count ();
}

GstStreamType type_of (TrackPad::Kind k)
{
  switch (k) {
  case TrackPad::Kind::audio:
    return GST_STREAM_TYPE_AUDIO;
  case TrackPad::Kind::video:
    return GST_STREAM_TYPE_VIDEO;
  case TrackPad::Kind::flv:
    return GST_STREAM_TYPE_CONTAINER;
  case TrackPad::Kind::data:
    break;
  }
  return GST_STREAM_TYPE_UNKNOWN;
}
} // namespace

const char *pad_name_format (TrackPad::Kind k)
{
  switch (k) {
  case TrackPad::Kind::audio:
    return "audio_%u";
  case TrackPad::Kind::video:
    return "video_%u";
  case TrackPad::Kind::data:
    return "data_%u";
  case TrackPad::Kind::flv:
    break;
  }
  return "flv";
}

TrackPad::TrackPad (PadHost &host, Kind k, unsigned n, std::string id, guint group_id)
    : kind (k), number (n), stream_id (std::move (id)), host_ (host), group_id_ (group_id),
      stream_ (Ref<GstStream>::adopt (gst_stream_new (stream_id.c_str (), nullptr, type_of (k),
          k == Kind::data ? GST_STREAM_FLAG_SPARSE : GST_STREAM_FLAG_NONE))),
      need_key_ (k == Kind::video)
{
}

TrackPad::~TrackPad ()
{
  state_.update (clear);
  for (Item &i : staged_)
    gst_mini_object_unref (i.object);
}

void TrackPad::clear (State &s)
{
  for (Item &i : s.items)
    if (i.object)
      gst_mini_object_unref (i.object);
  s.items.clear ();
  s.bytes = s.buffers = 0;
}

void TrackPad::reset ()
{
  for (Item &i : std::exchange (staged_, {}))
    gst_mini_object_unref (i.object);
  state_.update ([] (State &s) {
    clear (s);
    s.started = s.failed = false;
    s.pad = {};
  });
  caps_ = {};
  clock_ = {};
  need_key_ = kind == Kind::video;
  discont_ = sticky_done_ = segment_done_ = eos_ = false;
  unlinked_ = false;
  end_ = last_ = -1;
}

void TrackPad::release ()
{
  state_.update ([] (State &s) { s.pad = {}; });
  pad_ = {};
}

void TrackPad::put (Item item)
{
  state_.update ([&] (State &s) {
    s.items.push_back (std::move (item));
    if (s.items.size () > max_items)
      drop_superseded (s);
  });
  wake ();
}

void TrackPad::wake ()
{
  if (shared_)
    shared_->ready (*this);
}

void TrackPad::event (GstEvent *e)
{
  put ({.what = Item::What::event, .object = GST_MINI_OBJECT_CAST (e)});
}

void TrackPad::event_first (GstEvent *e)
{
  state_.update ([e] (State &s) {
    Item item{.what = Item::What::event, .object = GST_MINI_OBJECT_CAST (e)};
    s.items.insert (s.started ? s.items.end () : s.items.begin (), std::move (item));
  });
  wake ();
}

void TrackPad::caps (Ref<GstCaps> c)
{
  if (caps_ && gst_caps_is_strictly_equal (caps_.get (), c.get ()))
    return;
  gst_stream_set_caps (stream_.get (), c.get ());
  flush ();
  event (gst_event_new_caps (c.get ()));
  caps_ = std::move (c);
}

void TrackPad::tags (Ref<GstTagList> t)
{
  gst_stream_set_tags (stream_.get (), t.get ());
  flush ();
  event (gst_event_new_tag (t.release ()));
}

void TrackPad::begin (std::shared_ptr<PublisherClock> clock)
{
  flush ();
  need_key_ = kind == Kind::video;
  discont_ = true;
  put ({.what = Item::What::clock, .clock = std::move (clock)});
}

void TrackPad::end ()
{
  flush ();
  put ({.what = Item::What::eos});
}

void TrackPad::frame (Frame f)
{
  if (unlinked_ && !f.keep) {
    need_key_ = kind == Kind::video || kind == Kind::flv;
    discont_ = true;
    return;
  }
  if (need_key_ && !f.key && !f.keep) {
    dropped_++;
    return;
  }
  need_key_ &= !f.key;
  if (f.discont || std::exchange (discont_, false))
    GST_BUFFER_FLAG_SET (f.buffer.get (), GST_BUFFER_FLAG_DISCONT);
  const std::size_t size = gst_buffer_get_size (f.buffer.get ());
  staged_.push_back ({.what = Item::What::buffer,
      .object = GST_MINI_OBJECT_CAST (f.buffer.release ()),
      .pts = f.pts,
      .dts = f.dts,
      .size = size,
      .keep = f.keep,
      .vital = f.vital});
}

// One lock and at most one wake-up for all that came together.
void TrackPad::flush ()
{
  if (staged_.empty ())
    return;
  const TimePoint now = Clock::now ();
  dropped_ += state_.update ([&] (State &s) -> std::size_t {
    for (Item &i : staged_) {
      i.arrived = now;
      s.bytes += i.size;
      if (s.buffers++ == 0)
        s.oldest = i.dts;
      s.newest = i.dts;
      s.items.push_back (std::move (i));
    }
    if (!unlinked_)
      return overflow (s);
    drop_buffers (s);
    return 0;
  });
  staged_.clear ();
  wake ();
}

std::size_t TrackPad::drop_buffers (State &s)
{
  std::size_t dropped = 0;
  std::erase_if (s.items, [&] (const Item &i) {
    const bool drop = i.what == Item::What::buffer && !i.keep;
    if (drop) {
      s.bytes -= i.size;
      gst_mini_object_unref (i.object);
      dropped++;
    }
    return drop;
  });
  s.buffers -= dropped;
  return dropped;
}

// Downstream is slower than the stream: what waits is dropped, video up to the next key frame.
// Before the pads have started there is nobody to be slow.
std::size_t TrackPad::overflow (State &s)
{
  const auto oldest = std::find_if (s.items.begin (), s.items.end (),
      [] (const Item &i) { return i.what == Item::What::buffer && !i.keep; });
  const bool late = !patient_ && s.started && oldest != s.items.end () &&
                    Clock::now () - oldest->arrived > Limits{}.time;
  if (!late && s.bytes <= Limits{}.bytes && s.items.size () <= max_items)
    return 0;
  const std::size_t dropped = drop_buffers (s) + drop_superseded (s);
  need_key_ = kind == Kind::video || kind == Kind::flv;
  discont_ = true;
  return dropped;
}

// A publisher can change its configuration, and send headers, faster than downstream takes them. Of
// events and clocks only the newest of each kind counts when no buffer is between them; of headers
// the oldest go.
std::size_t TrackPad::drop_superseded (State &s)
{
  std::size_t dropped = 0, left = s.items.size ();
  std::vector<bool> gone (left);
  for (std::size_t i = 0; i < gone.size (); i++) {
    const Item &item = s.items[i];
    if (item.what != Item::What::buffer || !item.keep || item.vital ||
        (s.bytes <= Limits{}.bytes / 2 && left <= max_items / 2))
      continue;
    gone[i] = true;
    s.bytes -= item.size;
    left--;
    dropped++;
  }
  std::set<int> newer;
  constexpr int clock = -1;
  for (std::size_t i = gone.size (); i-- > 0;) {
    const Item &item = s.items[i];
    if (item.what == Item::What::buffer && !gone[i])
      newer.clear ();
    else if (item.what == Item::What::event)
      gone[i] = !newer.insert (GST_EVENT_TYPE (item.object)).second;
    else if (item.what == Item::What::clock)
      gone[i] = !newer.insert (clock).second;
  }
  std::size_t at = 0;
  std::erase_if (s.items, [&] (const Item &i) {
    const bool drop = gone[at++];
    if (drop && i.object)
      gst_mini_object_unref (i.object);
    return drop;
  });
  s.buffers -= dropped;
  return dropped;
}

void TrackPad::set_playing (bool on)
{
  state_.update ([on] (State &s) { s.playing = on; });
  wake ();
}

void TrackPad::set_flushing (bool on)
{
  state_.update ([on] (State &s) { s.flushing = on; });
}

TrackPad::Backlog TrackPad::backlog_of (const State &s)
{
  return {s.bytes, s.buffers, nanoseconds (s.buffers == 0 ? 0 : s.newest - s.oldest)};
}

bool TrackPad::is_little (const State &s)
{
  return s.bytes <= low.bytes && backlog_of (s).span <= low.span;
}

TrackPad::Backlog TrackPad::backlog ()
{
  return backlog_of (*state_.lock ());
}

void TrackPad::when_drained (std::function<void ()> f)
{
  auto s = state_.lock ();
  s->drained = std::move (f);
  s->little = is_little (*s);
}

// The next one. False: flushing.
bool TrackPad::take (Item &item)
{
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
  if (const auto drained = pop (*s, item))
    s.unlocked (drained);
  return true;
}

// The same, without waiting. False: there is none, or nothing may be pushed.
bool TrackPad::take_waiting (Item &item)
{
  auto s = state_.lock ();
  if (s->items.empty () || !s->started || !s->playing || s->flushing || s->failed)
    return false;
  if (const auto drained = pop (*s, item))
    s.unlocked (drained);
  return true;
}

// Something: to be called.
std::function<void ()> TrackPad::pop (State &s, Item &item)
{
  item = std::move (s.items.front ());
  s.items.pop_front ();
  s.bytes -= item.size;
  if (item.what != Item::What::buffer)
    return {};
  s.buffers--;
  s.oldest = item.dts;
  if (!s.drained || (s.buffers > 0 && (s.little || !is_little (s))))
    return {};
  return std::exchange (s.drained, {});
}

bool TrackPad::step ()
{
  Item item;
  if (!take (item))
    return false;
  push_sticky ();
  return apply (item);
}

void TrackPad::preset ()
{
  push_sticky ();
  while (true) {
    Item item;
    {
      auto s = state_.lock ();
      if (s->items.empty () || s->items.front ().what == Item::What::buffer ||
          s->items.front ().what == Item::What::eos)
        return;
      item = std::move (s->items.front ());
      s->items.pop_front ();
    }
    apply (item);
  }
}

bool TrackPad::apply (Item &item)
{
  switch (item.what) {
  case Item::What::clock:
    clock_ = std::move (item.clock);
    return true;
  case Item::What::event: {
    auto *e = GST_EVENT_CAST (item.object);
    const bool is_caps = GST_EVENT_TYPE (e) == GST_EVENT_CAPS;
    gst_pad_push_event (pad_.get (), e);
    if (is_caps && !std::exchange (segment_done_, true)) {
      GstSegment segment;
      gst_segment_init (&segment, GST_FORMAT_TIME);
      gst_pad_push_event (pad_.get (), gst_event_new_segment (&segment));
    }
    return true;
  }
  case Item::What::eos:
    if (!std::exchange (eos_, true))
      gst_pad_push_event (pad_.get (), gst_event_new_eos ());
    return true;
  case Item::What::buffer:
    break;
  }
  return push (item);
}

void TrackPad::push_sticky ()
{
  if (std::exchange (sticky_done_, true))
    return;
  GstEvent *e = gst_event_new_stream_start (stream_id.c_str ());
  gst_event_set_group_id (e, group_id_);
  gst_event_set_stream (e, stream_.get ());
  gst_event_set_stream_flags (e, gst_stream_get_stream_flags (stream_.get ()));
  gst_pad_push_event (pad_.get (), e);
}

bool TrackPad::push (Item &item)
{
  auto *b = GST_BUFFER_CAST (item.object);
  if (eos_) {
    gst_buffer_unref (b);
    return true;
  }
  place (b, item);
  frames_++;
  bytes_ += item.size;
  const GstFlowReturn flow = gst_pad_push (pad_.get (), b);
  if (flow == GST_FLOW_OK)
    return true;
  if (flow == GST_FLOW_NOT_LINKED) { // nobody wants this stream, which is no fault
    unlinked_ = true;
    if (gst_pad_is_linked (pad_.get ())) // by now, or to something that is not
      unlinked_ = false;
    else if (const auto drained = state_.update ([] (State &s) {
               drop_buffers (s);
               return std::exchange (s.drained, {});
             }))
      drained ();
    return true;
  }
  if (flow == GST_FLOW_EOS)
    return eos_ = true; // what still comes is passed over
  if (flow != GST_FLOW_FLUSHING) {
    host_.pad_flow_error (*this, flow);
    gst_pad_push_event (pad_.get (), gst_event_new_eos ());
  }
  return false;
}

// Stream time to running time. DTS do not go back, PTS keep their distance to them.
void TrackPad::place (GstBuffer *b, const Item &item)
{
  std::int64_t out = RunningClock::none;
  if (clock_) {
    const std::int64_t monotonic = clock_->update (
        [&] (ClockMap &m) { return m.ready () ? m.map (item.dts, monotonic_now ()) : out; });
    if (monotonic != RunningClock::none)
      out = host_.running_time_of (monotonic);
  }
  if (out == RunningClock::none)
    return;
  out = std::max ({out, last_, std::int64_t{0}});
  last_ = out;
  end_ = std::max (end_, out);
  GST_BUFFER_DTS (b) = static_cast<GstClockTime> (out);
  GST_BUFFER_PTS (b) =
      static_cast<GstClockTime> (std::max<std::int64_t> (0, out + item.pts - item.dts));
}

void TrackPad::fill_silence ()
{
  const std::int64_t now = host_.running_time_of (monotonic_now ());
  if (!segment_done_ || eos_ || now == RunningClock::none)
    return;
  const std::int64_t to = now - nanoseconds (silence).count ();
  const std::int64_t from = std::max<std::int64_t> (0, end_ < 0 ? to : end_);
  if (to <= from)
    return;
  end_ = to;
  gst_pad_push_event (pad_.get (),
      gst_event_new_gap (static_cast<GstClockTime> (from), static_cast<GstClockTime> (to - from)));
}
} // namespace reach::rtmp

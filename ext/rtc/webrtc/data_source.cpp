// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data_source.h"

namespace reach::rtc {
DataSource::~DataSource ()
{
  give_back (state_.lock ()->bytes);
}

void DataSource::give_back (std::size_t bytes)
{
  if (settings_.budget)
    settings_.budget->give (bytes);
}

bool DataSource::push (bool text, Bytes message)
{
  auto buffer = Ref<GstBuffer>::adopt (
      message.empty () ? gst_buffer_new ()
                       : gst_buffer_new_memdup (message.data (), message.size ()));
  const GstClockTime now = settings_.running_time ? settings_.running_time () : GST_CLOCK_TIME_NONE;
  GST_BUFFER_PTS (buffer.get ()) = GST_BUFFER_DTS (buffer.get ()) = now;
  const std::size_t size = message.size ();
  std::deque<Item> dropped; // let go without the lock
  return state_.update ([&] (State &s) {
    const auto full = [&] {
      return s.items.size () >= settings_.messages || s.bytes + size > settings_.bytes;
    };
    if (s.flushing || s.ended || s.over)
      return true;                             // nobody wants it
    const bool fits = size <= settings_.bytes; // else nothing older makes room
    while (settings_.drop_oldest && fits && full () && !s.items.empty ()) {
      s.bytes -= s.items.front ().size;
      give_back (s.items.front ().size);
      s.counts.dropped++;
      dropped.push_back (std::move (s.items.front ()));
      s.items.pop_front ();
    }
    if (full () || (settings_.budget && !settings_.budget->take (size))) {
      s.counts.dropped++;
      return false;
    }
    s.items.push_back ({std::move (buffer), text, size});
    s.bytes += size;
    return true;
  });
}

void DataSource::end ()
{
  const bool told =
      state_.update ([] (State &s) { return std::exchange (s.ended, true) || !s.over; });
  if (!told && settings_.ended)
    settings_.ended ();
}

void DataSource::set_flushing (bool flushing)
{
  std::deque<Item> dropped;
  state_.update ([&] (State &s) {
    s.flushing = flushing;
    if (!flushing)
      return;
    std::swap (dropped, s.items);
    give_back (std::exchange (s.bytes, 0));
    s.over = false;
  });
}

void DataSource::reset ()
{
  started_ = false;
  text_.reset ();
}

void DataSource::set_playing (bool playing)
{
  state_.update ([playing] (State &s) { s.playing = playing; });
}

void DataSource::start (GstPad *pad, bool text)
{
  if (!started_) {
    GstEvent *e = gst_event_new_stream_start (settings_.stream_id.c_str ());
    gst_event_set_stream_flags (e, GST_STREAM_FLAG_SPARSE);
    gst_pad_push_event (pad, e);
  }
  if (text_ != text) {
    Ref<GstCaps> caps = settings_.caps;
    if (text)
      caps = Ref<GstCaps>::adopt (gst_caps_from_string ("text/x-raw, format=(string)utf8"));
    else if (!caps)
      caps = Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("application/octet-stream"));
    gst_pad_push_event (pad, gst_event_new_caps (caps.get ()));
    text_ = text;
  }
  if (started_)
    return;
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (pad, gst_event_new_segment (&segment));
  started_ = true;
}

GstFlowReturn DataSource::push_item (GstPad *pad, Item item)
{
  start (pad, item.text);
  const GstFlowReturn flow = gst_pad_push (pad, item.buffer.release ());
  state_.update ([&] (State &s) {
    if (flow != GST_FLOW_OK) {
      s.counts.dropped++;
      return;
    }
    s.counts.messages++;
    s.counts.bytes += item.size;
  });
  return flow;
}

bool DataSource::step (GstPad *pad)
{
  Item item;
  bool eos = false;
  {
    auto s = state_.lock ();
    s.wait ([] (const State &x) {
      return x.flushing || (x.playing && (x.ended || !x.items.empty ()));
    });
    if (s->flushing)
      return false;
    eos = s->items.empty ();
    if (!eos) {
      item = std::move (s->items.front ());
      s->items.pop_front ();
      s->bytes -= item.size;
      give_back (item.size);
    }
  }
  if (eos) {
    start (pad, text_.value_or (false));
    gst_pad_push_event (pad, gst_event_new_eos ());
    if (settings_.ended)
      settings_.ended ();
    return false;
  }
  const GstFlowReturn flow = push_item (pad, std::move (item));
  // Somebody may link it yet.
  if (flow == GST_FLOW_OK || flow == GST_FLOW_NOT_LINKED)
    return true;
  if (flow == GST_FLOW_FLUSHING)
    return false;
  // Downstream has had enough: as of any source, EOS follows, and what comes is nobody's.
  std::deque<Item> unwanted;
  state_.update ([&] (State &s) {
    s.over = true;
    std::swap (unwanted, s.items);
    give_back (std::exchange (s.bytes, 0));
  });
  if (flow == GST_FLOW_EOS)
    gst_pad_push_event (pad, gst_event_new_eos ());
  else if (settings_.failed)
    settings_.failed (flow);
  return false;
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "src_pads.h"
#include "pad_thread.h"
#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN (rtmpserversrc_debug);
#define GST_CAT_DEFAULT rtmpserversrc_debug

namespace reach::rtmp {

std::vector<std::shared_ptr<TrackPad>> SrcPads::all ()
{
  const auto p = pads_.lock ();
  auto list = p->tracks;
  if (p->flv)
    list.push_back (p->flv);
  return list;
}

void SrcPads::begin_run (
    std::shared_ptr<SerialQueue> events, Duration latency, std::shared_ptr<PadThread> thread)
{
  events_ = std::move (events);
  thread_ = std::move (thread);
  if (const auto f = flv ())
    f->share (thread_.get ());
  latency_ = latency;
  group_id_ = gst_util_group_id_next ();
  complete_ = completed_ = false;
  flv_stream = {};
}

void SrcPads::set_playing (bool on)
{
  if (on)
    clock_.start (element_);
  else
    clock_.stop ();
  for (const auto &p : all ())
    p->set_playing (on);
}

void SrcPads::unblock ()
{
  for (const auto &p : all ())
    p->set_flushing (true);
}

// The flv pad stays, with nothing in it.
void SrcPads::end_run ()
{
  for (const auto &p : pads_.update ([] (Pads &x) { return std::exchange (x.tracks, {}); }))
    remove (p);
  if (const auto f = flv ()) {
    f->reset ();
    f->share (nullptr);
  }
  thread_ = {};
}

bool SrcPads::send_eos ()
{
  const auto pads = all ();
  for (const auto &p : pads)
    p->end ();
  return !pads.empty ();
}

GstPad *SrcPads::request_flv ()
{
  auto made = std::make_shared<TrackPad> (
      *this, TrackPad::Kind::flv, 0, "rtmpserversrc/flv", gst_util_group_id_next ());
  const bool first = pads_.update ([&] (Pads &p) {
    if (p.flv)
      return false;
    p.flv = made;
    return true;
  });
  if (!first)
    return nullptr;
  GstPad *pad = made->make (element_);
  made->set_playing (clock_.running ());
  if (GST_STATE (element_) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element_, pad);
  return pad;
}

void SrcPads::release_flv (GstPad *pad)
{
  const auto f = pads_.update ([&] (Pads &p) {
    return p.flv && p.flv->pad () == pad ? std::exchange (p.flv, {}) : nullptr;
  });
  if (f)
    remove (f);
}

std::shared_ptr<TrackPad> SrcPads::flv ()
{
  return pads_.lock ()->flv;
}

std::shared_ptr<TrackPad> SrcPads::track (
    TrackPad::Kind kind, unsigned number, const std::string &id)
{
  std::shared_ptr<TrackPad> made;
  {
    auto p = pads_.lock ();
    const auto at = std::find_if (p->tracks.begin (), p->tracks.end (),
        [&] (const auto &t) { return t->kind == kind && t->number == number; });
    if (at != p->tracks.end ())
      return *at;
    if (p->tracks.size () >= max_pads)
      return nullptr;
    made = std::make_shared<TrackPad> (*this, kind, number, id, group_id_);
    made->share (thread_.get ());
    p->tracks.push_back (made);
  }
  return made;
}

void SrcPads::show (const std::shared_ptr<TrackPad> &pad)
{
  events_->post ([this, pad] { add (pad); });
}

void SrcPads::complete ()
{
  completed_ = true;
  events_->post ([this] {
    post_collection ();
    gst_element_no_more_pads (element_);
    complete_ = true;
    start_all ();
  });
}

void SrcPads::end_all ()
{
  for (const auto &p : all ())
    p->end ();
}

void SrcPads::add (const std::shared_ptr<TrackPad> &pad)
{
  pad->set_playing (clock_.running ());
  GstPad *p = pad->make (element_);
  gst_pad_set_active (p, TRUE);
  pad->preset ();
  gst_element_add_pad (element_, p);
  if (complete_) {
    post_collection ();
    pad->start ();
  }
}

// Nothing flows before every pad is there and linked: a muxer must not write its header when it has
// seen the first of two streams.
void SrcPads::start_all ()
{
  for (const auto &p : all ())
    if (p->pad () && gst_pad_is_active (p->pad ()))
      p->start ();
}

void SrcPads::post_collection ()
{
  const CharPtr id (g_strdup_printf ("rtmpserversrc-%u", group_id_.load ()));
  GstStreamCollection *c = gst_stream_collection_new (id.get ());
  const auto pads = pads_.lock ()->tracks;
  for (const auto &p : pads)
    gst_stream_collection_add_stream (c, static_cast<GstStream *> (gst_object_ref (p->stream ())));
  for (const auto &p : pads)
    p->event_first (gst_event_new_stream_collection (c));
  gst_element_post_message (element_, gst_message_new_stream_collection (GST_OBJECT (element_), c));
  gst_object_unref (c);
}

void SrcPads::remove (const std::shared_ptr<TrackPad> &pad)
{
  GstPad *p = pad->pad ();
  if (!p)
    return;
  gst_pad_set_active (p, FALSE);
  gst_element_remove_pad (element_, p);
  pad->release ();
}

void SrcPads::pad_flow_error (TrackPad &pad, GstFlowReturn flow)
{
  GST_ELEMENT_FLOW_ERROR (element_, flow);
  GST_WARNING_OBJECT (pad.pad (), "stopped: %s", gst_flow_get_name (flow));
}

TrackPad::Totals SrcPads::totals ()
{
  TrackPad::Totals sum;
  for (const auto &p : all ()) {
    const auto t = p->totals ();
    sum.frames += t.frames;
    sum.bytes += t.bytes;
    sum.dropped += t.dropped;
  }
  return sum;
}
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receive_stream.h"
#include "codec_elements.h"
#include "rtc/proto/codec.h"
#include <algorithm>

namespace reach::rtc {
ReceiveStream::ReceiveStream (
    const ReceiveConfig &config, GstElement *bin, GstElement *source, GstPad *src, GstElement *last)
    : config_ (config), bin_ (bin), source_ (source), last_ (last), src_ (src)
{
  if (!config_.depayload)
    gst_element_link (source, last);
}

void ReceiveStream::play (bool on)
{
  if (on)
    clock_.start (source_);
  else
    clock_.stop ();
  queue ().set_playing (on);
}

void ReceiveStream::reset ()
{
  started_ = caps_sent_ = segment_sent_ = ended_ = unlinked_ = false;
}

bool ReceiveStream::step ()
{
  PacketQueue::Batch batch;
  if (!queue ().take (batch))
    return false;
  struct Done {
    PacketQueue &queue;
    ~Done () { queue.done (); }
  } done{queue ()};
  return handle (batch);
}

bool ReceiveStream::handle (PacketQueue::Batch &batch)
{
  using What = PacketQueue::Item::What;
  if (batch.latency_changed)
    gst_element_post_message (source_, gst_message_new_latency (GST_OBJECT (source_)));
  if (batch.keyframe)
    want_keyframe ();
  std::span<PacketQueue::Item> rest = batch.items;
  while (!rest.empty ()) {
    const auto first = std::ranges::find_if (
        rest, [] (const PacketQueue::Item &i) { return i.what != What::packet; });
    const auto packets = static_cast<std::size_t> (first - rest.begin ());
    if (packets > 0 && !push (rest.first (packets)))
      return false;
    rest = rest.subspan (packets);
    if (rest.empty ())
      break;
    if (rest[0].what == What::codec)
      set_codec (*rest[0].codec);
    else
      end ();
    rest = rest.subspan (1);
  }
  return true;
}

void ReceiveStream::set_codec (const Codec &codec)
{
  unusable_ = config_.depayload && !change_depayloader (codec);
  caps_ = rtp_caps (codec, config_.kind);
  caps_sent_ = false;
  if (!unusable_)
    begin ();
}

bool ReceiveStream::change_depayloader (const Codec &codec)
{
  if (depayloader_ && name_ == codec.name)
    return true;
  if (depayloader_) {
    gst_element_unlink (source_, depayloader_.get ());
    gst_element_unlink (depayloader_.get (), last_);
    gst_element_set_locked_state (depayloader_.get (), TRUE);
    gst_element_set_state (depayloader_.get (), GST_STATE_NULL);
    gst_bin_remove (GST_BIN (bin_), depayloader_.get ());
    depayloader_ = {};
  }
  Elements e = depayload_elements (codec);
  if (e.row.empty ()) {
    fail (e.missing.empty () ? codec.name : e.missing);
    return false;
  }
  depayloader_ = e.row.front ();
  name_ = codec.name;
  gst_bin_add (GST_BIN (bin_), depayloader_.get ());
  if (!gst_element_link (depayloader_.get (), last_) ||
      !gst_element_link (source_, depayloader_.get ()))
    return false;
  return gst_element_sync_state_with_parent (depayloader_.get ());
}

void ReceiveStream::fail (const std::string &missing)
{
  GST_ELEMENT_ERROR (source_, CORE, MISSING_PLUGIN,
      ("A received stream cannot be given out, %s is not installed.", missing.c_str ()),
      ("depayload=false gives out RTP"));
}

void ReceiveStream::begin ()
{
  if (!std::exchange (started_, true)) {
    GstEvent *e = gst_event_new_stream_start (config_.stream_id.c_str ());
    gst_event_set_group_id (e, group_id_);
    gst_pad_push_event (src_, e);
    ended_ = segment_sent_ = caps_sent_ = false;
  }
  if (caps_ && !std::exchange (caps_sent_, true))
    gst_pad_push_event (src_, gst_event_new_caps (caps_.get ()));
  if (caps_ && !std::exchange (segment_sent_, true)) {
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (src_, gst_event_new_segment (&segment));
    if (config_.tags)
      gst_pad_push_event (src_, gst_event_new_tag (gst_tag_list_ref (config_.tags.get ())));
  }
}

void ReceiveStream::end ()
{
  if (started_ && !ended_)
    gst_pad_push_event (src_, gst_event_new_eos ());
  started_ = false;
}

Ref<GstBuffer> ReceiveStream::finish (PacketQueue::Item &item)
{
  auto b = Ref<GstBuffer>::adopt (gst_buffer_make_writable (item.packet.release ()));
  const std::int64_t at = clock_.running_time_of (
      nanoseconds (item.time.time_since_epoch ()).count () + *config_.delay);
  GST_BUFFER_PTS (b.get ()) = at == RunningClock::none
                                  ? GST_CLOCK_TIME_NONE
                                  : static_cast<GstClockTime> (std::max<std::int64_t> (0, at));
  GST_BUFFER_DTS (b.get ()) = GST_CLOCK_TIME_NONE;
  if (item.discont)
    GST_BUFFER_FLAG_SET (b.get (), GST_BUFFER_FLAG_DISCONT);
  return b;
}

// All that waits in one call: downstream is locked once for it.
bool ReceiveStream::push (std::span<PacketQueue::Item> packets)
{
  if (!caps_ || unusable_)
    return true;
  begin ();
  if (ended_)
    return true;
  if (packets.size () == 1)
    return went_on (gst_pad_push (src_, finish (packets[0]).release ()));
  GstBufferList *list = gst_buffer_list_new_sized (static_cast<guint> (packets.size ()));
  for (PacketQueue::Item &i : packets)
    gst_buffer_list_add (list, finish (i).release ());
  return went_on (gst_pad_push_list (src_, list));
}

bool ReceiveStream::went_on (GstFlowReturn flow)
{
  // Who was not there could not take what the decoder has to begin with.
  if (flow == GST_FLOW_OK && std::exchange (unlinked_, false))
    want_keyframe ();
  switch (flow) {
  case GST_FLOW_OK:
    return true;
  case GST_FLOW_NOT_LINKED:
    unlinked_ = true; // nobody wants this stream, which is no fault
    return true;
  case GST_FLOW_EOS:
    ended_ = true;
    return true;
  case GST_FLOW_FLUSHING:
    // Of a flush downstream, or of a state change, which closes the queue.
    return true;
  default:
    break;
  }
  GST_ELEMENT_FLOW_ERROR (source_, flow);
  gst_pad_push_event (src_, gst_event_new_eos ());
  return false;
}
} // namespace reach::rtc

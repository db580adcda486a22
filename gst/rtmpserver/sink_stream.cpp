// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_stream.h"
#include "caps.h"
#include "common/barrier.h"
#include "memory_slice.h"
#include "notices.h"
#include "proto/flv.h"
#include <gst/video/video-event.h>

GST_DEBUG_CATEGORY_EXTERN (rtmpserversink_debug);
#define GST_CAT_DEFAULT rtmpserversink_debug

namespace reach::rtmp {
class StreamImpl {
public:
  StreamImpl (GstBaseSink *base, InputKind k, unsigned i, StreamOwner &owner)
      : kind (k), index (i), base_ (base), owner_ (owner), track_ (static_cast<std::uint8_t> (i))
  {
  }

  bool set_caps (GstCaps *caps)
  {
    if (kind == InputKind::data || kind == InputKind::flv)
      return true;
    const auto p = params_of (caps);
    const bool audio = p && is_audio (p->codec);
    if (!p || audio != (kind == InputKind::audio) || !track_.set_params (*p)) {
      const CharPtr text (gst_caps_to_string (caps));
      GST_ELEMENT_ERROR (base_, STREAM, FORMAT,
          ("RTMP cannot carry this stream%s.", index > 0 ? " in a further track" : ""),
          ("%s", text.get ()));
      return false;
    }
    params_.update ([&] (StreamParams &x) { x = *p; });
    send_headers ();
    owner_.params_changed ();
    return true;
  }
  StreamParams params () { return *params_.lock (); }

  GstFlowReturn render (GstBuffer *b)
  {
    const auto endpoint = owner_.endpoint ();
    if (!endpoint)
      return GST_FLOW_FLUSHING;
    if (kind == InputKind::flv)
      return render_flv (endpoint->broadcast (), b);
    const std::uint32_t timestamp = time_of (GST_BUFFER_DTS_OR_PTS (b));
    if (kind == InputKind::data) {
      const Mapped map (b);
      if (!map.ok ())
        return unreadable ();
      endpoint->broadcast ().media (MessageType::data_amf0, timestamp,
          slice_of ({map.bytes ().begin (), map.bytes ().end ()}), {});
      return GST_FLOW_OK;
    }
    if (track_.params ().codec == Codec::unknown)
      return GST_FLOW_NOT_NEGOTIATED;
    // Headers of sound are in its caps.
    if (kind == InputKind::audio && GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_HEADER))
      return GST_FLOW_OK;
    const auto composition = static_cast<std::int32_t> (time_of (GST_BUFFER_PTS (b)) - timestamp);
    auto part = frame_of (b, composition);
    if (!part)
      return unreadable ();
    send (endpoint->broadcast (), track_.type (), timestamp, std::move (part->body), part->info);
    return GST_FLOW_OK;
  }

  void send_headers ()
  {
    const auto endpoint = owner_.endpoint ();
    if (!endpoint || track_.params ().codec == Codec::unknown)
      return;
    for (auto &h : track_.headers ())
      endpoint->broadcast ().media (track_.type (), last_, std::move (h.body), h.info);
    const Notices::Of of{track_.type (), static_cast<std::uint8_t> (index), track_.params ().codec};
    notices_.set (of, track_.notice ());
  }

  void eos ()
  {
    wait_->update ([] (Wait &w) { w.drained = false; });
    const Duration limit = owner_.ended (GST_RTMP_SINK_STREAM (base_),
        [w = wait_] { w->update ([] (Wait &x) { x.drained = true; }); });
    if (limit == Duration::zero ())
      return;
    const bool over = wait_->lock ().wait_until (
        Clock::now () + limit, [] (const Wait &w) { return w.drained || w.unlocked; });
    if (!over)
      GST_WARNING_OBJECT (base_, "players had not all at the end of drain-timeout");
  }
  void unlock (bool on)
  {
    wait_->update ([on] (Wait &w) { w.unlocked = on; });
  }

  const InputKind kind;
  const unsigned index;

private:
  struct Wait { // for players, at the end
    bool drained = false, unlocked = false;
  };
  // Of a time of a buffer; one that has none follows the last.
  std::uint32_t time_of (GstClockTime t)
  {
    const GstSegment &s = base_->segment;
    guint64 rt = 0;
    if (!GST_CLOCK_TIME_IS_VALID (t) || s.format != GST_FORMAT_TIME)
      return last_;
    const int sign = gst_segment_to_running_time_full (&s, GST_FORMAT_TIME, t, &rt);
    if (sign != 0)
      last_ = timestamp_of (sign * static_cast<std::int64_t> (rt));
    return last_;
  }

  GstFlowReturn unreadable ()
  {
    GST_ELEMENT_ERROR (base_, RESOURCE, READ, ("A buffer could not be read."), (nullptr));
    return GST_FLOW_ERROR;
  }

  // What is small is copied for the players in any case, and must not keep what it is a part of.
  static std::optional<HeldBytes> held (GstMemory *m, std::size_t before)
  {
    return m->size > SharedChunks::max_joined ? held_bytes (m, before) : std::nullopt;
  }

  std::optional<OutgoingTrack::Part> frame_of (GstBuffer *b, std::int32_t composition) const
  {
    const bool key = !GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DELTA_UNIT);
    if (gst_buffer_n_memory (b) == 1)
      if (const auto at = held (gst_buffer_peek_memory (b, 0), OutgoingTrack::max_header))
        return track_.frame (at->all, at->at, key, composition);
    const Mapped map (b);
    return map.ok () ? std::optional (track_.frame (map.bytes (), key, composition)) : std::nullopt;
  }

  void send (Broadcast &to, MessageType type, std::uint32_t timestamp, Slice body, MediaInfo info)
  {
    if (auto n = notices_.before (type, info, timestamp))
      to.media (type, timestamp, std::move (n->body), n->info);
    to.media (type, timestamp, std::move (body), info);
  }

  // Memory by memory: those of rtmpserversrc have a body each, which is passed on as it is.
  bool read_flv (GstBuffer *b)
  {
    bool good = true;
    for (guint i = 0; good && i < gst_buffer_n_memory (b); i++) {
      GstMemory *m = gst_buffer_peek_memory (b, i);
      GstMapInfo info;
      if (auto whole = held (m, 0)) {
        good = flv_.input (std::move (whole->all));
      } else if (gst_memory_map (m, &info, GST_MAP_READ)) {
        good = flv_.input (Bytes{info.data, info.size});
        gst_memory_unmap (m, &info);
      } else {
        good = false;
      }
    }
    return good;
  }

  GstFlowReturn render_flv (Broadcast &to, GstBuffer *b)
  {
    if (!read_flv (b)) {
      GST_ELEMENT_ERROR (base_, STREAM, DEMUX, ("This is no FLV stream."), (nullptr));
      return GST_FLOW_ERROR;
    }
    while (auto tag = flv_.next ())
      render_tag (to, *tag);
    return GST_FLOW_OK;
  }
  void render_tag (Broadcast &to, FlvTag &tag)
  {
    const auto type = static_cast<MessageType> (tag.type);
    if (tag.body.size () == 0 || tag.type == flv_script_amf3)
      return;
    if (tag.type == flv_script && is_metadata (tag.body.bytes))
      return to.metadata (std::move (tag.body));
    const TagInfo info = info_of (type, tag.body);
    const Notices::Of of{type, info.track, info.codec};
    if (info.notice)
      return notices_.set (of, std::move (tag.body));
    if (info.header)
      notices_.header (of, tag.body);
    send (to, type, tag.timestamp, std::move (tag.body), info);
  }
  static bool is_metadata (Bytes body)
  {
    static constexpr std::uint8_t head[] = {// in AMF0
        2, 0, 10, 'o', 'n', 'M', 'e', 't', 'a', 'D', 'a', 't', 'a'};
    return body.size () > sizeof head &&
           std::equal (std::begin (head), std::end (head), body.begin ());
  }

  GstBaseSink *base_;
  StreamOwner &owner_;
  OutgoingTrack track_; // streaming thread
  Notices notices_;     // streaming thread
  Guarded<StreamParams> params_;
  FlvReader flv_;
  std::atomic<std::uint32_t> last_{0};
  const std::shared_ptr<Guarded<Wait>> wait_ = std::make_shared<Guarded<Wait>> ();
};
} // namespace reach::rtmp

struct _GstRtmpSinkStream {
  GstBaseSink parent;
  reach::rtmp::StreamImpl *impl;
};
G_DEFINE_FINAL_TYPE (GstRtmpSinkStream, gst_rtmp_sink_stream, GST_TYPE_BASE_SINK)

using reach::barrier;

static reach::rtmp::StreamImpl &impl_of (gpointer sink)
{
  return *GST_RTMP_SINK_STREAM (sink)->impl;
}

static void gst_rtmp_sink_stream_init (GstRtmpSinkStream *self)
{
  // A live sink without a player must not hold its pipeline in preroll.
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_qos_enabled (GST_BASE_SINK (self), FALSE);
}

static void finalize (GObject *o)
{
  delete GST_RTMP_SINK_STREAM (o)->impl;
  G_OBJECT_CLASS (gst_rtmp_sink_stream_parent_class)->finalize (o);
}

static gboolean event (GstBaseSink *base, GstEvent *e)
{
  return barrier (base, FALSE, [&] {
    if (GST_EVENT_TYPE (e) == GST_EVENT_EOS)
      impl_of (base).eos ();
    return GST_BASE_SINK_CLASS (gst_rtmp_sink_stream_parent_class)->event (base, e);
  });
}

static GstCaps *get_caps (GstBaseSink *base, GstCaps *filter)
{
  return barrier<GstCaps *> (base, nullptr, [&] {
    auto caps = reach::rtmp::accepted_caps (impl_of (base).kind);
    return filter ? gst_caps_intersect_full (filter, caps.get (), GST_CAPS_INTERSECT_FIRST)
                  : caps.release ();
  });
}

// Decoding time orders what is sent; presentation times run back and forth with B-frames.
static void get_times (GstBaseSink *, GstBuffer *b, GstClockTime *start, GstClockTime *end)
{
  *start = GST_BUFFER_DTS_OR_PTS (b);
  *end = GST_CLOCK_TIME_NONE;
}

static void gst_rtmp_sink_stream_class_init (GstRtmpSinkStreamClass *klass)
{
  auto *base = GST_BASE_SINK_CLASS (klass);
  G_OBJECT_CLASS (klass)->finalize = finalize;
  static GstStaticPadTemplate sink =
      GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass), &sink);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "RTMP stream sink",
      "Sink/Network", "One stream of rtmpserversink", "The gst-plugins-reach developers");
  base->render = [] (GstBaseSink *b, GstBuffer *buffer) {
    return barrier (b, GST_FLOW_ERROR, [&] { return impl_of (b).render (buffer); });
  };
  base->set_caps = [] (GstBaseSink *b, GstCaps *caps) -> gboolean {
    return barrier (b, FALSE, [&] () -> gboolean { return impl_of (b).set_caps (caps); });
  };
  base->unlock = [] (GstBaseSink *b) -> gboolean {
    impl_of (b).unlock (true);
    return TRUE;
  };
  base->unlock_stop = [] (GstBaseSink *b) -> gboolean {
    impl_of (b).unlock (false);
    return TRUE;
  };
  base->event = event;
  base->get_caps = get_caps;
  base->get_times = get_times;
}

namespace reach::rtmp {
GstRtmpSinkStream *make_sink_stream (InputKind kind, unsigned index, StreamOwner &owner)
{
  auto *s =
      static_cast<GstRtmpSinkStream *> (g_object_new (gst_rtmp_sink_stream_get_type (), nullptr));
  s->impl = new StreamImpl (GST_BASE_SINK (s), kind, index, owner);
  return s;
}

InputKind stream_kind (GstRtmpSinkStream *s)
{
  return s->impl->kind;
}

unsigned stream_index (GstRtmpSinkStream *s)
{
  return s->impl->index;
}

StreamParams stream_params (GstRtmpSinkStream *s)
{
  return s->impl->params ();
}

void request_key_unit (GstRtmpSinkStream *s)
{
  gst_pad_push_event (GST_BASE_SINK_PAD (s),
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
}
} // namespace reach::rtmp

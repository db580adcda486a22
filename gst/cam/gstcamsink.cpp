// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gstcamsink.h"
#include "common/barrier.h"
#include "framing.h"
#include "names.h"
#include <gst/video/video-event.h>

GST_DEBUG_CATEGORY_EXTERN (camsender_debug);
#define GST_CAT_DEFAULT camsender_debug

namespace reach::cam {
class SinkImpl {
public:
  SinkImpl (GstBaseSink *base, MediaType t, std::uint16_t i) : type (t), index (i), base_ (base) {}

  void set_engine (std::shared_ptr<SenderEngine> engine, Duration drain_timeout)
  {
    auto s = state_.lock ();
    s->engine = std::move (engine);
    s->drain_timeout = drain_timeout;
    s->stream = 0;
    if (s->engine)
      s->stream = s->engine->add_stream (type, index);
    seq_ = 0;
  }
  std::uint16_t stream () { return state_.lock ()->stream; }

  GstFlowReturn render (GstBuffer *b)
  {
    const auto [engine, id] = run ();
    if (!engine)
      return GST_FLOW_FLUSHING;
    if (!caps_known_) {
      GST_ELEMENT_ERROR (base_, STREAM, FORMAT,
          ("camsender needs to know what it sends: this stream has no caps."),
          ("put a parser, or capssetter, in front of it"));
      return GST_FLOW_NOT_NEGOTIATED;
    }
    MessageRef m = message_of (b, base_->segment, type, id, seq_++, Clock::now ());
    if (!m) {
      GST_ELEMENT_ERROR (base_, RESOURCE, READ, ("A buffer could not be read."), (nullptr));
      return GST_FLOW_ERROR;
    }
    if (m->header.length > max_payload) {
      GST_ELEMENT_ERROR (base_, STREAM, WRONG_TYPE,
          ("A buffer is larger than the 16 MiB a message may have."),
          ("%u bytes", m->header.length));
      return GST_FLOW_ERROR;
    }
    engine->push (std::move (m)); // what is dropped is counted there, and the stream goes on
    return GST_FLOW_OK;
  }

  bool set_caps (GstCaps *caps)
  {
    const CharPtr text (gst_caps_to_string (caps));
    const std::string_view view = text.get ();
    if (view.size () > max_caps_text) {
      GST_ELEMENT_ERROR (base_, STREAM, FORMAT,
          ("The caps are longer than the 16 KiB a receiver takes."), (nullptr));
      return false;
    }
    send (Kind::caps, as_bytes (view));
    caps_known_ = true;
    return true;
  }

  void tags (GstTagList *list)
  {
    Ref<GstTagList> plain = Ref<GstTagList>::adopt (gst_tag_list_copy (list));
    gst_tag_list_remove_tag (plain.get (), GST_TAG_IMAGE); // nested caps, and large
    gst_tag_list_remove_tag (plain.get (), GST_TAG_PREVIEW_IMAGE);
    gst_tag_list_remove_tag (plain.get (), GST_TAG_ATTACHMENT);
    const CharPtr text (gst_tag_list_to_string (plain.get ()));
    const std::string_view view = text.get ();
    if (view.size () <= max_caps_text)
      send (Kind::tags, as_bytes (view),
          gst_tag_list_get_scope (list) == GST_TAG_SCOPE_GLOBAL ? tags_global : 0);
  }

  void gap (GstEvent *event)
  {
    GstClockTime t, d;
    gst_event_parse_gap (event, &t, &d);
    ByteWriter w;
    w.i64 (signed_running_time (base_->segment, t));
    w.i64 (GST_CLOCK_TIME_IS_VALID (d) ? static_cast<std::int64_t> (d) : no_time);
    send (Kind::gap, w.view ());
  }

  void stream_start (GstEvent *event)
  {
    const gchar *id;
    gst_event_parse_stream_start (event, &id);
    const auto [engine, stream] = run ();
    if (engine)
      engine->set_stream_id (stream, std::string (id).substr (0, 255));
  }

  // In band, and only then ours: when we post EOS the receiver has it, or the limit is over.
  void eos ()
  {
    send (Kind::eos, {});
    const auto [engine, stream] = run ();
    if (!engine)
      return;
    const Duration limit = state_.lock ()->drain_timeout;
    if (!engine->wait_drained (type, limit, [this] { return state_.lock ()->unlocked; }))
      GST_WARNING_OBJECT (base_, "the queue was not empty at the end of drain-timeout");
  }

  void unlock (bool on)
  {
    std::shared_ptr<SenderEngine> engine;
    state_.update ([&] (State &s) {
      s.unlocked = on;
      engine = s.engine;
    });
    if (engine)
      engine->wake ();
  }

  const MediaType type;
  const std::uint16_t index;

private:
  static constexpr std::uint32_t max_payload = (16u << 20) - 256;
  struct State {
    std::shared_ptr<SenderEngine> engine;
    std::uint16_t stream = 0;
    Duration drain_timeout{};
    bool unlocked = false;
  };
  std::pair<std::shared_ptr<SenderEngine>, std::uint16_t> run ()
  {
    auto s = state_.lock ();
    return {s->engine, s->stream};
  }
  void send (Kind kind, Bytes body, std::uint8_t flags = 0)
  {
    const auto [engine, stream] = run ();
    if (engine)
      engine->push (Message::control (
          kind, type, stream, {body.begin (), body.end ()}, Clock::now (), flags));
  }

  GstBaseSink *base_;
  Guarded<State> state_;
  std::uint32_t seq_ = 0;   // streaming thread
  bool caps_known_ = false; // streaming thread
};
} // namespace reach::cam

struct _GstCamSink {
  GstBaseSink parent;
  reach::cam::SinkImpl *impl;
};
G_DEFINE_FINAL_TYPE (GstCamSink, gst_cam_sink, GST_TYPE_BASE_SINK)

using reach::barrier;

static reach::cam::SinkImpl &impl_of (gpointer sink)
{
  return *GST_CAM_SINK (sink)->impl;
}

static void gst_cam_sink_init (GstCamSink *self)
{
  // A live sink without a peer must not hold its pipeline in preroll.
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_qos_enabled (GST_BASE_SINK (self), FALSE);
}

static void finalize (GObject *o)
{
  delete GST_CAM_SINK (o)->impl;
  G_OBJECT_CLASS (gst_cam_sink_parent_class)->finalize (o);
}

static gboolean event (GstBaseSink *base, GstEvent *e)
{
  return barrier (base, FALSE, [&] {
    auto &impl = impl_of (base);
    switch (GST_EVENT_TYPE (e)) {
    case GST_EVENT_STREAM_START:
      impl.stream_start (e);
      break;
    case GST_EVENT_TAG: {
      GstTagList *list;
      gst_event_parse_tag (e, &list);
      impl.tags (list);
      break;
    }
    case GST_EVENT_EOS:
      impl.eos ();
      break;
    default:
      break;
    }
    return GST_BASE_SINK_CLASS (gst_cam_sink_parent_class)->event (base, e);
  });
}

// Called in order with the buffers, after synchronisation.
static GstFlowReturn wait_event (GstBaseSink *base, GstEvent *e)
{
  return barrier (base, GST_FLOW_ERROR, [&] {
    const GstFlowReturn ret = GST_BASE_SINK_CLASS (gst_cam_sink_parent_class)->wait_event (base, e);
    if (ret == GST_FLOW_OK && GST_EVENT_TYPE (e) == GST_EVENT_GAP)
      impl_of (base).gap (e);
    return ret;
  });
}

// Decoding time orders what is sent; presentation times run back and forth with B-frames.
static void get_times (GstBaseSink *base, GstBuffer *b, GstClockTime *start, GstClockTime *end)
{
  *start = GST_BUFFER_DTS_OR_PTS (b);
  *end = GST_CLOCK_TIME_NONE;
}

static void gst_cam_sink_class_init (GstCamSinkClass *klass)
{
  auto *base = GST_BASE_SINK_CLASS (klass);
  G_OBJECT_CLASS (klass)->finalize = finalize;
  static GstStaticPadTemplate sink =
      GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass), &sink);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Cam stream sink",
      "Sink/Network", "One stream of camsender", "The gst-plugins-reach developers");
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
  base->wait_event = wait_event;
  base->get_times = get_times;
}

namespace reach::cam {
GstCamSink *make_sink (MediaType type, std::uint16_t index)
{
  auto *sink = static_cast<GstCamSink *> (g_object_new (gst_cam_sink_get_type (), nullptr));
  sink->impl = new SinkImpl (GST_BASE_SINK (sink), type, index);
  return sink;
}

void sink_set_engine (
    GstCamSink *sink, std::shared_ptr<SenderEngine> engine, Duration drain_timeout)
{
  sink->impl->set_engine (std::move (engine), drain_timeout);
}

std::uint16_t sink_stream (GstCamSink *sink)
{
  return sink->impl->stream ();
}

void sink_request_key_unit (GstCamSink *sink)
{
  gst_pad_push_event (GST_BASE_SINK_PAD (sink),
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
}
} // namespace reach::cam

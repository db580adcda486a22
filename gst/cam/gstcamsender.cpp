// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-camsender
 * @title: camsender
 * @see_also: camreceiver
 *
 * Sends typed streams (video, audio, application data), commands and files to a #camreceiver in
 * another process or on another machine. It pushes to a receiver that listens (`mode=caller`), or
 * is pulled from (`mode=listener`), over UDP, TCP or HTTP. Any fixed caps; caps, time stamps,
 * flags, tags, gaps and EOS travel in band. Key frames are asked for upstream when a receiver needs
 * one.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency ! \
 *   camsender host=127.0.0.1 port=7100
 * ]| pushes H.264 over TCP.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency ! \
 *   camsender protocol=udp host=127.0.0.1 port=7100
 * ]| pushes over UDP, with retransmission within `latency`.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency ! \
 *   camsender protocol=http host=127.0.0.1 port=7100
 * ]| pushes over HTTP, also through a proxy (`proxy=http://host:port`).
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency ! \
 *   camsender mode=listener port=7100
 * ]| waits to be pulled from, by any number of receivers.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency ! \
 *   camsender mode=listener protocol=http port=8080
 * ]| the same over HTTP: `curl http://127.0.0.1:8080/cam/v1/pull/video` fetches the video channel.
 *
 * ## Threads
 * A streaming thread hands a message to the loop thread and goes on: it never waits for the
 * network. The loop thread owns sockets, timers and queues. Signals and messages come from a third
 * thread, with no lock held; upstream events from a fourth.
 *
 * Since: 0.1
 */
#include "ask_server.h"
#include "camelements.h"
#include "common/barrier.h"
#include "common/ref.h"
#include "common/serial_queue.h"
#include "gstcamprops.h"
#include "gstcamsink.h"
#include "outage.h"
#include "sender_deliveries.h"
#include "stats.h"
#include "tls_properties.h"
#include "troubles.h"
#include <algorithm>
#include <cstdio>

GST_DEBUG_CATEGORY (camsender_debug);
#define GST_CAT_DEFAULT camsender_debug

G_DECLARE_FINAL_TYPE (GstCamSender, gst_cam_sender, GST, CAM_SENDER, GstBin)

namespace reach::cam {
namespace {
constexpr const char *pad_formats[3] = {"video_%u", "audio_%u", "data_%u"};

class SenderImpl final : public SenderEngine::Element {
public:
  explicit SenderImpl (GstElement *e) : element_ (e), deliveries_ (e) {}

  // Creates the run: binds what has to be bound.
  bool ready ()
  {
    if (engine ())
      return true;
    settings.update ([] (ElementSettings &x) {
      if (!x.identity.guid.empty ())
        return;
      x.identity.guid = CharPtr (g_uuid_string_random ()).get ();
      x.identity.temporary = true;
    });
    ElementSettings s = *settings.lock ();
    if (s.net.protocol == Protocol::udp && s.net.mode == Mode::listener) {
      GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
          ("Pull over UDP does not exist: use protocol=tcp or protocol=http with mode=listener."),
          (nullptr));
      return false;
    }
    if (!events_) {
      events_ = std::make_unique<SerialQueue> ("cam-events");
      upstream_ = std::make_unique<SerialQueue> ("cam-upstream", 256);
    }
    if (!use_tls (element_, s.net, !s.identity.token.empty ()))
      return false;
    auto e = std::make_shared<SenderEngine> (*this, s.net, s.identity);
    std::string error;
    if (!e->bind (error)) {
      GST_ELEMENT_ERROR (element_, RESOURCE, OPEN_WRITE,
          ("Could not listen on %s port %u. Choose another port, or 0 for any.",
              s.net.bind_address.c_str (), s.net.port),
          ("%s", error.c_str ()));
      return false;
    }
    settings.update ([&] (ElementSettings &x) {
      x.current_port = e->port ();
      x.session_key = e->session_key ();
    });
    engine_.update ([&] (auto &p) { p = e; });
    each_sink ([&] (GstCamSink *sink) { sink_set_engine (sink, e, s.net.drain_timeout); });
    return true;
  }

  void start ()
  {
    if (const auto e = engine ())
      e->start ();
  }

  void stop ()
  {
    each_sink ([] (GstCamSink *sink) { sink_set_engine (sink, nullptr, {}); });
    auto e = engine ();
    if (e) {
      StructurePtr last (sender_stats (e->snapshot ()));
      last_stats_.update ([&] (StructurePtr &p) { p.swap (last); });
    }
    engine_.update ([] (auto &p) { p.reset (); });
    e.reset (); // the last reference, but for calls under way
    if (events_) {
      upstream_->drain ();
      events_->drain (); // what happened is told before the state change is over
    }
    settings.update ([] (ElementSettings &x) {
      x.current_port = 0;
      x.session_key = 0;
    });
  }

  GstPad *request_pad (GstPadTemplate *t, const char *name);
  void release_pad (GstPad *pad);
  GstStructure *stats ()
  {
    if (const auto e = engine ())
      return sender_stats (e->snapshot ());
    auto p = last_stats_.lock ();
    return *p ? gst_structure_copy (p->get ()) : sender_stats ({});
  }
  unsigned open_channels ()
  {
    const auto e = engine ();
    return e ? e->snapshot ().open_channels : 0;
  }
  std::uint64_t bandwidth ()
  {
    const auto e = engine ();
    return e ? e->snapshot ().bandwidth : 0;
  }
  void identity_changed ()
  {
    const auto e = engine ();
    if (e)
      e->set_identity (settings.lock ()->identity);
  }
  void sync_changed ()
  {
    const bool sync = settings.lock ()->sync;
    each_sink ([sync] (GstCamSink *s) { gst_base_sink_set_sync (GST_BASE_SINK (s), sync); });
  }
  std::shared_ptr<SenderEngine> engine () { return *engine_.lock (); }
  std::uint64_t send_command (
      const GstStructure *command, const char *to, const char *group, unsigned index)
  {
    return deliveries_.send_command (engine ().get (), command, to, group, index);
  }
  void ask (const GstStructure *request, GstPromise *promise)
  {
    const auto e = engine ();
    ask_server (
        request, promise, events_.get (), !e ? SendAsk () : [e] (Command what, AskDone done) {
          e->ask (std::move (what), std::move (done));
        });
  }
  std::uint64_t send_file (
      const char *path, std::uint64_t offset, const char *to, const char *group, unsigned index)
  {
    return deliveries_.send_file (engine ().get (), path, offset, to, group, index);
  }

  // SenderEngine::Element: the loop thread.
  void on_link_event (LinkEvent e) override
  {
    events_->post ([this, event = std::move (e)] {
      outage_.note (element_, event);
      StructurePtr s (structure_of (event));
      g_signal_emit_by_name (element_, event_name (event.type), s.get ());
      gst_element_post_message (
          element_, gst_message_new_element (GST_OBJECT (element_), s.release ()));
    });
  }
  void on_key_unit_wanted (std::uint16_t stream) override
  {
    upstream_->post ([this, stream] {
      each_sink ([stream] (GstCamSink *s) {
        if (sink_stream (s) == stream)
          sink_request_key_unit (s);
      });
    });
  }
  void on_dropped (MediaType type, const MediaQueue::Stats &d) override
  {
    events_->post ([this, type, d] { post_dropped (element_, type, d); });
  }
  void on_bandwidth (std::uint64_t bits) override
  {
    events_->post ([this, bits] {
      g_signal_emit_by_name (element_, "bandwidth-changed", bits);
      g_object_notify (G_OBJECT (element_), "bandwidth");
    });
  }
  void on_command_done (
      const ReceiverName &r, std::uint64_t id, const std::string &failure) override
  {
    events_->post ([this, r, id, failure] { deliveries_.command_done (r, id, failure); });
  }
  void on_file_report (FileReport r) override
  {
    events_->post ([this, r = std::move (r)] { deliveries_.file_report (r); });
  }
  void on_fatal (CloseReason why, std::string text, std::string detail) override
  {
    events_->post ([this, why, text, detail] {
      post_fatal (element_, why, text, detail, GST_RESOURCE_ERROR_OPEN_WRITE);
    });
  }
  void on_unheard (std::string server, Identity identity) override
  {
    events_->post ([this, server, identity] { warn_unheard (element_, server, identity); });
  }
  SenderEngine::ClockReading read_clock () override
  {
    SenderEngine::ClockReading r;
    GST_OBJECT_LOCK (element_);
    // Our sinks play before we are called PLAYING.
    const bool playing =
        element_->current_state == GST_STATE_PLAYING || element_->next_state == GST_STATE_PLAYING;
    GstClock *clock = playing ? element_->clock : nullptr;
    const GstClockTime base = element_->base_time;
    if (clock)
      gst_object_ref (clock);
    GST_OBJECT_UNLOCK (element_);
    if (!clock)
      return r;
    r.running_time = GST_CLOCK_DIFF (base, gst_clock_get_time (clock));
    gst_object_unref (clock);
    r.latency = latency;
    return r;
  }

  Guarded<ElementSettings> settings;
  std::atomic<std::int64_t> latency{0}; // ns, as the pipeline has distributed it

private:
  template <typename F> void each_sink (F &&f)
  {
    const auto sinks = *sinks_.lock (); // a copy: f may call out
    for (const auto &s : sinks)
      f (s.get ());
  }

  GstElement *element_; // owns us
  SenderDeliveries deliveries_;
  Guarded<std::vector<Ref<GstCamSink>>> sinks_;
  Guarded<std::shared_ptr<SenderEngine>> engine_;
  Guarded<StructurePtr> last_stats_;
  Outage outage_; // event thread
  std::unique_ptr<SerialQueue> events_, upstream_;
};

GstPad *SenderImpl::request_pad (GstPadTemplate *t, const char *name)
{
  const char *format = GST_PAD_TEMPLATE_NAME_TEMPLATE (t);
  int type = 0;
  while (type < 2 && g_strcmp0 (format, pad_formats[type]) != 0)
    type++;
  unsigned index = 0;
  const auto used = [&] (unsigned i) {
    const auto sinks = *sinks_.lock ();
    const CharPtr n (g_strdup_printf (pad_formats[type], i));
    const auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element_, n.get ()));
    return static_cast<bool> (pad);
  };
  if (!name || std::sscanf (name, pad_formats[type], &index) != 1)
    for (index = 0; used (index); index++)
      ;
  if (index > G_MAXUINT16 || used (index)) {
    GST_WARNING_OBJECT (element_, "pad %s exists already, or its number is above 65535", name);
    return nullptr;
  }
  GstCamSink *sink = make_sink (static_cast<MediaType> (type), static_cast<std::uint16_t> (index));
  const ElementSettings s = *settings.lock ();
  gst_base_sink_set_sync (GST_BASE_SINK (sink), s.sync);
  const CharPtr pad_name (g_strdup_printf (pad_formats[type], index));
  gst_object_set_name (GST_OBJECT (sink), pad_name.get ());
  sinks_.update ([&] (auto &v) { v.push_back (Ref<GstCamSink>::share (sink)); });
  gst_bin_add (GST_BIN (element_), GST_ELEMENT (sink));
  GST_OBJECT_FLAG_SET (element_, GST_ELEMENT_FLAG_SINK);
  if (const auto e = engine ())
    sink_set_engine (sink, e, s.net.drain_timeout);
  GstPad *ghost = gst_ghost_pad_new_from_template (pad_name.get (), GST_BASE_SINK_PAD (sink), t);
  gst_element_sync_state_with_parent (GST_ELEMENT (sink));
  gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (element_, ghost);
  return ghost;
}

void SenderImpl::release_pad (GstPad *pad)
{
  const auto target = Ref<GstPad>::adopt (gst_ghost_pad_get_target (GST_GHOST_PAD (pad)));
  const auto sink =
      Ref<GstElement>::adopt (target ? gst_pad_get_parent_element (target.get ()) : nullptr);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element_, pad);
  if (!sink)
    return;
  if (const auto e = engine ())
    e->remove_stream (sink_stream (GST_CAM_SINK (sink.get ())));
  gst_element_set_state (sink.get (), GST_STATE_NULL);
  sinks_.update ([&] (auto &v) {
    v.erase (std::remove_if (v.begin (), v.end (),
                 [&] (const auto &s) { return GST_ELEMENT (s.get ()) == sink.get (); }),
        v.end ());
  });
  gst_bin_remove (GST_BIN (element_), sink.get ());
}
} // namespace
} // namespace reach::cam

struct _GstCamSender {
  GstBin parent;
  reach::cam::SenderImpl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstCamSender, gst_cam_sender, GST_TYPE_BIN,
    GST_DEBUG_CATEGORY_INIT (camsender_debug, "camsender", 0, "cam sender"))
GST_ELEMENT_REGISTER_DEFINE (camsender, "camsender", GST_RANK_NONE, gst_cam_sender_get_type ())

using reach::barrier;
using namespace reach::cam;

static SenderImpl &impl_of (gpointer e)
{
  return *GST_CAM_SENDER (e)->impl;
}

static void gst_cam_sender_init (GstCamSender *self)
{
  self->impl = new SenderImpl (GST_ELEMENT (self));
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

static void finalize (GObject *o)
{
  G_OBJECT_CLASS (gst_cam_sender_parent_class)->finalize (o);
}

static void dispose (GObject *o)
{
  G_OBJECT_CLASS (gst_cam_sender_parent_class)->dispose (o);
  delete std::exchange (GST_CAM_SENDER (o)->impl, nullptr);
}

static void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (!impl.settings.update ([&] (ElementSettings &s) { return set_property (s, id, v); }))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  else if (id == prop_guid || id == prop_guid_to || id == prop_guid_group || id == prop_use_guid)
    impl.identity_changed ();
  else if (id == prop_sync)
    impl.sync_changed ();
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (id == prop_stats)
    g_value_take_boxed (v, impl.stats ());
  else if (id == prop_open_channels)
    g_value_set_uint (v, impl.open_channels ());
  else if (id == prop_max_channels)
    g_value_set_uint (v, n_media_types);
  else if (id == prop_bandwidth)
    g_value_set_uint64 (v, impl.bandwidth ());
  else if (!get_property (*impl.settings.lock (), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto &impl = impl_of (e);
    if ((t == GST_STATE_CHANGE_NULL_TO_READY || t == GST_STATE_CHANGE_READY_TO_PAUSED) &&
        !impl.ready ())
      return GST_STATE_CHANGE_FAILURE;
    if (t == GST_STATE_CHANGE_READY_TO_PAUSED)
      impl.start ();
    if (t == GST_STATE_CHANGE_PAUSED_TO_PLAYING && impl.engine ())
      impl.engine ()->clock_changed ();
    const auto ret = GST_ELEMENT_CLASS (gst_cam_sender_parent_class)->change_state (e, t);
    if (t == GST_STATE_CHANGE_PAUSED_TO_READY || t == GST_STATE_CHANGE_READY_TO_NULL)
      impl.stop ();
    return ret;
  });
}

static gboolean send_event (GstElement *e, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_LATENCY) {
    GstClockTime latency;
    gst_event_parse_latency (event, &latency);
    impl_of (e).latency = static_cast<std::int64_t> (latency);
  }
  return GST_ELEMENT_CLASS (gst_cam_sender_parent_class)->send_event (e, event);
}

static guint64 send_command (
    GstElement *e, const GstStructure *command, const gchar *to, const gchar *group, guint index)
{
  return barrier (
      e, std::uint64_t{0}, [&] { return impl_of (e).send_command (command, to, group, index); });
}

static guint64 send_file (GstElement *e, const gchar *path, guint64 offset, const gchar *to,
    const gchar *group, guint index)
{
  return barrier (
      e, std::uint64_t{0}, [&] { return impl_of (e).send_file (path, offset, to, group, index); });
}

/**
 * GstCamSender::bandwidth-changed:
 * @self: the element
 * @bits: bits per second that one UDP connection carries, as estimated
 *
 * The estimate of a connection has changed. The property bandwidth is the sum of all.
 */
static void gst_cam_sender_class_init (GstCamSenderClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->dispose = dispose;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  install_common_properties (object, LinkRole::sender);
  g_object_class_install_property (object, prop_sync,
      g_param_spec_boolean ("sync", "Sync",
          "Send each buffer at its time on the clock; false = as it comes", TRUE,
          static_cast<GParamFlags> (
              G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)));
  g_object_class_install_property (object, prop_drain_timeout,
      g_param_spec_int ("drain-timeout", "Drain timeout",
          "Seconds that EOS waits for the queues to empty (-1 = without end)", -1, G_MAXINT / 1000,
          3,
          static_cast<GParamFlags> (
              G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)));
  g_object_class_install_property (object, prop_bandwidth,
      g_param_spec_uint64 ("bandwidth", "Bandwidth",
          "Estimated bits per second that the UDP links carry (0 = not known)", 0, G_MAXUINT64, 0,
          static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  install_event_signals (G_TYPE_FROM_CLASS (klass), false);
  install_delivery_signals (G_TYPE_FROM_CLASS (klass), send_command, send_file);
  install_ask_signals (
      G_TYPE_FROM_CLASS (klass), [] (GstElement *e, GstStructure *request, GstPromise *promise) {
        barrier (e, 0, [&] {
          impl_of (e).ask (request, promise);
          return 0;
        });
      });
  g_signal_new ("bandwidth-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, nullptr,
      nullptr, nullptr, G_TYPE_NONE, 1, G_TYPE_UINT64);
  element->change_state = change_state;
  element->send_event = send_event;
  element->request_new_pad = [] (GstElement *e, GstPadTemplate *t, const gchar *name,
                                 const GstCaps *) -> GstPad * {
    return barrier<GstPad *> (e, nullptr, [&] { return impl_of (e).request_pad (t, name); });
  };
  element->release_pad = [] (GstElement *e, GstPad *pad) {
    barrier (e, 0, [&] {
      impl_of (e).release_pad (pad);
      return 0;
    });
  };
  for (const char *format : pad_formats)
    gst_element_class_add_pad_template (
        element, gst_pad_template_new (format, GST_PAD_SINK, GST_PAD_REQUEST,
                     reach::Ref<GstCaps>::adopt (gst_caps_new_any ()).get ()));
  gst_element_class_set_static_metadata (element, "Cam sender", "Sink/Network",
      "Sends video, audio, data, commands and files to camreceiver, pushed or pulled, over UDP, "
      "TCP or HTTP",
      "The gst-plugins-reach developers");
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-camreceiver
 * @title: camreceiver
 * @see_also: camsender
 *
 * Receives the streams, commands and files of any number of #camsender elements. It waits for
 * senders that push (`mode=listener`), or pulls from senders that listen (`mode=caller`), over UDP,
 * TCP or HTTP. A live source: each stream gets a pad when its sender's list is known, and comes out
 * as it went in, with its caps, flags and tags, and with its times in this pipeline's running time.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 camreceiver port=7100 ! decodebin ! videoconvert ! autovideosink
 * ]| waits for pushes over TCP.
 * |[
 * gst-launch-1.0 camreceiver protocol=udp port=7100 latency=200 ! decodebin ! \
 *   videoconvert ! autovideosink
 * ]| the same over UDP; lost packets are repeated within 200 ms.
 * |[
 * gst-launch-1.0 camreceiver protocol=http port=7100 ! decodebin ! videoconvert ! autovideosink
 * ]| the same over HTTP.
 * |[
 * gst-launch-1.0 camreceiver mode=caller host=127.0.0.1 port=7100 ! decodebin ! \
 *   videoconvert ! autovideosink
 * ]| pulls from a sender that listens.
 * |[
 * gst-launch-1.0 uridecodebin uri=cam+http://127.0.0.1:8080 ! videoconvert ! autovideosink
 * ]| the same over HTTP, by URI. Every property can stand in the query:
 * `cam+tcp://host:7100?latency=50`.
 *
 * ## Threads
 * The loop thread owns sockets and timers and puts frames into each pad's mailbox; each pad has a
 * streaming thread. Pads are added, and signals and messages come, from one further thread, with no
 * lock held.
 *
 * Since: 0.1
 */
#include "ask_server.h"
#include "camelements.h"
#include "common/barrier.h"
#include "gstcamprops.h"
#include "gstcamuri.h"
#include "receiver_impl.h"

GST_DEBUG_CATEGORY (camreceiver_debug);
#define GST_CAT_DEFAULT camreceiver_debug

G_DECLARE_FINAL_TYPE (GstCamReceiver, gst_cam_receiver, GST, CAM_RECEIVER, GstElement)

struct _GstCamReceiver {
  GstElement parent;
  reach::cam::ReceiverImpl *impl;
};

using reach::barrier;
using namespace reach::cam;

static void uri_handler_init (gpointer iface, gpointer);
G_DEFINE_FINAL_TYPE_WITH_CODE (GstCamReceiver, gst_cam_receiver, GST_TYPE_ELEMENT,
    G_IMPLEMENT_INTERFACE (GST_TYPE_URI_HANDLER, uri_handler_init)
        GST_DEBUG_CATEGORY_INIT (camreceiver_debug, "camreceiver", 0, "cam receiver"))
GST_ELEMENT_REGISTER_DEFINE (
    camreceiver, "camreceiver", GST_RANK_PRIMARY, gst_cam_receiver_get_type ())

namespace reach::cam {
GType receiver_type ()
{
  return gst_cam_receiver_get_type ();
}

ReceiverImpl &receiver_impl (gpointer e)
{
  return *GST_CAM_RECEIVER (e)->impl;
}
} // namespace reach::cam

static void gst_cam_receiver_init (GstCamReceiver *self)
{
  self->impl = new ReceiverImpl (GST_ELEMENT (self));
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_REQUIRE_CLOCK);
}

static void finalize (GObject *o)
{
  delete GST_CAM_RECEIVER (o)->impl;
  G_OBJECT_CLASS (gst_cam_receiver_parent_class)->finalize (o);
}

static void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto &impl = receiver_impl (o);
  if (!impl.settings.update ([&] (ElementSettings &s) { return set_property (s, id, v); }))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  else if (id == prop_guid || id == prop_guid_to || id == prop_guid_group || id == prop_use_guid)
    impl.identity_changed ();
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = receiver_impl (o);
  if (id == prop_stats)
    g_value_take_boxed (v, impl.stats ());
  else if (id == prop_open_channels)
    g_value_set_uint (v, impl.snapshot ().open_channels);
  else if (id == prop_max_channels)
    g_value_set_uint (v, impl.snapshot ().max_channels);
  else if (id == prop_session_key)
    g_value_set_uint64 (v, impl.session_key ());
  else if (!get_property (*impl.settings.lock (), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto &impl = receiver_impl (e);
    if ((t == GST_STATE_CHANGE_NULL_TO_READY || t == GST_STATE_CHANGE_READY_TO_PAUSED) &&
        !impl.ready ())
      return GST_STATE_CHANGE_FAILURE;
    if (t == GST_STATE_CHANGE_READY_TO_PAUSED)
      impl.start ();
    if (t == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
      impl.set_playing (false);
    if (t == GST_STATE_CHANGE_PAUSED_TO_READY)
      impl.end_streams ();
    auto ret = GST_ELEMENT_CLASS (gst_cam_receiver_parent_class)->change_state (e, t);
    if (t == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
      impl.set_playing (true);
    if (t == GST_STATE_CHANGE_PAUSED_TO_READY || t == GST_STATE_CHANGE_READY_TO_NULL)
      impl.stop ();
    const bool live =
        t == GST_STATE_CHANGE_READY_TO_PAUSED || t == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
    return live && ret == GST_STATE_CHANGE_SUCCESS ? GST_STATE_CHANGE_NO_PREROLL : ret;
  });
}

static gboolean send_event (GstElement *e, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (gst_cam_receiver_parent_class)->send_event (e, event);
  gst_event_unref (event);
  return barrier (e, FALSE, [&] () -> gboolean { return receiver_impl (e).send_eos (); });
}

static void install_own_properties (GObjectClass *object)
{
  constexpr auto rw = static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  g_object_class_install_property (object, prop_media_types,
      g_param_spec_flags ("media-types", "Media types",
          "What is taken (mode=listener), or asked for: one channel for each (mode=caller)",
          GST_TYPE_CAM_MEDIA_TYPES, all_types, rw));
  g_object_class_install_property (object, prop_poll_interval,
      g_param_spec_uint ("poll-interval", "Poll interval",
          "Milliseconds between two requests when pulling (0 = requests are always outstanding, so "
          "that nothing waits)",
          0, 60000, 0, rw));
  g_object_class_install_property (object, prop_resume_window,
      g_param_spec_uint ("resume-window", "Resume window",
          "Seconds after a break during which pads stay, sending GAP events, for the sender to "
          "come back",
          0, 86400, 15, rw));
  g_object_class_install_property (object, prop_keep_listening,
      g_param_spec_boolean ("keep-listening", "Keep listening",
          "Do not end when the last sender has ended its streams: wait in the same pads for it to "
          "come back",
          FALSE, rw));
  g_object_class_install_property (object, prop_file_directory,
      g_param_spec_string ("file-directory", "File directory",
          "Folder that received files are written to (NULL = files are refused)", nullptr, rw));
  g_object_class_install_property (object, prop_max_command_size,
      g_param_spec_uint ("max-command-size", "Max command size",
          "Bytes that a received command may have; larger ones are refused", 1, max_command,
          max_command, rw));
  g_object_class_install_property (object, prop_max_file_size,
      g_param_spec_uint64 ("max-file-size", "Max file size", "Bytes that a received file may have",
          0, G_MAXINT64, 1ull << 30, rw));
}

static void gst_cam_receiver_class_init (GstCamReceiverClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  install_common_properties (object, LinkRole::receiver);
  install_own_properties (object);
  install_event_signals (G_TYPE_FROM_CLASS (klass), true);
  install_receiver_delivery_signals (G_TYPE_FROM_CLASS (klass));
  install_ask_signals (
      G_TYPE_FROM_CLASS (klass), [] (GstElement *e, GstStructure *request, GstPromise *promise) {
        barrier (e, 0, [&] {
          receiver_impl (e).ask (request, promise);
          return 0;
        });
      });
  /**
   * GstCamReceiver::server-notice:
   * @receiver: the camreceiver
   * @event: `cam-server-notice` with peer, name, notice: a #GstStructure of this name with the
   *     fields of the notice, and parameters (as in #GstCamReceiver::command-received)
   *
   * A media server tells what another client has done (docs/protocol-cam-server.md, Notices).
   * Posted as element message too. Comes from the event thread, with no lock held.
   *
   * Since: 0.1
   */
  g_signal_new ("server-notice", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, nullptr, nullptr,
      nullptr, G_TYPE_NONE, 1, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  element->change_state = change_state;
  element->send_event = send_event;
  const auto any = reach::Ref<GstCaps>::adopt (gst_caps_new_any ());
  for (const char *format : pad_name_formats)
    gst_element_class_add_pad_template (
        element, gst_pad_template_new_with_gtype (
                     format, GST_PAD_SRC, GST_PAD_SOMETIMES, any.get (), receiver_pad_type ()));
  gst_element_class_set_static_metadata (element, "Cam receiver", "Source/Network",
      "Receives video, audio, data, commands and files from camsender, pushed or pulled, over UDP, "
      "TCP or HTTP",
      "The gst-plugins-reach developers");
}

static void uri_handler_init (gpointer iface, gpointer)
{
  auto *h = static_cast<GstURIHandlerInterface *> (iface);
  h->get_type = [] (GType) { return GST_URI_SRC; };
  h->get_protocols = [] (GType) { return uri_protocols (); };
  h->get_uri = [] (GstURIHandler *e) -> gchar * {
    return g_strdup (receiver_impl (e).uri.lock ()->c_str ());
  };
  h->set_uri = [] (GstURIHandler *e, const gchar *uri, GError **error) -> gboolean {
    return barrier (e, FALSE, [&] () -> gboolean {
      if (!apply_uri (G_OBJECT (e), uri, error))
        return FALSE;
      receiver_impl (e).uri.update ([&] (std::string &s) { s = uri; });
      return TRUE;
    });
  };
}

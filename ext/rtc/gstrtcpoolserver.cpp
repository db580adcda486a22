// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtcpoolserver
 * @title: rtcpoolserver
 *
 * A signalling server inside a pipeline: peers that name the same channel get each other's
 * descriptions and candidates (docs/protocol-signalling.md), over WebSocket. It needs no pads. The
 * same port can serve the files of a folder, so that a page and its peer connection come from one
 * place.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtcpoolserver port=7001
 * ]| is a server, until it is interrupted.
 *
 * ## Threads
 * One thread has all connections. Signals and messages come from a further one, with no lock held.
 *
 * Since: 0.1
 */
#include "common/barrier.h"
#include "poolserver_impl.h"
#include "rtcelements.h"

GST_DEBUG_CATEGORY_STATIC (rtcpoolserver_debug);
#define GST_CAT_DEFAULT rtcpoolserver_debug

G_DECLARE_FINAL_TYPE (GstRtcPoolServer, gst_rtc_pool_server, GST, RTC_POOL_SERVER, GstElement)

struct _GstRtcPoolServer {
  GstElement parent;
  reach::rtc::PoolServerImpl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstRtcPoolServer, gst_rtc_pool_server, GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (rtcpoolserver_debug, "rtcpoolserver", 0, "signalling server"))
GST_ELEMENT_REGISTER_DEFINE (
    rtcpoolserver, "rtcpoolserver", GST_RANK_NONE, gst_rtc_pool_server_get_type ())

using reach::barrier;
using namespace reach::rtc;

namespace {
enum Prop : guint {
  prop_bind_address = 1,
  prop_port,
  prop_tls_certificate,
  prop_tls_key,
  prop_folder,
  prop_max_connections,
  prop_max_pools,
  prop_max_message_size,
  prop_message_rate,
  prop_current_port,
  prop_stats,
};

PoolServerImpl &impl_of (gpointer e)
{
  return *GST_RTC_POOL_SERVER (e)->impl;
}

std::string *text_setting (PoolServerSettings &s, guint id)
{
  switch (id) {
  case prop_bind_address:
    return &s.bind_address;
  case prop_tls_certificate:
    return &s.tls_certificate;
  case prop_tls_key:
    return &s.tls_key;
  case prop_folder:
    return &s.folder;
  default:
    return nullptr;
  }
}

guint *number_setting (PoolServerSettings &s, guint id)
{
  switch (id) {
  case prop_port:
    return &s.port;
  case prop_max_connections:
    return &s.max_connections;
  case prop_max_pools:
    return &s.max_pools;
  case prop_max_message_size:
    return &s.max_message_size;
  case prop_message_rate:
    return &s.message_rate;
  default:
    return nullptr;
  }
}

void set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  const bool known = impl_of (o).settings.update ([&] (PoolServerSettings &s) {
    if (std::string *text = text_setting (s, id)) {
      const char *t = g_value_get_string (v);
      *text = t ? t : "";
      return true;
    }
    guint *n = number_setting (s, id);
    if (n)
      *n = g_value_get_uint (v);
    return n != nullptr;
  });
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

void get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (id == prop_stats)
    return g_value_take_boxed (v, impl.stats ());
  if (id == prop_current_port)
    return g_value_set_uint (v, impl.port ());
  auto settings = impl.settings.lock ();
  if (const std::string *text = text_setting (*settings, id))
    g_value_set_string (v, text->empty () ? nullptr : text->c_str ());
  else if (const guint *n = number_setting (*settings, id))
    g_value_set_uint (v, *n);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto &impl = impl_of (e);
    if (t == GST_STATE_CHANGE_NULL_TO_READY && !impl.start ())
      return GST_STATE_CHANGE_FAILURE;
    const auto ret = GST_ELEMENT_CLASS (gst_rtc_pool_server_parent_class)->change_state (e, t);
    if (t == GST_STATE_CHANGE_READY_TO_NULL)
      impl.stop ();
    return ret;
  });
}

// No stream ends here: where the application wants an end, it is over.
gboolean send_event (GstElement *e, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (gst_rtc_pool_server_parent_class)->send_event (e, event);
  GstMessage *m = gst_message_new_eos (GST_OBJECT (e));
  gst_message_set_seqnum (m, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_element_post_message (e, m);
}

void finalize (GObject *o)
{
  delete GST_RTC_POOL_SERVER (o)->impl;
  G_OBJECT_CLASS (gst_rtc_pool_server_parent_class)->finalize (o);
}

void install_properties (GObjectClass *k)
{
  constexpr auto rw = static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  const auto text = [k] (guint id, const char *name, const char *blurb, const char *fallback) {
    g_object_class_install_property (
        k, id, g_param_spec_string (name, nullptr, blurb, fallback, rw));
  };
  const auto number = [k] (guint id, const char *name, const char *blurb, guint least, guint most,
                          guint fallback) {
    g_object_class_install_property (
        k, id, g_param_spec_uint (name, nullptr, blurb, least, most, fallback, rw));
  };
  text (prop_bind_address, "bind-address", "The address to listen on; :: is all of IPv6 and IPv4",
      "0.0.0.0");
  number (prop_port, "port", "TCP port (0 = any)", 0, 65535, 7001);
  text (prop_tls_certificate, "tls-certificate",
      "PEM file with the certificate: with one it is https and wss alone (NULL = http and ws)",
      nullptr);
  text (prop_tls_key, "tls-key", "PEM file with its key (NULL = it is in the certificate's file)",
      nullptr);
  text (prop_folder, "folder",
      "Files that the same port serves; index.html is what a folder shows (NULL = none)", nullptr);
  number (prop_max_connections, "max-connections", "How many there may be", 1, 1000000, 10000);
  number (prop_max_pools, "max-pools", "How many channels there may be", 1, 1000000, 10000);
  number (
      prop_max_message_size, "max-message-size", "Bytes of one message", 1024, 16 << 20, 256 << 10);
  number (prop_message_rate, "message-rate",
      "Messages per second of a peer, five times as many at once; who sends more is cut off (0 = "
      "no "
      "limit)",
      0, 1000000, 100);
  g_object_class_install_property (k, prop_current_port,
      g_param_spec_uint ("current-port", nullptr,
          "The port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
  g_object_class_install_property (k, prop_stats,
      g_param_spec_boxed ("stats", nullptr, "Counters (docs/stats.md)", GST_TYPE_STRUCTURE, ro));
}
} // namespace

static void gst_rtc_pool_server_init (GstRtcPoolServer *self)
{
  self->impl = new PoolServerImpl (GST_ELEMENT (self));
  // So that an EOS event sent to the pipeline reaches it, and the pipeline takes its EOS for its
  // own.
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

static void gst_rtc_pool_server_class_init (GstRtcPoolServerClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_property;
  object->get_property = get_property;
  install_properties (object);
  element->change_state = change_state;
  element->send_event = send_event;
  install_pool_server_signals (G_TYPE_FROM_CLASS (klass));
  gst_element_class_set_static_metadata (element, "Signalling server", "Generic/Network",
      "Brings peers of a channel together over WebSocket", "The gst-plugins-reach developers");
}

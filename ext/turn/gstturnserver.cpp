// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-turnserver
 * @title: turnserver
 *
 * A STUN and TURN server inside a pipeline, over UDP, TCP, TLS and DTLS: for tests, local networks
 * and single hosts. It needs no pads. Addresses that are not public are not relayed to, unless
 * allowed-peers says so.
 *
 * A request pad brings a copy of everything that is relayed, with its sender in #GstNetAddressMeta.
 * It is to be there before the element goes to READY, where inspect is not set.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 turnserver port=3478 users=alice:secret
 * ]| is a server, until it is interrupted.
 * |[
 * gst-launch-1.0 turnserver port=3478 auth-secret=north allowed-peers=192.168.0.0/16
 * ]| relays into a local network for users with time-limited passwords.
 * |[
 * gst-launch-1.0 turnserver name=t users=alice:secret t.tap_0 ! fakesink dump=true
 * ]| also shows what is relayed.
 *
 * ## Threads
 * Each of its loops (property `threads`) is a thread, pinned to a core, with the clients that are
 * its own; they share nothing on the way of a datagram. Signals and messages come from one further
 * thread, with no lock held; only before-relay, request-success and request-error come from the
 * loops.
 *
 * Since: 0.1
 */
#include "common/barrier.h"
#include "turnelements.h"
#include "turnserver_impl.h"

GST_DEBUG_CATEGORY (turnserver_debug);
#define GST_CAT_DEFAULT turnserver_debug

G_DECLARE_FINAL_TYPE (GstTurnServer, gst_turn_server, GST, TURN_SERVER, GstElement)

struct _GstTurnServer {
  GstElement parent;
  reach::turn::server::ServerImpl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstTurnServer, gst_turn_server, GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (turnserver_debug, "turnserver", 0, "TURN server"))
GST_ELEMENT_REGISTER_DEFINE (turnserver, "turnserver", GST_RANK_NONE, gst_turn_server_get_type ())

using reach::barrier;
using namespace reach::turn::server;

namespace {
enum Prop : guint {
  prop_current_port = 1,
  prop_current_tls_port,
  prop_current_alternate_port,
  prop_bindings,
  prop_stats,
  prop_deferred_requests
};

ServerImpl &impl_of (gpointer e)
{
  return *GST_TURN_SERVER (e)->impl;
}

void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  if (id == prop_deferred_requests)
    impl_of (o).deferred = g_value_get_flags (v);
  else if (!impl_of (o).settings.update (
               [&] (ElementSettings &s) { return set_setting (s, id, v); }))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (id == prop_deferred_requests)
    return g_value_set_flags (v, impl.deferred);
  if (id == prop_bindings)
    return g_value_take_boxed (v, impl.bindings ());
  if (id == prop_stats)
    return g_value_take_boxed (v, impl.stats ());
  if (id == prop_current_port || id == prop_current_tls_port)
    return g_value_set_uint (v, id == prop_current_port ? impl.port () : impl.tls_port ());
  if (id == prop_current_alternate_port)
    return g_value_set_uint (v, impl.alternate_port ());
  if (!get_setting (*impl.settings.lock (), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

GstElementClass *parent_class ()
{
  return GST_ELEMENT_CLASS (gst_turn_server_parent_class);
}

GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto &impl = impl_of (e);
    if (t == GST_STATE_CHANGE_NULL_TO_READY && !impl.start ())
      return GST_STATE_CHANGE_FAILURE;
    const auto ret = parent_class ()->change_state (e, t);
    if (t == GST_STATE_CHANGE_READY_TO_NULL)
      impl.stop ();
    const bool live =
        t == GST_STATE_CHANGE_READY_TO_PAUSED || t == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
    return live && ret == GST_STATE_CHANGE_SUCCESS && impl.taps ().count () > 0
               ? GST_STATE_CHANGE_NO_PREROLL
               : ret;
  });
}

// Streams end in the taps. Without any, none could end: the application wants it, so it is over.
gboolean send_event (GstElement *e, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return parent_class ()->send_event (e, event);
  const guint32 number = gst_event_get_seqnum (event);
  gst_event_unref (event);
  if (barrier (e, false, [e] { return impl_of (e).taps ().send_eos (); }))
    return TRUE;
  GstMessage *m = gst_message_new_eos (GST_OBJECT (e));
  gst_message_set_seqnum (m, number);
  return gst_element_post_message (e, m);
}

GstPad *request_new_pad (GstElement *e, GstPadTemplate *t, const gchar *name, const GstCaps *)
{
  return barrier<GstPad *> (e, nullptr, [&] { return impl_of (e).taps ().request (e, t, name); });
}

void release_pad (GstElement *e, GstPad *pad)
{
  barrier (e, 0, [&] {
    impl_of (e).taps ().release (e, pad);
    return 0;
  });
}

void finalize (GObject *o)
{
  delete GST_TURN_SERVER (o)->impl;
  G_OBJECT_CLASS (gst_turn_server_parent_class)->finalize (o);
}

void install_read_only (GObjectClass *k)
{
  constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property (k, prop_current_port,
      g_param_spec_uint ("current-port", "Current port",
          "The UDP and TCP port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
  g_object_class_install_property (k, prop_current_tls_port,
      g_param_spec_uint ("current-tls-port", "Current TLS port",
          "The DTLS and TLS port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
  g_object_class_install_property (k, prop_current_alternate_port,
      g_param_spec_uint ("current-alternate-port", "Current alternate port",
          "The second UDP port with alternate-address, from READY on (0 = none)", 0, 65535, 0, ro));
  g_object_class_install_property (k, prop_bindings,
      g_param_spec_boxed ("bindings", "Bindings",
          "Where it listens, from READY on: udp://192.0.2.1:3478, … (NULL = nowhere)", G_TYPE_STRV,
          ro));
  g_object_class_install_property (k, prop_stats,
      g_param_spec_boxed ("stats", "Statistics",
          "Counters, the last ones after the run has ended (docs/stats.md)", GST_TYPE_STRUCTURE,
          ro));
}

void install_deferred (GObjectClass *k)
{
  gst_type_mark_as_plugin_api (requests_type (), static_cast<GstPluginAPIFlags> (0));
  g_object_class_install_property (k, prop_deferred_requests,
      g_param_spec_flags ("deferred-requests", "Deferred requests",
          "What is not asked by its signal, but posted as an element message with a number, which "
          "the action respond answers within 10 s; no answer means no",
          requests_type (), 0,
          static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)));
}
} // namespace

static void gst_turn_server_init (GstTurnServer *self)
{
  self->impl = new ServerImpl (GST_ELEMENT (self));
  // So that an EOS event sent to the pipeline reaches it, and the pipeline takes its EOS for its
  // own.
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

static void gst_turn_server_class_init (GstTurnServerClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  install_settings (object);
  install_read_only (object);
  install_deferred (object);
  element->change_state = change_state;
  element->send_event = send_event;
  element->request_new_pad = request_new_pad;
  element->release_pad = release_pad;
  gst_element_class_add_pad_template (
      element, gst_pad_template_new ("tap_%u", GST_PAD_SRC, GST_PAD_REQUEST,
                   reach::Ref<GstCaps>::adopt (gst_caps_new_any ()).get ()));
  install_server_signals (G_TYPE_FROM_CLASS (klass), impl_of);
  gst_element_class_set_static_metadata (element, "TURN server", "Generic/Network",
      "A STUN and TURN server over UDP, TCP, TLS and DTLS", "The gst-plugins-reach developers");
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Signals and actions of both elements.
#include "common/barrier.h"
#include "desk.h"

namespace reach::rtmp {
namespace {
constexpr auto action = static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);

GQuark class_quark ()
{
  static const GQuark q = g_quark_from_static_string ("rtmp-desk-class");
  return q;
}

Desk &desk_of (gpointer element)
{
  const auto *c =
      static_cast<const DeskClass *> (g_type_get_qdata (G_OBJECT_TYPE (element), class_quark ()));
  return c->desk_of (element);
}

gboolean all_of (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  g_value_copy (one, all);
  return g_value_get_boolean (one); // else nobody else is asked
}

gboolean first_reply (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  if (!g_value_get_boxed (one))
    return TRUE;
  g_value_copy (one, all);
  return FALSE;
}

const char *text (const char *s)
{
  return s ? s : "";
}

gboolean do_respond (GstElement *e, guint64 request, gboolean accept, GstStructure *reply)
{
  return barrier (
      e, FALSE, [&] { return gboolean (desk_of (e).respond (request, accept, reply)); });
}

gboolean do_call (
    GstElement *e, guint64 id, const char *name, GstStructure *arguments, GstPromise *promise)
{
  return barrier (e, FALSE, [&] {
    return gboolean (name && *name && desk_of (e).call_client (id, name, arguments, promise));
  });
}

gboolean do_send_status (GstElement *e, guint64 id, guint stream, const char *code,
    const char *description, gboolean error)
{
  return barrier (e, FALSE, [&] {
    return gboolean (
        desk_of (e).send_status (id, stream, {text (code), text (description), error != FALSE}));
  });
}

gboolean do_set_property (GstElement *e, guint64 id, const char *key, const char *value)
{
  return barrier (
      e, FALSE, [&] { return gboolean (desk_of (e).set_property (id, text (key), value)); });
}

gchar *do_get_property (GstElement *e, guint64 id, const char *key)
{
  return barrier (e, static_cast<gchar *> (nullptr),
      [&] { return desk_of (e).property (id, text (key)).release (); });
}

gboolean do_disconnect (GstElement *e, guint64 id, const char *description)
{
  return barrier (
      e, FALSE, [&] { return gboolean (desk_of (e).disconnect (id, text (description))); });
}

gboolean do_redirect (GstElement *e, guint64 id, const char *url)
{
  return barrier (e, FALSE, [&] { return gboolean (desk_of (e).redirect (id, text (url))); });
}

gboolean yes (GstElement *, GstStructure *, GstStructure *)
{
  return TRUE;
}

gboolean connect_yes (GstElement *, GstStructure *, GstStructure *, GstStructure *)
{
  return TRUE;
}

void install_decision (GType type, const char *name)
{
  g_signal_new_class_handler (name, type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes), all_of, nullptr,
      nullptr, G_TYPE_BOOLEAN, 2, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}

void install_decisions (GType type, const DeskClass &c)
{
  g_signal_new_class_handler ("connect-request", type, G_SIGNAL_RUN_LAST, G_CALLBACK (connect_yes),
      all_of, nullptr, nullptr, G_TYPE_BOOLEAN, 3, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  install_decision (type, "stream-request");
  if (c.publishes)
    install_decision (type, "publish-request");
  if (c.plays)
    install_decision (type, "play-request");
  if (c.plays)
    install_decision (type, "pause-request");
  g_signal_new ("remote-call", type,
      static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED), 0, first_reply, nullptr,
      nullptr, GST_TYPE_STRUCTURE, 2, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  g_signal_new ("connection-closed", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 1, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}

void install_actions (GType type)
{
  g_signal_new_class_handler ("respond", type, action, G_CALLBACK (do_respond), nullptr, nullptr,
      nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_UINT64, G_TYPE_BOOLEAN, GST_TYPE_STRUCTURE);
  g_signal_new_class_handler ("call", type, action, G_CALLBACK (do_call), nullptr, nullptr, nullptr,
      G_TYPE_BOOLEAN, 4, G_TYPE_UINT64, G_TYPE_STRING, GST_TYPE_STRUCTURE, GST_TYPE_PROMISE);
  g_signal_new_class_handler ("send-status", type, action, G_CALLBACK (do_send_status), nullptr,
      nullptr, nullptr, G_TYPE_BOOLEAN, 5, G_TYPE_UINT64, G_TYPE_UINT, G_TYPE_STRING, G_TYPE_STRING,
      G_TYPE_BOOLEAN);
  g_signal_new_class_handler ("set-connection-property", type, action, G_CALLBACK (do_set_property),
      nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_UINT64, G_TYPE_STRING, G_TYPE_STRING);
  g_signal_new_class_handler ("get-connection-property", type, action, G_CALLBACK (do_get_property),
      nullptr, nullptr, nullptr, G_TYPE_STRING, 2, G_TYPE_UINT64, G_TYPE_STRING);
  g_signal_new_class_handler ("disconnect", type, action, G_CALLBACK (do_disconnect), nullptr,
      nullptr, nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_UINT64, G_TYPE_STRING);
  g_signal_new_class_handler ("redirect", type, action, G_CALLBACK (do_redirect), nullptr, nullptr,
      nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_UINT64, G_TYPE_STRING);
}
} // namespace

GType desk_flags_type ()
{
  static const GType type = [] {
    static const GFlagsValue values[] = {{desk_connect, "Connections", "connect"},
        {desk_stream, "NetStreams", "stream"}, {desk_publish, "Publishers", "publish"},
        {desk_play, "Players", "play"}, {desk_pause, "Pause and resume", "pause"},
        {desk_call, "Remote calls", "call"}, {0, nullptr, nullptr}};
    return g_flags_register_static ("GstRtmpServerRequests", values);
  }();
  return type;
}

void install_desk (GObjectClass *k, const DeskClass &c, guint deferred_property)
{
  const GType type = G_TYPE_FROM_CLASS (k);
  g_type_set_qdata (type, class_quark (), const_cast<DeskClass *> (&c));
  gst_type_mark_as_plugin_api (desk_flags_type (), static_cast<GstPluginAPIFlags> (0));
  g_object_class_install_property (k, deferred_property,
      g_param_spec_flags ("deferred-requests", "Deferred requests",
          "What is not asked by its signal, but posted as an element message with a number, which "
          "the action respond answers within 10 s; no answer means no",
          desk_flags_type (), 0,
          static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)));
  install_decisions (type, c);
  install_actions (type);
}
} // namespace reach::rtmp

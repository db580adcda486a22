// SPDX-License-Identifier: LGPL-2.1-or-later
// Signals and actions of both elements.
#include "common/accumulators.h"
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

/**
 * GstRtmpServerSrc::connect-request:
 * @self: the element
 * @connection: `rtmp-connection`: id, peer-address, application, query, tc-url and more
 * @command: `rtmp-connect` with command: the object of its connect command
 * @user: `rtmp-arguments`: argument-0 and so on, the further arguments
 *
 * A client wants in. All handlers must agree; without one everybody is let in.
 *
 * Returns: %TRUE to let it in
 */
/**
 * GstRtmpServerSrc::stream-request:
 * @self: the element
 * @connection: as above
 * @request: `rtmp-create-stream`
 *
 * A client wants a NetStream.
 *
 * Returns: %TRUE to make it
 */
/**
 * GstRtmpServerSrc::publish-request:
 * @self: the element
 * @connection: as above
 * @request: `rtmp-publish` with stream, stream-name, query and type
 *
 * A client wants to publish a stream of this element. It hears that it does when this is decided.
 *
 * Returns: %TRUE to take it
 */
/**
 * GstRtmpServerSrc::remote-call:
 * @self: the element
 * @connection: as above
 * @arguments: `rtmp-arguments` with name, object, stream and argument-0 and so on
 *
 * A client calls a procedure, whose name is the signal's detail. The first reply counts. It becomes
 * the arguments of the answer: its fields argument-0 and so on, else one object with all its
 * fields.
 *
 * Returns: (transfer full) (nullable): the reply; %NULL: an error
 */
/**
 * GstRtmpServerSrc::connection-closed:
 * @self: the element
 * @event: `rtmp-connection-closed` with connection, cause (client, bad-peer, timeout or local) and
 *     detail
 *
 * A connection that was let in has ended. Posted as element message too.
 */
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
      static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED), 0, first_boxed, nullptr,
      nullptr, GST_TYPE_STRUCTURE, 2, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  g_signal_new ("connection-closed", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 1, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}

/**
 * GstRtmpServerSrc::respond:
 * @self: the element
 * @request: of a message, see #GstRtmpServerSrc:deferred-requests
 * @accept: the decision; of a call, whether it succeeded
 * @reply: (nullable): of a call
 *
 * Action: answers a request that was posted as message.
 *
 * Returns: %FALSE when it is not awaited (any more)
 */
/**
 * GstRtmpServerSrc::call:
 * @self: the element
 * @connection: id of a connection
 * @name: of a procedure of the client
 * @arguments: (nullable): argument-0 and so on, else one object with all fields
 * @promise: (nullable): gets `rtmp-call-result` with good and argument-0 and so on; expires when
 *     the connection ends. Without one the client is told that no answer is wanted
 *
 * Action: calls the client.
 *
 * Returns: %FALSE when there is no such connection, or too many calls wait
 */
/**
 * GstRtmpServerSrc::send-status:
 * @self: the element
 * @connection: id of a connection
 * @stream: a NetStream, 0: the connection itself
 * @code: such as "NetStream.Play.Stop"
 * @description: in words
 * @error: whether its level is error
 *
 * Action: sends onStatus, behind the media that was sent before.
 *
 * Returns: %FALSE when there is no such connection
 */
/**
 * GstRtmpServerSrc::set-connection-property:
 * @self: the element
 * @connection: id of a connection
 * @key: any, at most 4 KiB with its value
 * @value: (nullable): %NULL removes it
 *
 * Action: keeps something of the application's until the connection ends.
 *
 * Returns: %FALSE when there is no such connection, or it has 64 keys
 */
/**
 * GstRtmpServerSrc::get-connection-property:
 * @self: the element
 * @connection: id of a connection
 * @key: as set
 *
 * Action: the value that was set.
 *
 * Returns: (transfer full) (nullable): %NULL when there is none
 */
/**
 * GstRtmpServerSrc::disconnect:
 * @self: the element
 * @connection: id of a connection
 * @description: told to the client
 *
 * Action: closes a connection.
 *
 * Returns: %FALSE when there is no such connection
 */
/**
 * GstRtmpServerSrc::redirect:
 * @self: the element
 * @connection: id of a connection
 * @url: where the client should connect
 *
 * Action: asks a client to connect again elsewhere (ReconnectRequest of Enhanced RTMP). Meanwhile
 * it is served on.
 *
 * Returns: %FALSE when there is no such connection, or its client does not know how
 */
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

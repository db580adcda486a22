// SPDX-License-Identifier: LGPL-2.1-or-later
// Signals and actions of turnserver.
#include "common/accumulators.h"
#include "common/barrier.h"
#include "turnserver_impl.h"

namespace reach::turn::server {
namespace {
ServerImpl &(*impl_of) (gpointer) = nullptr; // the element's, set once

gboolean first_text (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  g_value_copy (one, all);
  return g_value_get_string (one) == nullptr;
}

gboolean yes_allocate (GstElement *, const char *, const char *, const char *)
{
  return TRUE;
}

gboolean yes_relay (GstElement *, const char *, const char *, GstBuffer *)
{
  return TRUE;
}

void install_decisions (GType type)
{
  /**
   * GstTurnServer::authorize:
   * @self: the element
   * @user: its name, as the client says it
   * @realm: the realm
   *
   * Who is not in #GstTurnServer:users and not time-limited wants in. From one thread, without a
   * lock; the answer is awaited for ten seconds.
   *
   * Returns: (nullable) (transfer full): the user's password, %NULL: there is no such user
   */
  g_signal_new ("authorize", type, G_SIGNAL_RUN_LAST, 0, first_text, nullptr, nullptr,
      G_TYPE_STRING, 2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstTurnServer::before-allocate:
   * @self: the element
   * @user: the user, empty with #GstTurnServer:no-auth
   * @client: its address
   * @transport: udp, tcp, tls or dtls
   *
   * Somebody who is known wants an allocation. As authorize; all handlers must agree.
   *
   * Returns: %FALSE to refuse it (403)
   */
  g_signal_new_class_handler ("before-allocate", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes_allocate),
      all_of, nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstTurnServer::before-relay:
   * @self: the element
   * @direction: to-peer or to-client
   * @peer: the peer's address
   * @buffer: a copy of the payload, with the GstCustomMeta `turn-relayed`: client, a string, and
   *     channel, a guint, 0 for an indication
   *
   * Only with #GstTurnServer:inspect. From the threads that relay, which wait for the answer.
   *
   * Returns: %FALSE to drop it
   */
  g_signal_new_class_handler ("before-relay", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes_relay),
      all_of, nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_STRING, G_TYPE_STRING, GST_TYPE_BUFFER);
}

void install_vetoes (GType type)
{
  /**
   * GstTurnServer::request-success:
   * @self: the element
   * @client: its address
   * @method: binding, allocate, refresh, …
   * @response: a copy of what is about to be sent
   *
   * A request is answered. From the threads that relay, which wait for the answer. What was asked
   * for has been done already.
   *
   * Returns: %FALSE to send nothing
   */
  /**
   * GstTurnServer::request-error:
   * @self: the element
   * @client: its address
   * @method: binding, allocate, refresh, …
   * @response: a copy of what is about to be sent
   *
   * As request-success, for a refusal.
   *
   * Returns: %FALSE to send nothing
   */
  for (const char *name : {"request-success", "request-error"})
    g_signal_new_class_handler (name, type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes_relay), all_of,
        nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_STRING, G_TYPE_STRING, GST_TYPE_BUFFER);
}

gboolean do_respond (GstElement *e, guint64 request, gboolean accept, GstStructure *reply)
{
  return barrier (
      e, FALSE, [&] { return gboolean (impl_of (e).respond (request, accept, reply)); });
}

guint do_add_binding (GstElement *e, const char *address, guint port)
{
  return barrier (e, 0u, [&] { return impl_of (e).add_binding (address, port); });
}

gboolean do_remove_binding (GstElement *e, const char *address, guint port)
{
  return barrier (e, FALSE, [&] { return gboolean (impl_of (e).remove_binding (address, port)); });
}

void install_actions (GType type)
{
  constexpr auto action = static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  /**
   * GstTurnServer::respond:
   * @self: the element
   * @request: of a message, see #GstTurnServer:deferred-requests
   * @accept: the decision
   * @reply: (nullable): of `turn-authorize-request`: with the field password, a string
   *
   * Action: answers a request that was posted as message.
   *
   * Returns: %FALSE when it is not awaited (any more)
   */
  g_signal_new_class_handler ("respond", type, action, G_CALLBACK (do_respond), nullptr, nullptr,
      nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_UINT64, G_TYPE_BOOLEAN, GST_TYPE_STRUCTURE);
  /**
   * GstTurnServer::add-binding:
   * @self: the element
   * @address: an IPv4 or IPv6 address of this host
   * @port: 0: any
   *
   * Action: listens there as well, on UDP and TCP, until the element goes to NULL. Waits for the
   * loops: not from a handler of before-relay, request-success or request-error.
   *
   * Returns: the port; 0 when it cannot, or is in NULL: a WARNING says why
   */
  g_signal_new_class_handler ("add-binding", type, action, G_CALLBACK (do_add_binding), nullptr,
      nullptr, nullptr, G_TYPE_UINT, 2, G_TYPE_STRING, G_TYPE_UINT);
  /**
   * GstTurnServer::remove-binding:
   * @self: the element
   * @address: as it was added, or #GstTurnServer:bind-address
   * @port: its port
   *
   * Action: listens there no more. Allocations of UDP clients there end, connections go on. Waits
   * as add-binding.
   *
   * Returns: %FALSE when it does not listen there
   */
  g_signal_new_class_handler ("remove-binding", type, action, G_CALLBACK (do_remove_binding),
      nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_UINT);
}
} // namespace

GType requests_type ()
{
  static const GType type = [] {
    static const GFlagsValue values[] = {{request_authorize, "Passwords", "authorize"},
        {request_allocate, "Allocations", "allocate"}, {0, nullptr, nullptr}};
    return g_flags_register_static ("GstTurnServerRequests", values);
  }();
  return type;
}

void install_server_signals (GType type, ServerImpl &(*of) (gpointer))
{
  impl_of = of;
  install_decisions (type);
  install_vetoes (type);
  install_actions (type);
  /**
   * GstTurnServer::allocation-created:
   * @self: the element
   * @allocation: `turn-allocation-created`, which is also a message
   */
  /**
   * GstTurnServer::allocation-moved:
   * @self: the element
   * @allocation: `turn-allocation-moved`, which is also a message: see #GstTurnServer:mobility
   */
  /**
   * GstTurnServer::allocation-deleted:
   * @self: the element
   * @allocation: `turn-allocation-deleted`, which is also a message
   */
  for (const char *name : {"allocation-created", "allocation-moved", "allocation-deleted"})
    g_signal_new (name, type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
        GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  /**
   * GstTurnServer::discarded:
   * @self: the element
   * @reason: a word, as in the statistics
   * @details: `turn-discarded`, which is also a message: reason, client, peer
   *
   * Something went no further. Of one reason at most ten times a second; all are counted.
   */
  g_signal_new ("discarded", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 2,
      G_TYPE_STRING, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}
} // namespace reach::turn::server

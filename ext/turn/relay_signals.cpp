// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/accumulators.h"
#include "relay.h"

namespace reach::turn {
namespace {
struct EventSignal {
  const char *name, *message;
};
constexpr EventSignal events[] = {{"response-success", "turn-response-success"},
    {"binding-success", "turn-binding-success"}, {"allocated", "turn-allocated"},
    {"allocation-lost", "turn-allocation-lost"}, {"refreshed", "turn-refreshed"},
    {"permission-created", "turn-permission-created"}, {"channel-bound", "turn-channel-bound"},
    {"data-indication", "turn-data-indication"}, {"channel-data", "turn-channel-data"},
    {"icmp", "turn-icmp"}, {"response-error", "turn-response-error"},
    {"unknown-message", "turn-unknown-message"}, {"peer-connected", "turn-peer-connected"},
    {"peer-disconnected", "turn-peer-disconnected"}, {"nat-discovered", "turn-nat-discovered"}};
static_assert (std::size (events) == event_signals);

// One class for each element: they differ in how the Relay is found.
GQuark class_quark ()
{
  static const GQuark q = g_quark_from_static_string ("reach-turn-relay-class");
  return q;
}
GQuark ids_quark ()
{
  static const GQuark q = g_quark_from_static_string ("reach-turn-relay-signals");
  return q;
}

Relay &relay_of (gpointer element)
{
  const auto *c =
      static_cast<RelayClass *> (g_type_get_qdata (G_OBJECT_TYPE (element), class_quark ()));
  return c->relay_of (element);
}

template <typename R, typename F> R act (gpointer element, R failed, F &&f)
{
  try {
    return f (relay_of (element));
  } catch (const std::exception &e) {
    GST_WARNING_OBJECT (element, "action: %s", e.what ());
  }
  return failed;
}

gboolean on_allocate (GstElement *e)
{
  return act (e, FALSE, [] (Relay &r) -> gboolean { return r.allocate (); });
}
gboolean on_refresh (GstElement *e, guint lifetime)
{
  return act (e, FALSE, [=] (Relay &r) -> gboolean { return r.refresh (lifetime); });
}
gboolean on_create_permission (GstElement *e, const gchar *address)
{
  return act (e, FALSE, [=] (Relay &r) -> gboolean { return r.create_permission (address); });
}
guint on_channel_bind (GstElement *e, const gchar *peer, guint number)
{
  return act (e, 0u, [=] (Relay &r) { return r.channel_bind (peer, number); });
}
gboolean on_send_indication (GstElement *e, const gchar *peer, GstBuffer *b)
{
  return act (e, FALSE, [=] (Relay &r) -> gboolean { return r.send_indication (peer, b); });
}
gboolean on_send_channel_data (GstElement *e, guint channel, GstBuffer *b)
{
  return act (e, FALSE, [=] (Relay &r) -> gboolean { return r.send_channel_data (channel, b); });
}
gboolean on_send_binding_request (GstElement *e)
{
  return act (e, FALSE, [] (Relay &r) -> gboolean { return r.send_binding_request (); });
}
gboolean on_send_raw (GstElement *e, GstBuffer *b)
{
  return act (e, FALSE, [=] (Relay &r) -> gboolean { return r.send_raw (b); });
}
void on_clear (GstElement *e)
{
  act (e, 0, [] (Relay &r) {
    r.clear ();
    return 0;
  });
}
gboolean on_reconnect (GstElement *e)
{
  return act (e, FALSE, [] (Relay &r) -> gboolean { return r.reconnect (); });
}

gboolean on_discover_nat (GstElement *e)
{
  return act (e, FALSE, [] (Relay &r) -> gboolean { return r.discover_nat (); });
}

template <typename... Types>
void action (GType type, const char *name, GCallback handler, GType result, Types... types)
{
  g_signal_new_class_handler (name, type,
      static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION), handler, nullptr, nullptr,
      nullptr, result, sizeof...(types), types...);
}

void install_actions (GType t)
{
  action (t, "allocate", G_CALLBACK (on_allocate), G_TYPE_BOOLEAN);
  action (t, "refresh", G_CALLBACK (on_refresh), G_TYPE_BOOLEAN, G_TYPE_UINT);
  action (t, "create-permission", G_CALLBACK (on_create_permission), G_TYPE_BOOLEAN, G_TYPE_STRING);
  action (t, "channel-bind", G_CALLBACK (on_channel_bind), G_TYPE_UINT, G_TYPE_STRING, G_TYPE_UINT);
  action (t, "send-indication", G_CALLBACK (on_send_indication), G_TYPE_BOOLEAN, G_TYPE_STRING,
      GST_TYPE_BUFFER);
  action (t, "send-channel-data", G_CALLBACK (on_send_channel_data), G_TYPE_BOOLEAN, G_TYPE_UINT,
      GST_TYPE_BUFFER);
  action (t, "send-binding-request", G_CALLBACK (on_send_binding_request), G_TYPE_BOOLEAN);
  action (t, "send-raw", G_CALLBACK (on_send_raw), G_TYPE_BOOLEAN, GST_TYPE_BUFFER);
  action (t, "reconnect", G_CALLBACK (on_reconnect), G_TYPE_BOOLEAN);
  action (t, "discover-nat", G_CALLBACK (on_discover_nat), G_TYPE_BOOLEAN);
  action (t, "clear", G_CALLBACK (on_clear), G_TYPE_NONE);
}

gboolean accept_message (GstElement *, GBytes *)
{
  return TRUE;
}
} // namespace

void install_relay_signals (GObjectClass *k, RelayClass c)
{
  const GType type = G_TYPE_FROM_CLASS (k);
  auto *ids = new guint[sig_last]; // with the type, for good
  for (guint i = 0; i < event_signals; i++)
    ids[i] = g_signal_new (events[i].name, type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
        G_TYPE_NONE, 1, GST_TYPE_STRUCTURE);
  ids[sig_before_send] = g_signal_new_class_handler ("before-send", type, G_SIGNAL_RUN_LAST,
      G_CALLBACK (accept_message), all_of, nullptr, nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_BYTES);
  ids[sig_before_sign] = g_signal_new ("before-sign", type, G_SIGNAL_RUN_LAST, 0, first_boxed,
      nullptr, nullptr, G_TYPE_BYTES, 1, G_TYPE_BYTES);
  ids[sig_need_credentials] = g_signal_new ("need-credentials", type, G_SIGNAL_RUN_LAST, 0,
      first_boxed, nullptr, nullptr, GST_TYPE_STRUCTURE, 1, GST_TYPE_STRUCTURE);
  install_actions (type);
  g_type_set_qdata (type, class_quark (), new RelayClass (c));
  g_type_set_qdata (type, ids_quark (), ids);
}

guint signal_id (gpointer element, guint signal)
{
  return static_cast<guint *> (g_type_get_qdata (G_OBJECT_TYPE (element), ids_quark ()))[signal];
}

const char *signal_message_name (guint signal)
{
  return events[signal].message;
}
} // namespace reach::turn

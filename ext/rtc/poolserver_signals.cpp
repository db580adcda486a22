// SPDX-License-Identifier: LGPL-2.1-or-later
// Signals and actions of rtcpoolserver.
#include "common/accumulators.h"
#include "common/barrier.h"
#include "poolserver_impl.h"

namespace reach::rtc {
namespace {
PoolServerImpl &(*impl_of) (gpointer) = nullptr; // the element's, set once

gboolean first_text (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  g_value_copy (one, all);
  return g_value_get_string (one) == nullptr;
}

gboolean yes_join (GstElement *, const char *, const char *)
{
  return TRUE;
}

const char *text (const char *s)
{
  return s ? s : "";
}

gboolean do_respond (GstElement *e, guint64 request, gboolean accept, GstStructure *reply)
{
  return barrier (
      e, FALSE, [&] { return gboolean (impl_of (e).respond (request, accept, reply)); });
}

// One of the pools' own functions, as an action with strings.
template <bool (pool::Pools::*f) (const std::string &)>
gboolean do_name (GstElement *e, const char *name)
{
  return barrier (e, FALSE, [&] {
    return gboolean (
        impl_of (e).with_pools ([name] (pool::Pools &p) { return (p.*f) (text (name)); }));
  });
}

template <bool (pool::Pools::*f) (const std::string &, const std::string &, std::string_view)>
gboolean do_peer (GstElement *e, const char *name, const char *peer, const char *json)
{
  return barrier (e, FALSE, [&] {
    return gboolean (impl_of (e).with_pools (
        [&] (pool::Pools &p) { return (p.*f) (text (name), text (peer), text (json)); }));
  });
}

gboolean do_broadcast_except (
    GstElement *e, const char *name, const char *json, const char *const *peers)
{
  return barrier (e, FALSE, [&] {
    std::vector<std::string> except;
    for (; peers && *peers; peers++)
      except.emplace_back (*peers);
    return gboolean (impl_of (e).with_pools (
        [&] (pool::Pools &p) { return p.broadcast (text (name), text (json), except); }));
  });
}

gboolean do_broadcast (GstElement *e, const char *name, const char *json)
{
  return do_broadcast_except (e, name, json, nullptr);
}

void install_decisions (GType type)
{
  /**
   * GstRtcPoolServer::resolve-pool:
   * @self: the element
   * @pool: the name that a peer wants to join
   *
   * Which pool does this name stand for? The first handler that knows is the last that is asked. A
   * peer is told the name that it is in. Not for channels of pairs. From one thread, without a
   * lock.
   *
   * Returns: (nullable) (transfer full): another name; %NULL: the name itself
   */
  g_signal_new ("resolve-pool", type, G_SIGNAL_RUN_LAST, 0, first_text, nullptr, nullptr,
      G_TYPE_STRING, 1, G_TYPE_STRING);
  /**
   * GstRtcPoolServer::join-request:
   * @self: the element
   * @pool: what the peer wants to join, resolved
   * @peer: its id: of a pool the server's word, of a channel its own
   *
   * May this peer join? All handlers must agree, within ten seconds. From one thread, without a
   * lock; a handler that takes its time delays other decisions, but no message. A handler can call
   * the action describe for it. See #GstRtcPoolServer:deferred-requests for another thread.
   *
   * Returns: %FALSE to refuse it
   */
  g_signal_new_class_handler ("join-request", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes_join),
      all_of, nullptr, nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_STRING);
}

void install_events (GType type)
{
  /**
   * GstRtcPoolServer::peer-joined:
   * @self: the element
   * @peer: `rtc-pool-peer-joined` with pool and peer, which is also a message
   */
  /**
   * GstRtcPoolServer::peer-left:
   * @self: the element
   * @peer: `rtc-pool-peer-left` with pool, peer and reason (closed, lost, replaced, stopped,
   * limit), which is also a message
   */
  /**
   * GstRtcPoolServer::app-message:
   * @self: the element
   * @message: `rtc-pool-app-message` with pool, peer, type and data (JSON), which is also a message
   *
   * A member of a pool sent something whose type does not begin with "rtc:". It goes nowhere else.
   */
  for (const char *name : {"peer-joined", "peer-left", "app-message"})
    g_signal_new (name, type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
        GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}

constexpr auto action = static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);

/**
 * GstRtcPoolServer::add-pool:
 * @self: the element
 * @pool: its name, 1 to 128 bytes of UTF-8 without control characters
 *
 * Action: a pool that is there without members, and can be joined with #GstRtcPoolServer:private.
 * In READY and above, as all actions here; pools go with the state NULL.
 *
 * Returns: %FALSE for a bad name, or when there are too many
 */
/**
 * GstRtcPoolServer::remove-pool:
 * @self: the element
 * @pool: of add-pool
 *
 * Action: the pool is there only as long as it has members; with #GstRtcPoolServer:private nobody
 * joins it any more.
 *
 * Returns: %FALSE when it was not added
 */
/**
 * GstRtcPoolServer::close-pool:
 * @self: the element
 * @pool: any
 *
 * Action: tells its members rtc:stop, closes their connections, and removes it.
 *
 * Returns: %FALSE when there is none
 */
/**
 * GstRtcPoolServer::describe:
 * @self: the element
 * @pool: of the peer
 * @peer: its id; one that waits for a decision can be described too
 * @json: an object, or null; at most #GstRtcPoolServer:max-message-size
 *
 * Action: what the other members, and those who come later, are told of it. They can trust it: no
 * member can say it.
 *
 * Returns: %FALSE when there is no such peer, or this is not JSON
 */
/**
 * GstRtcPoolServer::send:
 * @self: the element
 * @pool: of the peer
 * @peer: its id
 * @json: `{"type": …, "data": {…}}`, not of a type that begins with "rtc:"
 *
 * Action: sends an application's message to a member.
 *
 * Returns: %FALSE when there is no such peer, or this is no message
 */
/**
 * GstRtcPoolServer::broadcast:
 * @self: the element
 * @pool: any
 * @json: as of send
 *
 * Action: sends an application's message to all members.
 *
 * Returns: %FALSE when there is no such pool, or this is no message
 */
/**
 * GstRtcPoolServer::broadcast-except:
 * @self: the element
 * @pool: any
 * @json: as of send
 * @peers: (array zero-terminated=1) (nullable): ids of members that do not get it; who is not in
 * the pool does no harm
 *
 * Action: sends an application's message to all other members, such as what one of them has said.
 *
 * Returns: %FALSE when there is no such pool, or this is no message
 */
void install_actions (GType type)
{
  const auto named = [type] (const char *name, GCallback f) {
    g_signal_new_class_handler (
        name, type, action, f, nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
  };
  named ("add-pool", G_CALLBACK (do_name<&pool::Pools::add_pool>));
  named ("remove-pool", G_CALLBACK (do_name<&pool::Pools::remove_pool>));
  named ("close-pool", G_CALLBACK (do_name<&pool::Pools::close_pool>));
  g_signal_new_class_handler ("describe", type, action,
      G_CALLBACK (do_peer<&pool::Pools::describe>), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 3,
      G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
  g_signal_new_class_handler ("send", type, action, G_CALLBACK (do_peer<&pool::Pools::send>),
      nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
  g_signal_new_class_handler ("broadcast", type, action, G_CALLBACK (do_broadcast), nullptr,
      nullptr, nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_STRING);
  g_signal_new_class_handler ("broadcast-except", type, action, G_CALLBACK (do_broadcast_except),
      nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRV);
  /**
   * GstRtcPoolServer::respond:
   * @self: the element
   * @request: of a message `rtc-pool-join-request`, see #GstRtcPoolServer:deferred-requests
   * @accept: the decision
   * @reply: (nullable): with the field pool, a string: which pool it is to be instead
   *
   * Action: answers a request that was posted as message.
   *
   * Returns: %FALSE when it is not awaited (any more)
   */
  g_signal_new_class_handler ("respond", type, action, G_CALLBACK (do_respond), nullptr, nullptr,
      nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_UINT64, G_TYPE_BOOLEAN, GST_TYPE_STRUCTURE);
}
} // namespace

void install_pool_server_signals (GType type, PoolServerImpl &(*of) (gpointer))
{
  impl_of = of;
  install_decisions (type);
  install_events (type);
  install_actions (type);
}
} // namespace reach::rtc

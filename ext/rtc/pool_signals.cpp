// SPDX-License-Identifier: LGPL-2.1-or-later
// The signals of rtcpool that the element emits; pool_actions.cpp has those it takes.
#include "pool_actions.h"
#include "pool_impl.h"

namespace reach::rtc {
namespace {
void install_event (GType type, const char *name)
{
  g_signal_new (name, type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
      GST_TYPE_STRUCTURE);
}

void install_events (GType type)
{
  /**
   * GstRtcPool::joined:
   * @self: the element
   * @fields: rtc-pool-joined: id (ours), pool (perhaps another name), peers (how many were there)
   *
   * This element is in the pool; also after a loss, with a new id. Also an element message, as are
   * all signals here with fields. From the thread that has all signals.
   */
  install_event (type, "joined");
  /**
   * GstRtcPool::peer-added:
   * @self: the element
   * @fields: rtc-pool-peer-added: peer-id, polite (we are, to it)
   */
  install_event (type, "peer-added");
  /**
   * GstRtcPool::peer-described:
   * @self: the element
   * @fields: rtc-pool-peer-described: peer-id, description (JSON as the server has it, or NULL)
   */
  install_event (type, "peer-described");
  /**
   * GstRtcPool::peer-closed:
   * @self: the element
   * @fields: rtc-pool-peer-closed: peer-id
   *
   * It has left; its src pads go.
   */
  install_event (type, "peer-closed");
  /**
   * GstRtcPool::connected:
   * @self: the element
   * @fields: rtc-pool-connected: peer-id
   *
   * Media and data can pass between it and us.
   */
  install_event (type, "connected");
}

void install_ends (GType type)
{
  /**
   * GstRtcPool::stopped:
   * @self: the element
   * @fields: rtc-pool-stopped: pool
   *
   * The server has closed the pool. Nothing is joined again until join is called.
   */
  install_event (type, "stopped");
  /**
   * GstRtcPool::error:
   * @self: the element
   * @fields: rtc-pool-error: message, fatal
   *
   * What the server says is wrong. Also a WARNING, or if it is fatal an ERROR.
   */
  install_event (type, "error");
  /**
   * GstRtcPool::app-message:
   * @self: the element
   * @fields: rtc-pool-app-message: type, json
   *
   * A message that is not the pool's matter came on its connection.
   */
  install_event (type, "app-message");
}
} // namespace

void install_pool_signals (GType type)
{
  install_events (type);
  install_ends (type);
  /**
   * GstRtcPool::signaller-send:
   * @self: the element
   * @type: of the message
   * @json: its data, an object
   *
   * Without signalling-uri: to be carried to the server, in this order.
   */
  g_signal_new ("signaller-send", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstRtcPool::on-data-channel:
   * @self: the element
   * @peer_id: whose it is
   * @channel: a GstWebRTCDataChannel
   *
   * A peer has opened a data channel. Where no handler is connected it is a pad data_src_%u.
   */
  g_signal_new ("on-data-channel", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 2, G_TYPE_STRING, GST_TYPE_WEBRTC_DATA_CHANNEL);
  install_pool_actions (type);
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_actions.h"
#include "common/barrier.h"
#include "pool_impl.h"

namespace reach::rtc {
namespace {
std::string text_of (const char *s)
{
  return s ? s : "";
}

void join (GstElement *e, const char *pool)
{
  barrier (e, false, [&] {
    pool_impl (e).join (text_of (pool));
    return true;
  });
}

void leave (GstElement *e)
{
  barrier (e, false, [&] {
    pool_impl (e).leave ();
    return true;
  });
}

void restart_ice (GstElement *e, const char *peer)
{
  barrier (e, false, [&] {
    pool_impl (e).restart_ice (text_of (peer));
    return true;
  });
}

gboolean send_app_message (GstElement *e, const char *type, const char *json)
{
  return barrier (e, FALSE, [&] () -> gboolean {
    return pool_impl (e).send_app_message (text_of (type), text_of (json));
  });
}

void signaller_receive (GstElement *e, const char *type, const char *json)
{
  barrier (e, false, [&] {
    pool_impl (e).receive (text_of (type), text_of (json));
    return true;
  });
}

char *get_description (GstElement *e, const char *peer)
{
  return barrier (e, static_cast<char *> (nullptr), [&] {
    const std::string d = pool_impl (e).description (text_of (peer));
    return d.empty () ? nullptr : g_strdup (d.c_str ());
  });
}

GstWebRTCDataChannel *create_data_channel (
    GstElement *e, const char *peer, const char *label, const GstStructure *options)
{
  return barrier (e, static_cast<GstWebRTCDataChannel *> (nullptr), [&] {
    return pool_impl (e).create_data_channel (text_of (peer), label, options).release ();
  });
}

gboolean mute_peer (GstElement *e, const char *peer, const char *kind, gboolean on)
{
  return barrier (e, FALSE, [&] () -> gboolean {
    const bool audio = g_strcmp0 (kind, "audio") == 0;
    if (!audio && g_strcmp0 (kind, "video") != 0)
      return FALSE;
    return pool_impl (e).mute_peer (
        text_of (peer), audio ? MediaKind::audio : MediaKind::video, on != FALSE);
  });
}

GstStructure *get_stats (GstElement *e, const char *peer)
{
  return barrier (e, static_cast<GstStructure *> (nullptr),
      [&] { return pool_impl (e).statistics (text_of (peer)); });
}

template <typename F, typename... Types>
void install (GType type, const char *name, F handler, GType returns, Types... types)
{
  g_signal_new_class_handler (name, type,
      static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION), G_CALLBACK (handler),
      nullptr, nullptr, nullptr, returns, sizeof...(types), types...);
}

void install_membership (GType type)
{
  /**
   * GstRtcPool::join:
   * @self: the element
   * @pool: its name, 1 to 128 bytes
   *
   * Into this pool, out of the one it is in. joined or error follows.
   */
  install (type, "join", join, G_TYPE_NONE, G_TYPE_STRING);
  /**
   * GstRtcPool::leave:
   * @self: the element
   *
   * Out of the pool, until join.
   */
  install (type, "leave", leave, G_TYPE_NONE);
  /**
   * GstRtcPool::send-app-message:
   * @self: the element
   * @type: anything but "rtc:" and a word
   * @json: an object
   *
   * A message of the application to the server, which pools ignore.
   *
   * Returns: %FALSE: not in a pool, or none of that
   */
  install (
      type, "send-app-message", send_app_message, G_TYPE_BOOLEAN, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstRtcPool::signaller-receive:
   * @self: the element
   * @type: of the message
   * @json: its data
   *
   * Without signalling-uri: what the application has received from the server.
   */
  install (type, "signaller-receive", signaller_receive, G_TYPE_NONE, G_TYPE_STRING, G_TYPE_STRING);
}

void install_peers (GType type)
{
  /**
   * GstRtcPool::get-description:
   * @self: the element
   * @peer_id: of a member
   *
   * Returns: (transfer full) (nullable): what the server says of it: JSON, byte for byte
   */
  install (type, "get-description", get_description, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstRtcPool::restart-ice:
   * @self: the element
   * @peer_id: (nullable): of a member; NULL: of all
   *
   * Looks for paths anew; media go on meanwhile. Happens by itself where ICE has failed.
   */
  install (type, "restart-ice", restart_ice, G_TYPE_NONE, G_TYPE_STRING);
  /**
   * GstRtcPool::create-data-channel:
   * @self: the element
   * @peer_id: of a member
   * @label: its name
   * @options: (nullable): as webrtcbin has them
   *
   * Returns: (transfer full) (nullable): the GstWebRTCDataChannel; it opens when the peer is there
   */
  install (type, "create-data-channel", create_data_channel, GST_TYPE_WEBRTC_DATA_CHANNEL,
      G_TYPE_STRING, G_TYPE_STRING, GST_TYPE_STRUCTURE);
  /**
   * GstRtcPool::mute-peer:
   * @self: the element
   * @peer_id: of a member
   * @kind: video or audio
   * @mute: whether it gets none
   *
   * Returns: %FALSE: there is nobody of that name, or no such kind
   */
  install (
      type, "mute-peer", mute_peer, G_TYPE_BOOLEAN, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_BOOLEAN);
  /**
   * GstRtcPool::get-stats:
   * @self: the element
   * @peer_id: of a member
   *
   * Returns: (transfer full) (nullable): application/x-webrtc-stats, as webrtcbin's
   */
  install (type, "get-stats", get_stats, GST_TYPE_STRUCTURE, G_TYPE_STRING);
}
} // namespace

void install_pool_actions (GType type)
{
  install_membership (type);
  install_peers (type);
}
} // namespace reach::rtc

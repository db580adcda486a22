// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties, enums and signals that camsender and camreceiver have in common.
#pragma once
#include "cam/net/settings.h"
#include "cam/proto/session_events.h"
#include <gst/gst.h>

G_BEGIN_DECLS
GType gst_cam_protocol_get_type (void);
GType gst_cam_mode_get_type (void);
GType gst_cam_media_types_get_type (void);
G_END_DECLS
#define GST_TYPE_CAM_PROTOCOL (gst_cam_protocol_get_type ())
#define GST_TYPE_CAM_MODE (gst_cam_mode_get_type ())
#define GST_TYPE_CAM_MEDIA_TYPES (gst_cam_media_types_get_type ())

namespace reach::cam {
// Everything that properties set. One snapshot per run.
struct ElementSettings {
  Settings net;
  Identity identity;
  bool sync = true;            // camsender
  bool keep_listening = false; // camreceiver
  std::string file_directory;  // camreceiver
  std::uint64_t max_file_size = 1ull << 30;
  guint max_command_size = 65536; // camreceiver
  guint current_port = 0;
  std::uint64_t session_key = 0;
};

enum Prop : guint {
  prop_protocol = 1,
  prop_mode,
  prop_host,
  prop_port,
  prop_bind_address,
  prop_current_port,
  prop_guid,
  prop_guid_to,
  prop_guid_group,
  prop_use_guid,
  prop_senders,
  prop_latency,
  prop_video_timeout,
  prop_audio_timeout,
  prop_data_timeout,
  prop_command_timeout,
  prop_file_timeout,
  prop_idle_timeout,
  prop_reconnect,
  prop_max_queue_time,
  prop_max_queue_bytes,
  prop_max_links,
  prop_proxy,
  prop_proxy_id,
  prop_proxy_pw,
  prop_tls,
  prop_tls_certificate,
  prop_tls_key,
  prop_tls_ca_file,
  prop_tls_verify,
  prop_tls_fingerprint,
  prop_passphrase,
  prop_session_key,
  prop_open_channels,
  prop_max_channels,
  prop_stats,
  // One element only.
  prop_media_types,
  prop_poll_interval,
  prop_resume_window,
  prop_keep_listening,
  prop_file_directory,
  prop_max_file_size,
  prop_max_command_size,
  prop_sync,
  prop_drain_timeout,
  prop_bandwidth,
  prop_token,
};

void install_common_properties (GObjectClass *klass, LinkRole role);
// The writable ones and those kept in ElementSettings. False: not one of these.
bool set_property (ElementSettings &s, guint id, const GValue *value);
bool get_property (const ElementSettings &s, guint id, GValue *value);
// Signals "connecting" and so on, each with one GstStructure; `all`: the channel and session ones
// too. The structure is also posted as an element message. Its fields (docs/modes-of-connections.md
// has the orders): session-key, remote-session-key, link-key, media-types, peer, and detail where
// something failed or ended. Handlers run in the element's event thread, one at a time, with no
// lock held.
/**
 * GstCamSender::connecting:
 * @self: the element
 * @event: what happened: `cam-connecting`
 *
 * A connection begins: pushing, to the receiver; pulled from, because a receiver came. Pushing,
 * media-types is the one type that is sent.
 */
/**
 * GstCamSender::connected:
 * @self: the element
 * @event: what happened: `cam-connected`
 *
 * The receiver has answered and data flow. Pulled from, remote-session-key is the receiver's.
 */
/**
 * GstCamSender::connect-error:
 * @self: the element
 * @event: what happened: `cam-connect-error`
 *
 * A connection ended before it was established: nobody listens, no answer came in time, or one
 * side refused. detail says why.
 */
/**
 * GstCamSender::disconnected:
 * @self: the element
 * @event: what happened: `cam-disconnected`
 *
 * An established connection ended: idle, broken, or closed by either side. detail says why.
 */
/**
 * GstCamReceiver::channel-opened:
 * @self: the element
 * @event: what happened: `cam-channel-opened`
 *
 * Pulling: one media type of a session begins. Always followed by connecting and, at its end, by
 * channel-closed.
 */
/**
 * GstCamReceiver::connecting:
 * @self: the element
 * @event: what happened: `cam-connecting`
 *
 * A connection begins: pulling, to the sender; pushed to, because a sender came.
 */
/**
 * GstCamReceiver::connected:
 * @self: the element
 * @event: what happened: `cam-connected`
 *
 * The other side has answered and data can come. remote-session-key is the sender's.
 */
/**
 * GstCamReceiver::connect-error:
 * @self: the element
 * @event: what happened: `cam-connect-error`
 *
 * A connection ended before it was established. detail says why.
 */
/**
 * GstCamReceiver::disconnected:
 * @self: the element
 * @event: what happened: `cam-disconnected`
 *
 * An established connection ended. Pads stay for resume-window. detail says why.
 */
/**
 * GstCamReceiver::channel-closed:
 * @self: the element
 * @event: what happened: `cam-channel-closed`
 *
 * Pulling: the channel of one media type is over, whether it had been connected or not.
 */
/**
 * GstCamReceiver::session-connected:
 * @self: the element
 * @event: what happened: `cam-session-connected`
 *
 * Pulling: every requested channel is connected. Once for each session; session-key is its key.
 */
/**
 * GstCamReceiver::session-disconnected:
 * @self: the element
 * @event: what happened: `cam-session-disconnected`
 *
 * Pulling: the last channel has been closed. Once for each session, its last event, also when it
 * never was connected.
 */
void install_event_signals (GType type, bool all);
// "cam-connected, session-key=…": of the signal and of the element message.
GstStructure *structure_of (const LinkEvent &e);
} // namespace reach::cam

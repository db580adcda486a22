// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties and signals that only rtmpserversink has.
#pragma once
#include "sink_settings.h"

namespace reach::rtmp {
enum SinkProp : guint {
  sink_stream_key = first_own_property,
  sink_sync_method,
  sink_burst_format,
  sink_burst_value,
  sink_recover_policy,
  sink_units_max,
  sink_units_soft_max,
  sink_max_queue_bytes,
  sink_max_queue_time,
  sink_gop_cache,
  sink_merge_time,
  sink_render_when_idle,
  sink_sync,
  sink_drain_timeout,
  sink_video_codec,
  sink_audio_codec,
  sink_bitrate,
  sink_framerate,
  sink_preset,
  sink_deferred_requests,
  sink_stats,
};
void install_sink_properties (GObjectClass *klass);
// False: not one of these.
bool set_sink_property (SinkSettings &s, guint id, const GValue *value);
bool get_sink_property (const SinkSettings &s, guint id, GValue *value);
/**
 * GstRtmpServerSink::viewers:
 * @self: the element
 * @count: how many NetStreams play now
 *
 * A player has come or gone; with 0 nobody watches. Also the message `rtmp-viewers` with `count`.
 */
/**
 * GstRtmpServerSink::queue-full:
 * @self: the element
 * @event: `rtmp-queue-full`: connection, stream, stream-name, dropped, dropped-total
 *
 * A player is too slow and what waited for it was dropped, see `recover-policy`. Also a message of
 * this name, and a QoS message.
 */
void install_sink_signals (GType type);
} // namespace reach::rtmp

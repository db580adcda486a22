// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_properties.h"

namespace reach::rtmp {
namespace {
constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

GType sync_method_type ()
{
  static const GType type = [] {
    static const GEnumValue values[] = {
        {static_cast<gint> (SyncMethod::latest), "With what comes next", "latest"},
        {static_cast<gint> (SyncMethod::next_keyframe), "With the next key frame", "next-keyframe"},
        {static_cast<gint> (SyncMethod::latest_keyframe), "With the newest key frame, cached",
            "latest-keyframe"},
        {static_cast<gint> (SyncMethod::burst), "With burst-value of the past", "burst"},
        {static_cast<gint> (SyncMethod::burst_keyframe),
            "The same from a key frame on, or with less, or with the next key frame",
            "burst-keyframe"},
        {static_cast<gint> (SyncMethod::burst_with_keyframe),
            "The same from a key frame on if there is one, else from any frame",
            "burst-with-keyframe"},
        {0, nullptr, nullptr}};
    return g_enum_register_static ("GstRtmpServerSyncMethod", values);
  }();
  return type;
}

GType recover_policy_type ()
{
  static const GType type = [] {
    static const GEnumValue values[] = {
        {static_cast<gint> (RecoverPolicy::none), "It is disconnected", "none"},
        {static_cast<gint> (RecoverPolicy::latest), "It goes on with what comes next", "latest"},
        {static_cast<gint> (RecoverPolicy::soft_limit), "It loses what has waited longest",
            "soft-limit"},
        {static_cast<gint> (RecoverPolicy::keyframe), "It goes on with a key frame", "keyframe"},
        {0, nullptr, nullptr}};
    return g_enum_register_static ("GstRtmpServerRecoverPolicy", values);
  }();
  return type;
}

Burst::Unit unit_of (GstFormat f)
{
  switch (f) {
  case GST_FORMAT_BYTES:
    return Burst::Unit::bytes;
  case GST_FORMAT_BUFFERS:
    return Burst::Unit::messages;
  case GST_FORMAT_TIME:
    return Burst::Unit::ns;
  default:
    return Burst::Unit::none;
  }
}

GstFormat format_of (Burst::Unit u)
{
  for (const GstFormat f : {GST_FORMAT_BYTES, GST_FORMAT_BUFFERS, GST_FORMAT_TIME})
    if (unit_of (f) == u)
      return f;
  return GST_FORMAT_UNDEFINED;
}

// Of milliseconds.
guint ms_of (Duration d)
{
  return static_cast<guint> (std::chrono::duration_cast<milliseconds> (d).count ());
}

void install_joining (GObjectClass *k)
{
  g_object_class_install_property (k, sink_stream_key,
      g_param_spec_string ("stream-key", "Stream key",
          "Name that players ask for (NULL = any that no other element has)", nullptr, rw));
  g_object_class_install_property (k, sink_sync_method,
      g_param_spec_enum ("sync-method", "Sync method", "Where a player begins", sync_method_type (),
          static_cast<gint> (SyncMethod::latest_keyframe), rw));
  g_object_class_install_property (k, sink_burst_format,
      g_param_spec_enum ("burst-format", "Burst format",
          "What burst-value is: bytes, buffers (messages) or time; undefined = nothing",
          GST_TYPE_FORMAT, GST_FORMAT_UNDEFINED, rw));
  g_object_class_install_property (k, sink_burst_value,
      g_param_spec_uint64 ("burst-value", "Burst value",
          "What a player gets of the past with the sync methods burst, burst-keyframe and "
          "burst-with-keyframe, as far as gop-cache holds so much (time in ns)",
          0, G_MAXUINT64, 0, rw));
  g_object_class_install_property (k, sink_gop_cache,
      g_param_spec_uint ("gop-cache", "GOP cache",
          "Bytes of the present group of pictures, or of what bursts need, that are kept for "
          "players that join (0 = none); a larger group is not kept",
          0, G_MAXINT, 8u << 20, rw));
  g_object_class_install_property (k, sink_render_when_idle,
      g_param_spec_boolean ("render-when-idle", "Render when idle",
          "Take what comes while nobody watches too; else it is dropped in front of the encoder, "
          "and upstream is asked to do less",
          TRUE, rw));
}

void install_queues (GObjectClass *k)
{
  g_object_class_install_property (k, sink_recover_policy,
      g_param_spec_enum ("recover-policy", "Recover policy",
          "What happens to a player whose queue is full", recover_policy_type (),
          static_cast<gint> (RecoverPolicy::keyframe), rw));
  g_object_class_install_property (k, sink_units_max,
      g_param_spec_int ("units-max", "Units max",
          "Messages that may wait for one player (-1 = any number)", -1, G_MAXINT, -1, rw));
  g_object_class_install_property (k, sink_units_soft_max,
      g_param_spec_int ("units-soft-max", "Units soft max",
          "Messages that are left to wait when recover-policy is soft-limit (-1 = as many as half "
          "of max-queue-bytes and max-queue-time allow)",
          -1, G_MAXINT, -1, rw));
  g_object_class_install_property (k, sink_max_queue_bytes,
      g_param_spec_uint ("max-queue-bytes", "Max queue bytes",
          "Bytes that may wait for one player; at a join, the cached group more", 1024, G_MAXINT,
          8u << 20, rw));
  g_object_class_install_property (k, sink_max_queue_time,
      g_param_spec_uint ("max-queue-time", "Max queue time",
          "Milliseconds that a message may wait for one player (0 = any time)", 0, 3600000, 2000,
          rw));
  g_object_class_install_property (k, sink_merge_time,
      g_param_spec_uint ("merge-time", "Merge time",
          "Milliseconds within which messages are written together; each write costs, each "
          "millisecond delays (0 = write at once)",
          0, 1000, 0, rw));
  g_object_class_install_property (k, sink_sync,
      g_param_spec_boolean (
          "sync", "Sync", "Send buffers when their time on the clock has come", TRUE, rw));
  g_object_class_install_property (k, sink_drain_timeout,
      g_param_spec_uint ("drain-timeout", "Drain timeout",
          "Milliseconds that EOS waits for players to get what waits for them", 0, 60000, 2000,
          rw));
}

void install_encoding (GObjectClass *k)
{
  const EncoderSettings defaults;
  g_object_class_install_property (k, sink_video_codec,
      g_param_spec_string ("video-codec", "Video codec",
          "What raw video is coded as: the first of these that an encoder is installed for (h264, "
          "h265, av1, vp8, vp9, screen-video, screen-video-2, sorenson)",
          defaults.video_codecs.c_str (), rw));
  g_object_class_install_property (k, sink_audio_codec,
      g_param_spec_string ("audio-codec", "Audio codec",
          "The same of raw sound (aac, mp3, opus, mulaw, alaw, pcm)",
          defaults.audio_codecs.c_str (), rw));
  g_object_class_install_property (k, sink_bitrate,
      g_param_spec_uint ("bitrate", "Bitrate",
          "Of raw video when coded, in kbit/s (0 = the encoder's default)", 0, 1000000, 0, rw));
  g_object_class_install_property (k, sink_framerate,
      gst_param_spec_fraction ("framerate", "Frame rate",
          "Frames a second that raw video is coded with (0/1 = as it comes)", 0, 1, 1000, 1, 0, 1,
          rw));
  g_object_class_install_property (k, sink_preset,
      g_param_spec_string ("preset", "Preset",
          "The encoder's speed-preset or preset (NULL = its default)", nullptr, rw));
}
} // namespace

void install_sink_properties (GObjectClass *k)
{
  install_joining (k);
  install_queues (k);
  install_encoding (k);
  g_object_class_install_property (k, sink_stats,
      g_param_spec_boxed ("stats", "Statistics",
          "Counters, and what is known of each connection (docs/stats.md)", GST_TYPE_STRUCTURE,
          static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  for (const GType t : {sync_method_type (), recover_policy_type ()})
    gst_type_mark_as_plugin_api (t, static_cast<GstPluginAPIFlags> (0));
}

namespace {
std::string *text_of (SinkSettings &s, guint id)
{
  switch (id) {
  case sink_stream_key:
    return &s.stream_key;
  case sink_video_codec:
    return &s.encoder.video_codecs;
  case sink_audio_codec:
    return &s.encoder.audio_codecs;
  case sink_preset:
    return &s.encoder.preset;
  default:
    return nullptr;
  }
}

bool set_queue (PlayerLimits &l, guint id, const GValue *v)
{
  switch (id) {
  case sink_recover_policy:
    l.recover = static_cast<RecoverPolicy> (g_value_get_enum (v));
    return true;
  case sink_units_max:
    l.messages = static_cast<std::size_t> (std::max (0, g_value_get_int (v)));
    return true;
  case sink_units_soft_max:
    l.messages_soft = static_cast<std::size_t> (std::max (0, g_value_get_int (v)));
    return true;
  case sink_max_queue_bytes:
    l.bytes = g_value_get_uint (v);
    return true;
  case sink_max_queue_time:
    l.time = milliseconds (g_value_get_uint (v));
    return true;
  default:
    return false;
  }
}

bool get_queue (const PlayerLimits &l, guint id, GValue *v)
{
  switch (id) {
  case sink_recover_policy:
    g_value_set_enum (v, static_cast<gint> (l.recover));
    return true;
  case sink_units_max:
    g_value_set_int (v, l.messages == 0 ? -1 : static_cast<gint> (l.messages));
    return true;
  case sink_units_soft_max:
    g_value_set_int (v, l.messages_soft == 0 ? -1 : static_cast<gint> (l.messages_soft));
    return true;
  case sink_max_queue_bytes:
    g_value_set_uint (v, static_cast<guint> (l.bytes));
    return true;
  case sink_max_queue_time:
    g_value_set_uint (v, ms_of (l.time));
    return true;
  default:
    return false;
  }
}
} // namespace

bool set_sink_property (SinkSettings &s, guint id, const GValue *v)
{
  if (std::string *text = text_of (s, id)) {
    *text = g_value_get_string (v) ? g_value_get_string (v) : "";
    return true;
  }
  switch (id) {
  case sink_sync_method:
    s.publication.sync = static_cast<SyncMethod> (g_value_get_enum (v));
    return true;
  case sink_burst_format:
    s.publication.burst.unit = unit_of (static_cast<GstFormat> (g_value_get_enum (v)));
    return true;
  case sink_burst_value:
    s.publication.burst.amount = g_value_get_uint64 (v);
    return true;
  case sink_gop_cache:
    s.publication.gop_bytes = g_value_get_uint (v);
    return true;
  case sink_merge_time:
    s.publication.merge = milliseconds (g_value_get_uint (v));
    return true;
  case sink_render_when_idle:
    s.render_when_idle = g_value_get_boolean (v);
    return true;
  case sink_sync:
    s.sync = g_value_get_boolean (v);
    return true;
  case sink_drain_timeout:
    s.drain_timeout = milliseconds (g_value_get_uint (v));
    return true;
  case sink_bitrate:
    s.encoder.bitrate = g_value_get_uint (v);
    return true;
  case sink_framerate:
    s.encoder.framerate_numerator = gst_value_get_fraction_numerator (v);
    s.encoder.framerate_denominator = gst_value_get_fraction_denominator (v);
    return true;
  default:
    return set_queue (s.publication.player, id, v);
  }
}

bool get_sink_property (const SinkSettings &s, guint id, GValue *v)
{
  if (const std::string *text = text_of (const_cast<SinkSettings &> (s), id)) {
    g_value_set_string (v, text->empty () ? nullptr : text->c_str ());
    return true;
  }
  switch (id) {
  case sink_sync_method:
    g_value_set_enum (v, static_cast<gint> (s.publication.sync));
    return true;
  case sink_burst_format:
    g_value_set_enum (v, static_cast<gint> (format_of (s.publication.burst.unit)));
    return true;
  case sink_burst_value:
    g_value_set_uint64 (v, s.publication.burst.amount);
    return true;
  case sink_gop_cache:
    g_value_set_uint (v, static_cast<guint> (s.publication.gop_bytes));
    return true;
  case sink_merge_time:
    g_value_set_uint (v, ms_of (s.publication.merge));
    return true;
  case sink_render_when_idle:
    g_value_set_boolean (v, s.render_when_idle);
    return true;
  case sink_sync:
    g_value_set_boolean (v, s.sync);
    return true;
  case sink_drain_timeout:
    g_value_set_uint (v, ms_of (s.drain_timeout));
    return true;
  case sink_bitrate:
    g_value_set_uint (v, s.encoder.bitrate);
    return true;
  case sink_framerate:
    gst_value_set_fraction (v, s.encoder.framerate_numerator, s.encoder.framerate_denominator);
    return true;
  default:
    return get_queue (s.publication.player, id, v);
  }
}

void install_sink_signals (GType type)
{
  g_signal_new ("viewers", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
      G_TYPE_UINT);
  g_signal_new ("queue-full", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}
} // namespace reach::rtmp

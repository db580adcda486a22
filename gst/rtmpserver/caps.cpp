// SPDX-License-Identifier: LGPL-2.1-or-later
#include "caps.h"
#include "caps_color.h"
#include "stream_headers.h"

namespace reach::rtmp {
namespace {
const char *media_type (Codec codec)
{
  switch (codec) {
  case Codec::sorenson:
    return "video/x-flash-video";
  case Codec::screen:
    return "video/x-flash-screen";
  case Codec::screen2:
    return "video/x-flash-screen2";
  case Codec::vp6:
    return "video/x-vp6-flash";
  case Codec::vp6a:
    return "video/x-vp6-alpha";
  case Codec::avc:
    return "video/x-h264";
  case Codec::hevc:
    return "video/x-h265";
  case Codec::av1:
    return "video/x-av1";
  case Codec::vp8:
    return "video/x-vp8";
  case Codec::vp9:
    return "video/x-vp9";
  case Codec::pcm:
    return "audio/x-raw";
  case Codec::adpcm:
    return "audio/x-adpcm";
  case Codec::mp3:
  case Codec::aac:
    return "audio/mpeg";
  case Codec::nellymoser:
    return "audio/x-nellymoser";
  case Codec::alaw:
    return "audio/x-alaw";
  case Codec::mulaw:
    return "audio/x-mulaw";
  case Codec::speex:
    return "audio/x-speex";
  case Codec::opus:
    return "audio/x-opus";
  case Codec::flac:
    return "audio/x-flac";
  case Codec::ac3:
    return "audio/x-ac3";
  case Codec::eac3:
    return "audio/x-eac3";
  default:
    return nullptr;
  }
}

void set_text (GstCaps *caps, const char *name, const char *value)
{
  gst_caps_set_simple (caps, name, G_TYPE_STRING, value, nullptr);
}

void set_int (GstCaps *caps, const char *name, std::uint32_t value)
{
  gst_caps_set_simple (caps, name, G_TYPE_INT, static_cast<gint> (value), nullptr);
}

void set_flag (GstCaps *caps, const char *name)
{
  gst_caps_set_simple (caps, name, G_TYPE_BOOLEAN, TRUE, nullptr);
}

void set_codec_data (GstCaps *caps, Bytes record)
{
  if (record.empty ())
    return;
  const auto buffer = buffer_of (record);
  gst_caps_set_simple (caps, "codec_data", GST_TYPE_BUFFER, buffer.get (), nullptr);
}

void set_video (GstCaps *caps, const StreamParams &p)
{
  if (p.size.width > 0 && p.size.height > 0) {
    set_int (caps, "width", p.size.width);
    set_int (caps, "height", p.size.height);
  }
  if (p.framerate > 0) {
    gint n = 0, d = 1;
    gst_util_double_to_fraction (p.framerate, &n, &d);
    gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION, n, d, nullptr);
  }
  if (p.color)
    set_color (caps, *p.color);
  if (p.codec == Codec::avc || p.codec == Codec::hevc) {
    set_text (caps, "stream-format", p.codec == Codec::avc ? "avc" : "hvc1");
    set_text (caps, "alignment", "au");
    set_codec_data (caps, p.config);
  } else if (p.codec == Codec::av1) {
    set_text (caps, "stream-format", "obu-stream");
    set_text (caps, "alignment", "tu");
    set_codec_data (caps, p.config);
  } else if (p.codec == Codec::sorenson) {
    set_int (caps, "flvversion", 1);
  } else if (const auto v = parse_vp_config (p.config); p.codec == Codec::vp9 && v) {
    set_text (caps, "profile", std::to_string (v->profile).c_str ());
  }
}

void set_rate (GstCaps *caps, std::uint32_t rate, std::uint32_t channels)
{
  if (rate > 0)
    set_int (caps, "rate", rate);
  if (channels > 0)
    set_int (caps, "channels", channels);
}

void set_mpeg_audio (GstCaps *caps, const StreamParams &p)
{
  if (p.codec == Codec::aac) {
    set_int (caps, "mpegversion", 4);
    set_flag (caps, "framed");
    set_text (caps, "stream-format", "raw");
    set_codec_data (caps, p.config);
    set_rate (caps, p.audio.rate, p.audio.channels);
    return;
  }
  set_int (caps, "mpegversion", 1);
  set_int (caps, "layer", p.audio.layer == 0 ? 3 : p.audio.layer);
  set_flag (caps, "parsed");
  const bool known = p.audio.rate > 0;
  set_rate (caps, known ? p.audio.rate : p.sound.rate, known ? p.audio.channels : p.sound.channels);
}

void set_opus (GstCaps *caps, const OpusHead &h)
{
  set_rate (caps, 48000, h.channels);
  set_int (caps, "channel-mapping-family", h.family);
  set_int (caps, "stream-count", h.streams);
  set_int (caps, "coupled-count", h.coupled);
  if (h.family != 0) {
    GValue list = G_VALUE_INIT, value = G_VALUE_INIT;
    g_value_init (&list, GST_TYPE_ARRAY);
    g_value_init (&value, G_TYPE_INT);
    for (const std::uint8_t m : h.mapping) {
      g_value_set_int (&value, m);
      gst_value_array_append_value (&list, &value);
    }
    gst_caps_set_value (caps, "channel-mapping", &list);
    g_value_unset (&value);
    g_value_unset (&list);
  }
  set_stream_headers (caps, opus_headers (h));
}

void set_flac (GstCaps *caps, const StreamParams &p)
{
  const auto f = parse_flac_config (p.config);
  if (!f)
    return;
  set_flag (caps, "framed");
  set_rate (caps, f->rate, f->channels);
  if (const guint64 mask = p.speakers && f->channels > 2 ? channel_mask (*p.speakers) : 0)
    gst_caps_set_simple (caps, "channel-mask", GST_TYPE_BITMASK, mask, nullptr);
  set_stream_headers (caps, flac_headers (f->stream_info));
}

void set_audio (GstCaps *caps, const StreamParams &p)
{
  switch (p.codec) {
  case Codec::aac:
  case Codec::mp3:
    set_mpeg_audio (caps, p);
    break;
  case Codec::opus:
    if (const auto h = parse_opus_head (p.config))
      set_opus (caps, *h);
    break;
  case Codec::flac:
    set_flac (caps, p);
    break;
  case Codec::ac3:
  case Codec::eac3:
    set_flag (caps, "framed");
    set_text (caps, "alignment", "frame");
    set_rate (caps, p.audio.rate, p.audio.channels);
    break;
  case Codec::pcm:
    set_text (caps, "format", p.sound.bits == 8 ? "U8" : "S16LE");
    set_text (caps, "layout", "interleaved");
    set_rate (caps, p.sound.rate, p.sound.channels);
    break;
  case Codec::adpcm:
    set_text (caps, "layout", "swf");
    set_rate (caps, p.sound.rate, p.sound.channels);
    break;
  case Codec::speex:
    set_rate (caps, p.sound.rate, p.sound.channels);
    set_stream_headers (caps, speex_headers (p.sound));
    break;
  default:
    set_rate (caps, p.sound.rate, p.sound.channels);
  }
}
} // namespace

Ref<GstCaps> caps_of (const StreamParams &params)
{
  const char *type = media_type (params.codec);
  if (!type || !params.complete ())
    return {};
  auto caps = Ref<GstCaps>::adopt (gst_caps_new_empty_simple (type));
  if (is_audio (params.codec))
    set_audio (caps.get (), params);
  else
    set_video (caps.get (), params);
  return caps;
}
} // namespace reach::rtmp

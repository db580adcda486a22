// SPDX-License-Identifier: LGPL-2.1-or-later
#include "caps.h"
#include "caps_color.h"
#include "stream_headers.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
// One structure of fixed caps, read by names.
class Fields {
public:
  explicit Fields (const GstCaps *caps) : caps_ (caps), s_ (gst_caps_get_structure (caps, 0)) {}

  const GstCaps *caps () const { return caps_; }
  std::string_view media () const { return gst_structure_get_name (s_); }
  std::string_view text (const char *name) const
  {
    const gchar *t = gst_structure_get_string (s_, name);
    return t ? t : "";
  }
  // Whether it is the value or missing.
  bool may_be (const char *name, std::string_view value) const
  {
    return !gst_structure_has_field (s_, name) || text (name) == value;
  }
  gint number (const char *name, gint other = 0) const
  {
    gint v = 0;
    guint u = 0;
    if (gst_structure_get_int (s_, name, &v))
      return v;
    return gst_structure_get_uint (s_, name, &u) && u <= G_MAXINT ? static_cast<gint> (u) : other;
  }
  double fraction (const char *name) const
  {
    gint n = 0, d = 1;
    return gst_structure_get_fraction (s_, name, &n, &d) && d > 0 ? static_cast<double> (n) / d : 0;
  }
  std::vector<std::uint8_t> codec_data () const
  {
    const GValue *v = gst_structure_get_value (s_, "codec_data");
    GstBuffer *b = v && GST_VALUE_HOLDS_BUFFER (v) ? gst_value_get_buffer (v) : nullptr;
    if (!b)
      return {};
    const Mapped map (b);
    const auto bytes = map.ok () ? map.bytes () : Bytes{};
    return {bytes.begin (), bytes.end ()};
  }
  std::vector<std::uint8_t> numbers (const char *name) const
  {
    const GValue *list = gst_structure_get_value (s_, name);
    std::vector<std::uint8_t> out;
    for (guint i = 0; list && GST_VALUE_HOLDS_ARRAY (list) && i < gst_value_array_get_size (list);
         i++) {
      const GValue *v = gst_value_array_get_value (list, i);
      out.push_back (G_VALUE_HOLDS_INT (v) ? static_cast<std::uint8_t> (g_value_get_int (v)) : 0);
    }
    return out;
  }

private:
  const GstCaps *caps_;
  const GstStructure *s_;
};

Codec mpeg_codec (const Fields &f)
{
  const gint version = f.number ("mpegversion");
  if (version == 1 && f.number ("layer", 3) == 3)
    return Codec::mp3;
  const bool raw = f.text ("stream-format") == "raw";
  return (version == 2 || version == 4) && raw ? Codec::aac : Codec::unknown;
}

Codec codec_of (const Fields &f)
{
  struct Known {
    std::string_view media;
    Codec codec;
  };
  constexpr Known known[] = {{"video/x-flash-screen", Codec::screen},
      {"video/x-flash-screen2", Codec::screen2}, {"video/x-vp6-flash", Codec::vp6},
      {"video/x-vp6-alpha", Codec::vp6a}, {"video/x-vp8", Codec::vp8}, {"video/x-vp9", Codec::vp9},
      {"audio/x-nellymoser", Codec::nellymoser}, {"audio/x-alaw", Codec::alaw},
      {"audio/x-mulaw", Codec::mulaw}, {"audio/x-speex", Codec::speex},
      {"audio/x-opus", Codec::opus}, {"audio/x-flac", Codec::flac}, {"audio/x-ac3", Codec::ac3},
      {"audio/x-eac3", Codec::eac3}};
  const std::string_view media = f.media ();
  for (const Known &k : known)
    if (media == k.media)
      return k.codec;
  const bool whole = f.may_be ("alignment", "au");
  if (media == "video/x-h264" && f.text ("stream-format") == "avc" && whole)
    return Codec::avc;
  if (media == "video/x-h265" && f.text ("stream-format") == "hvc1" && whole)
    return Codec::hevc;
  if (media == "video/x-av1" && f.may_be ("stream-format", "obu-stream") &&
      f.may_be ("alignment", "tu"))
    return Codec::av1;
  if (media == "video/x-flash-video" && f.number ("flvversion", 1) == 1)
    return Codec::sorenson;
  if (media == "audio/mpeg")
    return mpeg_codec (f);
  if (media == "audio/x-raw" && (f.text ("format") == "S16LE" || f.text ("format") == "U8"))
    return Codec::pcm;
  if (media == "audio/x-adpcm" && f.text ("layout") == "swf")
    return Codec::adpcm;
  return Codec::unknown;
}

std::vector<std::uint8_t> opus_config (const Fields &f)
{
  auto header = first_stream_header (f.caps ());
  if (parse_opus_head (header))
    return header;
  OpusHead h;
  h.channels = static_cast<std::uint8_t> (std::clamp (f.number ("channels", 2), 1, 255));
  h.rate = 48000;
  h.family = static_cast<std::uint8_t> (std::clamp (f.number ("channel-mapping-family"), 0, 255));
  h.streams = static_cast<std::uint8_t> (std::clamp (f.number ("stream-count", 1), 1, 255));
  h.coupled = static_cast<std::uint8_t> (
      std::clamp (f.number ("coupled-count", h.channels == 2 ? 1 : 0), 0, 255));
  if (h.family != 0)
    h.mapping = f.numbers ("channel-mapping");
  return build_opus_head (h);
}

std::vector<std::uint8_t> flac_config (const Fields &f)
{
  auto header = first_stream_header (f.caps ());
  constexpr std::size_t mapping_size = 9;
  if (header.size () > mapping_size && header[0] == 0x7f)
    header.erase (header.begin (), header.begin () + mapping_size);
  const auto info = parse_flac_config (header);
  if (!info)
    return {};
  return {info->stream_info.begin (), info->stream_info.end ()};
}

std::vector<std::uint8_t> vp_config (const Fields &f)
{
  VideoConfig v;
  v.profile = static_cast<std::uint8_t> (
      std::clamp (std::atoi (std::string (f.text ("profile")).c_str ()), 0, 3));
  const gint bits = f.number ("bit-depth-luma", 8);
  v.bit_depth = static_cast<std::uint8_t> (bits == 10 || bits == 12 ? bits : 8);
  v.chroma_format = f.text ("chroma-format") == "4:4:4"   ? 3
                    : f.text ("chroma-format") == "4:2:2" ? 2
                                                          : 1;
  return build_vp_config (v);
}

// The parts of a legacy header; FLV has four rates and two sizes.
bool set_sound (const Fields &f, StreamParams &p)
{
  p.sound.rate = static_cast<std::uint32_t> (std::max (f.number ("rate"), 0));
  p.sound.channels = static_cast<std::uint8_t> (std::clamp (f.number ("channels", 1), 0, 255));
  p.sound.bits = p.codec == Codec::pcm && f.text ("format") == "U8" ? 8 : 16;
  return has_sound_header (p.codec, p.sound);
}

void set_config (const Fields &f, StreamParams &p)
{
  switch (p.codec) {
  case Codec::opus:
    p.config = opus_config (f);
    break;
  case Codec::flac:
    p.config = flac_config (f);
    break;
  case Codec::vp8:
  case Codec::vp9:
    p.config = vp_config (f);
    break;
  default:
    p.config = f.codec_data ();
  }
}

bool set_audio (const Fields &f, StreamParams &p)
{
  const bool good = fourcc_of (p.codec) != 0 || set_sound (f, p);
  if (p.codec == Codec::mp3 || p.codec == Codec::aac)
    set_sound (f, p);
  p.audio.rate = static_cast<std::uint32_t> (std::max (f.number ("rate"), 0));
  p.audio.channels = static_cast<std::uint8_t> (std::clamp (f.number ("channels"), 0, 255));
  if (p.audio.channels > 2)
    p.speakers = speakers_of (f.caps ());
  return good;
}

void set_video (const Fields &f, StreamParams &p)
{
  p.size.width = static_cast<std::uint32_t> (std::max (f.number ("width"), 0));
  p.size.height = static_cast<std::uint32_t> (std::max (f.number ("height"), 0));
  p.framerate = f.fraction ("framerate");
  p.color = color_of (f.caps ());
}
} // namespace

std::optional<StreamParams> params_of (const GstCaps *caps)
{
  if (!gst_caps_is_fixed (caps))
    return std::nullopt;
  const Fields f (caps);
  StreamParams p;
  p.codec = codec_of (f);
  if (p.codec == Codec::unknown)
    return std::nullopt;
  set_config (f, p);
  if (is_audio (p.codec) && !set_audio (f, p))
    return std::nullopt;
  if (!is_audio (p.codec))
    set_video (f, p);
  return p.complete () ? std::optional (std::move (p)) : std::nullopt;
}
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
// The half of codec_elements.h that makes no elements.
#include "codec_elements.h"
#include "codec_table.h"
#include "rtc/proto/codec.h"
#include <algorithm>
#include <cstdlib>

namespace reach::rtc {
namespace {
// Parameters that a sender and a receiver have to agree on; others are the receiver's wishes, or
// headers that also travel in the stream.
constexpr const char *agreed[] = {
    "packetization-mode", "profile-level-id", "profile-id", "profile", "level-idx", "tier"};

std::string h264_fmtp (std::string_view mode, std::string_view profile)
{
  std::string fmtp = "level-asymmetry-allowed=1;packetization-mode=";
  return fmtp.append (mode).append (";profile-level-id=").append (profile);
}

Codec codec_of (const CodecEntry &e)
{
  Codec c{e.payload_type, e.name, e.clock_rate, e.channels, "", {}};
  for (const Codec &known : default_codecs (e.kind))
    if (is_name (known, e.name)) {
      c.feedback = known.feedback;
      if (!is_name (known, "H264"))
        c.fmtp = known.fmtp;
      break;
    }
  return c;
}

const CodecEntry *entry_of_rtp (const GstStructure *s, int payload_type)
{
  if (const char *name = gst_structure_get_string (s, "encoding-name")) {
    if (g_str_has_prefix (name, "VP8-"))
      return find_codec ("VP8");
    if (g_str_has_prefix (name, "VP9-"))
      return find_codec ("VP9");
    return find_codec (name);
  }
  // Static payload types (RFC 3551, 6).
  return payload_type == 0   ? find_codec ("PCMU")
         : payload_type == 8 ? find_codec ("PCMA")
                             : nullptr;
}

std::string agreed_fmtp (const GstStructure *s)
{
  std::string fmtp;
  for (const char *name : agreed)
    if (const char *value = gst_structure_get_string (s, name))
      fmtp.append (fmtp.empty () ? "" : ";").append (name).append ("=").append (value);
  return fmtp;
}

// Caps without a level: 3.1.
std::optional<H264Level> h264_level (const GstStructure *s)
{
  struct Known {
    const char *profile;
    std::uint8_t idc, flags;
  };
  static constexpr Known known[] = {{"constrained-baseline", 0x42, 0xe0}, {"baseline", 0x42, 0},
      {"main", 0x4d, 0}, {"constrained-high", 0x64, 0x0c}, {"high", 0x64, 0}};
  const char *profile = gst_structure_get_string (s, "profile");
  const auto at = std::ranges::find_if (
      known, [profile] (const Known &k) { return g_strcmp0 (profile, k.profile) == 0; });
  if (at == std::end (known))
    return {};
  const char *level = gst_structure_get_string (s, "level");
  const double number = level ? g_ascii_strtod (level, nullptr) : 0;
  const bool b1 = g_strcmp0 (level, "1b") == 0;
  return parse_profile_level_id (to_string (H264Level{H264Profile::other, at->idc, at->flags,
      static_cast<std::uint16_t> (b1           ? 105
                                  : number > 0 ? static_cast<int> (number * 10 + 0.5) * 10
                                               : 310)}));
}

Ref<GstCaps> all_caps (MediaKind kind, bool installed_alone)
{
  const char *media = kind == MediaKind::video ? "video" : "audio";
  std::string text = std::string ("application/x-rtp, media=") + media;
  for (const CodecEntry &e : codec_table ())
    if (e.kind == kind && (!installed_alone || is_installed (e.payloader))) {
      text.append ("; ").append (e.media);
      if (e.extra)
        text.append (", ").append (e.extra);
      // Where nothing is said x264enc makes of videotestsrc what no browser plays: High 4:4:4, of
      // 10 bits.
      if (std::string_view (e.name) == "H264")
        text.append (", profile={constrained-baseline, baseline, main, constrained-high, high}");
    }
  if (!installed_alone || !encodable (kind).empty ())
    text.append ("; ").append (media).append ("/x-raw");
  return Ref<GstCaps>::adopt (gst_caps_simplify (gst_caps_from_string (text.c_str ())));
}
} // namespace

Ref<GstCaps> input_caps (MediaKind kind)
{
  return all_caps (kind, true);
}

Ref<GstCaps> template_caps (MediaKind kind)
{
  return all_caps (kind, false);
}

InputFormat input_format (const GstCaps *caps, MediaKind kind)
{
  const GstStructure *s = caps && !gst_caps_is_empty (caps) && !gst_caps_is_any (caps)
                              ? gst_caps_get_structure (caps, 0)
                              : nullptr;
  if (!s)
    return InputFormat::none;
  const std::string_view name = gst_structure_get_name (s);
  const std::string_view wanted = kind == MediaKind::video ? "video" : "audio";
  if (name == "application/x-rtp") {
    const char *media = gst_structure_get_string (s, "media");
    return !media || media == wanted ? InputFormat::rtp : InputFormat::none;
  }
  if (name == std::string (wanted) + "/x-raw")
    return InputFormat::raw;
  const CodecEntry *e = find_codec (encoded_name (caps));
  return e && e->kind == kind ? InputFormat::encoded : InputFormat::none;
}

std::string encoded_name (const GstCaps *caps)
{
  const std::string_view media = gst_structure_get_name (gst_caps_get_structure (caps, 0));
  for (const CodecEntry &e : codec_table ())
    if (media == e.media)
      return e.name;
  return {};
}

std::optional<Codec> codec_of_rtp (const GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  int payload_type = -1, clock_rate = 0;
  gst_structure_get_int (s, "payload", &payload_type);
  const CodecEntry *e = entry_of_rtp (s, payload_type);
  if (!e || payload_type < 0 || payload_type > 127)
    return {};
  if (gst_structure_get_int (s, "clock-rate", &clock_rate) &&
      clock_rate != static_cast<int> (e->clock_rate))
    return {};
  Codec c = codec_of (*e);
  c.payload_type = static_cast<std::uint8_t> (payload_type);
  const std::string fmtp = agreed_fmtp (s);
  if (is_name (c, "H264"))
    c.fmtp = h264_fmtp (fmtp_parameter (fmtp, "packetization-mode").value_or ("1"),
        fmtp_parameter (fmtp, "profile-level-id").value_or ("42e01f"));
  else if (!fmtp.empty ())
    c.fmtp = fmtp;
  return c;
}

// As a text, or as an array of direction, URI and attributes.
std::uint8_t extension_id (const GstStructure *caps, std::string_view uri)
{
  for (int i = 0; i < gst_structure_n_fields (caps); i++) {
    const char *name = gst_structure_nth_field_name (caps, static_cast<guint> (i));
    if (!g_str_has_prefix (name, "extmap-"))
      continue;
    const GValue *v = gst_structure_get_value (caps, name);
    if (GST_VALUE_HOLDS_ARRAY (v) && gst_value_array_get_size (v) >= 2)
      v = gst_value_array_get_value (v, 1);
    const char *text = G_VALUE_HOLDS_STRING (v) ? g_value_get_string (v) : nullptr;
    const int id = std::atoi (name + 7);
    if (text && text == uri && id > 0 && id < 256)
      return static_cast<std::uint8_t> (id);
  }
  return 0;
}

std::optional<Codec> codec_of_encoded (const GstCaps *caps)
{
  const CodecEntry *e = find_codec (encoded_name (caps));
  if (!e)
    return {};
  Codec c = codec_of (*e);
  if (!is_name (c, "H264"))
    return c;
  const auto level = h264_level (gst_caps_get_structure (caps, 0));
  if (!level)
    return {};
  c.fmtp = h264_fmtp ("1", to_string (*level));
  return c;
}

Ref<GstCaps> rtp_caps (const Codec &codec, MediaKind kind)
{
  CharPtr name (g_ascii_strup (codec.name.c_str (), -1));
  GstCaps *caps = gst_caps_new_simple ("application/x-rtp", "media", G_TYPE_STRING,
      kind == MediaKind::video ? "video" : "audio", "payload", G_TYPE_INT, int{codec.payload_type},
      "clock-rate", G_TYPE_INT, static_cast<int> (codec.clock_rate), "encoding-name", G_TYPE_STRING,
      name.get (), nullptr);
  if (kind == MediaKind::audio && codec.channels > 1)
    gst_caps_set_simple (
        caps, "encoding-params", G_TYPE_STRING, std::to_string (codec.channels).c_str (), nullptr);
  // Decoders of Opus make two channels of any stream; without this the second would be lost.
  if (is_name (codec, "opus"))
    gst_caps_set_simple (caps, "sprop-stereo", G_TYPE_STRING, "1", nullptr);
  for (const char *field : agreed)
    if (const auto value = fmtp_parameter (codec.fmtp, field))
      gst_caps_set_simple (caps, field, G_TYPE_STRING, std::string (*value).c_str (), nullptr);
  return Ref<GstCaps>::adopt (caps);
}

Ref<GstCaps> media_caps (const Codec &codec)
{
  const CodecEntry *e = find_codec (codec.name);
  if (!e)
    return Ref<GstCaps>::adopt (gst_caps_new_empty ());
  std::string text = e->media;
  if (e->extra)
    text.append (", ").append (e->extra);
  return Ref<GstCaps>::adopt (gst_caps_from_string (text.c_str ()));
}

std::vector<Codec> encodable (MediaKind kind)
{
  std::vector<Codec> all;
  for (const CodecEntry &e : codec_table ()) {
    const std::string encoder = e.kind == kind ? encoder_of (e) : "";
    if (encoder.empty () || !is_installed (e.payloader))
      continue;
    Codec c = codec_of (e);
    if (!is_name (c, "H264")) {
      all.push_back (c);
      continue;
    }
    const auto add = [&] (const char *mode, const char *profile) {
      c.fmtp = h264_fmtp (mode, profile);
      all.push_back (c);
    };
    add ("1", "42e01f");
    add ("1", "42001f");
    if (encoder != "x264enc")
      continue;
    add ("1", "4d001f");
    add ("1", "64001f");
    add ("0", "42e01f");
  }
  return all;
}

std::vector<Codec> receivable_as (const Codec &codec)
{
  std::vector<Codec> all{codec};
  const auto level = is_name (codec, "H264")
                         ? parse_profile_level_id (
                               fmtp_parameter (codec.fmtp, "profile-level-id").value_or ("42000a"))
                         : std::nullopt;
  if (!level)
    return all;
  const auto mode = fmtp_parameter (codec.fmtp, "packetization-mode").value_or ("0");
  const auto add = [&] (std::uint8_t idc) {
    Codec c = codec;
    c.fmtp = h264_fmtp (mode, to_string (H264Level{H264Profile::other, idc, 0, level->level}));
    all.push_back (std::move (c));
  };
  switch (level->profile) {
  case H264Profile::constrained_baseline:
    add (0x42);
    add (0x4d);
    add (0x64);
    break;
  case H264Profile::main:
  case H264Profile::constrained_high:
    add (0x64);
    break;
  default:
    break;
  }
  return all;
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "caps_color.h"
#include "common/ref.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <gst/video/video.h>

namespace reach::rtmp {
namespace {
constexpr double chromaticity_unit = 0.00002, luminance_unit = 0.0001;

template <typename T> T in_units (double value, double unit, double max)
{
  return static_cast<T> (std::clamp (std::round (value / unit), 0.0, max));
}

template <typename C> C coordinates (const ColorInfo::Point &p)
{
  return {in_units<guint16> (p.x, chromaticity_unit, 65535),
      in_units<guint16> (p.y, chromaticity_unit, 65535)};
}

template <typename C> ColorInfo::Point point (const C &c)
{
  return {c.x * chromaticity_unit, c.y * chromaticity_unit};
}

void set_mastering (GstCaps *caps, const ColorInfo::Mastering &m)
{
  GstVideoMasteringDisplayInfo info;
  gst_video_mastering_display_info_init (&info);
  using Coordinates = std::remove_reference_t<decltype (info.white_point)>;
  info.display_primaries[0] = coordinates<Coordinates> (m.red);
  info.display_primaries[1] = coordinates<Coordinates> (m.green);
  info.display_primaries[2] = coordinates<Coordinates> (m.blue);
  info.white_point = coordinates<Coordinates> (m.white);
  info.max_display_mastering_luminance = in_units<guint32> (m.max_luminance, luminance_unit, 1e9);
  info.min_display_mastering_luminance = in_units<guint32> (m.min_luminance, luminance_unit, 1e9);
  gst_video_mastering_display_info_add_to_caps (&info, caps);
}

std::optional<ColorInfo::Mastering> mastering_of (const GstCaps *caps)
{
  GstVideoMasteringDisplayInfo info;
  if (!gst_video_mastering_display_info_from_caps (&info, caps))
    return std::nullopt;
  ColorInfo::Mastering m;
  m.red = point (info.display_primaries[0]);
  m.green = point (info.display_primaries[1]);
  m.blue = point (info.display_primaries[2]);
  m.white = point (info.white_point);
  m.max_luminance = info.max_display_mastering_luminance * luminance_unit;
  m.min_luminance = info.min_display_mastering_luminance * luminance_unit;
  return m;
}

// Speakers of Enhanced RTMP by their number, as GstAudioChannelPosition (whose bits these are).
constexpr std::array<std::uint8_t, 24> positions{
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 15, 12, 14, 13, 16, 20, 17, 9, 18, 19, 21, 22, 23};
} // namespace

void set_color (GstCaps *caps, const ColorInfo &color)
{
  GstVideoColorimetry c;
  c.range = GST_VIDEO_COLOR_RANGE_16_235;
  c.matrix = gst_video_color_matrix_from_iso (color.matrix);
  c.transfer = gst_video_transfer_function_from_iso (color.transfer);
  c.primaries = gst_video_color_primaries_from_iso (color.primaries);
  if (c.matrix != GST_VIDEO_COLOR_MATRIX_UNKNOWN || c.transfer != GST_VIDEO_TRANSFER_UNKNOWN ||
      c.primaries != GST_VIDEO_COLOR_PRIMARIES_UNKNOWN) {
    if (c.matrix == GST_VIDEO_COLOR_MATRIX_RGB)
      c.range = GST_VIDEO_COLOR_RANGE_0_255;
    const CharPtr text (gst_video_colorimetry_to_string (&c));
    gst_caps_set_simple (caps, "colorimetry", G_TYPE_STRING, text.get (), nullptr);
  }
  if (color.mastering)
    set_mastering (caps, *color.mastering);
  if (color.light_level) {
    GstVideoContentLightLevel level;
    gst_video_content_light_level_init (&level);
    level.max_content_light_level = in_units<guint16> (color.light_level->max_content, 1, 65535);
    level.max_frame_average_light_level =
        in_units<guint16> (color.light_level->max_frame_average, 1, 65535);
    gst_video_content_light_level_add_to_caps (&level, caps);
  }
}

std::optional<ColorInfo> color_of (const GstCaps *caps)
{
  ColorInfo color;
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  GstVideoColorimetry c{};
  const gchar *text = gst_structure_get_string (s, "colorimetry");
  if (text && gst_video_colorimetry_from_string (&c, text)) {
    color.matrix = static_cast<std::uint8_t> (gst_video_color_matrix_to_iso (c.matrix));
    color.transfer = static_cast<std::uint8_t> (gst_video_transfer_function_to_iso (c.transfer));
    color.primaries = static_cast<std::uint8_t> (gst_video_color_primaries_to_iso (c.primaries));
  }
  GstVideoContentLightLevel level;
  if (gst_video_content_light_level_from_caps (&level, caps))
    color.light_level = {static_cast<double> (level.max_content_light_level),
        static_cast<double> (level.max_frame_average_light_level)};
  color.mastering = mastering_of (caps);
  guint depth = 0;
  if (color == ColorInfo{})
    return std::nullopt;
  if (gst_structure_get_uint (s, "bit-depth-luma", &depth) &&
      (depth == 8 || depth == 10 || depth == 12))
    color.bit_depth = static_cast<std::uint8_t> (depth);
  return color;
}

guint64 channel_mask (const MultichannelConfig &speakers)
{
  guint64 mask = 0;
  int count = 0;
  const auto add = [&] (std::size_t speaker) {
    if (speaker < positions.size ())
      mask |= guint64{1} << positions[speaker];
    count++;
  };
  if (speakers.order == MultichannelConfig::Order::native) {
    for (std::size_t i = 0; i < 32; i++)
      if ((speakers.mask >> i & 1) != 0)
        add (i);
  } else {
    for (const std::uint8_t speaker : speakers.mapping)
      add (speaker);
  }
  return count == speakers.channels && std::popcount (mask) == count ? mask : 0;
}

std::optional<MultichannelConfig> speakers_of (const GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  guint64 mask = 0;
  gint channels = 0;
  if (!gst_structure_get (s, "channel-mask", GST_TYPE_BITMASK, &mask, nullptr) || mask == 0 ||
      !gst_structure_get_int (s, "channels", &channels) || std::popcount (mask) != channels)
    return std::nullopt;
  MultichannelConfig c;
  c.order = MultichannelConfig::Order::native;
  c.channels = static_cast<std::uint8_t> (channels);
  for (std::size_t i = 0; i < positions.size (); i++)
    if ((mask >> positions[i] & 1) != 0)
      c.mask |= 1u << i;
  return std::popcount (c.mask) == channels ? std::optional (c) : std::nullopt;
}
} // namespace reach::rtmp

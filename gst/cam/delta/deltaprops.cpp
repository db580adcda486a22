// SPDX-License-Identifier: LGPL-2.1-or-later
#include "deltaprops.h"

static GType gst_cam_delta_compression_get_type (void)
{
  static const GEnumValue values[] = {{0, "Rectangles travel as they are", "none"},
      {1, "Compressed with zlib, where that makes them smaller", "zlib"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamDeltaCompression", values);
  return type;
}

namespace reach::delta {
namespace {
enum : guint {
  prop_pixel_threshold = 1,
  prop_pixel_threshold_r,
  prop_pixel_threshold_g,
  prop_pixel_threshold_b,
  prop_min_change_area_size,
  prop_full_frame_interval,
  prop_difference_interval,
  prop_compression,
  prop_compression_level,
  prop_skip_identical,
  prop_keepalive_interval,
  prop_region_metas,
  prop_pass_through,
  prop_test_mode,
  prop_stats
};
constexpr auto playing = static_cast<GParamFlags> (
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto ready =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

void install_thresholds (GObjectClass *k)
{
  const auto number = [k] (guint id, const char *name, const char *nick, const char *blurb,
                          int lowest) {
    g_object_class_install_property (
        k, id, g_param_spec_int (name, nick, blurb, lowest, 255, 8, playing));
  };
  number (prop_pixel_threshold, "pixel-threshold", "Pixel threshold",
      "A pixel has changed when the mean difference of its channels is greater (0 = any "
      "difference, -1 = each channel has its own threshold)",
      -1);
  number (prop_pixel_threshold_r, "pixel-threshold-r", "Pixel threshold, red",
      "With pixel-threshold=-1: greatest difference of red (YUV: V) of a pixel that has not "
      "changed",
      0);
  number (prop_pixel_threshold_g, "pixel-threshold-g", "Pixel threshold, green",
      "With pixel-threshold=-1: greatest difference of green (YUV: Y) of a pixel that has not "
      "changed",
      0);
  number (prop_pixel_threshold_b, "pixel-threshold-b", "Pixel threshold, blue",
      "With pixel-threshold=-1: greatest difference of blue (YUV: U) of a pixel that has not "
      "changed",
      0);
}

void install_numbers (GObjectClass *k)
{
  const auto number = [k] (guint id, const char *name, const char *nick, const char *blurb,
                          guint highest, guint value) {
    g_object_class_install_property (
        k, id, g_param_spec_uint (name, nick, blurb, 0, highest, value, playing));
  };
  number (prop_min_change_area_size, "min-change-area-size", "Minimum changed area",
      "Areas with fewer changed pixels are ignored", G_MAXINT, 10);
  number (prop_full_frame_interval, "full-frame-interval", "Full frame interval",
      "A complete frame every so many pictures (0 = only when asked for by a force-key-unit event)",
      G_MAXINT, 300);
  number (prop_difference_interval, "difference-interval", "Difference interval",
      "Of so many frames the first has plain rectangles and the others have differences (0 = all "
      "are plain)",
      G_MAXINT, 0);
  number (prop_keepalive_interval, "keepalive-interval", "Keepalive interval",
      "Milliseconds of identical pictures after which a GAP event is sent (0 = one for each)",
      3600000, 250);
  g_object_class_install_property (k, prop_compression,
      g_param_spec_enum ("compression", "Compression", "How rectangles are compressed",
          gst_cam_delta_compression_get_type (), 1, playing));
  g_object_class_install_property (k, prop_compression_level,
      g_param_spec_int ("compression-level", "Compression level",
          "Of zlib: 1 is the fastest, 9 the smallest", 1, 9, 1, playing));
}

void install_switches (GObjectClass *k)
{
  const auto flag = [k] (guint id, const char *name, const char *nick, const char *blurb,
                        gboolean value, GParamFlags flags) {
    g_object_class_install_property (k, id, g_param_spec_boolean (name, nick, blurb, value, flags));
  };
  flag (prop_skip_identical, "skip-identical", "Skip identical",
      "Send nothing for a picture without changes, only GAP events", TRUE, playing);
  flag (prop_region_metas, "region-metas", "Region metas",
      "Put a region-of-interest meta for each changed rectangle on the coded frames", FALSE,
      playing);
  flag (prop_pass_through, "pass-through", "Pass through",
      "Send the raw pictures themselves, with a region-of-interest meta for each changed rectangle",
      FALSE, ready);
  flag (prop_test_mode, "test-mode", "Test mode",
      "Send complete pictures in which the changed rectangles are outlined", FALSE, playing);
  g_object_class_install_property (k, prop_stats,
      g_param_spec_boxed ("stats", "Statistics", "What was coded so far", GST_TYPE_STRUCTURE,
          static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

GstStructure *stats_of (const EncoderTotals &t)
{
  return gst_structure_new ("camdeltaenc-stats", "pictures", G_TYPE_UINT64, t.pictures,
      "full-frames", G_TYPE_UINT64, t.full, "identical", G_TYPE_UINT64, t.identical, "rectangles",
      G_TYPE_UINT64, t.rectangles, "bytes", G_TYPE_UINT64, t.bytes, "raw-bytes", G_TYPE_UINT64,
      t.raw_bytes, nullptr);
}

bool *flag_of (Settings &s, guint id)
{
  switch (id) {
  case prop_skip_identical:
    return &s.skip_identical;
  case prop_region_metas:
    return &s.region_metas;
  case prop_pass_through:
    return &s.pass_through;
  case prop_test_mode:
    return &s.test_mode;
  default:
    return nullptr;
  }
}

unsigned *uint_of (Settings &s, guint id)
{
  switch (id) {
  case prop_min_change_area_size:
    return &s.coding.min_change_area;
  case prop_full_frame_interval:
    return &s.coding.full_interval;
  case prop_difference_interval:
    return &s.coding.difference_interval;
  default:
    return nullptr;
  }
}

int *int_of (Settings &s, guint id)
{
  switch (id) {
  case prop_pixel_threshold:
    return &s.coding.thresholds.common;
  case prop_pixel_threshold_r:
    return &s.coding.thresholds.r;
  case prop_pixel_threshold_g:
    return &s.coding.thresholds.g;
  case prop_pixel_threshold_b:
    return &s.coding.thresholds.b;
  case prop_compression_level:
    return &s.compression_level;
  default:
    return nullptr;
  }
}
} // namespace

void install_encoder_properties (GObjectClass *klass)
{
  install_thresholds (klass);
  install_numbers (klass);
  install_switches (klass);
}

bool set_encoder_property (Settings &s, guint id, const GValue *v)
{
  if (bool *flag = flag_of (s, id))
    *flag = g_value_get_boolean (v);
  else if (unsigned *u = uint_of (s, id))
    *u = g_value_get_uint (v);
  else if (int *i = int_of (s, id))
    *i = g_value_get_int (v);
  else if (id == prop_compression)
    s.compress = g_value_get_enum (v) != 0;
  else if (id == prop_keepalive_interval)
    s.keepalive = g_value_get_uint (v) * GST_MSECOND;
  else
    return false;
  return true;
}

bool get_encoder_property (const Settings &settings, const EncoderTotals &t, guint id, GValue *v)
{
  Settings s = settings;
  if (const bool *flag = flag_of (s, id))
    g_value_set_boolean (v, *flag);
  else if (const unsigned *u = uint_of (s, id))
    g_value_set_uint (v, *u);
  else if (const int *i = int_of (s, id))
    g_value_set_int (v, *i);
  else if (id == prop_compression)
    g_value_set_enum (v, s.compress);
  else if (id == prop_keepalive_interval)
    g_value_set_uint (v, static_cast<guint> (s.keepalive / GST_MSECOND));
  else if (id == prop_stats)
    g_value_take_boxed (v, stats_of (t));
  else
    return false;
  return true;
}
} // namespace reach::delta

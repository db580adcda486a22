// SPDX-License-Identifier: LGPL-2.1-or-later
#include "metadata.h"
#include <algorithm>
#include <cmath>

namespace reach::rtmp {
namespace {
constexpr double max_luminance = 10000; // cd/m²

double within (const Value &v, double limit)
{
  const double d = v.number_or (0);
  return std::isfinite (d) && d > 0 && d <= limit ? d : 0;
}

// A code point of H.273, unspecified for what is none.
std::uint8_t code_point (const Value &v)
{
  const double d = v.number_or (2);
  return d >= 0 && d <= 255 ? static_cast<std::uint8_t> (d) : std::uint8_t{2};
}

ColorInfo::Point point (const Value &o, const char *x, const char *y)
{
  return {within (o[x], 1), within (o[y], 1)};
}

std::optional<ColorInfo::Mastering> read_mastering (const Value &o)
{
  if (o.members ().empty ())
    return std::nullopt;
  ColorInfo::Mastering m;
  m.red = point (o, "redX", "redY");
  m.green = point (o, "greenX", "greenY");
  m.blue = point (o, "blueX", "blueY");
  m.white = point (o, "whitePointX", "whitePointY");
  m.max_luminance = within (o["maxLuminance"], max_luminance);
  m.min_luminance = within (o["minLuminance"], max_luminance);
  return m.max_luminance > 0 ? std::optional (m) : std::nullopt;
}

std::optional<ColorInfo::LightLevel> read_light_level (const Value &o)
{
  ColorInfo::LightLevel l;
  // The second spelling is what some senders write.
  l.max_content = within (o.find ("maxCLL") ? o["maxCLL"] : o["maxCll"], max_luminance);
  l.max_frame_average = within (o.find ("maxFall") ? o["maxFall"] : o["maxFALL"], max_luminance);
  return l.max_content > 0 || l.max_frame_average > 0 ? std::optional (l) : std::nullopt;
}

Value numbers (std::initializer_list<std::pair<const char *, double>> list)
{
  Object o;
  for (const auto &[name, value] : list)
    o.members.push_back ({name, Value (value)});
  return Value (std::move (o));
}
} // namespace

std::optional<ColorInfo> parse_color_info (const std::vector<Value> &payload)
{
  const auto name = std::find_if (
      payload.begin (), payload.end (), [] (const Value &v) { return v.string () == "colorInfo"; });
  if (name == payload.end ())
    return std::nullopt;
  ColorInfo c;
  if (name + 1 == payload.end ())
    return c;
  const Value &info = *(name + 1);
  const Value &config = info["colorConfig"];
  const double depth = config["bitDepth"].number_or (0);
  c.bit_depth = depth == 8 || depth == 10 || depth == 12 ? static_cast<std::uint8_t> (depth) : 0;
  c.primaries = code_point (config["colorPrimaries"]);
  c.transfer = code_point (config["transferCharacteristics"]);
  c.matrix = code_point (config["matrixCoefficients"]);
  c.light_level = read_light_level (info["hdrCll"]);
  c.mastering = read_mastering (info["hdrMdcv"]);
  return c;
}

std::vector<Value> build_color_info (const ColorInfo &c)
{
  if (c == ColorInfo{})
    return {Value ("colorInfo"), Value ()};
  Object info;
  Value config = numbers ({{"colorPrimaries", c.primaries}, {"transferCharacteristics", c.transfer},
      {"matrixCoefficients", c.matrix}});
  if (c.bit_depth != 0) {
    std::vector<Property> &members = config.as<Object> ()->members;
    members.insert (members.begin (), {"bitDepth", Value (static_cast<double> (c.bit_depth))});
  }
  info.members.push_back ({"colorConfig", std::move (config)});
  if (c.light_level)
    info.members.push_back ({"hdrCll", numbers ({{"maxFall", c.light_level->max_frame_average},
                                           {"maxCLL", c.light_level->max_content}})});
  if (c.mastering) {
    const ColorInfo::Mastering &m = *c.mastering;
    info.members.push_back (
        {"hdrMdcv", numbers ({{"redX", m.red.x}, {"redY", m.red.y}, {"greenX", m.green.x},
                        {"greenY", m.green.y}, {"blueX", m.blue.x}, {"blueY", m.blue.y},
                        {"whitePointX", m.white.x}, {"whitePointY", m.white.y},
                        {"maxLuminance", m.max_luminance}, {"minLuminance", m.min_luminance}})});
  }
  return {Value ("colorInfo"), Value (std::move (info))};
}
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "capabilities.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
std::uint32_t mask (const Value &v)
{
  const double d = v.number_or (0);
  return d >= 0 && d <= UINT32_MAX ? static_cast<std::uint32_t> (d) : 0;
}

bool is_codec (std::string_view s)
{
  return s == "*" || s.size () == 4;
}

std::vector<Capabilities::Codec> parse_map (const Value &v)
{
  std::vector<Capabilities::Codec> codecs;
  for (const Property &p : v.members ())
    if (is_codec (p.name) && codecs.size () < Capabilities::max_codecs)
      codecs.push_back ({p.name, mask (p.value)});
  return codecs;
}

void write_map (Object &to, const char *name, const std::vector<Capabilities::Codec> &codecs)
{
  Object map;
  for (const auto &c : codecs)
    map.members.push_back ({c.four_cc, static_cast<double> (c.can)});
  if (!codecs.empty ())
    to.members.push_back ({name, std::move (map)});
}
} // namespace

Capabilities Capabilities::parse (const Value &object)
{
  Capabilities c;
  c.extensions = mask (object["capsEx"]);
  c.video = parse_map (object["videoFourCcInfoMap"]);
  c.audio = parse_map (object["audioFourCcInfoMap"]);
  for (const Value &v : object["fourCcList"].values ())
    if (is_codec (v.string ()) && c.four_ccs.size () < max_codecs)
      c.four_ccs.emplace_back (v.string ());
  return c;
}

void Capabilities::write (Object &to) const
{
  if (extensions)
    to.members.push_back ({"capsEx", static_cast<double> (extensions)});
  Array list;
  for (const auto &f : four_ccs)
    list.values.push_back (f);
  if (!four_ccs.empty ())
    to.members.push_back ({"fourCcList", std::move (list)});
  write_map (to, "videoFourCcInfoMap", video);
  write_map (to, "audioFourCcInfoMap", audio);
}

bool Capabilities::knows (std::string_view four_cc) const
{
  const auto is = [&] (std::string_view s) { return s == four_cc || s == "*"; };
  const auto has = [&] (const Codec &c) { return is (c.four_cc); };
  return std::ranges::any_of (four_ccs, is) || std::ranges::any_of (video, has) ||
         std::ranges::any_of (audio, has);
}
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "codec.h"
#include "sdp_text.h"
#include <algorithm>

namespace reach::rtc {
namespace {
using sdp::equal_names, sdp::number, sdp::trim;

// What holds without the parameter.
bool same_parameter (
    const Codec &a, const Codec &b, std::string_view name, std::string_view otherwise)
{
  return equal_names (fmtp_parameter (a.fmtp, name).value_or (otherwise),
      fmtp_parameter (b.fmtp, name).value_or (otherwise));
}

// RFC 6184: Baseline, level 1.
H264Level h264_level (const Codec &c)
{
  const auto said = fmtp_parameter (c.fmtp, "profile-level-id");
  if (!said)
    return {H264Profile::baseline, 0x42, 0, 100};
  return parse_profile_level_id (*said).value_or (H264Level{H264Profile::other, 0, 0, 0});
}

bool same_h264 (const Codec &a, const Codec &b)
{
  const H264Level x = h264_level (a), y = h264_level (b);
  if (!same_parameter (a, b, "packetization-mode", "0") || x.level == 0 || y.level == 0)
    return false;
  return x.profile == H264Profile::other ? x.idc == y.idc && x.flags == y.flags
                                         : x.profile == y.profile;
}

bool level_asymmetry (const Codec &c)
{
  return fmtp_parameter (c.fmtp, "level-asymmetry-allowed") == "1";
}

const Codec *find (std::span<const Codec> all, std::uint8_t pt)
{
  const auto found = std::ranges::find (all, pt, &Codec::payload_type);
  return found == all.end () ? nullptr : &*found;
}

// Audio's red: 111/111. Video's says nothing.
const Codec *red_target (const Codec &c, std::span<const Codec> all)
{
  std::string_view list = c.fmtp;
  const auto pt = number<std::uint8_t> (trim (sdp::cut (list, '/')));
  return pt ? find (all, *pt) : nullptr;
}

bool same_target (const Codec *a, const Codec *b)
{
  return a && b && !is_name (*a, "rtx") && !is_name (*b, "rtx") && matches (*a, *b);
}

struct Pattern {
  std::uint8_t idc, mask, bits;
  H264Profile profile;
};
constexpr Pattern patterns[] = {
    {0x42, 0x4f, 0x40, H264Profile::constrained_baseline},
    {0x4d, 0x8f, 0x80, H264Profile::constrained_baseline},
    {0x58, 0xcf, 0xc0, H264Profile::constrained_baseline},
    {0x42, 0x4f, 0x00, H264Profile::baseline},
    {0x58, 0xcf, 0x80, H264Profile::baseline},
    {0x4d, 0xaf, 0x00, H264Profile::main},
    {0x64, 0xff, 0x00, H264Profile::high},
    {0x64, 0xff, 0x0c, H264Profile::constrained_high},
};
} // namespace

std::optional<std::string_view> fmtp_parameter (std::string_view fmtp, std::string_view name)
{
  while (!fmtp.empty ()) {
    std::string_view pair = trim (sdp::cut (fmtp, ';'));
    if (equal_names (trim (sdp::cut (pair, '=')), name))
      return trim (pair);
  }
  return {};
}

std::optional<H264Level> parse_profile_level_id (std::string_view text)
{
  std::uint32_t v = 0;
  const char *end = text.data () + text.size ();
  if (text.size () != 6 || std::from_chars (text.data (), end, v, 16).ptr != end)
    return {};
  const auto idc = static_cast<std::uint8_t> (v >> 16), flags = static_cast<std::uint8_t> (v >> 8);
  const auto level = static_cast<std::uint8_t> (v);
  if (level == 0)
    return {};
  H264Level l{H264Profile::other, idc, flags, static_cast<std::uint16_t> (level * 10)};
  for (const Pattern &p : patterns)
    if (p.idc == idc && (flags & p.mask) == p.bits) {
      l.profile = p.profile;
      break;
    }
  // Level 1b is level 11 with constraint_set3 in these profiles.
  const bool low = idc == 0x42 || idc == 0x4d || idc == 0x58;
  if (low && level == 11 && (flags & 0x10) != 0)
    l.level = 105;
  return l;
}

std::string to_string (const H264Level &l)
{
  const bool low = l.idc == 0x42 || l.idc == 0x4d || l.idc == 0x58;
  const unsigned b1 = low ? (l.level == 105 ? l.flags | 0x10u : l.flags & 0xefu) : l.flags;
  const unsigned level = l.level == 105 ? (low ? 11 : 9) : l.level / 10u;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string s;
  for (const unsigned v : {unsigned{l.idc}, b1, level}) {
    s += digits[v >> 4 & 15];
    s += digits[v & 15];
  }
  return s;
}

bool is_name (const Codec &c, std::string_view name)
{
  return equal_names (c.name, name);
}

bool is_auxiliary (const Codec &c)
{
  for (const std::string_view name :
      {"rtx", "red", "ulpfec", "flexfec-03", "CN", "telephone-event"})
    if (is_name (c, name))
      return true;
  return false;
}

std::optional<std::uint8_t> apt_of (const Codec &c)
{
  const auto apt = is_name (c, "rtx") ? fmtp_parameter (c.fmtp, "apt") : std::nullopt;
  return apt ? number<std::uint8_t> (*apt) : std::nullopt;
}

bool matches (const Codec &a, const Codec &b)
{
  if (a.name.empty () || !equal_names (a.name, b.name) || a.clock_rate != b.clock_rate ||
      a.channels != b.channels)
    return false;
  if (is_name (a, "H264"))
    return same_h264 (a, b);
  if (is_name (a, "VP9"))
    return same_parameter (a, b, "profile-id", "0");
  if (is_name (a, "AV1"))
    return same_parameter (a, b, "profile", "0");
  return true;
}

bool matches (
    const Codec &a, std::span<const Codec> all_a, const Codec &b, std::span<const Codec> all_b)
{
  if (!matches (a, b))
    return false;
  if (is_name (a, "rtx")) {
    const auto x = apt_of (a), y = apt_of (b);
    return x && y && same_target (find (all_a, *x), find (all_b, *y));
  }
  if (is_name (a, "red") && (!a.fmtp.empty () || !b.fmtp.empty ()))
    return same_target (red_target (a, all_a), red_target (b, all_b));
  return true;
}

std::string answered_fmtp (const Codec &ours, const Codec &offered)
{
  if (!is_name (ours, "H264") || (level_asymmetry (ours) && level_asymmetry (offered)))
    return ours.fmtp;
  H264Level mine = h264_level (ours);
  mine.level = std::min (mine.level, h264_level (offered).level);
  std::string out;
  std::string_view rest = ours.fmtp;
  while (!rest.empty ()) {
    const std::string_view pair = sdp::cut (rest, ';');
    std::string_view value = pair;
    const std::string_view name = trim (sdp::cut (value, '='));
    out += out.empty () ? "" : ";";
    if (equal_names (name, "profile-level-id"))
      out.append (name).append ("=").append (to_string (mine));
    else
      out.append (trim (pair));
  }
  return out;
}

namespace {
std::vector<Codec> audio_codecs ()
{
  return {
      {111, "opus", 48000, 2, "minptime=10;useinbandfec=1", {"transport-cc", "nack"}},
      {0, "PCMU", 8000, 1, "", {"transport-cc"}},
      {8, "PCMA", 8000, 1, "", {"transport-cc"}},
      {63, "red", 48000, 2, "", {}},
  };
}

std::vector<Codec> video_codecs ()
{
  const std::vector<std::string> fb = {"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"};
  const auto h264 = [&fb] (std::uint8_t pt, std::string_view mode, std::string_view profile) {
    std::string fmtp = "level-asymmetry-allowed=1;packetization-mode=";
    fmtp.append (mode).append (";profile-level-id=").append (profile);
    return Codec{pt, "H264", 90000, 1, fmtp, fb};
  };
  return {
      {96, "VP8", 90000, 1, "", fb},
      h264 (102, "1", "42e01f"),
      h264 (104, "0", "42e01f"),
      h264 (106, "1", "42001f"),
      h264 (108, "1", "4d001f"),
      h264 (112, "1", "64001f"),
      {98, "VP9", 90000, 1, "profile-id=0", fb},
      {45, "AV1", 90000, 1, "level-idx=5;profile=0;tier=0", fb},
      {97, "rtx", 90000, 1, "", {}},
      {114, "red", 90000, 1, "", {}},
      {116, "ulpfec", 90000, 1, "", {}},
  };
}
} // namespace

SharedList<Codec> default_codecs (MediaKind kind)
{
  static const SharedList<Codec> audio = audio_codecs (), video = video_codecs ();
  return kind == MediaKind::audio ? audio : kind == MediaKind::video ? video : SharedList<Codec> ();
}
} // namespace reach::rtc

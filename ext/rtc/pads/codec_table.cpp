// SPDX-License-Identifier: LGPL-2.1-or-later
#include "codec_table.h"
#include "common/ref.h"
#include "rtc/proto/codec.h"
#include <algorithm>
#include <array>

namespace reach::rtc {
namespace {
constexpr std::array<CodecEntry, 7> table{{
    {"H264", MediaKind::video, 102, 90000, 1, "video/x-h264", nullptr, "h264parse", "rtph264pay",
        "rtph264depay", "x264enc", "openh264enc", nullptr},
    {"VP8", MediaKind::video, 96, 90000, 1, "video/x-vp8", nullptr, nullptr, "rtpvp8pay",
        "rtpvp8depay", "vp8enc", nullptr, nullptr},
    {"VP9", MediaKind::video, 98, 90000, 1, "video/x-vp9", nullptr, nullptr, "rtpvp9pay",
        "rtpvp9depay", "vp9enc", nullptr, nullptr},
    {"AV1", MediaKind::video, 99, 90000, 1, "video/x-av1", nullptr, "av1parse", "rtpav1pay",
        "rtpav1depay", nullptr, nullptr, nullptr},
    {"opus", MediaKind::audio, 111, 48000, 2, "audio/x-opus", nullptr, "opusparse", "rtpopuspay",
        "rtpopusdepay", "opusenc", nullptr, "audio/x-raw, rate=48000, channels=[1, 2]"},
    {"PCMU", MediaKind::audio, 0, 8000, 1, "audio/x-mulaw", "rate=8000, channels=1", nullptr,
        "rtppcmupay", "rtppcmudepay", "mulawenc", nullptr, "audio/x-raw, rate=8000, channels=1"},
    {"PCMA", MediaKind::audio, 8, 8000, 1, "audio/x-alaw", "rate=8000, channels=1", nullptr,
        "rtppcmapay", "rtppcmadepay", "alawenc", nullptr, "audio/x-raw, rate=8000, channels=1"},
}};
} // namespace

std::span<const CodecEntry> codec_table ()
{
  return table;
}

const CodecEntry *find_codec (std::string_view name)
{
  Codec c;
  c.name = name;
  const auto at =
      std::ranges::find_if (table, [&] (const CodecEntry &e) { return is_name (c, e.name); });
  return at == table.end () ? nullptr : &*at;
}

bool is_installed (const char *factory)
{
  return static_cast<bool> (
      Ref<GstElementFactory>::adopt (factory ? gst_element_factory_find (factory) : nullptr));
}

std::string encoder_of (const CodecEntry &entry)
{
  for (const char *name : {entry.encoder, entry.other_encoder})
    if (name && is_installed (name))
      return name;
  return {};
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "codec_ids.h"
#include <algorithm>
#include <array>

namespace reach::rtmp {
namespace {
struct Id {
  Codec codec;
  std::uint32_t fourcc;
  int legacy; // -1: none
};

// 12 is no official id, but what cameras and players used for HEVC before it had a FourCC.
constexpr std::array video_ids{
    Id{Codec::sorenson, 0, 2},
    Id{Codec::screen, 0, 3},
    Id{Codec::vp6, 0, 4},
    Id{Codec::vp6a, 0, 5},
    Id{Codec::screen2, 0, 6},
    Id{Codec::avc, fourcc ("avc1"), 7},
    Id{Codec::hevc, fourcc ("hvc1"), 12},
    Id{Codec::vvc, fourcc ("vvc1"), -1},
    Id{Codec::av1, fourcc ("av01"), -1},
    Id{Codec::vp8, fourcc ("vp08"), -1},
    Id{Codec::vp9, fourcc ("vp09"), -1},
};

// Of several ids of a codec the first is written.
constexpr std::array audio_ids{
    Id{Codec::pcm, 0, 3},
    Id{Codec::pcm, 0, 0},
    Id{Codec::adpcm, 0, 1},
    Id{Codec::mp3, fourcc (".mp3"), 2},
    Id{Codec::mp3, 0, 14},
    Id{Codec::nellymoser, 0, 6},
    Id{Codec::nellymoser, 0, 5},
    Id{Codec::nellymoser, 0, 4},
    Id{Codec::alaw, 0, 7},
    Id{Codec::mulaw, 0, 8},
    Id{Codec::aac, fourcc ("mp4a"), 10},
    Id{Codec::speex, 0, 11},
    Id{Codec::opus, fourcc ("Opus"), -1},
    Id{Codec::flac, fourcc ("fLaC"), -1},
    Id{Codec::ac3, fourcc ("ac-3"), -1},
    Id{Codec::eac3, fourcc ("ec-3"), -1},
};

template <typename Ids, typename Match> const Id *find (const Ids &ids, Match match)
{
  const auto it = std::find_if (ids.begin (), ids.end (), match);
  return it == ids.end () ? nullptr : &*it;
}

const Id *id_of (Codec codec)
{
  const auto same = [codec] (const Id &i) { return i.codec == codec; };
  const Id *id = find (video_ids, same);
  return id ? id : find (audio_ids, same);
}

template <typename Ids> Codec by_fourcc (const Ids &ids, std::uint32_t value)
{
  const Id *id = find (ids, [value] (const Id &i) { return value != 0 && i.fourcc == value; });
  return id ? id->codec : Codec::unknown;
}

template <typename Ids> Codec by_legacy (const Ids &ids, int value)
{
  const Id *id = find (ids, [value] (const Id &i) { return i.legacy == value; });
  return id ? id->codec : Codec::unknown;
}
} // namespace

bool is_audio (Codec codec)
{
  return codec >= Codec::pcm;
}

Codec video_codec_of (std::uint32_t value)
{
  return by_fourcc (video_ids, value);
}

Codec audio_codec_of (std::uint32_t value)
{
  return by_fourcc (audio_ids, value);
}

std::uint32_t fourcc_of (Codec codec)
{
  const Id *id = id_of (codec);
  return id ? id->fourcc : 0;
}

Codec video_codec_of_id (int legacy)
{
  return by_legacy (video_ids, legacy);
}

Codec audio_codec_of_id (int legacy)
{
  return by_legacy (audio_ids, legacy);
}

int legacy_id_of (Codec codec)
{
  const Id *id = id_of (codec);
  return id ? id->legacy : -1;
}
} // namespace reach::rtmp

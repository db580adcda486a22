// SPDX-License-Identifier: LGPL-2.1-or-later
// Configuration records and frames of codecs; the first byte says of which.
#include "rtmpserver/proto/codec_config.h"
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

void check_video (Codec codec, Bytes in)
{
  const auto v = parse_video_config (codec, in);
  require (!v || (v->width <= 65536 && v->height <= 65536));
}

void check_av1 (Bytes in)
{
  check_video (Codec::av1, in);
  if (const auto built = build_av1_config (in))
    require (parse_av1_config (*built).value ().width > 0 &&
             build_av1_config (Bytes (*built).subspan (4)) == built);
}

void check_audio (const std::optional<AudioConfig> &a)
{
  require (!a || (a->rate > 0 && a->rate <= 192000));
}

void check_opus (Bytes in)
{
  if (const auto h = parse_opus_head (in))
    require (parse_opus_head (build_opus_head (*h)) == h);
}

void check_flac (Bytes in)
{
  if (const auto f = parse_flac_config (in))
    require (f->stream_info.size () == 34 && f->channels >= 1 && f->channels <= 8);
}

void check_multichannel (Bytes in)
{
  if (const auto c = parse_multichannel (in))
    require (parse_multichannel (build_multichannel (*c)) == c);
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const Bytes in = Bytes (data, size).subspan (1);
  switch (data[0] % 10) {
  case 0:
    check_video (Codec::avc, in);
    break;
  case 1:
    check_video (Codec::hevc, in);
    break;
  case 2:
    check_av1 (in);
    break;
  case 3:
    check_video (Codec::vp9, in);
    break;
  case 4:
    check_audio (parse_aac_config (in));
    break;
  case 5:
    check_audio (parse_mp3_frame (in));
    break;
  case 6:
    check_audio (parse_ac3_frame (in));
    break;
  case 7:
    check_opus (in);
    break;
  case 8:
    check_flac (in);
    break;
  default:
    check_multichannel (in);
  }
  return 0;
}

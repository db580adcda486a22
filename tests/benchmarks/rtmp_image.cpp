// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp_image.h"
#include "load.h"
#include "rtmp_words.h"
#include <algorithm>

namespace reach::bench {
namespace {
constexpr std::uint8_t key_frame = 0x17, delta_frame = 0x27; // AVC
constexpr std::uint8_t aac = 0xaf;

std::size_t prefix (bool video)
{
  return video ? 5 : 2;
}

std::uint8_t chunk_stream (bool video)
{
  return video ? 6 : 4;
}

std::string configured (bool video, const std::vector<std::uint8_t> &record)
{
  std::vector<std::uint8_t> body (prefix (video), 0);
  body[0] = video ? key_frame : aac;
  body.insert (body.end (), record.begin (), record.end ());
  return rtmp::message (chunk_stream (video), video ? rtmp::video : rtmp::audio, 1, body);
}
} // namespace

RtmpImage::RtmpImage (std::uint8_t type, std::size_t size, std::uint32_t chunk_size)
    : video_ (type == rtmp::video), size_ (std::max (size, FrameMark::with_time))
{
  std::vector<std::uint8_t> body (prefix (video_) + size_, 'x');
  body[0] = video_ ? key_frame : aac;
  body[1] = 1; // a frame
  if (video_)
    std::fill_n (body.begin () + 2, 3, std::uint8_t{0}); // composition time
  text_ = rtmp::message (chunk_stream (video_), type, 1, body, chunk_size);
}

const std::string &RtmpImage::stamp (std::uint32_t frame, std::uint32_t ms, bool key)
{
  auto *at = reinterpret_cast<std::uint8_t *> (text_.data ());
  for (int i = 0; i < 3; i++)
    at[1 + i] = static_cast<std::uint8_t> (ms >> (16 - 8 * i));
  if (video_)
    at[header] = key ? key_frame : delta_frame;
  FrameMark{frame, static_cast<std::uint32_t> (size_), 0, monotonic_ns ()}.write (
      at + header + prefix (video_));
  return text_;
}

std::string rtmp_configuration (bool sound)
{
  static const std::vector<std::uint8_t> avc{0x01, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0x00, 0x0c, 0x67,
      0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x04, 0x7f, 0xe5, 0x88, 0x84, 0x00, 0x01, 0x00, 0x04,
      0x68, 0xce, 0x3c, 0x80};
  static const std::vector<std::uint8_t> aac_44100_stereo{0x12, 0x10};
  return configured (true, avc) + (sound ? configured (false, aac_44100_stereo) : std::string ());
}
} // namespace reach::bench

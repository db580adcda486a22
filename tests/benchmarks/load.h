// SPDX-License-Identifier: LGPL-2.1-or-later
// The load, the same for every peer: a source element that pushes from one thread at fixed times.
//
// Bytes: buffers of one size, in bursts, all references to one memory, so that the feeder costs
// next to nothing. Frames: a video-like stream, every frame numbered and time-stamped; cut into
// packets for transports that carry only packets.
#pragma once
#include "process.h"
#include <gst/gst.h>
#include <optional>
#include <span>

namespace reach::bench {

struct Load {
  bool frames = false;
  std::uint64_t count = 1000; // buffers, or frames
  std::size_t size = 1400;    // bytes of a buffer, or of a frame
  double rate = 1e6;          // bytes a second
  double burst = 0.002;       // seconds between bursts
  double fps = 30;
  std::size_t key_size = 40960; // every key_every-th one
  unsigned key_every = 60;      // the others are delta units
  std::size_t packet = 0;       // a frame's packet, header included; 0 = a frame is one buffer
  double linger = 0.5;          // between the last buffer and EOS
  std::string caps = "application/x-benchmark";

  static Load from (const Options &options);
  std::size_t frame_size (std::uint64_t n) const { return n % key_every == 0 ? key_size : size; }
  std::uint64_t payload () const; // bytes of the whole load
};

// At the start of each packet of a frame (which is the whole frame where it is not cut).
struct FrameMark {
  static constexpr std::size_t size = 16;
  static constexpr std::size_t with_time = 24; // only where offset is 0
  static constexpr std::uint32_t magic = 0x62656e63;
  std::uint32_t frame = 0, bytes = 0, offset = 0;
  std::int64_t sent_at = 0;

  void write (std::uint8_t *out) const;
  static std::optional<FrameMark> parse (std::span<const std::uint8_t> in);
};

struct LoadResult {
  std::uint64_t buffers = 0, bytes = 0;
  double latest = 0; // seconds behind the plan, at worst: above some ms the peer blocked the feeder
  Usage first, last; // at the first buffer, and when the linger time is over
};

bool register_feeder (); // as the element "benchfeed"
void configure_feeder (GstElement *feeder, const Load &load);
LoadResult feeder_result (GstElement *feeder);
} // namespace reach::bench

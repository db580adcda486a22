// SPDX-License-Identifier: LGPL-2.1-or-later
// What is due to all players of one stream id at once, also as the pieces that a socket writes: put
// together once, however many players there are. Loop thread.
#pragma once
#include "common/proto/time.h"
#include "rtmpserver/proto/chunk_writer.h"
#include <sys/uio.h>

namespace reach::rtmp {
struct MediaInfo {
  std::uint8_t track = 0; // of Enhanced RTMP; those but 0 are only for players that know them
  bool key = false;       // video: can be decoded without what was before
  bool header = false;    // what all that follows is decoded with
};
// A message as players of one stream id get it.
struct Media {
  SharedChunksRef chunks;
  MediaInfo info;
};

class Batch {
public:
  explicit Batch (std::uint32_t stream) : stream_ (stream) {}
  void add (Media m);
  void clear (); // keeps its memory

  std::uint32_t stream () const { return stream_; }
  std::span<const Media> media () const { return media_; }
  std::size_t bytes () const { return bytes_; } // on the wire
  void set_time (TimePoint t) { time_ = t; }
  TimePoint time () const { return time_; } // when it is delivered
  // Whether it can be written as it is to who takes all: no more than one sendmsg () takes, and
  // frames of track 0 only, after which nobody has to be asked anything.
  bool plain () const { return plain_ && pieces_.size () <= max_pieces; }
  bool has_video () const { return has_video_; }
  std::uint64_t video_frames () const { return video_frames_; }
  bool begins_with_key () const { return begins_with_key_; } // its video
  std::span<const iovec> pieces () const { return pieces_; }
  // What is left behind the first `n` bytes.
  template <typename F> void each_from (std::size_t n, F &&f) const;

private:
  static constexpr std::size_t max_pieces = 256;

  const std::uint32_t stream_;
  std::vector<Media> media_;
  std::vector<Slice> slices_; // own what the pieces point at
  std::vector<iovec> pieces_;
  std::size_t bytes_ = 0;
  std::uint64_t video_frames_ = 0;
  TimePoint time_{};
  bool plain_ = true, has_video_ = false, begins_with_key_ = false;
};

template <typename F> void Batch::each_from (std::size_t n, F &&f) const
{
  for (const Slice &s : slices_) {
    const std::size_t gone = std::min (n, s.size ());
    n -= gone;
    if (gone < s.size ())
      f (s.sub (gone, s.size () - gone));
  }
}
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
// The flv pad: a publisher's messages as the tags of one FLV stream. Loop thread.
#pragma once
#include "memory_slice.h"
#include "proto/message.h"
#include "src_pads.h"
#include <map>

namespace reach::rtmp {
class FlvOutput {
public:
  static constexpr std::size_t max_headers = 64;     // kept for a pad that is requested later
  static constexpr std::size_t max_held = 16u << 20; // bytes before the tracks are known

  FlvOutput (SrcPads &pads, std::shared_ptr<PublisherClock> clock)
      : pads_ (pads), clock_ (std::move (clock))
  {
  }
  struct Tag {
    Message message;
    std::int64_t time = 0;    // stream time, ns
    std::int64_t arrived = 0; // of the publisher's first message: monotonic, ns
    bool key = true;
    int header = -1; // sequence headers and metadata: which one; a newer one replaces it
  };
  void tag (Tag t);
  // The tracks are known: what was held goes out.
  void complete (bool audio, bool video);

private:
  void send (TrackPad &pad, const Tag &t);
  void begin (TrackPad &pad, std::int64_t arrived);

  SrcPads &pads_;
  std::shared_ptr<PublisherClock> clock_;
  std::map<int, Tag> headers_;
  std::vector<Tag> held_;
  std::size_t held_bytes_ = 0;
  std::int64_t base_ = 0; // of this publisher in the stream, ns
  bool audio_ = false, video_ = false, complete_ = false, begun_ = false;
  bool missed_ = false; // tags that came when there was no pad
};
} // namespace reach::rtmp

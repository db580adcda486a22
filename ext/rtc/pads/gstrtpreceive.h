// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements of an output pad in a bin: a live source of RTP, which is not registered, the
// depayloader, and what is always last, so that the pad's target never changes.
#pragma once
#include "common/ref.h"
#include "packet_queue.h"
#include <atomic>
#include <gst/gst.h>
#include <memory>
#include <string>

namespace reach::rtc {
// Streaming thread.
class OutputHost {
public:
  virtual ~OutputHost () = default;
  virtual void on_keyframe_wanted () = 0;
};

struct ReceiveConfig {
  PacketQueue *queue = nullptr; // outlives the elements
  OutputHost *host = nullptr;   // likewise
  MediaKind kind = MediaKind::video;
  bool depayload = true;
  std::string stream_id;
  Ref<GstTagList> tags;                       // null: none
  std::atomic<std::int64_t> *delay = nullptr; // ns that are added to each time; likewise
};
// Floating; with a pad src.
GstElement *make_rtp_output (const ReceiveConfig &config);
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// What a NetStream that publishes brings its messages to. Loop thread; must not block.
#pragma once
#include "flow.h"
#include "rtmpserver/proto/message.h"

namespace reach::rtmp {
enum class PublishEnd : std::uint8_t {
  unpublished, // by the publisher's word
  lost,        // with its connection
  replaced,    // another publisher has taken the name over
  stopped,     // by this side
};
const char *publish_end_name (PublishEnd e);

class Ingest {
public:
  virtual ~Ingest () = default;
  // Audio, video or data_amf0. The payload is shared with nobody who writes to it.
  virtual void message (const Message &m, TimePoint arrived) = 0;
  // Behind all the messages that came in one go.
  virtual void flush () = 0;
  virtual void ended (PublishEnd how) = 0; // the last call
  // Faster than real time: it sends a file.
  virtual bool ahead (TimePoint now) = 0;
  virtual Flow flow (TimePoint now) = 0;
};
} // namespace reach::rtmp

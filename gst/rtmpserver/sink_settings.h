// SPDX-License-Identifier: LGPL-2.1-or-later
// Everything that properties of rtmpserversink set. One snapshot per run.
#pragma once
#include "encoders.h"
#include "net/publication.h"
#include "server_properties.h"

namespace reach::rtmp {
struct SinkSettings {
  ListenSettings listen;
  std::string stream_key; // empty: whatever name players ask for
  Publication::Settings publication;
  EncoderSettings encoder;
  bool render_when_idle = true;
  bool sync = true;
  Duration drain_timeout = seconds (2);
};
} // namespace reach::rtmp

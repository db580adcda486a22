// SPDX-License-Identifier: LGPL-2.1-or-later
// What peers ask of an encoder: key frames and a bitrate. Both may wait for a frame that is being
// encoded, so that a thread of GStreamer's pool does it; one job at a time.
#pragma once
#include "common/guarded.h"
#include "common/ref.h"
#include <cstdint>
#include <memory>
#include <vector>

namespace reach::rtc {
class InputControl : public std::enable_shared_from_this<InputControl> {
public:
  // The outer pad, and the sink's: events go up from there.
  void set_pads (GstPad *outer, GstPad *sink);
  void clear ();

  // Any thread, never wait.
  void want_keyframe (std::uint32_t ssrc = 0); // of one of several streams in RTP; 0: there is one
  void want_bitrate (unsigned bits_per_second);
  void set_limits (unsigned min, unsigned max);
  void set_adapt (bool on);
  // Our own encoder, which is set at once, to `start` bit/s where no peer has said more; null:
  // none. Streaming thread.
  void set_encoder (GstElement *encoder, unsigned start);

private:
  struct State {
    Ref<GstPad> outer, sink;
    Ref<GstElement> encoder;
    unsigned min = 0, max = 0, wanted = 0; // bit/s; 0: nothing was said
    unsigned now = 0;                      // what the encoder was set to last
    std::vector<std::uint32_t> keyframes;  // wanted, by SSRC or 0
    bool adapt = false, bitrate = false, running = false;
  };
  struct Work {
    Ref<GstPad> sink; // where to ask from
    std::vector<std::uint32_t> keyframes;
    Ref<GstPad> outer; // where to look for an encoder
    Ref<GstElement> encoder;
    unsigned bitrate = 0;
  };
  void start ();
  bool take (Work &work);
  void run ();

  Guarded<State> state_;
};
} // namespace reach::rtc

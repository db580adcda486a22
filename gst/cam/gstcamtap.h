// SPDX-License-Identifier: LGPL-2.1-or-later
// One tap: a ghost pad, and the private receiver in the server's bin whose pad is its target.
#pragma once
#include "taps.h"
#include <mutex>

namespace reach::cam {
struct TapSettings {
  std::string guid; // of the sender; empty: nothing comes
  guint index = 0;
  MediaType type = MediaType::video;
};

// Any thread. Nothing here waits for the streaming threads.
class Tap final {
public:
  explicit Tap (GstGhostPad *pad) : pad_ (pad) {}

  void open (GstBin *server, Dial dial); // once
  void close ();                         // for good
  void reopen ();                        // guid or media-type has changed
  void retarget ();                      // index has changed, or the receiver's pads have
  void send_eos ();

  Guarded<TapSettings> settings;

private:
  struct State {
    GstBin *server = nullptr; // while it is open
    Ref<GstElement> receiver; // in that bin; none without a guid
  };
  Ref<GstElement> make_receiver (const TapSettings &s) const;
  Ref<GstElement> replace (Ref<GstElement> by);

  GstGhostPad *pad_; // owns us
  Dial dial_;
  Guarded<State> state_;
  std::mutex targets_; // under it only the pads in here are called
};

Tap &tap_of (gpointer pad);
} // namespace reach::cam

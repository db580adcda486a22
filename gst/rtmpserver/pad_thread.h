// SPDX-License-Identifier: LGPL-2.1-or-later
// One streaming thread for the pads of many elements. With a thread for each pad every frame costs
// two switches of threads, which is most of what hundreds of publishers cost; here what has come
// for all pads meanwhile is pushed in one go. A pad whose downstream blocks delays the others.
#pragma once
#include "common/guarded.h"
#include "common/proto/time.h"
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace reach::rtmp {
class TrackPad;

class PadThread {
public:
  // The thread of this name in the process; who asks first says how often it looks, at most.
  static std::shared_ptr<PadThread> get (const std::string &name, Duration wait);
  PadThread (const std::string &name, Duration wait);
  ~PadThread (); // not on itself

  void add (const std::shared_ptr<TrackPad> &pad); // it has started
  void ready (TrackPad &pad);                      // it may have something to push; any thread

private:
  struct State {
    std::vector<std::weak_ptr<TrackPad>> ready, pads;
    bool quit = false;
  };
  void run ();
  void fill_silence ();

  const Duration wait_;
  Guarded<State> state_;
  std::thread thread_;
};
} // namespace reach::rtmp

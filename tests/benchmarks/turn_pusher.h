// SPDX-License-Identifier: LGPL-2.1-or-later
// A sink without a pipeline: the thread that pushes is its streaming thread.
#pragma once
#include <gst/gst.h>

namespace reach::bench {
class Pusher {
public:
  static constexpr gsize payload = 1000;

  explicit Pusher (GstElement *sink); // takes it, ready to play
  ~Pusher ();
  Pusher (const Pusher &) = delete;
  Pusher &operator= (const Pusher &) = delete;

  // Fresh buffers each time, as an element makes them. Ends the program with what the sink says
  // when it refuses.
  void push ();
  void push_list (guint n);
  GstElement *sink () const { return sink_; }

private:
  void check (GstFlowReturn r);
  GstElement *const sink_;
  GstPad *const src_;
  GstBus *const bus_;
};
} // namespace reach::bench

// SPDX-License-Identifier: LGPL-2.1-or-later
// The element's SerialQueue, as objects see it that the application may keep longer than the
// element.
#pragma once
#include "common/serial_queue.h"

namespace reach::rtc {
class SignalQueue {
public:
  explicit SignalQueue (SerialQueue &queue) : queue_ (&queue) {}

  // Any thread. False: over the queue's limit, or closed.
  bool post (SerialQueue::Task task);
  // Before the queue goes. What was posted is the queue's to finish.
  void close ();

private:
  // Locked while SerialQueue::post takes its own lock, and only there: the queue cannot go in
  // between.
  Guarded<SerialQueue *> queue_;
};
} // namespace reach::rtc

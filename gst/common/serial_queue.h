// SPDX-License-Identifier: LGPL-2.1-or-later
// One thread that runs tasks in order: emits signals and posts messages for an element, so that a
// slow handler of the application delays other handlers but no socket and no stream.
#pragma once
#include "guarded.h"
#include <deque>
#include <functional>
#include <memory>
#include <thread>

namespace reach {
class SerialQueue {
public:
  using Task = std::function<void ()>;
  explicit SerialQueue (const char *name, std::size_t limit = 10000);
  // Runs what is queued, then joins. From one of its own tasks: leaves the thread to end by itself.
  ~SerialQueue ();
  // Any thread. False (and nothing queued) over the limit: the handlers are too slow for the
  // events.
  bool post (Task task);
  // Waits until what was posted before has run. At once from one of the queue's own tasks.
  void drain ();

private:
  struct State {
    std::deque<Task> tasks;
    bool quit = false, running = false;
  };
  std::shared_ptr<Guarded<State>> state_;
  std::size_t limit_;
  std::thread thread_;
};
} // namespace reach

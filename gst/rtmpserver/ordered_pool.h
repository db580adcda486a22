// SPDX-License-Identifier: LGPL-2.1-or-later
// Threads that run the application's handlers: tasks of one key in order, those of different keys
// side by side, so that a handler that takes its time holds up its own connection only.
#pragma once
#include "common/guarded.h"
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

namespace reach::rtmp {
class OrderedPool {
public:
  using Task = std::function<void ()>;
  static constexpr std::size_t max_threads = 16;
  static constexpr std::size_t max_tasks = 10000, max_events = 50000;
  // So that one client alone cannot take the places of all.
  static constexpr std::size_t max_tasks_of_key = 256;
  // Of what tasks hold, of all and of one key.
  static constexpr std::size_t max_memory = 64u << 20, max_memory_of_key = 1u << 20;

  explicit OrderedPool (const char *name);
  // Runs what is queued, then joins. From one of its tasks: leaves that thread to end by itself.
  ~OrderedPool ();

  // Any thread. False (and nothing queued) over the limit. `memory`: what the task holds, roughly.
  bool post (std::uint64_t key, Task task, std::size_t memory = 0);
  // The same, for what is to be told in any case: only max_events counts.
  bool post_event (std::uint64_t key, Task task);
  // Waits until all that was posted has run. At once from one of its tasks.
  void drain ();

private:
  struct Queued {
    Task task;
    std::size_t memory;
  };
  struct Key {
    std::deque<Queued> tasks; // not empty: a thread has the key or will
    std::size_t memory = 0;
  };
  struct State {
    std::map<std::uint64_t, Key> waiting;
    std::deque<std::uint64_t> ready; // keys that no thread has
    std::size_t tasks = 0, memory = 0, idle = 0;
    bool quit = false;
    std::vector<std::thread> threads;
  };
  void push (State &s, std::uint64_t key, Queued q);
  static void run (const std::shared_ptr<Guarded<State>> &state);
  bool on_own_thread ();

  const char *name_;
  std::shared_ptr<Guarded<State>> state_;
};
} // namespace reach::rtmp

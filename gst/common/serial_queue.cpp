// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serial_queue.h"
#include <pthread.h>

namespace reach {

SerialQueue::SerialQueue (const char *name, std::size_t limit)
    : state_ (std::make_shared<Guarded<State>> ()), limit_ (limit)
{
  thread_ = std::thread ([state = state_] {
    while (true) {
      Task task;
      {
        state->update ([] (State &x) { x.running = false; });
        auto s = state->lock ();
        s.wait ([] (const State &x) { return x.quit || !x.tasks.empty (); });
        if (s->tasks.empty ())
          return;
        task = std::move (s->tasks.front ());
        s->tasks.pop_front ();
        s->running = true;
      }
      task ();
    }
  });
  pthread_setname_np (thread_.native_handle (), name);
}

SerialQueue::~SerialQueue ()
{
  state_->update ([] (State &s) { s.quit = true; });
  if (std::this_thread::get_id () == thread_.get_id ())
    thread_.detach ();
  else
    thread_.join ();
}

void SerialQueue::drain ()
{
  if (std::this_thread::get_id () == thread_.get_id ())
    return;
  auto s = state_->lock ();
  s.wait ([] (const State &x) { return x.tasks.empty () && !x.running; });
}

bool SerialQueue::post (Task task)
{
  return state_->update ([&] (State &s) {
    if (s.tasks.size () >= limit_)
      return false;
    s.tasks.push_back (std::move (task));
    return true;
  });
}
} // namespace reach

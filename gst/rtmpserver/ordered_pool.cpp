// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ordered_pool.h"
#include <pthread.h>

namespace reach::rtmp {

OrderedPool::OrderedPool (const char *name)
    : name_ (name), state_ (std::make_shared<Guarded<State>> ())
{
}

OrderedPool::~OrderedPool ()
{
  auto threads = state_->update ([] (State &s) {
    s.quit = true;
    return std::exchange (s.threads, {});
  });
  for (auto &t : threads)
    if (t.get_id () == std::this_thread::get_id ())
      t.detach ();
    else
      t.join ();
}

bool OrderedPool::post (std::uint64_t key, Task task, std::size_t memory)
{
  return state_->update ([&] (State &s) {
    if (s.quit || s.tasks >= max_tasks || s.memory + memory > max_memory)
      return false;
    const auto at = s.waiting.find (key);
    if (at != s.waiting.end () && (at->second.tasks.size () >= max_tasks_of_key ||
                                      at->second.memory + memory > max_memory_of_key))
      return false;
    push (s, key, {std::move (task), memory});
    return true;
  });
}

bool OrderedPool::post_event (std::uint64_t key, Task task)
{
  return state_->update ([&] (State &s) {
    if (s.quit || s.tasks >= max_events)
      return false;
    push (s, key, {std::move (task), 0});
    return true;
  });
}

void OrderedPool::push (State &s, std::uint64_t key, Queued q)
{
  s.tasks++;
  s.memory += q.memory;
  Key &k = s.waiting[key];
  k.memory += q.memory;
  k.tasks.push_back (std::move (q));
  if (k.tasks.size () > 1)
    return; // whoever has the key goes on with it
  s.ready.push_back (key);
  if (s.idle < s.ready.size () && s.threads.size () < max_threads)
    s.threads.emplace_back ([state = state_, name = name_] {
      pthread_setname_np (pthread_self (), name);
      run (state);
    });
}

void OrderedPool::run (const std::shared_ptr<Guarded<State>> &state)
{
  while (true) {
    std::uint64_t key = 0;
    Task task;
    {
      auto s = state->lock ();
      s->idle++;
      s.wait ([] (const State &x) { return !x.ready.empty () || x.quit; });
      s->idle--;
      if (s->ready.empty ())
        return;
      key = s->ready.front ();
      s->ready.pop_front ();
      // Its place stays while it runs, so that no other thread takes the key.
      task = std::move (s->waiting[key].tasks.front ().task);
    }
    task ();
    task = {};
    state->update ([key] (State &s) {
      Key &k = s.waiting[key];
      k.memory -= k.tasks.front ().memory;
      s.memory -= k.tasks.front ().memory;
      k.tasks.pop_front ();
      s.tasks--;
      if (k.tasks.empty ())
        s.waiting.erase (key);
      else
        s.ready.push_back (key);
    });
  }
}

bool OrderedPool::on_own_thread ()
{
  const auto s = state_->lock ();
  for (const auto &t : s->threads)
    if (t.get_id () == std::this_thread::get_id ())
      return true;
  return false;
}

void OrderedPool::drain ()
{
  if (!on_own_thread ())
    state_->lock ().wait ([] (const State &s) { return s.tasks == 0; });
}
} // namespace reach::rtmp

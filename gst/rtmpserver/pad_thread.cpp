// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pad_thread.h"
#include "trackpad.h"
#include <map>
#include <pthread.h>

namespace reach::rtmp {
namespace {
using Threads = std::map<std::string, std::weak_ptr<PadThread>>;
Guarded<Threads> &threads ()
{
  static Guarded<Threads> t;
  return t;
}
} // namespace

std::shared_ptr<PadThread> PadThread::get (const std::string &name, Duration wait)
{
  auto t = threads ().lock ();
  std::erase_if (*t, [] (const auto &i) { return i.second.expired (); });
  auto &known = (*t)[name];
  auto found = known.lock ();
  if (!found)
    known = found = std::make_shared<PadThread> (name, wait);
  return found;
}

PadThread::PadThread (const std::string &name, Duration wait)
    : wait_ (wait), thread_ ([this] { run (); })
{
  pthread_setname_np (thread_.native_handle (), ("pads:" + name).substr (0, 15).c_str ());
}

PadThread::~PadThread ()
{
  state_.update ([] (State &s) { s.quit = true; });
  thread_.join ();
}

void PadThread::add (const std::shared_ptr<TrackPad> &pad)
{
  state_.update ([&] (State &s) {
    std::erase_if (s.pads, [] (const auto &p) { return p.expired (); });
    s.pads.push_back (pad);
  });
  ready (*pad);
}

void PadThread::ready (TrackPad &pad)
{
  if (pad.mark_ready ())
    state_.update ([&] (State &s) { s.ready.push_back (pad.weak_from_this ()); });
}

void PadThread::run ()
{
  std::vector<std::weak_ptr<TrackPad>> turn;
  TimePoint look = Clock::now () + TrackPad::silence; // for pads that bring nothing
  while (true) {
    {
      auto s = state_.lock ();
      s.wait_until (look, [] (const State &x) { return x.quit || !x.ready.empty (); });
      if (s->quit)
        return;
      turn.swap (s->ready);
    }
    const TimePoint begin = Clock::now ();
    for (const auto &w : turn)
      if (const auto p = w.lock (); p && p->push_waiting ())
        ready (*p);
    turn.clear ();
    if (begin >= look) {
      fill_silence ();
      look = begin + TrackPad::silence / 2;
    }
    // What comes meanwhile wakes nobody.
    if (wait_ > Duration::zero ())
      std::this_thread::sleep_until (begin + wait_);
  }
}

void PadThread::fill_silence ()
{
  const auto pads = state_.lock ()->pads;
  for (const auto &w : pads)
    if (const auto p = w.lock ())
      p->look_for_silence ();
}
} // namespace reach::rtmp

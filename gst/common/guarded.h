// SPDX-License-Identifier: LGPL-2.1-or-later
// A value that exists only under its lock. Never hold two, never call out while holding one.
#pragma once
#include <condition_variable>
#include <mutex>
#include <utility>

namespace reach {
template <typename T> class Guarded {
public:
  class Locked {
  public:
    explicit Locked (Guarded &g) : g_ (g), lock_ (g.mutex_) {}
    T *operator->() const { return &g_.value_; }
    T &operator* () const { return g_.value_; }
    // Sleeps until the predicate holds; it must include every reason to give up.
    template <typename P> void wait (P &&predicate)
    {
      g_.changed_.wait (lock_, [&] { return predicate (std::as_const (g_.value_)); });
    }
    // False when `deadline` passed first.
    template <typename When, typename P> bool wait_until (When deadline, P &&predicate)
    {
      return g_.changed_.wait_until (
          lock_, deadline, [&] { return predicate (std::as_const (g_.value_)); });
    }
    template <typename F> void unlocked (F &&f)
    {
      lock_.unlock ();
      f ();
      lock_.lock ();
    }

  private:
    Guarded &g_;
    std::unique_lock<std::mutex> lock_;
  };

  template <typename... Args>
  explicit Guarded (Args &&...args) : value_ (std::forward<Args> (args)...)
  {
  }
  Locked lock () { return Locked (*this); }
  // Changes the value, unlocks, then wakes who waits. Returns what `f` returns.
  template <typename F> auto update (F &&f)
  {
    struct Notify {
      std::condition_variable &c;
      ~Notify () { c.notify_all (); }
    } notify{changed_};
    std::lock_guard<std::mutex> l (mutex_);
    return f (value_);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_;
};
} // namespace reach

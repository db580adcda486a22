// SPDX-License-Identifier: LGPL-2.1-or-later
// First in, first out, for queues of which there are many and most are empty: unlike a std::deque
// an empty one has no memory, and what the next item touches is this object and one allocation. One
// thread.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

namespace reach {
// kept: places that an empty queue may keep.
template <typename T, std::size_t kept = 512> class Fifo {
public:
  using iterator = typename std::vector<T>::iterator;
  using const_iterator = typename std::vector<T>::const_iterator;

  bool empty () const { return first_ == items_.size (); }
  std::size_t size () const { return items_.size () - first_; }
  T &front () { return items_[first_]; }
  const T &front () const { return items_[first_]; }
  T &back () { return items_.back (); }
  const T &back () const { return items_.back (); }
  T &operator[] (std::size_t i) { return items_[first_ + i]; } // 0: the oldest
  const T &operator[] (std::size_t i) const { return items_[first_ + i]; }
  iterator begin () { return items_.begin () + static_cast<std::ptrdiff_t> (first_); }
  iterator end () { return items_.end (); }
  const_iterator begin () const { return items_.begin () + static_cast<std::ptrdiff_t> (first_); }
  const_iterator end () const { return items_.end (); }

  void push_back (T item) { items_.push_back (std::move (item)); }
  void pop_front ()
  {
    items_[first_++] = T ();
    forget ();
  }
  // Cheap near the front.
  void erase (iterator item)
  {
    std::move_backward (begin (), item, item + 1);
    pop_front ();
  }
  // `from` and all that came later.
  void erase_from (iterator from)
  {
    items_.erase (from, items_.end ());
    forget ();
  }
  void clear ()
  {
    items_.clear ();
    first_ = 0;
  }

  template <typename F> friend std::size_t erase_if (Fifo &f, F &&unwanted)
  {
    const auto to = std::remove_if (f.begin (), f.end (), unwanted);
    const auto n = static_cast<std::size_t> (f.end () - to);
    f.erase_from (to);
    return n;
  }

private:
  // The places of what is gone: all at once when nothing is left, else when they are the larger
  // part, so that each item is moved once at most on average.
  void forget ()
  {
    if (2 * first_ < items_.size ())
      return;
    items_.erase (items_.begin (), begin ());
    first_ = 0;
    if (items_.empty () && items_.capacity () > kept)
      items_.shrink_to_fit ();
  }

  std::vector<T> items_;
  std::size_t first_ = 0; // the oldest in items_
};
} // namespace reach

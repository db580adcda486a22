// SPDX-License-Identifier: LGPL-2.1-or-later
// A hash table in one piece of memory: open addressing, at most half full, no tombstones. Looking
// up allocates nothing and touches one or two cache lines. Pointers are good until the next change.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace reach::turn::server {
template <typename Key, typename Value, typename Hash> class Table {
public:
  explicit Table (Hash hash = {}) : hash_ (hash) {}

  std::size_t size () const { return size_; }
  Value *find (const Key &key)
  {
    if (size_ == 0)
      return nullptr;
    for (std::size_t i = home (key); slots_[i].used; i = next (i))
      if (slots_[i].key == key)
        return &slots_[i].value;
    return nullptr;
  }
  // In place of what was there for the key.
  Value &put (const Key &key, Value value)
  {
    if (Value *v = find (key))
      return *v = std::move (value);
    if (2 * (size_ + 1) > slots_.size ())
      grow ();
    size_++;
    return add (key, std::move (value));
  }
  bool erase (const Key &key)
  {
    if (size_ == 0)
      return false;
    std::size_t i = home (key);
    while (slots_[i].used && !(slots_[i].key == key))
      i = next (i);
    if (!slots_[i].used)
      return false;
    close_gap (i);
    size_--;
    return true;
  }
  template <typename F> void for_each (F &&f)
  {
    for (Slot &s : slots_)
      if (s.used)
        f (s.key, s.value);
  }
  template <typename F> void erase_if (F &&f)
  {
    std::vector<Key> gone;
    for_each ([&] (const Key &k, Value &v) {
      if (f (k, v))
        gone.push_back (k);
    });
    for (const Key &k : gone)
      erase (k);
  }

private:
  struct Slot {
    Key key{};
    Value value{};
    bool used = false;
  };
  std::size_t home (const Key &key) const { return hash_ (key) & (slots_.size () - 1); }
  std::size_t next (std::size_t i) const { return (i + 1) & (slots_.size () - 1); }

  Value &add (const Key &key, Value &&value)
  {
    std::size_t i = home (key);
    while (slots_[i].used)
      i = next (i);
    slots_[i] = {key, std::move (value), true};
    return slots_[i].value;
  }
  void grow ()
  {
    std::vector<Slot> old (slots_.empty () ? 4 : 2 * slots_.size ());
    std::swap (old, slots_);
    for (Slot &s : old)
      if (s.used)
        add (s.key, std::move (s.value));
  }
  // What stands behind moves up, unless it would then be in front of where it is looked for.
  void close_gap (std::size_t gap)
  {
    for (std::size_t i = next (gap); slots_[i].used; i = next (i)) {
      const std::size_t mask = slots_.size () - 1;
      if (((i - home (slots_[i].key)) & mask) >= ((i - gap) & mask)) {
        slots_[gap] = std::move (slots_[i]);
        gap = i;
      }
    }
    slots_[gap] = {};
  }

  Hash hash_;
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};
} // namespace reach::turn::server

// SPDX-License-Identifier: LGPL-2.1-or-later
// Lookups of GIO whose callback is still to come. A loop that ends waits for it: one that is
// cancelled just when another thread has its answer is called back a moment later, and what its
// callback holds would be lost.
#pragma once

namespace reach {
// Kept with what the callback is given. On the thread that starts the lookup and is called back.
class LookupCount {
public:
  LookupCount () { under_way_++; }
  ~LookupCount () { under_way_--; }
  LookupCount (const LookupCount &) = delete;
  LookupCount &operator= (const LookupCount &) = delete;
  static bool any () { return under_way_ > 0; } // of this thread

private:
  static inline thread_local unsigned under_way_ = 0;
};
} // namespace reach

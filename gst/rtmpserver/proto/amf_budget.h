// SPDX-License-Identifier: LGPL-2.1-or-later
// What decoding one message may still cost, and why it ended. Shared by AMF0 and the AMF3 within
// it.
#pragma once
#include "amf.h"
#include <utility>

namespace reach::rtmp {
class AmfBudget {
public:
  using Fault = Decoded::Fault;
  explicit AmfBudget (const Limits &l)
      : depth_ (l.amf_depth), values_ (l.amf_values), repeated_ (l.amf_repeated),
        string_ (l.amf_string), bytes_ (l.amf_bytes), most_values_ (l.amf_values),
        most_bytes_ (l.amf_bytes)
  {
  }
  // Each is false when that is more than what is left; the fault is set then.
  bool values (std::size_t n)
  {
    if (n > values_ || (repeating_ && n > repeated_))
      return fail (Fault::too_many);
    values_ -= n;
    repeated_ -= repeating_ ? n : 0;
    return true;
  }
  // Whether what is decoded from now on is what a reference means. Returns what was before.
  bool repeat (bool on) { return std::exchange (repeating_, on); }
  bool depth (std::size_t d) { return d <= depth_ || fail (Fault::too_deep); }
  bool text (std::size_t n)
  {
    return n <= string_ && n <= bytes_ ? (bytes_ -= n, true) : fail (Fault::too_big);
  }
  bool fail (Fault f) // the first one counts; always false
  {
    if (fault_ == Fault::none)
      fault_ = f;
    return false;
  }
  Fault fault () const { return fault_; }
  // What the values decoded so far take, roughly.
  std::size_t memory () const
  {
    return (most_values_ - values_) * sizeof (Property) + (most_bytes_ - bytes_);
  }

private:
  std::size_t depth_, values_, repeated_, string_, bytes_;
  const std::size_t most_values_, most_bytes_;
  bool repeating_ = false;
  Fault fault_ = Fault::none;
};

// A complex value that a later reference may mean: where it begins and ends in the input. A
// reference decodes that part again, so it can only mean what is wholly in front of it; one to an
// object around itself, which a tree cannot hold, reads as null.
struct AmfPlace {
  std::size_t begin, end;
};
constexpr std::size_t amf_open = SIZE_MAX; // the end of what is still being decoded
} // namespace reach::rtmp

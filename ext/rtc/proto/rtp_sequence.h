// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers of 16 and 32 bits that wrap, as 64 bits that do not.
#pragma once
#include <cstdint>

namespace reach::rtc {
// a is behind b, by less than half of the circle.
template <typename T> constexpr bool newer (T a, T b)
{
  return a != b && static_cast<T> (a - b) < T (1) << (sizeof (T) * 8 - 1);
}

// The number nearest to the last one. The first starts in the second round, so that those before
// it are not negative.
template <typename T> class Unwrapper {
public:
  std::int64_t unwrap (T number)
  {
    last_ = peek (number);
    started_ = true;
    return last_;
  }
  // Without remembering it.
  std::int64_t peek (T number) const
  {
    if (!started_)
      return (std::int64_t (1) << bits) + number;
    const T step = static_cast<T> (number - static_cast<T> (last_));
    const bool back = step >> (bits - 1) != 0;
    return last_ + static_cast<std::int64_t> (step) - (back ? std::int64_t (1) << bits : 0);
  }
  bool started () const { return started_; }
  void reset () { started_ = false; }

private:
  static constexpr int bits = sizeof (T) * 8;
  std::int64_t last_ = 0;
  bool started_ = false;
};
} // namespace reach::rtc

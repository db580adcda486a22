// SPDX-License-Identifier: LGPL-2.1-or-later
// How long frames took to one reader: cuts what comes into messages and looks at the mark at the
// start of each frame's payload.
#pragma once
#include "load.h"
#include <span>
#include <vector>

namespace reach::bench {

class FrameTimes {
public:
  virtual ~FrameTimes () = default;
  // Any split of the bytes; `now`: when they were read, ns.
  virtual void input (std::span<const char> in, std::int64_t now) = 0;
  // Milliseconds, of the frames that were sent after `since` (ns) and can be shown.
  void collect (std::int64_t since, std::vector<double> &to) const;
  // A frame's number was not the one behind the last: dropped. And the frame behind was no key
  // frame.
  std::uint64_t holes () const { return holes_; }
  std::uint64_t holes_off_key () const { return holes_off_key_; }

protected:
  void saw (std::uint32_t number, bool key, const FrameMark &mark, std::int64_t now);

private:
  struct Seen {
    std::int64_t sent_at;
    float ms;
  };
  std::vector<Seen> seen_;
  std::uint64_t holes_ = 0, holes_off_key_ = 0;
  std::uint32_t next_ = 0;
};
} // namespace reach::bench

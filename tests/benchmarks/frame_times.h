// SPDX-License-Identifier: LGPL-2.1-or-later
// How long frames took to one reader: cuts what a cam link brings into messages and looks at the
// mark at the start of each frame's payload (docs/protocol-cam.md, "Frame").
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace reach::bench {

class FrameTimes {
public:
  // Any split of the bytes; `now`: when they were read, ns.
  void input (std::span<const char> in, std::int64_t now);
  // Milliseconds, of the frames that were sent after `since` (ns) and can be shown.
  void collect (std::int64_t since, std::vector<double> &to) const;
  // A frame's number was not the one behind the last: dropped.
  std::uint64_t holes () const { return holes_; }

private:
  struct Seen {
    std::int64_t sent_at;
    float ms;
  };
  static constexpr std::size_t header = 8, frame_header = 40,
                               looked_at = header + frame_header + 24;
  void message_done (std::int64_t now);

  std::array<std::uint8_t, looked_at> head_{};
  std::size_t got_ = 0; // of the message under way
  std::vector<Seen> seen_;
  std::uint64_t holes_ = 0;
  std::uint32_t next_ = 0;
};
} // namespace reach::bench

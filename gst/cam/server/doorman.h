// SPDX-License-Identifier: LGPL-2.1-or-later
// Several protocols on one port: waits for the first byte of an accepted connection, which tells
// them apart, and hands the connection over with nothing read. Loop thread only.
#pragma once
#include "common/loop.h"
#include <unordered_map>

namespace reach::cam {

class Doorman final {
public:
  enum class Guest : std::uint8_t { cam, http };   // cam: also what is neither, to be closed there
  using Let = std::function<void (int fd, Guest)>; // takes the descriptor over
  static constexpr Duration patience = seconds (10);

  Doorman (Loop &loop, std::size_t limit, Let let);
  ~Doorman ();
  void take (int fd); // owns it

private:
  class Waiting;
  void done (Waiting &w, int fd);

  Loop &loop_;
  const std::size_t limit_;
  Let let_;
  std::unordered_map<Waiting *, std::unique_ptr<Waiting>> waiting_;
};
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
// What a NetStream that plays is to its connection; ends with its destruction, which also comes
// when the connection is gone. Loop thread; must not block.
#pragma once
#include "flow.h"

namespace reach::rtmp {
class Outlet {
public:
  virtual ~Outlet () = default;
  virtual void pause (bool on) = 0;
  virtual void receive (bool audio, bool video) = 0;
  virtual void buffer_length (std::uint32_t milliseconds) = 0;
  // The connection has room again after Connection::has_room () was false.
  virtual void on_room () = 0;
  virtual Flow flow (TimePoint now) = 0;
};
} // namespace reach::rtmp

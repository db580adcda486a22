// SPDX-License-Identifier: LGPL-2.1-or-later
// A listening TCP socket on a loop.
#pragma once
#include "address.h"
#include "loop.h"
#include <string>

namespace reach {
class Listener final : EpollSet::Handler {
public:
  using Accepted = std::function<void (int fd)>; // takes the descriptor over

  // Binds and listens; any thread. -1 and `error` in words when it fails. Port 0 picks one.
  static int bind (const std::string &address, std::uint16_t port, std::string &error);

  Listener (Loop &loop, int fd, Accepted accepted); // loop thread; owns fd
  ~Listener () override;
  std::uint16_t port () const { return Address::local_of (fd_).port (); }

private:
  void on_ready (std::uint32_t) override;

  Loop &loop_;
  int fd_;
  EpollSet::Token token_;
  Accepted accepted_;
  Timer resume_;
};
} // namespace reach

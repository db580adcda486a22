// SPDX-License-Identifier: LGPL-2.1-or-later
// Logins whose tokens have to be hashed, which takes a tenth of a second each: one after the other
// in a thread, the clients' networks in turn, so that a flood of guesses from one keeps only its
// own neighbours waiting.
#pragma once
#include "cam/proto/fair_queue.h"
#include "common/serial_queue.h"
#include "server_types.h"

namespace reach::cam {

class LoginQueue {
public:
  static constexpr std::size_t limit = 100, limit_of_one = 20; // that wait: 10 s, 2 s
  // In the thread.
  explicit LoginQueue (std::function<void (const Login &)> look);

  // Any thread. What finds no place: the login, another one that makes room, or nothing.
  std::optional<Login> post (Login login);
  void drain () { thread_.drain (); }

private:
  const std::function<void (const Login &)> look_;
  Guarded<FairQueue<Login>> waiting_{limit, limit_of_one};
  SerialQueue thread_{"cam-logins", 2 * limit};
};
} // namespace reach::cam

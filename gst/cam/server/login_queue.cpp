// SPDX-License-Identifier: LGPL-2.1-or-later
#include "login_queue.h"
#include "common/address.h"

namespace reach::cam {

LoginQueue::LoginQueue (std::function<void (const Login &)> look) : look_ (std::move (look)) {}

std::optional<Login> LoginQueue::post (Login login)
{
  const std::string who = network_of (login.address);
  auto out = waiting_.update ([&] (auto &w) { return w.put (who, std::move (login)); });
  // A task for each that waits; one that gave way leaves a task with nothing to do.
  thread_.post ([this] {
    if (const auto next = waiting_.update ([] (auto &w) { return w.take (); }))
      look_ (*next);
  });
  return out;
}
} // namespace reach::cam

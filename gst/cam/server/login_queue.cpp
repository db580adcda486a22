// SPDX-License-Identifier: LGPL-2.1-or-later
#include "login_queue.h"
#include "common/address.h"
#include <netinet/in.h>

namespace reach::cam {

std::string network_of (const std::string &peer)
{
  const std::size_t colon = peer.rfind (':');
  std::string host = peer.substr (0, colon);
  if (!host.starts_with ('['))
    return host;
  host = host.substr (1, host.size () - 2);
  const auto a = Address::parse (host, 0);
  if (!a || a->family () != AF_INET6)
    return host;
  const auto &bytes = reinterpret_cast<const sockaddr_in6 &> (a->storage).sin6_addr.s6_addr;
  return std::string (bytes, bytes + 8);
}

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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_service.h"

namespace reach::rtc {
void PoolService::on_request (WebConnection &c)
{
  const http::Request &r = c.request ();
  if (r.method != "GET" && r.method != "HEAD")
    return c.respond (405, "text/plain", "Only GET is known here.\n", {{"Allow", "GET, HEAD"}});
  const auto file = files_.get (r.path);
  if (!file)
    return c.respond (404, "text/plain", "There is no such page here.\n");
  c.respond (200, file->type, file->bytes,
      {{"Cache-Control", "no-cache"}, {"X-Content-Type-Options", "nosniff"}});
}

void PoolService::on_upgrade (WebConnection &c)
{
  if (!c.offers (Pairing::protocol))
    return c.respond (400, "text/plain",
        "The sub-protocol that is known here is " + std::string (Pairing::protocol) + ".\n");
  const auto wish = Pairing::wish_of (c.request (), limits_);
  if (!wish)
    return c.respond (400, "text/plain", "The path has to name a channel.\n");
  if (requests_.size () >= max_requests)
    return c.respond (503, "text/plain", "Too many are waiting to be let in.\n");
  const std::uint64_t id = ++last_request_;
  requests_.emplace (id, Request{&c, *wish});
  if (!owner_.on_join_request (id, wish->channel, wish->peer))
    decide (id, false);
}

bool PoolService::decide (std::uint64_t id, bool yes)
{
  const auto at = requests_.find (id);
  if (at == requests_.end ())
    return false;
  const Request r = std::move (at->second);
  requests_.erase (at);
  if (!yes) {
    r.connection->respond (403, "text/plain", "This channel is not for you.\n");
    return true;
  }
  r.connection->accept (Pairing::protocol);
  pairing_.join (*r.connection, r.wish);
  return true;
}

void PoolService::on_over (WebConnection &c, unsigned code)
{
  std::erase_if (requests_, [&c] (const auto &r) { return r.second.connection == &c; });
  pairing_.on_over (c, code);
}
} // namespace reach::rtc

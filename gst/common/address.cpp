// SPDX-License-Identifier: LGPL-2.1-or-later
#include "address.h"
#include "lookup_count.h"
#include "ref.h"
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace reach {

std::optional<Address> Address::parse (const std::string &host, std::uint16_t port)
{
  Address a;
  auto *v4 = reinterpret_cast<sockaddr_in *> (&a.storage);
  if (inet_pton (AF_INET, host.c_str (), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons (port);
    a.length = sizeof *v4;
    return a;
  }
  auto *v6 = reinterpret_cast<sockaddr_in6 *> (&a.storage);
  if (inet_pton (AF_INET6, host.c_str (), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons (port);
    a.length = sizeof *v6;
    return a;
  }
  return {};
}

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

Address Address::local_of (int fd)
{
  Address a;
  a.length = sizeof a.storage;
  if (getsockname (fd, reinterpret_cast<sockaddr *> (&a.storage), &a.length) != 0)
    a.length = 0;
  return a;
}

Address Address::peer_of (int fd)
{
  Address a;
  a.length = sizeof a.storage;
  if (getpeername (fd, reinterpret_cast<sockaddr *> (&a.storage), &a.length) != 0)
    a.length = 0;
  return a;
}

std::uint16_t Address::port () const
{
  if (family () == AF_INET6)
    return ntohs (reinterpret_cast<const sockaddr_in6 *> (&storage)->sin6_port);
  return ntohs (reinterpret_cast<const sockaddr_in *> (&storage)->sin_port);
}

std::string Address::host () const
{
  char text[INET6_ADDRSTRLEN] = "";
  if (family () == AF_INET6) {
    const auto &a = reinterpret_cast<const sockaddr_in6 *> (&storage)->sin6_addr;
    // A dual-stack listener sees IPv4 peers as mapped; users write and expect plain IPv4.
    if (IN6_IS_ADDR_V4MAPPED (&a))
      inet_ntop (AF_INET, a.s6_addr + 12, text, sizeof text);
    else
      inet_ntop (AF_INET6, &a, text, sizeof text);
  } else if (family () == AF_INET) {
    inet_ntop (
        AF_INET, &reinterpret_cast<const sockaddr_in *> (&storage)->sin_addr, text, sizeof text);
  }
  return text;
}

std::string Address::text () const
{
  const std::string h = host ();
  return (h.find (':') == std::string::npos ? h : "[" + h + "]") + ":" + std::to_string (port ());
}

struct Resolve::State {
  Done done;
  std::uint16_t port;
  Ref<GCancellable> cancel = Ref<GCancellable>::adopt (g_cancellable_new ());
  GSource *idle = nullptr;
  std::optional<LookupCount> under_way;
};

Resolve::Resolve (GMainContext *context, const std::string &host, std::uint16_t port, Done done)
    : state_ (std::make_shared<State> ())
{
  state_->done = std::move (done);
  state_->port = port;
  if (const auto literal = Address::parse (host, port)) {
    using Pending = std::pair<std::shared_ptr<State>, Address>;
    state_->idle = g_idle_source_new ();
    g_source_set_priority (state_->idle, G_PRIORITY_DEFAULT);
    g_source_set_callback (
        state_->idle,
        [] (gpointer p) -> gboolean {
          auto *pending = static_cast<Pending *> (p);
          if (!g_cancellable_is_cancelled (pending->first->cancel.get ()))
            pending->first->done ({pending->second}, {});
          return G_SOURCE_REMOVE;
        },
        new Pending (state_, *literal), [] (gpointer p) { delete static_cast<Pending *> (p); });
    g_source_attach (state_->idle, context);
    g_source_unref (state_->idle);
    return;
  }
  state_->under_way.emplace ();
  auto resolver = Ref<GResolver>::adopt (g_resolver_get_default ());
  g_resolver_lookup_by_name_async (resolver.get (), host.c_str (), state_->cancel.get (), on_found,
      new std::shared_ptr<State> (state_));
}

Resolve::~Resolve ()
{
  g_cancellable_cancel (state_->cancel.get ());
}

void Resolve::on_found (GObject *resolver, GAsyncResult *result, gpointer data)
{
  const std::unique_ptr<std::shared_ptr<State>> held (static_cast<std::shared_ptr<State> *> (data));
  State &s = **held;
  s.under_way.reset ();
  GError *e = nullptr;
  GList *list = g_resolver_lookup_by_name_finish (G_RESOLVER (resolver), result, &e);
  const ErrorPtr error (e);
  std::vector<Address> found;
  for (GList *l = list; l; l = l->next) {
    const CharPtr text (g_inet_address_to_string (G_INET_ADDRESS (l->data)));
    if (auto a = Address::parse (text.get (), s.port))
      found.push_back (*a);
  }
  g_resolver_free_addresses (list);
  if (!g_cancellable_is_cancelled (s.cancel.get ()))
    s.done (std::move (found), error ? error->message : "");
}
} // namespace reach

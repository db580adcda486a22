// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server.h"
#include "crypto.h"
#include <algorithm>
#include <unistd.h>

namespace reach::rtmp {
struct Server::Key {};

// Servers that run or are about to end. An entry goes when its port is free again.
struct Server::Registry {
  struct Entry {
    std::string address;
    std::uint16_t port;
    const Server *server; // not to be followed
    std::weak_ptr<Server> alive;
  };
  std::vector<Entry> entries;
  const Entry *find (const ServerSettings &s) const
  {
    const auto at = std::find_if (entries.begin (), entries.end (), [&] (const Entry &e) {
      return s.port != 0 && e.port == s.port && e.address == s.bind_address;
    });
    return at == entries.end () ? nullptr : &*at;
  }
};

namespace {
bool same_tls (const ServerSettings &a, const ServerSettings &b)
{
  return a.tls == b.tls && a.tls_certificate == b.tls_certificate && a.tls_key == b.tls_key;
}

// False: `error` says what is wrong.
bool make_tls (
    const ServerSettings &s, std::shared_ptr<const TlsContext> &context, std::string &error)
{
  if (!s.tls)
    return true;
  if (s.tls_certificate.empty ()) {
    error = "RTMPS needs tls-certificate and tls-key";
    return false;
  }
  TlsConfig c;
  c.server = true;
  c.certificate = s.tls_certificate;
  c.key = s.tls_key;
  c.verify = false; // players and encoders have no certificates
  context = TlsContext::make (c, error);
  return context != nullptr;
}
} // namespace

// Never destroyed: an element may end later than static objects do.
Guarded<Server::Registry> &Server::registry ()
{
  static auto *r = new Guarded<Registry>;
  return *r;
}

std::shared_ptr<Server> Server::get (const ServerSettings &s, std::string &error)
{
  std::shared_ptr<const TlsContext> tls;
  if (!make_tls (s, tls, error))
    return {};
  std::shared_ptr<Server> found;
  auto all = registry ().lock ();
  all.wait ([&] (const Registry &r) { // one that is ending has to end first
    const auto *e = r.find (s);
    return !e || (found = e->alive.lock ());
  });
  if (found && !same_tls (found->settings_, s)) {
    error = "another element listens there with other TLS settings";
    all.unlocked ([&] { found.reset (); });
    return {};
  }
  if (found)
    return found;
  const int fd = Listener::bind (s.bind_address, s.port, error);
  if (fd < 0)
    return {};
  auto server = std::make_shared<Server> (Key{}, s, std::move (tls), fd);
  all->entries.push_back ({server->settings_.bind_address, server->port_, server.get (), server});
  return server;
}

Server::Server (const Key &, const ServerSettings &s, std::shared_ptr<const TlsContext> tls, int fd)
    : settings_ (s), tls_ (std::move (tls)), strangers_ (s.max_connections),
      loop_ (std::make_unique<Loop> ("rtmp-server"))
{
  settings_.session.crypto = make_crypto ();
  challenges_.emplace (settings_.session.crypto, Challenges::Limits{}, Clock::now ());
  loop_->call ([&] {
    listener_ = std::make_unique<Listener> (*loop_, fd, [this] (int client) { accept (client); });
    port_ = listener_->port ();
  });
}

Server::~Server ()
{
  loop_->call ([this] {
    listener_.reset ();
    endpoints_.clear ();
    connections_.clear ();
  });
  loop_.reset ();
  registry ().update ([this] (Registry &r) {
    std::erase_if (r.entries, [this] (const auto &e) { return e.server == this; });
  });
}

void Server::add (std::shared_ptr<Endpoint> e)
{
  loop_->call ([&] { endpoints_.push_back (std::move (e)); });
}

void Server::remove (const Endpoint &e)
{
  loop_->call ([&] {
    const auto at = std::find_if (
        endpoints_.begin (), endpoints_.end (), [&] (const auto &p) { return p.get () == &e; });
    if (at == endpoints_.end ())
      return;
    const auto held = *at; // until its connections have forgotten it
    endpoints_.erase (at);
    each ([&] (Connection &c) { c.forget (e); });
  });
}

Server::Counters Server::counters ()
{
  Counters c;
  loop_->call ([&] {
    c = counters_;
    c.open = connections_.size ();
  });
  return c;
}

Connection *Server::find (std::uint64_t id)
{
  const auto at = connections_.find (id);
  return at == connections_.end () || at->second->over () ? nullptr : at->second.get ();
}

// `f` may end connections.
void Server::each (const std::function<void (Connection &)> &f)
{
  std::vector<std::uint64_t> ids;
  for (const auto &[id, c] : connections_)
    ids.push_back (id);
  for (const std::uint64_t id : ids)
    if (Connection *c = find (id))
      f (*c);
}

bool Server::full (const std::string &network) const
{
  const auto at = networks_.find (network);
  const std::size_t its = at == networks_.end () ? 0 : at->second;
  const std::size_t most = settings_.max_connections_per_address;
  return connections_.size () >= settings_.max_connections || (most > 0 && its >= most);
}

void Server::accept (int fd)
{
  const std::string network = network_of (Address::peer_of (fd).text ());
  auto place = full (network) ? Shares::Place () : strangers_.take (network);
  if (!place) {
    counters_.refused++;
    ::close (fd);
    return;
  }
  counters_.accepted++;
  networks_[network]++;
  const std::uint64_t id = ++last_id_;
  connections_.emplace (id, std::make_unique<Connection> (*this, id, fd,
                                tls_ ? tls_->session () : nullptr, std::move (place)));
}

void Server::over (Connection &c)
{
  const auto at = connections_.find (c.id ());
  if (at == connections_.end ())
    return;
  const auto n = networks_.find (network_of (c.peer_address ()));
  if (n != networks_.end () && --n->second == 0)
    networks_.erase (n);
  loop_->destroy_later (std::move (at->second));
  connections_.erase (at);
}
} // namespace reach::rtmp

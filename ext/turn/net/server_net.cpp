// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_net.h"
#include "common/guarded.h"
#include "common/udp_socket.h"
#include "hashes.h"
#include "server_udp.h"
#include <cstring>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::turn::server {
namespace {
class SharedCommons final : public Commons {
public:
  Account *enter (const std::string &name, const Limits &l, Full &why) override
  {
    return local_.lock ()->enter (name, l, why);
  }
  void leave (Account *a) override { local_.lock ()->leave (a); }
  bool keep (const Token &t, Reserved r, const Limits &l) override
  {
    return local_.lock ()->keep (t, std::move (r), l);
  }
  std::optional<Reserved> claim (const Token &t, const std::string *user) override
  {
    return local_.lock ()->claim (t, user);
  }

private:
  Guarded<LocalCommons> local_;
};

// The address that this host would use to talk to the rest of the world; nothing is sent.
std::string outward_address (bool v6)
{
  std::string error;
  const auto far = reach::Address::parse (v6 ? "2001:db8::1" : "192.0.2.1", 9);
  const int fd = UdpSocket::connect (*far, error);
  if (fd < 0)
    return {};
  const std::string host = reach::Address::local_of (fd).host ();
  ::close (fd);
  return host;
}

std::vector<Address> own_addresses ()
{
  std::vector<Address> all;
  ifaddrs *list = nullptr;
  if (getifaddrs (&list) != 0)
    return all;
  for (const ifaddrs *i = list; i; i = i->ifa_next) {
    reach::Address a;
    const int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
    if (family != AF_INET && family != AF_INET6)
      continue;
    a.length = family == AF_INET ? sizeof (sockaddr_in) : sizeof (sockaddr_in6);
    std::memcpy (&a.storage, i->ifa_addr, a.length);
    all.push_back (from_socket (a));
  }
  freeifaddrs (list);
  return all;
}

void close_all (std::vector<int> &fds)
{
  for (const int fd : fds)
    ::close (fd);
  fds.clear ();
}

void close_one (int &fd)
{
  if (fd >= 0)
    ::close (fd);
  fd = -1;
}
} // namespace

std::unique_ptr<NetServer> NetServer::start (
    NetSettings settings, Observer &observer, std::string &error)
{
  std::unique_ptr<NetServer> s (new NetServer (std::move (settings)));
  if (!s->prepare (error) || !s->bind_all (error))
    return {};
  s->run (observer);
  return s;
}

namespace {
// Now rather than with each allocation, of which clients would hear that there is no room (508).
bool can_relay_from (const std::string &host, Family f, std::string &error)
{
  if (parse_host (host).family != f) {
    error = "\"" + host + "\" is no address to relay from";
    return false;
  }
  std::string why;
  const int fd = UdpSocket::bind (host, 0, why);
  if (fd >= 0)
    ::close (fd);
  else
    error = "nothing can be relayed from " + host + " (" + why +
            "): relay-address has to be this host's, or relay-bind-address behind a NAT";
  return fd >= 0;
}

// Sockets that share a port would share it with another server's, too. Of port 0 the kernel picks
// one.
bool is_nobodys (const std::string &address, std::uint16_t &port, std::string &error)
{
  const int fd = bind_udp (address, port, {}, error);
  if (fd < 0)
    return false;
  port = reach::Address::local_of (fd).port ();
  ::close (fd);
  return true;
}
} // namespace

bool NetServer::prepare (std::string &error)
{
  NetSettings &s = settings_;
  s.threads = std::max (s.threads, 1u);
  if (!s.core.crypto.md5)
    s.core.crypto = make_crypto ();
  if (s.core.nonce_secret.empty ()) {
    s.core.nonce_secret.resize (32);
    s.core.crypto.random (s.core.nonce_secret);
  }
  const Address bound = parse_host (s.bind_address);
  if (!bound) {
    error = "\"" + s.bind_address + "\" is not an IPv4 or IPv6 address";
    return false;
  }
  if (!check_tls_port (error) || (!s.alternate_address.empty () && !check_alternate (error)))
    return false;
  const bool any = is_any (bound);
  for (const Family f : {Family::ipv4, Family::ipv6}) {
    std::string &bind = s.relay_bind[index_of (f)];
    if (s.relay_bind[0].empty () && s.relay_bind[1].empty () && !any && bound.family == f)
      bind = s.bind_address;
    else if (bind.empty () && any)
      bind = outward_address (f == Family::ipv6);
    if (bind.empty () && any && f == Family::ipv4)
      bind = "127.0.0.1"; // a host without a network
    Address &told = s.core.relay[index_of (f)];
    if (bind.empty ()) {
      told = {};
      continue;
    }
    if (!can_relay_from (bind, f, error))
      return false;
    if (!told)
      told = parse_host (bind);
  }
  if (!s.tls && !s.dtls)
    return true;
  TlsConfig c;
  c.server = true;
  c.protocol = stun::alpn;
  c.certificate = s.tls_certificate;
  c.key = s.tls_key;
  c.verify = false; // clients have passwords, not certificates
  if (s.tls && !(tls_ = TlsContext::make (c, error)))
    return false;
  c.datagrams = true;
  return !s.dtls || (dtls_ = TlsContext::make (c, error));
}

// UDP and TCP on one port. Of port 0 the kernel picks one for the first, which need not be free
// for the second.
bool NetServer::bind_pair (const std::string &address, bool udp, bool tcp, std::uint16_t &port,
    std::vector<int> &udp_fds, int &tcp_fd, std::string &error)
{
  const std::uint16_t wanted = port;
  for (int i = 0; i < (wanted == 0 ? 16 : 1); i++) {
    port = wanted;
    const bool shared = settings_.threads > 1;
    bool good = !udp || !shared || is_nobodys (address, port, error);
    for (unsigned n = 0; good && udp && n < settings_.threads; n++) {
      const UdpOptions o{.reuse_port = shared, .buffer = 4 << 20};
      const int fd = bind_udp (address, port, o, error);
      good = fd >= 0;
      if (good) {
        udp_fds.push_back (fd);
        port = reach::Address::local_of (fd).port ();
      }
    }
    if (good && tcp) {
      tcp_fd = Listener::bind (address, port, error);
      good = tcp_fd >= 0;
      if (good)
        port = reach::Address::local_of (tcp_fd).port ();
    }
    if (good)
      return true;
    close_all (udp_fds);
    close_one (tcp_fd);
  }
  error = "port " + std::to_string (wanted) + ": " + error;
  return false;
}

// The sockets of several threads share their ports, and would share one with the other protocol's.
bool NetServer::check_tls_port (std::string &error) const
{
  const NetSettings &s = settings_;
  const bool alternate = !s.alternate_address.empty () && s.tls_port == s.alternate_port;
  const bool shared = s.udp && s.dtls && s.tls_port != 0 && (s.tls_port == s.port || alternate);
  if (shared)
    error =
        "tls-port has to be another one than port and alternate-port: DTLS and STUN would share it";
  return !shared;
}

bool NetServer::check_alternate (std::string &error) const
{
  const NetSettings &s = settings_;
  const Address bound = parse_host (s.bind_address), other = parse_host (s.alternate_address);
  const bool any = is_any (bound) || is_any (other);
  std::string fault;
  if (!s.udp)
    fault = "alternate-address needs udp";
  else if (!other || any || other.family != bound.family || other == bound)
    fault = "alternate-address \"" + s.alternate_address +
            "\" has to be another address than bind-address, of its family, and neither may be any";
  else if (s.core.other_address)
    fault = "other-address and alternate-address exclude each other";
  else if (s.alternate_port != 0 && s.alternate_port == s.port)
    fault = "alternate-port has to be another one than port";
  if (!fault.empty ())
    error = fault;
  return fault.empty ();
}

// The other three of the four: whoever asks one may have an answer of each.
bool NetServer::bind_corners (std::string &error)
{
  NetSettings &s = settings_;
  int none = -1;
  for (const unsigned c : {other_port, other_host, other_port | other_host}) {
    const std::string &address = c & other_host ? s.alternate_address : s.bind_address;
    std::uint16_t &port = c & other_port ? s.alternate_port : s.port;
    if (!bind_pair (address, true, false, port, corner_fds_[c], none, error)) {
      error = address + ", " + error;
      return false;
    }
  }
  return true;
}

// Ports that the kernel picks for one address need not be free on the other one.
bool NetServer::bind_clear (std::string &error)
{
  NetSettings &s = settings_;
  const std::uint16_t port = s.port, alternate = s.alternate_port;
  const bool discovers = !s.alternate_address.empty ();
  const bool picked = discovers && (port == 0 || alternate == 0);
  for (int i = 0; i < (picked ? 16 : 1); i++) {
    s.port = port;
    s.alternate_port = alternate;
    if (bind_pair (s.bind_address, s.udp, s.tcp, s.port, udp_fds_, tcp_fd_, error) &&
        (!discovers || bind_corners (error)))
      return true;
    close_all (udp_fds_);
    close_one (tcp_fd_);
    for (auto &fds : corner_fds_)
      close_all (fds);
  }
  return false;
}

bool NetServer::bind_all (std::string &error)
{
  NetSettings &s = settings_;
  if (!s.udp && !s.tcp)
    s.port = 0;
  else if (!bind_clear (error))
    return false;
  if (s.alternate_address.empty ())
    s.alternate_port = 0;
  if (!check_tls_port (error)) // of ports that the kernel has picked
    return false;
  if (!s.dtls && !s.tls)
    s.tls_port = 0;
  else if (!bind_pair (s.bind_address, s.dtls, s.tls, s.tls_port, dtls_fds_, tls_fd_, error))
    return false;
  return true;
}

void NetServer::run (Observer &observer)
{
  for (const Address &a : own_addresses ())
    settings_.core.peers.add_host (a);
  for (const Address &a : settings_.core.relay)
    if (a)
      settings_.core.peers.add_host (a);
  if (!settings_.alternate_address.empty ())
    settings_.core.peers.add_host (parse_host (settings_.alternate_address));
  for (const std::uint16_t p : {settings_.port, settings_.tls_port, settings_.alternate_port})
    if (p != 0)
      settings_.core.peers.add_door (p);
  commons_ = std::make_unique<SharedCommons> ();
  for (unsigned i = 0; i < settings_.threads; i++)
    workers_.push_back (std::make_unique<Worker> (settings_, *commons_, observer,
        Worker::Place{i, settings_.threads, [this] (unsigned to, auto moved) {
                        Worker &w = *workers_[to];
                        w.loop ().post ([&w, moved] {
                          auto &c = moved->connection;
                          w.accept (std::exchange (c.fd, -1), std::move (c.tls), moved->bytes);
                        });
                      }}));
  for (unsigned i = 0; i < settings_.threads; i++)
    workers_[i]->loop ().call ([&] {
      if (settings_.udp)
        workers_[i]->listen_udp (udp_fds_[i], corner_fds_[other_port].empty () ? -1 : 0);
      for (unsigned c = 1; c < corners; c++)
        if (!corner_fds_[c].empty ())
          workers_[i]->listen_udp (corner_fds_[c][i], static_cast<int> (c));
      if (settings_.dtls)
        workers_[i]->listen_dtls (dtls_fds_[i], dtls_);
    });
  udp_fds_.clear ();
  dtls_fds_.clear ();
  for (auto &fds : corner_fds_)
    fds.clear ();
  Loop &loop = workers_[0]->loop ();
  loop.call ([&] {
    for (const auto &[fd, tls] : {std::pair{&tcp_fd_, false}, std::pair{&tls_fd_, true}})
      if (*fd >= 0)
        listen (loop, std::exchange (*fd, -1), tls);
  });
}

void NetServer::listen (Loop &loop, int fd, bool tls)
{
  listeners_.push_back ({{tls ? Transport::tls : Transport::tcp,
                             reach::Address::local_of (fd).text ()},
      std::make_unique<Listener> (loop, fd, [this, tls] (int client) { accept (client, tls); })});
}

std::uint16_t NetServer::add_binding (
    const std::string &address, std::uint16_t port, std::string &error)
{
  std::vector<int> udp;
  int tcp = -1;
  if (!parse_host (address)) {
    error = "\"" + address + "\" is not an IPv4 or IPv6 address";
    return 0;
  }
  if (!bind_pair (address, settings_.udp, settings_.tcp, port, udp, tcp, error))
    return 0;
  for (std::size_t i = 0; i < workers_.size (); i++)
    workers_[i]->loop ().call ([&] {
      workers_[i]->listens (port);
      if (i < udp.size ())
        workers_[i]->listen_udp (udp[i]);
    });
  Loop &loop = workers_[0]->loop ();
  if (tcp >= 0)
    loop.call ([&] { listen (loop, tcp, false); });
  return port;
}

bool NetServer::remove_binding (const std::string &address, std::uint16_t port)
{
  const auto a = reach::Address::parse (address, port);
  bool found = false;
  if (!a)
    return false;
  workers_[0]->loop ().call ([&] {
    found = std::erase_if (
                listeners_, [&] (const Door &d) { return d.binding.address == a->text (); }) > 0;
  });
  for (const auto &w : workers_)
    w->loop ().call ([&] { found = w->unlisten_udp (a->text ()) || found; });
  return found;
}

// Every loop listens on all UDP sockets; connections are the first one's.
std::vector<NetServer::Binding> NetServer::bindings ()
{
  std::vector<Binding> all;
  workers_[0]->loop ().call ([&] {
    for (const auto &[transport, address] : workers_[0]->datagram_bindings ())
      all.push_back ({transport, address});
    for (const Door &d : listeners_)
      all.push_back (d.binding);
  });
  return all;
}

NetServer::~NetServer ()
{
  if (!workers_.empty ())
    workers_[0]->loop ().call ([this] { listeners_.clear (); });
  for (const auto &w : workers_) // before one of them goes: they hand connections to each other
    w->shut ();
  workers_.clear ();
  close_all (udp_fds_);
  for (auto &fds : corner_fds_)
    close_all (fds);
  close_all (dtls_fds_);
  close_one (tcp_fd_);
  close_one (tls_fd_);
}

void NetServer::accept (int fd, bool tls)
{
  Worker &w = *workers_[next_++ % workers_.size ()];
  const auto take = [this, &w, fd, tls] { w.accept (fd, tls ? tls_->session () : nullptr); };
  if (w.loop ().on_loop ())
    take ();
  else
    w.loop ().post (take);
}

void NetServer::authorize (std::uint64_t id, std::optional<std::string> password)
{
  Worker &w = *workers_[id % workers_.size ()];
  w.loop ().post (
      [&w, id, p = std::move (password)] () mutable { w.authorize (id, std::move (p)); });
}

void NetServer::allow (std::uint64_t id, bool yes)
{
  Worker &w = *workers_[id % workers_.size ()];
  w.loop ().post ([&w, id, yes] { w.allow (id, yes); });
}

void NetServer::end_allocations ()
{
  for (const auto &w : workers_)
    w->loop ().call ([&] { w->end_allocations (); });
}

NetStats NetServer::stats ()
{
  NetStats all;
  for (const auto &w : workers_) {
    NetStats s;
    w->loop ().call ([&] { s = w->stats (); });
    all.connections += s.connections;
    all.accepted += s.accepted;
    all.refused += s.refused;
    all.allocations += s.allocations;
    all.dropped += s.dropped;
    all.vetoed += s.vetoed;
    all.core += s.core;
  }
  return all;
}
} // namespace reach::turn::server

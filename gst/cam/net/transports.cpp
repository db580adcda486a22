// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transports.h"
#include "common/address.h"
#include "common/listener.h"
#include "http_client.h"
#include "http_service.h"
#include "security.h"
#include "tcp_transport.h"
#include "udp_listener.h"
#include <unistd.h>

namespace reach::cam {
namespace {

class TcpAcceptor final : public Acceptor {
public:
  TcpAcceptor (Loop &loop, StorageSource &storage, const Settings &s, int fd, Accepted accepted)
      : listener_ (loop, fd, [&loop, &storage, accepted, tls = s.tls_context] (int peer) {
          accepted (std::make_unique<TcpTransport> (
              loop, storage, StreamSocket::Detached{peer, tls ? tls->session () : nullptr}));
        })
  {
  }

private:
  Listener listener_;
};

HttpService::Config http_config (const Settings &s, LinkRole role)
{
  HttpService::Config c;
  c.tls = s.tls_context;
  c.pull = role == LinkRole::sender;
  c.push = role == LinkRole::receiver;
  c.channels = s.max_links;
  c.connections = 2 * s.max_links; // a pulling client has one more, for what it sends up
  for (std::size_t i = 0; i < n_media_types; i++)
    c.timeouts[i] = s.timeouts[i] == LinkCore::forever
                        ? milliseconds (-1)
                        : std::chrono::duration_cast<milliseconds> (s.timeouts[i]);
  return c;
}

class HttpAcceptor final : public Acceptor, public HttpService::Owner {
public:
  HttpAcceptor (Loop &loop, StorageSource &storage, const Settings &s, int fd, LinkRole role,
      Accepted accepted)
      : accepted_ (std::move (accepted)), service_ (loop, storage, http_config (s, role), *this),
        listener_ (loop, fd, [this] (int peer) { service_.take (peer); })
  {
  }

private:
  void on_http_transport (std::unique_ptr<Transport> transport, MediaType) override
  {
    accepted_ (std::move (transport));
  }
  // curl and its like: a receiver of this type that takes whatever comes.
  std::vector<std::uint8_t> default_hello (MediaType type) override
  {
    Hello h;
    h.role = LinkRole::receiver;
    h.type = type;
    h.media_types = type_bit (type);
    h.link_key = new_key ();
    h.unlimited = true;
    const MessageRef m = Message::control (Kind::hello, type, 0, encode (h), Clock::now ());
    std::vector<std::uint8_t> bytes (m->head ().begin (), m->head ().end ());
    bytes.insert (bytes.end (), m->body ().begin (), m->body ().end ());
    return bytes;
  }

  Accepted accepted_;
  HttpService service_;
  Listener listener_;
};

std::unique_ptr<Transport> make_http (Loop &loop, StorageSource &storage, const Settings &s,
    const std::string &host, std::uint16_t port, MediaType type, LinkRole role)
{
  HttpClientConfig c;
  c.host = host;
  c.port = port;
  c.type = type;
  if (s.tls.wanted ())
    c.tls = tls_config (s);
  c.proxy = s.proxy;
  c.proxy_id = s.proxy_id;
  c.proxy_pw = s.proxy_pw;
  c.poll_interval = std::chrono::duration_cast<milliseconds> (s.poll_interval);
  return role == LinkRole::sender ? make_http_push (loop, storage, c)
                                  : make_http_pull (loop, storage, c);
}
} // namespace

std::unique_ptr<Transport> make_transport (Loop &loop, StorageSource &storage, const Settings &s,
    const std::string &host, std::uint16_t port, MediaType type, LinkRole role, std::string &error)
{
  switch (s.protocol) {
  case Protocol::tcp:
    return std::make_unique<TcpTransport> (loop, storage, host, port, s.tls_context);
  case Protocol::http:
    if (const char *missing = http_clients_missing ())
      error = missing;
    return error.empty () ? make_http (loop, storage, s, host, port, type, role) : nullptr;
  case Protocol::udp:
    return std::make_unique<UdpClientTransport> (loop, storage, s, host, port, s.timeout (type));
  }
  return {};
}

BoundSocket::~BoundSocket ()
{
  if (fd_ >= 0)
    close (fd_);
}

bool BoundSocket::bind (const Settings &s, std::string &error)
{
  if (s.mode == Mode::caller)
    return true;
  fd_ = s.protocol == Protocol::udp ? UdpSocket::bind (s.bind_address, s.port, error)
                                    : Listener::bind (s.bind_address, s.port, error);
  if (fd_ >= 0)
    port_ = reach::Address::local_of (fd_).port ();
  return fd_ >= 0;
}

std::unique_ptr<Acceptor> Acceptor::make (
    Loop &loop, StorageSource &storage, const Settings &s, int fd, LinkRole role, Accepted accepted)
{
  if (s.protocol == Protocol::http)
    return std::make_unique<HttpAcceptor> (loop, storage, s, fd, role, std::move (accepted));
  if (s.protocol == Protocol::udp)
    return std::make_unique<UdpListener> (loop, storage, s, fd, std::move (accepted));
  return std::make_unique<TcpAcceptor> (loop, storage, s, fd, std::move (accepted));
}
} // namespace reach::cam

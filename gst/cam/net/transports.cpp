// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transports.h"
#include "common/listener.h"
#include "tcp_transport.h"

namespace reach::cam {
namespace {

class TcpAcceptor final : public Acceptor {
public:
  TcpAcceptor (Loop &loop, StorageSource &storage, int fd, Accepted accepted)
      : listener_ (loop, fd, [&loop, &storage, accepted] (int peer) {
          accepted (std::make_unique<TcpTransport> (loop, storage, peer));
        })
  {
  }

private:
  Listener listener_;
};
} // namespace

std::unique_ptr<Transport> make_transport (Loop &loop, StorageSource &storage, const Settings &s,
    const std::string &host, std::uint16_t port, MediaType type, LinkRole role, std::string &error)
{
  switch (s.protocol) {
  case Protocol::tcp:
    return std::make_unique<TcpTransport> (loop, storage, host, port);
  default:
    error = "no such transport";
    return {};
  }
}

int Acceptor::bind (const Settings &s, std::string &error)
{
  return Listener::bind (s.bind_address, s.port, error);
}

std::unique_ptr<Acceptor> Acceptor::make (
    Loop &loop, StorageSource &storage, const Settings &s, int fd, LinkRole role, Accepted accepted)
{
  return std::make_unique<TcpAcceptor> (loop, storage, fd, std::move (accepted));
}
} // namespace reach::cam

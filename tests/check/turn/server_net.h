// SPDX-License-Identifier: LGPL-2.1-or-later
// A server on sockets for tests, and who watches it.
#pragma once
#include "../tls_files.h"
#include "../wait.h"
#include "server_wire.h"
#include "turn/net/server_net.h"

namespace reach::test {
namespace ts = turn::server;

class Watcher final : public ts::Observer {
public:
  void on_event (ts::Event e) override
  {
    if (auto *a = std::get_if<ts::AuthorizeRequest> (&e))
      asked.set (a->id + 1);
    else if (std::get_if<ts::AllocationCreated> (&e))
      created.update ([] (auto &n) { n++; });
    else if (auto *d = std::get_if<ts::AllocationDeleted> (&e))
      deleted.update ([&] (auto &v) { v.push_back (d->why); });
    else if (auto *x = std::get_if<ts::Discarded> (&e))
      discarded.update ([&] (auto &v) { v.push_back (x->why); });
  }
  bool on_relay (bool to_peer, const ts::Client &, std::uint16_t, const stun::Address &,
      Bytes payload) override
  {
    relayed.update ([&] (auto &n) { n++; });
    return payload.empty () || payload[0] != '!';
  }
  Watched<std::uint64_t> asked{0};
  Watched<int> created{0}, relayed{0};
  Watched<std::vector<ts::Ended>> deleted;
  Watched<std::vector<ts::Discard>> discarded;
};

inline ts::NetSettings settings ()
{
  ts::NetSettings s;
  s.bind_address = "127.0.0.1";
  s.port = s.tls_port = 0;
  s.core.users = {{"alice", "secret"}};
  s.core.peers.allow (*ts::Prefix::parse ("127.0.0.0/8"));
  s.core.peers.allow (*ts::Prefix::parse ("::1"));
  s.core.limits.unauthenticated = {};
  return s;
}

struct Server {
  explicit Server (ts::NetSettings s = settings (), bool secure = false)
  {
    std::string error;
    if (secure) {
      files = std::make_unique<TlsFiles> ();
      const auto id = files->issue ("localhost");
      s.tls = s.dtls = true;
      s.tls_certificate = id.certificate;
      s.tls_key = id.key;
    }
    net = ts::NetServer::start (std::move (s), watcher, error);
    fail_unless (net != nullptr, "%s", error.c_str ());
  }
  std::shared_ptr<const TlsContext> trust (Over over)
  {
    TlsConfig c;
    c.datagrams = over == Over::dtls;
    c.ca_file = files->ca ();
    std::string error;
    auto context = TlsContext::make (c, error);
    fail_unless (context != nullptr, "%s", error.c_str ());
    return context;
  }
  std::unique_ptr<Talker> talk (Over over)
  {
    const bool secure = over == Over::tls || over == Over::dtls;
    return std::make_unique<Talker> (over, secure ? net->tls_port () : net->port (),
        secure ? trust (over) : nullptr, "127.0.0.1");
  }
  Watcher watcher;
  std::unique_ptr<TlsFiles> files;
  std::unique_ptr<ts::NetServer> net;
};
} // namespace reach::test

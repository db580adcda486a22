// SPDX-License-Identifier: LGPL-2.1-or-later
// TURN over TLS (RFC 8656, 3.1; turns: of RFC 7065) for libnice, which knows TURN over TCP only: to
// libnice this is the server, on a port of 127.0.0.1; each of its connections goes on over TLS to
// the real one. The framing is the same, so bytes pass as they are. Nothing leaves before the
// certificate has been checked.
//
// Loop thread.
#pragma once
#include "common/listener.h"
#include "common/stream_socket.h"
#include <functional>
#include <list>

namespace reach::rtc {
class TurnsBridge {
public:
  struct Server {
    std::vector<Address> addresses; // are tried in this order
    std::string name;               // that the certificate has to have; also told as SNI
    std::shared_ptr<const TlsContext> tls;
  };
  // Says what went wrong, once for each cause; ICE goes on without that connection.
  using Warning = std::function<void (const std::string &what)>;

  // Null, and `error` says why there is no port of 127.0.0.1.
  static std::unique_ptr<TurnsBridge> open (
      Loop &loop, Server server, Warning warning, std::string &error);
  ~TurnsBridge (); // ends its connections, and with them what was allocated on them

  std::uint16_t port () const { return listener_.port (); }
  std::size_t connections () const { return links_.size (); }

  // libnice makes one for each of its local addresses.
  static constexpr std::size_t most_connections = 32;
  // Bytes that wait for one side; beyond it the other is not read.
  static constexpr std::size_t most_queued = 256 << 10;
  static constexpr Duration connect_limit = seconds (10);

private:
  class Link;
  TurnsBridge (Loop &loop, int fd, Server server, Warning warning);
  void accept (int fd);
  void ended (Link &link, const std::string &why);

  Loop &loop_;
  const Server server_;
  const Warning warning_;
  std::string last_warning_;
  std::list<std::unique_ptr<Link>> links_;
  Listener listener_;
};
} // namespace reach::rtc

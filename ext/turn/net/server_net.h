// SPDX-License-Identifier: LGPL-2.1-or-later
// The server: listening sockets, and loops that share the clients among them. A UDP client belongs
// to the loop whose socket the kernel picks for its address (SO_REUSEPORT), a connection to one
// after the other.
#pragma once
#include "server_worker.h"

namespace reach::turn::server {
class NetServer {
public:
  // Null, and `error` in words. `observer` outlives it.
  static std::unique_ptr<NetServer> start (
      NetSettings settings, Observer &observer, std::string &error);
  ~NetServer (); // ends all allocations, with their events
  NetServer (const NetServer &) = delete;
  NetServer &operator= (const NetServer &) = delete;

  // Any thread but the loops'. 0: does not listen there.
  std::uint16_t port () const { return settings_.port; }
  std::uint16_t tls_port () const { return settings_.tls_port; }
  std::uint16_t alternate_port () const { return settings_.alternate_port; }
  const NetSettings &settings () const { return settings_; }
  NetStats stats ();
  void end_allocations (); // so that statistics are the last ones
  // Any thread; answers that come too late are forgotten.
  void authorize (std::uint64_t id, std::optional<std::string> password);
  void allow (std::uint64_t id, bool yes);
  // One address more to listen on, UDP and TCP as in the settings. The port, 0: and why.
  std::uint16_t add_binding (const std::string &address, std::uint16_t port, std::string &error);
  // Allocations of UDP clients there end; connections go on. False: it does not listen there.
  bool remove_binding (const std::string &address, std::uint16_t port);
  struct Binding {
    Transport transport;
    std::string address; // with the port
  };
  std::vector<Binding> bindings (); // where it listens now

private:
  explicit NetServer (NetSettings settings) : settings_ (std::move (settings)) {}
  bool prepare (std::string &error);
  bool bind_all (std::string &error);
  bool bind_clear (std::string &error);
  bool check_tls_port (std::string &error) const;
  bool check_alternate (std::string &error) const;
  bool bind_corners (std::string &error);
  bool bind_pair (const std::string &address, bool udp, bool tcp, std::uint16_t &port,
      std::vector<int> &udp_fds, int &tcp_fd, std::string &error);
  void listen (Loop &loop, int fd, bool tls);
  void run (Observer &observer);
  void accept (int fd, bool tls);

  NetSettings settings_;
  std::shared_ptr<const TlsContext> tls_, dtls_;
  std::vector<int> udp_fds_, dtls_fds_;              // until the loops have them
  std::array<std::vector<int>, corners> corner_fds_; // likewise; the first one's are udp_fds_
  int tcp_fd_ = -1, tls_fd_ = -1;
  std::unique_ptr<Commons> commons_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // Of the first loop, by where they listen.
  struct Door {
    Binding binding;
    std::unique_ptr<Listener> listener;
  };
  std::vector<Door> listeners_;
  std::size_t next_ = 0; // likewise
};
} // namespace reach::turn::server

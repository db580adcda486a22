// SPDX-License-Identifier: LGPL-2.1-or-later
// Socket addresses, and their resolving without blocking.
#pragma once
#include <cstdint>
#include <functional>
#include <gio/gio.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace reach {
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  // A literal IPv4 or IPv6 address; nothing for a name.
  static std::optional<Address> parse (const std::string &host, std::uint16_t port);
  static Address local_of (int fd);
  static Address peer_of (int fd);
  const sockaddr *get () const { return reinterpret_cast<const sockaddr *> (&storage); }
  int family () const { return storage.ss_family; }
  std::uint16_t port () const;
  std::string host () const; // "127.0.0.1", "::1"
  std::string text () const; // "127.0.0.1:80", "[::1]:80"
};

// Of a text (): "192.0.2.1:80" → its address; of IPv6 the first 64 bits, as one customer has many
// addresses.
std::string network_of (const std::string &peer);

// Looks a name up on the present thread's default main context; a literal is answered from there
// too. Destroying it cancels: the callback is then never called.
class Resolve {
public:
  using Done = std::function<void (std::vector<Address> found, const std::string &error)>;
  Resolve (GMainContext *context, const std::string &host, std::uint16_t port, Done done);
  ~Resolve ();
  Resolve (const Resolve &) = delete;
  Resolve &operator= (const Resolve &) = delete;

private:
  struct State;
  static void on_found (GObject *, GAsyncResult *, gpointer);
  std::shared_ptr<State> state_;
};
} // namespace reach

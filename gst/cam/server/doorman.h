// SPDX-License-Identifier: LGPL-2.1-or-later
// Several protocols on one port: waits for the first byte of an accepted connection, which tells
// them apart, and hands the connection over. With TLS that is the first decrypted byte, so the
// handshake is here; without, nothing is read. Loop thread only.
#pragma once
#include "common/stream_socket.h"
#include <functional>
#include <unordered_map>

namespace reach::cam {

class Doorman final {
public:
  enum class Protocol : std::uint8_t { cam, http }; // cam: also what is neither, to be closed there
  struct Guest {
    StreamSocket::Detached connection;
    std::vector<std::uint8_t> before; // what was read of it
    Protocol protocol{};
    bool local = false; // a tap's: of this process
  };
  struct House {
    std::function<void (Guest)> let; // takes it over
    // A handshake failed.
    std::function<void (const std::string &peer, const std::string &why)> turned_away;
  };
  static constexpr Duration patience = seconds (10);

  // tls: null for plaintext.
  Doorman (Loop &loop, std::size_t limit, std::shared_ptr<const TlsContext> tls, House house);
  ~Doorman ();
  void take (int fd); // owns it

private:
  class Waiting;
  class WaitingPlain;
  class WaitingTls;
  void done (Waiting &w);

  Loop &loop_;
  const std::size_t limit_;
  const std::shared_ptr<const TlsContext> tls_;
  const House house_;
  std::unordered_map<Waiting *, std::unique_ptr<Waiting>> waiting_;
};
} // namespace reach::cam

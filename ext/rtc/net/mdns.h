// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of candidates that hide an address, as browsers make them: asked for by multicast DNS
// (RFC 6762) on this host's networks, without the system's resolver, which mostly knows none. Who
// answers is believed: ICE checks that it is the peer. Loop thread.
#pragma once
#include "common/address.h"
#include "common/loop.h"
#include "common/proto/bytes.h"
#include <array>

namespace reach::rtc {
// A question for both kinds of addresses of `name`, at most 255 characters; empty: it is no name.
std::vector<std::uint8_t> mdns_question (std::string_view name);
struct MdnsAnswer {
  std::string name;
  std::string address; // a literal
};
// The addresses of a response, 64 at most. Link-local ones of IPv6 are left out, as they say
// nothing without a network.
std::vector<MdnsAnswer> mdns_answers (Bytes response);

class Mdns {
public:
  struct Settings {
    // Networks of these addresses of ours; empty: all that can do multicast, but loopback.
    std::vector<std::string> addresses;
    std::uint16_t port = 5353;
  };
  static constexpr std::size_t max_names = 16; // at a time; more are not asked for
  // When it is asked again (RFC 6762, 5.2), and given up at last.
  static constexpr std::array<Duration, 3> schedule = {seconds (1), seconds (2), seconds (4)};

  // none: nobody there knows it. Never from within resolve (), nor after the end of this object; it
  // may be its end.
  using Done = std::function<void (std::optional<Address>)>;

  Mdns (Loop &loop, Settings settings);
  ~Mdns ();
  Mdns (const Mdns &) = delete;
  Mdns &operator= (const Mdns &) = delete;

  void resolve (const std::string &name, std::uint16_t port, Done done);

private:
  class Socket;
  struct Name {
    std::string name;
    std::uint16_t port;
    Done done;
    TimePoint next;
    std::size_t asked = 0;
  };
  void on_response (Bytes response);
  void on_timer ();
  void arm ();
  void end (Name name, std::optional<Address> found);
  void tidy ();

  Loop &loop_;
  const Settings settings_;
  Timer timer_;
  std::vector<std::unique_ptr<Socket>> sockets_; // while there are names
  std::vector<Name> names_;
  const std::shared_ptr<Mdns *> alive_ = std::make_shared<Mdns *> (this);
};
} // namespace reach::rtc

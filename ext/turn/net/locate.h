// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a server is: the addresses of its name, or of the hosts that its SRV records name (RFC
// 5928). NAPTR records, which could also choose the transport, are not asked for: GResolver knows
// none, and the transport is the application's choice here. Loop thread; destroying it cancels.
#pragma once
#include "common/address.h"
#include "turn/proto/address.h"
#include <gio/gio.h>

namespace reach::turn {
class Locate {
public:
  struct Question {
    std::string host;
    std::uint16_t port = 0;                   // without SRV records
    std::string service, protocol;            // "turn", "udp"; empty: SRV records are not asked for
    stun::Family family = stun::Family::none; // only of this one; none: of both
  };
  // In the order to try them, of one host the families by turns. Each host has a share of
  // max_addresses, and what others leave comes last. Empty, and why.
  using Done = std::function<void (std::vector<reach::Address> found, const std::string &error)>;
  static constexpr std::size_t max_addresses = 8, max_hosts = 4;

  Locate (GMainContext *context, Question q, Done done);
  ~Locate ();
  Locate (const Locate &) = delete;
  Locate &operator= (const Locate &) = delete;

private:
  struct Host {
    std::string name;
    std::uint16_t port;
  };
  static void on_services (GObject *, GAsyncResult *, gpointer);
  void next ();
  void take (std::vector<reach::Address> found, const std::string &error);

  GMainContext *const context_;
  const Question question_;
  const Done done_;
  GCancellable *const cancel_ = g_cancellable_new ();
  std::unique_ptr<Resolve> resolve_;
  std::vector<Host> hosts_;                  // the next one is the last
  std::vector<reach::Address> found_, more_; // more_: above a host's share
  std::string error_;
};

// Of each family in turn (RFC 8305, 4).
std::vector<reach::Address> by_turns (std::vector<reach::Address> found);
} // namespace reach::turn

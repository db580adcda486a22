// SPDX-License-Identifier: LGPL-2.1-or-later
// Where packets to the peer go at present: with GSO on the selected socket, or through libnice
// (relays, TCP). Any thread; no lock is held while the kernel or libnice is called.
#pragma once
#include "common/address.h"
#include "common/guarded.h"
#include "common/proto/bytes.h"
#include <atomic>
#include <memory>
#include <nice/agent.h>

namespace reach::rtc {
class PacketPath {
public:
  struct Counts {
    std::uint64_t packets = 0, bytes = 0, calls = 0, dropped = 0;
  };

  // Loop thread. `socket`: duplicated, so that libnice may close its own at any time.
  void set_direct (int socket, const Address &to);
  void set_agent (NiceAgent *agent, unsigned stream);
  void clear ();

  // In order. What the kernel or the relay has no room for is dropped, as in a network; returns
  // how many went. Each packet at most 65,507 bytes.
  std::size_t send (std::span<const Bytes> packets);
  bool set () const;
  Counts counts () const { return {packets_, bytes_, calls_, dropped_}; }

private:
  struct Route {
    Route () = default;
    ~Route ();
    Route (const Route &) = delete;
    Route &operator= (const Route &) = delete;
    int fd = -1;
    Address to;
    NiceAgent *agent = nullptr;
    unsigned stream = 0;
    std::atomic<bool> gso{true};
  };
  std::size_t send_direct (Route &r, std::span<const Bytes> packets);
  std::size_t send_agent (const Route &r, std::span<const Bytes> packets);
  bool send_run (Route &r, std::span<const Bytes> run);
  void set (std::shared_ptr<Route> r);

  mutable Guarded<std::shared_ptr<Route>> route_;
  std::atomic<std::uint64_t> packets_{0}, bytes_{0}, calls_{0}, dropped_{0};
};
} // namespace reach::rtc

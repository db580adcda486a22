// SPDX-License-Identifier: LGPL-2.1-or-later
// The way of RTP and RTCP from streaming threads to the peer: protected in place, then sent with
// GSO. Any number of threads; outlives its transport, and then sends nothing.
#pragma once
#include "packet_path.h"
#include "srtp.h"

namespace reach::rtc {
class MediaSender {
public:
  struct Counts {
    PacketPath::Counts path;
    Srtp::Counts srtp;
    std::uint64_t refused = 0; // no keys yet, or paused
  };
  struct Packet {
    std::span<std::uint8_t> room; // `size` bytes of packet, and room for trailer () behind it
    std::size_t size = 0;
  };
  // Of any profile, RTCP included.
  static constexpr std::size_t trailer = 20;

  explicit MediaSender (std::shared_ptr<PacketPath> path) : path_ (std::move (path)) {}

  // Any thread. The packets are encrypted in place; how many have left. Never waits.
  std::size_t send_rtp (std::span<Packet> packets);
  std::size_t send_rtcp (std::span<Packet> packets);
  bool ready (); // there are keys, and the peer is there
  Counts counts ();

  // Loop thread.
  void set_keys (std::unique_ptr<SrtpOut> keys);
  void set_paused (bool paused);
  void close ();

private:
  struct State {
    std::unique_ptr<SrtpOut> srtp;
    bool paused = false;
  };
  template <typename F> std::size_t send (std::span<Packet> packets, F &&protect);

  const std::shared_ptr<PacketPath> path_;
  Guarded<State> state_;
  std::atomic<std::uint64_t> refused_{0};
};
} // namespace reach::rtc

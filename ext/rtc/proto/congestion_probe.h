// SPDX-License-Identifier: LGPL-2.1-or-later
// What the packets of a probe say: as fast as they came, the path can be used.
#pragma once
#include "twcc_sender.h"
#include <array>
#include <optional>

namespace reach::rtc {
class ProbeResults {
public:
  struct Result {
    std::uint16_t cluster = 0;
    double rate = 0;      // bit/s
    bool kept_up = false; // came as fast as they left: there may be more
  };

  // sent: how fast they are to leave, and how many.
  void start (std::uint16_t cluster, double rate, std::size_t bytes, unsigned packets);
  // Each packet of a probe that was received; a result when most of them were.
  std::optional<Result> input (const PacketResult &p);

private:
  struct Cluster {
    std::uint16_t id = 0;
    double rate = 0;
    std::size_t wanted_bytes = 0, bytes = 0;
    unsigned wanted = 0, packets = 0;
    TimePoint first_sent{}, last_sent{};
    microseconds first_arrival{}, last_arrival{};
    std::size_t last_size = 0, first_size = 0; // last sent, first received
  };
  std::array<Cluster, 8> clusters_{};
  std::size_t place_ = 0;
};
} // namespace reach::rtc

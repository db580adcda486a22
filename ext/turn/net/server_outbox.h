// SPDX-License-Identifier: LGPL-2.1-or-later
// Datagrams on their way out: those that follow each other to the same address and have one size
// go in one call (GSO).
#pragma once
#include "common/udp_socket.h"
#include <array>

namespace reach::turn::server {
class Outbox {
public:
  // The payload stays valid until flush (); the head need not. `padding` zeroes follow.
  void add (
      UdpSocket &via, const reach::Address &to, Bytes head, Bytes payload, std::size_t padding);
  void flush ();

private:
  static constexpr std::size_t max_segments = 60, max_head = 64, max_total = 60000;
  // Segments have to fit in the path's MTU.
  static constexpr std::size_t max_segment = 1400;

  bool continues (const UdpSocket &via, const reach::Address &to, std::size_t size) const;

  UdpSocket *via_ = nullptr;
  reach::Address to_;
  std::size_t segment_ = 0, total_ = 0, count_ = 0, pieces_used_ = 0;
  std::array<iovec, 3 * max_segments> pieces_;
  std::array<std::uint8_t, max_segments> segments_{};
  std::array<std::array<std::uint8_t, max_head>, max_segments> heads_{};
};
} // namespace reach::turn::server

// SPDX-License-Identifier: LGPL-2.1-or-later
// A UDP socket on a loop with batch I/O: recvmmsg and GRO in, GSO out, each with a plain fallback.
#pragma once
#include "address.h"
#include "common/proto/bytes.h"
#include "loop.h"
#include <sys/uio.h>

namespace reach {
class UdpSocket final : EpollSet::Handler {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_datagram (Bytes datagram, const Address &from) = 0;
    virtual void on_empty (const Address &from) {} // a datagram without bytes
    // After each round of on_datagram. all: nothing more waits to be read.
    virtual void on_datagrams_done (bool all) = 0;
    // What on_datagram gave since the last one is about to be overwritten.
    virtual void on_batch () {}
    // With IP_RECVERR set on the descriptor: something may wait there.
    virtual void on_error_queue (int fd) {}
    virtual void on_writable () = 0;       // after send () returned false
    virtual void on_error (int error) = 0; // ECONNREFUSED on a connected socket, …
  };
  // Equal datagrams to one address: `pieces` iovecs in all, `segments[i]` of them for the i-th
  // datagram. All but the last datagram have `segment_size` bytes; the last may be shorter.
  struct Batch {
    std::span<const iovec> pieces;
    std::span<const std::uint8_t> segments;
    std::size_t segment_size = 0;
  };

  // Any thread. -1 and `error` in words when it fails.
  static int bind (const std::string &address, std::uint16_t port, std::string &error);
  static int connect (const Address &to, std::string &error);
  // One call of the kernel: a datagram, or with `segment` all that `pieces` are when cut at that
  // size. Never waits; returns 0 or an errno.
  static int send_segments (
      int fd, const Address *to, std::span<const iovec> pieces, std::size_t segment);

  static constexpr std::size_t area_size = 8 * 65536;

  // Owns fd. `area`: area_size bytes to read into, which sockets of one loop may share; else it has
  // its own.
  UdpSocket (Loop &loop, Owner &owner, int fd, std::span<std::uint8_t> area = {});
  ~UdpSocket () override; // not from within an owner's callback
  UdpSocket (const UdpSocket &) = delete;
  UdpSocket &operator= (const UdpSocket &) = delete;

  // `to` null on a connected socket. False: the kernel is full (nothing of the rest was sent;
  // on_writable follows). Errors of single datagrams are loss, as in the network.
  bool send (const Address *to, const Batch &batch);
  // Reads what has come by now, as when the loop finds the socket readable. False: not all of it.
  bool read ();
  bool blocked () const { return blocked_; }
  std::uint16_t port () const { return Address::local_of (fd_).port (); }
  bool gso () const { return gso_; }
  void disable_gso () { gso_ = false; } // for the test of the fallback

private:
  enum class Sent { yes, again, singly, unsupported };
  void on_ready (std::uint32_t events) override;
  bool receive ();
  Sent send_gso (const Address *to, const Batch &batch);
  Sent failed (const Address *to, int error);
  Sent send_one (const Address *to, std::span<const iovec> pieces);

  Loop &loop_;
  Owner &owner_;
  int fd_;
  EpollSet::Token token_;
  Timer later_; // tells the owner of an error that a send met
  int error_ = 0;
  bool gso_ = true, blocked_ = false;
  std::uint64_t dropped_ = 0;
  std::vector<std::uint8_t> own_area_;
  std::span<std::uint8_t> area_;
};
} // namespace reach

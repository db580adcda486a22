// SPDX-License-Identifier: LGPL-2.1-or-later
// A second socket of the port of one of libnice's, on which we hear what libnice needs not hear, or
// not yet (twin_filter.h):
// - RTP, RTCP and DTLS of a pair that was selected: only by that does the kernel know that ICE has
//   validated the sender. Through libnice and GLib a packet costs 1 or 2 µs more in a burst, and
//   5 or more alone.
// - Binding requests until their address is accepted. libnice answers each by itself and has no
//   hook. The peer asks again within half a second, and then libnice is asked.
// Everything else is libnice's. Not UDP_GRO here: a network card would put a STUN message behind
// RTP packets of the same sender into one, which would then go by the first packet. Loop thread.
#pragma once
#include "common/loop.h"
#include "common/proto/bytes.h"
#include "twin_filter.h"

namespace reach::rtc {
class SocketTwin final : EpollSet::Handler {
public:
  // Of what libnice's socket should get as well; the kernel gives what it may.
  static constexpr int receive_buffer = 4 << 20;

  // None may destroy the twin.
  class Owner {
  public:
    virtual ~Owner () = default;
    // From an address of TwinRules::peers. May be changed in place; valid during the call.
    virtual void on_twin_packet (std::span<std::uint8_t> packet) = 0;
    // Whether libnice may have what comes from there. Only with ask_bindings.
    virtual bool accept_binding (Bytes request, const Address &from) = 0;
  };

  // `socket`: of UDP, bound to one address; it may be closed before the twin. Null, and errno, when
  // the kernel cannot do that; then all goes to `socket`.
  static std::unique_ptr<SocketTwin> open (Loop &loop, int socket, Owner &owner, TwinRules rules);
  ~SocketTwin () override;
  SocketTwin (const SocketTwin &) = delete;
  SocketTwin &operator= (const SocketTwin &) = delete;

  // This address is validated. Those before stay so, the last few of them: packets may be on their
  // way. False, and errno: libnice hears them.
  bool hear (const Address &remote);
  const Address &local () const { return local_; }

private:
  SocketTwin (Loop &loop, int fd, const Address &local, Owner &owner, TwinRules rules);
  void on_ready (std::uint32_t events) override;
  bool receive ();
  void input (std::span<std::uint8_t> datagram, const Address &from);
  void ask (Bytes request, const Address &from);

  Loop &loop_;
  Owner &owner_;
  const int fd_;
  const Address local_;
  TwinRules rules_;
  EpollSet::Token token_ = 0;
};
} // namespace reach::rtc

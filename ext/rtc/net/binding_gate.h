// SPDX-License-Identifier: LGPL-2.1-or-later
// Binding requests (RFC 8445, 7.3) before libnice sees them. It answers each by itself and has no
// hook, so that they come to a twin of its socket until their address is accepted: of the same port
// by SO_REUSEPORT, with a filter in the kernel. The peer asks again within half a second, and then
// libnice is asked. Loop thread.
#pragma once
#include "common/address.h"
#include "common/loop.h"
#include "common/proto/bytes.h"

namespace reach::rtc {
class BindingGate final : EpollSet::Handler {
public:
  static constexpr std::size_t max_accepted = 64; // addresses; the first one goes for a new one

  // Whether libnice may have what comes from there. Must not destroy the gate.
  using Accept = std::function<bool (Bytes request, const Address &from)>;

  // `socket`: bound to one address, of UDP; it may be closed before the gate. Null, and errno, when
  // the kernel cannot do that.
  static std::unique_ptr<BindingGate> open (Loop &loop, int socket, Accept accept);
  ~BindingGate () override;
  BindingGate (const BindingGate &) = delete;
  BindingGate &operator= (const BindingGate &) = delete;

  const Address &local () const { return local_; }

private:
  BindingGate (Loop &loop, int fd, const Address &local, Accept accept);
  void on_ready (std::uint32_t events) override;
  bool filter ();

  Loop &loop_;
  const int fd_;
  const Address local_;
  const Accept accept_;
  std::vector<Address> accepted_;
  EpollSet::Token token_ = 0;
};
} // namespace reach::rtc

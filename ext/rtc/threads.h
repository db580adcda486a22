// SPDX-License-Identifier: LGPL-2.1-or-later
// The threads that all peers of a process share: a few loops, and one that calls the application.
// They end with the last peer.
#pragma once
#include "common/loop.h"
#include "rtc/net/dtls_context.h"
#include "rtc/webrtc/signal_queue.h"

namespace reach::rtc {
class PeerThreads {
public:
  // Any thread. Not to be let go on one of its loops.
  static std::shared_ptr<PeerThreads> get ();
  ~PeerThreads ();

  Loop &loop (); // for one more peer: the next in turn
  // Signals, messages and pads of all peers, in order.
  SerialQueue &events () { return events_; }
  const std::shared_ptr<SignalQueue> &signals () { return signals_; } // the same, for objects
  // With a certificate that was made for this process. Null and `error` when OpenSSL fails.
  std::shared_ptr<const DtlsContext> dtls (std::string &error);

private:
  PeerThreads ();

  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<unsigned> next_{0};
  Guarded<std::shared_ptr<const DtlsContext>> dtls_;
  SerialQueue events_;
  std::shared_ptr<SignalQueue> signals_;
};
} // namespace reach::rtc

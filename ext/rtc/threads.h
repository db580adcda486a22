// SPDX-License-Identifier: LGPL-2.1-or-later
// The threads that all peers of a process share: a few loops, and one that calls the application.
// They begin with the first peer and wait for another one when the last is gone: GnuTLS, of which
// libnice has its random numbers, keeps 192 bytes for each thread that ever asked for some, so that
// threads that come and go with calls would make a process grow for ever.
#pragma once
#include "common/loop.h"
#include "rtc/net/dtls_context.h"
#include "rtc/webrtc/signal_queue.h"

namespace reach::rtc {
class PeerThreads {
public:
  // Any thread. Not to be let go on one of its loops: with the last one, what its peers have left
  // to be done is done.
  static std::shared_ptr<PeerThreads> get ();
  ~PeerThreads ();

  Loop &loop (); // for one more peer: the next in turn
  // Signals, messages and pads of all peers, in order.
  SerialQueue &events () { return events_; }
  const std::shared_ptr<SignalQueue> &signals () { return signals_; } // the same, for objects
  // With a certificate that was made for the peers there are. Null and `error` when OpenSSL fails.
  std::shared_ptr<const DtlsContext> dtls (std::string &error);

private:
  class Process;
  PeerThreads ();
  void rest ();

  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<unsigned> next_{0};
  Guarded<std::shared_ptr<const DtlsContext>> dtls_;
  SerialQueue events_;
  std::shared_ptr<SignalQueue> signals_;
};
} // namespace reach::rtc

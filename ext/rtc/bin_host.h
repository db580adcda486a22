// SPDX-License-Identifier: LGPL-2.1-or-later
// What is the same behind rtcpeer and rtcpool: the element, the threads it shares, and the way from
// those to the application.
#pragma once
#include "common/ref.h"
#include "threads.h"

namespace reach::rtc {
class BinHost {
public:
  explicit BinHost (GstElement *e) : element_ (e), bin_ (GST_BIN (e)) {}

  GstElement *element () const { return element_; }
  GstBin *bin () const { return bin_; }
  Loop *loop () const { return loop_; } // null in NULL
  // True until the run ends: what is on its way to the events thread looks at it.
  std::shared_ptr<std::atomic<bool>> run () const { return alive_; }

  // Any thread; what they do is done on the events thread, unless this run has ended by then.
  void tell (std::function<void ()> what);
  // The signal with the fields in a structure, and a message of the same. transfer full
  void tell (const char *signal, GstStructure *fields);
  void tell_warning (const std::string &what);
  void tell_error (const std::string &what);
  void notify (const char *property);

protected:
  void take_threads (); // NULL to READY
  void drop_threads (); // READY to NULL

  GstElement *const element_; // owns us
  GstBin *const bin_;
  std::shared_ptr<PeerThreads> threads_;
  Loop *loop_ = nullptr;
  std::shared_ptr<std::atomic<bool>> alive_; // false once a run has ended
};
} // namespace reach::rtc

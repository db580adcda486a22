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
  Loop *loop () const { return loop_; } // null before the first READY; then there to the end
  // True until the run ends: what is on its way to the events thread looks at it.
  std::shared_ptr<std::atomic<bool>> run () { return *run_.lock (); }

  // Any thread; what they do is done on the events thread, unless this run has ended by then.
  void tell (std::function<void ()> what);
  // The signal with the fields in a structure, and a message of the same. transfer full
  void tell (const char *signal, GstStructure *fields);
  void tell_warning (const std::string &what);
  void tell_error (const std::string &what);
  void notify (const char *property);

protected:
  ~BinHost () = default;
  void take_threads (); // NULL to READY
  // For the destructor: what has been posted to the loop is done.
  void flush_loop ();
  // A run is from READY to READY or NULL.
  void start_run () { *run_.lock () = std::make_shared<std::atomic<bool>> (true); }
  void silence_run (); // nothing is told any more
  void drop_run () { run_.lock ()->reset (); }

  GstElement *const element_; // owns us
  GstBin *const bin_;
  std::shared_ptr<PeerThreads> threads_;
  Loop *loop_ = nullptr;

private:
  Guarded<std::shared_ptr<std::atomic<bool>>> run_; // false in it once it has ended
};
} // namespace reach::rtc

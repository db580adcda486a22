// SPDX-License-Identifier: LGPL-2.1-or-later
// What is the same behind rtcpeer and rtcpool: the element, the threads it shares, and the way from
// those to the application.
#pragma once
#include "common/ref.h"
#include "threads.h"
#include <atomic>
#include <set>

namespace reach::rtc {
class BinHost {
public:
  explicit BinHost (GstElement *e) : element_ (e), bin_ (GST_BIN (e)) {}

  GstElement *element () const { return element_; }
  GstBin *bin () const { return bin_; }
  // Null before the first READY; then there to the end, as threads_ is for who has seen it. Any
  // thread.
  Loop *loop () const { return loop_.load (std::memory_order_acquire); }
  // True until the run ends: what is on its way to the events thread looks at it.
  std::shared_ptr<std::atomic<bool>> run () { return *run_.lock (); }

  // Any thread; what they do is done on the events thread, unless this run has ended by then.
  void tell (std::function<void ()> what);
  // The signal with the fields in a structure, and a message of the same. transfer full. bytes: of
  // what a peer has said in them. 4,096 of them and 4 MiB may wait for a slow application; those
  // beyond are lost, with a WARNING.
  void tell (const char *signal, GstStructure *fields, std::size_t bytes = 0);
  // Peers can cause them at the rate of packets: ten at once, then one a second, which says how
  // many were left out.
  void tell_warning (const std::string &what);
  void tell_error (const std::string &what);
  void notify (const char *property); // a literal. Once for all changes that wait

protected:
  ~BinHost () = default;
  void take_threads (); // NULL to READY
  // For the destructor: what has been posted to the loop is done.
  void flush_loop ();
  // A run is from READY to READY or NULL.
  void start_run () { *run_.lock () = std::make_shared<std::atomic<bool>> (true); }
  void silence_run (); // nothing is told any more
  // Asks the application, on the loop. Its handler may let go of the element, which then ends
  // behind what is running and what that has left to do: signals hold it for no longer than their
  // own time.
  template <typename Answer, typename... Arguments>
  void ask (Answer *answer, const char *signal, Arguments... arguments)
  {
    auto keep = Ref<GstElement>::share (element_);
    g_signal_emit_by_name (element_, signal, arguments..., answer);
    // Not on a loop: the last peer's end waits for what the application is being told.
    loop ()->post ([events = &threads_->events (), keep = std::move (keep)] () mutable {
      events->post ([keep = std::move (keep)] {});
    });
  }
  template <typename... Arguments> bool allows (const char *signal, Arguments... arguments)
  {
    gboolean yes = TRUE;
    ask (&yes, signal, arguments...);
    return yes;
  }
  void drop_run () { run_.lock ()->reset (); }

  GstElement *const element_; // owns us
  GstBin *const bin_;
  std::shared_ptr<PeerThreads> threads_;

private:
  // What waits for the application; shared with it.
  struct Backlog {
    std::size_t items = 0, bytes = 0;
    std::set<const char *> properties;
    bool lost = false; // since it was empty
  };
  struct Warnings {
    double allowed = 10;
    TimePoint counted{};
    unsigned left_out = 0;
  };
  std::atomic<Loop *> loop_{nullptr};
  Guarded<std::shared_ptr<std::atomic<bool>>> run_; // false in it once it has ended
  const std::shared_ptr<Guarded<Backlog>> backlog_ = std::make_shared<Guarded<Backlog>> ();
  Guarded<Warnings> warnings_;
};
} // namespace reach::rtc

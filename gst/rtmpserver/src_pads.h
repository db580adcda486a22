// SPDX-License-Identifier: LGPL-2.1-or-later
// The pads of an rtmpserversrc: made on the loop when their tracks come, added by the event thread,
// kept from one publisher to the next.
#pragma once
#include "common/running_clock.h"
#include "common/serial_queue.h"
#include "trackpad.h"

namespace reach::rtmp {
class SrcPads final : public PadHost {
public:
  static constexpr std::size_t max_pads = 64; // each is a thread, usually

  explicit SrcPads (GstElement *element) : element_ (element) {}

  // `thread`: pushes for all pads; null: each has one of its own.
  void begin_run (
      std::shared_ptr<SerialQueue> events, Duration latency, std::shared_ptr<PadThread> thread);
  void set_playing (bool on);
  void unblock ();  // before pads are deactivated
  void end_run ();  // removes all but the flv pad
  bool send_eos (); // loop thread, like all that brings something; false: there is no pad

  // The request pad; null when there is one already. Application.
  GstPad *request_flv ();
  void release_flv (GstPad *pad);

  // Loop thread.
  std::shared_ptr<TrackPad> flv ();
  // The pad of a track, made if there is none; see show (). Null when there are too many.
  std::shared_ptr<TrackPad> track (TrackPad::Kind kind, unsigned number, const std::string &id);
  void show (const std::shared_ptr<TrackPad> &pad); // a new one whose caps are known
  bool any () { return !all ().empty (); }
  void complete (); // all tracks that are expected are there: they start
  bool completed () const { return completed_; }
  // The flv pad's stream, which goes on from one publisher to the next.
  struct FlvStream {
    bool begun = false;     // its header is out
    std::int64_t start = 0; // arrival of its first publisher, monotonic, ns
    std::int64_t last = 0;  // time of its newest tag, ns
  };
  FlvStream flv_stream;
  void end_all (); // EOS

  TrackPad::Totals totals ();

private:
  struct Pads {
    std::vector<std::shared_ptr<TrackPad>> tracks;
    std::shared_ptr<TrackPad> flv;
  };
  std::vector<std::shared_ptr<TrackPad>> all ();
  // PadHost
  std::int64_t running_time_of (std::int64_t t) override { return clock_.running_time_of (t); }
  Duration latency () override { return latency_; }
  void pad_flow_error (TrackPad &pad, GstFlowReturn flow) override;
  // Event thread.
  void add (const std::shared_ptr<TrackPad> &pad);
  void start_all ();
  void post_collection ();
  void remove (const std::shared_ptr<TrackPad> &pad);

  GstElement *element_;
  std::shared_ptr<SerialQueue> events_;
  std::shared_ptr<PadThread> thread_; // while it runs
  std::atomic<Duration> latency_{};
  RunningClock clock_;
  Guarded<Pads> pads_;
  std::atomic<guint> group_id_{0};
  bool complete_ = false;  // event thread
  bool completed_ = false; // loop thread
};
} // namespace reach::rtmp

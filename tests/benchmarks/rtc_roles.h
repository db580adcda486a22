// SPDX-License-Identifier: LGPL-2.1-or-later
// The roles of reach-rtc-bench, and what they share.
#pragma once
#include "process.h"
#include "rtc_call.h"

namespace reach::bench {
// A pipeline with peers in it. Errors end the program.
class PeerPipeline {
public:
  explicit PeerPipeline (const std::string &line = {}); // empty: nothing in it yet
  ~PeerPipeline ();
  PeerPipeline (const PeerPipeline &) = delete;
  PeerPipeline &operator= (const PeerPipeline &) = delete;

  // Takes it. What comes out of it goes to a fakesink, behind `decoder` (a line, or nothing).
  void add (GstElement *element, const std::string &decoder = {});
  GstElement *add_peer (
      const std::string &factory, unsigned latency_ms, const std::string &decoder = {});
  // From the element `from` of the line into the peer, as each of the two needs it.
  void feed (const char *from, GstElement *peer, const std::string &factory);
  void set_state (GstState state) { gst_element_set_state (pipeline_, state); }
  GstElement *get () const { return pipeline_; }
  std::uint64_t came () const { return came_; }        // buffers at the fakesinks
  std::int64_t first_at () const { return first_at_; } // 0: none yet

private:
  struct Sink {
    PeerPipeline *pipeline;
    std::string decoder;
  };
  static void pad_added_cb (GstElement *, GstPad *pad, gpointer sink);
  static GstPadProbeReturn came_cb (GstPad *, GstPadProbeInfo *info, gpointer self);

  GstElement *const pipeline_;
  std::atomic<std::uint64_t> came_{0};
  std::atomic<std::int64_t> first_at_{0};
};

// Looks each ms. False: it did not become so in time.
bool wait_for (const std::function<bool ()> &what, double seconds);

int rtc_media (const Options &options);  // N peers that send, or receive
int rtc_data (const Options &options);   // one data channel
int rtc_joins (const Options &options);  // times until the first picture
int rtc_cycles (const Options &options); // pairs that come and go
int rtc_pool (const Options &options);   // one stream to many members
} // namespace reach::bench

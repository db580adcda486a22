// SPDX-License-Identifier: LGPL-2.1-or-later
// What the thread of an output pad does: takes packets, changes the depayloader for their codec,
// and pushes them with the events that belong in front.
#pragma once
#include "common/running_clock.h"
#include "gstrtpreceive.h"

namespace reach::rtc {
class ReceiveStream {
public:
  // The elements, which have this: `source` with its pad `src`, and `last` behind it, in `bin`.
  ReceiveStream (const ReceiveConfig &config, GstElement *bin, GstElement *source, GstPad *src,
      GstElement *last);

  PacketQueue &queue () { return *config_.queue; }
  void want_keyframe () { config_.host->on_keyframe_wanted (); }

  // State changes.
  void play (bool on);
  void reset (); // the thread is stopped

  // False: the thread is to pause.
  bool step ();

private:
  bool handle (PacketQueue::Batch &batch);
  void set_codec (const Codec &codec);
  bool change_depayloader (const Codec &codec);
  void begin ();
  void end ();
  Ref<GstBuffer> finish (PacketQueue::Item &item);
  bool push (std::span<PacketQueue::Item> packets);
  bool went_on (GstFlowReturn flow);
  void fail (const std::string &missing);

  const ReceiveConfig config_;
  GstElement *const bin_, *const source_, *const last_;
  GstPad *const src_;
  RunningClock clock_;

  // Of the thread.
  Ref<GstElement> depayloader_;
  std::string name_; // of its codec
  Ref<GstCaps> caps_;
  const guint group_id_ = gst_util_group_id_next ();
  bool started_ = false, caps_sent_ = false, segment_sent_ = false;
  bool unusable_ = false; // no depayloader
  bool ended_ = false;    // downstream has had enough
  bool unlinked_ = false;
};
} // namespace reach::rtc

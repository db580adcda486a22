// SPDX-License-Identifier: LGPL-2.1-or-later
// The two ends of an input pad's chain, elements that are not registered: what comes first, whose
// caps and data are told to the owner before they go on, and the sink behind the payloader.
#pragma once
#include "common/ref.h"
#include "rtc/peer/media_source.h"
#include <gst/base/gstbasesink.h>
#include <memory>

namespace reach::rtc {
// Streaming thread.
class InputChain {
public:
  virtual ~InputChain () = default;
  // Of the entry. False: they are refused.
  virtual bool on_input_caps (GstCaps *caps) = 0;
  virtual void before_data () = 0;
  virtual Ref<GstCaps> accepted_caps () = 0; // any thread
  // Of the sink.
  virtual void on_rtp_caps (GstCaps *caps) = 0;
  virtual MediaSource *source_of (GstBuffer *packet) = 0; // null: nobody's
  virtual void on_ended () = 0;
};

// Floating. Pads: sink, src.
GstElement *make_rtp_entry (std::shared_ptr<InputChain> chain);
// Floating. Pad: sink. Takes anything, and drops what is not RTP.
GstElement *make_rtp_send (std::shared_ptr<InputChain> chain);
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// One pad of rtmpserversink: a private GstBaseSink that makes messages of buffers. Its caps, its
// times, its end.
#pragma once
#include "encoders.h"
#include "outgoing.h"
#include "sink_endpoint.h"
#include <gst/base/gstbasesink.h>

G_DECLARE_FINAL_TYPE (GstRtmpSinkStream, gst_rtmp_sink_stream, GST, RTMP_SINK_STREAM, GstBaseSink)

namespace reach::rtmp {
// The element, as its pads see it. Streaming threads.
class StreamOwner {
public:
  virtual ~StreamOwner () = default;
  virtual std::shared_ptr<SinkEndpoint> endpoint () = 0; // null: there is no run
  virtual void params_changed () = 0;                    // metadata have to be told again
  // The stream has ended. With the last one `drained` is called when players have all of it, from
  // any thread, for which the stream waits as long as is returned.
  virtual Duration ended (GstRtmpSinkStream *s, std::function<void ()> drained) = 0;
};

GstRtmpSinkStream *make_sink_stream (InputKind kind, unsigned index, StreamOwner &owner);
InputKind stream_kind (GstRtmpSinkStream *s);
unsigned stream_index (GstRtmpSinkStream *s);
// What it sends; the codec is unknown before caps came.
StreamParams stream_params (GstRtmpSinkStream *s);
void request_key_unit (GstRtmpSinkStream *s);
} // namespace reach::rtmp

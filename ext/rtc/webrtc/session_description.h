// SPDX-License-Identifier: LGPL-2.1-or-later
// Our descriptions as the GstWebRTCSessionDescription that applications of webrtcbin know, and
// back. Nothing that our parser reads is lost on the way.
#pragma once
#include "gst_webrtc.h"
#include "rtc/proto/jsep_types.h"
#include <memory>

namespace reach::rtc {
struct SessionDescriptionFree {
  void operator() (GstWebRTCSessionDescription *d) const noexcept
  {
    gst_webrtc_session_description_free (d);
  }
};
using SessionDescriptionPtr = std::unique_ptr<GstWebRTCSessionDescription, SessionDescriptionFree>;

// Any thread. `sdp` is not looked at for a rollback. Null: `why`, our parser's fault and line.
SessionDescriptionPtr description_to_gst (
    DescriptionType type, std::string_view sdp, std::string &why);
SessionDescriptionPtr description_to_gst (DescriptionType type, const sdp::Description &d);

struct GstDescription {
  DescriptionType type = DescriptionType::offer;
  std::string sdp; // CRLF; empty for a rollback, or where there was no message
};
// Nothing: null, or a type that is none.
std::optional<GstDescription> description_from_gst (const GstWebRTCSessionDescription *d);
} // namespace reach::rtc

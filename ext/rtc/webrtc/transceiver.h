// SPDX-License-Identifier: LGPL-2.1-or-later
// GstWebRTCRTPTransceiver of a rtcpeer: a handle. What the application sets goes to the peer by
// hooks; what the peer negotiates is shown by transceiver_update ().
//
// All properties of 1.22's class, and those that webrtcbin adds: fec-type, fec-percentage, do-nack.
// current-direction is right here (in GStreamer 1.22 itself it shows direction).
#pragma once
#include "common/ref.h"
#include "gst_webrtc.h"
#include "rtc/proto/media_types.h"
#include <functional>

namespace reach::rtc {
struct TransceiverShown {
  std::string mid;         // empty: shown as NULL
  guint mline = G_MAXUINT; // G_MAXUINT: of none
  Direction direction = Direction::sendrecv;
  std::optional<Direction> current_direction; // nothing: NONE
  bool operator== (const TransceiverShown &) const = default;
};

struct TransceiverWishes {
  GstWebRTCFECType fec_type = GST_WEBRTC_FEC_TYPE_NONE;
  guint fec_percentage = 100; // packets of protection for 100 of media
  bool nack = false;
};

// The application's thread; no lock is held. NONE as a direction is no wish and is ignored.
struct TransceiverHooks {
  std::function<void (Direction)> direction;
  std::function<void (Ref<GstCaps>)> codec_preferences; // null: none
  std::function<void (const TransceiverWishes &)> wishes;
};

GType transceiver_type ();
// Any thread. Has a sender and a receiver of its own.
Ref<GstWebRTCRTPTransceiver> transceiver_new (
    MediaKind kind, const TransceiverShown &shown, TransceiverHooks hooks);
// Emits `notify` for what has changed, on the calling thread: not the loop's. A direction that the
// application has set meanwhile is shown again with the next update.
void transceiver_update (GstWebRTCRTPTransceiver *transceiver, const TransceiverShown &shown);
TransceiverShown transceiver_shown (GstWebRTCRTPTransceiver *transceiver);
TransceiverWishes transceiver_wishes (GstWebRTCRTPTransceiver *transceiver);
// The peer is gone: its hooks are called no more (one may be running).
void transceiver_detach (GstWebRTCRTPTransceiver *transceiver);
} // namespace reach::rtc

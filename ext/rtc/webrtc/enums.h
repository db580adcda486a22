// SPDX-License-Identifier: LGPL-2.1-or-later
// The words of the protocol cores as the enums that applications of webrtcbin know.
#pragma once
#include "gst_webrtc.h"
#include "rtc/peer/peer_connection.h"
#include "rtc/proto/data_channels.h"
#include "rtc/proto/jsep_types.h"

namespace reach::rtc {
GstWebRTCSignalingState to_gst (SignalingState state);
GstWebRTCICEConnectionState to_gst (IceState state, bool silent); // silent: nothing comes
GstWebRTCICEGatheringState to_gst (GatheringState state);
// Of a peer connection with its one transport.
GstWebRTCPeerConnectionState to_gst (TransportState state, bool silent);
GstWebRTCDTLSTransportState dtls_state (TransportState state);

GstWebRTCSDPType to_gst (DescriptionType type);
std::optional<DescriptionType> from_gst (GstWebRTCSDPType type);
GstWebRTCRTPTransceiverDirection to_gst (std::optional<Direction> direction);
std::optional<Direction> from_gst (GstWebRTCRTPTransceiverDirection direction); // nothing: NONE
GstWebRTCKind to_gst (MediaKind kind);
GstWebRTCDataChannelState to_gst (ChannelState state);
// RFC 8831, 6.4: 128, 256, 512, 1024; numbers between belong to the higher one.
GstWebRTCPriorityType priority_to_gst (std::uint16_t priority);
std::uint16_t from_gst (GstWebRTCPriorityType priority);
GstWebRTCError to_gst (JsepFault fault);
} // namespace reach::rtc

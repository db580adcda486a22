// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enums.h"

namespace reach::rtc {
GstWebRTCSignalingState to_gst (SignalingState state)
{
  switch (state) {
  case SignalingState::stable:
    return GST_WEBRTC_SIGNALING_STATE_STABLE;
  case SignalingState::have_local_offer:
    return GST_WEBRTC_SIGNALING_STATE_HAVE_LOCAL_OFFER;
  case SignalingState::have_remote_offer:
    return GST_WEBRTC_SIGNALING_STATE_HAVE_REMOTE_OFFER;
  case SignalingState::have_local_pranswer:
    return GST_WEBRTC_SIGNALING_STATE_HAVE_LOCAL_PRANSWER;
  case SignalingState::have_remote_pranswer:
    return GST_WEBRTC_SIGNALING_STATE_HAVE_REMOTE_PRANSWER;
  case SignalingState::closed:
    break;
  }
  return GST_WEBRTC_SIGNALING_STATE_CLOSED;
}

GstWebRTCICEConnectionState to_gst (IceState state, bool silent)
{
  switch (state) {
  case IceState::fresh:
    return GST_WEBRTC_ICE_CONNECTION_STATE_NEW;
  case IceState::checking:
    return GST_WEBRTC_ICE_CONNECTION_STATE_CHECKING;
  case IceState::connected:
    return silent ? GST_WEBRTC_ICE_CONNECTION_STATE_DISCONNECTED
                  : GST_WEBRTC_ICE_CONNECTION_STATE_CONNECTED;
  case IceState::completed:
    return silent ? GST_WEBRTC_ICE_CONNECTION_STATE_DISCONNECTED
                  : GST_WEBRTC_ICE_CONNECTION_STATE_COMPLETED;
  case IceState::failed:
    return GST_WEBRTC_ICE_CONNECTION_STATE_FAILED;
  case IceState::closed:
    break;
  }
  return GST_WEBRTC_ICE_CONNECTION_STATE_CLOSED;
}

GstWebRTCICEGatheringState to_gst (GatheringState state)
{
  switch (state) {
  case GatheringState::fresh:
    return GST_WEBRTC_ICE_GATHERING_STATE_NEW;
  case GatheringState::gathering:
    return GST_WEBRTC_ICE_GATHERING_STATE_GATHERING;
  case GatheringState::complete:
    break;
  }
  return GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE;
}

GstWebRTCPeerConnectionState to_gst (TransportState state, bool silent)
{
  switch (state) {
  case TransportState::fresh:
    return GST_WEBRTC_PEER_CONNECTION_STATE_NEW;
  case TransportState::connecting:
    return GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTING;
  case TransportState::connected:
    return silent ? GST_WEBRTC_PEER_CONNECTION_STATE_DISCONNECTED
                  : GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED;
  case TransportState::failed:
    return GST_WEBRTC_PEER_CONNECTION_STATE_FAILED;
  case TransportState::closed:
    break;
  }
  return GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED;
}

GstWebRTCDTLSTransportState dtls_state (TransportState state)
{
  switch (state) {
  case TransportState::fresh:
    return GST_WEBRTC_DTLS_TRANSPORT_STATE_NEW;
  case TransportState::connecting:
    return GST_WEBRTC_DTLS_TRANSPORT_STATE_CONNECTING;
  case TransportState::connected:
    return GST_WEBRTC_DTLS_TRANSPORT_STATE_CONNECTED;
  case TransportState::failed:
    return GST_WEBRTC_DTLS_TRANSPORT_STATE_FAILED;
  case TransportState::closed:
    break;
  }
  return GST_WEBRTC_DTLS_TRANSPORT_STATE_CLOSED;
}

GstWebRTCSDPType to_gst (DescriptionType type)
{
  switch (type) {
  case DescriptionType::offer:
    return GST_WEBRTC_SDP_TYPE_OFFER;
  case DescriptionType::pranswer:
    return GST_WEBRTC_SDP_TYPE_PRANSWER;
  case DescriptionType::answer:
    return GST_WEBRTC_SDP_TYPE_ANSWER;
  case DescriptionType::rollback:
    break;
  }
  return GST_WEBRTC_SDP_TYPE_ROLLBACK;
}

std::optional<DescriptionType> from_gst (GstWebRTCSDPType type)
{
  switch (type) {
  case GST_WEBRTC_SDP_TYPE_OFFER:
    return DescriptionType::offer;
  case GST_WEBRTC_SDP_TYPE_PRANSWER:
    return DescriptionType::pranswer;
  case GST_WEBRTC_SDP_TYPE_ANSWER:
    return DescriptionType::answer;
  case GST_WEBRTC_SDP_TYPE_ROLLBACK:
    return DescriptionType::rollback;
  }
  return {};
}

GstWebRTCRTPTransceiverDirection to_gst (std::optional<Direction> direction)
{
  if (!direction)
    return GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_NONE;
  switch (*direction) {
  case Direction::inactive:
    return GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_INACTIVE;
  case Direction::sendonly:
    return GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY;
  case Direction::recvonly:
    return GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY;
  case Direction::sendrecv:
    break;
  }
  return GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV;
}

std::optional<Direction> from_gst (GstWebRTCRTPTransceiverDirection direction)
{
  switch (direction) {
  case GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_INACTIVE:
    return Direction::inactive;
  case GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY:
    return Direction::sendonly;
  case GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY:
    return Direction::recvonly;
  case GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV:
    return Direction::sendrecv;
  case GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_NONE:
    break;
  }
  return {};
}

GstWebRTCKind to_gst (MediaKind kind)
{
  switch (kind) {
  case MediaKind::audio:
    return GST_WEBRTC_KIND_AUDIO;
  case MediaKind::video:
    return GST_WEBRTC_KIND_VIDEO;
  case MediaKind::application:
  case MediaKind::other:
    break;
  }
  return GST_WEBRTC_KIND_UNKNOWN;
}

GstWebRTCDataChannelState to_gst (ChannelState state)
{
  switch (state) {
  case ChannelState::connecting:
    return GST_WEBRTC_DATA_CHANNEL_STATE_CONNECTING;
  case ChannelState::open:
    return GST_WEBRTC_DATA_CHANNEL_STATE_OPEN;
  case ChannelState::closing:
    return GST_WEBRTC_DATA_CHANNEL_STATE_CLOSING;
  case ChannelState::closed:
    break;
  }
  return GST_WEBRTC_DATA_CHANNEL_STATE_CLOSED;
}

GstWebRTCPriorityType priority_to_gst (std::uint16_t priority)
{
  if (priority <= 128)
    return GST_WEBRTC_PRIORITY_TYPE_VERY_LOW;
  if (priority <= 256)
    return GST_WEBRTC_PRIORITY_TYPE_LOW;
  return priority <= 512 ? GST_WEBRTC_PRIORITY_TYPE_MEDIUM : GST_WEBRTC_PRIORITY_TYPE_HIGH;
}

std::uint16_t from_gst (GstWebRTCPriorityType priority)
{
  switch (priority) {
  case GST_WEBRTC_PRIORITY_TYPE_VERY_LOW:
    return 128;
  case GST_WEBRTC_PRIORITY_TYPE_MEDIUM:
    return 512;
  case GST_WEBRTC_PRIORITY_TYPE_HIGH:
    return 1024;
  case GST_WEBRTC_PRIORITY_TYPE_LOW:
    break;
  }
  return 256;
}

GstWebRTCError to_gst (JsepFault fault)
{
  switch (fault) {
  case JsepFault::wrong_state:
    return GST_WEBRTC_ERROR_INVALID_STATE;
  case JsepFault::modified:
    return GST_WEBRTC_ERROR_INVALID_MODIFICATION;
  case JsepFault::bad_argument:
  case JsepFault::unknown:
  case JsepFault::stopped:
  case JsepFault::bad_candidate:
  case JsepFault::unknown_ufrag:
    return GST_WEBRTC_ERROR_TYPE_ERROR;
  case JsepFault::no_fingerprint:
  case JsepFault::insecure:
    return GST_WEBRTC_ERROR_FINGERPRINT_FAILURE;
  case JsepFault::mline_mismatch:
  case JsepFault::no_ice:
  case JsepFault::no_rtcp_mux:
  case JsepFault::bad_setup:
  case JsepFault::not_bundled:
  case JsepFault::no_codec:
    return GST_WEBRTC_ERROR_SDP_SYNTAX_ERROR;
  case JsepFault::too_many:
  case JsepFault::none:
    break;
  }
  return GST_WEBRTC_ERROR_INTERNAL_FAILURE;
}
} // namespace reach::rtc

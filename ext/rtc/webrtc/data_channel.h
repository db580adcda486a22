// SPDX-License-Identifier: LGPL-2.1-or-later
// GstWebRTCDataChannel of a rtcpeer: what applications of webrtcbin know, properties, signals and
// gst_webrtc_data_channel_*() functions, on a channel of a DataHub.
//
// Sending never waits: over 16 MiB or 65536 messages that SCTP has not taken it fails with
// GST_WEBRTC_ERROR_DATA_CHANNEL_FAILURE, in a channel that is not open with INVALID_STATE, over the
// peer's a=max-message-size and for text that is not UTF-8 with TYPE_ERROR. Where the caller takes
// no error (the action signals) it comes as on-error. What the peer sends waits for the handlers in
// at most 16 MiB or 65536 messages: over that an unreliable channel drops messages, a reliable one
// is closed, both with on-error.
//
// ready-state, id and the signals change on the SignalQueue's thread, in the order of events; but
// ready-state is closing at once after close(). Empty messages come as NULL, as in webrtcbin. Text
// ends at its first NUL, and what is not UTF-8 in it is replaced.
#pragma once
#include "common/ref.h"
#include "gst_webrtc.h"
#include "rtc/peer/data_hub.h"
#include "signal_queue.h"

namespace reach::rtc {
// 0 where GStreamer's GstWebRTCDataChannelClass, which no header declares, is not as it is in 1.22;
// `why` says so then. Any thread.
GType data_channel_type (std::string &why);
// What is wrong with the class of GstWebRTCDataChannel, or nothing.
std::string data_channel_class_fault (const GTypeQuery &query, gconstpointer klass);

// The options of webrtcbin's create-data-channel: ordered (gboolean, TRUE), max-packet-lifetime
// (gint, ms), max-retransmits (gint; -1 in both: reliable), protocol (string), negotiated
// (gboolean), id (gint), priority (GstWebRTCPriorityType). options may be null. Nothing, and `why`:
// no channel can be like this.
std::optional<ChannelConfig> channel_config (
    const char *label, const GstStructure *options, std::string &why);

// Any thread. Null: `why`.
Ref<GstWebRTCDataChannel> data_channel_new (
    const ChannelConfig &config, std::shared_ptr<SignalQueue> queue, std::string &why);
// For DataHub::create () and on_incoming_channel (); once, on the loop thread. They keep the object
// until on_channel_closed (): where there is no hub any more, close the port and tell the listener.
DataHub::Ends data_channel_ends (GstWebRTCDataChannel *channel);
} // namespace reach::rtc

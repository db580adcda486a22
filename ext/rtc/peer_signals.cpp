// SPDX-License-Identifier: LGPL-2.1-or-later
// The signals of rtcpeer that the element emits; peer_actions.cpp has those it takes.
#include "common/accumulators.h"
#include "peer_actions.h"
#include "peer_impl.h"
#include "webrtc/gst_webrtc.h"

namespace reach::rtc {
namespace {
gboolean yes (GstElement *, const char *)
{
  return TRUE;
}

gboolean yes_pair (GstElement *, const char *, const char *)
{
  return TRUE;
}

// The first handler that has a text.
gboolean first_text (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  if (!g_value_get_string (one))
    return TRUE;
  g_value_copy (one, all);
  return FALSE;
}

void install_event (GType type, const char *name)
{
  g_signal_new (name, type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
      GST_TYPE_STRUCTURE);
}

// As webrtcbin's.
void install_negotiation (GType type)
{
  /**
   * GstRtcPeer::on-negotiation-needed:
   * @self: the element
   *
   * An offer is needed: call create-offer, set-local-description, and send it. Not emitted with
   * signalling-uri. From the thread that has all signals.
   */
  g_signal_new ("on-negotiation-needed", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 0);
  /**
   * GstRtcPeer::on-ice-candidate:
   * @self: the element
   * @mlineindex: the m-line it belongs to
   * @candidate: candidate:… (RFC 8839, 5.1)
   *
   * A local candidate, to be given to the other side's add-ice-candidate. Not emitted with
   * signalling-uri.
   */
  g_signal_new ("on-ice-candidate", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_STRING);
  /**
   * GstRtcPeer::on-new-transceiver:
   * @self: the element
   * @transceiver: a GstWebRTCRTPTransceiver
   *
   * There is one more, by a pad, an action or a description of the peer.
   */
  g_signal_new ("on-new-transceiver", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 1, GST_TYPE_WEBRTC_RTP_TRANSCEIVER);
  /**
   * GstRtcPeer::on-data-channel:
   * @self: the element
   * @channel: a GstWebRTCDataChannel
   *
   * The peer has opened a data channel. What it sends is held back until this has returned.
   */
  g_signal_new ("on-data-channel", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 1, GST_TYPE_WEBRTC_DATA_CHANNEL);
  /**
   * GstRtcPeer::prepare-data-channel:
   * @self: the element
   * @channel: a GstWebRTCDataChannel
   * @is_local: whether this side opens it
   *
   * A data channel is going to be, and nothing has happened to it yet: signals of its can be
   * connected.
   */
  g_signal_new ("prepare-data-channel", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
      G_TYPE_NONE, 2, GST_TYPE_WEBRTC_DATA_CHANNEL, G_TYPE_BOOLEAN);
}

void install_candidate_decisions (GType type)
{
  /**
   * GstRtcPeer::local-candidate:
   * @self: the element
   * @candidate: candidate:…
   *
   * May this candidate be told to the peer? On a loop thread: must return at once.
   *
   * Returns: %FALSE to keep it back
   */
  g_signal_new_class_handler ("local-candidate", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes), all_of,
      nullptr, nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
  /**
   * GstRtcPeer::remote-candidate:
   * @self: the element
   * @candidate: candidate:…
   *
   * May this candidate of the peer be used? On a loop thread: must return at once.
   *
   * Returns: %FALSE to ignore it
   */
  g_signal_new_class_handler ("remote-candidate", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes), all_of,
      nullptr, nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
}

void install_decisions (GType type)
{
  /**
   * GstRtcPeer::accept-pair:
   * @self: the element
   * @local: candidate:…
   * @remote: candidate:…
   *
   * May media and data take this way, which ICE has nominated? On a loop thread: must return at
   * once.
   *
   * Returns: %FALSE to send nothing over it: the connection fails, with pair-failed "refused". With
   * signalling-uri ICE restarts, else restart-ice does; what is nominated then is asked for again
   */
  g_signal_new_class_handler ("accept-pair", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes_pair), all_of,
      nullptr, nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstRtcPeer::binding-request:
   * @self: the element
   * @address: where it comes from, 192.0.2.1:5000 or [2001:db8::1]:5000
   *
   * May ICE answer the Binding requests of the peer (RFC 8445, 7.3) from this address? It is asked
   * about once when it is accepted, and each time when it is not; those without the right
   * integrity are not asked about. Has to be connected before the connection begins, and there are
   * no TCP candidates then. Requests by way of a relay are not asked about; refuse in
   * remote-candidate what may not come that way. On a loop thread: must return at once.
   *
   * Returns: %FALSE to leave the request without an answer
   */
  g_signal_new_class_handler ("binding-request", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes), all_of,
      nullptr, nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
  /**
   * GstRtcPeer::local-description:
   * @self: the element
   * @type: offer or answer
   * @sdp: as it was made
   *
   * With signalling-uri, before a local description is set and sent. Codecs, directions and
   * attributes may be edited; not the number, order and mids of m-lines, nor ICE. On a loop thread:
   * must return at once.
   *
   * Returns: (nullable) (transfer full): another one, or NULL
   */
  g_signal_new ("local-description", type, G_SIGNAL_RUN_LAST, 0, first_text, nullptr, nullptr,
      G_TYPE_STRING, 2, G_TYPE_STRING, G_TYPE_STRING);
}

void install_events (GType type)
{
  /**
   * GstRtcPeer::peer-added:
   * @self: the element
   * @fields: rtc-peer-added: peer-id
   *
   * The signalling server has named the other side. Also an element message.
   */
  install_event (type, "peer-added");
  /**
   * GstRtcPeer::peer-left:
   * @self: the element
   * @fields: rtc-peer-left: peer-id, reason
   *
   * The other side has gone; src pads stay for the next one. Also an element message.
   */
  install_event (type, "peer-left");
  /**
   * GstRtcPeer::connected:
   * @self: the element
   * @fields: rtc-connected: peer-id, dtls-version, dtls-cipher
   *
   * Media and data can pass. Also an element message.
   */
  install_event (type, "connected");
  /**
   * GstRtcPeer::pair-nominated:
   * @self: the element
   * @fields: rtc-pair-nominated: peer-id, local, remote (candidates)
   *
   * ICE has chosen a pair, at first or another one later. Also an element message.
   */
  install_event (type, "pair-nominated");
  /**
   * GstRtcPeer::pair-failed:
   * @self: the element
   * @fields: rtc-pair-failed: peer-id, reason
   *
   * ICE finds no pair. With signalling-uri it restarts by itself. Also an element message.
   */
  install_event (type, "pair-failed");
  /**
   * GstRtcPeer::signalling-message:
   * @self: the element
   * @fields: rtc-signalling-message: message (JSON)
   *
   * A message of the application at the other side, by way of the signalling server. Also an
   * element message.
   */
  install_event (type, "signalling-message");
}
} // namespace

void install_peer_signals (GType type)
{
  install_negotiation (type);
  install_candidate_decisions (type);
  install_decisions (type);
  install_events (type);
  install_peer_actions (type);
}
} // namespace reach::rtc

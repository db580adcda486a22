// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stats.h"

namespace reach::cam {
namespace {
// Only what there is: a plaintext link has none of these fields.
void add_security (GstStructure *s, const TlsInfo &i)
{
  const std::pair<const char *, const std::string &> all[] = {{"tls-version", i.version},
      {"tls-cipher", i.cipher}, {"tls-peer-name", i.peer_name},
      {"tls-peer-fingerprint", i.fingerprint}};
  for (const auto &[name, value] : all)
    if (!value.empty ())
      gst_structure_set (s, name, G_TYPE_STRING, value.c_str (), nullptr);
}

template <typename Link> GstStructure *link_structure (const Link &l)
{
  const TransportStats &t = l.transport;
  GstStructure *s = gst_structure_new ("link", "media-type", G_TYPE_STRING,
      media_type_name (l.type), "peer", G_TYPE_STRING, l.peer.c_str (), "guid", G_TYPE_STRING,
      l.guid.c_str (), "remote-session-key", G_TYPE_UINT64, l.remote_session_key, "bytes-sent",
      G_TYPE_UINT64, t.bytes_sent, "bytes-received", G_TYPE_UINT64, t.bytes_received,
      "packets-sent", G_TYPE_UINT64, t.packets_sent, "packets-received", G_TYPE_UINT64,
      t.packets_received, "packets-lost", G_TYPE_UINT64, t.packets_lost, "packets-retransmitted",
      G_TYPE_UINT64, t.packets_retransmitted, "messages-late", G_TYPE_UINT64, t.messages_late,
      "bandwidth", G_TYPE_UINT64, t.bandwidth, "send-rate", G_TYPE_UINT64, t.send_rate,
      "receive-rate", G_TYPE_UINT64, t.receive_rate, "rtt", G_TYPE_UINT64,
      static_cast<guint64> (t.rtt.count ()), nullptr);
  add_security (s, l.security);
  return s;
}

void take_list (GstStructure *s, const char *field, GValue *list)
{
  gst_structure_take_value (s, field, list);
}

void append (GValue *list, GstStructure *s)
{
  GValue v = G_VALUE_INIT;
  g_value_init (&v, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&v, s);
  gst_value_list_append_and_take_value (list, &v);
}

template <typename Snapshot> void add_common (GstStructure *s, const Snapshot &x)
{
  std::uint64_t sent = 0, received = 0, send_rate = 0, receive_rate = 0;
  for (const auto &l : x.links) {
    sent += l.transport.bytes_sent;
    received += l.transport.bytes_received;
    send_rate += l.transport.send_rate;
    receive_rate += l.transport.receive_rate;
  }
  GstStructure *closed = gst_structure_new_empty ("closed");
  for (std::size_t i = 0; i < n_close_reasons; i++)
    if (x.closed[i])
      gst_structure_set (closed, close_reason_name (static_cast<CloseReason> (i)), G_TYPE_UINT64,
          x.closed[i], nullptr);
  gst_structure_set (s, "open-channels", G_TYPE_UINT, x.open_channels, "bytes-sent", G_TYPE_UINT64,
      sent, "bytes-received", G_TYPE_UINT64, received, "send-rate", G_TYPE_UINT64, send_rate,
      "receive-rate", G_TYPE_UINT64, receive_rate, "failures", G_TYPE_UINT64, x.failures, "breaks",
      G_TYPE_UINT64, x.breaks, "refused", G_TYPE_UINT64, x.refused, "key-requests", G_TYPE_UINT64,
      x.key_requests, nullptr);
  GValue v = G_VALUE_INIT;
  g_value_init (&v, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&v, closed);
  gst_structure_take_value (s, "closed", &v);
}
} // namespace

GstStructure *sender_stats (const SenderEngine::Snapshot &x)
{
  GstStructure *s = gst_structure_new ("cam-sender-stats", "connects", G_TYPE_UINT64, x.connects,
      "overflow", G_TYPE_UINT64, x.overflow, "bandwidth", G_TYPE_UINT64, x.bandwidth,
      "commands-timed-out", G_TYPE_UINT64, x.commands_timed_out, "files-timed-out", G_TYPE_UINT64,
      x.files_timed_out, nullptr);
  add_common (s, x);
  std::uint64_t frames = 0, bytes = 0, gops = 0;
  for (const auto &d : x.dropped) {
    frames += d.frames_dropped;
    bytes += d.bytes_dropped;
    gops += d.gops_dropped;
  }
  gst_structure_set (s, "frames-dropped", G_TYPE_UINT64, frames, "bytes-dropped", G_TYPE_UINT64,
      bytes, "gops-dropped", G_TYPE_UINT64, gops, nullptr);
  GValue list = G_VALUE_INIT;
  g_value_init (&list, GST_TYPE_LIST);
  for (const auto &l : x.links) {
    GstStructure *link = link_structure (l);
    gst_structure_set (link, "frames-dropped", G_TYPE_UINT64, l.queue.frames_dropped,
        "queued-bytes", G_TYPE_UINT64, static_cast<guint64> (l.queued_bytes), "queued-messages",
        G_TYPE_UINT64, static_cast<guint64> (l.queued_messages), nullptr);
    append (&list, link);
  }
  take_list (s, "links", &list);
  return s;
}

GstStructure *receiver_stats (const ReceiverEngine::Snapshot &x, const PadTotals &pads)
{
  GstStructure *s = gst_structure_new ("cam-receiver-stats", "frames", G_TYPE_UINT64, pads.frames,
      "bytes", G_TYPE_UINT64, pads.bytes, "frames-lost", G_TYPE_UINT64, pads.frames_lost,
      "frames-dropped", G_TYPE_UINT64, pads.frames_dropped, "accepted", G_TYPE_UINT64, x.accepted,
      "sessions", G_TYPE_UINT64, x.sessions, "resumed", G_TYPE_UINT64, x.resumed, "senders",
      G_TYPE_UINT, x.senders, "drift-ppm", G_TYPE_DOUBLE, x.drift_ppm, nullptr);
  add_common (s, x);
  GValue list = G_VALUE_INIT;
  g_value_init (&list, GST_TYPE_LIST);
  for (const auto &l : x.links)
    append (&list, link_structure (l));
  take_list (s, "links", &list);
  return s;
}

void post_dropped (GstElement *e, MediaType type, const MediaQueue::Stats &d)
{
  GstMessage *qos = gst_message_new_qos (GST_OBJECT (e), TRUE, GST_CLOCK_TIME_NONE,
      GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE);
  gst_message_set_qos_stats (qos, GST_FORMAT_BUFFERS, G_MAXUINT64, d.frames_dropped);
  gst_element_post_message (e, qos);
  gst_element_post_message (
      e, gst_message_new_element (GST_OBJECT (e),
             gst_structure_new ("cam-dropped", "media-type", G_TYPE_STRING, media_type_name (type),
                 "frames", G_TYPE_UINT64, d.frames_dropped, "bytes", G_TYPE_UINT64, d.bytes_dropped,
                 "gops", G_TYPE_UINT64, d.gops_dropped, nullptr)));
}
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serverstats.h"

namespace reach::cam {
namespace {
const char *state_name (SourceState s)
{
  static constexpr const char *names[] = {"live", "quiet", "broken", "gone"};
  return names[static_cast<std::size_t> (s)];
}

void append (GValue *list, GstStructure *s)
{
  GValue v = G_VALUE_INIT;
  g_value_init (&v, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&v, s);
  gst_value_list_append_and_take_value (list, &v);
}
} // namespace

GstStructure *server_stats (const MediaServer::Snapshot &x)
{
  const RelayCounters &r = x.relays;
  GstStructure *s = gst_structure_new ("cam-media-server-stats", "links", G_TYPE_UINT64,
      static_cast<guint64> (r.links), "frames-received", G_TYPE_UINT64, r.frames_received,
      "frames-discarded", G_TYPE_UINT64, r.frames_discarded, "messages-sent", G_TYPE_UINT64,
      r.frames_sent, "bytes-received", G_TYPE_UINT64, r.bytes_received, "bytes-sent", G_TYPE_UINT64,
      r.bytes_sent, "frames-limited", G_TYPE_UINT64, r.frames_limited, "frames-dropped",
      G_TYPE_UINT64, r.queues.frames_dropped, "bytes-dropped", G_TYPE_UINT64,
      r.queues.bytes_dropped, "gops-dropped", G_TYPE_UINT64, r.queues.gops_dropped, "cached-bytes",
      G_TYPE_UINT64, static_cast<guint64> (r.cached_bytes), "key-requests", G_TYPE_UINT64,
      r.key_requests, "refused", G_TYPE_UINT64, x.hub.refused, "resumed", G_TYPE_UINT64,
      x.hub.resumed, "replaced", G_TYPE_UINT64, x.hub.replaced, "commands", G_TYPE_UINT64,
      x.hub.commands.handled, "commands-refused", G_TYPE_UINT64, x.hub.commands.refused,
      "commands-timed-out", G_TYPE_UINT64, x.hub.commands.timed_out, "commands-waiting",
      G_TYPE_UINT64, static_cast<guint64> (x.hub.commands.waiting), "taps", G_TYPE_UINT64,
      static_cast<guint64> (x.hub.taps), nullptr);
  GValue senders = G_VALUE_INIT, receivers = G_VALUE_INIT;
  g_value_init (&senders, GST_TYPE_LIST);
  g_value_init (&receivers, GST_TYPE_LIST);
  for (const auto &i : x.hub.sources)
    append (&senders,
        gst_structure_new ("sender", "guid", G_TYPE_STRING, i.guid.c_str (), "guid-to",
            G_TYPE_STRING, i.guid_to.c_str (), "guid-group", G_TYPE_STRING, i.group.c_str (),
            "peer", G_TYPE_STRING, i.peer.c_str (), "state", G_TYPE_STRING, state_name (i.state),
            "streams", G_TYPE_UINT, static_cast<guint> (i.streams), "receivers", G_TYPE_UINT,
            static_cast<guint> (i.receivers), nullptr));
  for (const auto &i : x.hub.receivers)
    append (&receivers, gst_structure_new ("receiver", "guid", G_TYPE_STRING, i.guid.c_str (),
                            "peer", G_TYPE_STRING, i.peer.c_str (), "links", G_TYPE_UINT, i.links,
                            "senders", G_TYPE_UINT, static_cast<guint> (i.sources), nullptr));
  gst_structure_take_value (s, "senders", &senders);
  gst_structure_take_value (s, "receivers", &receivers);
  return s;
}

const char *client_event_name (ClientEvent::What what)
{
  static constexpr const char *names[] = {
      "client-connected", "client-disconnected", "client-rejected"};
  return names[static_cast<std::size_t> (what)];
}

GstStructure *structure_of (const ClientEvent &e)
{
  const std::string name = std::string ("cam-") + client_event_name (e.what);
  GstStructure *s = gst_structure_new (name.c_str (), "guid", G_TYPE_STRING, e.guid.c_str (),
      "peer", G_TYPE_STRING, e.peer.c_str (), nullptr);
  if (e.role)
    gst_structure_set (
        s, "role", G_TYPE_STRING, *e.role == LinkRole::sender ? "sender" : "receiver", nullptr);
  if (e.what != ClientEvent::What::connected)
    gst_structure_set (s, "reason", G_TYPE_STRING, e.reason.c_str (), nullptr);
  return s;
}
} // namespace reach::cam

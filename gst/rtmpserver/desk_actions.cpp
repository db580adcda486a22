// SPDX-License-Identifier: LGPL-2.1-or-later
// What the application does with connections.
#include "desk.h"
#include <cstring>

namespace reach::rtmp {

bool Desk::respond (std::uint64_t request, bool accept, const GstStructure *reply)
{
  Question q{};
  const bool found = state_.update ([&] (State &s) {
    auto node = s.questions.extract (request);
    if (node)
      q = node.mapped ();
    return static_cast<bool> (node);
  });
  if (!found)
    return false;
  std::vector<Value> values;
  if (q.is_call && reply)
    values = arguments_of (reply);
  handle_of (q.connection).post ([q, accept, values] (Connection &c) {
    if (q.is_call)
      c.answer (q.request, accept, values);
    else
      c.decide (q.request, accept);
  });
  return true;
}

bool Desk::call_client (
    std::uint64_t connection, const char *name, const GstStructure *arguments, GstPromise *promise)
{
  const auto values = arguments_of (arguments);
  const auto h = handle_of (connection);
  std::uint32_t transaction = 0;
  const bool sent = h.call ([&] (Connection &c) {
    transaction = c.session ().call (0, name, values, promise != nullptr);
    if (promise && transaction != 0)
      state_.update ([&] (State &s) {
        if (const auto at = s.clients.find (connection); at != s.clients.end ())
          at->second.calls[transaction] = {gst_promise_ref (promise), gst_promise_unref};
      });
    c.flush_later ();
  });
  return sent && (!promise || transaction != 0);
}

bool Desk::send_status (std::uint64_t connection, guint stream, const Status &status)
{
  return handle_of (connection).call ([&] (Connection &c) {
    c.session ().send_status (stream, status);
    c.flush_later ();
  });
}

bool Desk::set_property (std::uint64_t connection, const std::string &key, const char *value)
{
  if (key.empty () || key.size () + (value ? strlen (value) : 0) > max_property_bytes)
    return false;
  return state_.update ([&] (State &s) {
    const auto at = s.clients.find (connection);
    if (at == s.clients.end ())
      return false;
    auto &all = at->second.properties;
    if (!value)
      return all.erase (key) > 0;
    if (!all.contains (key) && all.size () >= max_properties)
      return false;
    all[key] = value;
    return true;
  });
}

CharPtr Desk::property (std::uint64_t connection, const std::string &key)
{
  const auto s = state_.lock ();
  const auto at = s->clients.find (connection);
  if (at == s->clients.end () || !at->second.properties.contains (key))
    return {};
  return CharPtr (g_strdup (at->second.properties.at (key).c_str ()));
}

bool Desk::disconnect (std::uint64_t connection, const std::string &description)
{
  return handle_of (connection).call ([&] (Connection &c) {
    c.close ({"NetConnection.Connect.Closed", description, true});
  });
}

bool Desk::redirect (std::uint64_t connection, const std::string &url)
{
  bool told = false;
  handle_of (connection).call ([&] (Connection &c) {
    told = c.session ().request_reconnect (url, "another server goes on");
    c.flush_later ();
  });
  return told;
}

void Desk::add_stats (GstStructure *stats)
{
  std::vector<std::pair<ConnectionHandle, std::shared_ptr<GstStructure>>> all;
  {
    const auto s = state_.lock ();
    for (const auto &[id, client] : s->clients)
      all.emplace_back (
          client.handle, std::shared_ptr<GstStructure> (
                             gst_structure_copy (client.info.get ()), gst_structure_free));
  }
  GValue list = G_VALUE_INIT;
  g_value_init (&list, GST_TYPE_ARRAY);
  for (const auto &[handle, info] : all) {
    ConnectionStats n;
    if (!handle.call ([&] (Connection &c) { n = c.stats (); }))
      continue;
    const auto ns = [] (Duration d) {
      return static_cast<guint64> (std::chrono::duration_cast<nanoseconds> (d).count ());
    };
    for (const char *text : {"query", "tc-url"}) // by whomever they are looked at
      gst_structure_set (info.get (), text, G_TYPE_STRING,
          without_secrets (gst_structure_get_string (info.get (), text)).c_str (), nullptr);
    gst_structure_set (info.get (), "in-chunk-size", G_TYPE_UINT, n.session.chunk_size_in,
        "in-window-ack-size", G_TYPE_UINT, n.session.window_in, "in-bytes-total", G_TYPE_UINT64,
        guint64{n.bytes_received}, "in-messages", G_TYPE_UINT64, guint64{n.session.messages_in},
        "out-bytes-total", G_TYPE_UINT64, guint64{n.bytes_sent}, "out-bytes-acked", G_TYPE_UINT64,
        guint64{n.session.bytes_acked}, "queued-bytes", G_TYPE_UINT64,
        guint64{n.queued + n.out.queued_bytes}, "queued-messages", G_TYPE_UINT64,
        guint64{n.out.queued_messages}, "queued-time", G_TYPE_UINT64, ns (n.out.queued_time),
        "in-fps", G_TYPE_DOUBLE, n.in.fps, "out-fps", G_TYPE_DOUBLE, n.out.fps, "in-dropped",
        G_TYPE_UINT64, guint64{n.in.dropped}, "out-dropped", G_TYPE_UINT64, guint64{n.out.dropped},
        "ignored-messages", G_TYPE_UINT64, guint64{n.session.ignored}, "rtt", G_TYPE_UINT64,
        ns (n.session.round_trip), "duration", G_TYPE_UINT64, ns (n.age), "publishing", G_TYPE_UINT,
        n.publishing, "playing", G_TYPE_UINT, n.playing, nullptr);
    GValue v = G_VALUE_INIT;
    g_value_init (&v, GST_TYPE_STRUCTURE);
    gst_value_set_structure (&v, info.get ());
    gst_value_array_append_and_take_value (&list, &v);
  }
  gst_structure_take_value (stats, "connections", &list);
}
} // namespace reach::rtmp

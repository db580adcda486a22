// SPDX-License-Identifier: LGPL-2.1-or-later
// One of the two elements in a pipeline of its own: its statistics and everything it tells.
#pragma once
#include "bus_error.h"
#include "plugin.h"
#include "wait.h"
#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace reach::test {
// Every way a stream can go. A protocol or direction more is one line here.
struct Way {
  const char *protocol;
  bool push;
  const char *name;
};
constexpr Way ways[] = {
    {"tcp", true, "tcp push"},
    {"tcp", false, "tcp pull"},
    {"http", true, "http push"},
    {"http", false, "http pull"},
    {"udp", true, "udp push"},
};
constexpr int n_ways = static_cast<int> (std::size (ways));
inline bool over_tcp (const Way &w)
{
  return std::string (w.protocol) != "udp";
}
constexpr int count_ways (bool push)
{
  int n = 0;
  for (const Way &w : ways)
    n += w.push == push;
  return n;
}
constexpr int n_push = count_ways (true), n_pull = count_ways (false);
// The i-th way of one direction, for loop tests.
inline const Way &way_of (bool push, int i)
{
  for (const Way &w : ways)
    if (w.push == push && i-- == 0)
      return w;
  g_assert_not_reached ();
}

struct MiniUnref {
  void operator() (void *p) const noexcept
  {
    gst_mini_object_unref (static_cast<GstMiniObject *> (p));
  }
};
using Buffer = std::unique_ptr<GstBuffer, MiniUnref>;
using Caps = std::unique_ptr<GstCaps, MiniUnref>;
struct StructureFree {
  void operator() (GstStructure *s) const noexcept { gst_structure_free (s); }
};
using Structure = std::unique_ptr<GstStructure, StructureFree>;

inline Caps caps_of (const char *text)
{
  GstCaps *c = gst_caps_from_string (text);
  fail_unless (c != nullptr, "%s", text);
  return Caps (c);
}

inline std::string string_property (gpointer object, const char *name)
{
  gchar *text = nullptr;
  g_object_get (object, name, &text, nullptr);
  const std::string s = text ? text : "";
  g_free (text);
  return s;
}

// ---- events

struct LinkEventSeen {
  std::string name, text; // text: the whole structure
  guint64 session_key = 0, remote_session_key = 0, link_key = 0;
  guint media_types = 0;
  std::string peer;
};

inline LinkEventSeen event_seen (const GstStructure *s)
{
  LinkEventSeen e;
  e.name = gst_structure_get_name (s);
  gchar *text = gst_structure_to_string (s);
  e.text = text;
  g_free (text);
  fail_unless (gst_structure_get_uint64 (s, "session-key", &e.session_key));
  fail_unless (gst_structure_get_uint64 (s, "remote-session-key", &e.remote_session_key));
  fail_unless (gst_structure_get_uint64 (s, "link-key", &e.link_key));
  const GValue *types = gst_structure_get_value (s, "media-types");
  fail_unless (types != nullptr && G_VALUE_HOLDS_FLAGS (types));
  e.media_types = g_value_get_flags (types);
  const char *peer = gst_structure_get_string (s, "peer");
  fail_unless (peer != nullptr);
  e.peer = peer;
  return e;
}

// What an element told, by signals and by messages.
struct Told {
  std::vector<LinkEventSeen> signals, messages;
  std::vector<std::string> errors, warnings, others; // others: names of further element messages
};

constexpr const char *event_names[] = {"channel-opened", "connecting", "connected", "connect-error",
    "disconnected", "channel-closed", "session-connected", "session-disconnected"};

// ---- one element in its pipeline

// Seconds. On a busy machine a peer may not run for as long as the defaults, and one channel that
// is given up ends a session. Tests of what silence does set their own.
constexpr int patience = 30;
static_assert (std::chrono::seconds (patience) > long_enough);

class Node {
public:
  Node (const char *factory, const Way &way, bool caller)
      : pipeline (gst_pipeline_new (nullptr)), element (gst_element_factory_make (factory, nullptr))
  {
    fail_unless (element != nullptr);
    gst_bin_add (GST_BIN (pipeline), element);
    gst_util_set_object_arg (G_OBJECT (element), "protocol", way.protocol);
    gst_util_set_object_arg (G_OBJECT (element), "mode", caller ? "caller" : "listener");
    g_object_set (element, "bind-address", "127.0.0.1", "port", 0, nullptr);
    set_timeouts (patience);
    for (const char *name : event_names)
      if (g_signal_lookup (name, G_OBJECT_TYPE (element)))
        g_signal_connect (element, name, G_CALLBACK (on_signal), this);
    GstBus *bus = gst_element_get_bus (pipeline);
    gst_bus_set_sync_handler (bus, on_message, this, nullptr);
    gst_object_unref (bus);
  }
  virtual ~Node ()
  {
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
  }
  Node (const Node &) = delete;
  Node &operator= (const Node &) = delete;

  guint16 port () const
  {
    gint p = 0;
    g_object_get (element, "current-port", &p, nullptr);
    return static_cast<guint16> (p);
  }
  void play () { fail_unless (reach_state (pipeline, GST_STATE_PLAYING)); }
  void state (GstState s) { fail_unless (reach_state (pipeline, s)); }
  void null () { state (GST_STATE_NULL); }
  // Of all media types.
  void set_timeouts (int seconds)
  {
    for (const char *type : {"video", "audio", "data", "command", "file"})
      g_object_set (element, (std::string (type) + "-timeout").c_str (), seconds, nullptr);
  }

  Structure stats () const
  {
    GstStructure *s = nullptr;
    g_object_get (element, "stats", &s, nullptr);
    fail_unless (s != nullptr);
    return Structure (s);
  }
  guint64 stat (const char *field) const
  {
    const Structure s = stats ();
    guint64 v = 0;
    fail_unless (gst_structure_get_uint64 (s.get (), field, &v), "no %s in stats", field);
    return v;
  }
  // How many links ended for this reason.
  guint64 closed (const char *reason) const
  {
    const Structure s = stats ();
    const GValue *v = gst_structure_get_value (s.get (), "closed");
    fail_unless (v != nullptr && GST_VALUE_HOLDS_STRUCTURE (v));
    guint64 n = 0;
    gst_structure_get_uint64 (gst_value_get_structure (v), reason, &n);
    return n;
  }
  guint open_channels () const
  {
    guint n = 0;
    g_object_get (element, "open-channels", &n, nullptr);
    return n;
  }
  guint64 session_key () const
  {
    guint64 k = 0;
    g_object_get (element, "session-key", &k, nullptr);
    return k;
  }

  bool wait_told (const std::function<bool (const Told &)> &holds, milliseconds limit = long_enough)
  {
    return told.wait (holds, limit);
  }
  // `name` without "cam-" has been told `n` times, as a message (which comes after the signal).
  bool wait_event (const std::string &name, std::size_t n = 1, milliseconds limit = long_enough)
  {
    return told.wait ([&] (const Told &t) { return count (t.messages, name) >= n; }, limit);
  }
  static std::size_t count (const std::vector<LinkEventSeen> &v, const std::string &name)
  {
    return static_cast<std::size_t> (std::count_if (
        v.begin (), v.end (), [&] (const auto &e) { return e.name == "cam-" + name; }));
  }

  GstElement *pipeline, *element;
  Watched<Told> told;

private:
  static void on_signal (GstElement *, GstStructure *s, gpointer self)
  {
    static_cast<Node *> (self)->told.update (
        [s] (Told &t) { t.signals.push_back (event_seen (s)); });
  }
  static GstBusSyncReply on_message (GstBus *, GstMessage *m, gpointer self)
  {
    auto &told = static_cast<Node *> (self)->told;
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR)
      told.update ([m] (Told &t) { t.errors.push_back (error_of (m)->message); });
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_WARNING)
      told.update ([m] (Told &t) { t.warnings.push_back (error_of (m)->message); });
    const GstStructure *s = gst_message_get_structure (m);
    if (GST_MESSAGE_TYPE (m) != GST_MESSAGE_ELEMENT || !s)
      return GST_BUS_PASS;
    const std::string name = gst_structure_get_name (s);
    told.update ([&] (Told &t) {
      if (name.rfind ("cam-", 0) == 0 && gst_structure_has_field (s, "link-key"))
        t.messages.push_back (event_seen (s));
      else
        t.others.push_back (name);
    });
    return GST_BUS_PASS;
  }
};
} // namespace reach::test

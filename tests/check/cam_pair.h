// SPDX-License-Identifier: LGPL-2.1-or-later
// A camsender and a camreceiver in one process, each in a pipeline of its own. The test holds their
// pads itself: what it pushes into the sender is exactly what it says, and what a receiver's pad
// pushes is kept as it came.
#pragma once
#include "cam_node.h"

namespace reach::test {
// ---- sender

class Sender : public Node {
public:
  explicit Sender (const Way &w) : Node ("camsender", w, w.push), way (w)
  {
    // Over UDP nothing is given up for coming late, however busy the machine is: of both sides'
    // latency the larger one counts.
    g_object_set (element, "sync", FALSE, "latency", 10000u, nullptr);
  }
  ~Sender () override
  {
    gst_element_set_state (pipeline, GST_STATE_NULL);
    for (GstPad *pad : pads_)
      gst_object_unref (pad);
  }

  // So many receivers pull everything. Each makes a link for each media type, and they come up in
  // any order: what is sent before that of its own type is up reaches nobody.
  bool wait_pulled (std::size_t receivers = 1) { return wait_event ("connected", receivers * 5); }

  // One of our pads, linked to the request pad `name`; its stream-start, caps and segment are sent
  // with the first buffer or by begin ().
  class Stream {
  public:
    GstPad *pad = nullptr;
    GstPad *sink = nullptr;
    std::string caps, id;
    bool begun = false;
    std::shared_ptr<std::atomic<unsigned>> key_requests =
        std::make_shared<std::atomic<unsigned>> (0);

    void event (GstEvent *e) { fail_unless (gst_pad_push_event (pad, e)); }
    void begin ()
    {
      if (std::exchange (begun, true))
        return;
      event (gst_event_new_stream_start (id.c_str ()));
      if (caps.empty ())
        return;
      set_caps (caps.c_str ());
      GstSegment segment;
      gst_segment_init (&segment, GST_FORMAT_TIME);
      event (gst_event_new_segment (&segment));
    }
    void set_caps (const char *text) { event (gst_event_new_caps (caps_of (text).get ())); }
    void push (Buffer b)
    {
      begin ();
      fail_unless_equals_int (gst_pad_push (pad, b.release ()), GST_FLOW_OK);
    }
    void eos () { event (gst_event_new_eos ()); }
  };

  Stream &add (const char *name, const char *caps, const char *id = nullptr)
  {
    auto s = std::make_unique<Stream> ();
    s->caps = caps ? caps : "";
    s->id = id ? id : std::string ("stream-") + name;
    s->pad = gst_pad_new (nullptr, GST_PAD_SRC);
    gst_object_ref_sink (s->pad);
    g_object_set_data_full (G_OBJECT (s->pad), "key-requests",
        new std::shared_ptr<std::atomic<unsigned>> (s->key_requests),
        [] (gpointer p) { delete static_cast<std::shared_ptr<std::atomic<unsigned>> *> (p); });
    gst_pad_set_event_function (s->pad, on_upstream);
    s->sink = gst_element_request_pad_simple (element, name);
    fail_unless (s->sink != nullptr, "no pad %s", name);
    fail_unless (gst_pad_set_active (s->pad, TRUE));
    fail_unless_equals_int (gst_pad_link (s->pad, s->sink), GST_PAD_LINK_OK);
    pads_.push_back (s->pad);
    pads_.push_back (s->sink);
    streams_.push_back (std::move (s));
    return *streams_.back ();
  }
  void release (Stream &s)
  {
    gst_pad_unlink (s.pad, s.sink);
    gst_element_release_request_pad (element, s.sink);
  }

  // After NULL: a new run begins with the same streams.
  void begin_again ()
  {
    for (auto &s : streams_) {
      s->begun = false;
      s->begin ();
    }
  }

  const Way way;

private:
  static gboolean on_upstream (GstPad *pad, GstObject *, GstEvent *e)
  {
    if (gst_event_has_name (e, "GstForceKeyUnit"))
      ++**static_cast<std::shared_ptr<std::atomic<unsigned>> *> (
          g_object_get_data (G_OBJECT (pad), "key-requests"));
    gst_event_unref (e);
    return TRUE;
  }
  std::vector<GstPad *> pads_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

// ---- receiver

struct Item {
  std::shared_ptr<GstMiniObject> object;
  bool is_buffer () const { return GST_IS_BUFFER (object.get ()); }
  GstBuffer *buffer () const { return GST_BUFFER_CAST (object.get ()); }
  GstEvent *event () const { return GST_EVENT_CAST (object.get ()); }
  bool is_event (GstEventType t) const { return !is_buffer () && GST_EVENT_TYPE (event ()) == t; }
};

// What came out of one pad of a receiver.
struct Received {
  std::string pad, guid;
  guint index = 0;
  guint64 session_key = 0;
  GstPad *source = nullptr; // not owned, valid until removed
  std::vector<Item> items;
  bool blocked = false, removed = false;

  std::vector<GstBuffer *> buffers () const
  {
    std::vector<GstBuffer *> v;
    for (const Item &i : items)
      if (i.is_buffer ())
        v.push_back (i.buffer ());
    return v;
  }
  std::size_t n_buffers () const
  {
    return static_cast<std::size_t> (std::count_if (
        items.begin (), items.end (), [] (const Item &i) { return i.is_buffer (); }));
  }
  std::size_t n_events (GstEventType t) const
  {
    return static_cast<std::size_t> (std::count_if (
        items.begin (), items.end (), [t] (const Item &i) { return i.is_event (t); }));
  }
  GstEvent *last_event (GstEventType t) const
  {
    for (auto i = items.rbegin (); i != items.rend (); ++i)
      if (i->is_event (t))
        return i->event ();
    return nullptr;
  }
};

struct Streams {
  std::map<std::string, Received> pads; // by name
  unsigned no_more_pads = 0;
};

class Receiver : public Node {
public:
  explicit Receiver (const Way &w) : Node ("camreceiver", w, !w.push), way (w)
  {
    g_signal_connect (element, "pad-added", G_CALLBACK (on_pad_added), this);
    g_signal_connect (element, "pad-removed", G_CALLBACK (on_pad_removed), this);
    g_signal_connect (element, "no-more-pads", G_CALLBACK (on_no_more_pads), this);
  }
  ~Receiver () override
  {
    unblock_all ();
    gst_element_set_state (pipeline, GST_STATE_NULL);
    for (GstPad *pad : sinks_)
      gst_object_unref (pad);
  }

  bool wait (const std::function<bool (const Streams &)> &holds, milliseconds limit = long_enough)
  {
    return streams.wait (holds, limit);
  }
  bool wait_buffers (const char *pad, std::size_t n, milliseconds limit = long_enough)
  {
    return wait (
        [&] (const Streams &s) {
          const auto i = s.pads.find (pad);
          return i != s.pads.end () && i->second.n_buffers () >= n;
        },
        limit);
  }
  bool wait_event_on (const char *pad, GstEventType t, std::size_t n = 1)
  {
    return wait ([&] (const Streams &s) {
      const auto i = s.pads.find (pad);
      return i != s.pads.end () && i->second.n_events (t) >= n;
    });
  }
  Received on (const std::string &pad)
  {
    const Streams s = streams.get ();
    const auto i = s.pads.find (pad);
    return i == s.pads.end () ? Received{} : i->second;
  }
  // Downstream of this pad stands still, from the next buffer on. Before the pad exists too.
  void block (const std::string &pad, bool on)
  {
    streams.update ([&] (Streams &s) { s.pads[pad].blocked = on; });
  }
  void unblock_all ()
  {
    streams.update ([] (Streams &s) {
      for (auto &[name, r] : s.pads)
        r.blocked = false;
    });
  }

  Watched<Streams> streams;
  const Way way;

private:
  void keep (GstPad *sink, GstMiniObject *o)
  {
    const std::string name = static_cast<const char *> (g_object_get_data (G_OBJECT (sink), "of"));
    const std::shared_ptr<GstMiniObject> held (
        o, [] (GstMiniObject *p) { gst_mini_object_unref (p); });
    streams.update ([&] (Streams &s) { s.pads[name].items.push_back ({held}); });
    if (GST_IS_BUFFER (o))
      streams.wait (
          [&] (const Streams &s) { return !s.pads.at (name).blocked; }, std::chrono::minutes (10));
  }
  static GstFlowReturn on_buffer (GstPad *sink, GstObject *, GstBuffer *b)
  {
    auto *self = static_cast<Receiver *> (g_object_get_data (G_OBJECT (sink), "receiver"));
    self->keep (sink, GST_MINI_OBJECT_CAST (b));
    return GST_FLOW_OK;
  }
  static gboolean on_event (GstPad *sink, GstObject *, GstEvent *e)
  {
    auto *self = static_cast<Receiver *> (g_object_get_data (G_OBJECT (sink), "receiver"));
    self->keep (sink, GST_MINI_OBJECT_CAST (e));
    return TRUE;
  }
  static void on_pad_added (GstElement *, GstPad *pad, gpointer data)
  {
    auto *self = static_cast<Receiver *> (data);
    gchar *name = gst_pad_get_name (pad);
    static GstStaticPadTemplate any =
        GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
    GstPad *sink = gst_pad_new_from_static_template (&any, nullptr);
    gst_object_ref_sink (sink);
    g_object_set_data (G_OBJECT (sink), "receiver", self);
    g_object_set_data_full (G_OBJECT (sink), "of", g_strdup (name), g_free);
    gst_pad_set_chain_function (sink, on_buffer);
    gst_pad_set_event_function (sink, on_event);
    gst_pad_set_active (sink, TRUE);
    guint index = 0;
    guint64 key = 0;
    g_object_get (pad, "index", &index, "session-key", &key, nullptr);
    self->streams.update ([&] (Streams &s) {
      Received &r = s.pads[name];
      const bool blocked = r.blocked;
      r = {};
      r.blocked = blocked;
      r.pad = name;
      r.guid = string_property (pad, "guid");
      r.index = index;
      r.session_key = key;
      r.source = pad;
      self->sinks_.push_back (sink);
    });
    g_free (name);
    fail_unless_equals_int (gst_pad_link (pad, sink), GST_PAD_LINK_OK);
  }
  static void on_pad_removed (GstElement *, GstPad *pad, gpointer data)
  {
    gchar *name = gst_pad_get_name (pad);
    static_cast<Receiver *> (data)->streams.update (
        [name] (Streams &s) { s.pads[name].removed = true; });
    g_free (name);
  }
  static void on_no_more_pads (GstElement *, gpointer data)
  {
    static_cast<Receiver *> (data)->streams.update ([] (Streams &s) { s.no_more_pads++; });
  }
  std::vector<GstPad *> sinks_;
};

// ---- both

// Tells the calling side where the listening one is.
inline void point (Node &caller, guint16 port)
{
  g_object_set (caller.element, "host", "127.0.0.1", "port", static_cast<gint> (port), nullptr);
}

// Brings both to PLAYING, the listener first, optionally through a relay's port.
inline void play (Sender &s, Receiver &r, const std::function<guint16 (guint16)> &via = {})
{
  Node &listener = s.way.push ? static_cast<Node &> (r) : s;
  Node &caller = s.way.push ? static_cast<Node &> (s) : r;
  listener.play ();
  point (caller, via ? via (listener.port ()) : listener.port ());
  caller.play ();
}

// A buffer whose bytes can be told from those of every other `n`.
inline Buffer make_buffer (std::size_t size, unsigned n, GstClockTime pts = GST_CLOCK_TIME_NONE,
    bool delta = false, GstClockTime duration = GST_CLOCK_TIME_NONE)
{
  GstBuffer *b = gst_buffer_new_allocate (nullptr, size, nullptr);
  GstMapInfo map;
  fail_unless (gst_buffer_map (b, &map, GST_MAP_WRITE));
  guint32 x = n * 2654435761u + 1;
  for (gsize i = 0; i < map.size; i++) {
    x = x * 1664525u + 1013904223u;
    map.data[i] = static_cast<guint8> (x >> 24);
  }
  gst_buffer_unmap (b, &map);
  GST_BUFFER_PTS (b) = GST_BUFFER_DTS (b) = pts;
  GST_BUFFER_DURATION (b) = duration;
  if (delta)
    GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_DELTA_UNIT);
  return Buffer (b);
}

inline bool same_bytes (GstBuffer *a, GstBuffer *b)
{
  if (gst_buffer_get_size (a) != gst_buffer_get_size (b))
    return false;
  GstMapInfo map;
  fail_unless (gst_buffer_map (a, &map, GST_MAP_READ));
  const bool same = map.size == 0 || gst_buffer_memcmp (b, 0, map.data, map.size) == 0;
  gst_buffer_unmap (a, &map);
  return same;
}

constexpr const char *video_caps = "video/x-h264,stream-format=(string)byte-stream,"
                                   "alignment=(string)au,width=(int)320,height=(int)240";
constexpr const char *audio_caps = "audio/x-raw,format=(string)S16LE,rate=(int)48000,"
                                   "channels=(int)2,layout=(string)interleaved";
constexpr const char *text_caps = "text/x-raw,format=(string)utf8";
constexpr const char *data_caps = "application/x-test,version=(int)1";
constexpr GstClockTime frame_time = 33333333;
} // namespace reach::test

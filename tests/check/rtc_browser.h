// SPDX-License-Identifier: LGPL-2.1-or-later
// An rtcpeer or rtcpool, a page in Chromium, and the rtcpoolserver that has the page and brings
// them together.
#pragma once
#include "chromium.h"
#include "plugin.h"
#include <algorithm>
#include <map>

namespace reach::test {
// What tests share: Chromium starts before they are forked, and has its pages for each of them. At
// its exit a forked test must not end it.
inline std::unique_ptr<Chromium> *const chromium = new std::unique_ptr<Chromium>;
inline Chromium &browser ()
{
  return **chromium;
}

inline GstElement *launch (const std::string &line)
{
  GError *error = nullptr;
  GstElement *p = gst_parse_launch (line.c_str (), &error);
  fail_unless (p != nullptr && !error, "%s: %s", line.c_str (), error ? error->message : "");
  if (GST_IS_PIPELINE (p))
    return p;
  GstElement *pipeline = gst_pipeline_new (nullptr);
  gst_bin_add (GST_BIN (pipeline), p);
  return pipeline;
}

class Server {
public:
  Server ()
      : pipeline_ (launch (
            "rtcpoolserver name=s port=0 bind-address=127.0.0.1 folder=" + Chromium::source ()))
  {
    fail_unless (reach_state (pipeline_, GST_STATE_PLAYING));
    element = gst_bin_get_by_name (GST_BIN (pipeline_), "s");
    guint port = 0;
    g_object_get (element, "current-port", &port, nullptr);
    address_ = "127.0.0.1:" + std::to_string (port);
  }
  ~Server ()
  {
    gst_element_set_state (pipeline_, GST_STATE_NULL);
    gst_object_unref (element);
    gst_object_unref (pipeline_);
  }
  Server (const Server &) = delete;
  Server &operator= (const Server &) = delete;
  std::string page () const { return "http://" + address_ + "/tests/npm/browser/"; }
  std::string channel () const { return "ws://" + address_ + "/garden"; }
  std::string pools (const char *scheme) const { return scheme + ("://" + address_); }

  bool has_first () const // of a channel
  {
    GstStructure *stats = nullptr;
    g_object_get (element, "stats", &stats, nullptr);
    guint64 channels = 0;
    gst_structure_get_uint64 (stats, "channels", &channels);
    gst_structure_free (stats);
    return channels > 0;
  }

  GstElement *element = nullptr;

private:
  GstElement *pipeline_;
  std::string address_;
};

// What has come out of a src pad.
struct Seen {
  std::string peer;       // where pads say it
  std::string coded, raw; // caps
  unsigned buffers = 0;   // decoded
  int peak = 0;           // of samples
  bool gone = false;      // the pad was removed
};

// A pipeline with the element `p`, whose src pads are decoded.
class Peer {
public:
  // An rtcpeer. `more`: properties of the element, then what is linked to it.
  Peer (const Server &server, const std::string &more, bool play = true)
      : Peer ("rtcpeer name=p latency=50 signalling-uri=" + server.channel () + " " + more, play)
  {
  }
  explicit Peer (const std::string &line, bool play = true)
      : pipeline_ (launch (line)), peer (gst_bin_get_by_name (GST_BIN (pipeline_), "p"))
  {
    g_signal_connect (peer, "pad-added", G_CALLBACK (+[] (GstElement *, GstPad *pad, Peer *self) {
      if (GST_PAD_IS_SRC (pad))
        self->decode (pad);
    }),
        this);
    g_signal_connect (peer, "pad-removed", G_CALLBACK (+[] (GstElement *, GstPad *pad, Peer *self) {
      const std::string name = GST_PAD_NAME (pad);
      self->seen.update ([&] (auto &s) {
        if (s.contains (name))
          s[name].gone = true;
      });
      if (GstElement *bin =
              gst_bin_get_by_name (GST_BIN (self->pipeline_), ("of-" + name).c_str ())) {
        gst_element_set_locked_state (bin, TRUE);
        gst_element_set_state (bin, GST_STATE_NULL);
        gst_bin_remove (GST_BIN (self->pipeline_), bin);
        gst_object_unref (bin);
      }
    }),
        this);
    if (play)
      start ();
  }
  ~Peer ()
  {
    stop ();
    wait_for_handlers (peer);
    g_signal_handlers_disconnect_by_data (peer, this);
    gst_object_unref (peer);
    gst_object_unref (pipeline_);
  }
  Peer (const Peer &) = delete;
  Peer &operator= (const Peer &) = delete;

  void start () { fail_unless (reach_state (pipeline_, GST_STATE_PLAYING)); }
  void stop () { gst_element_set_state (pipeline_, GST_STATE_NULL); }
  GstElement *pipeline () const { return pipeline_; }
  bool waits_for (const char *message)
  {
    return wait_element_message (pipeline_, message) != nullptr;
  }
  void add (const std::string &bin, const char *pad) // one more source, in a playing pipeline
  {
    GstElement *b = gst_parse_bin_from_description (bin.c_str (), TRUE, nullptr);
    fail_unless (b != nullptr);
    gst_bin_add (GST_BIN (pipeline_), b);
    fail_unless (gst_element_link_pads (b, "src", peer, pad));
    gst_element_sync_state_with_parent (b);
  }
  // Some pad, perhaps `of` this peer, has decoded `count` buffers more of these caps (beginnings);
  // its name.
  std::string decodes (const std::string &coded, const std::string &raw = "", unsigned count = 10,
      const std::string &of = "")
  {
    const auto before = seen.get ();
    std::string found;
    const bool done = seen.wait ([&] (const auto &now) {
      for (const auto &[name, s] : now) {
        const auto old = before.find (name);
        const unsigned had = old == before.end () ? 0 : old->second.buffers;
        if (!s.gone && (of.empty () || s.peer == of) && s.buffers >= had + count &&
            s.coded.starts_with (coded) && s.raw.find (raw) != std::string::npos)
          found = name;
      }
      return !found.empty ();
    });
    if (!done) // longer than messages of checks may be
      g_printerr ("the page: %s\n", browser ().run ("describe()").c_str ());
    fail_unless (done, "no %u buffers of %s %s but:\n%s", count, coded.c_str (), raw.c_str (),
        text ().c_str ());
    return found;
  }
  // The first structure of this type, and kind of media, in what get-stats replies, as text.
  std::string stats (const char *type, const char *kind = nullptr)
  {
    GstPromise *promise = gst_promise_new ();
    g_signal_emit_by_name (peer, "get-stats", nullptr, promise);
    fail_unless (gst_promise_wait (promise) == GST_PROMISE_RESULT_REPLIED);
    const GstStructure *all = gst_promise_get_reply (promise);
    std::string found;
    for (int i = 0; found.empty () && i < gst_structure_n_fields (all); i++) {
      const GValue *v =
          gst_structure_get_value (all, gst_structure_nth_field_name (all, guint (i)));
      if (!GST_VALUE_HOLDS_STRUCTURE (v) ||
          !gst_structure_has_name (gst_value_get_structure (v), type) ||
          (kind &&
              g_strcmp0 (gst_structure_get_string (gst_value_get_structure (v), "kind"), kind)))
        continue;
      gchar *text = gst_structure_to_string (gst_value_get_structure (v));
      found = text;
      g_free (text);
    }
    gst_promise_unref (promise);
    return found;
  }
  std::string text () const
  {
    std::string all;
    for (const auto &[name, s] : seen.get ())
      all += name + (s.gone ? " (gone) " : " ") + s.coded + " → " + s.raw + ": " +
             std::to_string (s.buffers) + " buffers, peak " + std::to_string (s.peak) + "\n";
    return all;
  }

private:
  struct Probe {
    Peer *self;
    std::string name;
  };
  void decode (GstPad *pad)
  {
    const std::string name = GST_PAD_NAME (pad);
    // A pad may come after another has gone by the same name.
    seen.update ([&] (auto &s) { s[name] = {.peer = peer_of (pad)}; });
    GstElement *bin = gst_parse_bin_from_description (
        "decodebin name=in ! fakesink name=out sync=false async=false signal-handoffs=true", FALSE,
        nullptr);
    // Or none would play before there is something for all of them.
    g_object_set (bin, "async-handling", TRUE, nullptr);
    gst_object_set_name (GST_OBJECT (bin), ("of-" + name).c_str ());
    GstElement *first = gst_bin_get_by_name (GST_BIN (bin), "in");
    GstPad *in = gst_element_get_static_pad (first, "sink");
    gst_element_add_pad (bin, gst_ghost_pad_new ("sink", in));
    gst_object_unref (in);
    gst_object_unref (first);
    GstElement *out = gst_bin_get_by_name (GST_BIN (bin), "out");
    g_signal_connect_data (
        out, "handoff", G_CALLBACK (+[] (GstElement *, GstBuffer *b, GstPad *p, Probe *to) {
          to->self->note (to->name, b, p);
        }),
        new Probe{this, name}, [] (gpointer p, GClosure *) { delete static_cast<Probe *> (p); },
        GConnectFlags (0));
    gst_object_unref (out);
    gst_bin_add (GST_BIN (pipeline_), bin);
    gst_element_sync_state_with_parent (bin);
    in = gst_element_get_static_pad (bin, "sink");
    fail_unless (gst_pad_link (pad, in) == GST_PAD_LINK_OK);
    gst_object_unref (in);
  }
  static std::string peer_of (GstPad *pad)
  {
    if (!g_object_class_find_property (G_OBJECT_GET_CLASS (pad), "peer-id"))
      return {};
    gchar *id = nullptr;
    g_object_get (pad, "peer-id", &id, nullptr);
    const std::string all = id ? id : "";
    g_free (id);
    return all;
  }
  static std::string caps_of (GstPad *pad)
  {
    GstCaps *c = gst_pad_get_current_caps (pad);
    gchar *text = c ? gst_caps_to_string (c) : nullptr;
    const std::string all = text ? text : "";
    g_free (text);
    gst_clear_caps (&c);
    return all;
  }
  void note (const std::string &name, GstBuffer *b, GstPad *pad)
  {
    GstPad *src = gst_element_get_static_pad (peer, name.c_str ());
    const std::string raw = caps_of (pad), coded = src ? caps_of (src) : "";
    gst_clear_object (&src);
    int peak = 0;
    GstMapInfo map;
    if (raw.find ("S16LE") != std::string::npos && gst_buffer_map (b, &map, GST_MAP_READ)) {
      const auto *samples = reinterpret_cast<const gint16 *> (map.data);
      for (std::size_t i = 0; i < map.size / 2; i++)
        peak = std::max (peak, std::abs (int{samples[i]}));
      gst_buffer_unmap (b, &map);
    }
    seen.update ([&] (auto &all) {
      Seen &s = all[name];
      if (!coded.empty ())
        s.coded = coded;
      s.raw = raw;
      s.buffers++;
      s.peak = std::max (s.peak, peak);
    });
  }

  GstElement *pipeline_;

public:
  GstElement *const peer;
  Watched<std::map<std::string, Seen>> seen;
};

// Sources of launch lines.
inline const std::string picture = "videotestsrc is-live=true pattern=ball ! "
                                   "video/x-raw,format=I420,width=320,height=240,framerate=15/1";
inline const std::string sound =
    "audiotestsrc is-live=true wave=sine volume=0.5 ! audio/x-raw,rate=48000,channels=1";
inline const std::string h264 =
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=150 bitrate=500 ! ";
inline const std::string vp8 = " ! vp8enc deadline=1 cpu-used=8 target-bitrate=500000 ! ";
inline const std::string opus = " ! opusenc ! ";

// What a page runs that shows its camera.
inline const std::string camera = "connect('garden', (p) => give(p, 'video'))";

// Who is polite is who comes second.
inline void meet (const Server &server, Peer &p, const std::string &connect, bool browser_first)
{
  if (browser_first)
    browser ().run (connect);
  else
    p.start ();
  fail_unless (iterate_until ([&] { return server.has_first (); }));
  if (browser_first)
    p.start ();
  else
    browser ().run (connect);
}

// A case to which the tests are to be added, with a Chromium of these flags; those of a machine
// without Chromium are none.
template <typename... Flags> TCase *browser_case (Suite *s, Flags... flags)
{
  TCase *c = tcase_create ("chromium");
  tcase_set_timeout (c, 120); // the first has to wait for a browser that starts
  if (!Chromium::there ()) {
    static Suite *const never_run = suite_create ("without a browser");
    suite_add_tcase (never_run, c);
    return c;
  }
  suite_add_tcase (s, c);
  static const std::vector<std::string> all{flags...}; // of each kind of case one
  tcase_add_unchecked_fixture (
      c, [] { *chromium = std::make_unique<Chromium> (all); }, [] { chromium->reset (); });
  return c;
}
} // namespace reach::test

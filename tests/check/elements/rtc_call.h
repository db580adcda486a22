// SPDX-License-Identifier: LGPL-2.1-or-later
// Pipelines with a peer connection each, rtcpeer or webrtcbin, that call each other: by a
// signalling server, or by this test as an application does it. What comes is decoded and counted.
#pragma once
#include "../plugin.h"
#include "../wait.h"
#include "common/ref.h"
#include "rtc/webrtc/gst_webrtc.h"
#include <algorithm>
#include <string>
#include <vector>

namespace reach::test {
inline const std::string small_video =
    "videotestsrc is-live=true pattern=ball ! "
    "video/x-raw,format=I420,width=160,height=120,framerate=30/1";
inline const std::string small_h264 =
    small_video + " ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 "
                  "key-int-max=60 ! video/x-h264,profile=constrained-baseline";
inline const std::string small_audio =
    "audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2";

// One pipeline; `peer` is the element named "peer" in it.
class Caller {
public:
  struct Track {
    std::string pad, media; // video/x-raw, audio/x-raw
    std::string rid;        // where pads say it
    int width = 0;
    unsigned buffers = 0;
    bool gone = false;
    gint64 last = 0, longest = 0; // when the last buffer came, and the longest pause, µs
  };
  Watched<std::vector<Track>> tracks;
  Watched<unsigned> needed, candidates, eos;
  Watched<std::vector<std::string>> messages; // of data channels
  GstElement *pipeline = nullptr, *peer = nullptr;

  explicit Caller (const std::string &text)
  {
    GError *error = nullptr;
    pipeline = gst_parse_launch (text.c_str (), &error);
    fail_unless (pipeline != nullptr && !error, "%s", error ? error->message : "");
    if (!GST_IS_PIPELINE (pipeline)) { // of one element gst_parse_launch makes no pipeline
      GstElement *one = pipeline;
      pipeline = gst_pipeline_new (nullptr);
      gst_bin_add (GST_BIN (pipeline), one);
    }
    peer = gst_bin_get_by_name (GST_BIN (pipeline), "peer");
    fail_unless (peer != nullptr);
    g_signal_connect (peer, "pad-added", G_CALLBACK (on_pad_added), this);
    g_signal_connect (peer, "pad-removed", G_CALLBACK (on_pad_removed), this);
  }
  ~Caller ()
  {
    end ();
    wait_for_handlers (peer);
    g_signal_handlers_disconnect_by_data (peer, this);
    gst_object_unref (peer);
    gst_object_unref (pipeline);
  }
  void end () { gst_element_set_state (pipeline, GST_STATE_NULL); }
  void play ()
  {
    fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  }
  unsigned decoded (const std::string &media) const
  {
    unsigned n = 0;
    for (const Track &t : tracks.get ())
      if (t.media == media)
        n += t.buffers;
    return n;
  }
  // So many more buffers of that kind, decoded.
  bool wait_media (const std::string &media, unsigned n, milliseconds limit = long_enough)
  {
    const unsigned before = decoded (media);
    return tracks.wait (
        [&] (const std::vector<Track> &all) {
          unsigned now = 0;
          for (const Track &t : all)
            if (t.media == media)
              now += t.buffers;
          return now >= before + n;
        },
        limit);
  }
  template <typename T> T get (const char *property)
  {
    T value{};
    g_object_get (peer, property, &value, nullptr);
    return value;
  }
  bool wait_connected ()
  {
    return wait_message (pipeline, GST_MESSAGE_ELEMENT,
               [] (GstMessage *m) { return gst_message_has_name (m, "rtc-connected"); }) != nullptr;
  }

private:
  static GstPadProbeReturn on_buffer (GstPad *pad, GstPadProbeInfo *, gpointer self)
  {
    const CharPtr name (static_cast<char *> (
        g_strdup (static_cast<const char *> (g_object_get_data (G_OBJECT (pad), "track")))));
    const auto caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad));
    const std::string media =
        caps ? gst_structure_get_name (gst_caps_get_structure (caps.get (), 0)) : "none";
    static_cast<Caller *> (self)->tracks.update ([&] (std::vector<Track> &all) {
      // A pad may come after another has gone by the same name.
      const auto t = std::find_if (
          all.rbegin (), all.rend (), [&] (const Track &x) { return x.pad == name.get (); });
      if (t == all.rend ())
        return;
      t->media = media;
      if (caps)
        gst_structure_get_int (gst_caps_get_structure (caps.get (), 0), "width", &t->width);
      t->buffers++;
      const gint64 now = g_get_monotonic_time ();
      if (t->last != 0)
        t->longest = std::max (t->longest, now - t->last);
      t->last = now;
    });
    return GST_PAD_PROBE_OK;
  }
  static void on_decoded (GstElement *decoder, GstPad *pad, gpointer self)
  {
    GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
    g_object_set (sink, "sync", TRUE, "async", FALSE, nullptr);
    GstObject *parent = gst_element_get_parent (decoder);
    gst_bin_add (GST_BIN (parent), sink);
    gst_object_unref (parent);
    gst_element_sync_state_with_parent (sink);
    const auto to = Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink"));
    g_object_set_data_full (G_OBJECT (to.get ()), "track",
        g_strdup (static_cast<const char *> (g_object_get_data (G_OBJECT (decoder), "track"))),
        g_free);
    gst_pad_add_probe (to.get (), GST_PAD_PROBE_TYPE_BUFFER, on_buffer, self, nullptr);
    gst_pad_link (pad, to.get ());
  }
  static void on_pad_added (GstElement *peer, GstPad *pad, gpointer p)
  {
    auto *self = static_cast<Caller *> (p);
    if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC || g_str_has_prefix (GST_PAD_NAME (pad), "data"))
      return;
    char *rid = nullptr;
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (pad), "rid"))
      g_object_get (pad, "rid", &rid, nullptr);
    const CharPtr owned (rid);
    self->tracks.update ([&] (std::vector<Track> &all) {
      all.push_back ({.pad = GST_PAD_NAME (pad), .rid = rid ? rid : ""});
    });
    GstElement *decoder = gst_element_factory_make ("decodebin", nullptr);
    // Or none would play before there is something for all of them.
    g_object_set (decoder, "async-handling", TRUE, nullptr);
    g_object_set_data_full (G_OBJECT (decoder), "track", g_strdup (GST_PAD_NAME (pad)), g_free);
    g_signal_connect (decoder, "pad-added", G_CALLBACK (on_decoded), self);
    gst_bin_add (GST_BIN (self->pipeline), decoder);
    gst_element_sync_state_with_parent (decoder);
    const auto to = Ref<GstPad>::adopt (gst_element_get_static_pad (decoder, "sink"));
    fail_unless_equals_int (gst_pad_link (pad, to.get ()), GST_PAD_LINK_OK);
  }
  static void on_pad_removed (GstElement *, GstPad *pad, gpointer self)
  {
    static_cast<Caller *> (self)->tracks.update ([&] (std::vector<Track> &all) {
      for (Track &t : all)
        if (t.pad == GST_PAD_NAME (pad))
          t.gone = true;
    });
  }
};

// Descriptions and candidates go from one to the other, as an application carries them. `a` offers.
class Wiring {
public:
  Wiring (Caller &a, Caller &b) : a_ (a), b_ (b)
  {
    g_signal_connect (a.peer, "on-negotiation-needed", G_CALLBACK (on_needed), this);
    g_signal_connect (a.peer, "on-ice-candidate", G_CALLBACK (on_candidate_a), this);
    g_signal_connect (b.peer, "on-ice-candidate", G_CALLBACK (on_candidate_b), this);
  }
  ~Wiring ()
  {
    for (Caller *c : {&a_, &b_})
      g_signal_handlers_disconnect_by_data (c->peer, this);
  }
  Watched<unsigned> negotiated;
  Watched<std::string> fault;
  // What becomes of a candidate on its way; empty: it is lost. Before anything plays.
  std::function<std::string (bool of_a, const std::string &)> rewrite;

  void negotiate ()
  {
    GstPromise *p = gst_promise_new_with_change_func (on_offer, this, nullptr);
    g_signal_emit_by_name (a_.peer, "create-offer", nullptr, p);
  }

private:
  static void on_needed (GstElement *, gpointer self)
  {
    static_cast<Wiring *> (self)->a_.needed.update ([] (unsigned &n) { n++; });
    static_cast<Wiring *> (self)->negotiate ();
  }
  static void on_candidate_a (GstElement *, guint line, const char *text, gpointer self)
  {
    static_cast<Wiring *> (self)->carry (true, line, text);
  }
  static void on_candidate_b (GstElement *, guint line, const char *text, gpointer self)
  {
    static_cast<Wiring *> (self)->carry (false, line, text);
  }
  void carry (bool of_a, guint line, const char *text)
  {
    const std::string told = rewrite ? rewrite (of_a, text) : text;
    if (!told.empty ())
      g_signal_emit_by_name ((of_a ? b_ : a_).peer, "add-ice-candidate", line, told.c_str ());
  }
  static std::string error_of (const GstStructure *s)
  {
    GError *e = nullptr;
    if (s)
      gst_structure_get (s, "error", G_TYPE_ERROR, &e, nullptr);
    const ErrorPtr error (e);
    return error ? error->message : "no reply";
  }
  GstWebRTCSessionDescription *result (GstPromise *p, const char *name)
  {
    GstWebRTCSessionDescription *d = nullptr;
    const GstStructure *s = gst_promise_get_reply (p);
    if (s)
      gst_structure_get (s, name, GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &d, nullptr);
    if (!d)
      fault.set (error_of (s));
    gst_promise_unref (p);
    return d;
  }
  static void on_offer (GstPromise *p, gpointer user)
  {
    auto *self = static_cast<Wiring *> (user);
    GstWebRTCSessionDescription *offer = self->result (p, "offer");
    if (!offer)
      return;
    g_signal_emit_by_name (self->a_.peer, "set-local-description", offer, nullptr);
    g_signal_emit_by_name (self->b_.peer, "set-remote-description", offer,
        gst_promise_new_with_change_func (on_offered, self, nullptr));
    gst_webrtc_session_description_free (offer);
  }
  static void on_offered (GstPromise *p, gpointer user)
  {
    auto *self = static_cast<Wiring *> (user);
    if (const GstStructure *s = gst_promise_get_reply (p);
        s && gst_structure_has_field (s, "error"))
      self->fault.set (error_of (s));
    gst_promise_unref (p);
    g_signal_emit_by_name (self->b_.peer, "create-answer", nullptr,
        gst_promise_new_with_change_func (on_answer, self, nullptr));
  }
  static void on_answer (GstPromise *p, gpointer user)
  {
    auto *self = static_cast<Wiring *> (user);
    GstWebRTCSessionDescription *answer = self->result (p, "answer");
    if (!answer)
      return;
    g_signal_emit_by_name (self->b_.peer, "set-local-description", answer, nullptr);
    g_signal_emit_by_name (self->a_.peer, "set-remote-description", answer,
        gst_promise_new_with_change_func (on_done, self, nullptr));
    gst_webrtc_session_description_free (answer);
  }
  static void on_done (GstPromise *p, gpointer user)
  {
    auto *self = static_cast<Wiring *> (user);
    if (const GstStructure *s = gst_promise_get_reply (p);
        s && gst_structure_has_field (s, "error"))
      self->fault.set (error_of (s));
    gst_promise_unref (p);
    self->negotiated.update ([] (unsigned &n) { n++; });
  }

  Caller &a_, &b_;
};

// A signalling server of its own port.
class SignallingServer {
public:
  explicit SignallingServer (const std::string &address = "127.0.0.1") : address_ (address)
  {
    element_ = gst_object_ref_sink (gst_element_factory_make ("rtcpoolserver", nullptr));
    g_object_set (element_, "port", 0u, "bind-address", address_.c_str (), nullptr);
    fail_unless_equals_int (gst_element_set_state (GST_ELEMENT (element_), GST_STATE_PLAYING),
        GST_STATE_CHANGE_SUCCESS);
    g_object_get (element_, "current-port", &port_, nullptr);
  }
  ~SignallingServer ()
  {
    gst_element_set_state (GST_ELEMENT (element_), GST_STATE_NULL);
    gst_object_unref (element_);
  }
  std::string uri (const std::string &channel) const
  {
    return "ws://" + address_ + ":" + std::to_string (port_) + "/" + channel;
  }

private:
  const std::string address_;
  gpointer element_;
  guint port_ = 0;
};
} // namespace reach::test

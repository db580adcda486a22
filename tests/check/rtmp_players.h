// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of players share: a coded stream, a sink that it is pushed into, and players.
#pragma once
#include "plugin.h"
#include "wait.h"
#include <gst/app/gstappsrc.h>
#include <string>
#include <vector>

namespace reach::test {
using Payload = std::vector<std::uint8_t>;

inline Payload payload_of (GstBuffer *b)
{
  Payload p (gst_buffer_get_size (b));
  gst_buffer_extract (b, 0, p.data (), p.size ());
  return p;
}

// What a pipeline's element `out` gives, a fakesink with handoffs.
struct Recording {
  GstCaps *caps = nullptr;
  std::vector<GstBuffer *> buffers;

  explicit Recording (const std::string &line)
  {
    GstElement *p = gst_parse_launch (
        (line + " ! fakesink name=out sync=false signal-handoffs=true").c_str (), nullptr);
    fail_unless (p != nullptr, "%s", line.c_str ());
    GstElement *out = gst_bin_get_by_name (GST_BIN (p), "out");
    g_signal_connect (out, "handoff",
        G_CALLBACK (+[] (GstElement *, GstBuffer *b, GstPad *pad, Recording *self) {
          if (!self->caps)
            self->caps = gst_pad_get_current_caps (pad);
          self->add (b, pad);
        }),
        this);
    gst_element_set_state (p, GST_STATE_PLAYING);
    fail_unless (wait_message (p, GST_MESSAGE_EOS) != nullptr);
    gst_element_set_state (p, GST_STATE_NULL);
    gst_object_unref (out);
    gst_object_unref (p);
  }
  ~Recording ()
  {
    for (GstBuffer *b : buffers)
      gst_buffer_unref (b);
    gst_clear_caps (&caps);
  }
  Recording (const Recording &) = delete;
  Recording &operator= (const Recording &) = delete;
  // With its running time; x264enc begins a thousand hours late.
  void add (GstBuffer *b, GstPad *pad)
  {
    GstEvent *e = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
    const GstSegment *s = nullptr;
    gst_event_parse_segment (e, &s);
    GstBuffer *copy = gst_buffer_copy (b);
    for (GstClockTime *t : {&GST_BUFFER_PTS (copy), &GST_BUFFER_DTS (copy)})
      if (GST_CLOCK_TIME_IS_VALID (*t))
        *t = gst_segment_to_running_time (s, GST_FORMAT_TIME, std::max (*t, s->start));
    gst_event_unref (e);
    buffers.push_back (copy);
  }
  std::vector<Payload> payloads () const
  {
    std::vector<Payload> out;
    for (GstBuffer *b : buffers)
      out.push_back (payload_of (b));
    return out;
  }
};

inline const char *coded_video =
    "videotestsrc num-buffers=60 pattern=ball ! video/x-raw,format=I420,width=320,height=240,"
    "framerate=30/1 ! x264enc tune=zerolatency key-int-max=15 ! "
    "video/x-h264,stream-format=avc,alignment=au";
inline const char *coded_audio =
    "audiotestsrc num-buffers=60 ! audio/x-raw,rate=44100,channels=2 ! avenc_aac";

// A pipeline with an rtmpserversink `s`, playing.
class Sender {
public:
  explicit Sender (const std::string &more, const std::string &properties = "")
      : pipeline_ (gst_parse_launch (("rtmpserversink name=s sync=false port=0 "
                                      "bind-address=127.0.0.1 application=live " +
                                         properties + " " + more)
                                         .c_str (),
            nullptr))
  {
    fail_unless (pipeline_ != nullptr);
    sink = gst_bin_get_by_name (GST_BIN (pipeline_), "s");
    fail_unless (reach_state (pipeline_, GST_STATE_PLAYING));
    gint port = 0;
    g_object_get (sink, "current-port", &port, nullptr);
    fail_unless (port > 0);
    url = "rtmp://127.0.0.1:" + std::to_string (port) + "/live/cam";
  }
  ~Sender ()
  {
    gst_element_set_state (pipeline_, GST_STATE_NULL);
    gst_object_unref (sink);
    gst_object_unref (pipeline_);
  }
  Sender (const Sender &) = delete;
  Sender &operator= (const Sender &) = delete;

  GstElement *pipeline () const { return pipeline_; }
  void push (
      const char *appsrc, const Recording &r, std::size_t from = 0, std::size_t to = SIZE_MAX)
  {
    GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline_), appsrc);
    fail_unless (src != nullptr);
    g_object_set (src, "caps", r.caps, nullptr);
    for (std::size_t i = from; i < std::min (to, r.buffers.size ()); i++)
      fail_unless (gst_app_src_push_buffer (GST_APP_SRC (src), gst_buffer_ref (r.buffers[i])) ==
                   GST_FLOW_OK);
    gst_object_unref (src);
  }
  void end (const char *appsrc)
  {
    GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline_), appsrc);
    gst_app_src_end_of_stream (GST_APP_SRC (src));
    gst_object_unref (src);
  }
  bool wait_viewers (guint n)
  {
    return wait_message (pipeline_, GST_MESSAGE_ELEMENT, [n] (GstMessage *m) {
      guint count = 0;
      return gst_message_has_name (m, "rtmp-viewers") &&
             gst_structure_get_uint (gst_message_get_structure (m), "count", &count) && count == n;
    }) != nullptr;
  }
  template <typename T> T stat (const char *name)
  {
    GstStructure *s = nullptr;
    g_object_get (sink, "stats", &s, nullptr);
    T value{};
    fail_unless (
        gst_structure_get (s, name, sizeof (T) == 8 ? G_TYPE_UINT64 : G_TYPE_UINT, &value, nullptr),
        "%s", name);
    gst_structure_free (s);
    return value;
  }

  GstElement *sink = nullptr;
  std::string url;

private:
  GstElement *pipeline_;
};

// A pipeline whose elements `video` and `audio` are fakesinks; what they get.
class Viewer {
public:
  explicit Viewer (const std::string &line) : pipeline_ (gst_parse_launch (line.c_str (), nullptr))
  {
    fail_unless (pipeline_ != nullptr, "%s", line.c_str ());
    for (const char *name : {"video", "audio"})
      if (GstElement *e = gst_bin_get_by_name (GST_BIN (pipeline_), name)) {
        g_object_set (e, "sync", FALSE, "async", FALSE, "signal-handoffs", TRUE, nullptr);
        g_signal_connect (
            e, "handoff", G_CALLBACK (got), std::string (name) == "video" ? &video : &audio);
        gst_object_unref (e);
      }
    gst_element_set_state (pipeline_, GST_STATE_PLAYING);
  }
  ~Viewer ()
  {
    gst_element_set_state (pipeline_, GST_STATE_NULL);
    gst_object_unref (pipeline_);
  }
  Viewer (const Viewer &) = delete;
  Viewer &operator= (const Viewer &) = delete;
  GstElement *pipeline () const { return pipeline_; }
  bool ended () { return wait_message (pipeline_, GST_MESSAGE_EOS) != nullptr; }

  Watched<std::vector<Payload>> video, audio;

private:
  static void got (GstElement *, GstBuffer *b, GstPad *, Watched<std::vector<Payload>> *to)
  {
    to->update ([&] (auto &v) { v.push_back (payload_of (b)); });
  }
  GstElement *pipeline_;
};

inline std::string demuxed (const std::string &source)
{
  return source + " ! flvdemux name=d  d.video ! queue ! fakesink name=video "
                  " d.audio ! queue ! fakesink name=audio";
}
} // namespace reach::test

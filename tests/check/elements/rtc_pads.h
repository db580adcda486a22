// SPDX-License-Identifier: LGPL-2.1-or-later
// An input pad and an output pad of one bin, joined without a network: what a peer connection has
// between them is a copy here.
#pragma once
#include "../plugin.h"
#include "../wait.h"
#include "rtc/pads/input_pad.h"
#include "rtc/pads/output_pad.h"
#include "rtc/proto/codec.h"
#include <string>
#include <vector>

namespace reach::test {
using namespace reach::rtc;

class JoinedPads final : public InputPad::Owner, public OutputPad::Owner {
public:
  struct Options {
    const char *codec = nullptr; // of raw media, that the peer takes; nullptr: all, in our order
    bool depayload = true;
    bool select = true; // as soon as it can be
    bool joined = true;
    Duration latency = milliseconds (20);
  };
  struct Frame {
    GstClockTime pts, arrived; // running time
    bool discont;
  };
  // Of what arrives at the sink named `out` of `back`.
  Watched<std::vector<Frame>> frames;
  Watched<unsigned> keyframes_wanted, formats, ended, keyframe_events;
  Watched<unsigned> packets; // that left the source
  GstElement *pipeline = nullptr, *bin = nullptr, *front = nullptr, *back = nullptr, *out = nullptr;
  std::unique_ptr<InputPad> input;
  std::unique_ptr<OutputPad> output;

  JoinedPads (MediaKind kind, const std::string &front_text, const std::string &back_text,
      const Options &options)
      : kind_ (kind), options_ (options)
  {
    pipeline = gst_pipeline_new (nullptr);
    bin = gst_bin_new ("joined");
    front = parse (front_text);
    back = parse (back_text);
    gst_bin_add_many (GST_BIN (pipeline), front, bin, back, nullptr);
    make_output ();
    make_input ();
    watch_out ();
  }
  ~JoinedPads ()
  {
    release_input ();
    release_output ();
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (out);
    gst_object_unref (pipeline);
    gst_object_unref (template_);
  }

  void play ()
  {
    const auto r = gst_element_set_state (pipeline, GST_STATE_PLAYING);
    fail_unless (r != GST_STATE_CHANGE_FAILURE);
  }
  void make_input ()
  {
    gst_clear_object (&template_);
    template_ = GST_PAD_TEMPLATE (gst_object_ref_sink (gst_pad_template_new (
        "in_%u", GST_PAD_SINK, GST_PAD_REQUEST, InputPad::template_caps (kind_).get ())));
    input = std::make_unique<InputPad> (GST_BIN (bin), *this, "in_0", template_, kind_);
    *source_.lock () = input->source ();
    if (options_.joined) {
      wire_ = std::make_shared<Wire> (*this, *input->source ());
      input->source ()->add (wire_);
    }
    GstPad *src = gst_element_get_static_pad (front, "src");
    fail_unless (src != nullptr);
    gst_pad_add_probe (
        src, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
        [] (GstPad *, GstPadProbeInfo *info, gpointer self) {
          GstEvent *e = GST_PAD_PROBE_INFO_EVENT (info);
          if (gst_event_has_name (e, "GstForceKeyUnit"))
            static_cast<JoinedPads *> (self)->keyframe_events.update ([] (unsigned &n) { n++; });
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
    fail_unless_equals_int (gst_pad_link (src, input->pad ()), GST_PAD_LINK_OK);
    gst_object_unref (src);
  }
  void make_output ()
  {
    GstPadTemplate *t = GST_PAD_TEMPLATE (gst_object_ref_sink (gst_pad_template_new ("out_%u",
        GST_PAD_SRC, GST_PAD_SOMETIMES, Ref<GstCaps>::adopt (gst_caps_new_any ()).get ())));
    output = std::make_unique<OutputPad> (
        GST_BIN (bin), *this, "out_0", t, kind_, options_.depayload, "test-stream");
    gst_object_unref (t);
    output->set_latency (options_.latency);
    *receiver_.lock () = output.get ();
    GstPad *sink = gst_element_get_static_pad (back, "sink");
    fail_unless_equals_int (gst_pad_link (output->pad (), sink), GST_PAD_LINK_OK);
    gst_object_unref (sink);
  }
  void release_input () { input.reset (); }
  // What is sent meanwhile goes nowhere.
  void release_output ()
  {
    *receiver_.lock () = nullptr;
    output.reset ();
  }
  bool select (const char *name)
  {
    std::vector<NegotiatedCodec> peer;
    for (const Codec &c : input->preferences ())
      if (!name || is_name (c, name))
        peer.push_back ({c, {}});
    return input->select (peer);
  }
  bool wait_frames (std::size_t n)
  {
    return frames.wait ([n] (const auto &f) { return f.size () >= n; });
  }
  GstClockTime running_time () const
  {
    GstClock *clock = gst_element_get_clock (pipeline);
    if (!clock)
      return 0;
    const GstClockTime now = gst_clock_get_time (clock) - gst_element_get_base_time (pipeline);
    gst_object_unref (clock);
    return now;
  }
  std::string output_caps () const
  {
    const auto caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (output->pad ()));
    return caps ? CharPtr (gst_caps_to_string (caps.get ())).get () : "none";
  }

private:
  struct Wire final : MediaSource::Output {
    Wire (JoinedPads &p, MediaSource &s) : pads (p), source (s) {}
    void send (std::span<const SourcePacket> all, TimePoint captured) override
    {
      const Codec now = source.codec ();
      {
        const auto receiver = pads.receiver_.lock ();
        if (*receiver && !(now == codec)) {
          codec = now;
          (*receiver)->set_codec (codec);
        }
        std::vector<OutputPad::Packet> packets;
        for (const SourcePacket &p : all) {
          fail_unless (p.bytes.size () <= 1200);
          packets.push_back (
              {Ref<GstBuffer>::adopt (gst_buffer_new_memdup (p.bytes.data (), p.bytes.size ())),
                  captured, false});
        }
        if (*receiver)
          (*receiver)->push (packets);
      }
      pads.packets.update ([&] (unsigned &n) { n += static_cast<unsigned> (all.size ()); });
    }
    void codec_changed () override {} // send () looks
    JoinedPads &pads;
    MediaSource &source; // which has this
    Codec codec;
  };
  static GstElement *parse (const std::string &text)
  {
    GError *error = nullptr;
    GstElement *e = gst_parse_bin_from_description (text.c_str (), TRUE, &error);
    fail_unless (e != nullptr && !error, "%s", error ? error->message : "");
    return e;
  }
  void watch_out ()
  {
    out = gst_bin_get_by_name (GST_BIN (back), "out");
    GstPad *sink = gst_element_get_static_pad (out, "sink");
    gst_pad_add_probe (
        sink, GST_PAD_PROBE_TYPE_BUFFER,
        [] (GstPad *, GstPadProbeInfo *info, gpointer p) {
          auto *self = static_cast<JoinedPads *> (p);
          GstBuffer *b = GST_PAD_PROBE_INFO_BUFFER (info);
          const Frame f{GST_BUFFER_PTS (b), self->running_time (),
              GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DISCONT) != 0};
          self->frames.update ([&] (auto &all) { all.push_back (f); });
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
    gst_object_unref (sink);
  }
  void on_input_formats (InputPad &pad) override
  {
    fail_unless (pad.ready ());
    if (options_.select)
      fail_unless (select (options_.codec));
    formats.update ([] (unsigned &n) { n++; });
  }
  void on_input_ended (InputPad &) override
  {
    ended.update ([] (unsigned &n) { n++; });
    const auto receiver = receiver_.lock ();
    if (options_.joined && *receiver)
      (*receiver)->end ();
  }
  void on_keyframe_wanted (OutputPad &) override
  {
    keyframes_wanted.update ([] (unsigned &n) { n++; });
    const auto source = *source_.lock ();
    source->request_keyframe ();
  }

  const MediaKind kind_;
  const Options options_;
  std::shared_ptr<Wire> wire_;
  Guarded<OutputPad *> receiver_{nullptr};
  Guarded<std::shared_ptr<MediaSource>> source_;
  GstPadTemplate *template_ = nullptr;
};
} // namespace reach::test

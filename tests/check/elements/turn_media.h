// SPDX-License-Identifier: LGPL-2.1-or-later
// One side of a call through a relay: H.264 and Opus out of one allocation and into it, and what
// came is looked at, decoded.
#pragma once
#include "turn_pipeline.h"
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <string_view>

namespace reach::test {
struct Look { // and sound
  const char *pattern;
  std::uint8_t u, v; // of BT.601
  unsigned tone;     // Hz, a multiple of 50
};
constexpr Look looks[] = {{"red", 90, 240, 400}, {"blue", 240, 110, 1000}};

class Side : public Pipeline {
public:
  Side (const std::string &uri, const Look &own) : Pipeline (description (uri, own))
  {
    GstElement *d = by_name ("demux");
    g_signal_connect (d, "request-pt-map", G_CALLBACK (caps_of), nullptr);
    gst_object_unref (d);
    video_ = by_name ("video");
    audio_ = by_name ("audio");
  }
  ~Side ()
  {
    gst_object_unref (video_);
    gst_object_unref (audio_);
  }
  // Our address for the other side.
  std::string allocated ()
  {
    const MessagePtr m = wait_element_message (get (), "turn-allocated");
    fail_unless (m != nullptr);
    return gst_structure_get_string (gst_message_get_structure (m.get ()), "relayed");
  }
  void call (const std::string &peer)
  {
    for (const char *name : {"video-out", "audio-out", "in"})
      set (name, "peers", peer);
  }
  struct Seen {
    unsigned frames = 0, other_frames = 0; // of the other side's colour, and of none
    unsigned sounds = 0;                   // 20 ms of its tone
  };
  Seen look_for (const Look &other, unsigned frames, unsigned sounds)
  {
    Seen seen;
    iterate_until ([&] {
      while (GstSample *s = gst_app_sink_try_pull_sample (GST_APP_SINK (video_), 0))
        (has_colour (s, other) ? seen.frames : seen.other_frames)++;
      while (GstSample *s = gst_app_sink_try_pull_sample (GST_APP_SINK (audio_), 0))
        seen.sounds += has_tone (s, other.tone);
      return seen.frames >= frames && seen.sounds >= sounds;
    });
    return seen;
  }

private:
  static constexpr std::size_t width = 160, height = 120, pixels = width * height;

  static std::string description (const std::string &uri, const Look &own)
  {
    const std::string relay = " allocation-name=call uri=" + uri + " ";
    return std::string ("videotestsrc is-live=true pattern=") + own.pattern +
           " ! video/x-raw,format=I420,width=160,height=120,framerate=25/1,colorimetry=bt601"
           " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 threads=1"
           " ! rtph264pay pt=96 config-interval=-1 ! turnrelaysink name=video-out" +
           relay + "audiotestsrc is-live=true volume=0.5 samplesperbuffer=960 freq=" +
           std::to_string (own.tone) +
           " ! audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay pt=97"
           " ! turnrelaysink name=audio-out" +
           relay + "turnrelaysrc name=in caps=application/x-rtp" + relay +
           "! rtpptdemux name=demux"
           " demux.src_96 ! rtpjitterbuffer ! rtph264depay wait-for-keyframe=true ! avdec_h264"
           " ! appsink name=video sync=false async=false"
           " demux.src_97 ! rtpjitterbuffer ! rtpopusdepay ! opusdec"
           " ! audio/x-raw,format=S16LE,channels=1 ! appsink name=audio sync=false async=false";
  }
  static GstCaps *caps_of (GstElement *, guint type, gpointer)
  {
    return gst_caps_from_string (type == 96 ? "application/x-rtp,media=video,clock-rate=90000,"
                                              "encoding-name=H264"
                                            : "application/x-rtp,media=audio,clock-rate=48000,"
                                              "encoding-name=OPUS");
  }
  static double mean (const std::uint8_t *p, std::size_t n)
  {
    double sum = 0;
    for (std::size_t i = 0; i < n; i++)
      sum += p[i];
    return sum / static_cast<double> (n);
  }
  static bool has_colour (GstSample *s, const Look &l)
  {
    GstMapInfo m;
    fail_unless (gst_buffer_map (gst_sample_get_buffer (s), &m, GST_MAP_READ));
    fail_unless_equals_uint64 (m.size, pixels * 3 / 2);
    const double u = mean (m.data + pixels, pixels / 4);
    const double v = mean (m.data + pixels * 5 / 4, pixels / 4);
    gst_buffer_unmap (gst_sample_get_buffer (s), &m);
    gst_sample_unref (s);
    return std::abs (u - l.u) < 10 && std::abs (v - l.v) < 10;
  }
  // Nearly all of its energy is at this frequency, and it is loud.
  static bool has_tone (GstSample *s, unsigned tone)
  {
    GstMapInfo m;
    fail_unless (gst_buffer_map (gst_sample_get_buffer (s), &m, GST_MAP_READ));
    const auto *p = reinterpret_cast<const gint16 *> (m.data);
    const std::size_t n = m.size / sizeof *p;
    double re = 0, im = 0, all = 0;
    for (std::size_t i = 0; i < n; i++) {
      const double angle = 2 * std::numbers::pi * tone * static_cast<double> (i) / 48000;
      re += p[i] * std::cos (angle);
      im += p[i] * std::sin (angle);
      all += static_cast<double> (p[i]) * p[i];
    }
    gst_buffer_unmap (gst_sample_get_buffer (s), &m);
    gst_sample_unref (s);
    const double at_tone = 2 * (re * re + im * im) / static_cast<double> (n);
    return n >= 960 && all / static_cast<double> (n) > 1e6 && at_tone > 0.8 * all;
  }
  GstElement *video_, *audio_;
};
} // namespace reach::test

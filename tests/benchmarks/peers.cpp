// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peers.h"
#include <cstdio>

namespace reach::bench {
namespace {
const char plain_sink[] = " sync=false async=false enable-last-sample=false ";

struct Where {
  std::string host, port, latency, extra, pad;

  explicit Where (const Options &o)
      : host (o.text ("host", "127.0.0.1")), port (o.text ("port")),
        latency (o.text ("latency", "200")), extra (' ' + o.text ("extra")),
        pad (o.text ("pad", "data_0"))
  {
  }
  std::string to () const { return " host=" + host + " port=" + port; }
  std::string srt (const char *mode) const
  {
    const auto h = std::string (mode) == "caller" ? host : "";
    return " uri=\"srt://" + h + ':' + port + "?mode=" + mode + "&latency=" + latency + "\" ";
  }
  std::string ours (
      const char *element, const char *name, const std::string &protocol, const char *mode) const
  {
    return std::string (element) + " name=" + name + " protocol=" + protocol + " mode=" + mode +
           " latency=" + latency + extra;
  }
};
} // namespace

std::string sender_line (const Options &o)
{
  const Where w (o);
  const auto peer = o.text ("peer");
  const std::string feed = "benchfeed name=feed ! ";
  if (peer == "fake")
    return feed + "fakesink" + plain_sink;
  if (peer == "tcp")
    return feed + "gdppay ! tcpclientsink" + w.to () + plain_sink + w.extra;
  if (peer == "udp")
    return feed + "udpsink buffer-size=4194304" + w.to () + plain_sink + w.extra;
  if (peer == "srt")
    return feed + "srtsink" + w.srt ("caller") + plain_sink + w.extra;
  if (peer == "tcp-server")
    return feed + "tcpserversink recover-policy=keyframe sync-method=latest-keyframe" + w.to () +
           plain_sink + w.extra;
  const std::string sound = o.text ("sound").empty () ? "" : "benchfeed name=sound ! ";
  if (peer == "rtmp-server")
    return feed + "s.video_0 " + (sound.empty () ? "" : sound + "s.audio_0 ") +
           "rtmpserversink name=s sync=false application=live bind-address=" + w.host +
           " port=" + w.port + w.extra;
  if (peer == "rtmp" && !sound.empty ())
    return feed + "m.video " + sound +
           "m.audio flvmux name=m streamable=true ! rtmp2sink location=rtmp://" + w.host + ':' +
           w.port + "/live/bench" + plain_sink + w.extra;
  if (peer == "rtmp")
    return feed + "flvmux streamable=true ! rtmp2sink location=rtmp://" + w.host + ':' + w.port +
           "/live/bench" + plain_sink + w.extra;
  const std::string pad = feed + "s." + w.pad + ' ';
  if (peer.starts_with ("cam-pull-"))
    return pad + w.ours ("camsender", "s", peer.substr (9), "listener") + " port=" + w.port;
  if (peer.starts_with ("cam-"))
    return pad + w.ours ("camsender", "s", peer.substr (4), "caller") + w.to ();
  return {};
}

std::string receiver_line (const Options &o)
{
  const Where w (o);
  const auto peer = o.text ("peer");
  const std::string out = std::string (" ! fakesink name=out") + plain_sink;
  if (peer == "tcp")
    return "tcpserversrc" + w.to () + w.extra + " ! gdpdepay" + out;
  if (peer == "udp")
    return "udpsrc buffer-size=4194304 address=" + w.host + " port=" + w.port + w.extra + out;
  if (peer == "srt")
    return "srtsrc" + w.srt ("listener") + w.extra + out;
  if (peer == "tcp-server")
    return "tcpclientsrc" + w.to () + w.extra + out;
  if (peer.starts_with ("cam-pull-"))
    return w.ours ("camreceiver", "r", peer.substr (9), "caller") + w.to ();
  if (peer.starts_with ("cam-"))
    return w.ours ("camreceiver", "r", peer.substr (4), "listener") + " port=" + w.port;
  return {};
}

GstElement *make_pipeline (const std::string &line)
{
  if (line.empty ()) {
    std::fputs ("reach-bench: no such --peer\n", stderr);
    return nullptr;
  }
  GError *error = nullptr;
  GstElement *p =
      gst_parse_launch_full (line.c_str (), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (error)
    std::fprintf (stderr, "reach-bench: %s: %s\n", line.c_str (), error->message);
  g_clear_error (&error);
  if (p && !GST_IS_PIPELINE (p)) { // a line of one element
    GstElement *pipeline = gst_pipeline_new (nullptr);
    gst_bin_add (GST_BIN (pipeline), p);
    p = pipeline;
  }
  return p;
}

bool run_until (GstElement *pipeline, const std::function<bool ()> &stop, GstClockTime every)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  bool eos = false, over = false;
  while (!over && !stop ()) {
    GstMessage *m = gst_bus_timed_pop_filtered (
        bus, every, static_cast<GstMessageType> (GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    if (!m)
      continue;
    over = true;
    eos = GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS;
    if (!eos) {
      GError *error = nullptr;
      gst_message_parse_error (m, &error, nullptr);
      std::fprintf (stderr, "reach-bench: %s: %s\n", GST_OBJECT_NAME (m->src), error->message);
      g_clear_error (&error);
    }
    gst_message_unref (m);
  }
  gst_object_unref (bus);
  return eos;
}
} // namespace reach::bench

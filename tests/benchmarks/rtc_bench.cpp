// SPDX-License-Identifier: LGPL-2.1-or-later
// reach-rtc-bench ROLE --element rtcpeer|webrtcbin --option value …: one process of a measurement
// of peer connections. The pair of processes of `media` and `data` has --side send|receive and the
// path of a socket, --wire, over which they negotiate; who receives is started first. So has
// `pool`, where --element is rtcpool or webrtcbin, and the pool's server --uri.
#include "rtc_feed.h"
#include "rtc_roles.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace reach::bench {
namespace {
GstBusSyncReply on_message (GstBus *, GstMessage *m, gpointer)
{
  if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR) {
    GError *e = nullptr;
    gchar *debug = nullptr;
    gst_message_parse_error (m, &e, &debug);
    std::fprintf (stderr, "%s: %s (%s)\n", GST_MESSAGE_SRC_NAME (m), e->message, debug);
    std::_Exit (1);
  }
  gst_message_unref (m);
  return GST_BUS_DROP;
}

GstElement *make (const std::string &line)
{
  if (line.empty ())
    return gst_pipeline_new (nullptr);
  GError *error = nullptr;
  GstElement *bin = gst_parse_bin_from_description (line.c_str (), FALSE, &error);
  if (error) {
    std::fprintf (stderr, "%s\n", error->message);
    std::exit (1);
  }
  GstElement *pipeline = gst_pipeline_new (nullptr);
  gst_bin_add (GST_BIN (pipeline), bin);
  return pipeline;
}
} // namespace

PeerPipeline::PeerPipeline (const std::string &line)
    : pipeline_ (GST_ELEMENT (gst_object_ref_sink (make (line))))
{
  GstBus *bus = gst_element_get_bus (pipeline_);
  gst_bus_set_sync_handler (bus, on_message, nullptr, nullptr);
  gst_object_unref (bus);
}

PeerPipeline::~PeerPipeline ()
{
  set_state (GST_STATE_NULL);
  gst_object_unref (pipeline_);
}

GstElement *PeerPipeline::add_peer (
    const std::string &factory, unsigned latency_ms, const std::string &decoder)
{
  GstElement *peer = make_peer (factory, latency_ms);
  add (peer, decoder);
  return peer;
}

void PeerPipeline::add (GstElement *element, const std::string &decoder)
{
  gst_bin_add (GST_BIN (pipeline_), element);
  g_signal_connect_data (
      element, "pad-added", G_CALLBACK (pad_added_cb), new Sink{this, decoder},
      [] (gpointer s, GClosure *) { delete static_cast<Sink *> (s); }, GConnectFlags{});
}

void PeerPipeline::feed (const char *from, GstElement *peer, const std::string &factory)
{
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline_), from);
  GstObject *bin = gst_object_get_parent (GST_OBJECT (source));
  GstPad *out = GST_OBJECT_FLAG_IS_SET (source, GST_ELEMENT_FLAG_SOURCE)
                    ? gst_element_get_static_pad (source, "src")
                    : gst_element_request_pad_simple (source, "src_%u");
  GstPad *outside = gst_ghost_pad_new (nullptr, out);
  gst_pad_set_active (outside, TRUE);
  gst_element_add_pad (GST_ELEMENT (bin), outside);
  const bool theirs = factory == "webrtcbin";
  GstPad *in = gst_element_request_pad_simple (peer, theirs ? "sink_%u" : "video_%u");
  if (theirs) { // it holds its input until it is connected, and then sends on the thread of that
    GstElement *queue = gst_element_factory_make ("queue", nullptr);
    gst_util_set_object_arg (G_OBJECT (queue), "leaky", "downstream");
    gst_bin_add (GST_BIN (pipeline_), queue);
    GstPad *to = gst_element_get_static_pad (queue, "sink");
    gst_pad_link (outside, to);
    gst_object_unref (to);
    GstPad *on = gst_element_get_static_pad (queue, "src");
    gst_pad_link (on, in);
    gst_object_unref (on);
  } else {
    gst_pad_link (outside, in);
  }
  for (gpointer p : {gpointer (source), gpointer (bin), gpointer (out), gpointer (in)})
    gst_object_unref (p);
}

GstPadProbeReturn PeerPipeline::came_cb (GstPad *, GstPadProbeInfo *info, gpointer self)
{
  auto &p = *static_cast<PeerPipeline *> (self);
  const bool list = info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST;
  const std::uint64_t n = list ? gst_buffer_list_length (GST_PAD_PROBE_INFO_BUFFER_LIST (info)) : 1;
  if (p.came_.fetch_add (n, std::memory_order_relaxed) == 0)
    p.first_at_ = monotonic_ns ();
  return GST_PAD_PROBE_OK;
}

void PeerPipeline::pad_added_cb (GstElement *, GstPad *pad, gpointer s)
{
  const auto &sink = *static_cast<Sink *> (s);
  if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC)
    return;
  const std::string line = sink.decoder + (sink.decoder.empty () ? "" : " ! ") +
                           "fakesink name=end sync=false async=false enable-last-sample=false";
  GstElement *bin = gst_parse_bin_from_description (line.c_str (), TRUE, nullptr);
  GstElement *end = gst_bin_get_by_name (GST_BIN (bin), "end");
  GstPad *last = gst_element_get_static_pad (end, "sink");
  gst_pad_add_probe (last,
      static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
      came_cb, sink.pipeline, nullptr);
  gst_object_unref (last);
  gst_object_unref (end);
  gst_bin_add (GST_BIN (sink.pipeline->pipeline_), bin);
  gst_element_sync_state_with_parent (bin);
  GstPad *to = gst_element_get_static_pad (bin, "sink");
  gst_pad_link (pad, to);
  gst_object_unref (to);
}

bool wait_for (const std::function<bool ()> &what, double seconds)
{
  const double end = Usage::now ().at + seconds;
  while (!what ()) {
    if (Usage::now ().at > end)
      return false;
    g_usleep (1000);
  }
  return true;
}
} // namespace reach::bench

int main (int argc, char **argv)
{
  using namespace reach::bench;
  static const std::map<std::string, int (*) (const Options &)> roles{{"media", rtc_media},
      {"data", rtc_data}, {"joins", rtc_joins}, {"cycles", rtc_cycles}, {"pool", rtc_pool}};
  std::signal (SIGPIPE, SIG_IGN);
  gst_init (nullptr, nullptr);
  Options options;
  const auto role = roles.find (argc > 1 ? argv[1] : "");
  if (role == roles.end () || !options.parse (argc, argv, 2)) {
    std::fputs ("reach-rtc-bench media|data|joins|cycles|pool --option value …\n", stderr);
    return 2;
  }
  register_rtp_feed ();
  return role->second (options);
}

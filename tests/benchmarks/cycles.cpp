// SPDX-License-Identifier: LGPL-2.1-or-later
// Connects and disconnects many times: each cycle is a pipeline from NULL over the first buffer (or
// EOS, for a sender) to NULL.
#include "peers.h"
#include <algorithm>
#include <cstdio>

namespace reach::bench {
namespace {
struct Cycle {
  const Options &options;
  bool sender;

  bool run (double timeout) const;
};

void arrived (GstElement *, GstBuffer *, GstPad *, gpointer flag)
{
  *static_cast<std::atomic<bool> *> (flag) = true;
}

void link_sink (GstElement *receiver, GstPad *pad, gpointer flag)
{
  GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
  g_object_set (sink, "sync", FALSE, "async", FALSE, "signal-handoffs", TRUE, nullptr);
  g_signal_connect (sink, "handoff", G_CALLBACK (arrived), flag);
  GstObject *bin = gst_object_get_parent (GST_OBJECT (receiver));
  gst_bin_add (GST_BIN (bin), sink);
  gst_object_unref (bin);
  GstPad *to = gst_element_get_static_pad (sink, "sink");
  gst_element_sync_state_with_parent (sink);
  gst_pad_link (pad, to);
  gst_object_unref (to);
}

bool Cycle::run (double timeout) const
{
  std::atomic<bool> done{false};
  GstElement *pipeline = make_pipeline (sender ? sender_line (options) : receiver_line (options));
  if (!pipeline)
    return false;
  GstElement *feed = gst_bin_get_by_name (GST_BIN (pipeline), "feed");
  GstElement *out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  GstElement *receiver = gst_bin_get_by_name (GST_BIN (pipeline), "r");
  if (feed) {
    configure_feeder (feed, Load::from (options));
  } else if (out) {
    g_object_set (out, "signal-handoffs", TRUE, nullptr);
    g_signal_connect (out, "handoff", G_CALLBACK (arrived), &done);
  } else if (receiver) {
    g_signal_connect (receiver, "pad-added", G_CALLBACK (link_sink), &done);
  }
  const double end = Usage::now ().at + timeout;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  const bool eos = run_until (pipeline, [&] { return done || Usage::now ().at > end; });
  gst_element_set_state (pipeline, GST_STATE_NULL);
  for (GstElement *e : {feed, out, receiver})
    if (e)
      gst_object_unref (e);
  gst_object_unref (pipeline);
  return done || (sender && eos);
}
} // namespace

int cycles (const Options &options)
{
  const Cycle cycle{options, options.text ("side", "receive") == "send"};
  const auto n = options.count ("cycles", 1000), warm_up = options.count ("warm-up", 50);
  const double timeout = options.number ("cycle-timeout", 5);
  std::uint64_t good = 0;
  const auto start = Usage::now ();
  for (std::uint64_t i = 0; i < n + warm_up; i++) {
    if (i == warm_up) {
      Json json;
      add_footprint (json.add ("state", std::string ("warm")));
      json.print ();
      // The other side is looked at now too.
      while (std::getchar () != '\n' && !std::feof (stdin)) {
      }
    }
    good += cycle.run (timeout);
  }
  Json json;
  json.add ("role", std::string ("cycles")).add ("cycles", n + warm_up).add ("good", good);
  add_usage (json, start, Usage::now ());
  add_footprint (json);
  json.print ();
  return good == n + warm_up ? 0 : 1;
}
} // namespace reach::bench

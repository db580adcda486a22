// SPDX-License-Identifier: LGPL-2.1-or-later
// The sending process: the load into one peer's sink.
#include "peers.h"

namespace reach::bench {

namespace {
// AAC of 128 kbit/s beside the load.
void configure_sound (GstElement *pipeline, const Load &video)
{
  GstElement *feed = gst_bin_get_by_name (GST_BIN (pipeline), "sound");
  if (!feed)
    return;
  Load l;
  l.frames = true;
  l.count = video.count;
  l.fps = 44100.0 / 1024;
  l.size = l.key_size = 372;
  l.key_every = 1;
  l.caps = "audio/mpeg,mpegversion=4,stream-format=raw,rate=44100,channels=2,"
           "codec_data=(buffer)1210";
  configure_feeder (feed, l);
  gst_object_unref (feed);
}
} // namespace

int send (const Options &options)
{
  const Load load = Load::from (options);
  GstElement *pipeline = make_pipeline (sender_line (options));
  if (!pipeline)
    return 1;
  GstElement *feed = gst_bin_get_by_name (GST_BIN (pipeline), "feed");
  configure_feeder (feed, load);
  configure_sound (pipeline, load);
  const double end = Usage::now ().at + options.number ("timeout", 120);
  bool eos = false;
  {
    const Commands commands;
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    Json ().add ("state", std::string ("playing")).print ();
    eos = run_until (
        pipeline, [&] { return commands.quit () || Usage::now ().at > end; }, 500 * GST_MSECOND);
  }
  const auto result = feeder_result (feed);
  Json json;
  json.add ("role", std::string ("send")).add ("eos", std::uint64_t{eos});
  json.add ("buffers", result.buffers).add ("bytes", result.bytes).add ("payload", load.payload ());
  json.add ("latest_ms", result.latest * 1e3);
  add_usage (json, result.first, eos ? result.last : Usage::now ());
  add_footprint (json);
  json.print ();
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (feed);
  gst_object_unref (pipeline);
  return eos ? 0 : 1;
}
} // namespace reach::bench

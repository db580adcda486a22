// SPDX-License-Identifier: LGPL-2.1-or-later
// A media server, until it is told to quit. "mark" tells what it costs.
#include "peers.h"
#include <sys/resource.h>

namespace reach::bench {

int serve (const Options &options)
{
  rlimit files{};
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  GstElement *pipeline = make_pipeline (
      "cammediaserver name=m udp-port=-1 bind-address=" + options.text ("host", "127.0.0.1") +
      " port=" + options.text ("port") + " loops=" + options.text ("loops", "1") + ' ' +
      options.text ("extra"));
  if (!pipeline)
    return 1;
  GstElement *server = gst_bin_get_by_name (GST_BIN (pipeline), "m");
  const double end = Usage::now ().at + options.number ("timeout", 120);
  bool good = false;
  {
    const Commands commands ([server] (Json &json) {
      GstStructure *stats = nullptr;
      g_object_get (server, "stats", &stats, nullptr);
      for (const char *field : {"links", "messages-sent", "frames-dropped", "cached-bytes"}) {
        guint64 n = 0;
        gst_structure_get_uint64 (stats, field, &n);
        json.add (field, std::uint64_t{n});
      }
      gst_structure_free (stats);
    });
    good = gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
    if (good)
      Json ().add ("state", std::string ("playing")).print ();
    run_until (
        pipeline, [&] { return !good || commands.quit () || Usage::now ().at > end; },
        500 * GST_MSECOND);
  }
  Json json;
  json.add ("role", std::string ("serve"));
  add_footprint (json);
  json.print ();
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (server);
  gst_object_unref (pipeline);
  return good ? 0 : 1;
}
} // namespace reach::bench

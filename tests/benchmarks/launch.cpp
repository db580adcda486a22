// SPDX-License-Identifier: LGPL-2.1-or-later
// Any pipeline, until it is told to quit. "mark" tells what it costs, and how many buffers its
// fakesinks have got.
#include "peers.h"
#include <sys/resource.h>

namespace reach::bench {
namespace {
void add_rendered (const GValue *item, gpointer sum)
{
  auto *element = static_cast<GstElement *> (g_value_get_object (item));
  GstElementFactory *factory = gst_element_get_factory (element);
  if (!factory || g_strcmp0 (GST_OBJECT_NAME (factory), "fakesink") != 0)
    return;
  GstStructure *stats = nullptr;
  g_object_get (element, "stats", &stats, nullptr);
  guint64 n = 0;
  gst_structure_get_uint64 (stats, "rendered", &n);
  gst_structure_free (stats);
  *static_cast<std::uint64_t *> (sum) += n;
}

std::uint64_t rendered (GstElement *pipeline)
{
  std::uint64_t sum = 0;
  GstIterator *all = gst_bin_iterate_elements (GST_BIN (pipeline));
  while (gst_iterator_foreach (all, add_rendered, &sum) == GST_ITERATOR_RESYNC) {
    gst_iterator_resync (all);
    sum = 0;
  }
  gst_iterator_free (all);
  return sum;
}
} // namespace

int launch (const Options &options)
{
  rlimit files{};
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  GstElement *pipeline = make_pipeline (options.text ("line"));
  if (!pipeline)
    return 1;
  const double end = Usage::now ().at + options.number ("timeout", 120);
  bool good = false;
  {
    const Commands commands (
        [pipeline] (Json &json) { json.add ("buffers", rendered (pipeline)); });
    good = gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
    if (good)
      Json ().add ("state", std::string ("playing")).print ();
    run_until (
        pipeline, [&] { return !good || commands.quit () || Usage::now ().at > end; },
        500 * GST_MSECOND);
  }
  Json json;
  json.add ("role", std::string ("launch"));
  add_footprint (json);
  json.print ();
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return good ? 0 : 1;
}
} // namespace reach::bench

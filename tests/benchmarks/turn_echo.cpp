// SPDX-License-Identifier: LGPL-2.1-or-later
// What turnrelaysink and turnrelaysrc of one allocation cost with a peer that sends everything
// back, at the pace of turnutils_uclient. reach-turn-echo --port PORT --peer PORT --count N [--list
// 1]
// [--burst N] [--every-ms MS]; prints a line of JSON.
#include "process.h"
#include "turn_pusher.h"
#include <cstdio>
#include <ctime>

extern "C" {
GST_PLUGIN_STATIC_DECLARE (turn);
}

namespace reach::bench {
namespace {
constexpr std::int64_t patience = 20'000'000'000, drain = 300'000'000;

GstElement *make (const char *factory, const Options &o)
{
  GstElement *e = gst_element_factory_make (factory, nullptr);
  g_object_set (e, "uri", ("turn:user:pass@127.0.0.1:" + o.text ("port")).c_str (), "peers",
      ("127.0.0.1:" + o.text ("peer")).c_str (), "allocation-name", "echo", nullptr);
  gst_util_set_object_arg (G_OBJECT (e), "mode", "channel");
  return e;
}

guint64 counter (GstElement *e, const char *field)
{
  GstStructure *s = nullptr;
  guint64 n = 0;
  g_object_get (e, "stats", &s, nullptr);
  gst_structure_get_uint64 (s, field, &n);
  gst_structure_free (s);
  return n;
}

void sleep_until (std::int64_t ns)
{
  const timespec t{ns / 1'000'000'000, ns % 1'000'000'000};
  clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

int echo (const Options &o)
{
  GstElement *pipeline = gst_pipeline_new (nullptr);
  GstElement *src = make ("turnrelaysrc", o), *end = gst_element_factory_make ("fakesink", nullptr);
  g_object_set (end, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, nullptr);
  gst_bin_add_many (GST_BIN (pipeline), src, end, nullptr);
  gst_element_link (src, end);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  const auto burst = static_cast<guint> (o.count ("burst", 50));
  const auto every = static_cast<std::int64_t> (o.number ("every-ms", 5) * 1e6);
  const bool list = o.count ("list", 0) != 0;
  const std::uint64_t bursts = o.count ("count", 50000) / burst;
  int result = 0;
  {
    Pusher sink (make ("turnrelaysink", o));
    std::uint64_t sent = 0;
    const auto send = [&] {
      if (list)
        sink.push_list (burst);
      else
        for (guint i = 0; i < burst; i++)
          sink.push ();
      sent += burst;
    };
    // Until the channel is there, and something has come back.
    for (const std::int64_t begin = monotonic_ns ();
         counter (src, "packets-received") == 0 && monotonic_ns () < begin + patience;) {
      sink.push ();
      sleep_until (monotonic_ns () + 10'000'000);
    }
    sleep_until (monotonic_ns () + drain);
    const guint64 before = counter (src, "packets-received");
    const Usage from = Usage::now ();
    const std::int64_t begin = monotonic_ns ();
    for (std::uint64_t i = 0; i < bursts; i++) {
      sleep_until (begin + static_cast<std::int64_t> (i) * every);
      send ();
    }
    sleep_until (monotonic_ns () + drain);
    Json json;
    json.add ("role", std::string ("echo"))
        .add ("sent", sent)
        .add ("received", std::uint64_t{counter (src, "packets-received") - before})
        .add ("dropped", std::uint64_t{counter (sink.sink (), "packets-dropped")});
    add_usage (json, from, Usage::now ());
    json.print ();
    result = before == 0;
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return result;
}
} // namespace
} // namespace reach::bench

int main (int argc, char **argv)
{
  gst_init (nullptr, nullptr);
  GST_PLUGIN_STATIC_REGISTER (turn);
  reach::bench::Options options;
  if (!options.parse (argc, argv, 1)) {
    std::fputs ("reach-turn-echo --port PORT --peer PORT --count N\n", stderr);
    return 2;
  }
  return reach::bench::echo (options);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// How long commands take to the peer and their acknowledgements back, one after the other, beside
// the load of the same camsender.
#include "peers.h"
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace reach::bench {
namespace {
class Answers {
public:
  void came (guint64 id)
  {
    const std::lock_guard lock (mutex_);
    last_ = std::max (last_, id);
    changed_.notify_all ();
  }
  bool wait (guint64 id, double seconds)
  {
    std::unique_lock lock (mutex_);
    return changed_.wait_for (
        lock, std::chrono::duration<double> (seconds), [&] { return last_ >= id; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  guint64 last_ = 0;
};

void command_sent (GstElement *, GstStructure *s, gpointer answers)
{
  guint64 id = 0;
  gst_structure_get_uint64 (s, "id", &id);
  static_cast<Answers *> (answers)->came (id);
}

guint64 send_command (GstElement *sender, std::uint64_t n)
{
  GstStructure *s = gst_structure_new ("turn", "n", G_TYPE_UINT64, guint64{n}, nullptr);
  guint64 id = 0;
  g_signal_emit_by_name (sender, "send-command", s, nullptr, nullptr, 0u, &id);
  gst_structure_free (s);
  return id;
}

// Milliseconds, sorted; stops at the first that gets no answer.
std::vector<double> measure (GstElement *sender, Answers &answers, const Options &options)
{
  constexpr double patience = 10;
  std::vector<double> times;
  answers.wait (send_command (sender, 0), patience);
  g_usleep (static_cast<gulong> (options.number ("settle", 2) * 1e6));
  const auto n = options.count ("commands", 200);
  for (std::uint64_t i = 1; i <= n; i++) {
    const auto begin = monotonic_ns ();
    if (!answers.wait (send_command (sender, i), patience))
      break;
    times.push_back (static_cast<double> (monotonic_ns () - begin) / 1e6);
    g_usleep (static_cast<gulong> (options.number ("pause-ms", 20) * 1e3));
  }
  std::sort (times.begin (), times.end ());
  return times;
}
} // namespace

int command_times (const Options &options)
{
  const bool loaded = options.number ("rate", 0) > 0;
  const std::string line = sender_line (options);
  GstElement *pipeline = make_pipeline (loaded ? line : line.substr (line.find ("camsender")));
  if (!pipeline)
    return 1;
  GstElement *sender = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  if (GstElement *feed = gst_bin_get_by_name (GST_BIN (pipeline), "feed")) {
    configure_feeder (feed, Load::from (options));
    gst_object_unref (feed);
  }
  Answers answers;
  g_signal_connect (sender, "command-sent", G_CALLBACK (command_sent), &answers);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  const auto times = measure (sender, answers, options);
  const auto at = [&] (double p) {
    return times.empty () ? 0.0
                          : times[static_cast<std::size_t> (
                                p * static_cast<double> (times.size () - 1) + 0.5)];
  };
  Json json;
  json.add ("role", std::string ("command-times")).add ("answered", std::uint64_t{times.size ()});
  json.add ("p50_ms", at (0.5)).add ("p95_ms", at (0.95)).add ("max_ms", at (1));
  json.print ();
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sender);
  gst_object_unref (pipeline);
  return 0;
}
} // namespace reach::bench

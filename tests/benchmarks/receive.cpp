// SPDX-License-Identifier: LGPL-2.1-or-later
// The receiving process: counts what comes out of one peer's source.
#include "peers.h"
#include <algorithm>
#include <mutex>
#include <set>
#include <vector>

namespace reach::bench {
namespace {
class Tally {
public:
  Tally (bool frames, std::uint64_t expect) : frames_ (frames), expect_ (expect) {}

  void buffer (GstBuffer *b);
  bool complete () const { return complete_; }
  std::uint64_t buffers () const { return buffers_; }
  double idle () const; // seconds since the last buffer; 0 before the first
  void report (Json &json);

private:
  void frame_part (std::span<const std::uint8_t> in, std::int64_t now);
  std::string missing () const;

  struct Frame {
    std::set<std::uint32_t> offsets;
    std::size_t got = 0;
    std::int64_t sent_at = 0;
    bool done = false;
  };
  const bool frames_;
  const std::uint64_t expect_; // buffers, or frames; 0 = not known
  std::atomic<bool> complete_{false};
  std::atomic<std::uint64_t> buffers_{0};
  std::atomic<std::int64_t> last_at_{0};
  std::mutex mutex_; // several pads push
  Usage first_, last_;
  std::uint64_t bytes_ = 0, frames_done_ = 0, bad_ = 0;
  std::vector<Frame> table_;
  std::vector<double> latencies_; // ms
};

void Tally::frame_part (std::span<const std::uint8_t> in, std::int64_t now)
{
  const auto mark = FrameMark::parse (in);
  if (!mark || mark->frame > 10'000'000) {
    bad_++;
    return;
  }
  if (table_.size () <= mark->frame)
    table_.resize (mark->frame + 1);
  auto &f = table_[mark->frame];
  if (!f.offsets.insert (mark->offset).second)
    return;
  // A whole frame counts its mark, a packet's mark is framing.
  f.got +=
      in.size () == mark->bytes && mark->offset == 0 ? in.size () : in.size () - FrameMark::size;
  if (mark->offset == 0)
    f.sent_at = mark->sent_at;
  if (f.done || f.got < mark->bytes)
    return;
  f.done = true;
  frames_done_++;
  latencies_.push_back (static_cast<double> (now - f.sent_at) / 1e6);
}

void Tally::buffer (GstBuffer *b)
{
  const auto now = monotonic_ns ();
  const std::lock_guard lock (mutex_);
  if (buffers_ == 0)
    first_ = Usage::now ();
  bytes_ += gst_buffer_get_size (b);
  last_at_ = now;
  if (frames_) {
    GstMapInfo map;
    gst_buffer_map (b, &map, GST_MAP_READ);
    frame_part ({map.data, map.size}, now);
    gst_buffer_unmap (b, &map);
  }
  const auto n = ++buffers_;
  if (expect_ && (frames_ ? frames_done_ : n) == expect_ && !complete_) {
    last_ = Usage::now ();
    complete_ = true;
  }
}

double Tally::idle () const
{
  return buffers_ == 0 ? 0 : static_cast<double> (monotonic_ns () - last_at_) / 1e9;
}

// The frames that did not arrive, as ranges: one frame now and then is loss, a whole group was
// dropped.
std::string Tally::missing () const
{
  const auto done = [&] (std::uint64_t n) { return n < table_.size () && table_[n].done; };
  std::string text;
  for (std::uint64_t n = 0; n < expect_ && text.size () < 200; n++) {
    if (done (n))
      continue;
    const auto first = n;
    while (n + 1 < expect_ && !done (n + 1))
      n++;
    text += (text.empty () ? "" : " ") + std::to_string (first);
    text += n > first ? "-" + std::to_string (n) : "";
  }
  return text;
}

void Tally::report (Json &json)
{
  const std::lock_guard lock (mutex_);
  json.add ("buffers", std::uint64_t{buffers_})
      .add ("bytes", bytes_)
      .add ("complete", std::uint64_t{complete_});
  json.add ("frames", frames_done_).add ("bad", bad_);
  if (frames_)
    json.add ("missing", missing ());
  if (!latencies_.empty ()) {
    std::sort (latencies_.begin (), latencies_.end ());
    const auto at = [&] (double p) {
      return latencies_[static_cast<std::size_t> (
          p * static_cast<double> (latencies_.size () - 1) + 0.5)];
    };
    json.add ("p50_ms", at (0.5)).add ("p99_ms", at (0.99)).add ("max_ms", at (1));
  }
  add_usage (json, first_, complete_ ? last_ : Usage::now ());
}

void count_pad (GstPad *pad, Tally *tally)
{
  gst_pad_add_probe (
      pad,
      static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
      [] (GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto &t = *static_cast<Tally *> (data);
        if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
          t.buffer (GST_PAD_PROBE_INFO_BUFFER (info));
        } else {
          GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);
          for (guint i = 0; i < gst_buffer_list_length (list); i++)
            t.buffer (gst_buffer_list_get (list, i));
        }
        return GST_PAD_PROBE_OK;
      },
      tally, nullptr);
}

void pad_added (GstElement *receiver, GstPad *pad, gpointer tally)
{
  GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
  g_object_set (sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, nullptr);
  GstObject *bin = gst_object_get_parent (GST_OBJECT (receiver));
  gst_bin_add (GST_BIN (bin), sink);
  gst_object_unref (bin);
  GstPad *to = gst_element_get_static_pad (sink, "sink");
  count_pad (to, static_cast<Tally *> (tally));
  gst_element_sync_state_with_parent (sink);
  gst_pad_link (pad, to);
  gst_object_unref (to);
  g_object_set_data (G_OBJECT (pad), "sink", sink);
}

// It has been unlinked by now.
void pad_removed (GstElement *, GstPad *pad, gpointer)
{
  auto *sink = static_cast<GstElement *> (g_object_get_data (G_OBJECT (pad), "sink"));
  GstObject *bin = gst_object_get_parent (GST_OBJECT (sink));
  gst_element_set_state (sink, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (bin), sink);
  gst_object_unref (bin);
}

bool attach (GstElement *pipeline, Tally &tally)
{
  if (GstElement *out = gst_bin_get_by_name (GST_BIN (pipeline), "out")) {
    GstPad *pad = gst_element_get_static_pad (out, "sink");
    count_pad (pad, &tally);
    gst_object_unref (pad);
    gst_object_unref (out);
    return true;
  }
  GstElement *receiver = gst_bin_get_by_name (GST_BIN (pipeline), "r");
  if (!receiver)
    return false;
  g_signal_connect (receiver, "pad-added", G_CALLBACK (pad_added), &tally);
  g_signal_connect (receiver, "pad-removed", G_CALLBACK (pad_removed), nullptr);
  gst_object_unref (receiver);
  return true;
}
} // namespace

int receive (const Options &options)
{
  Tally tally (options.text ("load", "bytes") == "frames", options.count ("count", 0));
  GstElement *pipeline = make_pipeline (receiver_line (options));
  if (!pipeline || !attach (pipeline, tally))
    return 1;
  const double end = Usage::now ().at + options.number ("timeout", 120);
  const double idle = options.number ("idle", 2);
  // A long-lived receiver of many senders ends by command only.
  const bool keep = options.count ("keep", 0) != 0;
  {
    const Commands commands ([&] (Json &json) { json.add ("buffers", tally.buffers ()); });
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    Json ().add ("state", std::string ("playing")).print ();
    const auto stop = [&] {
      return commands.quit () || Usage::now ().at > end ||
             (!keep && (tally.complete () || tally.idle () > idle));
    };
    // The pipeline is at its end whenever no sink is left, a long-lived receiver is not.
    while (run_until (pipeline, stop) && keep) {
    }
  }
  Json json;
  json.add ("role", std::string ("receive"));
  tally.report (json);
  add_footprint (json);
  json.print ();
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return 0;
}
} // namespace reach::bench

// SPDX-License-Identifier: LGPL-2.1-or-later
// Two peers of one process that call each other, again and again.
#include "rtc_feed.h"
#include "rtc_roles.h"
#include <algorithm>
#include <malloc.h>
#include <vector>

namespace reach::bench {
namespace {
constexpr double patience = 15; // seconds

const std::string encoded =
    "videotestsrc is-live=true pattern=ball ! "
    "video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=60 ! "
    "video/x-h264,profile=constrained-baseline ! rtph264pay aggregate-mode=zero-latency "
    "config-interval=-1 ! application/x-rtp,payload=102 ! tee name=t";
const std::string decoder = "rtph264depay request-keyframe=true ! avdec_h264";

class Pair {
public:
  Pair (const std::string &factory, unsigned latency, const std::string &source,
      const std::string &behind)
      : from_ (source), to_ (), sender_ (from_.add_peer (factory, latency)),
        receiver_ (to_.add_peer (factory, latency, behind)), a_ (sender_, 0, left_, true),
        b_ (receiver_, 0, right_, false)
  {
    left_.other = &right_;
    right_.other = &left_;
    left_.on_note = [this] (const Note &n) { a_.hear (n); };
    right_.on_note = [this] (const Note &n) { b_.hear (n); };
    GstElement *tee = gst_bin_get_by_name (GST_BIN (from_.get ()), "t");
    GstPad *in = gst_element_get_static_pad (tee, "sink");
    gst_pad_add_probe (in,
        static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        flows_cb, this, nullptr);
    gst_object_unref (in);
    gst_object_unref (tee);
    from_.feed ("t", sender_, factory);
  }
  ~Pair ()
  {
    from_.set_state (GST_STATE_NULL);
    to_.set_state (GST_STATE_NULL);
  }
  // Seconds from the offer to the first buffer; less than 0: none came.
  double run ()
  {
    a_.set_waiting (true);
    to_.set_state (GST_STATE_PLAYING);
    from_.set_state (GST_STATE_PLAYING);
    // The source runs, and its caps are known.
    if (!wait_for ([this] { return flows_ && a_.wanted (); }, patience))
      return -1;
    const std::int64_t start = monotonic_ns ();
    a_.offer ();
    if (!wait_for ([this] { return to_.first_at () != 0; }, patience))
      return -1;
    return static_cast<double> (to_.first_at () - start) / 1e9;
  }

private:
  static GstPadProbeReturn flows_cb (GstPad *, GstPadProbeInfo *, gpointer self)
  {
    static_cast<Pair *> (self)->flows_ = true;
    return GST_PAD_PROBE_REMOVE;
  }
  std::atomic<bool> flows_{false};
  LocalWire left_, right_;
  PeerPipeline from_, to_;
  GstElement *sender_, *receiver_;
  Call a_, b_;
};

double at_share (const std::vector<double> &sorted, double share)
{
  return sorted[static_cast<std::size_t> (share * static_cast<double> (sorted.size () - 1) + 0.5)];
}
} // namespace

int rtc_joins (const Options &o)
{
  const std::string factory = o.text ("element", "rtcpeer");
  const auto n = o.count ("joins", 50), warm_up = std::uint64_t{2};
  std::vector<double> times;
  for (std::uint64_t i = 0; i < n + warm_up; i++) {
    const double t =
        Pair (factory, static_cast<unsigned> (o.count ("latency", 200)), encoded, decoder).run ();
    if (i >= warm_up && t >= 0)
      times.push_back (t * 1e3);
  }
  std::ranges::sort (times);
  Json json;
  json.add ("role", std::string ("joins")).add ("joins", std::uint64_t{times.size ()});
  if (!times.empty ())
    json.add ("p50", at_share (times, 0.5))
        .add ("p95", at_share (times, 0.95))
        .add ("max", times.back ());
  json.print ();
  return times.size () == n ? 0 : 1;
}

// Looks at itself after `warm-up` cycles, and then after each quarter of `cycles`.
int rtc_cycles (const Options &o)
{
  const std::string factory = o.text ("element", "rtcpeer");
  const auto n = o.count ("cycles", 1000), warm_up = o.count ("warm-up", 100);
  const std::uint64_t quarter = std::max<std::uint64_t> (1, n / 4);
  std::uint64_t good = 0;
  for (std::uint64_t i = 0; i <= n + warm_up; i++) {
    if (i >= warm_up && (i - warm_up) % quarter == 0) {
      malloc_trim (0); // what is free, and only not given back, is no growth
      Json json;
      add_footprint (json.add ("state", std::string ("at")).add ("cycles", i - warm_up));
      const struct mallinfo2 m = mallinfo2 (); // of all arenas
      json.add ("used", std::uint64_t{m.uordblks + m.hblkhd});
      json.print ();
    }
    if (i < n + warm_up)
      good += Pair (factory, 0, "rtpfeed ! tee name=t", {}).run () >= 0;
  }
  Json json;
  json.add ("role", std::string ("cycles")).add ("cycles", n + warm_up).add ("good", good);
  json.print ();
  return good == n + warm_up ? 0 : 1;
}
} // namespace reach::bench

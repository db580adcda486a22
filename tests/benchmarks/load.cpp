// SPDX-License-Identifier: LGPL-2.1-or-later
#include "load.h"
#include "common/proto/bytes.h"
#include <algorithm>
#include <gst/base/gstpushsrc.h>
#include <mutex>
#include <vector>

namespace reach::bench {

Load Load::from (const Options &o)
{
  Load l;
  l.frames = o.text ("load", "bytes") == "frames";
  l.count = o.count ("count", l.count);
  l.size = o.count ("size", l.size);
  l.rate = o.number ("rate", l.rate);
  l.burst = o.number ("burst-ms", l.burst * 1e3) / 1e3;
  l.fps = o.number ("fps", l.fps);
  l.key_size = o.count ("key-size", l.key_size);
  l.key_every = static_cast<unsigned> (o.count ("key-every", l.key_every));
  l.packet = o.count ("packet", l.packet);
  l.linger = o.number ("linger", l.linger);
  l.caps = o.text ("caps", l.caps);
  return l;
}

std::uint64_t Load::payload () const
{
  if (!frames)
    return count * size;
  std::uint64_t sum = 0;
  for (std::uint64_t n = 0; n < count; n++)
    sum += frame_size (n);
  return sum;
}

void FrameMark::write (std::uint8_t *out) const
{
  store_be<std::uint32_t> (out, magic);
  store_be<std::uint32_t> (out + 4, frame);
  store_be<std::uint32_t> (out + 8, bytes);
  store_be<std::uint32_t> (out + 12, offset);
  if (offset == 0)
    store_be<std::int64_t> (out + 16, sent_at);
}

std::optional<FrameMark> FrameMark::parse (std::span<const std::uint8_t> in)
{
  if (in.size () < size || load_be<std::uint32_t> (in.data ()) != magic)
    return std::nullopt;
  FrameMark m;
  m.frame = load_be<std::uint32_t> (in.data () + 4);
  m.bytes = load_be<std::uint32_t> (in.data () + 8);
  m.offset = load_be<std::uint32_t> (in.data () + 12);
  if (m.offset == 0) {
    if (in.size () < with_time)
      return std::nullopt;
    m.sent_at = load_be<std::int64_t> (in.data () + 16);
  }
  return m;
}

namespace {
class Feeder {
public:
  explicit Feeder (Load load) : load_ (std::move (load))
  {
    GstAllocationParams params{};
    params.flags = GST_MEMORY_FLAG_READONLY;
    memory_ = gst_allocator_alloc (nullptr, std::max<gsize> (load_.size, 1), &params);
  }
  ~Feeder () { gst_memory_unref (memory_); }

  GstFlowReturn next (GstBuffer **out);
  void flush (bool on) { flushing_ = on; }
  LoadResult result ()
  {
    const std::lock_guard lock (mutex_);
    return result_;
  }
  GstCaps *caps () const { return gst_caps_from_string (load_.caps.c_str ()); }

private:
  double due () const;
  bool wait_until (double when);
  GstBuffer *bytes_buffer () const;
  GstBuffer *frame_buffer ();

  const Load load_;
  GstMemory *memory_;
  std::atomic<bool> flushing_{false};
  std::uint64_t index_ = 0; // buffer or frame
  std::size_t offset_ = 0;  // within the frame
  double start_ = -1;
  std::int64_t frame_at_ = 0;
  std::mutex mutex_;
  LoadResult result_; // under mutex_
};

double seconds_now ()
{
  return static_cast<double> (monotonic_ns ()) / 1e9;
}

// Seconds after the start at which the present buffer is due.
double Feeder::due () const
{
  const auto n = static_cast<double> (index_);
  if (load_.frames)
    return n / load_.fps;
  const double burst_bytes = load_.rate * load_.burst;
  return static_cast<double> (
             static_cast<std::uint64_t> (n * static_cast<double> (load_.size) / burst_bytes)) *
         load_.burst;
}

bool Feeder::wait_until (double when)
{
  for (double left = when - seconds_now (); left > 0 && !flushing_; left = when - seconds_now ())
    g_usleep (static_cast<gulong> (std::min (left, 0.05) * 1e6) + 1);
  return !flushing_;
}

GstBuffer *Feeder::bytes_buffer () const
{
  GstBuffer *b = gst_buffer_new ();
  gst_buffer_append_memory (b, gst_memory_ref (memory_));
  return b;
}

GstBuffer *Feeder::frame_buffer ()
{
  const std::size_t whole = load_.frame_size (index_), left = whole - offset_;
  // The mark belongs to the frame where that is one buffer, and is framing where it is cut.
  const std::size_t mark = load_.packet ? FrameMark::size : 0;
  const std::size_t part = load_.packet ? std::min (left, load_.packet - mark) : left;
  GstBuffer *b = gst_buffer_new_allocate (nullptr, mark + part, nullptr);
  GstMapInfo map;
  gst_buffer_map (b, &map, GST_MAP_WRITE);
  if (offset_ == 0)
    frame_at_ = monotonic_ns ();
  FrameMark{static_cast<std::uint32_t> (index_), static_cast<std::uint32_t> (whole),
      static_cast<std::uint32_t> (offset_), frame_at_}
      .write (map.data);
  gst_buffer_unmap (b, &map);
  offset_ += part;
  return b;
}

GstFlowReturn Feeder::next (GstBuffer **out)
{
  if (start_ < 0) {
    start_ = seconds_now ();
    const std::lock_guard lock (mutex_);
    result_.first = Usage::now ();
  }
  if (index_ == load_.count) {
    wait_until (seconds_now () + load_.linger);
    const std::lock_guard lock (mutex_);
    result_.last = Usage::now ();
    return GST_FLOW_EOS;
  }
  const double when = start_ + due ();
  if (!wait_until (when))
    return GST_FLOW_FLUSHING;
  const double late = seconds_now () - when;
  *out = load_.frames ? frame_buffer () : bytes_buffer ();
  if (index_ % load_.key_every != 0)
    GST_BUFFER_FLAG_SET (*out, GST_BUFFER_FLAG_DELTA_UNIT);
  if (!load_.frames || offset_ >= load_.frame_size (index_)) {
    index_++;
    offset_ = 0;
  }
  const std::lock_guard lock (mutex_);
  result_.latest = std::max (result_.latest, late);
  result_.buffers++;
  result_.bytes += gst_buffer_get_size (*out);
  return GST_FLOW_OK;
}
} // namespace
} // namespace reach::bench

struct BenchFeed {
  GstPushSrc parent;
  reach::bench::Feeder *feeder;
};
struct BenchFeedClass {
  GstPushSrcClass parent;
};
G_DEFINE_TYPE (BenchFeed, bench_feed, GST_TYPE_PUSH_SRC)

static BenchFeed *bench_feed (gpointer object)
{
  return static_cast<BenchFeed *> (object);
}

static void bench_feed_init (BenchFeed *self)
{
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), TRUE);
}

static void bench_feed_finalize (GObject *object)
{
  delete bench_feed (object)->feeder;
  G_OBJECT_CLASS (bench_feed_parent_class)->finalize (object);
}

static void bench_feed_class_init (BenchFeedClass *klass)
{
  static GstStaticPadTemplate src =
      GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  G_OBJECT_CLASS (klass)->finalize = bench_feed_finalize;
  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass), &src);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Benchmark load", "Source",
      "Pushes a planned load", "gst-plugins-reach");
  auto *base = GST_BASE_SRC_CLASS (klass);
  base->get_caps = [] (GstBaseSrc *b, GstCaps *) -> GstCaps * {
    // Linking asks before the load is set.
    return bench_feed (b)->feeder ? bench_feed (b)->feeder->caps () : nullptr;
  };
  base->unlock = [] (GstBaseSrc *b) -> gboolean {
    return bench_feed (b)->feeder->flush (true), TRUE;
  };
  base->unlock_stop = [] (GstBaseSrc *b) -> gboolean {
    return bench_feed (b)->feeder->flush (false), TRUE;
  };
  GST_PUSH_SRC_CLASS (klass)->create = [] (GstPushSrc *b, GstBuffer **out) {
    return bench_feed (b)->feeder->next (out);
  };
}

namespace reach::bench {
bool register_feeder ()
{
  return gst_element_register (nullptr, "benchfeed", GST_RANK_NONE, bench_feed_get_type ());
}

void configure_feeder (GstElement *element, const Load &load)
{
  delete bench_feed (element)->feeder;
  bench_feed (element)->feeder = new Feeder (load);
}

LoadResult feeder_result (GstElement *element)
{
  return bench_feed (element)->feeder->result ();
}
} // namespace reach::bench

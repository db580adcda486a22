// SPDX-License-Identifier: LGPL-2.1-or-later
// One encoder for all members of a pool, one of whom has a bad link: encoders follow the slowest of
// those who have min-bitrate, and who has less gets key frames alone.
#include "../pool_hub.h"
#include "rtc_network.h"

using namespace reach;
using namespace reach::test;

namespace {
struct Frame {
  bool key;
  GstClockTime pts;
};
constexpr GstClockTime one_frame = GST_SECOND / 30;

// A member; what it receives is written down.
class Member {
public:
  Member (PoolHub &hub, const std::string &line)
      : pipeline (gst_parse_launch (line.c_str (), nullptr))
  {
    fail_unless (pipeline != nullptr, "%s", line.c_str ());
    if (!GST_IS_PIPELINE (pipeline)) {
      GstElement *one = std::exchange (pipeline, gst_pipeline_new (nullptr));
      gst_bin_add (GST_BIN (pipeline), one);
    }
    pool = gst_bin_get_by_name (GST_BIN (pipeline), "peer");
    g_signal_connect (pool, "pad-added", G_CALLBACK (on_pad_added), this);
    hub.add (pool);
  }
  ~Member ()
  {
    gst_element_set_state (pipeline, GST_STATE_NULL);
    g_signal_handlers_disconnect_by_data (pool, this);
    gst_object_unref (pool);
    gst_object_unref (pipeline);
  }
  Member (const Member &) = delete;
  Member &operator= (const Member &) = delete;
  void play () { fail_unless (reach_state (pipeline, GST_STATE_PLAYING)); }
  std::size_t received () const { return frames.get ().size (); }
  // So many in a row at the end, all key frames or none of them.
  bool ends_with (std::size_t n, bool keys) const
  {
    const auto all = frames.get ();
    return all.size () >= n && std::all_of (all.end () - static_cast<std::ptrdiff_t> (n),
                                   all.end (), [keys] (const Frame &f) { return f.key == keys; });
  }

  GstElement *pipeline, *pool = nullptr;
  Watched<std::vector<Frame>> frames;

private:
  static void on_pad_added (GstElement *, GstPad *pad, Member *self)
  {
    if (!GST_PAD_IS_SRC (pad))
      return;
    GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
    g_object_set (sink, "async", FALSE, "sync", FALSE, nullptr);
    gst_bin_add (GST_BIN (self->pipeline), sink);
    gst_element_sync_state_with_parent (sink);
    const auto to = Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink"));
    gst_pad_add_probe (
        to.get (), GST_PAD_PROBE_TYPE_BUFFER,
        [] (GstPad *, GstPadProbeInfo *info, gpointer p) {
          const GstBuffer *b = GST_PAD_PROBE_INFO_BUFFER (info);
          static_cast<Member *> (p)->frames.update ([b] (auto &all) {
            all.push_back (
                {!GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DELTA_UNIT), GST_BUFFER_PTS (b)});
          });
          return GST_PAD_PROBE_OK;
        },
        self, nullptr);
    fail_unless (gst_pad_link (pad, to.get ()) == GST_PAD_LINK_OK);
  }
};

// Of a line of so many bit/s with room for half a second.
impair::Profile line (std::uint64_t rate)
{
  impair::Profile p;
  p.rate = rate;
  p.queue = rate / 8 / 2;
  p.delay = milliseconds (15);
  return p;
}

// What the encoder is set to, whenever it changes.
class Encoder {
public:
  explicit Encoder (GstElement *pipeline)
      : encoder_ (gst_bin_get_by_name (GST_BIN (pipeline), "enc"))
  {
    g_signal_connect (encoder_, "notify::bitrate",
        G_CALLBACK (+[] (GObject *e, GParamSpec *, Encoder *self) {
          guint kbit = 0;
          g_object_get (e, "bitrate", &kbit, nullptr);
          self->lowest.update ([kbit] (guint &l) { l = std::min (l, kbit); });
        }),
        this);
  }
  ~Encoder ()
  {
    g_signal_handlers_disconnect_by_data (encoder_, this);
    gst_object_unref (encoder_);
  }
  guint now () const // kbit/s
  {
    guint kbit = 0;
    g_object_get (encoder_, "bitrate", &kbit, nullptr);
    return kbit;
  }
  Watched<guint> lowest{G_MAXUINT};

private:
  GstElement *encoder_;
};

const char *const sender =
    "rtcpool name=peer pool=garden adapt-bitrate=true start-bitrate=800000 min-bitrate=300000 "
    "max-bitrate=1200000 videotestsrc is-live=true pattern=snow ! "
    "video/x-raw,format=I420,width=160,height=120,framerate=30/1 ! x264enc name=enc "
    "tune=zerolatency speed-preset=ultrafast bitrate=800 key-int-max=30 vbv-buf-capacity=100 ! "
    "video/x-h264,profile=constrained-baseline ! peer.video_0";
const char *const receiver = "rtcpool name=peer pool=garden latency=50";

// Each frame that is none of a key follows the one before it.
void check_continuous (const std::vector<Frame> &all, std::size_t from)
{
  for (std::size_t i = std::max<std::size_t> (from, 1); i < all.size (); i++)
    fail_unless (all[i].key || all[i].pts - all[i - 1].pts < 2 * one_frame,
        "frame %zu comes %u ms after the one it needs", i,
        static_cast<unsigned> ((all[i].pts - all[i - 1].pts) / GST_MSECOND));
}
} // namespace

// 200 kbit/s are too little for one of two; then its link is good again.
GST_START_TEST (test_slow_member)
{
  PoolHub hub;
  Member a (hub, sender), b (hub, receiver), c (hub, receiver);
  BadNetwork network (line (10'000'000));
  hub.rewrite = [&network] (std::size_t from, std::size_t to, const std::string &text) {
    return from + to == 2 ? network.told (from == 0, text) : text; // of a and c
  };
  const Encoder encoder (a.pipeline);
  for (Member *m : {&a, &b, &c})
    m->play ();
  fail_unless (hub.until ([&] { return b.ends_with (20, false) && c.ends_with (20, false); }));
  fail_unless (hub.until ([&] { return encoder.now () >= 800; }));

  network.proxy ().set_profile (line (200'000));
  fail_unless (hub.until ([&] { return c.ends_with (3, true); }), "it gets all it cannot take");
  fail_unless (hub.until ([&] { return encoder.now () >= 800; }), "%u kbit/s", encoder.now ());
  const Sent pictures (a.pool, "video_0");
  const std::size_t of_b = b.received (), of_c = c.received ();
  fail_unless (hub.until ([&] { return pictures.count () >= 150; }));
  const auto slow = c.frames.get ();
  const auto keys = std::ranges::count_if (slow.begin () + static_cast<std::ptrdiff_t> (of_c),
      slow.end (), [] (const Frame &f) { return f.key; });
  g_print (
      "%u pictures: %zu to the others, %u to the slow one, of which %u key frames; the encoder "
      "at %u kbit/s, never below %u\n",
      pictures.count (), b.received () - of_b, static_cast<unsigned> (slow.size () - of_c),
      static_cast<unsigned> (keys), encoder.now (), encoder.lowest.get ());
  fail_unless_equals_int (slow.size () - of_c, keys);
  fail_unless (keys >= 3);
  fail_unless (b.received () - of_b + 8 >= pictures.count () * 95 / 100);
  fail_unless (encoder.now () >= 800 && encoder.lowest.get () >= 300);

  network.proxy ().set_profile (line (10'000'000));
  fail_unless (hub.until ([&] { return c.ends_with (25, false); }), "key frames alone for good");
  check_continuous (c.frames.get (), slow.size ());
}
GST_END_TEST

// There is nobody else: it gets all of the least that is encoded.
GST_START_TEST (test_all_slow)
{
  PoolHub hub;
  Member a (hub, sender), c (hub, receiver);
  BadNetwork network (line (10'000'000));
  hub.rewrite = [&network] (std::size_t from, std::size_t, const std::string &text) {
    return network.told (from == 0, text);
  };
  const Encoder encoder (a.pipeline);
  for (Member *m : {&a, &c})
    m->play ();
  fail_unless (hub.until ([&] { return c.ends_with (20, false) && encoder.now () >= 800; }));
  network.proxy ().set_profile (line (200'000));
  fail_unless (hub.until ([&] { return encoder.now () == 300; }), "%u kbit/s", encoder.now ());
  fail_unless (hub.until ([&] { return c.ends_with (5, false); }));
  fail_unless_equals_int (encoder.lowest.get (), 300);
}
GST_END_TEST

static Suite *rtcpool_slow_member_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtcpool_slow_member");
  TCase *tc = tcase_create ("members");
  tcase_set_timeout (tc, 90);
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_slow_member);
  tcase_add_test (tc, test_all_slow);
  return s;
}

GST_CHECK_MAIN (rtcpool_slow_member)

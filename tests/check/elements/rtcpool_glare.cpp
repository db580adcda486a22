// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpool elements whose signalling the test carries: their offers cross, messages take any time,
// and members do anything meanwhile. rtc/pool_glare does the same a thousand times without them.
#include "../plugin.h"
#include "../pool_hub.h"
#include "common/ref.h"
#include "rtc/webrtc/gst_webrtc.h"

using namespace reach;
using namespace reach::test;

namespace {
// A pipeline with an rtcpool, whose src pads are counted.
class Member {
public:
  struct Out {
    std::string peer, kind;
    unsigned buffers = 0;
    bool gone = false;
  };
  Watched<std::map<unsigned, Out>> outs;
  GstElement *const pipeline, *const pool;
  bool mute[2] = {false, false}, in = true; // of the tests: in the pool
  unsigned memberships = 1;

  explicit Member (PoolHub &hub)
      : pipeline (gst_pipeline_new (nullptr)), pool (gst_element_factory_make ("rtcpool", nullptr))
  {
    gst_object_ref_sink (pool);
    g_object_set (pool, "pool", "garden", "latency", 20u, nullptr);
    gst_bin_add (GST_BIN (pipeline), pool);
    g_signal_connect (pool, "pad-added", G_CALLBACK (on_pad_added), this);
    g_signal_connect (pool, "pad-removed", G_CALLBACK (on_pad_removed), this);
    hub.add (pool);
  }
  ~Member ()
  {
    gst_element_set_state (pipeline, GST_STATE_NULL);
    wait_for_handlers (pool);
    g_signal_handlers_disconnect_by_data (pool, this);
    for (const Input &i : inputs_)
      gst_object_unref (i.pad);
    gst_object_unref (pool);
    gst_object_unref (pipeline);
  }
  Member (const Member &) = delete;
  Member &operator= (const Member &) = delete;
  void play () { fail_unless (reach_state (pipeline, GST_STATE_PLAYING)); }
  std::string id () const
  {
    gchar *text = nullptr;
    g_object_get (pool, "id", &text, nullptr);
    const CharPtr owned (text);
    return text ? text : "";
  }

  void add (bool audio)
  {
    GstElement *bin = gst_parse_bin_from_description (
        audio ? "audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 "
                "! mulawenc"
              : "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,"
                "framerate=15/1 ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=15",
        TRUE, nullptr);
    fail_unless (bin != nullptr);
    GstPad *pad = gst_element_request_pad_simple (pool, audio ? "audio_%u" : "video_%u");
    gst_bin_add (GST_BIN (pipeline), bin);
    const auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (bin, "src"));
    fail_unless (gst_pad_link (src.get (), pad) == GST_PAD_LINK_OK);
    gst_element_sync_state_with_parent (bin);
    inputs_.push_back ({bin, pad, audio});
  }
  std::size_t inputs () const { return inputs_.size (); }
  void remove (std::size_t at)
  {
    const Input i = inputs_[at];
    inputs_.erase (inputs_.begin () + static_cast<std::ptrdiff_t> (at));
    gst_element_set_locked_state (i.source, TRUE);
    gst_element_set_state (i.source, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (pipeline), i.source);
    gst_element_release_request_pad (pool, i.pad);
    gst_object_unref (i.pad);
  }
  void toggle (bool audio)
  {
    mute[audio] = !mute[audio];
    g_object_set (pool, audio ? "mute-audio" : "mute-video", mute[audio], nullptr);
  }
  unsigned sent (bool audio) const
  {
    return mute[audio] ? 0
                       : static_cast<unsigned> (std::ranges::count (
                             inputs_, audio, [] (const Input &i) { return i.audio; }));
  }
  // Pads that are there, and have had at least so many buffers.
  unsigned gets (const std::string &peer, bool audio, unsigned buffers) const
  {
    unsigned n = 0;
    for (const auto &[number, o] : outs.get ())
      n += !o.gone && o.peer == peer && o.kind == (audio ? "audio" : "video") &&
           o.buffers >= buffers;
    return n;
  }
  void forget_buffers ()
  {
    outs.update ([] (auto &all) {
      for (auto &[number, o] : all)
        o.buffers = 0;
    });
  }
  std::string text () const
  {
    std::string all = id () + " sends " + std::to_string (sent (false)) + " video, " +
                      std::to_string (sent (true)) + " audio; gets";
    for (const auto &[number, o] : outs.get ())
      if (!o.gone)
        all += " " + o.kind + " of " + o.peer + " (" + std::to_string (o.buffers) + ")";
    for (const Input &i : inputs_)
      all += std::string ("; ") + GST_PAD_NAME (i.pad) +
             (gst_pad_has_current_caps (i.pad) ? "" : " has no caps");
    GValue v = G_VALUE_INIT;
    g_object_get_property (G_OBJECT (pool), "connections", &v);
    const CharPtr connections (gst_value_serialize (&v));
    g_value_unset (&v);
    return all + "\n  " + (connections ? connections.get () : "");
  }

private:
  struct Input {
    GstElement *source;
    GstPad *pad;
    bool audio;
  };
  struct Probe {
    Member *self;
    unsigned number;
  };
  static void on_pad_added (GstElement *, GstPad *pad, Member *self)
  {
    if (!GST_PAD_IS_SRC (pad) || g_str_has_prefix (GST_PAD_NAME (pad), "data"))
      return;
    gchar *peer = nullptr, *kind = nullptr;
    g_object_get (pad, "peer-id", &peer, "kind", &kind, nullptr);
    const unsigned number = ++self->last_;
    self->outs.update ([&] (auto &all) { all[number] = {peer, kind}; });
    g_free (peer);
    g_free (kind);
    GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
    g_object_set (sink, "async", FALSE, "sync", FALSE, nullptr);
    g_object_set_data (G_OBJECT (pad), "number", GUINT_TO_POINTER (number));
    gst_bin_add (GST_BIN (self->pipeline), sink);
    gst_element_sync_state_with_parent (sink);
    const auto to = Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink"));
    gst_pad_add_probe (
        to.get (), GST_PAD_PROBE_TYPE_BUFFER,
        [] (GstPad *, GstPadProbeInfo *, gpointer p) {
          const auto *probe = static_cast<Probe *> (p);
          probe->self->outs.update ([&] (auto &all) { all[probe->number].buffers++; });
          return GST_PAD_PROBE_OK;
        },
        new Probe{self, number}, [] (gpointer p) { delete static_cast<Probe *> (p); });
    g_object_set_data (G_OBJECT (pad), "sink", sink);
    fail_unless (gst_pad_link (pad, to.get ()) == GST_PAD_LINK_OK);
  }
  static void on_pad_removed (GstElement *, GstPad *pad, Member *self)
  {
    auto *sink = static_cast<GstElement *> (g_object_get_data (G_OBJECT (pad), "sink"));
    if (!sink)
      return;
    self->outs.update ([&] (auto &all) {
      all[GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (pad), "number"))].gone = true;
    });
    gst_element_set_locked_state (sink, TRUE);
    gst_element_set_state (sink, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (self->pipeline), sink);
  }

  std::vector<Input> inputs_;
  unsigned last_ = 0;
};

using Members = std::vector<std::unique_ptr<Member>>;

// Of each two that are in: what one sends comes out of pads of the other, and no more.
bool as_it_should (const Members &all, unsigned buffers)
{
  for (const auto &a : all)
    for (const auto &b : all)
      for (const bool audio : {false, true}) {
        if (a == b)
          continue;
        const unsigned n = a->sent (audio);
        const std::string id = a->id ();
        if (id.empty () || b->gets (id, audio, 0) != n || b->gets (id, audio, buffers) != n)
          return false;
      }
  return true;
}

void settle (PoolHub &hub, const Members &all, const std::string &what)
{
  const bool pads = hub.until ([&] { return as_it_should (all, 0); });
  for (const auto &m : all)
    m->forget_buffers (); // from now on, by what was agreed upon last
  if (pads && hub.until ([&] { return as_it_should (all, 5); }))
    return;
  for (const auto &m : all)
    g_printerr ("%s\n", m->text ().c_str ());
  fail_unless (false, "%s: no pads, or nothing comes out of them", what.c_str ());
}
} // namespace

namespace {
struct Channel {
  Ref<GObject> channel;
  Member *of, *to;
  unsigned generation; // both memberships
  bool holds () const { return generation == of->memberships + to->memberships; }
  bool open () const
  {
    GstWebRTCDataChannelState s = GST_WEBRTC_DATA_CHANNEL_STATE_CLOSED;
    g_object_get (channel.get (), "ready-state", &s, nullptr);
    return s == GST_WEBRTC_DATA_CHANNEL_STATE_OPEN;
  }
};

void open_channel (PoolHub &hub, Member &m, Member &to, std::vector<Channel> &channels)
{
  GObject *c = nullptr;
  const std::string id = hub.id_of (to.pool);
  if (!id.empty ())
    g_signal_emit_by_name (m.pool, "create-data-channel", id.c_str (), "pond", nullptr, &c);
  if (c) // it may not know of the other yet
    channels.push_back ({Ref<GObject>::adopt (c), &m, &to, m.memberships + to.memberships});
}
} // namespace

// Each two have offered before either hears the other: on the joins, and when tracks come and go.
GST_START_TEST (test_each_join)
{
  PoolHub hub (1, true);
  Members all;
  std::vector<Channel> channels;
  for (int i = 0; i < 3; i++) {
    all.push_back (std::make_unique<Member> (hub));
    all.back ()->add (false);
    if (i != 1)
      all.back ()->add (true);
    all.back ()->play ();
    // Of who is polite: its first offer, with this, is taken back.
    for (int other = 0; other < i; other++) {
      fail_unless (hub.until ([&] {
        open_channel (hub, *all.back (), *all[static_cast<std::size_t> (other)], channels);
        return channels.size () == static_cast<std::size_t> (i * (i - 1) / 2 + other + 1);
      }));
    }
    settle (hub, all, "joined");
    fail_unless (hub.until ([&] { return std::ranges::all_of (channels, &Channel::open); }));
    fail_unless_equals_int (hub.crossed (), i * (i + 1) / 2);
  }
  all[0]->toggle (true);
  all[1]->add (true);
  all[2]->remove (0);
  settle (hub, all, "changed");
}
GST_END_TEST

namespace {
void act (PoolHub &hub, const Members &all, std::vector<Channel> &channels)
{
  Member &m = *all[hub.below (static_cast<unsigned> (all.size ()))];
  if (!m.in) {
    g_signal_emit_by_name (m.pool, "join", "garden");
    m.in = true;
    return;
  }
  switch (hub.below (10)) {
  case 0:
    hub.leave (m.pool);
    m.in = false;
    m.memberships++;
    break;
  case 1:
  case 2:
    if (m.inputs () < 4)
      m.add (hub.below (3) != 0);
    break;
  case 3:
  case 4:
    if (m.inputs ())
      m.remove (hub.below (static_cast<unsigned> (m.inputs ())));
    break;
  case 5:
  case 6:
    m.toggle (hub.below (2));
    break;
  case 7:
    g_signal_emit_by_name (m.pool, "restart-ice", nullptr);
    break;
  default:
    Member &to = *all[hub.below (static_cast<unsigned> (all.size ()))];
    if (&to != &m && channels.size () < 5)
      open_channel (hub, m, to, channels);
  }
}
} // namespace

// REACH_SEED=NUMBER is that run alone.
GST_START_TEST (test_random)
{
  const char *only = g_getenv ("REACH_SEED");
  const auto seed = static_cast<unsigned> (only ? atoi (only) : __i__);
  if (only && __i__)
    return;
  const std::string what = "seed " + std::to_string (seed);
  PoolHub hub (seed);
  Members all;
  std::vector<Channel> channels;
  for (int i = 0; i < 3; i++) {
    all.push_back (std::make_unique<Member> (hub));
    all.back ()->add (hub.below (2));
    all.back ()->play ();
  }
  // Elements have to keep up: after each act there is time for a message.
  const TimePoint end = Clock::now () + seconds (10);
  for (unsigned step = 0, n = 40 + hub.below (60);
       step < n || (!hub.glares () && Clock::now () < end); step++) {
    if (hub.below (3) == 0)
      act (hub, all, channels);
    hub.deliver (milliseconds (20));
  }
  for (const auto &m : all)
    if (!m->in)
      g_signal_emit_by_name (m->pool, "join", "garden");
  settle (hub, all, what);
  g_print ("%s: %u offers crossed\n", what.c_str (), hub.glares ());
  const bool open = hub.until ([&] {
    return std::ranges::all_of (
        channels, [] (const Channel &c) { return !c.holds () || c.open (); });
  });
  for (const Channel &c : channels)
    if (!open && c.holds () && !c.open ())
      g_printerr ("from %s\nto %s\n", c.of->text ().c_str (), c.to->text ().c_str ());
  fail_unless (open, "%s: a data channel does not open", what.c_str ());
}
GST_END_TEST

static Suite *rtcpool_glare_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtcpool_glare");
  TCase *tc = tcase_create ("glare");
  tcase_set_timeout (tc, 90);
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_each_join);
  tcase_add_loop_test (tc, test_random, 0, 20);
  return s;
}

GST_CHECK_MAIN (rtcpool_glare)

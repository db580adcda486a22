// SPDX-License-Identifier: LGPL-2.1-or-later
// The two elements together: a publisher in, any number of players out.
#include "../rtmp_players.h"
#include "rtmp_publisher.h"
#include "rtmpserver/proto/chunk_writer.h"

using namespace reach::test;

namespace {
using Frames = std::vector<Payload>;

// Loops of the tests: over the pads of the streams, and over the flv pads.
const char *const ways[] = {
    "r.video_0 ! queue ! s.video_0 r.audio_0 ! queue ! s.audio_0", "r.flv ! queue ! s.flv"};

class Relay {
public:
  explicit Relay (int way, const std::string &properties = "")
      : sender_ (std::string ("rtmpserversrc name=r port=0 bind-address=127.0.0.1 ") +
                 "application=live stream-key=cam " + properties + " " + ways[way])
  {
    source = gst_bin_get_by_name (GST_BIN (sender_.pipeline ()), "r");
    g_object_get (source, "current-port", &port, nullptr);
    fail_unless (port > 0);
    publish_url = "rtmp://127.0.0.1:" + std::to_string (port) + "/live/cam";
  }
  ~Relay () { gst_object_unref (source); }
  Relay (const Relay &) = delete;
  Relay &operator= (const Relay &) = delete;

  // Players that were there before the publisher.
  std::vector<std::unique_ptr<Viewer>> players (guint n)
  {
    std::vector<std::unique_ptr<Viewer>> all;
    for (guint i = 0; i < n; i++)
      all.push_back (std::make_unique<Viewer> (demuxed ("rtmp2src location=" + sender_.url)));
    fail_unless (sender_.wait_viewers (n));
    return all;
  }
  guint viewers () { return sender_.stat<guint> ("viewers"); }
  GstElement *pipeline () { return sender_.pipeline (); }

  GstElement *source = nullptr;
  int port = 0;
  std::string publish_url;

private:
  Sender sender_;
};

bool wait_frames (Viewer &v, std::size_t video, std::size_t audio)
{
  return v.video.wait ([video] (const auto &f) { return f.size () >= video; }) &&
         v.audio.wait ([audio] (const auto &f) { return f.size () >= audio; });
}

// rtmp2src throws away the message that it has not passed on yet when it is told of the end.
bool same (const Frames &got, const Frames &sent)
{
  return got.size () + 1 >= sent.size () && got.size () <= sent.size () &&
         std::equal (got.begin (), got.end (), sent.begin ());
}

bool has_ended (Viewer &v)
{
  GstBus *bus = gst_element_get_bus (v.pipeline ());
  GstMessage *m =
      gst_bus_pop_filtered (bus, static_cast<GstMessageType> (GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  gst_object_unref (bus);
  return MessagePtr (m) != nullptr;
}

Frames twice (Frames f)
{
  const Frames once = f;
  f.insert (f.end (), once.begin (), once.end ());
  return f;
}
} // namespace

GST_START_TEST (test_byte_exact_to_all)
{
  const FlvFile file;
  Relay relay (__i__);
  const auto players = relay.players (3);
  Program publisher (file.ffmpeg (relay.publish_url));
  for (const auto &p : players) {
    fail_unless (p->ended (), "it was not told of the end");
    fail_unless (same (p->video.get (), file.frames (true)));
    fail_unless (same (p->audio.get (), file.frames (false)));
  }
}
GST_END_TEST

// The publisher goes and comes again; nobody else has to.
GST_START_TEST (test_publisher_returns)
{
  const FlvFile file;
  const Frames video = file.frames (true), audio = file.frames (false);
  Relay relay (__i__, "keep-listening=true");
  const auto players = relay.players (3);
  for (const std::size_t times : {1, 2}) {
    Program publisher (file.ffmpeg (relay.publish_url));
    fail_unless (publisher.succeeds ());
    for (const auto &p : players)
      fail_unless (wait_frames (*p, times * video.size (), times * audio.size ()), "%zu", times);
  }
  fail_unless_equals_int (relay.viewers (), 3);
  for (const auto &p : players) {
    fail_unless (p->video.get () == twice (video) && p->audio.get () == twice (audio));
    fail_if (has_ended (*p));
  }
}
GST_END_TEST

// The publisher's connection hangs; the same one comes over another.
GST_START_TEST (test_ghost_is_replaced)
{
  const FlvFile file;
  const Frames video = file.frames (true), audio = file.frames (false);
  Relay relay (__i__, "on-duplicate=replace");
  const auto players = relay.players (3);
  const auto send = [] (Publisher &p) {
    for (const auto type : {rtmp::flv_script, rtmp::flv_video, rtmp::flv_audio})
      p.send (type);
  };
  Publisher ghost (relay.port, file);
  send (ghost);
  for (const auto &p : players)
    fail_unless (wait_frames (*p, video.size (), audio.size ()));
  Publisher other (relay.port, file);
  fail_unless (ghost.client.closed ());
  send (other);
  for (const auto &p : players) {
    fail_unless (wait_frames (*p, 2 * video.size (), 2 * audio.size ()));
    fail_unless (p->video.get () == twice (video) && p->audio.get () == twice (audio));
  }
  fail_unless_equals_int (relay.viewers (), 3);
}
GST_END_TEST

namespace {
constexpr std::size_t large = rtmp::SharedChunks::max_joined;

// Memories of large frames that have left a pad, and how many of them are still there.
struct Seen {
  int all = 0, alive = 0;
};
Watched<Seen> memories;

void forget_memory (gpointer, GstMiniObject *)
{
  memories.update ([] (Seen &s) { s.alive--; });
}

void watch_memories (GstElement *, GstPad *pad, gpointer)
{
  const auto probe = [] (GstPad *, GstPadProbeInfo *info, gpointer) {
    GstBuffer *b = GST_PAD_PROBE_INFO_BUFFER (info);
    for (guint i = 0; i < gst_buffer_n_memory (b); i++)
      if (GstMemory *m = gst_buffer_peek_memory (b, i); m->size > large) {
        memories.update ([] (Seen &s) { s = {s.all + 1, s.alive + 1}; });
        gst_mini_object_weak_ref (GST_MINI_OBJECT (m), forget_memory, nullptr);
      }
    return GST_PAD_PROBE_OK;
  };
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, probe, nullptr, nullptr);
}
} // namespace

// What players get of large frames is what has been received, not a copy: the memory lives on in
// the group of pictures that is kept.
GST_START_TEST (test_payload_is_shared)
{
  const FlvFile file (true, false, "0.4", "testsrc2=size=1280x720:rate=25");
  const Frames frames = file.frames (true);
  const auto n = std::ranges::count_if (frames, [] (const auto &f) { return f.size () > large; });
  fail_unless (n > 1, "%td", n);
  Relay relay (__i__);
  if (GstPad *flv = gst_element_get_static_pad (relay.source, "flv")) {
    watch_memories (relay.source, flv, nullptr);
    gst_object_unref (flv);
  } else {
    g_signal_connect (relay.source, "pad-added", G_CALLBACK (watch_memories), nullptr);
  }
  const auto players = relay.players (2);
  Publisher publisher (relay.port, file);
  publisher.send (rtmp::flv_script);
  publisher.send (rtmp::flv_video);
  for (const auto &p : players)
    fail_unless (p->video.wait ([&] (const auto &f) { return f.size () == frames.size (); }));
  const Seen seen = memories.get ();
  fail_unless_equals_int (seen.all, static_cast<int> (n));
  fail_unless_equals_int (seen.alive, seen.all); // one group of pictures
  for (const auto &p : players)
    fail_unless (p->video.get () == frames);
  gst_element_set_state (relay.pipeline (), GST_STATE_NULL);
  fail_unless (memories.wait ([] (const Seen &s) { return s.alive == 0; }));
}
GST_END_TEST

static Suite *rtmp_relay_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_relay");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_byte_exact_to_all, 0, 2);
  tcase_add_loop_test (tc, test_publisher_returns, 0, 2);
  tcase_add_loop_test (tc, test_ghost_is_replaced, 0, 2);
  tcase_add_loop_test (tc, test_payload_is_shared, 0, 2);
  return s;
}

GST_CHECK_MAIN (rtmp_relay)

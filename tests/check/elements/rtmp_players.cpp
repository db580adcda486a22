// SPDX-License-Identifier: LGPL-2.1-or-later
// Players of rtmpserversink at the socket: what they ask for, and what they do not read.
#include "../rtmp_players.h"
#include "rtmp_publisher.h"
#include <thread>

using namespace reach::test;
using rtmp::MessageType;

namespace {
constexpr const char *video_pad = "appsrc name=v is-live=true format=time ! s.video_0";

int port_of (const Sender &s)
{
  gint port = 0;
  g_object_get (s.sink, "current-port", &port, nullptr);
  return port;
}

// VP8 needs no configuration, and any bytes are a frame.
GstBuffer *frame (unsigned number, std::size_t size, bool key)
{
  GstBuffer *b = gst_buffer_new_allocate (nullptr, size, nullptr);
  const guint8 bytes[] = {static_cast<guint8> (number >> 8), static_cast<guint8> (number)};
  gst_buffer_memset (b, 0, 0, size);
  gst_buffer_fill (b, 0, bytes, sizeof bytes);
  GST_BUFFER_PTS (b) = GST_BUFFER_DTS (b) = number * 40 * GST_MSECOND;
  if (!key)
    GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_DELTA_UNIT);
  return b;
}

class Input {
public:
  Input (Sender &s, const char *name, const char *caps)
      : src_ (gst_bin_get_by_name (GST_BIN (s.pipeline ()), name))
  {
    GstCaps *c = gst_caps_from_string (caps);
    g_object_set (src_, "caps", c, nullptr);
    gst_caps_unref (c);
  }
  ~Input () { gst_object_unref (src_); }
  Input (const Input &) = delete;
  Input &operator= (const Input &) = delete;
  void push (GstBuffer *b)
  {
    fail_unless (gst_app_src_push_buffer (GST_APP_SRC (src_), b) == GST_FLOW_OK);
  }

private:
  GstElement *src_;
};
constexpr const char *vp8 = "video/x-vp8,width=64,height=64";

struct Picture {
  unsigned number;
  bool key;
};

bool is_end (const rtmp::Message &m)
{
  if (m.type != MessageType::command_amf0)
    return false;
  const auto d = rtmp::decode_amf0 (m.payload.bytes, {});
  return d.at (3)["code"] == Value ("NetStream.Play.UnpublishNotify");
}

// The next frame of a player; none: its stream has ended.
std::optional<Picture> next_picture (RtmpClient &c)
{
  std::vector<rtmp::TrackPacket> packets;
  auto m = c.message ();
  for (; m && !is_end (*m); m = c.message ())
    if (m->type == MessageType::video) {
      fail_unless (rtmp::parse_video (m->payload, packets) == rtmp::TagResult::ok);
      for (const auto &p : packets)
        if (p.type == rtmp::PacketType::coded_frames)
          return Picture{reach::load_be<std::uint16_t> (p.payload.bytes.data ()), p.key};
    }
  fail_unless (m.has_value (), "the connection has ended");
  return std::nullopt;
}

void expect_pictures (RtmpClient &c, unsigned from, unsigned to)
{
  for (unsigned i = from; i < to; i++) {
    const auto p = next_picture (c);
    fail_unless (p.has_value ());
    fail_unless_equals_int (p->number, i);
  }
}

// Until the server has them.
void push_pictures (Sender &s, Input &in, unsigned from, unsigned to)
{
  const guint64 before = s.stat<guint64> ("messages");
  for (unsigned i = from; i < to; i++)
    in.push (frame (i, 100, i % 10 == 0));
  fail_unless (iterate_until ([&] { return s.stat<guint64> ("messages") >= before + to - from; }));
}
} // namespace

// What is missed is not sent afterwards; it goes on at a key frame, out of the cache.
GST_START_TEST (test_pause_and_resume)
{
  Sender s (video_pad);
  static std::atomic<bool> allowed;
  allowed = false;
  g_signal_connect (s.sink, "pause-request",
      G_CALLBACK (+[] (GstElement *, GstStructure *c, GstStructure *r, gpointer) -> gboolean {
        gdouble at = 0;
        fail_unless (g_str_has_prefix (gst_structure_get_string (c, "peer-address"), "127.0.0.1:"));
        fail_unless_equals_string (gst_structure_get_string (r, "stream-name"), "cam");
        fail_unless (gst_structure_get_double (r, "position", &at) && at == 1000);
        return allowed;
      }),
      nullptr);
  Input in (s, "v", vp8);
  RtmpClient c (port_of (s));
  c.connect ();
  fail_unless_equals_string (c.play ("cam").c_str (), "NetStream.Play.Start");
  fail_unless (c.command (c.stream, {"pause", 0.0, rtmp::Null{}, true, 1000.0}));
  fail_unless_equals_string (c.expect_status ().c_str (), "NetStream.Pause.Failed");
  push_pictures (s, in, 0, 5);
  expect_pictures (c, 0, 5);
  allowed = true;
  fail_unless (c.command (c.stream, {"pause", 0.0, rtmp::Null{}, true, 1000.0}));
  fail_unless_equals_string (c.expect_status ().c_str (), "NetStream.Pause.Notify");
  push_pictures (s, in, 5, 15);
  fail_unless (c.command (c.stream, {"pauseraw", 0.0, rtmp::Null{}, false, 1000.0}));
  expect_pictures (c, 10, 15);
}
GST_END_TEST

GST_START_TEST (test_receive_video)
{
  Sender s (video_pad);
  Input in (s, "v", vp8);
  RtmpClient c (port_of (s));
  c.connect ();
  fail_unless_equals_string (c.play ("cam").c_str (), "NetStream.Play.Start");
  push_pictures (s, in, 0, 5);
  expect_pictures (c, 0, 5);
  fail_unless (c.command (c.stream, {"receiveVideo", 0.0, rtmp::Null{}, false}));
  c.sync ();
  push_pictures (s, in, 5, 12);
  fail_unless (c.command (c.stream, {"receiveVideo", 0.0, rtmp::Null{}, true}));
  c.sync ();
  push_pictures (s, in, 12, 22);
  expect_pictures (c, 20, 22);
}
GST_END_TEST

// Two that do not read: whole groups of pictures are dropped, the application is told, another
// player and the end of the stream do not wait. The one that reads again begins with a key frame.
GST_START_TEST (test_slow_players_are_told_of_and_harm_nobody)
{
  Sender s (video_pad, "max-queue-bytes=300000 max-queue-time=0 drain-timeout=100");
  using Dropped = std::map<guint64, guint64>; // by connection
  Watched<Dropped> dropped;
  g_signal_connect (s.sink, "queue-full",
      G_CALLBACK (+[] (GstElement *, GstStructure *e, Watched<Dropped> *all) {
        guint64 total = 0;
        guint64 id = 0;
        fail_unless (gst_structure_get_uint64 (e, "dropped-total", &total));
        const GValue *c = gst_structure_get_value (e, "connection");
        fail_unless (gst_structure_get_uint64 (gst_value_get_structure (c), "id", &id));
        all->update ([&] (Dropped &d) { d[id] = total; });
      }),
      &dropped);
  Input in (s, "v", vp8);
  RtmpClient stuck (port_of (s)), slow (port_of (s)), quick (port_of (s));
  for (RtmpClient *c : {&stuck, &slow, &quick}) {
    c->connect ();
    fail_unless_equals_string (c->play ("cam").c_str (), "NetStream.Play.Start");
  }
  const int little = 65536; // else the kernel holds 6 MB for each
  for (const RtmpClient *c : {&stuck, &slow})
    ::setsockopt (c->fd (), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  unsigned n = 0;
  const auto push = [&] {
    in.push (frame (n, 100000, n % 10 == 0));
    expect_pictures (quick, n, n + 1);
    n++;
  };
  const auto both_full = [] (const Dropped &d) {
    return d.size () == 2 && std::ranges::all_of (d, [] (auto x) { return x.second >= 20; });
  };
  while (!both_full (dropped.get ()) && n < 200)
    push ();
  fail_unless (dropped.wait (both_full), "%u frames", n);
  const MessagePtr qos = wait_message (s.pipeline (), GST_MESSAGE_QOS);
  fail_unless (qos != nullptr);
  guint64 lost = 0;
  gst_message_parse_qos_stats (qos.get (), nullptr, nullptr, &lost);
  fail_unless (lost > 0);
  Watched<std::vector<Picture>> seen;
  std::thread reads ([&] {
    while (const auto p = next_picture (slow))
      seen.update ([&p] (auto &v) { v.push_back (*p); });
  });
  const auto jumps = [] (const std::vector<Picture> &v) {
    return std::ranges::adjacent_find (v, [] (const Picture &a, const Picture &b) {
      return b.number != a.number + 1;
    }) != v.end ();
  };
  while (!jumps (seen.get ()) && n < 2000)
    push ();
  s.end ("v");
  fail_unless (wait_message (s.pipeline (), GST_MESSAGE_EOS) != nullptr);
  reads.join ();
  const auto all = seen.get ();
  fail_unless (jumps (all), "%u frames", n);
  for (std::size_t i = 1; i < all.size (); i++)
    if (all[i].number != all[i - 1].number + 1)
      fail_unless (all[i].key && all[i].number > all[i - 1].number);
}
GST_END_TEST

GST_START_TEST (test_refusals_that_players_understand)
{
  Sender s (video_pad, "stream-key=cam");
  g_signal_connect (s.sink, "play-request",
      G_CALLBACK (+[] (GstElement *, GstStructure *, GstStructure *r, gpointer) -> gboolean {
        return g_strcmp0 (gst_structure_get_string (r, "query"), "no") != 0;
      }),
      nullptr);
  g_signal_connect (s.sink, "stream-request",
      G_CALLBACK (+[] (GstElement *, GstStructure *c, GstStructure *, gpointer) -> gboolean {
        return g_strcmp0 (gst_structure_get_string (c, "query"), "no-streams") != 0;
      }),
      nullptr);
  RtmpClient c (port_of (s)), none (port_of (s)), app (port_of (s));
  c.connect ();
  fail_unless_equals_string (c.play ("other").c_str (), "NetStream.Play.StreamNotFound");
  fail_unless_equals_string (c.play ("cam?no").c_str (), "NetStream.Play.Failed");
  fail_unless_equals_string (c.play ("cam?yes").c_str (), "NetStream.Play.Start");
  fail_unless_equals_string (c.publish ("cam").c_str (), "NetStream.Publish.Denied");
  none.connect ("live?no-streams");
  fail_unless (none.command (0, {"createStream", 2.0, rtmp::Null{}}));
  const Values v = none.expect ("_error");
  fail_unless (v.size () > 3 && v[3]["code"] == Value ("NetConnection.Call.Failed"));
  fail_unless_equals_string (app.connect ("dead").c_str (), "NetConnection.Connect.InvalidApp");
  fail_unless_equals_int (s.stat<guint> ("viewers"), 1);
}
GST_END_TEST

// An element that stops tells its players, and then closes.
GST_START_TEST (test_shutdown_is_told)
{
  Sender s (video_pad);
  RtmpClient c (port_of (s));
  c.connect ();
  fail_unless_equals_string (c.play ("cam").c_str (), "NetStream.Play.Start");
  std::thread stop ([&s] { gst_element_set_state (s.pipeline (), GST_STATE_READY); });
  fail_unless_equals_string (c.expect_status ().c_str (), "NetStream.Play.UnpublishNotify");
  fail_unless_equals_string (c.expect_status ().c_str (), "NetConnection.Connect.AppShutdown");
  fail_unless (c.closed ());
  stop.join ();
}
GST_END_TEST

// One TCP connection publishes, plays two streams, calls and pings, all at the same time.
GST_START_TEST (test_one_connection_publishes_plays_two_calls_and_pings)
{
  const FlvFile file (true, false);
  RtmpSource in;
  in.set ("stream-key", "cam");
  g_signal_connect (in.element, "remote-call::move",
      G_CALLBACK (+[] (GstElement *, GstStructure *, GstStructure *, gpointer) -> GstStructure * {
        return gst_structure_new ("reply", "argument-0", G_TYPE_STRING, "moved", nullptr);
      }),
      nullptr);
  in.play ();
  const std::string at = "port=" + std::to_string (in.port ());
  Sender a (video_pad, at + " stream-key=a"),
      b ("appsrc name=v is-live=true format=time ! s.audio_0", at + " stream-key=b");
  Input video (a, "v", vp8), audio (b, "v", "audio/x-alaw,rate=8000,channels=1");

  Publisher p (in.port (), file);
  RtmpClient &c = p.client;
  const std::uint32_t up = c.stream;
  fail_unless_equals_string (c.play ("a").c_str (), "NetStream.Play.Start");
  const std::uint32_t of_a = c.stream;
  fail_unless_equals_string (c.play ("b").c_str (), "NetStream.Play.Start");
  const std::uint32_t of_b = c.stream;
  fail_unless (up != of_a && of_a != of_b);
  c.stream = up;

  video.push (frame (0, 3000000, true));
  for (unsigned i = 0; i < 50; i++)
    audio.push (frame (i, 160, true));
  const rtmp::test::Wire ping{0, 6, 0, 0, 0, 77};
  fail_unless (c.send (MessageType::user_control, 0, ping));
  fail_unless (c.command (0, {"move", 21.0, rtmp::Null{}}));
  std::thread publish ([&p] { p.send (rtmp::flv_video); });
  unsigned pictures = 0, sounds = 0, pongs = 0, replies = 0;
  while (pictures < 1 || sounds < 50 || pongs < 1 || replies < 1) {
    const auto m = c.message ();
    fail_unless (m.has_value ());
    const auto bytes = m->payload.bytes;
    if (m->type == MessageType::video && bytes.size () > 3000000) {
      fail_unless_equals_int (m->stream, of_a);
      pictures++;
    } else if (m->type == MessageType::audio) {
      fail_unless_equals_int (m->stream, of_b);
      sounds++;
    } else if (m->type == MessageType::user_control && bytes[1] == 7) {
      fail_unless_equals_int (bytes[5], 77);
      pongs++;
    } else if (m->type == MessageType::command_amf0) {
      const auto d = rtmp::decode_amf0 (bytes, {});
      fail_unless (d.at (1) == Value (21.0) && d.at (3) == Value ("moved"));
      replies++;
    }
  }
  publish.join ();
  const auto n = file.frames (true).size ();
  fail_unless (in.wait ([n] (const auto &x) {
    return x.contains ("video_0") && x.at ("video_0").buffers.size () == n;
  }));
  check_same (in.pads.get ().at ("video_0"), file.frames (true));
}
GST_END_TEST

// Publish in, players out: they stay while the publisher is replaced and while there is none.
GST_START_TEST (test_players_stay_while_publishers_change)
{
  const FlvFile file (true, false);
  const int port = unused_port ();
  const std::string at = "port=" + std::to_string (port) + " stream-key=cam";
  Sender s ("rtmpserversrc keep-listening=true on-duplicate=replace name=r application=live "
            "bind-address=127.0.0.1 " +
                at + " r.video_0 ! queue ! s.video_0",
      at);
  RtmpClient player (port);
  player.connect ();
  fail_unless_equals_string (player.play ("cam").c_str (), "NetStream.Play.Start");
  const auto n = file.frames (true).size ();
  std::uint32_t last = 0;
  const auto watch = [&] {
    std::vector<rtmp::TrackPacket> packets;
    for (std::size_t got = 0; got < n;) {
      const auto m = player.message ();
      fail_unless (m.has_value ());
      fail_unless (m->type != MessageType::command_amf0, "it was told something");
      if (m->type != MessageType::video)
        continue;
      fail_unless (rtmp::parse_video (m->payload, packets) == rtmp::TagResult::ok);
      if (packets.at (0).type != rtmp::PacketType::coded_frames || !packets[0].payload.size ())
        continue;
      fail_unless (m->timestamp >= last, "%u after %u", m->timestamp, last);
      last = m->timestamp;
      got++;
    }
  };
  auto ghost = std::make_unique<Publisher> (port, file);
  ghost->send (rtmp::flv_video);
  watch ();
  auto next = std::make_unique<Publisher> (port, file);
  next->send (rtmp::flv_video);
  watch ();
  fail_unless (ghost->client.closed ());
  ghost.reset ();
  next.reset ();
  next = std::make_unique<Publisher> (port, file);
  next->send (rtmp::flv_video);
  watch ();
}
GST_END_TEST

static Suite *rtmp_players_suite ()
{
  register_plugins ();
  FlvFile::prepare (true, false);
  Suite *s = suite_create ("rtmp_players");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pause_and_resume);
  tcase_add_test (tc, test_receive_video);
  tcase_add_test (tc, test_slow_players_are_told_of_and_harm_nobody);
  tcase_add_test (tc, test_refusals_that_players_understand);
  tcase_add_test (tc, test_shutdown_is_told);
  tcase_add_test (tc, test_one_connection_publishes_plays_two_calls_and_pings);
  tcase_add_test (tc, test_players_stay_while_publishers_change);
  return s;
}

GST_CHECK_MAIN (rtmp_players)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients that misbehave towards an application, and floods: others go on, and stopping is quick.
#include "rtmp_client.h"
#include "rtmp_source.h"
#include <condition_variable>
#include <thread>

using namespace reach::test;

namespace {
// A handler that waits until it is let go.
struct Gate {
  std::mutex lock;
  std::condition_variable changed;
  unsigned inside = 0, entered = 0;
  bool open = false;
  void pass ()
  {
    std::unique_lock l (lock);
    inside++;
    entered++;
    changed.notify_all ();
    changed.wait (l, [this] { return open; });
    inside--;
  }
  bool wait_entered (unsigned n)
  {
    std::unique_lock l (lock);
    return changed.wait_for (l, std::chrono::seconds (20), [&] { return entered >= n; });
  }
  void let_go ()
  {
    const std::lock_guard l (lock);
    open = true;
    changed.notify_all ();
  }
};

GstStructure *wait_at_gate (GstElement *, const GstStructure *, const GstStructure *, gpointer gate)
{
  static_cast<Gate *> (gate)->pass ();
  return nullptr;
}

gboolean decide_at_gate (GstElement *, GstStructure *, GstStructure *, gpointer gate)
{
  static_cast<Gate *> (gate)->pass ();
  return TRUE;
}

guint64 bytes_received (const RtmpSource &s)
{
  const auto stats = s.stats ();
  const GValue *all = gst_structure_get_value (stats.get (), "connections");
  guint64 sum = 0;
  for (guint i = 0; i < gst_value_array_get_size (all); i++) {
    guint64 one = 0;
    fail_unless (gst_structure_get_uint64 (
        gst_value_get_structure (gst_value_array_get_value (all, i)), "in-bytes-total", &one));
    sum += one;
  }
  return sum;
}
} // namespace

// Calls that want no answer, to a handler that takes its time: one client may have some wait, not
// all that the server can hold.
GST_START_TEST (test_calls_that_pile_up)
{
  RtmpSource s;
  Gate gate;
  g_signal_connect (s.element, "remote-call::slow", G_CALLBACK (wait_at_gate), &gate);
  s.play ();
  RtmpClient c (s.port ()), other (s.port ());
  c.connect ();
  for (unsigned i = 0; i < 2000; i++)
    fail_unless (c.command (0, {"slow", 0.0, rtmp::Null{}}));
  // All of them were taken when this is answered.
  fail_unless (c.command (0, {"getStreamLength", 9.0, rtmp::Null{}}));
  fail_unless (!c.expect ("_result").empty ());
  fail_unless (gate.wait_entered (1));
  fail_unless_equals_string (other.connect ().c_str (), "NetConnection.Connect.Success");
  gate.let_go ();
  fail_unless (gate.wait_entered (250));
  s.null (); // what still waited has run
  fail_unless (gate.entered < 300, "%u calls", gate.entered);
}
GST_END_TEST

// Decisions that wait when the element stops are not asked for any more.
GST_START_TEST (test_stop_with_decisions_waiting)
{
  RtmpSource s;
  Gate gate;
  g_signal_connect (s.element, "stream-request", G_CALLBACK (decide_at_gate), &gate);
  s.play ();
  std::vector<std::unique_ptr<RtmpClient>> clients;
  for (unsigned i = 0; i < 40; i++) {
    clients.push_back (std::make_unique<RtmpClient> (s.port ()));
    clients.back ()->connect ();
    fail_unless (clients.back ()->command (0, {"createStream", 2.0, rtmp::Null{}}));
  }
  fail_unless (gate.wait_entered (16)); // all threads
  std::thread stop ([&] { s.null (); });
  for (auto &c : clients)
    fail_unless (c->closed ()); // it stops: nobody asks any more
  gate.let_go ();
  stop.join ();
  fail_unless_equals_int (gate.entered, 16);
}
GST_END_TEST

// Messages of one byte each are much work for few bytes: between the question and the answer of
// somebody else, little of them is read.
GST_START_TEST (test_tiny_messages_do_not_hold_up_others)
{
  constexpr unsigned n = 6;
  RtmpSource s;
  s.play ();
  std::vector<std::unique_ptr<RtmpClient>> flooders;
  std::vector<std::thread> threads;
  rtmp::test::Wire tiny (1u << 20, 3 << 6 | 4);
  for (unsigned i = 0; i < n; i++) {
    auto *f = flooders.emplace_back (std::make_unique<RtmpClient> (s.port ())).get ();
    f->connect ();
    fail_unless (f->send (rtmp::MessageType::video, 1, {}, 0, 4));
    threads.emplace_back ([f, &tiny] {
      while (f->write (tiny)) {
      }
    });
  }
  RtmpClient c (s.port ());
  c.connect ();
  guint64 least = G_MAXUINT64;
  for (unsigned i = 0; i < 20; i++) {
    const guint64 before = bytes_received (s);
    fail_unless (c.command (0, {"getStreamLength", 9.0, rtmp::Null{}}));
    fail_unless (!c.expect ("_result").empty ());
    least = std::min (least, bytes_received (s) - before);
  }
  for (const auto &f : flooders)
    ::shutdown (f->fd (), SHUT_RDWR);
  for (auto &t : threads)
    t.join ();
  fail_unless (least < n * (1u << 20), "%" G_GUINT64_FORMAT " bytes", least);
}
GST_END_TEST

// EOS comes from another thread than the frames.
GST_START_TEST (test_eos_while_frames_come)
{
  for (unsigned i = 0; i < 5; i++) {
    RtmpSource s;
    s.play ();
    RtmpClient c (s.port ());
    c.connect ();
    fail_unless_equals_string (c.publish ("cam").c_str (), "NetStream.Publish.Start");
    const std::vector<std::uint8_t> mp3 (50, 0x2f);
    std::thread flood ([&] {
      while (c.send (rtmp::MessageType::audio, c.stream, mp3)) {
      }
    });
    fail_unless (s.wait ([] (const RtmpSource::Pads &p) {
      return !p.empty () && p.begin ()->second.buffers.size () > 100;
    }));
    fail_unless (gst_element_send_event (s.element, gst_event_new_eos ()));
    fail_unless (s.wait_eos (1));
    s.null ();
    flood.join ();
  }
}
GST_END_TEST

// Again and again, with clients that hang at each step; nobody waits for them.
GST_START_TEST (test_restarts_while_clients_hang)
{
  RtmpSource s;
  gint64 longest = 0;
  for (unsigned i = 0; i < 50; i++) {
    s.play ();
    RtmpClient silent (s.port ()), shook_hands (s.port ()), in (s.port ()), half (s.port ());
    shook_hands.handshake ();
    fail_unless_equals_string (in.connect ().c_str (), "NetConnection.Connect.Success");
    fail_unless_equals_string (half.connect ().c_str (), "NetConnection.Connect.Success");
    fail_unless_equals_string (half.publish ("cam").c_str (), "NetStream.Publish.Start");
    rtmp::test::Wire w;
    rtmp::test::put_head (w, {0, 4, 0, 1u << 20, rtmp::MessageType::video, half.stream});
    w.resize (w.size () + 100);
    fail_unless (half.write (w));
    const gint64 begin = g_get_monotonic_time ();
    s.null ();
    longest = std::max (longest, g_get_monotonic_time () - begin);
    for (RtmpClient *c : {&silent, &in})
      fail_unless (c->closed ());
  }
  // Nothing that this waits for takes longer than some milliseconds; the handshake's limit is 10 s.
  fail_unless (longest < 5 * G_USEC_PER_SEC, "%" G_GINT64_FORMAT " us", longest);
  GST_INFO ("the longest stop took %" G_GINT64_FORMAT " us", longest);
}
GST_END_TEST

static Suite *rtmp_hostile_app_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_hostile_app");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_calls_that_pile_up);
  tcase_add_test (tc, test_stop_with_decisions_waiting);
  tcase_add_test (tc, test_tiny_messages_do_not_hold_up_others);
  tcase_add_test (tc, test_eos_while_frames_come);
  tcase_add_test (tc, test_restarts_while_clients_hang);
  return s;
}

GST_CHECK_MAIN (rtmp_hostile_app)

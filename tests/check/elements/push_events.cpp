// SPDX-License-Identifier: LGPL-2.1-or-later
// The event contract of push: the four events of a link at both ends, and no others.
#include "cam_pair.h"
#include "tcp_relay.h"

using namespace reach::test;

namespace {
using Names = std::vector<std::string>;
using Events = std::vector<LinkEventSeen>;
const Names whole_link{"cam-connecting", "cam-connected", "cam-disconnected"};

std::map<guint64, Names> by_link (const Events &events)
{
  std::map<guint64, Names> m;
  for (const auto &e : events)
    m[e.link_key].push_back (e.name);
  return m;
}

Events events (Node &n)
{
  return n.told.get ().messages;
}

void check_both_ways (Node &n)
{
  const Told t = n.told.get ();
  fail_unless_equals_int (t.signals.size (), t.messages.size ());
  for (std::size_t i = 0; i < t.signals.size (); i++)
    fail_unless_equals_string (t.signals[i].text.c_str (), t.messages[i].text.c_str ());
}

// Nothing of channels and sessions at either end.
void check_absent (Node &n)
{
  const auto all = events (n);
  for (const char *name :
      {"channel-opened", "channel-closed", "session-connected", "session-disconnected"})
    fail_unless_equals_int (Node::count (all, name), 0);
}

struct Push {
  explicit Push (int i) : way (way_of (true, i)), sender (way), receiver (way) {}
  const Way &way;
  Sender sender;
  Receiver receiver;
};
} // namespace

GST_START_TEST (test_push_success)
{
  Push p (__i__);
  play (p.sender, p.receiver);
  const guint64 key = p.sender.session_key ();
  fail_unless (key != 0);
  auto &v = p.sender.add ("video_0", video_caps);
  auto &a = p.sender.add ("audio_0", audio_caps);
  v.push (make_buffer (100, 0, 0));
  a.push (make_buffer (100, 1, 0));
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  fail_unless (p.receiver.wait_buffers ("audio_0", 1));
  fail_unless (p.sender.wait_event ("connected", 2));
  p.sender.null ();
  fail_unless (p.receiver.wait_event ("disconnected", 2));
  p.receiver.null ();

  for (Node *n : {static_cast<Node *> (&p.sender), static_cast<Node *> (&p.receiver)}) {
    check_both_ways (*n);
    check_absent (*n);
    const auto links = by_link (events (*n));
    fail_unless_equals_int (links.size (), 2);
    for (const auto &[k, names] : links) {
      fail_unless (k != 0);
      fail_unless (names == whole_link);
    }
  }
  std::map<guint64, guint> type_of;
  for (const auto &e : events (p.sender)) {
    fail_unless (e.session_key == key, "%s", e.text.c_str ());
    fail_unless (e.media_types == 1 || e.media_types == 2, "%s", e.text.c_str ());
    fail_unless (type_of.try_emplace (e.link_key, e.media_types).first->second == e.media_types);
    fail_unless (e.peer.find ("127.0.0.1:") == 0, "%s", e.text.c_str ());
  }
  for (const auto &e : events (p.receiver)) {
    fail_unless (e.session_key == 0, "%s", e.text.c_str ());
    fail_unless_equals_int (e.media_types, 0);
    fail_unless (e.peer.find ("127.0.0.1:") == 0, "%s", e.text.c_str ());
    if (e.name != "cam-connecting")
      fail_unless (e.remote_session_key == key, "%s", e.text.c_str ());
  }
}
GST_END_TEST

GST_START_TEST (test_push_signals_that_exist)
{
  Push p (__i__);
  for (const char *name : {"connecting", "connected", "connect-error", "disconnected"}) {
    fail_unless (g_signal_lookup (name, G_OBJECT_TYPE (p.sender.element)) != 0, "%s", name);
    fail_unless (g_signal_lookup (name, G_OBJECT_TYPE (p.receiver.element)) != 0, "%s", name);
  }
}
GST_END_TEST

GST_START_TEST (test_push_refused)
{
  const Way &way = way_of (true, __i__);
  Sender sender (way);
  point (sender, unused_port ());
  sender.play ();
  sender.add ("video_0", video_caps).push (make_buffer (100, 0, 0));
  fail_unless (sender.wait_event ("connect-error", 3));
  // Nor is it silence.
  fail_unless (sender.wait_told ([] (const Told &t) { return t.warnings.size () == 1; }));
  sender.null ();
  const auto all = events (sender);
  const auto links = by_link (all);
  fail_unless (links.size () >= 3);
  for (const auto &[key, names] : links)
    fail_unless ((names == Names{"cam-connecting", "cam-connect-error"}));
  for (const auto &e : all)
    fail_unless (e.remote_session_key == 0 && e.media_types == 1, "%s", e.text.c_str ());
  check_absent (sender);
  check_both_ways (sender);
  fail_unless (sender.told.get ().errors.empty (), "trying on is not an error");
}
GST_END_TEST

// Without `reconnect` the sender's own job cannot be done: an ERROR, not silence.
GST_START_TEST (test_push_refused_once)
{
  const Way &way = way_of (true, __i__);
  Sender sender (way);
  g_object_set (sender.element, "reconnect", FALSE, nullptr);
  point (sender, unused_port ());
  sender.play ();
  sender.add ("video_0", video_caps).push (make_buffer (100, 0, 0));
  fail_unless (sender.wait_told ([] (const Told &t) { return !t.errors.empty (); }));
  sender.null ();
  fail_unless_equals_int (events (sender).size (), 2);
}
GST_END_TEST

GST_START_TEST (test_push_break)
{
  Push p (__i__);
  if (!over_tcp (p.way))
    return; // test_push_receiver_restarts
  std::unique_ptr<TcpRelay> relay;
  play (p.sender, p.receiver, [&] (guint16 port) {
    relay = std::make_unique<TcpRelay> (port);
    return relay->port ();
  });
  auto &v = p.sender.add ("video_0", video_caps);
  v.push (make_buffer (100, 0, 0));
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  for (unsigned i = 1; i <= 3; i++) {
    // HTTP would go on over a new connection, if it could.
    relay->refuse (true);
    relay->cut ();
    v.push (make_buffer (100, 100 + i, i * frame_time));
    fail_unless (p.sender.wait_event ("disconnected", i));
    relay->refuse (false);
    v.push (make_buffer (100, i, i * frame_time));
    fail_unless (p.sender.wait_event ("connected", i + 1));
    fail_unless (p.receiver.wait_event ("connected", i + 1));
    fail_unless (p.receiver.wait_event ("disconnected", i));
  }
  p.sender.null ();
  fail_unless (p.receiver.wait_event ("disconnected", 4));
  p.receiver.null ();
  for (Node *n : {static_cast<Node *> (&p.sender), static_cast<Node *> (&p.receiver)}) {
    check_both_ways (*n);
    check_absent (*n);
    unsigned up = 0;
    for (const auto &[key, names] : by_link (events (*n))) {
      const bool established = names.size () == 3;
      up += established;
      fail_unless (
          names == (established ? whole_link : Names{"cam-connecting", "cam-connect-error"}));
    }
    fail_unless_equals_int (up, 4);
  }
}
GST_END_TEST

GST_START_TEST (test_push_receiver_restarts)
{
  Push p (__i__);
  play (p.sender, p.receiver);
  auto &v = p.sender.add ("video_0", video_caps);
  v.push (make_buffer (100, 0, 0));
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  g_object_set (p.receiver.element, "port", static_cast<gint> (p.receiver.port ()), nullptr);
  p.receiver.null ();
  fail_unless (p.sender.wait_event ("disconnected"));
  p.receiver.streams.set ({});
  p.receiver.play ();
  for (unsigned n = 1; !p.sender.wait_event ("connected", 2, milliseconds (50)); n++)
    v.push (make_buffer (100, n, n * frame_time));
  v.push (make_buffer (100, 1000, 1000 * frame_time));
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  p.sender.null ();
  fail_unless (p.receiver.wait_event ("disconnected", 2));
  p.receiver.null ();
  for (Node *n : {static_cast<Node *> (&p.sender), static_cast<Node *> (&p.receiver)}) {
    check_both_ways (*n);
    check_absent (*n);
    unsigned up = 0;
    for (const auto &[key, names] : by_link (events (*n))) {
      up += names.size () == 3;
      fail_unless (names == (names.size () == 3 ? whole_link
                                                : Names{"cam-connecting", "cam-connect-error"}));
    }
    fail_unless_equals_int (up, 2);
  }
}
GST_END_TEST

// A sender that goes is noticed by what it says: the timeout is far longer than this test.
GST_START_TEST (test_push_goodbye)
{
  Push p (__i__);
  for (Node *n : {static_cast<Node *> (&p.sender), static_cast<Node *> (&p.receiver)})
    g_object_set (n->element, "data-timeout", 600, "video-timeout", 600, nullptr);
  g_object_set (p.receiver.element, "resume-window", 0, nullptr);
  play (p.sender, p.receiver);
  p.sender.add ("video_0", video_caps).push (make_buffer (100, 0, 0));
  p.sender.add ("data_0", data_caps).push (make_buffer (100, 1, 0));
  fail_unless (p.receiver.wait_buffers ("video_0", 1));
  fail_unless (p.receiver.wait_buffers ("data_0", 1));
  p.sender.null ();
  fail_unless (p.receiver.wait_event ("disconnected", 2));
  fail_unless (p.receiver.wait_event_on ("video_0", GST_EVENT_EOS));
  fail_unless (p.receiver.wait_event_on ("data_0", GST_EVENT_EOS));
  for (const auto &[key, names] : by_link (events (p.receiver)))
    fail_unless (names == whole_link);
}
GST_END_TEST

// Neither a peer that hangs nor one that never answered holds the state change up.
GST_START_TEST (test_push_goodbye_to_nobody)
{
  Push p (__i__ / 2);
  if (!over_tcp (p.way))
    return;
  const bool established = __i__ % 2 == 0;
  std::unique_ptr<TcpRelay> relay;
  play (p.sender, p.receiver, [&] (guint16 port) {
    relay = std::make_unique<TcpRelay> (port);
    return relay->port ();
  });
  if (!established)
    relay->slow ("", 0);
  auto &v = p.sender.add ("video_0", video_caps);
  v.push (make_buffer (100, 0, 0));
  if (established)
    fail_unless (p.receiver.wait_buffers ("video_0", 1));
  else
    fail_unless (p.sender.wait_event ("connecting"));
  relay->slow ("", 0);
  for (unsigned n = 1; n < 20; n++)
    v.push (make_buffer (100000, n, n * frame_time));
  const gint64 begin = g_get_monotonic_time ();
  p.sender.null ();
  const gint64 took = (g_get_monotonic_time () - begin) / 1000;
  fail_unless (took < 3000, "%d ms", static_cast<int> (took));
  fail_unless_equals_int (
      Node::count (events (p.sender), established ? "disconnected" : "connect-error"), 1);
}
GST_END_TEST

static Suite *push_events_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("push-events");
  TCase *tc = tcase_create ("push");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_push_success, 0, n_push);
  tcase_add_loop_test (tc, test_push_signals_that_exist, 0, n_push);
  tcase_add_loop_test (tc, test_push_refused, 0, n_push);
  tcase_add_loop_test (tc, test_push_refused_once, 0, n_push);
  tcase_add_loop_test (tc, test_push_break, 0, n_push);
  tcase_add_loop_test (tc, test_push_receiver_restarts, 0, n_push);
  tcase_add_loop_test (tc, test_push_goodbye, 0, n_push);
  tcase_add_loop_test (tc, test_push_goodbye_to_nobody, 0, 2 * n_push);
  return s;
}

GST_CHECK_MAIN (push_events)

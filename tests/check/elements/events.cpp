// SPDX-License-Identifier: LGPL-2.1-or-later
// The event contract of pull: which events, with which fields, in which order.
#include "cam_pair.h"
#include "tcp_relay.h"
#include <set>

using namespace reach::test;

namespace {
constexpr guint video = 1, audio = 2, data = 4;
using Names = std::vector<std::string>;
using Events = std::vector<LinkEventSeen>;

const Names refused_channel{
    "cam-channel-opened", "cam-connecting", "cam-connect-error", "cam-channel-closed"};
const Names up_channel{"cam-channel-opened", "cam-connecting", "cam-connected"};
const Names broken_channel{"cam-channel-opened", "cam-connecting", "cam-connected",
    "cam-disconnected", "cam-channel-closed"};

bool is_session (const LinkEventSeen &e)
{
  return e.name.find ("cam-session-") == 0;
}

// The names of each channel's events, by link key.
std::map<guint64, Names> by_channel (const Events &events)
{
  std::map<guint64, Names> m;
  for (const auto &e : events)
    if (!is_session (e))
      m[e.link_key].push_back (e.name);
  return m;
}

std::string all_names (const Events &events)
{
  std::string s;
  for (const auto &e : events)
    s += e.name + " " + std::to_string (e.media_types) + "\n";
  return s;
}

// Up to and with the first session event of this name, `from` on.
Events until (const Events &events, const char *name, std::size_t from = 0)
{
  for (std::size_t i = from; i < events.size (); i++)
    if (events[i].name == name)
      return Events (events.begin () + static_cast<std::ptrdiff_t> (from),
          events.begin () + static_cast<std::ptrdiff_t> (i) + 1);
  ck_abort_msg ("no %s in:\n%s", name, all_names (events).c_str ());
  return {};
}

// What holds of every event of a receiver that pulls.
void check_fields (const Events &events, guint types)
{
  std::map<guint64, guint> type_of;
  for (const auto &e : events) {
    fail_unless (e.link_key != 0, "%s", e.text.c_str ());
    fail_unless (e.peer.find ("127.0.0.1:") == 0, "%s", e.text.c_str ());
    if (is_session (e)) {
      fail_unless (e.session_key != 0, "%s", e.text.c_str ());
      fail_unless_equals_int (e.media_types, types);
      continue;
    }
    fail_unless (e.session_key == 0, "%s", e.text.c_str ());
    fail_unless (
        e.media_types != 0 && (e.media_types & (e.media_types - 1)) == 0 && (e.media_types & types),
        "%s", e.text.c_str ());
    const auto [i, fresh] = type_of.try_emplace (e.link_key, e.media_types);
    fail_unless (fresh || i->second == e.media_types, "%s", e.text.c_str ());
  }
}

// Signals and messages are the same, in the same order.
void check_both_ways (Node &n)
{
  const Told t = n.told.get ();
  fail_unless_equals_int (t.signals.size (), t.messages.size ());
  for (std::size_t i = 0; i < t.signals.size (); i++)
    fail_unless_equals_string (t.signals[i].text.c_str (), t.messages[i].text.c_str ());
}

struct Pull {
  explicit Pull (int i) : way (way_of (false, i)), sender (way), receiver (way)
  {
    gst_util_set_object_arg (G_OBJECT (receiver.element), "media-types", "video+audio+data");
    sender.play ();
    for (auto [name, caps] :
        {std::pair{"video_0", video_caps}, {"audio_0", audio_caps}, {"data_0", data_caps}})
      sender.add (name, caps).begin ();
  }
  Events events () { return receiver.told.get ().messages; }
  const Way &way;
  Sender sender;
  Receiver receiver;
};
} // namespace

GST_START_TEST (test_pull_success)
{
  Pull p (__i__);
  point (p.receiver, p.sender.port ());
  p.receiver.play ();
  fail_unless (p.receiver.wait_event ("session-connected"));
  const Events up = p.events ();
  fail_unless_equals_int (up.size (), 10);
  fail_unless_equals_string (up.back ().name.c_str (), "cam-session-connected");
  check_fields (up, video | audio | data);
  const auto channels = by_channel (up);
  fail_unless_equals_int (channels.size (), 3);
  guint seen = 0;
  for (const auto &[key, names] : channels)
    fail_unless (names == up_channel, "%s", all_names (up).c_str ());
  for (const auto &e : up) {
    seen |= is_session (e) ? 0 : e.media_types;
    const bool known = e.name == "cam-connected" || is_session (e);
    fail_unless (
        e.remote_session_key == (known ? p.sender.session_key () : 0), "%s", e.text.c_str ());
  }
  fail_unless_equals_int (seen, video | audio | data);
  fail_unless (up.back ().session_key == p.receiver.session_key ());
  fail_unless_equals_int (p.receiver.open_channels (), 3);

  // Stopping it tells the end in the same order, before the state change is over.
  p.receiver.null ();
  const Events all = p.events ();
  for (const auto &[key, names] : by_channel (all))
    fail_unless (names == broken_channel, "%s", all_names (all).c_str ());
  fail_unless_equals_string (all.back ().name.c_str (), "cam-session-disconnected");
  fail_unless (all.back ().session_key == up.back ().session_key);
  fail_unless_equals_int (Node::count (all, "session-disconnected"), 1);
  check_fields (all, video | audio | data);
  check_both_ways (p.receiver);
}
GST_END_TEST

// The types that have no pad at the sender open their channels too.
GST_START_TEST (test_pull_of_all_types)
{
  const Way &way = way_of (false, __i__);
  Sender sender (way);
  Receiver receiver (way);
  sender.play ();
  sender.add ("video_0", video_caps).begin ();
  point (receiver, sender.port ());
  receiver.play ();
  fail_unless (receiver.wait_event ("session-connected"));
  const Events up = receiver.told.get ().messages;
  fail_unless_equals_int (by_channel (up).size (), 5);
  check_fields (up, 31);
  fail_unless_equals_int (receiver.open_channels (), 5);
  guint max = 0;
  g_object_get (receiver.element, "max-channels", &max, nullptr);
  fail_unless_equals_int (max, 5);
}
GST_END_TEST

// The sender's end of pull: the four events of a link, with its own key.
GST_START_TEST (test_pull_at_the_sender)
{
  Pull p (__i__);
  point (p.receiver, p.sender.port ());
  p.receiver.play ();
  const guint64 key = p.sender.session_key ();
  fail_unless (p.receiver.wait_event ("session-connected"));
  fail_unless (p.sender.wait_event ("connected", 3));
  p.receiver.null ();
  fail_unless (p.sender.wait_event ("disconnected", 3));
  p.sender.null ();
  const Events all = p.sender.told.get ().messages;
  fail_unless_equals_int (all.size (), 9);
  const auto links = by_channel (all);
  fail_unless_equals_int (links.size (), 3);
  for (const auto &[k, names] : links)
    fail_unless ((names == Names{"cam-connecting", "cam-connected", "cam-disconnected"}), "%s",
        all_names (all).c_str ());
  for (const auto &e : all)
    fail_unless (e.session_key == key, "%s", e.text.c_str ());
  check_both_ways (p.sender);
}
GST_END_TEST

GST_START_TEST (test_pull_peer_gone)
{
  Pull p (__i__);
  TcpRelay relay (p.sender.port ());
  point (p.receiver, relay.port ());
  p.receiver.play ();
  fail_unless (p.receiver.wait_event ("session-connected"));
  relay.refuse (true);
  relay.cut ();
  fail_unless (p.receiver.wait_event ("session-disconnected"));
  const Events attempt = until (p.events (), "cam-session-disconnected");
  const auto channels = by_channel (attempt);
  fail_unless_equals_int (channels.size (), 3);
  for (const auto &[key, names] : channels)
    fail_unless (names == broken_channel, "%s", all_names (attempt).c_str ());
  fail_unless_equals_int (attempt.size (), 3 * 5 + 2);
  check_fields (attempt, video | audio | data);
  // The next attempts have other keys, and the ended session is not told of again.
  fail_unless (p.receiver.wait_event ("session-disconnected", 2));
  p.receiver.null ();
  std::set<guint64> sessions;
  for (const auto &e : p.events ())
    if (e.name == "cam-session-disconnected")
      fail_unless (sessions.insert (e.session_key).second, "told twice: %s", e.text.c_str ());
  check_both_ways (p.receiver);
}
GST_END_TEST

GST_START_TEST (test_pull_refused)
{
  const Way &way = way_of (false, __i__);
  Receiver receiver (way);
  gst_util_set_object_arg (G_OBJECT (receiver.element), "media-types", "video+audio+data");
  point (receiver, unused_port ());
  receiver.play ();
  fail_unless (receiver.wait_event ("session-disconnected", 2));
  receiver.null ();
  const Events all = receiver.told.get ().messages;
  const Events attempt = until (all, "cam-session-disconnected");
  const Events retried = until (all, "cam-session-disconnected", attempt.size ());
  fail_unless_equals_int (Node::count (all, "session-connected"), 0);
  fail_unless_equals_int (Node::count (all, "disconnected"), 0);
  std::set<guint64> keys;
  for (const Events &one : {attempt, retried}) {
    const auto channels = by_channel (one);
    fail_unless_equals_int (channels.size (), 3);
    for (const auto &[key, names] : channels) {
      fail_unless (names == refused_channel, "%s", all_names (one).c_str ());
      fail_unless (keys.insert (key).second, "a link key was used twice");
    }
    fail_unless_equals_int (one.size (), 3 * 4 + 1);
    check_fields (one, video | audio | data);
  }
  fail_if (attempt.back ().session_key == retried.back ().session_key);
  check_both_ways (receiver);
}
GST_END_TEST

// One channel of three does not come up: the others are closed.
GST_START_TEST (test_pull_one_of_three_fails)
{
  Pull p (__i__);
  TcpRelay relay (p.sender.port ());
  relay.slow ("audio", 0);
  point (p.receiver, relay.port ());
  p.receiver.play ();
  fail_unless (p.receiver.wait_event ("connected", 2));
  relay.cut ("audio");
  fail_unless (p.receiver.wait_event ("session-disconnected"));
  p.receiver.null ();
  const Events attempt = until (p.events (), "cam-session-disconnected");
  fail_unless_equals_int (Node::count (attempt, "session-connected"), 0);
  std::map<guint64, guint> types;
  for (const auto &e : attempt)
    if (!is_session (e))
      types[e.link_key] = e.media_types;
  fail_unless_equals_int (types.size (), 3);
  for (const auto &[key, names] : by_channel (attempt))
    fail_unless (names == (types[key] == audio ? refused_channel : broken_channel), "%s",
        all_names (attempt).c_str ());
  check_fields (attempt, video | audio | data);
  check_both_ways (p.receiver);
}
GST_END_TEST

GST_START_TEST (test_pull_one_channel_cut)
{
  Pull p (__i__);
  TcpRelay relay (p.sender.port ());
  point (p.receiver, relay.port ());
  p.receiver.play ();
  fail_unless (p.receiver.wait_event ("session-connected"));
  const std::size_t before = p.events ().size ();
  relay.cut ("audio");
  fail_unless (p.receiver.wait_event ("session-disconnected"));
  const Events all = p.events ();
  const Events end = until (all, "cam-session-disconnected", before);
  fail_unless_equals_int (end.size (), 7);
  fail_unless_equals_int (end.front ().media_types, audio);
  for (const auto &[key, names] : by_channel (end))
    fail_unless (
        (names == Names{"cam-disconnected", "cam-channel-closed"}), "%s", all_names (end).c_str ());
  // All of it comes back, as a new session.
  fail_unless (p.receiver.wait_event ("session-connected", 2));
  const Events again = until (p.events (), "cam-session-connected", before + end.size ());
  for (const auto &[key, names] : by_channel (again))
    fail_unless (names == up_channel, "%s", all_names (again).c_str ());
  fail_if (again.back ().session_key == end.back ().session_key);
  for (const auto &e : again)
    fail_if (by_channel (all).contains (e.link_key), "a link key was used twice");
  p.receiver.null ();
  fail_unless_equals_int (Node::count (p.events (), "session-disconnected"), 2);
  check_both_ways (p.receiver);
}
GST_END_TEST

GST_START_TEST (test_keys_are_never_used_twice)
{
  Pull p (0);
  std::set<guint64> sessions, links;
  for (int i = 0; i < 50; i++) {
    p.receiver.told.update ([] (Told &t) { t.messages.clear (); });
    point (p.receiver, p.sender.port ());
    p.receiver.play ();
    fail_unless (p.receiver.wait_event ("session-connected"));
    p.receiver.null ();
    for (const auto &[key, names] : by_channel (p.events ()))
      fail_unless (links.insert (key).second);
    fail_unless (sessions.insert (p.events ().back ().session_key).second);
    if (i % 10 == 9) { // and the sender's, which is new for each run
      fail_unless (sessions.insert (p.sender.session_key ()).second);
      p.sender.null ();
      p.sender.play ();
      p.sender.begin_again ();
    }
  }
  fail_unless_equals_int (links.size (), 150);
  fail_unless_equals_int (sessions.size (), 55);
}
GST_END_TEST

static Suite *events_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("events");
  TCase *tc = tcase_create ("pull");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_pull_success, 0, n_pull);
  tcase_add_loop_test (tc, test_pull_of_all_types, 0, n_pull);
  tcase_add_loop_test (tc, test_pull_at_the_sender, 0, n_pull);
  tcase_add_loop_test (tc, test_pull_peer_gone, 0, n_pull);
  tcase_add_loop_test (tc, test_pull_refused, 0, n_pull);
  tcase_add_loop_test (tc, test_pull_one_of_three_fails, 0, n_pull);
  tcase_add_loop_test (tc, test_pull_one_channel_cut, 0, n_pull);
  tcase_add_test (tc, test_keys_are_never_used_twice);
  return s;
}

GST_CHECK_MAIN (events)

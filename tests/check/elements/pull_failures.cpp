// SPDX-License-Identifier: LGPL-2.1-or-later
// Pull when the network fails some of the five channels, or all: the order of the events, and what
// each side counts.
#include "cam_pair.h"
#include "tcp_relay.h"

using namespace reach::test;

namespace {
using Names = std::vector<std::string>;
using Events = std::vector<LinkEventSeen>;
constexpr const char *types[] = {"video", "audio", "data", "command", "file"};
constexpr int n_types = 5;
const Names never_up{
    "cam-channel-opened", "cam-connecting", "cam-connect-error", "cam-channel-closed"};
const Names was_up{"cam-channel-opened", "cam-connecting", "cam-connected", "cam-disconnected",
    "cam-channel-closed"};

std::string all_names (const Events &events)
{
  std::string s;
  for (const auto &e : events)
    s += e.name + " " + std::to_string (e.media_types) + "\n";
  return s;
}

// A session with all five types through a relay, each with a timeout that no test waits for.
struct FivePull {
  explicit FivePull (int i) : way (way_of (false, i)), sender (way), receiver (way)
  {
    gst_util_set_object_arg (
        G_OBJECT (receiver.element), "media-types", "video+audio+data+command+file");
    set_timeouts (120);
    sender.play ();
    for (auto [name, caps] :
        {std::pair{"video_0", video_caps}, {"audio_0", audio_caps}, {"data_0", data_caps}}) {
      streams.push_back (&sender.add (name, caps));
      streams.back ()->begin ();
    }
    relay = std::make_unique<TcpRelay> (sender.port ());
    point (receiver, relay->port ());
  }
  void set_timeouts (int seconds, std::size_t first = 0)
  {
    for (std::size_t t = first; t < n_types; t++)
      for (Node *n : {static_cast<Node *> (&sender), static_cast<Node *> (&receiver)})
        g_object_set (n->element, (std::string (types[t]) + "-timeout").c_str (), seconds, nullptr);
  }
  // What the receiver was told of its first session.
  Events attempt ()
  {
    fail_unless (receiver.wait_event ("session-disconnected"));
    Events all = receiver.told.get ().messages;
    const auto end = std::find_if (all.begin (), all.end (),
        [] (const auto &e) { return e.name == "cam-session-disconnected"; });
    all.erase (end + 1, all.end ());
    return all;
  }
  Way way;
  Sender sender;
  Receiver receiver;
  std::unique_ptr<TcpRelay> relay;
  std::vector<Sender::Stream *> streams;
};

// Each channel went through what `expected` says for its type, and the session ended last.
void check_channels (const Events &attempt, const std::function<const Names &(guint)> &expected)
{
  std::map<guint64, std::pair<guint, Names>> channels;
  for (const auto &e : attempt)
    if (e.name.find ("cam-session-") != 0) {
      channels[e.link_key].first = e.media_types;
      channels[e.link_key].second.push_back (e.name);
    }
  fail_unless_equals_int (channels.size (), n_types);
  for (const auto &[key, c] : channels)
    fail_unless (c.second == expected (c.first), "%s", all_names (attempt).c_str ());
  fail_unless_equals_int (Node::count (attempt, "session-disconnected"), 1);
}
} // namespace

GST_START_TEST (test_some_channels_fail)
{
  FivePull p (__i__ / (n_types - 1));
  const int k = __i__ % (n_types - 1) + 1;
  p.relay->hold ({types, types + k});
  p.receiver.play ();
  fail_unless (p.receiver.wait_event ("connected", static_cast<std::size_t> (n_types - k)));
  for (int i = 0; i < k; i++)
    p.relay->cut (types[i]);
  const Events attempt = p.attempt ();
  p.receiver.null ();
  check_channels (
      attempt, [k] (guint type) -> const Names & { return type < (1u << k) ? never_up : was_up; });
  fail_unless_equals_int (Node::count (attempt, "session-connected"), 0);
}
GST_END_TEST

GST_START_TEST (test_each_channel_cut)
{
  FivePull p (__i__ / n_types);
  const int cut = __i__ % n_types;
  p.receiver.play ();
  fail_unless (p.receiver.wait_event ("session-connected"));
  p.relay->cut (types[cut]);
  const Events attempt = p.attempt ();
  check_channels (attempt, [] (guint) -> const Names & { return was_up; });
  fail_unless_equals_int (Node::count (attempt, "session-connected"), 1);
  const auto cut_first = std::find_if (attempt.begin (), attempt.end (),
      [] (const auto &e) { return e.name == "cam-disconnected"; });
  fail_unless_equals_int (cut_first->media_types, 1u << cut);
  fail_unless (p.receiver.wait_event ("session-connected", 2), "all of it comes back");
}
GST_END_TEST

// Nothing passes any more and no connection breaks: the shortest timeout ends the session.
GST_START_TEST (test_black_hole)
{
  FivePull p (__i__ / 3);
  const auto type = static_cast<std::size_t> (__i__ % 3);
  for (Node *n : {static_cast<Node *> (&p.sender), static_cast<Node *> (&p.receiver)})
    g_object_set (n->element, (std::string (types[type]) + "-timeout").c_str (), 1, nullptr);
  // The attempts that follow end by the timeout of their types too.
  p.set_timeouts (3, 3);
  p.sender.null ();
  p.sender.play ();
  p.sender.begin_again ();
  p.relay = std::make_unique<TcpRelay> (p.sender.port ());
  point (p.receiver, p.relay->port ());
  p.receiver.play ();
  fail_unless (p.receiver.wait_event ("session-connected"));
  p.relay->hold ();
  p.streams[type]->push (make_buffer (100, 1, 0));
  const Events attempt = p.attempt ();
  check_channels (attempt, [] (guint) -> const Names & { return was_up; });
  const auto cut_first = std::find_if (attempt.begin (), attempt.end (),
      [] (const auto &e) { return e.name == "cam-disconnected"; });
  fail_unless_equals_int (cut_first->media_types, 1u << type);
  fail_unless (p.receiver.closed ("timed-out") >= 1);
  fail_unless (p.sender.wait_event ("disconnected"));
  fail_unless (p.sender.closed ("timed-out") >= 1);
  fail_unless (p.receiver.wait_event ("connect-error"), "a new attempt finds nobody");
  fail_unless_equals_int (Node::count (p.receiver.told.get ().messages, "session-connected"), 1);
}
GST_END_TEST

static Suite *pull_failures_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("pull-failures");
  TCase *tc = tcase_create ("pull");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_some_channels_fail, 0, n_pull * (n_types - 1));
  tcase_add_loop_test (tc, test_each_channel_cut, 0, n_pull * n_types);
  tcase_add_loop_test (tc, test_black_hole, 0, n_pull * 3);
  return s;
}

GST_CHECK_MAIN (pull_failures)

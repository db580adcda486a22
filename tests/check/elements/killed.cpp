// SPDX-License-Identifier: LGPL-2.1-or-later
// The peer's process is killed: what the other side is told, and how all goes on when the peer has
// been started again.
#include "cam_pair.h"
#include "peer_process.h"

using namespace reach::test;

namespace {
using Names = std::vector<std::string>;
using Events = std::vector<LinkEventSeen>;
constexpr std::size_t n_streams = 3;
constexpr const char *pad_names[n_streams] = {"video_0", "audio_0", "data_0"};

// Over UDP, and of a peer that pushed over HTTP, only silence tells.
void set_timeouts (Node &n, const Way &w)
{
  const bool broken_connection_tells = std::string (w.protocol) == "tcp" || !w.push;
  n.set_timeouts (broken_connection_tells ? 60 : 2);
}

// What a receiver is told when its sender has been killed.
void check_end (const Way &way, const Events &events)
{
  std::map<guint64, Names> links;
  for (const auto &e : events)
    if (e.name.find ("cam-session-") != 0)
      links[e.link_key].push_back (e.name);
  unsigned ended = 0;
  for (const auto &[key, names] : links) {
    if (names.front () == "cam-connecting" || names.front () == "cam-channel-opened")
      continue; // a further attempt
    ended++;
    fail_unless ((names == (way.push ? Names{"cam-disconnected"}
                                     : Names{"cam-disconnected", "cam-channel-closed"})));
  }
  fail_unless_equals_int (ended, n_streams);
  if (way.push)
    return;
  const auto last = std::find_if (events.begin (), events.end (),
      [] (const auto &e) { return e.name == "cam-session-disconnected"; });
  fail_unless_equals_int (last - events.begin (), 2 * n_streams);
}

struct Fed {
  explicit Fed (Sender &s) : sender (s)
  {
    streams = {&s.add (pad_names[0], video_caps), &s.add (pad_names[1], audio_caps),
        &s.add (pad_names[2], data_caps)};
    for (auto *stream : streams)
      stream->begin ();
  }
  void feed ()
  {
    for (auto *stream : streams)
      stream->push (make_buffer (500, n, n * frame_time));
    n++;
  }
  Sender &sender;
  std::vector<Sender::Stream *> streams;
  unsigned n = 0;
};

void identify (Sender &s)
{
  g_object_set (s.element, "guid", "the-killed-one", nullptr);
}

void keep_types (Receiver &r)
{
  gst_util_set_object_arg (G_OBJECT (r.element), "media-types", "video+audio+data");
  g_object_set (r.element, "resume-window", 60u, nullptr);
}

std::string role (int way, char what, guint16 port)
{
  return std::to_string (way) + what + ":" + std::to_string (port);
}
} // namespace

// Killed again and again, the sender's streams go on in the same pads.
GST_START_TEST (test_sender_killed)
{
  const Way &way = ways[__i__];
  Receiver receiver (way);
  keep_types (receiver);
  set_timeouts (receiver, way);
  guint16 port = way.push ? 0 : unused_port ();
  if (way.push) {
    receiver.play ();
    port = receiver.port ();
  }
  PeerProcess killed (role (__i__, 's', port));
  if (!way.push) {
    point (receiver, port);
    receiver.play ();
  }
  for (const char *pad : pad_names)
    fail_unless (receiver.wait_buffers (pad, 3), "%s %s", way.name, pad);
  const std::size_t before = receiver.told.get ().messages.size ();
  killed.kill ();
  if (way.push)
    fail_unless (receiver.wait_event ("disconnected", n_streams));
  else
    fail_unless (receiver.wait_told ([before] (const Told &t) {
      return std::any_of (t.messages.begin () + static_cast<std::ptrdiff_t> (before),
          t.messages.end (), [] (const auto &e) { return e.name == "cam-session-disconnected"; });
    }));
  Events end = receiver.told.get ().messages;
  end.erase (end.begin (), end.begin () + static_cast<std::ptrdiff_t> (before));
  check_end (way, end);

  std::size_t seen[n_streams];
  for (std::size_t i = 0; i < n_streams; i++)
    seen[i] = receiver.on (pad_names[i]).n_buffers ();
  PeerProcess again (role (__i__, 's', port));
  for (std::size_t i = 0; i < n_streams; i++)
    fail_unless (
        receiver.wait_buffers (pad_names[i], seen[i] + 3), "%s %s", way.name, pad_names[i]);
  const Streams s = receiver.streams.get ();
  fail_unless_equals_int (s.pads.size (), n_streams);
  for (const auto &[name, r] : s.pads) {
    fail_if (r.removed);
    fail_unless_equals_int (r.n_events (GST_EVENT_EOS), 0);
  }
  if (!way.push)
    fail_unless (Node::count (receiver.told.get ().messages, "session-connected") >= 2);
}
GST_END_TEST

GST_START_TEST (test_receiver_killed)
{
  const Way &way = ways[__i__];
  Sender sender (way);
  set_timeouts (sender, way);
  const guint16 given =
      way.push ? unused_port (over_tcp (way) ? G_SOCKET_TYPE_STREAM : G_SOCKET_TYPE_DATAGRAM) : 0;
  if (way.push)
    point (sender, given);
  sender.play ();
  Fed fed (sender);
  const guint16 port = way.push ? given : sender.port ();
  PeerProcess killed (role (__i__, 'r', port));
  const auto feed_until = [&] (const char *event, std::size_t n) {
    for (int tries = 0; tries < 1000; tries++) {
      fed.feed ();
      if (sender.wait_event (event, n, milliseconds (20)))
        return true;
    }
    return false;
  };
  fail_unless (feed_until ("connected", n_streams));
  killed.kill ();
  fail_unless (feed_until ("disconnected", n_streams));
  PeerProcess again (role (__i__, 'r', port));
  fail_unless (feed_until ("connected", 2 * n_streams));
  fail_unless (feed_until ("connected", 2 * n_streams)); // and still is when more has been sent
  sender.null ();
  std::map<guint64, Names> links;
  for (const auto &e : sender.told.get ().messages)
    links[e.link_key].push_back (e.name);
  unsigned up = 0;
  for (const auto &[key, names] : links) {
    const bool established = names == Names{"cam-connecting", "cam-connected", "cam-disconnected"};
    up += established;
    fail_unless ((established || names == Names{"cam-connecting", "cam-connect-error"}));
  }
  fail_unless_equals_int (up, 2 * n_streams);
}
GST_END_TEST

// In the other process, until it is killed.
GST_START_TEST (peer)
{
  const std::string role = PeerProcess::asked_for ();
  const Way &way = ways[std::stoi (role)];
  const auto port = static_cast<guint16> (std::stoi (role.substr (role.find (':') + 1)));
  if (role.find ('r') != std::string::npos) {
    Receiver receiver (way);
    keep_types (receiver);
    set_timeouts (receiver, way);
    point (receiver, port);
    receiver.play ();
    iterate_until ([] { return false; }, nullptr, milliseconds (600000));
    return;
  }
  Sender sender (way);
  identify (sender);
  set_timeouts (sender, way);
  point (sender, port);
  sender.play ();
  Fed fed (sender);
  while (true) {
    fed.feed ();
    iterate_until ([] { return false; }, nullptr, milliseconds (20));
  }
}
GST_END_TEST

static Suite *killed_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("killed");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  if (!PeerProcess::asked_for ().empty ()) {
    tcase_add_test (tc, peer);
    return s;
  }
  tcase_add_loop_test (tc, test_sender_killed, 0, n_ways);
  tcase_add_loop_test (tc, test_receiver_killed, 0, n_ways);
  return s;
}

GST_CHECK_MAIN (killed)

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/proto/session_events.h"
#include "../check.h"
#include <algorithm>
#include <bit>
#include <map>
#include <random>
#include <set>

using namespace reach;
using namespace reach::cam;

namespace {
constexpr auto V = MediaType::video;
constexpr auto A = MediaType::audio;
constexpr auto D = MediaType::data;
constexpr std::uint8_t vad = type_bit (V) | type_bit (A) | type_bit (D);
constexpr MediaType three[] = {V, A, D};

std::uint64_t link_of (MediaType t)
{
  return 100 + static_cast<std::uint64_t> (t);
}

void open_all (PullSession &p)
{
  for (const auto t : three)
    p.open (t, link_of (t));
}

void connect_all (PullSession &p)
{
  for (const auto t : three)
    p.connected (t, 7);
}

// As the element does it.
void close_wanted (PullSession &p)
{
  for (const auto t : three)
    if (p.wants_close (t))
      p.closed (t, "local");
}

std::vector<LinkEvent> drain (PullSession &p)
{
  std::vector<LinkEvent> all;
  while (auto e = p.poll_event ())
    all.push_back (std::move (*e));
  return all;
}

// "video:channel-opened video:connecting … session-connected"
std::string names (const std::vector<LinkEvent> &events)
{
  std::string s;
  for (const auto &e : events) {
    if (!s.empty ())
      s += ' ';
    for (const auto t : three)
      if (e.media_types == type_bit (t))
        s += std::string (media_type_name (t)) + ':';
    s += event_name (e.type);
  }
  return s;
}

void expect (PullSession &p, const char *expected)
{
  const std::string got = names (drain (p));
  fail_unless_equals_string (got.c_str (), expected);
}

std::vector<EventType> of_channel (const std::vector<LinkEvent> &events, MediaType t)
{
  std::vector<EventType> types;
  for (const auto &e : events)
    if (e.session_key == 0 && e.media_types == type_bit (t))
      types.push_back (e.type);
  return types;
}

using enum EventType;
const std::vector<EventType> refused{channel_opened, connecting, connect_error, channel_closed};
const std::vector<EventType> lived{
    channel_opened, connecting, connected, disconnected, channel_closed};
} // namespace

GST_START_TEST (test_names)
{
  fail_unless_equals_string (event_name (channel_opened), "channel-opened");
  fail_unless_equals_string (event_name (connect_error), "connect-error");
  fail_unless_equals_string (event_name (session_disconnected), "session-disconnected");
}
GST_END_TEST

GST_START_TEST (test_success_and_peer_killed)
{
  PullSession p (42, vad, "10.0.0.1:5000");
  open_all (p);
  expect (p, "video:channel-opened video:connecting audio:channel-opened audio:connecting "
             "data:channel-opened data:connecting");
  p.connected (A, 7);
  p.connected (V, 7);
  fail_unless (!p.established ());
  p.connected (D, 7);
  fail_unless (p.established ());
  expect (p, "audio:connected video:connected data:connected session-connected");
  fail_unless_equals_int (p.open_channels (), 3);

  p.failed (A, "reset");
  fail_unless (!p.established () && !p.over ());
  fail_unless (p.wants_close (V) && p.wants_close (D) && !p.wants_close (A));
  p.failed (V, "reset");
  p.failed (D, "reset");
  fail_unless (p.over ());
  expect (p, "audio:disconnected audio:channel-closed video:disconnected video:channel-closed "
             "data:disconnected data:channel-closed session-disconnected");
}
GST_END_TEST

GST_START_TEST (test_fields)
{
  PullSession p (42, vad, "10.0.0.1:5000");
  open_all (p);
  p.connected (A, 7);
  p.connected (V, 7);
  p.connected (D, 7);
  p.failed (V, "reset");
  close_wanted (p);
  for (const auto &e : drain (p)) {
    const bool session = e.type == session_connected || e.type == session_disconnected;
    fail_unless_equals_string (e.peer.c_str (), "10.0.0.1:5000");
    fail_unless_equals_uint64 (e.session_key, session ? 42 : 0);
    const bool before = e.type == channel_opened || e.type == connecting;
    fail_unless_equals_uint64 (e.remote_session_key, before ? 0 : 7);
    if (e.type == session_connected) {
      fail_unless_equals_uint64 (e.link_key, link_of (D)); // completed it
      fail_unless_equals_int (e.media_types, vad);
    } else if (e.type == session_disconnected) {
      fail_unless_equals_uint64 (e.link_key, link_of (V)); // began the end
      fail_unless_equals_string (e.detail.c_str (), "reset");
      fail_unless_equals_int (e.media_types, vad);
    } else {
      const auto t =
          std::ranges::find_if (three, [&] (auto x) { return e.media_types == type_bit (x); });
      fail_unless (t != std::end (three));
      fail_unless_equals_uint64 (e.link_key, link_of (*t));
    }
  }
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  PullSession p (1, vad, "x");
  open_all (p);
  drain (p);
  for (const auto t : three)
    p.failed (t, "refused");
  fail_unless (p.over ());
  expect (p, "video:connect-error video:channel-closed audio:connect-error audio:channel-closed "
             "data:connect-error data:channel-closed session-disconnected");
}
GST_END_TEST

// Each subset fails, before, between and after the others connect.
GST_START_TEST (test_some_fail_in_every_order)
{
  for (unsigned mask = 1; mask < 8; mask++) {
    std::vector<MediaType> order (std::begin (three), std::end (three));
    do {
      PullSession p (1, vad, "x");
      open_all (p);
      bool ending = false;
      std::map<MediaType, bool> up;
      for (const auto t : order) {
        const bool fails = mask & type_bit (t);
        if (fails)
          p.failed (t, "refused");
        else
          p.connected (t, 7);
        up[t] = !fails && !ending;
        ending = ending || fails;
      }
      close_wanted (p);
      fail_unless (p.over ());
      const auto events = drain (p);
      for (const auto t : three)
        fail_unless (of_channel (events, t) == (up[t] ? lived : refused));
      fail_unless (std::ranges::count (events, session_connected, &LinkEvent::type) == 0);
      fail_unless (std::ranges::count (events, session_disconnected, &LinkEvent::type) == 1);
      fail_unless (events.back ().type == session_disconnected);
    } while (std::ranges::next_permutation (order).found);
  }
}
GST_END_TEST

GST_START_TEST (test_each_established_channel_cut)
{
  for (const auto cut : three) {
    PullSession p (1, vad, "x");
    open_all (p);
    connect_all (p);
    drain (p);
    p.failed (cut, "reset");
    const auto at_once = drain (p);
    fail_unless_equals_int (at_once.size (), 2);
    fail_unless (at_once[0].type == disconnected && at_once[1].type == channel_closed);
    fail_unless_equals_int (p.open_channels (), 2);
    close_wanted (p);
    const auto rest = drain (p);
    fail_unless_equals_int (rest.size (), 5);
    fail_unless (rest.back ().type == session_disconnected);
    fail_unless_equals_uint64 (rest.back ().link_key, link_of (cut));
    fail_unless (p.over () && p.open_channels () == 0);
  }
}
GST_END_TEST

GST_START_TEST (test_application_closes_in_every_state)
{
  // State of each of three channels: 0 not opened, 1 connecting, 2 connected.
  for (unsigned states = 0; states < 27; states++) {
    const unsigned of[] = {states % 3, states / 3 % 3, states / 9};
    PullSession p (1, vad, "x");
    for (unsigned i = 0; i < 3; i++) {
      if (of[i] > 0)
        p.open (three[i], link_of (three[i]));
      if (of[i] > 1)
        p.connected (three[i], 7);
    }
    p.close ();
    p.open (V, 55); // too late
    for (unsigned i = 0; i < 3; i++)
      fail_unless (p.wants_close (three[i]) == (of[i] > 0));
    close_wanted (p);
    fail_unless (p.over ());
    const auto events = drain (p);
    for (unsigned i = 0; i < 3; i++) {
      const auto got = of_channel (events, three[i]);
      fail_unless (of[i] == 0 ? got.empty () : got == (of[i] == 1 ? refused : lived));
    }
    fail_unless (
        std::ranges::count (events, session_disconnected, &LinkEvent::type) == (states > 0));
    fail_unless (states == 0 || events.back ().type == session_disconnected);
  }
}
GST_END_TEST

GST_START_TEST (test_late_and_foreign_calls)
{
  PullSession p (1, vad, "x");
  p.open (MediaType::file, 5); // not asked for
  p.connected (V, 7);          // not open
  p.open (V, 0);               // no key
  fail_unless (drain (p).empty ());
  open_all (p);
  p.open (V, 99);
  connect_all (p);
  connect_all (p);
  p.failed (V, "reset");
  close_wanted (p);
  const auto n = drain (p).size ();
  fail_unless_equals_int (n, 3 * 5 + 2);
  for (const auto t : three) {
    p.open (t, 200);
    p.connected (t, 7);
    p.failed (t, "late");
    p.closed (t, "late");
    fail_unless (!p.wants_close (t));
  }
  p.close ();
  fail_unless (drain (p).empty ());
}
GST_END_TEST

// Any calls in any order.
static void random_session (std::mt19937 &rng)
{
  const auto types = static_cast<std::uint8_t> (rng () % 31 + 1);
  PullSession p (9, types, "x");
  const auto any = [&] { return static_cast<MediaType> (rng () % n_media_types); };
  std::uint64_t link = 1;
  std::vector<LinkEvent> events;
  for (int i = 0; i < 60; i++) {
    const auto t = any ();
    switch (rng () % 20) {
    case 0:
      p.failed (t, "f");
      break;
    case 1:
      if (rng () % 4 == 0)
        p.close ();
      break;
    case 2:
      if (p.wants_close (t))
        p.closed (t, "c");
      break;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
      p.open (t, link++);
      break;
    default:
      p.connected (t, 7);
    }
    for (auto &e : drain (p))
      events.push_back (e);
  }
  p.close ();
  for (std::size_t i = 0; i < n_media_types; i++)
    p.closed (static_cast<MediaType> (i), "c");
  for (auto &e : drain (p))
    events.push_back (e);
  fail_unless (p.over ());
  std::set<std::uint64_t> keys;
  unsigned opened = 0;
  for (std::size_t i = 0; i < n_media_types; i++) {
    const auto t = static_cast<MediaType> (i);
    const auto got = of_channel (events, t);
    fail_unless (got.empty () || got == refused || got == lived);
    fail_unless (got.empty () || (types & type_bit (t)));
    opened += !got.empty ();
  }
  for (const auto &e : events)
    keys.insert (e.link_key);
  fail_unless (keys.size () == opened && !keys.contains (0));
  const auto up = std::ranges::find (events, session_connected, &LinkEvent::type);
  if (up != events.end ()) {
    const auto n =
        std::count_if (events.begin (), up, [] (auto &e) { return e.type == connected; });
    fail_unless_equals_int (n, std::popcount (types));
    fail_unless (std::ranges::find (up + 1, events.end (), session_connected, &LinkEvent::type) ==
                 events.end ());
  }
  if (!events.empty ()) {
    fail_unless (std::ranges::count (events, session_disconnected, &LinkEvent::type) == 1);
    fail_unless (events.back ().type == session_disconnected);
  }
}

GST_START_TEST (test_random_orders)
{
  std::mt19937 rng (17);
  for (int i = 0; i < 3000; i++)
    random_session (rng);
}
GST_END_TEST

GST_START_TEST (test_push)
{
  PushLinkEvents l ({5, 42, 0, type_bit (A), "h:1"});
  l.connected (1); // not yet
  l.connecting ();
  l.connecting ();
  l.connected (77);
  l.connected (78);
  fail_unless (l.established ());
  l.ended ("idle");
  l.ended ("again");
  l.connecting ();
  fail_unless (l.over () && !l.established ());
  const struct {
    EventType type;
    std::uint64_t remote;
    const char *detail;
  } expected[] = {{connecting, 0, ""}, {connected, 77, ""}, {disconnected, 77, "idle"}};
  for (const auto &x : expected) {
    const auto e = l.poll_event ();
    fail_unless (e && e->type == x.type);
    fail_unless_equals_uint64 (e->session_key, 42);
    fail_unless_equals_uint64 (e->remote_session_key, x.remote);
    fail_unless_equals_uint64 (e->link_key, 5);
    fail_unless_equals_int (e->media_types, type_bit (A));
    fail_unless_equals_string (e->detail.c_str (), x.detail);
    fail_unless_equals_string (e->peer.c_str (), "h:1");
  }
  fail_unless (!l.poll_event ());
}
GST_END_TEST

GST_START_TEST (test_push_refused)
{
  PushLinkEvents l ({6, 0, 77, 0, "h:1"});
  l.connecting ();
  l.ended ("refused");
  fail_unless (l.poll_event ()->type == connecting);
  const auto e = l.poll_event ();
  fail_unless (e->type == connect_error && e->session_key == 0 && e->media_types == 0);
  fail_unless_equals_uint64 (e->remote_session_key, 77);
  fail_unless (!l.poll_event ());

  PushLinkEvents never ({7, 0, 0, 0, ""});
  never.ended ("stopped");
  fail_unless (never.over () && !never.poll_event ());
}
GST_END_TEST

static Suite *session_events_suite ()
{
  Suite *s = suite_create ("cam-session-events");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_names);
  tcase_add_test (tc, test_success_and_peer_killed);
  tcase_add_test (tc, test_fields);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_some_fail_in_every_order);
  tcase_add_test (tc, test_each_established_channel_cut);
  tcase_add_test (tc, test_application_closes_in_every_state);
  tcase_add_test (tc, test_late_and_foreign_calls);
  tcase_add_test (tc, test_random_orders);
  tcase_add_test (tc, test_push);
  tcase_add_test (tc, test_push_refused);
  return s;
}
GST_CHECK_MAIN (session_events)

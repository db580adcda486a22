// SPDX-License-Identifier: LGPL-2.1-or-later
// Allocations refreshed, lost and asked for again (RFC 8656, 7 and 8).
#include "rig.h"

using namespace reach::test;

namespace {
using reach::Duration;
using reach::milliseconds;
using reach::seconds;
using reach::TimePoint;
using State = Client::State;

void refresh_before_the_end (Rig &t)
{
  struct {
    std::uint32_t lifetime, at;
  } const all[] = {{600, 540}, {3600, 3540}, {60, 54}, {100, 90}, {10, 9}, {2, 1}};
  for (const auto &c : all) {
    t.to_allocated (Rig::allocation (c.lifetime));
    t.pass (seconds (c.at) - milliseconds (1));
    must (t.quiet ());
    t.pass (milliseconds (1));
    const Message m = t.next (Method::refresh);
    must (t.proved (m) && !m.has (Attr::lifetime) && !m.has (Attr::mobility_ticket));
    t.succeed (m, Rig::lifetime (600));
    must (t.event<Refreshed> ().lifetime == 600);
    t.pass (seconds (539));
    must (t.quiet ());
    t.pass (seconds (1));
    must (!t.quiet ());
    t.sent.clear ();
  }
}

void lifetime_asked_again (Rig &t)
{
  t.config.lifetime = 1800;
  t.to_allocated (Rig::allocation (1800));
  t.wait_sent ();
  must (t.next (Method::refresh).u32 (Attr::lifetime) == 1800u);
}

void huge_lifetime (Rig &t)
{
  t.to_allocated (Rig::allocation (0xffffffff));
  must (t.client->expires () == t.now + seconds (86400));
  t.wait_sent ();
  t.succeed (t.next (Method::refresh), Rig::lifetime (0xffffffff));
  must (t.client->expires () == t.now + seconds (86400));
}

void refresh_by_hand (Rig &t)
{
  t.to_allocated ();
  must (t.call ([&] (Client &c) { return c.refresh (3000, t.now); }));
  const Message m = t.next (Method::refresh);
  must (m.u32 (Attr::lifetime) == 3000u);
  t.succeed (m, Rig::lifetime (2000));
  must (t.event<Refreshed> ().lifetime == 2000);
  must (t.client->expires () == t.now + seconds (2000));
}

void no_refresh_without_allocation (Rig &t)
{
  t.start ();
  must (!t.call ([&] (Client &c) { return c.refresh (300, t.now); }));
}

void no_automatic_refresh (Rig &t)
{
  t.config.refresh_allocation = false;
  t.to_allocated ();
  t.pass (seconds (599));
  must (t.quiet () && !t.has<AllocationLost> ());
  t.pass (seconds (1));
  const auto e = t.event<AllocationLost> ();
  must (e.why == Why::expired && e.retry == Duration::max ());
  t.pass (seconds (600));
  must (t.quiet () && t.client->state () == State::idle);
}

void refresh_lost_in_the_net (Rig &t)
{
  t.to_allocated ();
  t.pass (seconds (540));
  const Message m = t.next (Method::refresh);
  t.pass (milliseconds (500));
  must (same (t.next (Method::refresh).bytes (), m.bytes ()));
  t.succeed (m, Rig::lifetime (600));
  must (t.has<Refreshed> ());
}

void refresh_never_answered (Rig &t)
{
  t.to_allocated ();
  t.pass (seconds (540) + milliseconds (39499));
  must (!t.has<TimedOut> ());
  t.pass (milliseconds (1));
  must (t.event<TimedOut> ().method == Method::refresh && !t.has<AllocationLost> ());
  t.pass (seconds (30));
  const auto e = t.event<AllocationLost> (); // it has expired meanwhile
  must (e.why == Why::expired && e.retry < seconds (2));
}

void refresh_refused_for_now (Rig &t)
{
  t.to_allocated ();
  t.pass (seconds (540));
  t.refuse (t.next (Method::refresh), 500);
  must (t.event<ResponseError> ().code == 500 && !t.has<AllocationLost> ());
  t.pass (seconds (30));
  t.succeed (t.next (Method::refresh), Rig::lifetime (600));
  must (t.has<Refreshed> ());
}

void refreshed_with_zero (Rig &t)
{
  t.to_allocated ();
  t.pass (seconds (540));
  t.succeed (t.next (Method::refresh), Rig::lifetime (0));
  must (t.event<AllocationLost> ().why == Why::bad_response);
}

void lost_and_found (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  t.to_channel (peer_b, 0x4123);
  t.serve (seconds (539));
  t.call ([&] (Client &c) { return c.refresh (600, t.now); });
  t.refuse (t.next (Method::refresh), 437);
  const auto lost = t.event<AllocationLost> ();
  must (lost.why == Why::refused && lost.code == 437);
  must (lost.retry >= milliseconds (750) && lost.retry <= milliseconds (1250));
  must (t.client->relayed ().empty () && t.wrap (peer_a).route == Client::Route::pending);
  t.sent.clear ();
  t.pass (lost.retry);
  t.succeed (t.next (Method::allocate), Rig::allocation ());
  must (t.has<Allocated> ());
  const Message c = t.next (Method::channel_bind);
  must (c.u16 (Attr::channel_number) == 0x4123);
  must (c.xor_address (Attr::xor_peer_address) == peer_b);
  unsigned peers = 0;
  t.next (Method::create_permission).all (Attr::xor_peer_address, [&] (reach::Bytes) { peers++; });
  must (peers == 2);
}

void backoff_is_bounded (Rig &t)
{
  t.to_allocated ();
  t.pass (seconds (540));
  t.refuse (t.next (Method::refresh), 437);
  Duration longest{};
  (void)t.event<AllocationLost> ();
  TimePoint before = t.now;
  for (int i = 0; i < 12; i++) {
    t.wait_sent ();
    must (t.next (Method::allocate).kind () == Class::request);
    longest = std::max (longest, t.now - before);
    t.pass (milliseconds (39500)); // nobody answers
    t.sent.clear ();
    before = t.now;
    must (t.client->state () == State::waiting && !t.has<Failed> ());
    t.pass (seconds (80));
    must (t.has<PathWanted> ()); // the server may be another behind the same name
    t.events.clear ();
    before = t.now;
    t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  }
  must (longest <= seconds (76));
}

// What an application is told of it.
void times_of_refreshes (Rig &t)
{
  const TimePoint begin = t.now;
  t.to_allocated (Rig::allocation (600));
  must (t.client->updated () == begin && t.client->refresh_at () == begin + seconds (540));
  t.pass (seconds (540));
  t.succeed (t.next (Method::refresh), Rig::lifetime (1000));
  must (t.client->updated () == begin + seconds (540));
  must (t.client->refresh_at () == t.now + seconds (940));
  t.config.refresh_allocation = false;
  t.to_allocated ();
  must (t.client->refresh_at () == reach::TimePoint::max ());
}

const Case cases[] = {{"times of refreshes", times_of_refreshes},
    {"refreshed in time", refresh_before_the_end},
    {"the same lifetime again", lifetime_asked_again}, {"a lifetime of ages", huge_lifetime},
    {"refresh by hand", refresh_by_hand},
    {"no refresh without allocation", no_refresh_without_allocation},
    {"without automatic refresh", no_automatic_refresh},
    {"a lost Refresh", refresh_lost_in_the_net},
    {"a Refresh that nobody answers", refresh_never_answered},
    {"a Refresh refused for now", refresh_refused_for_now},
    {"a Refresh that gives nothing", refreshed_with_zero}, {"lost and found", lost_and_found},
    {"bounded back-off", backoff_is_bounded}};
} // namespace

CASES_MAIN (client_lifetime, cases)

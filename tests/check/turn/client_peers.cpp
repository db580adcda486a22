// SPDX-License-Identifier: LGPL-2.1-or-later
// Permissions and channels (RFC 8656, 9 to 12).
#include "rig.h"

using namespace reach::test;

namespace {
using reach::milliseconds;
using reach::seconds;
using Route = Client::Route;

Address numbered (unsigned i)
{
  return Address::v4 (203, 0, static_cast<std::uint8_t> (113 + i / 250),
      static_cast<std::uint8_t> (i % 250 + 1), 5000);
}

std::size_t peers_of (const Message &m)
{
  std::size_t n = 0;
  m.all (Attr::xor_peer_address, [&] (reach::Bytes) { n++; });
  return n;
}

bool permit (Rig &t, const std::vector<Address> &peers)
{
  return t.call ([&] (Client &c) { return c.create_permission (peers, t.now); });
}

std::uint16_t bind (Rig &t, const Address &peer, std::uint16_t number = 0)
{
  return t.call ([&] (Client &c) { return c.bind_channel (peer, number, t.now); });
}

void created (Rig &t)
{
  t.to_allocated ();
  must (permit (t, {peer_a}));
  const Message m = t.next (Method::create_permission);
  must (t.proved (m) && m.xor_address (Attr::xor_peer_address) == peer_a.host ());
  must (t.wrap (peer_a).route == Route::pending);
  t.sent.clear (); // the channel that wrap () asks for
  t.succeed (m);
  const auto e = t.event<PermissionsCreated> ();
  must (e.peers.size () == 1 && e.peers[0] == peer_a.host ());
  must (e.message.method () == Method::create_permission);
  must (t.wrap (peer_a).route == Route::indication);
}

void one_for_all_ports (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ();
  Address other = peer_a;
  other.port = 9;
  permit (t, {peer_a, other});
  const Message m = t.next (Method::create_permission);
  must (peers_of (m) == 1);
  t.succeed (m);
  must (t.wrap (other).route == Route::indication && t.wrap (peer_a).route == Route::indication);
}

void before_allocation (Rig &t)
{
  const Message m = t.to_allocate ();
  must (permit (t, {peer_a}) && bind (t, peer_b) == 0x4000);
  must (t.quiet ());
  t.succeed (m, Rig::allocation ());
  (void)t.next (Method::channel_bind);
  (void)t.next (Method::create_permission);
}

void batches (Rig &t)
{
  t.to_allocated ();
  std::vector<Address> peers;
  for (unsigned i = 0; i < 40; i++)
    peers.push_back (numbered (i));
  must (permit (t, peers));
  std::size_t all = 0;
  for (const std::size_t n : {16u, 16u, 8u}) {
    const Message m = t.next (Method::create_permission);
    must (peers_of (m) == n);
    all += n;
    t.succeed (m);
  }
  must (t.quiet () && all == 40);
  must (t.serve (seconds (240)) == 3); // refreshed alike
  must (t.serve (seconds (239)) == 0);
}

void refreshed_together (Rig &t)
{
  t.to_allocated ();
  t.to_permission (peer_a);
  t.pass (seconds (50));
  t.to_permission (peer_b);
  t.pass (seconds (190));
  const Message m = t.next (Method::create_permission);
  must (peers_of (m) == 2);
  t.succeed (m);
  t.pass (seconds (239));
  must (t.quiet ());
}

void never_late (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ();
  t.to_permission ();
  for (int minutes = 0; minutes < 60; minutes++) {
    t.serve (seconds (60));
    must (t.wrap (peer_a).route == Route::indication && !t.has<PeerExpired> ());
  }
}

void asked_again_refreshes (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  t.pass (seconds (100));
  t.to_permission ();
  t.pass (seconds (239));
  must (t.quiet ());
}

void one_of_a_batch_forbidden (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ();
  permit (t, {peer_a, peer_b});
  t.refuse (t.next (Method::create_permission), 403);
  for (int i = 0; i < 2; i++) {
    const Message m = t.next (Method::create_permission);
    must (peers_of (m) == 1);
    if (m.xor_address (Attr::xor_peer_address) == peer_b.host ())
      t.refuse (m, 403);
    else
      t.succeed (m);
  }
  const auto e = t.event<PeerRefused> ();
  must (e.code == 403 && e.peers[0] == peer_b.host () && e.method == Method::create_permission);
  must (t.wrap (peer_a).route == Route::indication && t.wrap (peer_b).route == Route::refused);
  must (t.quiet ());
  must (t.serve (seconds (250)) == 1);
}

void forbidden_is_not_asked_again (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ();
  must (t.wrap (peer_a).route == Route::pending);
  t.refuse (t.next (Method::create_permission), 403);
  for (int i = 0; i < 100; i++)
    must (t.wrap (peer_a).route == Route::refused);
  must (t.quiet ());
  must (permit (t, {peer_a}) && !t.quiet ()); // but when the application says so
}

void permission_mismatch (Rig &t)
{
  t.to_allocated ();
  permit (t, {peer_a});
  t.refuse (t.next (Method::create_permission), 437);
  must (t.event<AllocationLost> ().code == 437);
}

void permission_later (Rig &t)
{
  t.to_allocated ();
  permit (t, {peer_a});
  t.refuse (t.next (Method::create_permission), 508);
  must (t.event<ResponseError> ().code == 508 && t.quiet ());
  t.pass (seconds (59));
  must (t.quiet ());
  t.pass (seconds (1));
  t.succeed (t.next (Method::create_permission));
  must (t.has<PermissionsCreated> ());
}

void permission_unanswered (Rig &t)
{
  t.to_allocated ();
  permit (t, {peer_a});
  const auto first = t.next (Method::create_permission).transaction ();
  t.pass (milliseconds (39500));
  must (t.event<TimedOut> ().peers[0] == peer_a.host ());
  const Message m = *Message::parse (t.inputs.emplace_back (t.sent.back ()));
  must (m.method () == Method::create_permission && m.transaction () != first);
  t.succeed (m);
  must (t.has<PermissionsCreated> () && !t.has<AllocationLost> ());
}

void nobody_there (Rig &t)
{
  t.to_allocated ();
  permit (t, {peer_a});
  t.pass (milliseconds (79000));
  const auto e = t.event<AllocationLost> ();
  must (e.why == Why::timeout);
  t.pass (seconds (2));
  must (t.has<PathWanted> ());
}

void refresh_refused (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ();
  t.to_permission ();
  t.pass (seconds (240));
  t.refuse (t.next (Method::create_permission), 403);
  must (t.event<PeerRefused> ().code == 403);
  must (t.wrap (peer_a).route == Route::indication); // what is there is good to its end
  t.pass (seconds (60));
  must (t.event<PeerExpired> ().peer == peer_a.host ());
  must (t.wrap (peer_a).route == Route::refused && t.quiet ());
}

void no_automatic_permission_refresh (Rig &t)
{
  t.config.mode = Mode::indication;
  t.config.refresh_permissions = false;
  t.config.automatic_permissions = false;
  t.to_allocated ();
  t.to_permission ();
  t.pass (seconds (299));
  must (t.quiet () && t.wrap (peer_a).route == Route::indication);
  t.pass (seconds (1));
  must (t.event<PeerExpired> ().channel == 0);
  must (t.wrap (peer_a).route == Route::refused && t.quiet ());
}

void forgotten (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  t.to_channel ();
  t.call ([&] (Client &c) { c.forget (peer_a); });
  t.pass (seconds (299));
  must (t.quiet ());
  t.pass (seconds (2));
  must (t.has<PeerExpired> ());
}

// What the application asked for stays, and a host's permission while others there need it.
void forgotten_in_part (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  Address other = peer_a;
  other.port = 9;
  t.call ([&] (Client &c) { c.forget (other, true); });
  t.pass (seconds (250));
  must (peers_of (t.next (Method::create_permission)) == 1);
}

void forgotten_by_hand (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  t.call ([&] (Client &c) {
    must (c.create_permission ({&peer_a, 1}, t.now, true));
    c.forget (peer_a);
  });
  t.pass (seconds (250));
  must (peers_of (t.next (Method::create_permission)) == 1);
}

void wrong_family (Rig &t)
{
  t.to_allocated ();
  must (!permit (t, {peer_6}) && bind (t, peer_6) == 0 && t.quiet ());
  must (t.wrap (peer_6).route == Route::refused);
}

void wrong_family_found_later (Rig &t)
{
  const Message m = t.to_allocate ();
  permit (t, {peer_6, peer_a});
  bind (t, peer_6);
  t.succeed (m, Rig::allocation ());
  const auto e = t.event<PeerRefused> ();
  must (e.code == 443 && e.peers.size () == 2);
  must (peers_of (t.next (Method::create_permission)) == 1 && t.quiet ());
}

void both_families_permitted (Rig &t)
{
  t.config.families = Families::both;
  t.to_allocated ([] (Builder &b) {
    Rig::allocation () (b);
    b.xor_address (Attr::xor_relayed_address, relayed6);
  });
  must (permit (t, {peer_a, peer_6}));
  must (peers_of (t.next (Method::create_permission)) == 2);
}

void peer_family_mismatch (Rig &t)
{
  t.to_allocated ();
  permit (t, {peer_a});
  t.refuse (t.next (Method::create_permission), 443);
  must (t.event<PeerRefused> ().code == 443);
}

void too_many_permissions (Rig &t)
{
  t.config.limits.peers = 3;
  t.to_allocated ();
  must (permit (t, {numbered (1), numbered (2), numbered (3)}));
  must (!permit (t, {numbered (4)}));
}

void bound (Rig &t)
{
  t.to_allocated ();
  must (bind (t, peer_a) == 0x4000);
  const Message m = t.next (Method::channel_bind);
  must (t.proved (m) && m.u16 (Attr::channel_number) == 0x4000);
  must (m.xor_address (Attr::xor_peer_address) == peer_a);
  must (t.wrap (peer_a).route == Route::pending && t.quiet ());
  t.succeed (m);
  const auto e = t.event<ChannelBound> ();
  must (e.number == 0x4000 && e.peer == peer_a && e.message.method () == Method::channel_bind);
  must (t.wrap (peer_a).route == Route::channel);
}

void numbers (Rig &t)
{
  t.to_allocated ();
  for (const std::uint16_t bad : {0x3fff, 0x5000, 0x7fff, 0xffff, 1})
    must (bind (t, peer_a, bad) == 0);
  must (t.quiet ());
  must (bind (t, peer_a, 0x4fff) == 0x4fff && bind (t, peer_b, 0x4000) == 0x4000);
  must (bind (t, numbered (9)) == 0x4001);
}

// Of the range that it picks from; by hand others, too.
void number_range (Rig &t)
{
  t.config.least_channel = 0x4123;
  t.config.most_channel = 0x4124;
  t.to_allocated ();
  must (bind (t, peer_a) == 0x4123 && bind (t, peer_b) == 0x4124);
  must (bind (t, numbered (9)) == 0 && bind (t, numbered (10), 0x4000) == 0x4000);
}

void no_port (Rig &t)
{
  t.to_allocated ();
  must (bind (t, peer_a.host ()) == 0 && t.quiet ());
}

void rebinding_rules (Rig &t)
{
  t.to_allocated ();
  t.to_channel (peer_a, 0x4001);
  must (bind (t, peer_b, 0x4001) == 0); // another peer's number
  must (bind (t, peer_a, 0x4002) == 0); // another number of the same peer
  must (t.quiet ());
  must (bind (t, peer_a, 0x4001) == 0x4001); // the same refreshes
  must (t.next (Method::channel_bind).u16 (Attr::channel_number) == 0x4001);
}

void rest_after_the_end (Rig &t)
{
  t.config.refresh_channels = false;
  t.to_allocated ();
  t.to_channel (peer_a, 0x4001);
  t.call ([&] (Client &c) { c.forget (peer_a); });
  t.serve (seconds (599));
  must (!t.has<PeerExpired> () || t.event<PeerExpired> ().channel == 0);
  t.serve (seconds (2));
  must (t.event<PeerExpired> ().channel == 0x4001);
  must (bind (t, peer_b, 0x4001) == 0 && bind (t, peer_a, 0x4002) == 0);
  must (t.quiet ());
  t.serve (seconds (298));
  must (bind (t, peer_b, 0x4001) == 0);
  t.serve (seconds (2));
  must (bind (t, peer_b, 0x4001) == 0x4001 && bind (t, peer_a, 0x4002) == 0x4002);
}

void same_again_within_rest (Rig &t)
{
  t.config.refresh_channels = false;
  t.to_allocated ();
  t.to_channel (peer_a, 0x4001);
  t.serve (seconds (601));
  must (bind (t, peer_a, 0x4001) == 0x4001);
  (void)t.next (Method::channel_bind);
}

void channel_refreshed (Rig &t)
{
  t.to_allocated ();
  t.to_channel ();
  unsigned binds = 0;
  for (int i = 0; i < 60; i++) {
    binds += t.serve (seconds (60), Method::channel_bind);
    must (t.wrap (peer_a).route == Route::channel);
  }
  must (binds >= 6 && binds <= 7 && !t.has<PeerExpired> ());
}

void channel_keeps_permission (Rig &t)
{
  t.to_allocated ();
  t.to_channel ();
  must (t.serve (seconds (239)) == 0 && t.serve (seconds (2)) == 1);
}

void channel_alone_keeps_permission (Rig &t)
{
  t.config.refresh_permissions = false;
  t.to_allocated ();
  t.to_channel ();
  must (t.serve (seconds (239), Method::channel_bind) == 0);
  must (t.serve (seconds (2), Method::channel_bind) == 1);
  must (t.serve (seconds (300), Method::create_permission) == 0);
  must (!t.has<PeerExpired> ());
}

void channel_refused (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  bind (t, peer_a, 0x4005);
  t.refuse (t.next (Method::channel_bind), 400);
  const auto e = t.event<PeerRefused> ();
  must (e.channel == 0x4005 && e.code == 400 && e.peers[0] == peer_a);
  for (int i = 0; i < 10; i++)
    must (t.wrap (peer_a).route == Route::indication);
  must (t.quiet ());
}

void channel_mismatch (Rig &t)
{
  t.to_allocated ();
  bind (t, peer_a);
  t.refuse (t.next (Method::channel_bind), 437);
  must (t.has<AllocationLost> ());
}

void channel_later (Rig &t)
{
  t.to_allocated ();
  bind (t, peer_a);
  t.refuse (t.next (Method::channel_bind), 508);
  must (t.event<ResponseError> ().code == 508);
  t.pass (seconds (60));
  must (t.next (Method::channel_bind).u16 (Attr::channel_number) == 0x4000);
}

void too_many_channels (Rig &t)
{
  t.config.limits.channels = 2;
  t.to_allocated ();
  must (bind (t, numbered (1)) && bind (t, numbered (2)) && bind (t, numbered (3)) == 0);
  must (bind (t, numbered (1)) == 0x4000);
}

void too_many_requests (Rig &t)
{
  t.config.limits.transactions = 4;
  t.to_allocated ();
  for (unsigned i = 0; i < 10; i++)
    must (bind (t, numbered (i)) != 0);
  must (t.sent.size () == 4);
  must (t.serve (seconds (30), Method::channel_bind) == 10);
  for (unsigned i = 0; i < 10; i++)
    must (t.wrap (numbered (i)).route == Route::channel);
}

const Case cases[] = {{"created", created}, {"one for all ports", one_for_all_ports},
    {"before the allocation", before_allocation}, {"batches", batches},
    {"refreshed together", refreshed_together}, {"never late", never_late},
    {"asked again it is refreshed", asked_again_refreshes},
    {"one of a batch is forbidden", one_of_a_batch_forbidden},
    {"what is forbidden is not asked again", forbidden_is_not_asked_again},
    {"437 for a permission", permission_mismatch}, {"508 for a permission", permission_later},
    {"a permission that nobody answers", permission_unanswered}, {"nobody is there", nobody_there},
    {"a refresh refused", refresh_refused},
    {"without automatic refresh", no_automatic_permission_refresh}, {"forgotten", forgotten},
    {"forgotten, others need it", forgotten_in_part},
    {"forgotten, asked for by hand", forgotten_by_hand}, {"a peer of another family", wrong_family},
    {"a peer of another family, found later", wrong_family_found_later},
    {"peers of both families", both_families_permitted}, {"443", peer_family_mismatch},
    {"too many permissions", too_many_permissions}, {"a channel", bound},
    {"channel numbers", numbers}, {"a range of channel numbers", number_range},
    {"a peer without port", no_port}, {"rebinding", rebinding_rules},
    {"a channel's rest", rest_after_the_end}, {"the same in its rest", same_again_within_rest},
    {"a channel refreshed", channel_refreshed},
    {"a channel's permission", channel_keeps_permission},
    {"a channel that keeps it alone", channel_alone_keeps_permission},
    {"a channel refused", channel_refused}, {"437 for a channel", channel_mismatch},
    {"508 for a channel", channel_later}, {"too many channels", too_many_channels},
    {"too many requests at once", too_many_requests}};
} // namespace

CASES_MAIN (client_peers, cases)

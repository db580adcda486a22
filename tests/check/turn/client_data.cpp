// SPDX-License-Identifier: LGPL-2.1-or-later
// Application data, streams, ICMP, keepalives, and what is nobody's (RFC 8656, 11 and 12).
#include "../allocations.h"
#include "rig.h"

using namespace reach::test;

namespace {
using reach::seconds;
using Route = Client::Route;

void channel_header_form (Rig &t)
{
  t.to_allocated ();
  t.to_channel (peer_a, 0x4123);
  const auto w = t.wrap (peer_a, 1001);
  must (w.route == Route::channel && w.header == 4 && w.padding == 0);
  must (same (reach::Bytes (t.header).first (4), hex ("412303e9")));
  must (t.wrap (peer_a, 0xffff).route == Route::channel);
  must (t.wrap (peer_a, 0x10000).route == Route::refused);
  must (t.wrap (peer_a, 0).header == 4);
}

void channel_padding_on_stream (Rig &t)
{
  t.config.transport = Transport::tcp;
  t.to_allocated ();
  t.to_channel ();
  for (std::size_t n = 0; n < 9; n++)
    must (t.wrap (peer_a, n).padding == (4 - n % 4) % 4);
}

void indication_form (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ();
  t.to_permission ();
  for (std::size_t n = 0; n < 9; n++) {
    const auto w = t.wrap (peer_a, n);
    must (w.route == Route::indication && w.header == 36 && w.padding == (4 - n % 4) % 4);
    std::vector<std::uint8_t> wire (t.header, t.header + w.header);
    wire.insert (wire.end (), n, 'x');
    wire.insert (wire.end (), w.padding, 0);
    const auto m = Message::parse (wire);
    must (m && m->kind () == Class::indication && m->method () == Method::send);
    must (m->find (Attr::data)->size () == n);
    must (m->xor_address (Attr::xor_peer_address) == peer_a);
  }
  must (t.wrap (peer_a, 65500).route == Route::indication);
  must (t.wrap (peer_a, 65536).route == Route::refused);
}

void indication_ids_differ (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ();
  t.to_permission ();
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; i++) {
    t.wrap (peer_a);
    ids.push_back (to_hex (reach::Bytes (t.header).subspan (8, 12)));
  }
  std::ranges::sort (ids);
  must (std::ranges::adjacent_find (ids) == ids.end ());
}

void dont_fragment_in_indication (Rig &t)
{
  t.config.mode = Mode::indication;
  t.config.dont_fragment = true;
  t.to_allocated ();
  t.to_permission ();
  must (t.wrap (peer_a).header == 40);
}

void ipv6_indication (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ([] (Builder &b) {
    b.xor_address (Attr::xor_relayed_address, relayed6);
    b.u32 (Attr::lifetime, 600);
  });
  t.to_permission (peer_6);
  must (t.wrap (peer_6).header == 48);
}

void little_room (Rig &t)
{
  t.to_allocated ();
  t.to_channel ();
  std::uint8_t three[3];
  must (t.client->wrap (peer_a, 5, three, t.now).route == Route::refused);
  std::uint8_t some[35];
  must (t.client->wrap_indication (peer_a, 5, some, t.now).route == Route::refused);
}

void mode_automatic (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  must (t.wrap (peer_a).route == Route::indication); // and a channel is asked for
  const Message m = t.next (Method::channel_bind);
  must (t.wrap (peer_a).route == Route::indication && t.quiet ());
  t.succeed (m);
  must (t.wrap (peer_a).route == Route::channel);
}

void mode_channel (Rig &t)
{
  t.config.mode = Mode::channel;
  t.to_allocated ();
  t.to_permission ();
  must (t.wrap (peer_a).route == Route::pending);
  t.refuse (t.next (Method::channel_bind), 403);
  must (t.wrap (peer_a).route == Route::refused && t.quiet ());
}

void mode_indication (Rig &t)
{
  t.config.mode = Mode::indication;
  t.to_allocated ();
  t.to_channel ();
  must (t.wrap (peer_a).route == Route::indication);
}

void nothing_automatic (Rig &t)
{
  t.config.automatic_permissions = false;
  t.to_allocated ();
  for (int i = 0; i < 3; i++)
    must (t.wrap (peer_a).route == Route::refused);
  must (t.quiet ());
  t.to_permission ();
  must (t.wrap (peer_a).route == Route::indication && t.quiet ());
}

void by_number (Rig &t)
{
  t.to_allocated ();
  t.to_channel (peer_a, 0x4100);
  must (t.client->wrap_channel (0x4100, 5, t.header, t.now).route == Route::channel);
  must (t.client->wrap_channel (0x4101, 5, t.header, t.now).route == Route::refused);
  must (t.client->wrap_channel (0, 5, t.header, t.now).route == Route::refused);
}

void before_and_after (Rig &t)
{
  t.client = std::make_unique<Client> (t.config);
  must (t.wrap (peer_a).route == Route::refused);
  const Message m = t.to_allocate ();
  must (t.wrap (peer_a).route == Route::pending && t.quiet ());
  t.refuse (m, 403);
  must (t.wrap (peer_a).route == Route::refused);
}

void channel_in (Rig &t)
{
  t.to_allocated ();
  const auto n = t.to_channel ();
  t.give (channel_data (n, "hello"));
  const auto d = t.event<Data> ();
  must (d.channel == n && d.peer == peer_a && text_of (d.payload) == "hello");
  must (d.payload.data () == t.inputs.back ().data () + 4); // a part of the input
  t.give (channel_data (n, ""));
  must (t.event<Data> ().payload.empty ());
  t.give (channel_data (n, "abcde", true)); // padded, which UDP allows
  must (text_of (t.event<Data> ().payload) == "abcde");
  must (t.client->stats ().data_in == 3 && t.client->stats ().bytes_in == 10);
}

void channel_in_bad (Rig &t)
{
  t.to_allocated ();
  const auto n = t.to_channel ();
  auto longer = channel_data (n, "hello");
  longer[3] = 6;
  t.give (longer);
  must (!t.has<Data> () && t.has<UnknownBytes> () && t.client->stats ().malformed == 1);
  t.events.clear ();
  t.give (channel_data (static_cast<std::uint16_t> (n + 1), "x"));
  must (t.events.empty () && t.client->stats ().unknown_peer == 1);
}

void channel_in_before_answer (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { return c.bind_channel (peer_a, 0, t.now); });
  t.give (channel_data (0x4000, "early"));
  must (text_of (t.event<Data> ().payload) == "early");
}

void indication_in (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  Address other_port = peer_a;
  other_port.port = 7;
  t.indication (Method::data, data_from (other_port, "hello"));
  const auto d = t.event<Data> ();
  must (d.channel == 0 && d.peer == other_port && text_of (d.payload) == "hello");
  t.indication (Method::data, data_from (peer_a, ""));
  must (t.event<Data> ().payload.empty ());
}

void indication_of_strangers (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  t.indication (Method::data, data_from (peer_b, "x"));
  must (t.events.empty () && t.client->stats ().unknown_peer == 1);
}

void indication_in_bad (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  t.indication (Method::data, [] (Builder &b) { b.text (Attr::data, "x"); });
  t.indication (Method::data, [] (Builder &b) { b.xor_address (Attr::xor_peer_address, peer_a); });
  t.indication (Method::data, [] (Builder &b) {
    b.u32 (static_cast<Attr> (0x7f00), 0); // has to be understood
    data_from (peer_a, "x") (b);
  });
  must (t.events.empty () && t.client->stats ().malformed == 3);
}

void icmp_in (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  t.indication (Method::data, [] (Builder &b) {
    b.xor_address (Attr::xor_peer_address, peer_a);
    b.icmp (3, 4, 1280);
  });
  const auto e = t.event<IcmpError> ();
  must (e.peer == peer_a && e.icmp.type == 3 && e.icmp.code == 4 && e.icmp.data == 1280);
  t.indication (Method::data, [] (Builder &b) {
    b.xor_address (Attr::xor_peer_address, peer_b);
    b.icmp (3, 4, 1280);
  });
  must (t.events.empty ());
}

void nobodys_bytes (Rig &t)
{
  t.to_allocated ();
  for (const char *bytes : {"16feff0000", "8000abcd", "00", "ffff"}) {
    t.give (hex (bytes));
    must (to_hex (t.event<UnknownBytes> ().bytes) == bytes);
  }
  t.give ({});
  std::uint8_t buffer[64];
  Builder b (buffer, Method::binding, Class::request, {1});
  t.give ({b.message ().begin (), b.message ().end ()});
  must (t.has<UnknownBytes> () && t.quiet ());
  must (t.client->state () == Client::State::allocated);
}

void other_indications (Rig &t)
{
  t.to_allocated ();
  t.indication (Method::binding, [] (Builder &) {});
  t.indication (Method::send, data_from (peer_a, "x"));
  t.indication (Method::allocate, [] (Builder &) {});
  must (t.events.empty () && t.quiet ());
}

void undrained (Rig &t)
{
  t.to_allocated ();
  t.to_permission ();
  const auto n = t.to_channel ();
  const auto wire = channel_data (n, "x");
  for (int i = 0; i < 5; i++)
    t.client->input (wire, t.now);
  must (t.client->stats ().undrained == 4);
  std::uint8_t buffer[200];
  Builder b (buffer, Method::data, Class::indication, {1});
  b.xor_address (Attr::xor_peer_address, peer_a);
  b.icmp (3, 4, 0);
  t.client->input (b.message (), t.now);
  t.client->input (wire, t.now); // the error waits, without what it refers to
  t.drain ();
  must (t.event<IcmpError> ().message.empty () && t.has<Data> ());
}

void unwrapped (Rig &t)
{
  t.to_allocated ();
  t.to_permission (peer_b);
  const auto n = t.to_channel ();
  const auto wire = channel_data (n, "quick");
  must (text_of (t.client->unwrap (wire)->payload) == "quick");
  must (!t.client->unwrap (channel_data (0x4fff, "x")) && !t.client->unwrap (hex ("ff")));
  std::uint8_t buffer[200];
  Builder b (buffer, Method::data, Class::indication, {1});
  data_from (peer_b, "also") (b);
  must (text_of (t.client->unwrap (b.message ())->payload) == "also");
  must (!t.client->poll_event ());
}

void no_allocation_per_packet (Rig &t)
{
  t.to_allocated ();
  const auto n = t.to_channel ();
  t.to_permission (peer_b);
  t.call ([&] (Client &c) { return c.bind_channel (peer_b, 0, t.now); }); // never answered
  const auto in = channel_data (n, "payload");
  std::uint8_t buffer[200];
  Builder b (buffer, Method::data, Class::indication, {1});
  data_from (peer_b, "also") (b);
  const auto once = [&] {
    const auto c = t.client->wrap (peer_a, 1000, t.header, t.now);
    const auto i = t.client->wrap (peer_b, 1000, t.header, t.now);
    must (c.route == Route::channel && i.route == Route::indication);
    for (const reach::Bytes wire : {reach::Bytes (in), b.message ()}) {
      t.client->input (wire, t.now);
      must (std::holds_alternative<Data> (*t.client->poll_event ()));
      must (t.client->unwrap (wire));
    }
    (void)t.client->poll_timeout ();
  };
  once ();
  const unsigned long before = allocations;
  must (before > 0);
  for (int i = 0; i < 1000; i++)
    once ();
  must (allocations == before);
}

const Case cases[] = {{"a channel's header", channel_header_form},
    {"padding on a stream", channel_padding_on_stream}, {"an indication's header", indication_form},
    {"ids of indications", indication_ids_differ},
    {"DONT-FRAGMENT in indications", dont_fragment_in_indication},
    {"indications for IPv6", ipv6_indication}, {"little room for a header", little_room},
    {"automatic", mode_automatic}, {"channels only", mode_channel},
    {"indications only", mode_indication}, {"nothing automatic", nothing_automatic},
    {"by a channel's number", by_number}, {"before and after", before_and_after},
    {"channel data", channel_in}, {"bad channel data", channel_in_bad},
    {"channel data that overtakes", channel_in_before_answer}, {"an indication", indication_in},
    {"indications of strangers", indication_of_strangers}, {"bad indications", indication_in_bad},
    {"ICMP", icmp_in}, {"nobody's bytes", nobodys_bytes}, {"other indications", other_indications},
    {"events that nobody takes", undrained}, {"data without events", unwrapped},
    {"no allocation per packet", no_allocation_per_packet}};
} // namespace

CASES_MAIN (client_data, cases)

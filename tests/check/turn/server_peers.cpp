// SPDX-License-Identifier: LGPL-2.1-or-later
// Permissions, channels and what is relayed (RFC 8656, 9 to 12).
#include "server_rig.h"

using namespace reach;
using namespace reach::test;

namespace {
std::string payload_of (const Sent &s)
{
  if (turn::kind_of (s.bytes) == turn::FrameKind::channel) {
    const auto d = turn::parse_channel_data (s.bytes);
    return d ? std::string (d->payload.begin (), d->payload.end ()) : "?";
  }
  const auto m = Message::parse (s.bytes);
  return m ? std::string (m->text (Attr::data)) : "?";
}
std::string text_of (const Blob &b)
{
  return {b.begin (), b.end ()};
}
} // namespace

GST_START_TEST (test_permission)
{
  Rig rig;
  Scripted c (rig);
  fail_unless_equals_int (c.permit (peer4).code (), 437);
  c.allocate ();
  fail_unless (!c.send (peer4, "early") && rig.discarded (ts::Discard::no_permission) == 1);
  fail_unless (!rig.peer (c.relay, peer4, as_bytes ("early")));
  const Response r = c.permit (peer4);
  fail_unless (r.good () && c.proved (r));
  const auto s = c.send (peer4, "hello");
  fail_unless (s && s->kind == ts::Transmit::Kind::to_peer && s->relay == c.relay);
  fail_unless (s->peer == peer4 && text_of (s->bytes) == "hello" && !s->dont_fragment);
  // For all ports of the host.
  Address other_port = peer4;
  other_port.port = 9;
  fail_unless (c.send (other_port, "") && rig.peer (c.relay, other_port, as_bytes ("x")));
  Address other_host = peer4;
  other_host.ip[3]++;
  fail_unless (!c.send (other_host, "x") && !rig.peer (c.relay, other_host, as_bytes ("x")));
}
GST_END_TEST

GST_START_TEST (test_permission_expires)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  c.permit (peer4);
  rig.pass (seconds (299));
  fail_unless (c.send (peer4, "x") && rig.peer (c.relay, peer4, as_bytes ("x")));
  rig.pass (seconds (1)); // data do not refresh it
  fail_unless (!c.send (peer4, "x") && !rig.peer (c.relay, peer4, as_bytes ("x")));
  c.permit (peer4);
  fail_unless (c.send (peer4, "x").has_value ());
}
GST_END_TEST

GST_START_TEST (test_several_peers)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  const auto ask = [&] (std::initializer_list<Address> peers) {
    return c.signed_request (Method::create_permission, [&] (Builder &b) {
      for (const Address &p : peers)
        b.xor_address (Attr::xor_peer_address, p);
    });
  };
  const Address a = Address::v4 (192, 0, 2, 1, 1), b = Address::v4 (192, 0, 2, 2, 1),
                inside = Address::v4 (10, 0, 0, 1, 1);
  fail_unless_equals_int (ask ({}).code (), 400);
  fail_unless_equals_int (ask ({a, inside}).code (), 403);
  fail_unless (!c.send (a, "x")); // none of them
  fail_unless_equals_int (ask ({a, peer6}).code (), 443);
  fail_unless (ask ({a, b, a}).good ());
  fail_unless (c.send (a, "x") && c.send (b, "x"));
  const Response bad = c.signed_request (Method::create_permission, [&] (Builder &x) {
    x.xor_address (Attr::xor_peer_address, a);
    x.text (Attr::xor_peer_address, "bad");
  });
  fail_unless_equals_int (bad.code (), 400);
}
GST_END_TEST

GST_START_TEST (test_permissions_are_bounded)
{
  ts::Config config = server_config ();
  config.limits.permissions = 4;
  Rig rig (std::move (config));
  Scripted c (rig);
  c.allocate ();
  for (std::uint8_t i = 0; i < 5; i++)
    fail_unless_equals_int (c.permit (Address::v4 (192, 0, 2, i, 1)).code (), i < 4 ? 0 : 508);
  fail_unless (c.permit (Address::v4 (192, 0, 2, 1, 1)).good ());
  fail_unless_equals_int (c.bind (0x4000, peer4).code (), 508);
  rig.pass (seconds (301)); // expired ones make room
  fail_unless (c.permit (Address::v4 (192, 0, 2, 9, 1)).good ());
}
GST_END_TEST

// RFC 8656 says only that a server may; what happens otherwise: CVE-2020-26262, CVE-2026-27624.
GST_START_TEST (test_denied_peers)
{
  struct Case {
    const char *address;
    bool ipv6;
  };
  static const Case cases[] = {{"127.0.0.1", false}, {"127.1.2.3", false}, {"0.0.0.0", false},
      {"0.1.2.3", false}, {"10.1.1.1", false}, {"172.16.0.1", false}, {"172.31.255.255", false},
      {"192.168.1.1", false}, {"169.254.169.254", false}, {"100.64.0.1", false},
      {"100.100.100.200", false}, {"224.0.0.1", false}, {"255.255.255.255", false}, {"::", true},
      {"::1", true}, {"::127.0.0.1", true}, {"::ffff:127.0.0.1", true}, {"::ffff:192.0.2.1", true},
      {"64:ff9b::127.0.0.1", true}, {"64:ff9b::192.0.2.1", true}, {"64:ff9b:1::1", true},
      {"2002:7f00:1::1", true}, {"2001::1", true}, {"fd00:ec2::254", true}, {"fc00::1", true},
      {"fe80::1", true}, {"febf::1", true}, {"fec0::1", true}, {"ff02::1", true}};
  for (const Case &k : cases) {
    Rig rig;
    Scripted c (rig);
    c.allocate ([&] (Builder &b) { b.u8 (Attr::additional_address_family, 2); });
    Address a = ts::Prefix::parse (k.address)->address;
    a.port = 80;
    fail_unless_equals_int (c.permit (a).code (), 403);
    fail_unless (rig.discarded (ts::Discard::denied_peer) == 1, "%s", k.address);
    fail_unless_equals_int (c.bind (0x4000, a).code (), 403);
    fail_unless (!c.send (a, "x"), "%s", k.address);
    fail_unless (rig.discarded (ts::Discard::denied_peer) == 3, "%s", k.address);
    fail_unless (!rig.peer (c.relay, a, as_bytes ("x")), "%s", k.address);
  }
}
GST_END_TEST

GST_START_TEST (test_allowed_peers)
{
  ts::Config config = server_config ();
  config.peers.allow (*ts::Prefix::parse ("127.0.0.0/8"));
  config.peers.deny (*ts::Prefix::parse ("127.0.0.9"));
  Rig rig (std::move (config));
  Scripted c (rig);
  c.allocate ([&] (Builder &b) { b.u8 (Attr::additional_address_family, 2); });
  fail_unless (c.permit (Address::v4 (127, 0, 0, 1, 80)).good ());
  fail_unless_equals_int (c.permit (Address::v4 (127, 0, 0, 9, 80)).code (), 403);
  Address mapped = ts::Prefix::parse ("::ffff:127.0.0.1")->address;
  fail_unless_equals_int (c.permit (mapped).code (), 403); // that was not said
}
GST_END_TEST

GST_START_TEST (test_channel)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  fail_unless (!c.send (0x4001, "early") && rig.discarded (ts::Discard::channel_not_bound) == 1);
  const Response r = c.bind (0x4001, peer4);
  fail_unless (r.good () && c.proved (r));
  const auto out = c.send (0x4001, "hello");
  fail_unless (out && out->kind == ts::Transmit::Kind::to_peer && out->peer == peer4);
  fail_unless (text_of (out->bytes) == "hello" && out->relay == c.relay);
  const auto in = rig.peer (c.relay, peer4, as_bytes ("world"));
  fail_unless (in && in->kind == ts::Transmit::Kind::to_client && in->client == c.self);
  fail_unless_equals_string (to_hex (in->bytes).c_str (), "40010005776f726c64"); // no padding
  // The permission is for the host, the channel for the port.
  Address other_port = peer4;
  other_port.port = 9;
  const auto data = rig.peer (c.relay, other_port, as_bytes ("x"));
  fail_unless (data && turn::kind_of (data->bytes) == turn::FrameKind::stun);
  fail_unless (payload_of (*data) == "x");
}
GST_END_TEST

GST_START_TEST (test_channel_refused)
{
  Rig rig;
  Scripted c (rig);
  fail_unless_equals_int (c.bind (0x4000, peer4).code (), 437);
  c.allocate ();
  for (const std::uint16_t n : {0x0000, 0x3fff, 0x5000, 0x7fff, 0xffff})
    fail_unless_equals_int (c.bind (n, peer4).code (), 400);
  fail_unless_equals_int (c.signed_request (Method::channel_bind).code (), 400);
  fail_unless_equals_int (c.signed_request (Method::channel_bind,
                               [] (Builder &b) { b.u16 (Attr::channel_number, 0x4000); })
                              .code (),
      400);
  fail_unless_equals_int (c.bind (0x4000, peer4.host ()).code (), 400); // no port
  fail_unless_equals_int (c.bind (0x4000, peer6).code (), 443);
  fail_unless (
      c.bind (0x4000, peer4).good () && c.bind (0x4fff, Address::v4 (192, 0, 2, 8, 1)).good ());
}
GST_END_TEST

GST_START_TEST (test_channels_of_rfc_5766)
{
  ts::Config config = server_config ();
  config.last_channel = 0x7fff;
  Rig rig (std::move (config));
  Scripted c (rig);
  c.allocate ();
  fail_unless (c.bind (0x7fff, peer4).good ());
  const auto s = c.send (0x7fff, "hello");
  fail_unless (s && text_of (s->bytes) == "hello");
  fail_unless (rig.peer (c.relay, peer4, as_bytes ("x"))->bytes[0] == 0x7f);
  fail_unless_equals_int (c.bind (0x8000, peer4).code (), 400);
  turn::StreamFramer f (1000, 0x7fff);
  const auto wire = hex ("7fff000101000000");
  f.input (wire);
  fail_unless (f.next ().has_value ());
}
GST_END_TEST

GST_START_TEST (test_rebinding)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ([] (Builder &b) { b.u32 (Attr::lifetime, 3600); });
  Address other = peer4;
  other.port++;
  fail_unless (c.bind (0x4000, peer4).good ());
  fail_unless_equals_int (c.bind (0x4000, other).code (), 400); // the number is another's
  fail_unless_equals_int (c.bind (0x4001, peer4).code (), 400); // the peer has another
  rig.pass (seconds (590));
  fail_unless (c.bind (0x4000, peer4).good ()); // refreshed
  rig.pass (seconds (599));
  c.permit (peer4);
  fail_unless (c.send (0x4000, "x").has_value ());
  rig.pass (seconds (2)); // over
  fail_unless (!c.send (0x4000, "x") && rig.discarded (ts::Discard::channel_not_bound) == 1);
  const auto in = rig.peer (c.relay, peer4, as_bytes ("x"));
  fail_unless (in && turn::kind_of (in->bytes) == turn::FrameKind::stun);
  fail_unless_equals_int (c.bind (0x4000, other).code (), 400); // five minutes must pass
  fail_unless_equals_int (c.bind (0x4001, peer4).code (), 400);
  rig.pass (seconds (300));
  fail_unless (c.bind (0x4000, other).good () && c.bind (0x4001, peer4).good ());
  fail_unless (c.send (0x4000, "x")->peer == other && c.send (0x4001, "x")->peer == peer4);
}
GST_END_TEST

GST_START_TEST (test_channel_without_permission)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  c.bind (0x4000, peer4);
  rig.pass (seconds (301)); // a channel lives for ten minutes, its permission for five
  fail_unless (!c.send (0x4000, "x") && rig.discarded (ts::Discard::no_permission) == 1);
  fail_unless (!rig.peer (c.relay, peer4, as_bytes ("x")));
  fail_unless (c.bind (0x4000, peer4).good ()); // refreshes both
  fail_unless (c.send (0x4000, "x") && rig.peer (c.relay, peer4, as_bytes ("x")));
}
GST_END_TEST

GST_START_TEST (test_channels_are_bounded)
{
  ts::Config config = server_config ();
  config.limits.channels = 3;
  Rig rig (std::move (config));
  Scripted c (rig);
  c.allocate ([] (Builder &b) { b.u32 (Attr::lifetime, 3600); });
  const auto bind = [&] (std::uint16_t i) {
    Address a = peer4;
    a.port = static_cast<std::uint16_t> (7000 + i);
    return c.bind (static_cast<std::uint16_t> (0x4000 + i), a).code ();
  };
  for (std::uint16_t i = 0; i < 4; i++)
    fail_unless_equals_int (bind (i), i < 3 ? 0 : 508);
  rig.pass (seconds (901));
  fail_unless_equals_int (bind (3), 0);
}
GST_END_TEST

GST_START_TEST (test_data_indication)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  c.permit (peer4);
  stun::TransactionId last{};
  for (std::size_t n = 0; n < 9; n++) {
    const std::string text (n, 'd');
    const auto s = rig.peer (c.relay, peer4, as_bytes (text));
    const auto m = Message::parse (s->bytes); // padded: else it is none
    fail_unless (m && m->method () == Method::data && m->kind () == Class::indication);
    fail_unless (*m->xor_address (Attr::xor_peer_address) == peer4 && m->text (Attr::data) == text);
    fail_unless (m->transaction () != last && s->payload == n);
    last = m->transaction ();
  }
}
GST_END_TEST

GST_START_TEST (test_stream_padding)
{
  Rig rig;
  Scripted c (rig);
  c.self.path = *rig.core.add_path ({ts::Transport::tcp, {}, c.self.address});
  c.allocate ();
  c.bind (0x4000, peer4);
  for (std::size_t n = 0; n < 9; n++) {
    const auto s = rig.peer (c.relay, peer4, as_bytes (std::string (n, 'd')));
    fail_unless (s->bytes.size () == 4 + (n + 3) / 4 * 4 && s->bytes[3] == n);
  }
}
GST_END_TEST

GST_START_TEST (test_relayed_in_place)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  c.bind (0x4000, peer4);
  const auto wire = hex ("4000000568656c6c6f000000");
  rig.core.input (c.self, wire, rig.now);
  const ts::Transmit *t = rig.core.poll_transmit ();
  fail_unless (t && t->payload.data () == wire.data () + 4 && t->payload.size () == 5);
  const auto data = hex ("0102030405");
  rig.core.input_peer (c.relay, peer4, data, rig.now);
  t = rig.core.poll_transmit ();
  fail_unless (t && t->payload.data () == data.data () && t->head.size () == 4);
}
GST_END_TEST

GST_START_TEST (test_dont_fragment)
{
  for (const bool can : {true, false}) {
    ts::Config config = server_config ();
    config.dont_fragment = can;
    Rig rig (std::move (config));
    Scripted c (rig);
    c.allocate ();
    c.permit (peer4);
    const auto s = c.send (peer4, "x", [] (Builder &b) { b.flag (Attr::dont_fragment); });
    fail_unless (s.has_value () == can && (!can || s->dont_fragment));
  }
}
GST_END_TEST

GST_START_TEST (test_icmp)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  rig.core.input_icmp (c.relay, peer4, {3, 4, 1280}, rig.now);
  fail_unless (!rig.take ()); // no permission
  c.permit (peer4);
  rig.core.input_icmp (c.relay, peer4, {3, 4, 1280}, rig.now);
  const auto s = rig.take ();
  const auto m = Message::parse (s->bytes);
  fail_unless (m && m->method () == Method::data && !m->has (Attr::data));
  const auto icmp = m->icmp ();
  fail_unless (icmp && icmp->type == 3 && icmp->code == 4 && icmp->data == 1280);
  fail_unless (*m->xor_address (Attr::xor_peer_address) == peer4);
  rig.core.input_icmp (99, peer4, {3, 4, 1280}, rig.now);
  fail_unless (!rig.take ());
}
GST_END_TEST

GST_START_TEST (test_bandwidth)
{
  for (const bool of_user : {false, true}) {
    ts::Config config = server_config ();
    (of_user ? config.user_bandwidth : config.bandwidth) = {1000, 500};
    Rig rig (std::move (config));
    Scripted a (rig, 40001), b (rig, 40002);
    a.allocate ();
    b.allocate ();
    a.bind (0x4000, peer4);
    b.bind (0x4000, peer4);
    const std::string data (100, 'x');
    unsigned sent = 0;
    for (int i = 0; i < 10; i++)
      sent += a.send (0x4000, data).has_value ();
    fail_unless_equals_int (sent, 5);
    fail_unless (rig.discarded (ts::Discard::over_bandwidth) == 5);
    fail_unless (!rig.peer (a.relay, peer4, as_bytes (data))); // both directions together
    fail_unless (b.send (0x4000, data).has_value () == !of_user);
    rig.now += milliseconds (100);
    fail_unless (a.send (0x4000, data) && !a.send (0x4000, data));
  }
}
GST_END_TEST

GST_START_TEST (test_discard_reasons)
{
  struct Case {
    const char *name, *wire;
    ts::Discard why;
  };
  static const Case cases[] = {
      {"empty", "", ts::Discard::short_datagram},
      {"channel header cut", "400000", ts::Discard::short_datagram},
      {"channel data cut", "4000000568", ts::Discard::short_datagram},
      {"more than padding", "400000010100000000", ts::Discard::malformed},
      {"beyond the channels", "5000000101", ts::Discard::channel_out_of_range},
      {"far beyond", "7fff000101", ts::Discard::channel_out_of_range},
      {"not bound", "4abc000101000000", ts::Discard::channel_not_bound},
      {"DTLS", "16fefd0000", ts::Discard::malformed},
      {"RTP", "8060000100000000", ts::Discard::malformed},
      {"STUN cut", "000300", ts::Discard::short_datagram},
      {"STUN cut in the body", "000300082112a442000000000000000000000000",
          ts::Discard::short_datagram},
      {"odd length", "000300012112a44200000000000000000000000000", ts::Discard::malformed},
      {"unknown method", "000d00002112a442000000000000000000000000",
          ts::Discard::unsupported_method},
      {"a response", "010300002112a442000000000000000000000000", ts::Discard::unsupported_method},
      {"Send without a peer", "001600002112a442000000000000000000000000", ts::Discard::malformed},
  };
  for (const Case &k : cases) {
    Rig rig;
    Scripted c (rig);
    c.allocate ();
    fail_unless (!rig.input (c.self, hex (k.wire)), "%s", k.name);
    const auto e = rig.taken<ts::Discarded> ();
    fail_unless (e.size () == 1 && e[0].why == k.why && e[0].client == c.self, "%s: %s", k.name,
        e.empty () ? "none" : ts::to_string (e[0].why));
    fail_unless (rig.discarded (k.why) == 1, "%s", k.name);
  }
  Rig rig;
  Scripted c (rig);
  fail_unless (
      !c.send (0x4000, "x") && !c.send (peer4, "x") && !rig.peer (7, peer4, as_bytes ("x")));
  fail_unless (rig.discarded (ts::Discard::no_allocation) == 3);
}
GST_END_TEST

GST_START_TEST (test_traffic)
{
  Rig rig;
  Scripted c (rig);
  c.allocate ();
  c.bind (0x4000, peer4);
  c.send (0x4000, "12345");
  c.send (peer4, "123");
  rig.peer (c.relay, peer4, as_bytes ("1234567"));
  c.refresh (0);
  const auto e = rig.taken<ts::AllocationDeleted> ();
  const ts::Traffic &t = e.at (0).traffic;
  fail_unless (t.to_peers == 2 && t.to_peers_bytes == 8);
  fail_unless (t.to_client == 1 && t.to_client_bytes == 7);
}
GST_END_TEST

static Suite *server_peers_suite ()
{
  Suite *s = suite_create ("turn-server-peers");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_permission);
  tcase_add_test (tc, test_permission_expires);
  tcase_add_test (tc, test_several_peers);
  tcase_add_test (tc, test_permissions_are_bounded);
  tcase_add_test (tc, test_denied_peers);
  tcase_add_test (tc, test_allowed_peers);
  tcase_add_test (tc, test_channel);
  tcase_add_test (tc, test_channel_refused);
  tcase_add_test (tc, test_channels_of_rfc_5766);
  tcase_add_test (tc, test_rebinding);
  tcase_add_test (tc, test_channel_without_permission);
  tcase_add_test (tc, test_channels_are_bounded);
  tcase_add_test (tc, test_data_indication);
  tcase_add_test (tc, test_stream_padding);
  tcase_add_test (tc, test_relayed_in_place);
  tcase_add_test (tc, test_dont_fragment);
  tcase_add_test (tc, test_icmp);
  tcase_add_test (tc, test_bandwidth);
  tcase_add_test (tc, test_discard_reasons);
  tcase_add_test (tc, test_traffic);
  return s;
}
GST_CHECK_MAIN (server_peers)

// SPDX-License-Identifier: LGPL-2.1-or-later
// The server on sockets: UDP, TCP, TLS and DTLS, one loop and several.
#include "../common/fds.h"
#include "server_net.h"

using namespace reach;
using namespace reach::test;

namespace {
constexpr Over all[] = {Over::udp, Over::tcp, Over::tls, Over::dtls};

void both_ways (Talker &t, Plug &peer, const char *what, std::uint16_t channel = 0x4001)
{
  const stun::Address p = peer.local ();
  fail_unless_equals_int (t.permit (p), 0);
  for (const std::size_t n : {1u, 2u, 3u, 4u, 1000u}) {
    const Blob data (n, 'i');
    t.send (p, data);
    stun::Address from;
    fail_unless (peer.receive (20000, &from) == data && from == t.relayed, "%s %zu", what, n);
    peer.send_to (t.relayed, data);
    fail_unless (t.data () == data, "%s %zu", what, n);
  }
  fail_unless_equals_int (t.bind (channel, p), 0);
  for (const std::size_t n : {0u, 1u, 2u, 3u, 4u, 1200u}) {
    const Blob data (n, 'c');
    t.send (channel, data);
    if (n > 0)
      fail_unless (peer.receive () == data, "%s %zu", what, n);
    else
      peer.receive ();
    peer.send_to (t.relayed, data);
    fail_unless (t.data () == data, "%s %zu", what, n);
  }
}
} // namespace

GST_START_TEST (test_transports)
{
  for (const unsigned threads : {1u, 3u}) {
    ts::NetSettings s = settings ();
    s.threads = threads;
    Server server (std::move (s), true);
    for (const Over over : all) {
      auto t = server.talk (over);
      Plug peer ("127.0.0.1");
      fail_unless_equals_int (t->request (Method::binding), 0);
      fail_unless (*Message::parse (t->response)->xor_address (Attr::xor_mapped_address) ==
                   t->wire.local ());
      fail_unless (t->allocate () == 0, "%s", name_of (over));
      both_ways (*t, peer, name_of (over));
      fail_unless_equals_int (t->refresh (0), 0);
      fail_unless_equals_int (t->refresh (600), 437);
    }
    fail_unless (server.net->stats ().core.created == 4 && server.net->stats ().allocations == 0);
  }
}
GST_END_TEST

GST_START_TEST (test_ipv6)
{
  ts::NetSettings s = settings ();
  s.bind_address = "::"; // IPv4 as well
  s.relay_bind = {"127.0.0.1", "::1"};
  Server server (std::move (s));
  Talker six (Over::udp, server.net->port (), nullptr, "::1");
  Plug peer4 ("127.0.0.1"), peer6 ("::1");
  fail_unless_equals_int (
      six.allocate ([] (Builder &b) { b.u8 (Attr::requested_address_family, 2); }), 0);
  both_ways (six, peer6, "IPv6");
  for (const Over over : {Over::udp, Over::tcp}) {
    auto four = server.talk (over);
    fail_unless_equals_int (
        four->allocate ([] (Builder &b) { b.u8 (Attr::additional_address_family, 2); }), 0);
    const auto m = Message::parse (four->response);
    fail_unless (*m->xor_address (Attr::xor_mapped_address) == four->wire.local ());
    stun::Address other;
    m->all (Attr::xor_relayed_address, [&] (Bytes v) { other = *m->xor_address (v); });
    both_ways (*four, peer4, "IPv4 of both");
    four->relayed = other;
    both_ways (*four, peer6, "IPv6 of both", 0x4002);
  }
}
GST_END_TEST

GST_START_TEST (test_closed_connection)
{
  Server server (settings (), true);
  for (const Over over : {Over::tcp, Over::tls}) {
    auto t = server.talk (over);
    fail_unless_equals_int (t->allocate (), 0);
    t->wire.close ();
  }
  fail_unless (server.watcher.deleted.wait ([] (const auto &v) { return v.size () == 2; }));
  for (const ts::Ended e : server.watcher.deleted.get ())
    fail_unless (e == ts::Ended::path_closed);
}
GST_END_TEST

GST_START_TEST (test_stream_out_of_step)
{
  Server server;
  Plug p (SOCK_STREAM, server.net->port ());
  p.send (blob ("POST / HTTP/1.1\r\n\r\n"));
  fail_unless (p.receive ().empty ()); // closed
  auto t = server.talk (Over::tcp);    // others are served
  fail_unless_equals_int (t->allocate (), 0);
}
GST_END_TEST

GST_START_TEST (test_idle_connection)
{
  ts::NetSettings s = settings ();
  s.limits.idle = milliseconds (200);
  Server server (std::move (s), true);
  auto kept = server.talk (Over::tcp);
  fail_unless_equals_int (kept->allocate (), 0);
  auto dtls = server.talk (Over::dtls);
  Plug p (SOCK_STREAM, server.net->port ());
  fail_unless (p.receive ().empty ());
  while (server.net->stats ().connections > 1) // DTLS, too
    g_thread_yield ();
  fail_unless_equals_int (kept->refresh (600), 0);
}
GST_END_TEST

GST_START_TEST (test_connection_limits)
{
  ts::NetSettings s = settings ();
  s.limits.connections_of_one = 2;
  Server server (std::move (s));
  auto a = server.talk (Over::tcp), b = server.talk (Over::tcp);
  fail_unless (a->allocate () == 0 && b->allocate () == 0);
  Plug refused (SOCK_STREAM, server.net->port ());
  fail_unless (refused.receive ().empty ());
  fail_unless (server.net->stats ().refused == 1);
  b->wire.close ();
  fail_unless (server.watcher.deleted.wait ([] (const auto &v) { return v.size () == 1; }));
  auto again = server.talk (Over::tcp);
  fail_unless_equals_int (again->allocate (), 0);
}
GST_END_TEST

GST_START_TEST (test_application_authorizes)
{
  ts::NetSettings s = settings ();
  s.core.ask_password = [] { return true; };
  s.threads = 2;
  Server server (std::move (s));
  for (const Over over : {Over::udp, Over::tcp, Over::tcp}) {
    server.watcher.asked.set (0);
    auto t = server.talk (over);
    t->user = "dave";
    t->password = "blue";
    std::thread answer ([&] {
      if (server.watcher.asked.wait ([] (std::uint64_t id) { return id != 0; }))
        server.net->authorize (server.watcher.asked.get () - 1, "blue");
    });
    fail_unless_equals_int (t->allocate (), 0);
    answer.join ();
  }
}
GST_END_TEST

GST_START_TEST (test_inspect)
{
  ts::NetSettings s = settings ();
  s.inspect = true;
  Server server (std::move (s));
  auto t = server.talk (Over::udp);
  Plug peer ("127.0.0.1");
  t->allocate ();
  t->bind (0x4000, peer.local ());
  t->send (0x4000, blob ("!secret"));
  t->send (0x4000, blob ("fine"));
  fail_unless (peer.receive () == blob ("fine"));
  peer.send_to (t->relayed, blob ("!no"));
  peer.send_to (t->relayed, blob ("yes"));
  fail_unless (t->data () == blob ("yes"));
  fail_unless (server.watcher.relayed.get () == 4 && server.net->stats ().vetoed == 2);
}
GST_END_TEST

// The ICMP answer to what went to a port where nobody is (RFC 8656, 11.5).
GST_START_TEST (test_icmp)
{
  Server server;
  auto t = server.talk (Over::udp);
  Plug peer ("127.0.0.1"), living ("127.0.0.1");
  const stun::Address gone = peer.local ();
  peer.close ();
  t->allocate ();
  t->permit (gone);
  t->send (gone, blob ("anybody?"));
  const Blob frame = t->wire.receive ();
  const auto m = Message::parse (frame);
  fail_unless (m && m->method () == Method::data && m->icmp ().has_value ());
  fail_unless (m->icmp ()->type == 3 && m->icmp ()->code == 3);
  fail_unless (*m->xor_address (Attr::xor_peer_address) == gone);
  t->send (living.local (), blob ("you")); // not lost by the other's error
  fail_unless (living.receive () == blob ("you"));
}
GST_END_TEST

// Equal sizes, one shorter, another size, two peers: in bursts that batches are made of.
GST_START_TEST (test_bursts)
{
  Server server;
  auto t = server.talk (Over::udp);
  Plug a ("127.0.0.1"), b ("127.0.0.1");
  t->allocate ();
  t->bind (0x4000, a.local ());
  t->bind (0x4001, b.local ());
  const std::size_t sizes[] = {500, 500, 500, 300, 300, 500, 1390, 1390, 1500, 1500, 1, 0, 0, 2};
  for (unsigned round = 0; round < 20; round++) {
    std::vector<Blob> sent;
    for (const std::size_t n : sizes) {
      sent.emplace_back (n, static_cast<std::uint8_t> (round + sent.size ()));
      t->send (0x4000, sent.back ());
      if (n % 3 == 0)
        t->send (0x4001, sent.back ());
    }
    for (const Blob &s : sent) {
      fail_unless (a.receive () == s);
      if (s.size () % 3 == 0)
        fail_unless (b.receive () == s);
    }
    for (const Blob &s : sent)
      a.send_to (t->relayed, s);
    for (const Blob &s : sent)
      fail_unless (t->data () == s);
  }
}
GST_END_TEST

GST_START_TEST (test_many)
{
  { // what GLib opens once and keeps
    Server first;
  }
  const long fds = open_fds ();
  {
    ts::NetSettings s = settings ();
    s.threads = 2;
    s.core.limits.user_allocations = 0;
    Server server (std::move (s));
    Plug peer ("127.0.0.1");
    std::vector<std::unique_ptr<Talker>> all_of_them;
    for (unsigned i = 0; i < 100; i++) {
      auto &t = all_of_them.emplace_back (server.talk (i % 2 ? Over::udp : Over::tcp));
      fail_unless_equals_int (t->allocate (), 0);
      fail_unless_equals_int (t->bind (0x4000, peer.local ()), 0);
    }
    for (auto &t : all_of_them) {
      t->send (0x4000, blob ("me"));
      stun::Address from;
      fail_unless (peer.receive (20000, &from) == blob ("me") && from == t->relayed);
    }
    fail_unless (server.net->stats ().allocations == 100);
    server.net.reset ();
    fail_unless (server.watcher.deleted.get ().size () == 100); // by the end of the server
    fail_unless (server.watcher.deleted.get ()[0] == ts::Ended::shutdown);
  }
  fail_unless_equals_int (open_fds (), fds);
}
GST_END_TEST

GST_START_TEST (test_reservation_over_loops)
{
  ts::NetSettings s = settings ();
  s.threads = 2;
  Server server (std::move (s));
  for (unsigned i = 0; i < 8; i++) { // TCP: one loop after the other
    auto rtp = server.talk (Over::tcp), rtcp = server.talk (Over::tcp);
    const std::uint8_t reserve[] = {0x80};
    fail_unless_equals_int (
        rtp->allocate ([&] (Builder &b) { b.add (Attr::even_port, reserve); }), 0);
    const auto m = Message::parse (rtp->response);
    const Bytes token = *m->find (Attr::reservation_token);
    fail_unless_equals_int (
        rtcp->allocate ([&] (Builder &b) { b.add (Attr::reservation_token, token); }), 0);
    fail_unless (rtcp->relayed.port == rtp->relayed.port + 1 && rtp->relayed.port % 2 == 0);
  }
}
GST_END_TEST

// The sockets of several threads share a port, but not with another server, or twice with this one.
GST_START_TEST (test_port_is_taken)
{
  for (const unsigned threads : {1u, 2u}) {
    ts::NetSettings s = settings ();
    s.threads = threads;
    s.tcp = false;
    Server server (s);
    std::string error;
    fail_unless (server.net->add_binding (s.bind_address, server.net->port (), error) == 0);
    fail_unless (!error.empty ());
    s.port = server.net->port ();
    Watcher quiet;
    error.clear ();
    fail_unless (ts::NetServer::start (s, quiet, error) == nullptr);
    fail_unless (error.find (std::to_string (s.port)) != error.npos, "%s", error.c_str ());
    fail_unless_equals_int (server.talk (Over::udp)->allocate (), 0);
  }
}
GST_END_TEST

GST_START_TEST (test_cannot_start)
{
  Watcher w;
  std::string error;
  Plug taken ("127.0.0.1");
  ts::NetSettings s = settings ();
  s.port = taken.local ().port;
  fail_unless (!ts::NetServer::start (s, w, error) && error.find ("port") != error.npos);
  s = settings ();
  s.bind_address = "nowhere";
  fail_unless (!ts::NetServer::start (s, w, error) && error.find ("nowhere") != error.npos);
  s = settings ();
  s.tls = true;
  s.tls_certificate = "/nonexistent";
  fail_unless (!ts::NetServer::start (s, w, error) && error.find ("/nonexistent") != error.npos);
  s = settings ();
  s.relay_bind[0] = "::1";
  fail_unless (!ts::NetServer::start (s, w, error));
}
GST_END_TEST

static Suite *server_net_suite ()
{
  Suite *s = suite_create ("turn-server-net");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_transports);
  tcase_add_test (tc, test_ipv6);
  tcase_add_test (tc, test_closed_connection);
  tcase_add_test (tc, test_stream_out_of_step);
  tcase_add_test (tc, test_idle_connection);
  tcase_add_test (tc, test_connection_limits);
  tcase_add_test (tc, test_application_authorizes);
  tcase_add_test (tc, test_inspect);
  tcase_add_test (tc, test_icmp);
  tcase_add_test (tc, test_bursts);
  tcase_add_test (tc, test_many);
  tcase_add_test (tc, test_reservation_over_loops);
  tcase_add_test (tc, test_port_is_taken);
  tcase_add_test (tc, test_cannot_start);
  return s;
}
GST_CHECK_MAIN (server_net)

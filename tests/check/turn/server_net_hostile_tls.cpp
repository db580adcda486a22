// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers that are hostile on sockets: others are served beside them.
#include "server_net.h"

using namespace reach;
using namespace reach::test;

namespace {
// UDP from an address of this host to the server.
int from (const char *ip, std::uint16_t to, std::uint16_t own = 0)
{
  const auto a = reach::Address::parse (ip, own), b = reach::Address::parse ("127.0.0.1", to);
  const int fd = ::socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  fail_unless (fd >= 0 && ::bind (fd, a->get (), a->length) == 0 &&
               ::connect (fd, b->get (), b->length) == 0);
  return fd;
}

// A DTLS client, as far as it goes by itself.
class Dtls {
public:
  Dtls (const TlsContext &context, const char *ip, std::uint16_t port, std::uint16_t own = 0)
      : plug_ (from (ip, port, own)), session_ (context.session ("127.0.0.1"))
  {
    push ();
  }
  // False: no answer in time.
  bool step (int ms)
  {
    const Blob b = plug_.receive (ms);
    if (b.empty ())
      return false;
    session_->input (b);
    push ();
    return true;
  }
  // Its address is proved, and it says no more.
  void knock () { fail_unless (step (20000)); }
  // The server's flight, of which it says nothing.
  bool is_answered (int ms) { return !plug_.receive (ms).empty (); }
  bool shake_hands ()
  {
    while (session_->state () == TlsSession::State::handshake && step (5000)) {
    }
    return session_->state () == TlsSession::State::open;
  }

  std::uint16_t port () const { return plug_.local ().port; }
  // What it has said first with a proof of its address, once more.
  void say_again () { plug_.send (sent_.at (1)); }

private:
  void push ()
  {
    auto &out = session_->output ();
    std::size_t at = 0;
    for (const std::uint16_t n : out.sizes) {
      const Bytes datagram = Bytes (out.bytes).subspan (at, n);
      sent_.emplace_back (datagram.begin (), datagram.end ());
      plug_.send (datagram);
      at += n;
    }
    out.clear ();
  }
  Plug plug_;
  std::unique_ptr<TlsSession> session_;
  std::vector<Blob> sent_;
};
} // namespace

// One address begins all the handshakes that there may be, and ends none.
GST_START_TEST (test_half_open)
{
  ts::NetSettings s = settings ();
  s.limits.half_open = 32;
  Server server (std::move (s), true);
  const auto trust = server.trust (Over::dtls);
  std::vector<std::unique_ptr<Dtls>> silent;
  for (unsigned i = 0; i < 40; i++) {
    silent.push_back (std::make_unique<Dtls> (*trust, "127.0.0.2", server.net->tls_port ()));
    silent.back ()->knock ();
    fail_unless_equals_int (silent.back ()->is_answered (i < 8 ? 20000 : 50), i < 8);
  }
  Dtls honest (*trust, "127.0.0.3", server.net->tls_port ());
  fail_unless (honest.shake_hands ());
}
GST_END_TEST

// A handshake is much work: one address gets so many of them.
GST_START_TEST (test_handshakes)
{
  ts::NetSettings s = settings ();
  s.core.limits.unauthenticated = {0.001, 4};
  Server server (std::move (s), true);
  const auto trust = server.trust (Over::tls);
  for (unsigned i = 0; i < 4; i++)
    Wire (Over::tls, server.net->tls_port (), trust);
  Plug fifth (SOCK_STREAM, server.net->tls_port ());
  fail_unless (fifth.receive ().empty ()); // closed
  Dtls sixth (*server.trust (Over::dtls), "127.0.0.1", server.net->tls_port ());
  sixth.knock ();
  fail_unless (!sixth.is_answered (50));
  fail_unless (server.net->stats ().refused == 2);
  Dtls honest (*server.trust (Over::dtls), "127.0.0.3", server.net->tls_port ());
  fail_unless (honest.shake_hands ());
}
GST_END_TEST

// A client is killed, and another one gets its port: it is not taken for the first one. A hello
// that comes twice ends nothing.
GST_START_TEST (test_port_of_a_dead_client)
{
  Server server (settings (), true);
  const auto trust = server.trust (Over::dtls);
  std::uint16_t port = 0;
  for (unsigned n = 1; n <= 3; n++) {
    Dtls d (*trust, "127.0.0.3", server.net->tls_port (), port);
    fail_unless (d.shake_hands (), "%u", n);
    port = d.port ();
    d.say_again ();
    Dtls behind (*trust, "127.0.0.4", server.net->tls_port ()); // when that was looked at
    fail_unless (behind.shake_hands ());
    fail_unless_equals_int (server.net->stats ().connections, 1 + n);
    fail_unless_equals_int (server.net->stats ().accepted, 2 * n);
  }
}
GST_END_TEST

// Through a relay to the server itself, which it would serve as another client.
GST_START_TEST (test_itself)
{
  Server server;
  std::string error;
  const std::uint16_t more = server.net->add_binding ("127.0.0.1", 0, error);
  fail_unless (more != 0);
  auto t = server.talk (Over::udp), tcp = server.talk (Over::tcp);
  fail_unless_equals_int (t->allocate (), 0);
  fail_unless_equals_int (t->permit (stun::Address::v4 (127, 0, 0, 1, 1)), 0);
  Blob request (100);
  const Bytes binding =
      Builder (request, Method::binding, Class::request, stun::TransactionId{7}).message ();
  for (const std::uint16_t port : {server.net->port (), more})
    t->send (stun::Address::v4 (127, 0, 0, 1, port), binding);
  fail_unless_equals_int (t->refresh (600), 0); // the next thing that is answered
  fail_unless (server.watcher.discarded.wait (
      [] (auto &v) { return std::ranges::count (v, ts::Discard::denied_peer) == 2; }));
  fail_unless (server.net->stats ().core.bindings == 0);
  fail_unless_equals_int (
      tcp->request (Method::allocate, [] (Builder &b) { b.u8 (Attr::requested_transport, 6); }), 0);
  fail_unless_equals_int (tcp->request (Method::connect,
                              [&] (Builder &b) {
                                b.xor_address (Attr::xor_peer_address,
                                    stun::Address::v4 (127, 0, 0, 1, server.net->port ()));
                              }),
      403);
}
GST_END_TEST

// Somebody on the way sends a client's move (RFC 8016) once more, from an address of his own, for
// which its nonce is not, or from another port of the same: the allocation stays where it is.
GST_START_TEST (test_replayed_move)
{
  ts::NetSettings s = settings ();
  s.core.mobility = true;
  Server server (s);
  auto t = server.talk (Over::udp), next = server.talk (Over::udp), eve = server.talk (Over::udp);
  Plug peer ("127.0.0.1");
  fail_unless_equals_int (t->allocate ([] (Builder &b) { b.flag (Attr::mobility_ticket); }), 0);
  const auto found = *Message::parse (t->response)->find (Attr::mobility_ticket);
  const Blob ticket (found.begin (), found.end ());
  fail_unless_equals_int (t->permit (peer.local ()), 0);
  const auto move = [&] (Builder &b) {
    b.u32 (Attr::lifetime, 600);
    b.add (Attr::mobility_ticket, ticket);
  };
  fail_unless_equals_int (next->request (Method::refresh, move), 0);
  Plug stranger (from ("127.0.0.3", server.net->port ()));
  const auto code_of = [] (const Blob &answer) {
    const auto m = Message::parse (answer);
    return m && m->kind () == Class::error ? m->error ()->code : 0;
  };
  for (int i = 0; i < 3; i++) {
    eve->wire.send (next->sent);
    fail_unless_equals_int (code_of (eve->wire.receive ()), 400);
    stranger.send (next->sent);
    fail_unless_equals_int (code_of (stranger.receive ()), 438);
  }
  fail_unless (server.net->stats ().core.moved == 1);
  peer.send_to (t->relayed, blob ("mine"));
  fail_unless (next->data () == blob ("mine"));
  fail_unless (eve->wire.receive (0).empty ());
}
GST_END_TEST

// Clients on TCP that are gone in the middle of whatever they did: nothing of them stays.
GST_START_TEST (test_killed_clients)
{
  Server server;
  for (int i = 0; i < 60; i++) {
    auto t = server.talk (Over::tcp);
    if (i % 4 > 0)
      t->request (Method::binding);
    if (i % 4 > 1)
      fail_unless_equals_int (t->allocate (), 0);
    if (i % 4 > 2)
      t->wire.raw_send (Blob{0x40, 0, 0x10, 0, 1, 2, 3}); // the begin of a frame
  }
  fail_unless (iterate_until ([&] {
    const ts::NetStats n = server.net->stats ();
    return n.connections == 0 && n.allocations == 0 && n.core.created == 30;
  }));
  fail_unless_equals_int (server.talk (Over::tcp)->allocate (), 0);
}
GST_END_TEST

// Two allocations that send each other what they get: a limit of bandwidth ends it.
GST_START_TEST (test_ping_pong)
{
  ts::NetSettings s = settings ();
  s.core.user_bandwidth = {1000, 65536};
  Server server (s);
  auto a = server.talk (Over::udp), b = server.talk (Over::udp);
  fail_unless (a->allocate () == 0 && b->allocate () == 0);
  fail_unless (a->bind (0x4000, b->relayed) == 0 && b->bind (0x4000, a->relayed) == 0);
  const Blob ball (1000, 'x');
  const auto begin = std::chrono::steady_clock::now ();
  unsigned turns = 0;
  a->send (0x4000, ball);
  for (Talker *t = b.get (); !t->data (500).empty (); t = t == b.get () ? a.get () : b.get ()) {
    t->send (0x4000, ball);
    fail_unless (++turns < 1000);
  }
  const double seconds =
      std::chrono::duration<double> (std::chrono::steady_clock::now () - begin).count ();
  const ts::NetStats n = server.net->stats ();
  const auto &traffic = n.core.traffic;
  fail_unless (traffic.to_peers_bytes + traffic.to_client_bytes <= 65536 + 1000 * (seconds + 1));
  fail_unless (turns > 10 && server.watcher.discarded.wait ([] (auto &v) {
    return std::ranges::count (v, ts::Discard::over_bandwidth) == 1;
  }));
}
GST_END_TEST

static Suite *server_net_hostile_suite ()
{
  Suite *s = suite_create ("turn-server-net-hostile");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_half_open);
  tcase_add_test (tc, test_handshakes);
  tcase_add_test (tc, test_port_of_a_dead_client);
  tcase_add_test (tc, test_itself);
  tcase_add_test (tc, test_replayed_move);
  tcase_add_test (tc, test_killed_clients);
  tcase_add_test (tc, test_ping_pong);
  return s;
}
GST_CHECK_MAIN (server_net_hostile)

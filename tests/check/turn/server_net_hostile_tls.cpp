// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers that are hostile on sockets: others are served beside them.
#include "server_net.h"

using namespace reach;
using namespace reach::test;

namespace {
// UDP from an address of this host to the server.
int from (const char *ip, std::uint16_t to)
{
  const auto a = reach::Address::parse (ip, 0), b = reach::Address::parse ("127.0.0.1", to);
  const int fd = ::socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  fail_unless (fd >= 0 && ::bind (fd, a->get (), a->length) == 0 &&
               ::connect (fd, b->get (), b->length) == 0);
  return fd;
}

// A DTLS client, as far as it goes by itself.
class Dtls {
public:
  Dtls (const TlsContext &context, const char *ip, std::uint16_t port)
      : plug_ (from (ip, port)), session_ (context.session ("127.0.0.1"))
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

private:
  void push ()
  {
    auto &out = session_->output ();
    std::size_t at = 0;
    for (const std::uint16_t n : out.sizes) {
      plug_.send (Bytes (out.bytes).subspan (at, n));
      at += n;
    }
    out.clear ();
  }
  Plug plug_;
  std::unique_ptr<TlsSession> session_;
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

static Suite *server_net_hostile_suite ()
{
  Suite *s = suite_create ("turn-server-net-hostile");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_half_open);
  tcase_add_test (tc, test_handshakes);
  tcase_add_test (tc, test_itself);
  return s;
}
GST_CHECK_MAIN (server_net_hostile)

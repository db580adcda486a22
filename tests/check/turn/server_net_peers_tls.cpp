// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers over TCP (RFC 6062) on sockets: control and data over TCP and TLS, one loop and several.
#include "../common/fds.h"
#include "server_net.h"
#include <thread>

using namespace reach;
using namespace reach::test;

namespace {
int listener (std::uint16_t &port)
{
  const auto a = reach::Address::parse ("127.0.0.1", 0);
  const int fd = ::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  fail_unless (::bind (fd, a->get (), a->length) == 0 && ::listen (fd, 4) == 0);
  port = reach::Address::local_of (fd).port ();
  return fd;
}

// The peer that the server connects to.
struct Peer {
  Peer () : fd_ (listener (port)) {}
  ~Peer () { ::close (fd_); }
  stun::Address address () const { return stun::Address::v4 (127, 0, 0, 1, port); }
  std::unique_ptr<Plug> accept ()
  {
    return std::make_unique<Plug> (::accept (fd_, nullptr, nullptr));
  }
  std::uint16_t port = 0;

private:
  int fd_;
};

unsigned allocate (Talker &t)
{
  const unsigned code =
      t.request (Method::allocate, [] (Builder &b) { b.u8 (Attr::requested_transport, 6); });
  if (code == 0)
    t.relayed = *Message::parse (t.response)->xor_address (Attr::xor_relayed_address);
  return code;
}

unsigned connect (Talker &t, const stun::Address &peer)
{
  return t.request (
      Method::connect, [&] (Builder &b) { b.xor_address (Attr::xor_peer_address, peer); });
}

std::uint32_t id_in (const Blob &message)
{
  return Message::parse (message)->u32 (Attr::connection_id).value_or (0);
}

std::unique_ptr<Talker> bound (Server &server, Over over, std::uint32_t id)
{
  auto d = server.talk (over);
  const unsigned code =
      d->request (Method::connection_bind, [&] (Builder &b) { b.u32 (Attr::connection_id, id); });
  fail_unless (code == 0, "%u", code);
  return d;
}

Blob read (Talker &t, std::size_t n)
{
  Blob all;
  while (all.size () < n) {
    const Blob b = t.wire.raw ();
    if (b.empty ())
      break;
    all.insert (all.end (), b.begin (), b.end ());
  }
  return all;
}

Blob read (Plug &p, std::size_t n)
{
  Blob all;
  while (all.size () < n) {
    const Blob b = p.receive ();
    if (b.empty ())
      break;
    all.insert (all.end (), b.begin (), b.end ());
  }
  return all;
}

Blob pattern (std::size_t n)
{
  Blob b (n);
  for (std::size_t i = 0; i < n; i++)
    b[i] = static_cast<std::uint8_t> (i * 7 + i / 251);
  return b;
}
} // namespace

// The server connects to the peer.
GST_START_TEST (test_connect)
{
  for (const unsigned threads : {1u, 3u}) {
    ts::NetSettings s = settings ();
    s.threads = threads;
    Server server (std::move (s), true);
    for (const Over over : {Over::tcp, Over::tls, Over::tcp}) {
      auto t = server.talk (over);
      Peer peer;
      fail_unless_equals_int (allocate (*t), 0);
      fail_unless_equals_int (connect (*t, peer.address ()), 0);
      auto there = peer.accept ();
      fail_unless (there->remote () == t->relayed); // from the relayed port
      there->send (blob ("early"));                 // waits for ConnectionBind
      auto d = bound (server, over, id_in (t->response));
      fail_unless (read (*d, 5) == blob ("early"));
      d->wire.raw_send (blob ("to the peer"));
      fail_unless (read (*there, 11) == blob ("to the peer"));
      there->send (blob ("back"));
      fail_unless (read (*d, 4) == blob ("back"));
      fail_unless_equals_int (connect (*t, peer.address ()), 446);
      there->close (); // what the peer ends, ends for the client
      fail_unless (d->wire.raw ().empty ());
    }
    fail_unless (server.net->stats ().core.connected == 3);
  }
}
GST_END_TEST

// The peer connects to the relayed address.
GST_START_TEST (test_peer_comes)
{
  for (const unsigned threads : {1u, 3u}) {
    ts::NetSettings s = settings ();
    s.threads = threads;
    Server server (std::move (s), true);
    for (const Over over : {Over::tcp, Over::tls}) {
      auto t = server.talk (over);
      fail_unless_equals_int (allocate (*t), 0);
      Plug stranger (SOCK_STREAM, t->relayed.port);
      fail_unless (stranger.receive ().empty ()); // no permission
      fail_unless_equals_int (t->permit (t->relayed), 0);
      Plug peer (SOCK_STREAM, t->relayed.port);
      const Blob attempt = t->wire.receive ();
      const auto m = Message::parse (attempt);
      fail_unless (m && m->method () == Method::connection_attempt &&
                   *m->xor_address (Attr::xor_peer_address) == peer.local ());
      auto d = bound (server, over, id_in (attempt));
      peer.send (blob ("hello"));
      fail_unless (read (*d, 5) == blob ("hello"));
      d->wire.raw_send (blob ("and goodbye"));
      d->wire.close (); // what was sent arrives
      fail_unless (read (peer, 100) == blob ("and goodbye"));
    }
  }
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  Server server;
  auto t = server.talk (Over::tcp);
  fail_unless_equals_int (allocate (*t), 0);
  std::uint16_t port = 0;
  ::close (listener (port));
  fail_unless_equals_int (connect (*t, stun::Address::v4 (127, 0, 0, 1, port)), 447);
  fail_unless_equals_int (connect (*t, stun::Address::v4 (10, 0, 0, 1, 80)), 403);
  fail_unless_equals_int (connect (*t, t->relayed), 447); // to itself
}
GST_END_TEST

// Who does not read holds up the sender, and no memory is filled.
GST_START_TEST (test_back_pressure)
{
  ts::NetSettings s = settings ();
  s.limits.spliced = 64 << 10;
  Server server (std::move (s), true);
  const Blob data = pattern (48u << 20);
  for (const Over over : {Over::tcp, Over::tls}) {
    auto t = server.talk (over);
    Peer peer;
    allocate (*t);
    connect (*t, peer.address ());
    auto there = peer.accept ();
    auto d = bound (server, over, id_in (t->response));
    const std::size_t sent = there->send_until_blocked (data);
    fail_unless (sent < data.size () / 2, "%zu", sent); // what kernels hold, and not much more
    std::thread rest ([&] { there->send (Bytes (data).subspan (sent)); });
    fail_unless (read (*d, data.size ()) == data);
    rest.join ();
    std::thread writer ([&] { d->wire.raw_send (data); });
    fail_unless (read (*there, data.size ()) == data);
    writer.join ();
    // The last bytes, too, when the sender ends at once.
    there->send (Bytes (data).first (1u << 20));
    there->close ();
    fail_unless (read (*d, 2u << 20).size () == 1u << 20);
  }
}
GST_END_TEST

GST_START_TEST (test_ends)
{
  { // what GLib opens once and keeps
    Server first;
  }
  const long fds = open_fds ();
  {
    Server server;
    Peer peer;
    auto t = server.talk (Over::tcp);
    allocate (*t);
    connect (*t, peer.address ());
    auto there = peer.accept ();
    auto d = bound (server, Over::tcp, id_in (t->response));
    fail_unless_equals_int (t->refresh (0), 0); // both ends hear of it
    fail_unless (there->receive ().empty () && d->wire.raw ().empty ());
    allocate (*t);
    connect (*t, peer.address ());
    auto again = peer.accept ();
    auto e = bound (server, Over::tcp, id_in (t->response));
    again->send (blob ("x"));
    fail_unless (read (*e, 1) == blob ("x"));
    server.net.reset ();
    fail_unless (again->receive ().empty () && e->wire.raw ().empty ());
  }
  fail_unless_equals_int (open_fds (), fds);
}
GST_END_TEST

static Suite *server_net_peers_suite ()
{
  Suite *s = suite_create ("turn-server-net-peers");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_connect);
  tcase_add_test (tc, test_peer_comes);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_back_pressure);
  tcase_add_test (tc, test_ends);
  return s;
}
GST_CHECK_MAIN (server_net_peers)

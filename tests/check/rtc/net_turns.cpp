// SPDX-License-Identifier: LGPL-2.1-or-later
// TURN over TLS for ICE: libnice's connections by way of TurnsBridge, with coturn and with servers
// of this test.
#include "coturn.h"
#include "peers.h"
#include "rtc/net/turns_bridge.h"
#include "tls_files.h"
#include <poll.h>
#include <sys/wait.h>

using namespace reach;
using namespace reach::test;
using Seen = Peer::Seen;

namespace {
std::shared_ptr<const TlsContext> trusting (const std::string &ca)
{
  TlsConfig c;
  c.ca_file = ca;
  std::string error;
  auto context = TlsContext::make (c, error);
  fail_unless (context != nullptr, "%s", error.c_str ());
  return context;
}

struct Rig {
  TlsFiles files, others;
  TlsFiles::Identity id = files.issue ("localhost", "DNS:localhost");
  Coturn coturn{
      {"--lt-cred-mech", "--user=user:pass", "--cert=" + id.certificate, "--pkey=" + id.key, "-v"}};

  TransportSettings settings (bool controlling, const char *host = "localhost", bool trust = true)
  {
    TransportSettings s;
    s.ice.controlling = controlling;
    s.ice.relay_only = true;
    s.ice.addresses = {"127.0.0.1"};
    s.ice.servers = {{*turn::parse_uri ("turns:user:pass@" + std::string (host) + ":" +
                                        std::to_string (coturn.tls_port ())),
        "", ""}};
    s.ice.tls = trusting (trust ? files.ca () : others.ca ());
    return s;
  }
};

bool sanitized ()
{
  if (g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") != 0)
    return false;
  g_print ("skipped: libnice 0.1.21 loses 80 KB of a relay over TCP when its agent ends\n");
  return true;
}

bool warned (const Seen &s, const char *of)
{
  return std::ranges::any_of (
      s.warnings, [of] (const std::string &w) { return w.find (of) != std::string::npos; });
}
} // namespace

// Nothing but the relay is told, and media and data pass, also as much as fills all buffers.
GST_START_TEST (test_call)
{
  if (sanitized () || !Coturn::there ())
    return;
  Rig rig;
  PeerPair p (rig.settings (true), rig.settings (false));
  p.connect ();
  for (Peer *x : {&p.a, &p.b}) {
    for (const std::string &text : x->seen.get ().candidates)
      fail_unless (parse_candidate (text)->type == CandidateType::relay, "%s", text.c_str ());
    fail_unless (x->seen.wait ([] (const Seen &s) { return s.data; }));
    fail_unless (x->seen.get ().warnings.empty ());
  }
  fail_unless_equals_int (send_rtp (p.a, 1, 20), 20);
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.rtp >= 15; }));
  constexpr unsigned messages = 20;
  for (unsigned i = 0; i < messages; i++)
    fail_unless (p.b.on_loop ([] (Transport &t) {
      return t.sctp ()->send (1, 53, {}, std::vector<std::uint8_t> (100000, 1));
    }) == Sctp::Sent::yes);
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.message_bytes == messages * 100000; }));
  // What it took: TLS, at both sides.
  fail_unless (iterate_until ([&] { return rig.coturn.logged ("TLS") >= 2; }));
}
GST_END_TEST

// Another name than the certificate's, and an authority that we do not trust.
GST_START_TEST (test_wrong_certificate)
{
  if (!Coturn::there ())
    return;
  Rig rig;
  for (const bool name : {true, false}) {
    TransportSettings s = rig.settings (true, name ? "127.0.0.1" : "localhost", name);
    s.ice.gather_limit = seconds (1);
    Peer p (std::make_shared<Loop> ("peer"), make_context (), s);
    p.loop->call ([&] { p.transport->gather (); });
    fail_unless (p.seen.wait ([] (const Seen &x) { return !x.warnings.empty (); }));
    fail_unless (warned (p.seen.get (), "certificate"), "%s", p.seen.get ().warnings[0].c_str ());
    fail_unless (p.seen.wait ([] (const Seen &x) { return x.gathered; }));
    fail_unless (p.seen.get ().candidates.empty ());
    fail_unless (warned (p.seen.get (), "no address of a TURN server"));
    fail_unless_equals_int (p.seen.get ().warnings.size (), 2);
  }
}
GST_END_TEST

// The server goes: that is told, and a restart finds it when it is there again.
GST_START_TEST (test_killed)
{
  if (sanitized () || !Coturn::there ())
    return;
  Rig rig;
  PeerPair p (rig.settings (true), rig.settings (false));
  p.connect ();
  rig.coturn.kill ();
  for (Peer *x : {&p.a, &p.b})
    fail_unless (x->seen.wait ([] (const Seen &s) { return warned (s, "TURN over TLS"); }));
  rig.coturn.start ();
  for (Peer *x : {&p.a, &p.b})
    x->loop->call ([x] { x->transport->restart_ice (); });
  p.a.other = p.b.other = nullptr;
  introduce (p.a, p.b, false);
  // Candidates that came before the other side had the credentials.
  for (const auto &[from, to] : {std::pair{&p.a, &p.b}, std::pair{&p.b, &p.a}})
    for (const std::string &c : from->seen.get ().candidates)
      to->on_loop ([&] (Transport &t) { return t.add_remote (c); });
  std::uint16_t number = 0;
  const auto passes = [&] {
    send_rtp (p.a, ++number, 1);
    return p.b.seen.get ().rtp > 0;
  };
  fail_unless (iterate_until (passes), "%s", p.a.seen.get ().warnings.back ().c_str ());
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  const auto fault = [] (const char *uri) {
    return Ice::check ({*turn::parse_uri (uri), "user", "pass"});
  };
  fail_unless (fault ("turns:example.org").empty ());
  fail_unless (!fault ("turns:example.org?transport=udp").empty ());
  fail_unless (!fault ("stuns:example.org").empty ());
}
GST_END_TEST

namespace {
// The other end: a TLS server that reads when it is told to.
class Server final : public StreamSocket::Owner {
public:
  Server (Loop &loop, std::shared_ptr<const TlsContext> tls) : loop_ (loop)
  {
    std::string error;
    const int fd = Listener::bind ("127.0.0.1", 0, error);
    fail_unless (fd >= 0);
    listener_ = std::make_unique<Listener> (loop, fd, [this, tls] (int accepted) {
      socket_ = std::make_unique<StreamSocket> (loop_, *this, accepted, tls->session ());
    });
  }
  Address address () const { return *Address::parse ("127.0.0.1", listener_->port ()); }
  void set_reading (bool on) { socket_->set_reading (on); }
  Watched<std::string> came;
  Watched<bool> up, over;

private:
  void on_connected () override
  {
    socket_->set_reading (false);
    up.set (true);
  }
  void on_input (Bytes b) override
  {
    came.update (
        [b] (std::string &s) { s.append (reinterpret_cast<const char *> (b.data ()), b.size ()); });
    if (b.size () > 100) { // the first of it comes back
      socket_->queue (slice_of ({b.begin (), b.begin () + 4}));
      socket_->flush ();
    }
  }
  void on_writable () override {}
  void on_closed (int) override { over.set (true); }

  Loop &loop_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<StreamSocket> socket_;
};

int connect_to (std::uint16_t port)
{
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const Address to = *Address::parse ("127.0.0.1", port);
  fail_unless (connect (fd, to.get (), to.length) == 0);
  return fd;
}

// Another process is refused.
void expect_refused (std::uint16_t port)
{
  const pid_t child = fork ();
  if (child == 0) {
    const int fd = socket (AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons (port);
    to.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    char byte;
    const bool refused = connect (fd, reinterpret_cast<sockaddr *> (&to), sizeof to) == 0 &&
                         read (fd, &byte, 1) <= 0;
    _exit (refused ? 0 : 1);
  }
  int status = 0;
  fail_unless (waitpid (child, &status, 0) == child && status == 0);
}
} // namespace

GST_START_TEST (test_bridge)
{
  TlsFiles files;
  const auto id = files.issue ("localhost");
  TlsConfig c;
  c.server = true;
  c.certificate = id.certificate;
  c.key = id.key;
  std::string error;
  const auto server_tls = TlsContext::make (c, error);
  fail_unless (server_tls != nullptr, "%s", error.c_str ());
  Loop loop ("bridge");
  std::unique_ptr<Server> server;
  std::unique_ptr<TurnsBridge> bridge;
  std::uint16_t port = 0;
  loop.call ([&] {
    server = std::make_unique<Server> (loop, server_tls);
    bridge = TurnsBridge::open (
        loop,
        {{*Address::parse ("127.0.0.2", 9), server->address ()}, "localhost",
            trusting (files.ca ())},
        [] (const std::string &) {}, error);
    port = bridge->port ();
  });

  expect_refused (port);

  // A server that does not read: after what buffers hold nothing more is taken; nothing is lost.
  const int fd = connect_to (port);
  fail_unless (server->up.wait ([] (bool up) { return up; }));
  std::string sent;
  std::vector<std::uint8_t> piece (64 << 10);
  constexpr std::size_t most = 64u << 20;
  for (bool stuck = false; !stuck && sent.size () < most;) {
    for (std::uint8_t &b : piece)
      b = static_cast<std::uint8_t> (g_random_int ());
    const ssize_t n = send (fd, piece.data (), piece.size (), MSG_DONTWAIT);
    if (n > 0) {
      sent.append (reinterpret_cast<const char *> (piece.data ()), static_cast<std::size_t> (n));
    } else {
      pollfd p{fd, POLLOUT, 0};
      stuck = poll (&p, 1, 300) == 0;
    }
  }
  fail_unless (sent.size () < most, "the bridge took %u MB", static_cast<unsigned> (most >> 20));
  loop.call ([&] { server->set_reading (true); });
  fail_unless (
      server->came.wait ([&] (const std::string &s) { return s.size () == sent.size (); }));
  fail_unless (server->came.get () == sent);
  char back[4];
  fail_unless (recv (fd, back, 4, MSG_WAITALL) == 4 && sent.compare (0, 4, back, 4) == 0);

  // Its end is told to both sides.
  loop.call ([&] { bridge.reset (); });
  fail_unless (server->over.wait ([] (bool over) { return over; }));
  while (recv (fd, piece.data (), piece.size (), 0) > 0) {
  }
  close (fd);
  loop.call ([&] { server.reset (); });
}
GST_END_TEST

static Suite *net_turns_suite (void)
{
  Suite *s = suite_create ("rtc-net_turns");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_call);
  tcase_add_test (t, test_wrong_certificate);
  tcase_add_test (t, test_killed);
  tcase_add_test (t, test_refused);
  tcase_add_test (t, test_bridge);
  return s;
}
GST_CHECK_MAIN (net_turns)

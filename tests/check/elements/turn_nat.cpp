// SPDX-License-Identifier: LGPL-2.1-or-later
// A call between two hosts behind symmetric NATs, which can only meet at the relay: H.264 and Opus
// in both directions at once, each side a process with one allocation.
#include "../line.h"
#include "../masquerade.h"
#include "../peer_process.h"
#include "../plugin.h"
#include "turn_media.h"
#include "turn_server.h"
#include <optional>
#include <sstream>

using namespace reach::test;

namespace {
constexpr const char *relay = "203.0.113.1";
constexpr unsigned frames = 25, sounds = 50;

// The process of one side of the call: "NUMBER FD URI".
void be_side (const std::string &role)
{
  std::istringstream words (role);
  std::size_t number = 0;
  int fd = -1;
  std::string uri;
  words >> number >> fd >> uri;
  Line line (fd);
  Side side (uri, looks[number]);
  side.play ();
  line.say (side.allocated ());
  side.call (line.hear ());
  const Side::Seen seen = side.look_for (looks[1 - number], frames, sounds);
  line.say (std::to_string (seen.frames) + " " + std::to_string (seen.other_frames) + " " +
            std::to_string (seen.sounds));
  line.hear (); // it goes on until it is killed: the other side may need longer
}

// A side's process in its own network, seen from the test.
class Caller {
public:
  Caller (const Namespace &host, unsigned number, const std::string &uri) : Caller (make_pair ())
  {
    host.enter ();
    process_.emplace (std::to_string (number) + " " + std::to_string (there_) + " " + uri);
    close (there_); // so that its end is noticed
  }
  Line &line () { return line_; }

private:
  struct Pair {
    int here, there;
  };
  static Pair make_pair ()
  {
    int fds[2];
    fail_unless_equals_int (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    fcntl (fds[0], F_SETFD, FD_CLOEXEC);
    return {fds[0], fds[1]};
  }
  explicit Caller (Pair p) : line_ (p.here), there_ (p.there) {}
  Line line_;
  const int there_;
  std::optional<PeerProcess> process_;
};

// False, and the reason is printed: this machine has no such networks.
bool make (Home &home, const Namespace &world)
{
  const std::string trouble = home.make (world, relay);
  if (!trouble.empty ())
    g_print ("skipped: no network namespace, veth pair or nftables masquerade here: %s\n",
        trouble.c_str ());
  return trouble.empty ();
}

// To different peers it is different ports, which answers alone pass: knowing them is no use, also
// when both sides try at once.
void cannot_meet (const Namespace &world, const Home &a, const Home &b)
{
  constexpr unsigned rounds = 5;
  Plug one (world, relay), two (world, relay), three (world, relay);
  Plug from_a (a.host, a.inner_address ()), from_b (b.host, b.inner_address ());
  sockaddr_in seen[2];
  for (int i = 0; i < 2; i++) {
    Plug &host = i == 0 ? from_a : from_b;
    in_port_t ports[3];
    int n = 0;
    for (Plug *reflector : {&one, &two, &three}) {
      fail_unless (host.send (reflector->local));
      seen[i] = reflector->receive ();
      ports[n++] = seen[i].sin_port;
      fail_unless (reflector->send (seen[i]));
      fail_unless (host.receive ().sin_port == reflector->local.sin_port);
    }
    fail_unless (seen[i].sin_addr.s_addr == inet_addr ((i == 0 ? a : b).address ().c_str ()));
    fail_unless (ports[0] != ports[1] || ports[1] != ports[2]);
  }
  for (unsigned i = 0; i < rounds; i++) {
    fail_unless (from_a.send (seen[1]) && from_b.send (seen[0]));
    (void)from_a.send (from_b.local); // no route, as the network says
    (void)from_b.send (from_a.local);
  }
  fail_unless (iterate_until ([&] { return a.refused (world) == rounds; }));
  fail_unless (iterate_until ([&] { return b.refused (world) == rounds; }));
  fail_unless (from_a.empty () && from_b.empty ());
}

void talk (const Home &a, const Home &b, const std::string &uri)
{
  Caller first (a.host, 0, uri), second (b.host, 1, uri);
  const std::string at_a = first.line ().hear (), at_b = second.line ().hear ();
  fail_unless (at_a.starts_with (relay) && at_b.starts_with (relay) && at_a != at_b, "%s, %s",
      at_a.c_str (), at_b.c_str ());
  first.line ().say (at_b);
  second.line ().say (at_a);
  for (Caller *side : {&first, &second}) {
    const std::string report = side->line ().hear ();
    std::istringstream words (report);
    Side::Seen seen;
    words >> seen.frames >> seen.other_frames >> seen.sounds;
    fail_unless (seen.frames >= frames && seen.other_frames == 0 && seen.sounds >= sounds,
        "side %d: \"%s\"", side == &second, report.c_str ());
  }
}
} // namespace

GST_START_TEST (test_call)
{
  const char *way = __i__ == 2 ? "tcp" : "udp";
  const bool ours = __i__ > 0;
  if (!ours && !Coturn::there ())
    return;
  Namespace world;
  Home a (1), b (2);
  if (!make (a, world) || !make (b, world))
    return;
  cannot_meet (world, a, b);
  world.enter ();
  std::optional<Coturn> coturn;
  std::optional<TurnServer> own;
  if (ours)
    own.emplace ("allowed-peers=203.0.113.1", relay);
  else
    coturn.emplace (std::vector<std::string>{"--lt-cred-mech", "--user=user:pass"}, relay);
  talk (a, b,
      std::string ("turn:user:pass@") + relay + ":" +
          std::to_string (ours ? own->port () : coturn->port ()) + "?transport=" + way);
  if (!ours)
    return;
  fail_unless_equals_uint64 (own->stat ("allocations-created"), 2);
  fail_unless (own->stat ("packets-to-peers") >= 2 * (frames + sounds));
}
GST_END_TEST

GST_START_TEST (test_side)
{
  be_side (PeerProcess::asked_for ());
}
GST_END_TEST

static Suite *turn_nat_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-nat");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  if (PeerProcess::asked_for ().empty ())
    tcase_add_loop_test (tc, test_call, 0, 3);
  else
    tcase_add_test (tc, test_side);
  return s;
}
GST_CHECK_MAIN (turn_nat)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls between two hosts behind a router that lets through what each test says: which way ICE
// finds, and what becomes of a call whose way is gone. Each side is a process in a network
// namespace; they signal by a server at the router, where coturn is too.
#include "../coturn.h"
#include "../line.h"
#include "../masquerade.h"
#include "../peer_process.h"
#include "rtc/proto/candidate.h"
#include "rtc_call.h"
#include <optional>
#include <sstream>

using namespace reach;
using namespace reach::test;

namespace {
constexpr const char *router = "203.0.113.1";

// The process of one side: "FD LAUNCH LINE". It answers what it is asked.
class Side {
public:
  Side (Line &line, const std::string &text) : line_ (line), caller_ (text)
  {
    g_signal_connect (caller_.peer, "pair-nominated", G_CALLBACK (on_pair), this);
    caller_.play ();
  }
  void run ()
  {
    for (std::string asked = line_.hear (); !asked.empty (); asked = line_.hear ())
      line_.say (answer (asked));
  }

private:
  std::string answer (const std::string &asked)
  {
    std::istringstream words (asked);
    std::string what;
    unsigned n = 0;
    words >> what >> n;
    if (what == "more") // so many pictures
      return caller_.wait_media ("video/x-raw", n, milliseconds (25000)) ? "yes" : "no";
    if (what == "silent") // ICE says that nothing comes
      return iterate_until (
                 [this] {
                   const auto s = caller_.get<GstWebRTCPeerConnectionState> ("connection-state");
                   return s == GST_WEBRTC_PEER_CONNECTION_STATE_DISCONNECTED ||
                          s == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED;
                 },
                 nullptr, 2 * long_enough)
                 ? "yes"
                 : "no";
    if (what == "pair")
      return pair_.get ();
    if (what == "told") // the candidates in our description
      return told ();
    return "what?";
  }
  std::string told ()
  {
    fail_unless (iterate_until ([this] {
      return caller_.get<GstWebRTCICEGatheringState> ("ice-gathering-state") ==
             GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE;
    }));
    GstWebRTCSessionDescription *d = nullptr;
    g_object_get (caller_.peer, "local-description", &d, nullptr);
    const CharPtr sdp (gst_sdp_message_as_text (d->sdp));
    gst_webrtc_session_description_free (d);
    std::istringstream lines (sdp.get ());
    std::string all;
    for (std::string l; std::getline (lines, l);)
      if (l.starts_with ("a=candidate") || l.starts_with ("c="))
        all += l + "\n";
    return all;
  }
  static void on_pair (GstElement *, GstStructure *s, gpointer self)
  {
    std::string text;
    for (const char *end : {"local", "remote"}) {
      const auto c = rtc::parse_candidate (gst_structure_get_string (s, end));
      text += std::string (text.empty () ? "" : " ") + (c->tcp ? "tcp " : "udp ") +
              (c->type == rtc::CandidateType::relay     ? "relay"
                  : c->type == rtc::CandidateType::host ? "direct"
                                                        : "reflexive");
    }
    static_cast<Side *> (self)->pair_.set (text);
  }

  Line &line_;
  Caller caller_;
  Watched<std::string> pair_;
};

void be_side (const std::string &role)
{
  const auto space = role.find (' ');
  Line line (std::stoi (role.substr (0, space)));
  Side (line, role.substr (space + 1)).run ();
}

// A host with one address and a way to the router.
class Host {
public:
  explicit Host (unsigned number) : number_ (number) {}
  std::string address (unsigned last = 2) const { return net () + std::to_string (last); }
  std::string make (const Namespace &world)
  {
    if (!host.ok () || !world.ok ())
      return "no network namespaces of our own";
    const std::string wire = "to-host" + std::to_string (number_);
    world.enter ();
    std::string trouble =
        run_here ("ip link add " + wire + " type veth peer name wire netns " + host.path () +
                  "; ip addr add " + net () + "1/24 dev " + wire + "; ip link set " + wire + " up");
    host.enter ();
    if (trouble.empty ())
      trouble = run_here ("ip link set lo up; ip link set wire up; " + add (2));
    world.enter ();
    return trouble;
  }
  // Another address instead.
  void move (const Namespace &world, unsigned last) const
  {
    host.enter ();
    const std::string trouble = run_here ("ip addr flush dev wire; " + add (last));
    world.enter ();
    fail_unless (trouble.empty (), "%s", trouble.c_str ());
  }
  const Namespace host;

private:
  std::string net () const { return "10.7." + std::to_string (number_) + "."; }
  std::string add (unsigned last) const
  {
    return "ip addr add " + address (last) + "/24 dev wire; ip route add default via " + net () +
           "1";
  }
  const unsigned number_;
};

class Process {
public:
  Process (const Host &h, const Namespace &world, const std::string &launch)
      : Process (make_pair ())
  {
    h.host.enter ();
    process_.emplace (std::to_string (there_) + " " + launch);
    world.enter ();
    close (there_); // so that its end is noticed
  }
  void ask (const std::string &what) { line_.say (what); }
  std::string hear () { return line_.hear (); }
  std::string answer (const std::string &what)
  {
    ask (what);
    return hear ();
  }

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
  explicit Process (Pair p) : line_ (p.here), there_ (p.there) {}
  Line line_;
  const int there_;
  std::optional<PeerProcess> process_;
};

// The network and what stands at its router.
class World {
public:
  // Empty, or why it cannot be.
  std::string make ()
  {
    for (Host *h : {&a, &b})
      if (const std::string trouble = h->make (world); !trouble.empty ())
        return trouble;
    std::string trouble = run_here ("ip link set lo up; ip addr add " + std::string (router) +
                                    "/32 dev lo; echo 1 > /proc/sys/net/ipv4/ip_forward; nft add "
                                    "table inet way");
    if (trouble.empty ())
      server_.emplace (router);
    return trouble;
  }
  // What does not pass between the hosts, and what does not reach the router: rules of nftables.
  void drop (const std::string &between, const std::string &to_router = "")
  {
    const std::string trouble = run_here (
        "nft -f - <<END\nflush table inet way\ntable inet way {\n"
        "chain f { type filter hook forward priority 0; " +
        between +
        "\n}\nchain i { type filter hook input priority 0; iifname \"to-host*\" jump r\n}\n"
        "chain r { " +
        to_router + "\n}\n}\nEND\n");
    fail_unless (trouble.empty (), "%s", trouble.c_str ());
  }
  std::string side (const std::string &options) const
  {
    return "rtcpeer name=peer signalling-uri=" + server_->uri ("garden") + " " + options + " " +
           small_h264 + " ! peer.video_0";
  }
  Namespace world;
  Host a{1}, b{2};

private:
  std::optional<SignallingServer> server_;
};

struct Call {
  Process a, b;
  Call (const World &w, const std::string &options)
      : a (w.a, w.world, w.side (options)), b (w.b, w.world, w.side (options))
  {
  }
  void expect_media (const char *when, unsigned n = 10)
  {
    for (Process *p : {&a, &b})
      p->ask ("more " + std::to_string (n));
    for (Process *p : {&a, &b})
      fail_unless_equals_string (p->hear ().c_str (), "yes");
    g_print ("%s: %s\n", when, a.answer ("pair").c_str ());
  }
  // Both sides' nominated pairs are of a kind.
  void expect_direct ()
  {
    for (Process *p : {&a, &b}) {
      const std::string pair = p->answer ("pair");
      fail_unless_equals_string (pair.c_str (), "udp direct udp direct");
    }
  }
  void expect_relay () // of one side at least: a relay reaches the other host itself
  {
    for (Process *p : {&a, &b}) {
      const std::string pair = p->answer ("pair");
      fail_unless (pair.find ("relay") != std::string::npos, "%s", pair.c_str ());
    }
  }
};

bool make (World &w)
{
  const std::string trouble = w.make ();
  if (!trouble.empty ())
    g_print ("skipped: no network namespace, veth pair or nftables here: %s\n", trouble.c_str ());
  return trouble.empty ();
}
} // namespace

GST_START_TEST (test_open)
{
  World w;
  if (!make (w))
    return;
  Call open (w, "");
  open.expect_media ("open");
  open.expect_direct ();
}
GST_END_TEST

GST_START_TEST (test_only_tcp)
{
  World w;
  if (!make (w))
    return;
  w.drop ("meta l4proto udp drop");
  Call call (w, "");
  call.expect_media ("TCP only");
  const std::string pair = call.a.answer ("pair");
  fail_unless (pair.starts_with ("tcp "), "%s", pair.c_str ());
}
GST_END_TEST

namespace {
std::string servers (const Coturn &c)
{
  const std::string uri =
      "turn:user:pass@" + std::string (router) + ":" + std::to_string (c.port ());
  return "ice-servers=" + uri + "," + uri + "?transport=tcp";
}
} // namespace

GST_START_TEST (test_relay)
{
  World w;
  if (!Coturn::there () || !make (w))
    return;
  Coturn coturn ({"--lt-cred-mech", "--user=user:pass"}, router);
  {
    Call open (w, servers (coturn));
    open.expect_media ("open, with a relay");
    open.expect_direct ();
  }
  {
    w.drop ("drop");
    Call blocked (w, servers (coturn));
    blocked.expect_media ("blocked");
    blocked.expect_relay ();
  }
  {
    w.drop ("drop", "meta l4proto udp drop");
    Call no_udp (w, servers (coturn));
    no_udp.expect_media ("no UDP");
    no_udp.expect_relay ();
  }
  {
    w.drop ("");
    Call hidden (w, servers (coturn) + " ice-transport-policy=relay");
    hidden.expect_media ("policy relay");
    hidden.expect_relay ();
    for (Process *p : {&hidden.a, &hidden.b}) {
      const std::string told = p->answer ("told");
      fail_unless (told.find (" typ relay") != std::string::npos, "%s", told.c_str ());
      fail_unless (told.find ("10.7.") == std::string::npos, "%s", told.c_str ());
      fail_unless (told.find ("typ host") == std::string::npos, "%s", told.c_str ());
    }
  }
}
GST_END_TEST

// Nothing passes any more: that is noticed, ICE restarts, and when there is a way again media come.
GST_START_TEST (test_cut)
{
  World w;
  if (!make (w))
    return;
  Call call (w, "silence-timeout=2000");
  call.expect_media ("at first");
  w.drop ("drop");
  for (Process *p : {&call.a, &call.b})
    p->ask ("silent");
  for (Process *p : {&call.a, &call.b})
    fail_unless_equals_string (p->hear ().c_str (), "yes");
  w.drop ("");
  call.expect_media ("again");
}
GST_END_TEST

GST_START_TEST (test_other_way)
{
  World w;
  if (!Coturn::there () || !make (w))
    return;
  Coturn coturn ({"--lt-cred-mech", "--user=user:pass"}, router);
  Call call (w, "silence-timeout=2000 " + servers (coturn));
  call.expect_media ("at first");
  call.expect_direct ();
  w.drop ("drop");
  call.expect_media ("by the relay", 60);
  call.expect_relay ();
}
GST_END_TEST

// The address of a host is replaced by another one.
GST_START_TEST (test_moves)
{
  World w;
  if (!make (w))
    return;
  Call call (w, "silence-timeout=2000");
  call.expect_media ("at first");
  w.a.move (w.world, 3);
  call.expect_media ("elsewhere", 60);
}
GST_END_TEST

GST_START_TEST (test_side)
{
  be_side (PeerProcess::asked_for ());
}
GST_END_TEST

static Suite *rtc_network_paths_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_network_paths");
  TCase *tc = tcase_create ("general");
  tcase_set_timeout (tc, 100);
  suite_add_tcase (s, tc);
  if (!PeerProcess::asked_for ().empty ()) {
    tcase_add_test (tc, test_side);
    return s;
  }
  tcase_add_test (tc, test_open);
  tcase_add_test (tc, test_only_tcp);
  tcase_add_test (tc, test_relay);
  tcase_add_test (tc, test_cut);
  tcase_add_test (tc, test_other_way);
  tcase_add_test (tc, test_moves);
  return s;
}
GST_CHECK_MAIN (rtc_network_paths)

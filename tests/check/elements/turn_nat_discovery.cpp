// SPDX-License-Identifier: LGPL-2.1-or-later
// What a NAT does (RFC 5780), found out by the relay elements: with turnserver and with coturn as
// the server, without a NAT and behind the kernel's.
#include "../bus_error.h"
#include "../masquerade.h"
#include "../plugin.h"
#include "turn_pipeline.h"
#include "turn_server.h"
#include <optional>

using namespace reach::test;

namespace {
constexpr const char *second = "127.0.0.2";
constexpr milliseconds patience{40000}; // two waits of 7.5 s, on a machine that is busy

gboolean discover (const Pipeline &p)
{
  GstElement *e = p.by_name ("src");
  gboolean yes = FALSE;
  g_signal_emit_by_name (e, "discover-nat", &yes);
  gst_object_unref (e);
  return yes;
}

int number (const Pipeline &p, const char *property)
{
  GstElement *e = p.by_name ("src");
  gint n = -1;
  g_object_get (e, property, &n, nullptr);
  gst_object_unref (e);
  return n;
}

std::string field (const MessagePtr &m, const char *name)
{
  const char *text = gst_structure_get_string (gst_message_get_structure (m.get ()), name);
  return text ? text : "";
}

std::string stun_source (const char *host, guint16 port)
{
  return std::string ("turnrelaysrc name=src uri=stun:") + host + ":" + std::to_string (port) +
         " ! fakesink";
}

MessagePtr ask_now (Pipeline &p)
{
  fail_unless (discover (p));
  MessagePtr m = wait_element_message (p.get (), "turn-nat-discovered", patience);
  fail_unless (m != nullptr);
  return m;
}

MessagePtr ask (Pipeline &p)
{
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-binding-success") != nullptr);
  return ask_now (p);
}

void says (const MessagePtr &m, const char *mapping, const char *filtering, const char *why = "")
{
  fail_unless_equals_string (field (m, "why").c_str (), why);
  fail_unless_equals_string (field (m, "mapping").c_str (), mapping);
  fail_unless_equals_string (field (m, "filtering").c_str (), filtering);
}
} // namespace

// No NAT and no filter: each of the server's sockets reaches us, of one loop's and of another's.
GST_START_TEST (test_loopback)
{
  const guint16 port = unused_port (G_SOCKET_TYPE_DATAGRAM);
  TurnServer server (std::string ("alternate-address=") + second +
                     (__i__ ? " threads=2 alternate-port=" + std::to_string (port) : ""));
  Pipeline p (stun_source ("127.0.0.1", server.port ()));
  fail_if (discover (p)); // not started
  fail_unless_equals_int (number (p, "nat-mapping"), 0);
  const MessagePtr m = ask (p);
  says (m, "direct", "endpoint-independent");
  fail_unless (
      field (m, "local") == field (m, "mapped") && field (m, "local").starts_with ("127.0.0.1:"));
  fail_unless_equals_string (field (m, "other-ip").c_str (), second);
  if (__i__)
    fail_unless (field (m, "other").ends_with (":" + std::to_string (port)));
  fail_unless_equals_int (number (p, "nat-mapping"), 1);
  fail_unless_equals_int (number (p, "nat-filtering"), 2);
  const MessagePtr again = ask_now (p);
  says (again, "direct", "endpoint-independent");
  fail_unless (
      field (again, "local") != field (m, "local")); // what was let in before does not count
}
GST_END_TEST

// Beside an allocation, by TCP as well: the same port is asked on UDP.
GST_START_TEST (test_beside_allocation)
{
  TurnServer server (std::string ("alternate-address=") + second);
  Pipeline p (
      "turnrelaysrc name=src uri=turn:user:pass@127.0.0.1:" + std::to_string (server.port ()) +
      "?transport=" + (__i__ ? "tcp" : "udp") + " ! fakesink");
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  says (ask_now (p), "direct", "endpoint-independent");
  fail_unless (p.text ("src", "relayed-address").starts_with ("127.0.0.1:"));
}
GST_END_TEST

GST_START_TEST (test_server_without)
{
  TurnServer server;
  Pipeline p (stun_source ("127.0.0.1", server.port ()));
  says (ask (p), "direct", "unknown", "no-other-address");
}
GST_END_TEST

GST_START_TEST (test_coturn)
{
  Coturn server ({"--lt-cred-mech", "--user=user:pass", "--listening-ip=127.0.0.2",
      "--alt-listening-port=" + std::to_string (unused_port (G_SOCKET_TYPE_DATAGRAM))});
  Pipeline p (stun_source ("127.0.0.1", server.port ()));
  const MessagePtr m = ask (p);
  says (m, "direct", "endpoint-independent");
  fail_unless_equals_string (field (m, "other-ip").c_str (), second);
}
GST_END_TEST

// What cannot be two addresses and two ports is said at the start.
GST_START_TEST (test_wrong_settings)
{
  static const struct {
    const char *properties, *says;
  } cases[] = {{"bind-address=0.0.0.0 alternate-address=127.0.0.2", "may be any"},
      {"bind-address=::0 alternate-address=::1", "may be any"},
      {"bind-address=::1 port=0 alternate-address=0::0", "may be any"},
      {"bind-address=127.0.0.1 port=0 alternate-address=127.0.0.2 alternate-port=9999 "
       "dtls=true tls-port=9999 threads=2 tls-certificate=/nonexistent.pem",
          "tls-port has to be another"},
      {"port=9999 dtls=true tls-port=9999 threads=2 tls-certificate=/nonexistent.pem",
          "tls-port has to be another"},
      {"bind-address=127.0.0.1 port=0 alternate-address=::1", "of its family"},
      {"bind-address=127.0.0.1 port=0 alternate-address=127.0.0.1", "another address"},
      {"bind-address=127.0.0.1 port=0 alternate-address=192.0.2.99", "192.0.2.99"},
      {"bind-address=127.0.0.1 port=9999 alternate-address=127.0.0.2 alternate-port=9999",
          "alternate-port"},
      {"bind-address=127.0.0.1 port=0 alternate-address=127.0.0.2 other-address=192.0.2.1:9",
          "other-address"},
      {"bind-address=127.0.0.1 udp=false alternate-address=127.0.0.2", "udp"}};
  for (const auto &c : cases) {
    Pipeline p (std::string ("turnserver users=user:pass ") + c.properties + " fakesrc ! fakesink");
    fail_unless (gst_element_set_state (p.get (), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE,
        "%s", c.properties);
    const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
    const auto e = error_of (m.get ());
    fail_unless (strstr (e->message, c.says) != nullptr, "%s: %s", c.properties, e->message);
  }
}
GST_END_TEST

// The kernel's masquerade: with random ports a symmetric NAT; without, one port for all, from which
// answers alone come in.
GST_START_TEST (test_masquerade)
{
  constexpr const char *one = "203.0.113.1", *two = "203.0.113.77";
  Namespace world;
  Home home (1);
  std::string trouble = home.make (world, one);
  if (trouble.empty ())
    trouble = run_here (std::string ("ip addr add ") + two + "/32 dev lo");
  if (trouble.empty () && __i__ == 1) {
    home.router.enter ();
    trouble =
        run_here ("nft flush chain ip home nat; nft add rule ip home nat oifname out masquerade");
  }
  if (!trouble.empty ()) {
    g_print ("skipped: no network namespace, veth pair or nftables masquerade here: %s\n",
        trouble.c_str ());
    return;
  }
  world.enter ();
  TurnServer server (std::string ("alternate-address=") + two, one);
  home.host.enter (); // where the element's thread begins
  Pipeline p (stun_source (one, server.port ()));
  const MessagePtr m = ask (p);
  says (m, __i__ == 1 ? "endpoint-independent" : "address-and-port-dependent",
      "address-and-port-dependent");
  fail_unless_equals_string (field (m, "local-ip").c_str (), home.inner_address ().c_str ());
  fail_unless_equals_string (field (m, "mapped-ip").c_str (), home.address ().c_str ());
}
GST_END_TEST

static Suite *turn_nat_discovery_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-nat-discovery");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_loopback, 0, 2);
  tcase_add_loop_test (tc, test_beside_allocation, 0, 2);
  tcase_add_test (tc, test_server_without);
  tcase_add_test (tc, test_wrong_settings);
  tcase_add_loop_test (tc, test_masquerade, 0, 2);
  if (Coturn::there ())
    tcase_add_test (tc, test_coturn);
  return s;
}
GST_CHECK_MAIN (turn_nat_discovery)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Addresses: of our own, which may change; of the server, which may have several; relayed ones that
// come in pairs.
#include "../nat.h"
#include "../plugin.h"
#include "turn_pipeline.h"
#include "turn_script.h"

using namespace reach::test;

namespace {
std::string uri_of (const Coturn &c, const char *transport = "udp")
{
  return "turn:user:pass@127.0.0.1:" + std::to_string (c.port ()) + "?transport=" + transport;
}

gboolean ask (Pipeline &p, const char *element, const char *action)
{
  gboolean ok = FALSE;
  GstElement *e = p.by_name (element);
  g_signal_emit_by_name (e, action, &ok);
  gst_object_unref (e);
  return ok;
}

MessagePtr wait_from (Pipeline &p, const char *element, const char *name)
{
  return wait_message (p.get (), GST_MESSAGE_ELEMENT, [=] (GstMessage *m) {
    return gst_message_has_name (m, name) &&
           g_strcmp0 (GST_OBJECT_NAME (GST_MESSAGE_SRC (m)), element) == 0;
  });
}

std::string field (const MessagePtr &m, const char *name)
{
  fail_unless (m != nullptr);
  const char *t = gst_structure_get_string (gst_message_get_structure (m.get ()), name);
  return t ? t : "";
}
} // namespace

// Another port of ours, the same relayed address: the peer notices nothing.
GST_START_TEST (test_mobility)
{
  Coturn server ({"--lt-cred-mech", "--user=user:pass", "--mobility"});
  UdpPeer peer;
  Call call (uri_of (server), "mobility=true", address_of (peer));
  call.play ();
  exchange (call, peer);
  const std::string relayed = call.text ("src", "relayed-address");
  const std::string mapped = call.text ("src", "mapped-address");
  for (int i = 0; i < 3; i++) {
    fail_unless (ask (call, "src", "reconnect"));
    const MessagePtr m = wait_from (call, "src", "turn-refreshed");
    gboolean moved = FALSE;
    fail_unless (
        m && gst_structure_get_boolean (gst_message_get_structure (m.get ()), "moved", &moved) &&
        moved);
    fail_unless (iterate_until ([&] {
      call.push ("moved");
      std::string got;
      peer.set_timeout (1);
      return peer.receive (got);
    }));
    fail_unless_equals_string (call.text ("src", "relayed-address").c_str (), relayed.c_str ());
    fail_unless (relayed.ends_with (":" + std::to_string (peer.sender_port ())));
    peer.reply ("back");
    fail_unless (call.pull () == "back");
  }
  fail_unless_equals_uint64 (call.stat ("src", "allocations-lost"), 0);
  fail_unless_equals_uint64 (call.stat ("src", "connections"), 4);
}
GST_END_TEST

namespace {
// Grants allocations that may move, and their moves.
std::optional<Replies> let_move (ScriptedServer &s, const Message &m, unsigned)
{
  if (!m.has (Attr::mobility_ticket))
    return {};
  return Replies{s.success (m, [&] (Builder &b) {
    s.fill_grant (b, m.method ());
    const Blob ticket{1, 2, 3, 4};
    b.add (Attr::mobility_ticket, ticket);
  })};
}
} // namespace

// Another address of ours leads to the server from now on: found out, and moved to.
GST_START_TEST (test_network_changes)
{
  const Namespace net;
  if (net.ok ())
    net.enter ();
  if (!net.ok () || !Namespace::ip ("link set lo up") ||
      !Namespace::ip ("address add 10.9.0.1/32 dev lo") ||
      !Namespace::ip ("address add 10.9.0.2/32 dev lo")) {
    g_print ("skipped: no network namespaces here\n");
    return;
  }
  ScriptedServer server (let_move, {.host = "10.9.0.1"});
  Pipeline p ("turnrelaysrc name=src mobility=true uri=" + server.uri () + " ! fakesink");
  p.play ();
  const std::string before = field (wait_from (p, "src", "turn-allocated"), "mapped-ip");
  fail_unless_equals_string (before.c_str (), "10.9.0.1");
  fail_unless (Namespace::ip ("route change local 10.9.0.1 dev lo table local src 10.9.0.2"));
  const MessagePtr m = wait_from (p, "src", "turn-refreshed");
  gboolean moved = FALSE;
  fail_unless (m &&
               gst_structure_get_boolean (gst_message_get_structure (m.get ()), "moved", &moved) &&
               moved);
  fail_unless_equals_int (server.clients (), 2);
  fail_unless_equals_uint64 (p.stat ("src", "allocations-lost"), 0);
}
GST_END_TEST

// A server that does not let allocations move: another one, and it is told.
GST_START_TEST (test_no_mobility)
{
  ScriptedServer server (
      [] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (!m.has (Attr::mobility_ticket))
          return {};
        return Replies{s.error (m, 405)};
      });
  Pipeline p ("turnrelaysrc name=src mobility=true uri=" + server.uri () + " ! fakesink");
  p.play ();
  const MessagePtr m = wait_from (p, "src", "turn-allocated");
  gboolean mobile = TRUE;
  fail_unless (
      m && gst_structure_get_boolean (gst_message_get_structure (m.get ()), "mobile", &mobile));
  fail_if (mobile);
  fail_unless (ask (p, "src", "reconnect"));
  fail_unless (wait_from (p, "src", "turn-allocation-lost") != nullptr);
  fail_unless (wait_from (p, "src", "turn-allocated") != nullptr);
}
GST_END_TEST

// Two ports beside each other, for RTP and RTCP.
GST_START_TEST (test_reservation)
{
  Coturn server;
  Pipeline rtp ("turnrelaysrc name=src reserve-next=true uri=" + uri_of (server) + " ! fakesink");
  rtp.play ();
  const MessagePtr m = wait_from (rtp, "src", "turn-allocated");
  const std::string token = field (m, "reservation-token");
  fail_unless_equals_int (token.size (), 16);
  const int even = std::stoi (field (m, "relayed").substr (field (m, "relayed").rfind (':') + 1));
  fail_unless_equals_int (even % 2, 0);
  GstElement *e = rtp.by_name ("src");
  GstStructure *allocation = nullptr;
  g_object_get (e, "allocation", &allocation, nullptr);
  fail_unless_equals_string (
      gst_structure_get_string (allocation, "reservation-token"), token.c_str ());
  gst_structure_free (allocation);
  gst_object_unref (e);
  Pipeline rtcp ("turnrelaysrc name=src reservation-token=" + token + " uri=" + uri_of (server) +
                 " ! fakesink");
  rtcp.play ();
  const std::string above = field (wait_from (rtcp, "src", "turn-allocated"), "relayed");
  fail_unless_equals_int (std::stoi (above.substr (above.rfind (':') + 1)), even + 1);
}
GST_END_TEST

// The token is used up when its allocation is lost: the next one goes without.
GST_START_TEST (test_reservation_once)
{
  Watched<std::vector<bool>> had;
  ScriptedServer server (
      [&] (ScriptedServer &s, const Message &m, unsigned n) -> std::optional<Replies> {
        if (m.method () == Method::allocate)
          had.update ([&] (auto &v) { v.push_back (m.has (Attr::reservation_token)); });
        if (m.method () != Method::refresh || n > 0)
          return {};
        return Replies{s.error (m, 437)};
      });
  server.change ([] (auto &s) { s.lifetime = 2; });
  Pipeline p ("turnrelaysrc name=src reservation-token=0123456789abcdef uri=" + server.uri () +
              " ! fakesink");
  p.play ();
  fail_unless ((had.wait ([] (const auto &v) { return v == std::vector<bool>{true, false}; })));
}
GST_END_TEST

// The first address of the name says nothing at all.
GST_START_TEST (test_silent_address)
{
  const bool alone = __i__ == 1; // the other one is refused at once
  std::unique_ptr<ScriptedServer> server;
  int silent = -1;
  guint16 port = 0;
  const auto loopback6 = reach::Address::parse ("::1", 0);
  for (int tries = 0; tries < 20 && !server; tries++) {
    port = unused_port (G_SOCKET_TYPE_DATAGRAM);
    const auto a = reach::Address::parse ("::1", port);
    silent = ::socket (AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (silent < 0 || ::bind (silent, loopback6->get (), loopback6->length) != 0) {
      g_print ("skipped: no IPv6 here\n");
      return;
    }
    ::close (silent);
    silent = ::socket (AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (alone || ::bind (silent, a->get (), a->length) == 0)
      server = std::make_unique<ScriptedServer> (
          ScriptedServer::Script (), ScriptedServer::Options{.port = port});
  }
  Pipeline p ("turnrelaysrc name=src uri=turn:user:pass@localhost:" + std::to_string (port) +
              " ! fakesink");
  const gint64 begin = g_get_monotonic_time ();
  p.play ();
  fail_unless (wait_from (p, "src", "turn-allocated") != nullptr);
  fail_unless (g_get_monotonic_time () - begin < 15 * G_USEC_PER_SEC);
  GstElement *e = p.by_name ("src");
  GstStructure *allocation = nullptr;
  g_object_get (e, "allocation", &allocation, nullptr);
  fail_unless_equals_string (gst_structure_get_string (allocation, "server"),
      ("127.0.0.1:" + std::to_string (port)).c_str ());
  gst_structure_free (allocation);
  gst_object_unref (e);
  ::close (silent);
}
GST_END_TEST

static Suite *turn_moves_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-moves");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_no_mobility);
  tcase_add_test (tc, test_network_changes);
  tcase_add_test (tc, test_reservation_once);
  tcase_add_loop_test (tc, test_silent_address, 0, 2);
  if (!Coturn::there ())
    return s;
  tcase_add_test (tc, test_mobility);
  tcase_add_test (tc, test_reservation);
  return s;
}
GST_CHECK_MAIN (turn_moves)

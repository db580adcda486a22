// SPDX-License-Identifier: LGPL-2.1-or-later
// Two of libnice's agents that can only meet through our server: relayed candidates, over UDP and
// TCP, data both ways.
#include "../check.h"
#include "common/address.h"
#include "common/udp_socket.h"
#include "turn/net/server_net.h"
#include <nice/agent.h>
#include <set>
#include <unistd.h>

using namespace reach;
using namespace reach::test;
namespace ts = turn::server;

namespace {
constexpr int messages = 50;

class Quiet final : public ts::Observer {
public:
  void on_event (ts::Event) override {}
};

// One that agents use of their own accord: this host's, where it has one besides loopback.
std::string own_address ()
{
  std::string error;
  const int fd = UdpSocket::connect (*reach::Address::parse ("192.0.2.1", 9), error);
  if (fd < 0)
    return "127.0.0.1";
  const std::string host = reach::Address::local_of (fd).host ();
  ::close (fd);
  return host;
}

class Agent {
public:
  Agent (GMainContext *context, const std::string &host, std::uint16_t port, NiceRelayType type,
      bool controlling)
      : agent_ (nice_agent_new (context, NICE_COMPATIBILITY_RFC5245))
  {
    g_object_set (agent_, "force-relay", TRUE, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode",
        gboolean (controlling), nullptr);
    NiceAddress local;
    nice_address_init (&local);
    fail_unless (nice_address_set_from_string (&local, host.c_str ()));
    nice_agent_add_local_address (agent_, &local);
    stream_ = nice_agent_add_stream (agent_, 1);
    g_signal_connect (agent_, "candidate-gathering-done", G_CALLBACK (on_gathered), this);
    fail_unless (nice_agent_set_relay_info (
        agent_, stream_, 1, host.c_str (), port, "alice", "secret", type));
    nice_agent_attach_recv (agent_, stream_, 1, context, on_data, this);
    fail_unless (nice_agent_gather_candidates (agent_, stream_));
  }
  ~Agent () { g_object_unref (agent_); }
  bool gathered () const { return gathered_; }
  bool ready () const
  {
    return nice_agent_get_component_state (agent_, stream_, 1) == NICE_COMPONENT_STATE_READY;
  }
  // What signalling would do.
  void meet (Agent &other)
  {
    gchar *name = nullptr, *password = nullptr;
    fail_unless (nice_agent_get_local_credentials (agent_, stream_, &name, &password));
    nice_agent_set_remote_credentials (other.agent_, other.stream_, name, password);
    g_free (name);
    g_free (password);
    GSList *all = nice_agent_get_local_candidates (agent_, stream_, 1);
    fail_unless (all != nullptr, "nothing gathered");
    for (GSList *c = all; c; c = c->next)
      fail_unless (static_cast<NiceCandidate *> (c->data)->type == NICE_CANDIDATE_TYPE_RELAYED);
    fail_unless (nice_agent_set_remote_candidates (other.agent_, other.stream_, 1, all) > 0);
    g_slist_free_full (
        all, [] (gpointer c) { nice_candidate_free (static_cast<NiceCandidate *> (c)); });
  }
  void send (int i)
  {
    const std::string text = std::to_string (i) + std::string (800, '.');
    nice_agent_send (agent_, stream_, 1, static_cast<guint> (text.size ()), text.c_str ());
  }
  std::set<int> got;

private:
  static void on_gathered (NiceAgent *, guint, gpointer self)
  {
    static_cast<Agent *> (self)->gathered_ = true;
  }
  static void on_data (NiceAgent *, guint, guint, guint n, gchar *data, gpointer self)
  {
    fail_unless (n > 800);
    static_cast<Agent *> (self)->got.insert (std::atoi (std::string (data, n).c_str ()));
  }

  NiceAgent *agent_;
  guint stream_ = 0;
  bool gathered_ = false;
};

// At most that long; something wakes it at least every 20 ms.
template <typename F> bool iterate (GMainContext *context, Duration limit, F &&done)
{
  GSource *tick = g_timeout_source_new (20);
  g_source_set_callback (
      tick, [] (gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr, nullptr);
  g_source_attach (tick, context);
  const TimePoint end = Clock::now () + limit;
  while (!done () && Clock::now () < end)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (tick);
  g_source_unref (tick);
  return done ();
}

void call (NiceRelayType type, const char *name)
{
  const std::string host = own_address ();
  ts::NetSettings s;
  s.bind_address = host;
  s.port = 0;
  s.core.users = {{"alice", "secret"}};
  s.core.peers.allow (*ts::Prefix::parse (host));
  Quiet quiet;
  std::string error;
  const auto server = ts::NetServer::start (std::move (s), quiet, error);
  fail_unless (server != nullptr, "%s", error.c_str ());
  GMainContext *context = g_main_context_new ();
  {
    Agent a (context, host, server->port (), type, true),
        b (context, host, server->port (), type, false);
    fail_unless (iterate (context, seconds (20), [&] { return a.gathered () && b.gathered (); }),
        "%s", name);
    a.meet (b);
    b.meet (a);
    fail_unless (
        iterate (context, seconds (30), [&] { return a.ready () && b.ready (); }), "%s", name);
    // Over UDP one may be lost on a busy machine: sent again until all are there.
    int i = 0;
    const auto all = [&] {
      a.send (i % messages);
      b.send (i++ % messages);
      return a.got.size () == messages && b.got.size () == messages;
    };
    fail_unless (
        iterate (context, seconds (20), all), "%s: %zu, %zu", name, a.got.size (), b.got.size ());
    const ts::NetStats stats = server->stats ();
    fail_unless (stats.core.created >= 2 && stats.core.traffic.to_peers >= 2 * messages);
    fail_unless ((type == NICE_RELAY_TYPE_TURN_TCP) == (stats.connections >= 2), "%s", name);
  }
  g_main_context_unref (context);
}
} // namespace

GST_START_TEST (test_udp)
{
  call (NICE_RELAY_TYPE_TURN_UDP, "UDP");
}
GST_END_TEST

GST_START_TEST (test_tcp)
{
  call (NICE_RELAY_TYPE_TURN_TCP, "TCP");
}
GST_END_TEST

static Suite *libnice_relay_suite ()
{
  Suite *s = suite_create ("turn-libnice-relay");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_udp);
  tcase_add_test (tc, test_tcp);
  return s;
}
GST_CHECK_MAIN (libnice_relay)

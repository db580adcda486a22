// SPDX-License-Identifier: LGPL-2.1-or-later
// The agent of libnice: made, its sockets, and what it tells.
#include "ice_agent.h"
#include "common/ref.h"
#include "ice_farewell.h"
#include "turn/net/hashes.h"
#include "turn/proto/integrity.h"
#include <algorithm>
#include <sys/socket.h>

namespace reach::rtc {
namespace {
// Room for what comes while the loop is busy; the kernel gives what it may.
constexpr int receive_buffer = SocketTwin::receive_buffer, send_buffer = 2 << 20;

// libnice gives a name that has a literal as it is.
std::optional<Address> address_of (const NiceAddress &a)
{
  Address out;
  out.length = sizeof out.storage;
  nice_address_copy_to_sockaddr (&a, reinterpret_cast<sockaddr *> (&out.storage));
  out.length = out.family () == AF_INET6 ? sizeof (sockaddr_in6) : sizeof (sockaddr_in);
  return out;
}
} // namespace

Ice::Agent::Agent (Ice &i) : ice (i), ice_loop (i.loop_), context (i.loop_) {}

Ice::Agent::~Agent ()
{
  if (relays > 0)
    IceFarewell::begin (ice_loop, agent, context.get ());
  else
    g_object_unref (agent);
}

IceCredentials Ice::Agent::local () const
{
  gchar *ufrag = nullptr, *password = nullptr;
  nice_agent_get_local_credentials (agent, stream, &ufrag, &password);
  const CharPtr u (ufrag), p (password);
  return {ufrag ? ufrag : "", password ? password : ""};
}

Ice::Ice (Loop &loop, Owner &owner, IceSettings settings)
    : loop_ (loop), owner_ (owner), settings_ (std::move (settings)),
      gather_timer_ (loop.timers (), [this] { gathered (); }),
      connect_timer_ (loop.timers (), [this] { give_up (); }),
      older_timer_ (loop.timers (), [this] { drop_older (); }), controlling_ (settings_.controlling)
{
  make_agent ();
}

Ice::~Ice ()
{
  lookups_.clear ();
  mdns_.reset ();
  path_->clear ();
  drop_older ();
  drop (std::move (now_));
}

IceCredentials Ice::local () const
{
  return now_->local ();
}

NiceAgent *Ice::agent () const
{
  return now_->agent;
}

unsigned Ice::stream () const
{
  return now_->stream;
}

void Ice::make_agent ()
{
  now_ = std::make_unique<Agent> (*this);
  // Regular nomination, as RFC 8445 has no other.
  NiceAgent *agent = nice_agent_new_full (now_->context.get (), NICE_COMPATIBILITY_RFC5245,
      static_cast<NiceAgentOption> (
          NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_REGULAR_NOMINATION));
  now_->agent = agent;
  g_object_set (agent, "upnp", FALSE, "keepalive-conncheck", TRUE, "ice-tcp",
      static_cast<gboolean> (settings_.tcp && !settings_.ask_bindings), "controlling-mode",
      static_cast<gboolean> (controlling_), "force-relay",
      static_cast<gboolean> (settings_.relay_only), "max-connectivity-checks", settings_.max_checks,
      nullptr);
  for (const std::string &text : settings_.addresses) {
    NiceAddress a;
    nice_address_init (&a);
    if (nice_address_set_from_string (&a, text.c_str ()))
      nice_agent_add_local_address (agent, &a);
    else
      owner_.on_ice_warning (text + " is not an address");
  }
  g_signal_connect (agent, "new-candidate-full", G_CALLBACK (Agent::on_candidate), now_.get ());
  g_signal_connect (
      agent, "candidate-gathering-done", G_CALLBACK (Agent::on_gathered), now_.get ());
  g_signal_connect (agent, "component-state-changed", G_CALLBACK (Agent::on_state), now_.get ());
  g_signal_connect (agent, "new-selected-pair-full", G_CALLBACK (Agent::on_pair), now_.get ());
  now_->stream = nice_agent_add_stream (agent, 1);
  if (settings_.max_port != 0)
    nice_agent_set_port_range (agent, now_->stream, 1, settings_.min_port, settings_.max_port);
  nice_agent_attach_recv (
      agent, now_->stream, 1, now_->context.get (), Agent::on_packet, now_.get ());
}

bool Ice::guard_sockets ()
{
  return now_->guard_sockets ();
}

void Ice::prepare_sockets ()
{
  guard_sockets ();
  now_->each_socket ([] (GSocket *s) {
    g_socket_set_option (s, SOL_SOCKET, SO_RCVBUF, receive_buffer, nullptr);
    g_socket_set_option (s, SOL_SOCKET, SO_SNDBUF, send_buffer, nullptr);
  });
}

SocketTwin *Ice::Agent::twin_of (const Address &local) const
{
  const auto t = std::ranges::find_if (
      twins, [&] (const auto &each) { return same_endpoint (each->local (), local); });
  return t != twins.end () ? t->get () : nullptr;
}

bool Ice::Agent::guard_sockets ()
{
  if (!live || !ice.settings_.ask_bindings || unguarded)
    return !unguarded;
  each_socket ([this] (GSocket *s) {
    const int fd = g_socket_get_fd (s);
    if (g_socket_get_socket_type (s) != G_SOCKET_TYPE_DATAGRAM || twin_of (Address::local_of (fd)))
      return;
    if (auto twin = SocketTwin::open (ice_loop, fd, *this, {.ask_bindings = true}))
      twins.push_back (std::move (twin));
    else
      unguarded = true;
  });
  if (unguarded) {
    ice.owner_.on_ice_warning ("this system does not let Binding requests be refused");
    ice.set_state (IceState::failed);
  }
  return !unguarded;
}

bool Ice::Agent::accept_binding (Bytes request, const Address &from)
{
  static const stun::Crypto crypto = turn::make_crypto ();
  const IceCredentials own = local ();
  const auto m = stun::Message::parse (request);
  const bool of_peer =
      m && m->kind () == stun::Class::request && m->method () == stun::Method::binding &&
      m->text (stun::Attr::username).starts_with (own.ufrag + ":") &&
      check_sha1 (crypto, *m, stun::short_term_key (own.pwd)) == stun::Integrity::right;
  return live && of_peer && ice.owner_.accept_binding (from);
}

// What the peer sends over the pair that was selected comes past libnice from now on. Its twins of
// pairs before stay: packets may be on their way.
void Ice::Agent::hear (int socket, const Address &from)
{
  SocketTwin *twin = twin_of (Address::local_of (socket));
  if (!twin)
    if (auto made = SocketTwin::open (ice_loop, socket, *this, {.peers = {from}})) {
      twins.push_back (std::move (made));
      return;
    }
  if (!twin || !twin->hear (from))
    GST_INFO ("packets come by way of libnice: no second socket for them (%s)", g_strerror (errno));
}

void Ice::Agent::on_twin_packet (std::span<std::uint8_t> packet)
{
  if (!live)
    return;
  ice.heard_++;
  ice.owner_.on_ice_packet (packet);
}

void Ice::on_pair (Agent &a, const NiceCandidate &local, const NiceCandidate &remote)
{
  const IcePair pair{candidate_of (local), candidate_of (remote)};
  a.refused = refused_ = !owner_.accept_pair (pair);
  a.paired = !refused_;
  if (refused_) {
    pair_.reset ();
    path_->clear ();
    return set_state (IceState::failed);
  }
  pair_ = pair;
  GSocket *socket = nullptr;
  if (!pair_->local.tcp && pair_->local.type != CandidateType::relay)
    socket = nice_agent_get_selected_socket (a.agent, a.stream, 1);
  const auto to = address_of (remote.addr);
  if (socket && to && g_socket_get_socket_type (socket) == G_SOCKET_TYPE_DATAGRAM) {
    path_->set_direct (g_socket_get_fd (socket), *to);
    if (settings_.twins)
      a.hear (g_socket_get_fd (socket), *to);
  } else {
    path_->set_agent (a.agent, a.stream);
  }
  g_clear_object (&socket);
  // libnice had said so of the pair that was refused.
  if (state_ == IceState::failed)
    set_state (IceState::connected);
  owner_.on_ice_pair (*pair_);
}

// libnice's calls.

void Ice::Agent::on_candidate (NiceAgent *, NiceCandidate *c, gpointer self)
{
  auto &a = *static_cast<Agent *> (self);
  if (a.current ())
    a.ice.tell_candidate (candidate_of (*c));
  else if (a.untold.size () < most_untold)
    a.untold.push_back (candidate_of (*c));
}

void Ice::Agent::on_gathered (NiceAgent *, guint, gpointer self)
{
  auto &a = *static_cast<Agent *> (self);
  if (a.current ())
    a.ice.gathered ();
  else
    a.gathered = true;
}

// A generation before may connect while the peer has not answered a restart. That it fails is of no
// interest then, until the restart is rolled back.
void Ice::Agent::on_state (NiceAgent *, guint, guint, guint state, gpointer self)
{
  auto &a = *static_cast<Agent *> (self);
  switch (state) {
  case NICE_COMPONENT_STATE_CONNECTING:
    a.state = IceState::checking;
    break;
  case NICE_COMPONENT_STATE_CONNECTED:
    a.state = IceState::connected;
    break;
  case NICE_COMPONENT_STATE_READY:
    a.state = IceState::completed;
    break;
  case NICE_COMPONENT_STATE_FAILED:
    a.state = IceState::failed;
    break;
  default:
    return;
  }
  const bool connected = a.state == IceState::connected || a.state == IceState::completed;
  if ((a.current () || connected) && !a.refused && a.ice.carries (a))
    a.ice.set_state (a.state);
}

void Ice::Agent::on_pair (
    NiceAgent *, guint, guint, NiceCandidate *local, NiceCandidate *remote, gpointer self)
{
  auto &a = *static_cast<Agent *> (self);
  if (!a.ice.carries (a))
    return;
  a.ice.on_pair (a, *local, *remote);
  a.ice.retire_older (a);
}

void Ice::Agent::on_packet (NiceAgent *, guint, guint, guint n, gchar *bytes, gpointer self)
{
  // Else GLib takes the socket out of the context and puts it in again around each dispatch, and
  // wakes itself twice. It is never run from within.
  if (GSource *socket = g_main_current_source (); socket && !g_source_get_can_recurse (socket))
    g_source_set_can_recurse (socket, TRUE);
  static_cast<Agent *> (self)->ice.owner_.on_ice_packet (
      {reinterpret_cast<std::uint8_t *> (bytes), n});
}
} // namespace reach::rtc

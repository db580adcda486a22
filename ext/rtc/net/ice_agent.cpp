// SPDX-License-Identifier: LGPL-2.1-or-later
// The agent of libnice: made, told of servers, and what it tells.
#include "ice_agent.h"
#include "common/ref.h"
#include "ice_farewell.h"
#include "turn/net/hashes.h"
#include "turn/proto/integrity.h"
#include <algorithm>
#include <sys/socket.h>

namespace reach::rtc {
namespace {
constexpr std::size_t most_relays = 16;
// Room for what comes while the loop is busy; the kernel gives what it may.
constexpr int receive_buffer = SocketTwin::receive_buffer, send_buffer = 2 << 20;
// What the peer has sent before it knew of the new pair.
constexpr Duration after_restart = seconds (2);

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

// It may be one of its own calls that has led here.
void Ice::drop (std::unique_ptr<Agent> a)
{
  if (!a)
    return;
  g_signal_handlers_disconnect_by_data (a->agent, a.get ());
  // Not null: that would stop the agent's own packets too.
  nice_agent_attach_recv (
      a->agent, a->stream, 1, a->context.get (),
      [] (NiceAgent *, guint, guint, guint, gchar *, gpointer) {}, nullptr);
  a->live = false;
  loop_.destroy_later (std::move (a));
}

void Ice::drop_older ()
{
  for (auto &a : std::exchange (older_, {}))
    drop (std::move (a));
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

void Ice::restart (const IceCredentials &local)
{
  older_timer_.cancel ();
  gather_timer_.cancel ();
  connect_timer_.cancel ();
  lookups_.clear ();
  if (std::exchange (pending_servers_, 0) > 0)
    now_->gathering = false; // it has not begun
  if (roll_back (local))
    return;
  keep_now ();
  refused_ = false;
  make_agent ();
  if (!local.ufrag.empty ())
    set_local (local);
  gather ();
}

void Ice::keep_now ()
{
  Agents all = std::exchange (older_, {});
  all.push_back (std::move (now_));
  const auto path =
      std::find_if (all.rbegin (), all.rend (), [] (const auto &a) { return a->paired; });
  const Agent *carrier = path == all.rend () ? nullptr : path->get (), *last = all.back ().get ();
  for (auto &a : all)
    if (a.get () == last || a.get () == carrier)
      older_.push_back (std::move (a));
    else
      drop (std::move (a));
}

// What has happened meanwhile to the generation before is told now.
bool Ice::roll_back (const IceCredentials &local)
{
  const auto at =
      std::ranges::find_if (older_, [&] (const auto &a) { return a->local () == local; });
  if (at == older_.end ())
    return false;
  drop (std::exchange (now_, std::move (*at)));
  for (auto i = std::next (at); i != older_.end (); i++)
    drop (std::move (*i));
  older_.erase (at, older_.end ());
  if (now_->state != IceState::fresh)
    set_state (now_->state);
  if (!now_->paired && !now_->remote.ufrag.empty ())
    connect_timer_.arm (Clock::now () + settings_.connect_limit);
  for (const Candidate &c : std::exchange (now_->untold, {}))
    tell_candidate (c);
  if (!now_->gathering) {
    gather ();
  } else if (now_->gathered) {
    now_->gathered = false;
    gathered ();
  } else {
    gather_timer_.arm (Clock::now () + settings_.gather_limit);
  }
  return true;
}

// The newest that has a path does.
bool Ice::carries (const Agent &agent) const
{
  if (agent.current ())
    return true;
  const auto newer = std::find_if (older_.rbegin (), older_.rend (),
      [&] (const auto &a) { return a->paired || a.get () == &agent; });
  return agent.live && !now_->paired && newer != older_.rend () && newer->get () == &agent;
}

std::string Ice::check (const IceServer &server)
{
  const turn::Uri &u = server.uri;
  if (u.secure && !u.relay)
    return u.host + ": TLS to a STUN server says nothing about the way of datagrams";
  if (u.secure && !turn::is_stream (u.effective_transport ()))
    return u.host + ": DTLS to a TURN server is not supported by ICE, TLS is";
  if (u.relay && (u.username.value_or (server.username).empty () ||
                     u.password.value_or (server.credential).empty ()))
    return u.host + ": a TURN server needs a user name and a password";
  return {};
}

void Ice::use_server (const IceServer &server)
{
  const std::string wrong = check (server);
  if (!wrong.empty ())
    return owner_.on_ice_warning (wrong);
  look_up (server.uri.host, server.uri.effective_port (),
      [this, server] (const Addresses &all) { use_addresses (server, all); });
}

// The first address of each family.
void Ice::use_addresses (const IceServer &server, const Addresses &all)
{
  if (server.uri.relay && server.uri.secure) {
    if (const auto near = bridge (server, all))
      use_relay (server, *near);
    return;
  }
  for (const int family : {AF_INET, AF_INET6}) {
    const auto a = std::ranges::find (all, family, &Address::family);
    if (a == all.end ())
      continue;
    if (server.uri.relay)
      use_relay (server, *a);
    else if (!std::exchange (now_->stun_set, true)) // libnice has room for one
      g_object_set (agent (), "stun-server", a->host ().c_str (), "stun-server-port",
          static_cast<guint> (a->port ()), nullptr);
  }
}

void Ice::use_relay (const IceServer &server, const Address &address)
{
  const turn::Uri &u = server.uri;
  if (now_->relays++ >= most_relays)
    return;
  nice_agent_set_relay_info (agent (), stream (), 1, address.host ().c_str (), address.port (),
      u.username.value_or (server.username).c_str (),
      u.password.value_or (server.credential).c_str (),
      turn::is_stream (u.effective_transport ()) ? NICE_RELAY_TYPE_TURN_TCP
                                                 : NICE_RELAY_TYPE_TURN_UDP);
}

// libnice says nothing of a TURN server that does not answer, or not as it should. What cannot be
// used at all has been told.
void Ice::look_at_relays ()
{
  std::string servers;
  for (const IceServer &s : settings_.servers)
    if (s.uri.relay)
      servers += (servers.empty () ? "" : ", ") + s.uri.host + ":" +
                 std::to_string (s.uri.effective_port ());
  if (now_->relayed)
    return;
  if (now_->relays > 0)
    owner_.on_ice_warning ("no address of a TURN server (" + servers +
                           "): is it there, and are user name and password right?");
  else if (settings_.relay_only && servers.empty ())
    owner_.on_ice_warning ("only relays may be used, and there is no TURN server");
}

// libnice would send in clear. Returns what it may connect to instead.
std::optional<Address> Ice::bridge (const IceServer &server, const Addresses &all)
{
  if (now_->bridges.size () >= most_relays)
    return {};
  std::string error = "there is no TLS here";
  std::unique_ptr<TurnsBridge> b;
  if (settings_.tls)
    b = TurnsBridge::open (
        loop_, {all, server.uri.host, settings_.tls},
        [a = now_.get ()] (const std::string &what) {
          if (a->live)
            a->ice.owner_.on_ice_warning (what);
        },
        error);
  if (!b) {
    owner_.on_ice_warning (server.uri.host + ": " + error);
    return {};
  }
  const auto port = b->port ();
  now_->bridges.push_back (std::move (b));
  return Address::parse ("127.0.0.1", port);
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
  refused_ = !owner_.accept_pair (pair);
  if (refused_) {
    pair_.reset ();
    path_->clear ();
    return set_state (IceState::failed);
  }
  a.paired = true;
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
  if ((a.current () || connected) && !a.ice.refused_ && a.ice.carries (a))
    a.ice.set_state (a.state);
}

void Ice::Agent::on_pair (
    NiceAgent *, guint, guint, NiceCandidate *local, NiceCandidate *remote, gpointer self)
{
  auto &a = *static_cast<Agent *> (self);
  if (!a.ice.carries (a))
    return;
  a.ice.on_pair (a, *local, *remote);
  if (a.current () && !a.ice.older_.empty ())
    a.ice.older_timer_.arm (Clock::now () + after_restart);
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

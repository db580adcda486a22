// SPDX-License-Identifier: LGPL-2.1-or-later
// The agent of libnice: made, told of servers, and what it tells.
#include "ice.h"
#include <sys/socket.h>

namespace reach::rtc {
namespace {
constexpr std::size_t most_relays = 16;
// Room for what comes while the loop is busy; the kernel gives what it may.
constexpr int receive_buffer = 4 << 20, send_buffer = 2 << 20;

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

void Ice::make_agent ()
{
  // Regular nomination, as RFC 8445 has no other.
  agent_ = nice_agent_new_full (context_.get (), NICE_COMPATIBILITY_RFC5245,
      static_cast<NiceAgentOption> (
          NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_REGULAR_NOMINATION));
  g_object_set (agent_, "upnp", FALSE, "keepalive-conncheck", TRUE, "ice-tcp",
      static_cast<gboolean> (settings_.tcp), "controlling-mode",
      static_cast<gboolean> (settings_.controlling), "force-relay",
      static_cast<gboolean> (settings_.relay_only), "max-connectivity-checks", settings_.max_checks,
      nullptr);
  for (const std::string &text : settings_.addresses) {
    NiceAddress a;
    nice_address_init (&a);
    if (nice_address_set_from_string (&a, text.c_str ()))
      nice_agent_add_local_address (agent_, &a);
    else
      owner_.on_ice_warning (text + " is not an address");
  }
  g_signal_connect (agent_, "new-candidate-full", G_CALLBACK (candidate_cb), this);
  g_signal_connect (agent_, "candidate-gathering-done", G_CALLBACK (gathered_cb), this);
  g_signal_connect (agent_, "component-state-changed", G_CALLBACK (state_cb), this);
  g_signal_connect (agent_, "new-selected-pair-full", G_CALLBACK (pair_cb), this);
  stream_ = nice_agent_add_stream (agent_, 1);
  if (settings_.max_port != 0)
    nice_agent_set_port_range (agent_, stream_, 1, settings_.min_port, settings_.max_port);
  nice_agent_attach_recv (agent_, stream_, 1, context_.get (), packet_cb, this);
}

std::string Ice::check (const IceServer &server)
{
  const turn::Uri &u = server.uri;
  if (u.secure)
    return u.host + ": TLS to a server of ICE is not supported";
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
      [this, server] (const Address &a) { use_address (server, a); });
}

void Ice::use_address (const IceServer &server, const Address &address)
{
  const turn::Uri &u = server.uri;
  const std::string host = address.host ();
  if (!u.relay) {
    // libnice has room for one.
    if (!std::exchange (stun_set_, true))
      g_object_set (agent_, "stun-server", host.c_str (), "stun-server-port",
          static_cast<guint> (address.port ()), nullptr);
    return;
  }
  if (relays_++ >= most_relays)
    return;
  const bool tcp = u.effective_transport () == turn::Transport::tcp;
  nice_agent_set_relay_info (agent_, stream_, 1, host.c_str (), address.port (),
      u.username.value_or (server.username).c_str (),
      u.password.value_or (server.credential).c_str (),
      tcp ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP);
}

void Ice::grow_buffers ()
{
  GPtrArray *sockets = nice_agent_get_sockets (agent_, stream_, 1);
  for (guint i = 0; sockets && i < sockets->len; i++) {
    auto *s = static_cast<GSocket *> (g_ptr_array_index (sockets, i));
    g_socket_set_option (s, SOL_SOCKET, SO_RCVBUF, receive_buffer, nullptr);
    g_socket_set_option (s, SOL_SOCKET, SO_SNDBUF, send_buffer, nullptr);
  }
  if (sockets)
    g_ptr_array_unref (sockets);
}

void Ice::on_pair (const NiceCandidate &local, const NiceCandidate &remote)
{
  const IcePair pair{candidate_of (local), candidate_of (remote)};
  if (!owner_.accept_pair (pair)) {
    pair_.reset ();
    return path_->clear ();
  }
  pair_ = pair;
  GSocket *socket = nullptr;
  if (!pair_->local.tcp && pair_->local.type != CandidateType::relay)
    socket = nice_agent_get_selected_socket (agent_, stream_, 1);
  const auto to = address_of (remote.addr);
  if (socket && to && g_socket_get_socket_type (socket) == G_SOCKET_TYPE_DATAGRAM)
    path_->set_direct (g_socket_get_fd (socket), *to);
  else
    path_->set_agent (agent_, stream_);
  g_clear_object (&socket);
  owner_.on_ice_pair (*pair_);
}

void Ice::candidate_cb (NiceAgent *, NiceCandidate *c, gpointer self)
{
  static_cast<Ice *> (self)->tell_candidate (*c);
}

void Ice::gathered_cb (NiceAgent *, guint, gpointer self)
{
  auto &ice = *static_cast<Ice *> (self);
  ice.grow_buffers ();
  ice.owner_.on_ice_gathered ();
}

void Ice::state_cb (NiceAgent *, guint, guint, guint state, gpointer self)
{
  auto &ice = *static_cast<Ice *> (self);
  switch (state) {
  case NICE_COMPONENT_STATE_CONNECTING:
    return ice.set_state (IceState::checking);
  case NICE_COMPONENT_STATE_CONNECTED:
    return ice.set_state (IceState::connected);
  case NICE_COMPONENT_STATE_READY:
    return ice.set_state (IceState::completed);
  case NICE_COMPONENT_STATE_FAILED:
    return ice.set_state (IceState::failed);
  default:
    return;
  }
}

void Ice::pair_cb (
    NiceAgent *, guint, guint, NiceCandidate *local, NiceCandidate *remote, gpointer self)
{
  static_cast<Ice *> (self)->on_pair (*local, *remote);
}

void Ice::packet_cb (NiceAgent *, guint, guint, guint n, gchar *bytes, gpointer self)
{
  // Else GLib takes the socket out of the context and puts it in again around each dispatch, and
  // wakes itself twice. It is never run from within.
  if (GSource *socket = g_main_current_source (); socket && !g_source_get_can_recurse (socket))
    g_source_set_can_recurse (socket, TRUE);
  static_cast<Ice *> (self)->owner_.on_ice_packet ({reinterpret_cast<std::uint8_t *> (bytes), n});
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// What ICE has of one generation (RFC 8445, 9): libnice's agent, what it has come to, and what the
// peer has told. Only for the files of Ice. Loop thread.
#pragma once
#include "ice.h"
#include "nested_context.h"
#include "socket_twin.h"
#include "turns_bridge.h"

namespace reach::rtc {
struct Ice::Agent final : SocketTwin::Owner {
  static constexpr std::size_t most_untold = 100;

  explicit Agent (Ice &ice);
  ~Agent () override;
  Agent (const Agent &) = delete;
  Agent &operator= (const Agent &) = delete;

  IceCredentials local () const;
  template <typename F> void each_socket (F &&f) const
  {
    GPtrArray *sockets = nice_agent_get_sockets (agent, stream, 1);
    for (guint i = 0; sockets && i < sockets->len; i++)
      f (static_cast<GSocket *> (g_ptr_array_index (sockets, i)));
    if (sockets)
      g_ptr_array_unref (sockets);
  }
  SocketTwin *twin_of (const Address &local) const;
  bool guard_sockets ();
  void hear (int socket, const Address &from);
  void on_twin_packet (std::span<std::uint8_t> packet) override;
  bool accept_binding (Bytes request, const Address &from) override;
  bool current () const { return live && ice.now_.get () == this; }

  Ice &ice; // not of one that was dropped
  Loop &ice_loop;
  NestedContext context;
  NiceAgent *agent = nullptr;
  unsigned stream = 0;
  std::size_t relays = 0;
  bool stun_set = false, live = true, unguarded = false;
  std::list<std::unique_ptr<TurnsBridge>> bridges;
  std::vector<std::unique_ptr<SocketTwin>> twins; // of some of its sockets

  // begun: libnice gathers. relayed: has the address of a relay.
  bool gathering = false, begun = false, gathered = false, relayed = false;
  bool paired = false, refused = false; // its last pair
  IceState state = IceState::fresh;
  std::vector<Candidate> untold; // local ones, found while another generation is the current one

  IceCredentials remote;
  std::vector<Candidate> early; // came before the credentials
  bool early_end = false;
  std::size_t remote_count = 0;

  static void on_candidate (NiceAgent *, NiceCandidate *c, gpointer self);
  static void on_gathered (NiceAgent *, guint, gpointer self);
  static void on_state (NiceAgent *, guint, guint, guint state, gpointer self);
  static void on_pair (
      NiceAgent *, guint, guint, NiceCandidate *local, NiceCandidate *remote, gpointer self);
  static void on_packet (NiceAgent *, guint, guint, guint n, gchar *bytes, gpointer self);
};
} // namespace reach::rtc

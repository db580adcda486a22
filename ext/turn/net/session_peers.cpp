// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers of a session: asked for when somebody has them, let go when nobody has them any more.
#include "session.h"
#include <algorithm>

namespace reach::turn {
void Session::ask_peers_now (std::span<const stun::Address> peers)
{
  const TimePoint now = Clock::now ();
  for (const stun::Address &peer : peers) {
    if (client_->config ().mode == Mode::indication || client_->bind_channel (peer, 0, now) == 0)
      client_->create_permission ({&peer, 1}, now);
    if (streams_ && peer.port != 0)
      streams_->want (peer);
  }
}

bool Session::anybody_has (const std::function<bool (const stun::Address &)> &is) const
{
  return std::ranges::any_of (
             peers_, [&] (const auto &own) { return std::ranges::any_of (own.second, is); }) ||
         std::ranges::any_of (
             outlets_, [&] (const auto &o) { return std::ranges::any_of (o->peers (), is); });
}

void Session::let_go (std::span<const stun::Address> peers)
{
  for (const stun::Address &peer : peers) {
    if (anybody_has ([&] (const stun::Address &a) { return a == peer; }))
      continue;
    client_->forget (
        peer, anybody_has ([&] (const stun::Address &a) { return a.host () == peer.host (); }));
    if (streams_)
      streams_->forget (peer);
  }
}

void Session::set_peers (
    Listener &l, const std::shared_ptr<Outlet> &o, std::vector<stun::Address> peers)
{
  enter_or_post ([this, &l, o, peers = std::move (peers)] {
    if (o) { // with those of its buffers
      const std::vector<stun::Address> before = o->peers ();
      o->set_peers (peers);
      let_go (before);
    }
    const std::vector<stun::Address> before = std::exchange (peers_[&l], peers);
    ask_peers_now (peers_[&l]);
    let_go (before);
    dirty_ = true;
    drain ();
  });
}

void Session::add_peer (std::shared_ptr<Outlet> o, const stun::Address &peer)
{
  loop_.post ([this, o = std::move (o), peer] {
    if (listeners_.empty ())
      return;
    stun::Address old;
    if (!o->add_peer (peer, old))
      return;
    if (old)
      let_go ({&old, 1});
    ask_peers_now ({&peer, 1});
    dirty_ = true;
    drain ();
  });
}
} // namespace reach::turn

// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers on TCP (RFC 6062), in a session.
#include "session.h"
#include <algorithm>

namespace reach::turn {
void Session::follow_streams (const Event &e)
{
  if (std::holds_alternative<Allocated> (e))
    streams_->begin ({address_, tls_.get (), name_});
  else if (std::holds_alternative<AllocationLost> (e) || std::holds_alternative<Failed> (e) ||
           std::holds_alternative<Closed> (e))
    streams_->end ();
  else
    streams_->on_event (e);
}

void Session::on_stream_data (const stun::Address &peer, Bytes bytes)
{
  deliver (Data{peer, 0, bytes});
  for (Listener *l : listeners_)
    l->on_data_done ();
  if (std::ranges::any_of (listeners_, [] (const Listener *l) { return l->is_full (); }))
    streams_->set_reading (false);
}

void Session::on_stream_open (const stun::Address &peer, bool incoming)
{
  publish ();
  for (Listener *l : listeners_)
    l->on_peer_open (peer, incoming);
}

void Session::on_stream_closed (const stun::Address &peer, const std::string &why)
{
  publish ();
  for (Listener *l : listeners_)
    l->on_peer_closed (peer, why);
  if (streams_->empty ())
    streams_over_.update ([] (bool &over) { over = true; });
}

void Session::add_streams (Outlet::Table &t, const stun::Address &peer)
{
  for (const PeerStreams::Route &r : streams_->routes (peer)) {
    Outlet::Target &to = t.targets.emplace_back ();
    to.peer = peer;
    to.route = r.route;
    to.stream = r.stream;
  }
}

// What they have is sent, and the server has seen their ends, before the allocation goes.
void Session::finish_streams ()
{
  bool over = false;
  loop_.call ([&] {
    streams_over_.update ([] (bool &o) { o = false; });
    streams_->finish ();
    over = streams_->empty ();
  });
  if (!over)
    streams_over_.lock ().wait_until (Clock::now () + streams_goodbye, [] (bool o) { return o; });
  loop_.call ([this] { streams_->end (); });
}

void Session::send_queued (StreamQueues::Id stream)
{
  loop_.post ([this, stream] {
    if (streams_)
      streams_->send_queued (stream);
  });
}

void Session::resume ()
{
  loop_.post ([this] {
    if (streams_ &&
        std::ranges::none_of (listeners_, [] (const Listener *l) { return l->is_full (); }))
      streams_->set_reading (true);
  });
}
} // namespace reach::turn

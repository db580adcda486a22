// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_stream.h"
#include "server_peer.h"
#include "server_udp.h"

namespace reach::turn::server {
StreamClient::StreamClient (
    Worker &worker, int fd, const Address &from, std::unique_ptr<TlsSession> tls)
    : worker_ (worker),
      path_ (worker.add_path (
          {tls ? Transport::tls : Transport::tcp, local_address (fd), from}, *this)),
      client_{path_.value_or (0), from},
      framer_ (worker.settings ().limits.frame, worker.settings ().core.last_channel),
      last_ (Clock::now ()), idle_ (worker.loop ().timers (), [this] { check_idle (); }),
      socket_ (worker.loop (), *this, fd, std::move (tls))
{
  idle_.arm (last_ + worker.settings ().limits.idle);
}

void StreamClient::remove ()
{
  idle_.cancel ();
  socket_.close ();
  if (peer_)
    std::exchange (peer_, nullptr)->client_gone ();
  if (path_)
    worker_.remove_path (*path_);
  path_.reset ();
}

void StreamClient::check_idle ()
{
  const TimePoint now = Clock::now ();
  const Duration idle = worker_.settings ().limits.idle;
  if (finishing_ || (!peer_ && !worker_.has_allocation (client_) && now - last_ >= idle))
    return worker_.over (*this);
  idle_.arm (now + idle);
}

void StreamClient::on_input (Bytes bytes)
{
  if (peer_)
    return peer_->from_client (bytes);
  if (finishing_)
    return;
  last_ = Clock::now ();
  framer_.input (bytes);
  while (path_ && !peer_) {
    const auto frame = framer_.next ();
    if (!frame)
      break;
    if (!std::exchange (spoken_, true) && moves (*frame))
      return;
    worker_.input (client_, *frame);
  }
  if (path_ && !peer_ && framer_.failed ())
    worker_.over (*this);
  worker_.flush ();
}

// The first request of a connection for a peer's data goes to the loop that has the peer.
bool StreamClient::moves (Bytes frame)
{
  const auto m = stun::Message::parse (frame);
  if (!m || m->method () != stun::Method::connection_bind)
    return false;
  const auto id = m->u32 (stun::Attr::connection_id);
  if (!id || worker_.is_mine (*id))
    return false;
  const auto moved = std::make_shared<Worker::Moved> ();
  moved->bytes.assign (frame.begin (), frame.end ());
  const auto rest = framer_.take_rest ();
  moved->bytes.insert (moved->bytes.end (), rest.begin (), rest.end ());
  moved->connection = socket_.detach ();
  worker_.move (*this, *id, moved);
  return true;
}

void StreamClient::splice (PeerConnection &peer)
{
  flush ();
  peer_ = &peer;
  const auto rest = framer_.take_rest ();
  framer_.reset ();
  if (!rest.empty ())
    peer.from_client (rest);
}

void StreamClient::finish ()
{
  peer_ = nullptr;
  finishing_ = true;
  socket_.set_reading (true); // its end shows
  socket_.finish ();
  idle_.arm (Clock::now () + worker_.settings ().limits.linger);
}

void StreamClient::on_writable ()
{
  if (peer_)
    peer_->client_writable ();
}

void StreamClient::deliver (const Transmit &t)
{
  if (socket_.queued () + out_.size () > worker_.settings ().limits.queued)
    return worker_.dropped ();
  if (out_.empty ())
    worker_.dirty (*this);
  out_.insert (out_.end (), t.head.begin (), t.head.end ());
  out_.insert (out_.end (), t.payload.begin (), t.payload.end ());
  out_.resize (out_.size () + t.padding);
  // One record each: there are clients, coturn's among them, that take one message out of a record
  // and wait for the next.
  if (socket_.secure ())
    flush ();
}

void StreamClient::flush ()
{
  if (out_.empty () || !path_)
    return;
  socket_.queue (slice_of (std::exchange (out_, {})));
  socket_.flush ();
}
} // namespace reach::turn::server

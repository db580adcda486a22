// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tcp_transport.h"
#include "common/prefetch.h"
#include "security.h"
#include <cerrno>
#include <cstring>

namespace reach::cam {
namespace {
constexpr std::size_t room_limit = 256
                                   << 10; // queued here at once: enough to write in large pieces
constexpr Duration linger = seconds (3);
} // namespace

CloseReason reason_of_errno (int error)
{
  switch (error) {
  case 0:
    return CloseReason::orderly;
  case ECONNREFUSED:
    return CloseReason::refused;
  case ETIMEDOUT:
    return CloseReason::timed_out;
  case ENETUNREACH:
  case EHOSTUNREACH:
  case EADDRNOTAVAIL:
  case EACCES:
    return CloseReason::unreachable;
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
    return CloseReason::overload;
  default:
    return CloseReason::reset;
  }
}

TcpTransport::TcpTransport (Loop &loop, StorageSource &storage, std::string host,
    std::uint16_t port, std::shared_ptr<const TlsContext> tls)
    : loop_ (loop), reader_ (storage), host_ (std::move (host)), port_ (port),
      tls_ (std::move (tls)), soon_ (loop.timers (), [this] { connect_next (); }),
      linger_ (loop.timers (), [this] { end (CloseReason::local, ""); })
{
}

TcpTransport::TcpTransport (Loop &loop, StorageSource &storage, StreamSocket::Detached accepted,
    std::vector<std::uint8_t> before)
    : loop_ (loop), reader_ (storage),
      socket_ (std::make_unique<StreamSocket> (loop, *this, accepted.fd, std::move (accepted.tls))),
      before_ (std::move (before)), soon_ (loop.timers (), [this] { begin (); }),
      linger_ (loop.timers (), [this] { end (CloseReason::local, ""); })
{
  socket_->set_reading (before_.empty ());
}

void TcpTransport::start (Transport::Owner &owner)
{
  owner_ = &owner;
  if (socket_ && socket_->established ())
    soon_.arm (Clock::now ());
  else if (!socket_)
    resolve_ = std::make_unique<Resolve> (loop_.context (), host_, port_,
        [this] (std::vector<Address> found, const std::string &error) {
          on_resolved (std::move (found), error);
        });
}

void TcpTransport::begin ()
{
  owner_->on_open ();
  if (before_.empty () || over_ || closing_)
    return;
  reader_.input (std::exchange (before_, {}));
  deliver ();
  if (!over_ && !closing_)
    socket_->set_reading (true);
}

void TcpTransport::on_resolved (std::vector<Address> found, const std::string &error)
{
  if (found.empty ())
    return end (CloseReason::unreachable, error.empty () ? "no address found for " + host_ : error);
  candidates_.assign (found.rbegin (), found.rend ());
  connect_next ();
}

void TcpTransport::connect_next ()
{
  failed_.reset ();
  const Address to = candidates_.back ();
  candidates_.pop_back ();
  socket_ =
      std::make_unique<StreamSocket> (loop_, *this, to, tls_ ? tls_->session (host_) : nullptr);
}

void TcpTransport::on_connected ()
{
  owner_->on_open ();
}

void TcpTransport::on_closed (int error)
{
  if (!candidates_.empty () && !socket_->connected ()) {
    failed_ = std::move (socket_);
    soon_.arm (Clock::now ());
    return;
  }
  if (socket_->tls_fault () != TlsFault::none)
    return end (error == ETIMEDOUT ? CloseReason::timed_out : reason_of_tls (socket_->tls_fault ()),
        socket_->tls_detail ());
  end (reason_of_errno (error), error == 0 ? "the peer closed the connection" : strerror (error));
}

void TcpTransport::on_input (Bytes bytes)
{
  if (closing_)
    return; // read only to see the peer close
  if (!socket_->secure () && socket_->bytes_received () == bytes.size () && is_tls (bytes))
    return end (
        CloseReason::malformed, "the peer speaks TLS, and this side does not: set tls=true");
  reader_.input (bytes);
  deliver ();
}

void TcpTransport::on_direct (std::size_t n)
{
  if (closing_)
    return;
  reader_.filled (n);
  deliver ();
}

void TcpTransport::deliver ()
{
  while (!over_ && !closing_) {
    auto m = reader_.poll ();
    if (!m)
      break;
    owner_->on_message (std::move (*m));
  }
  if (over_ || reader_.fault () == MessageReader::Fault::none)
    return;
  const auto f = reader_.fault ();
  end (close_reason (f), fault_name (f));
}

void TcpTransport::on_writable ()
{
  if (!closing_)
    owner_->on_room ();
}

void TcpTransport::send (MessageRef m)
{
  if (!socket_ || closing_ || over_)
    return;
  const Bytes head = m->head (), body = m->body ();
  if (body.empty () || body.data () == head.data () + head.size ())
    return socket_->queue ({{head.data (), head.size () + body.size ()}, std::move (m)});
  // What goes last keeps both.
  socket_->queue ({head, {}});
  socket_->queue ({body, std::move (m)});
}

void TcpTransport::flush ()
{
  if (socket_ && !over_)
    socket_->flush ();
}

std::size_t TcpTransport::room () const
{
  if (!socket_ || !socket_->open () || closing_ || over_ || socket_->congested ())
    return 0;
  return socket_->queued () >= room_limit ? 0 : room_limit - socket_->queued ();
}

void TcpTransport::close (bool drain)
{
  if (closing_ || over_)
    return;
  closing_ = true;
  resolve_.reset ();
  candidates_.clear ();
  soon_.cancel ();
  if (drain && socket_ && socket_->connected ()) {
    socket_->finish (); // on_closed follows when the peer has closed as well
    linger_.arm (Clock::now () + linger);
    return;
  }
  if (socket_)
    socket_->close ();
  linger_.arm (Clock::now ()); // on_closed, but not from within this call
}

void TcpTransport::end (CloseReason why, const std::string &detail)
{
  if (over_)
    return;
  over_ = true;
  linger_.cancel ();
  soon_.cancel ();
  if (socket_)
    socket_->close ();
  owner_->on_closed (closing_ ? CloseReason::local : why, detail);
}

std::string TcpTransport::peer () const
{
  return socket_ ? socket_->peer ()
                 : (host_.find (':') == std::string::npos ? host_ : "[" + host_ + "]") + ":" +
                       std::to_string (port_);
}

void TcpTransport::prefetch () const
{
  prefetch_object (*this);
  if (socket_)
    prefetch_object (*socket_);
}

TransportStats TcpTransport::stats () const
{
  TransportStats s;
  if (socket_) {
    s.bytes_sent = socket_->bytes_sent ();
    s.bytes_received = socket_->bytes_received ();
  }
  return s;
}
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "udp_transport.h"
#include "security.h"
#include "tcp_transport.h"
#include <cerrno>
#include <cstring>
#include <sys/random.h>

namespace reach::cam {
namespace {
constexpr Duration linger = seconds (3);
constexpr Duration much_later = milliseconds (10);
constexpr Duration longest_handshake = seconds (10);
constexpr int max_batches = 8; // per call, so that receiving gets its turn
} // namespace

std::uint64_t SystemRandom::next ()
{
  std::uint64_t r = 0;
  while (getrandom (&r, sizeof r, 0) != sizeof r)
    ;
  return r;
}

DatagramConfig datagram_config (const Settings &s, Duration timeout)
{
  DatagramConfig c;
  c.latency = std::chrono::duration_cast<milliseconds> (s.latency);
  c.timeout = timeout == LinkCore::forever ? milliseconds::max ()
                                           : std::chrono::duration_cast<milliseconds> (timeout);
  return c;
}

CloseReason reason_of_fault (DatagramFault f)
{
  switch (f) {
  case DatagramFault::none:
  case DatagramFault::local:
    return CloseReason::local;
  case DatagramFault::orderly:
    return CloseReason::orderly;
  case DatagramFault::refused:
  case DatagramFault::version:
    return CloseReason::refused;
  case DatagramFault::timed_out:
    return CloseReason::timed_out;
  case DatagramFault::too_big:
    return CloseReason::too_big;
  case DatagramFault::storage:
    return CloseReason::overload;
  case DatagramFault::malformed:
  case DatagramFault::exhausted:
    return CloseReason::malformed;
  }
  return CloseReason::malformed;
}

cam::Address core_address (const reach::Address &a)
{
  return cam::Address (Bytes (reinterpret_cast<const std::uint8_t *> (&a.storage), a.length));
}

UdpTransport::UdpTransport (Loop &loop)
    : loop_ (loop), timer_ (loop.timers (), [this] { on_timer (); }),
      linger_ (loop.timers (), [this] { end (CloseReason::local, ""); })
{
}

void UdpTransport::start (Transport::Owner &owner)
{
  owner_ = &owner;
  if (link_)
    timer_.arm (Clock::now ());
}

void UdpTransport::input (Bytes datagram, const reach::Address &from)
{
  if (link_ && !over_)
    link_->input (datagram, core_address (from), Clock::now ());
}

// When the loop was busy, the answer whose absence the timer is about may be there already.
void UdpTransport::on_timer ()
{
  process (!socket () || socket ()->read ());
}

void UdpTransport::process (bool all_read)
{
  if (!link_ || over_)
    return;
  link_->timeout (Clock::now (), all_read);
  deliver ();
  if (over_)
    return;
  if (closing_ && link_->idle () && !link_->closed ())
    link_->close (Clock::now ());
  transmit ();
  if (hungry_ && link_->room () > 0) {
    hungry_ = false;
    if (!closing_)
      owner_->on_room ();
  }
}

void UdpTransport::deliver ()
{
  if (!opened_ && link_->established ()) {
    opened_ = true;
    owner_->on_open ();
  }
  while (auto e = link_->poll_event ()) {
    switch (e->kind) {
    case DatagramEvent::Kind::message:
      if (!closing_)
        owner_->on_message (std::move (e->message));
      break;
    case DatagramEvent::Kind::estimate_changed:
      owner_->on_bandwidth (e->value);
      break;
    case DatagramEvent::Kind::closed:
      transmit (); // the last words
      return end (reason_of_fault (e->fault), datagram_fault_name (e->fault));
    case DatagramEvent::Kind::established:
    case DatagramEvent::Kind::messages_lost: // counted by the core; streams see it by their own
                                             // numbers
      break;
    }
    if (over_)
      return;
  }
}

void UdpTransport::transmit ()
{
  if (!link_ || over_)
    return;
  for (int i = 0; i < max_batches && !blocked_; i++) {
    const DatagramBatch batch = link_->poll_transmit (Clock::now ());
    if (batch.empty ())
      break;
    blocked_ = !send_batch (batch);
  }
  arm ();
}

bool UdpTransport::send_batch (const DatagramBatch &batch)
{
  pieces_.clear ();
  segments_.clear ();
  for (const auto &p : batch.packets) {
    for (const Bytes b : batch.pieces.subspan (p.first_piece, p.n_pieces))
      pieces_.push_back ({const_cast<std::uint8_t *> (b.data ()), b.size ()});
    segments_.push_back (static_cast<std::uint8_t> (p.n_pieces));
  }
  if (!socket ())
    return true;
  const UdpSocket::Batch b{pieces_, segments_, batch.segment_size};
  return tls_ ? send_sealed (*socket (), destination (batch.to), *tls_, b)
              : socket ()->send (destination (batch.to), b);
}

void UdpTransport::writable ()
{
  blocked_ = false;
  process ();
}

// Nearly every message moves the deadlines a little further away: put off only when that is much.
void UdpTransport::arm ()
{
  const TimePoint t = link_->poll_timeout ();
  if (t == TimePoint::max () || blocked_)
    timer_.cancel ();
  else if (!timer_.armed () || t < timer_.when () || t > timer_.when () + much_later)
    timer_.arm (t);
}

void UdpTransport::send (MessageRef m)
{
  if (link_ && !closing_ && !over_)
    link_->send (std::move (m), Clock::now ());
}

std::size_t UdpTransport::room () const
{
  const std::size_t n =
      link_ && link_->established () && !closing_ && !over_ && !blocked_ ? link_->room () : 0;
  hungry_ = hungry_ || n == 0;
  return n;
}

void UdpTransport::close (bool drain)
{
  if (closing_ || over_)
    return;
  closing_ = true;
  if (link_ && (!drain || link_->idle ()))
    link_->close (Clock::now ());
  transmit ();
  linger_.arm (Clock::now () + (drain && link_ && opened_ ? linger : Duration{}));
}

void UdpTransport::farewell ()
{
  if (!link_ || over_ || link_->closed ())
    return;
  link_->close (Clock::now ());
  transmit ();
}

void UdpTransport::end (CloseReason why, const std::string &detail)
{
  if (std::exchange (over_, true))
    return;
  timer_.cancel ();
  linger_.cancel ();
  on_end ();
  owner_->on_closed (closing_ ? CloseReason::local : why, detail);
}

TransportStats UdpTransport::stats () const
{
  TransportStats t;
  if (!link_)
    return t;
  const DatagramStats s = link_->stats ();
  t.bytes_sent = s.bytes_sent;
  t.bytes_received = s.bytes_received;
  t.packets_sent = s.packets_sent;
  t.packets_received = s.packets_received;
  t.packets_lost = s.packets_lost - s.packets_spurious;
  t.packets_retransmitted = s.fragments_retransmitted;
  t.messages_late = s.messages_lost + s.messages_given_up;
  t.bandwidth = s.bandwidth;
  t.rtt = s.rtt;
  return t;
}

UdpClientTransport::UdpClientTransport (Loop &loop, StorageSource &storage, const Settings &s,
    std::string host, std::uint16_t port, Duration timeout)
    : UdpTransport (loop), storage_ (storage), config_ (datagram_config (s, timeout)),
      host_ (std::move (host)), port_ (port), tls_context_ (s.tls_context),
      handshake_ (loop.timers (), [this] { go_on (); })
{
}

void UdpClientTransport::start (Transport::Owner &o)
{
  UdpTransport::start (o);
  resolve_ = std::make_unique<Resolve> (loop ().context (), host_, port_,
      [this] (std::vector<reach::Address> found, const std::string &error) {
        on_resolved (std::move (found), error);
      });
}

void UdpClientTransport::on_resolved (std::vector<reach::Address> found, const std::string &error)
{
  std::string why = error;
  const int fd = found.empty () ? -1 : UdpSocket::connect (found.front (), why);
  if (fd < 0)
    return end (CloseReason::unreachable, why.empty () ? "no address found for " + host_ : why);
  peer_ = found.front ();
  socket_ = std::make_unique<UdpSocket> (loop (), *this, fd);
  if (!tls_context_)
    return connect_link ();
  set_tls (tls_context_->session (host_));
  handshake_end_ = Clock::now () + std::min<Duration> (config_.timeout, longest_handshake);
  go_on ();
}

void UdpClientTransport::connect_link ()
{
  set_link (std::make_unique<DatagramLink> (
      config_, storage_, random_, core_address (peer_), Clock::now ()));
  process ();
}

void UdpClientTransport::on_datagram (Bytes datagram, const reach::Address &from)
{
  if (!tls ())
    return input (datagram, from);
  const bool handshake = tls ()->state () == TlsSession::State::handshake;
  open_sealed (*tls (), datagram, [&] (Bytes plain) { input (plain, from); });
  if (handshake)
    return go_on ();
  if (!tls ()->output ().sizes.empty ())
    send_output (*socket_, nullptr, *tls ());
}

void UdpClientTransport::go_on ()
{
  const TimePoint now = Clock::now ();
  if (const auto due = tls ()->next_timeout (); due && *due <= Duration{})
    tls ()->timeout ();
  send_output (*socket_, nullptr, *tls ());
  switch (tls ()->state ()) {
  case TlsSession::State::open:
    handshake_.cancel ();
    return connect_link ();
  case TlsSession::State::failed: {
    // Anyone can write such an alert, so it does not count as the peer's last word.
    const TlsFault f = tls ()->fault ();
    handshake_.cancel ();
    return end (
        f == TlsFault::rejected ? CloseReason::refused : reason_of_tls (f), tls ()->detail ());
  }
  case TlsSession::State::handshake:
  case TlsSession::State::ended:
    break;
  }
  if (now >= handshake_end_)
    return end (CloseReason::timed_out,
        "no answer to the DTLS handshake: does the peer use TLS, and the same passphrase?");
  handshake_.arm (
      std::min (handshake_end_, now + tls ()->next_timeout ().value_or (milliseconds (50))));
}

void UdpClientTransport::on_error (int error)
{
  // ICMP: nobody listens there, or no more.
  end (reason_of_errno (error), strerror (error));
}

std::string UdpClientTransport::peer () const
{
  if (peer_.length > 0)
    return peer_.text ();
  return (host_.find (':') == std::string::npos ? host_ : "[" + host_ + "]") + ":" +
         std::to_string (port_);
}
} // namespace reach::cam

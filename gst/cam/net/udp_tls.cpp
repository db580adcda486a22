// SPDX-License-Identifier: LGPL-2.1-or-later
#include "udp_tls.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t max_together = 60000; // bytes of one call with GSO
constexpr std::size_t max_plain = 2048;     // a datagram of the core is never longer
constexpr Duration tick = milliseconds (50);
} // namespace

bool send_output (UdpSocket &socket, const reach::Address *to, TlsSession &session)
{
  auto &out = session.output ();
  std::array<iovec, 64> pieces;
  std::array<std::uint8_t, 64> ones;
  ones.fill (1);
  std::size_t at = 0;
  bool sent = true;
  for (std::size_t i = 0; i < out.sizes.size () && sent;) {
    const std::size_t size = out.sizes[i];
    std::size_t n = 0, total = 0;
    // Of equal size, but for the last.
    while (i < out.sizes.size () && n < pieces.size () && total + out.sizes[i] <= max_together &&
           out.sizes[i] <= size) {
      const std::size_t this_size = out.sizes[i++];
      pieces[n++] = {out.bytes.data () + at + total, this_size};
      total += this_size;
      if (this_size < size)
        break;
    }
    sent = socket.send (to, {std::span (pieces).first (n), std::span (ones).first (n), size});
    at += total;
  }
  out.clear ();
  return sent;
}

bool send_sealed (
    UdpSocket &socket, const reach::Address *to, TlsSession &session, const UdpSocket::Batch &batch)
{
  std::array<std::uint8_t, max_plain> plain;
  std::size_t at = 0;
  for (const std::uint8_t n : batch.segments) {
    std::size_t size = 0;
    for (const iovec &piece : batch.pieces.subspan (at, n)) {
      const auto *from = static_cast<const std::uint8_t *> (piece.iov_base);
      const std::size_t take = std::min (piece.iov_len, plain.size () - size);
      std::copy_n (from, take, plain.data () + size);
      size += take;
    }
    at += n;
    session.write (Bytes (plain).first (size));
  }
  return send_output (socket, to, session);
}

void open_sealed (TlsSession &session, Bytes datagram, const std::function<void (Bytes)> &plain)
{
  std::array<std::uint8_t, TlsSession::max_record> area;
  session.input (datagram);
  while (const std::size_t n = session.read (area))
    plain (Bytes (area).first (n));
}

UdpTlsPeers::UdpTlsPeers (Loop &loop, std::shared_ptr<const TlsContext> context, UdpSocket &socket)
    : context_ (std::move (context)), socket_ (socket), gate_ (TlsDatagramGate::make (*context_)),
      tick_ (loop.timers (), [this] { this->tick (); })
{
}

std::string UdpTlsPeers::key (const reach::Address &a)
{
  return {reinterpret_cast<const char *> (&a.storage), a.length};
}

void UdpTlsPeers::input (
    Bytes datagram, const reach::Address &from, const std::function<void (Bytes)> &plain)
{
  const auto it = entries_.find (key (from));
  if (it == entries_.end ())
    return knock (datagram, from);
  const Session session = it->second.session; // what it says may remove the entry
  open_sealed (*session, datagram, plain);
  if (!session->output ().sizes.empty ())
    send_output (socket_, &from, *session);
  if (session->state () == TlsSession::State::failed)
    forget (from);
}

void UdpTlsPeers::knock (Bytes datagram, const reach::Address &from)
{
  if (half_open_ >= max_half_open)
    return;
  auto result = gate_->input (
      datagram, {reinterpret_cast<const std::uint8_t *> (&from.storage), from.length});
  if (!result.reply.empty ()) {
    const iovec piece{const_cast<std::uint8_t *> (result.reply.data ()), result.reply.size ()};
    const std::uint8_t one = 1;
    socket_.send (&from, {{&piece, 1}, {&one, 1}, result.reply.size ()});
  }
  if (!result.session)
    return;
  auto place = strangers_.take (network_of (from.text ()));
  if (!place)
    return;
  Entry e{std::move (result.session), from, Clock::now () + patience};
  e.place = std::move (place);
  send_output (socket_, &from, *e.session);
  entries_.emplace (key (from), std::move (e));
  half_open_++;
  if (!tick_.armed ())
    tick_.arm (Clock::now () + cam::tick);
}

void UdpTlsPeers::reply (const reach::Address &to, Bytes datagram)
{
  const auto it = entries_.find (key (to));
  if (it == entries_.end ())
    return;
  it->second.session->write (datagram);
  send_output (socket_, &to, *it->second.session);
}

UdpTlsPeers::Session UdpTlsPeers::adopt (const reach::Address &a)
{
  const auto it = entries_.find (key (a));
  if (it == entries_.end ())
    return {};
  it->second.place = {};
  if (!std::exchange (it->second.adopted, true))
    half_open_--;
  return it->second.session;
}

void UdpTlsPeers::forget (const reach::Address &a)
{
  const auto node = entries_.extract (key (a));
  if (node && !node.mapped ().adopted)
    half_open_--;
}

// Repeats what handshakes wait for, and ends those that take too long.
void UdpTlsPeers::tick ()
{
  const TimePoint now = Clock::now ();
  for (auto it = entries_.begin (); it != entries_.end ();) {
    Entry &e = it->second;
    if (!e.adopted && (now >= e.until || e.session->state () == TlsSession::State::failed)) {
      half_open_--;
      it = entries_.erase (it);
      continue;
    }
    const auto wait = e.session->next_timeout ();
    if (wait && *wait <= Duration{}) {
      e.session->timeout ();
      send_output (socket_, &e.address, *e.session);
    }
    ++it;
  }
  if (half_open_ > 0)
    tick_.arm (now + cam::tick);
}
} // namespace reach::cam

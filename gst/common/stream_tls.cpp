// SPDX-License-Identifier: LGPL-2.1-or-later
// StreamSocket with TLS: one large read is decrypted record by record, straight to where the owner
// wants it; many records leave with one write.
#include "stream_socket.h"
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace reach {
namespace {
// Encrypted at once: enough for a large write, and little to hold when the peer is slow.
constexpr std::size_t batch = 4 * TlsSession::max_record;
constexpr std::size_t overhead = 64; // of a record, roughly
} // namespace

StreamSocket::Tls::Tls (StreamSocket &s, std::unique_ptr<TlsSession> t)
    : session (std::move (t)),
      limit (s.loop_.timers (),
          [&s] {
            s.fail_tls (TlsFault::broken,
                "the TLS handshake did not end within 10 s: does the peer speak TLS?", ETIMEDOUT);
          }),
      resume (s.loop_.timers (), [&s] { s.process_tls (); })
{
}

TlsInfo StreamSocket::tls_info () const
{
  return tls_ ? tls_->session->info () : TlsInfo{};
}

void StreamSocket::begin_tls ()
{
  if (tls_->session->state () == TlsSession::State::handshake)
    return tls_->limit.arm (Clock::now () + handshake_limit);
  // From another socket, which may have read more than it could use.
  tls_->told = true;
  tls_->resume.arm (Clock::now ());
}

std::unique_ptr<TlsSession> StreamSocket::release_tls ()
{
  tls_->session->hold ();
  auto &out = tls_->session->output ().bytes;
  out.erase (out.begin (), out.begin () + static_cast<std::ptrdiff_t> (tls_->written));
  tls_->written = 0;
  return std::move (tls_->session);
}

bool StreamSocket::read_tls (bool &more)
{
  const std::size_t half = loop_.scratch ().size () / 2;
  const auto area = loop_.scratch ().last (half).first (std::min (half, most_));
  const ssize_t n = recv (fd_, area.data (), area.size (), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (n < 0) {
    fail (errno);
    return false;
  }
  if (n == 0)
    return fail_tls (TlsFault::truncated,
        tls_->told ? "the connection broke: the peer did not end it as TLS does"
                   : "the peer closed the connection during the TLS handshake: does it speak TLS?",
        ECONNRESET);
  received_ += static_cast<std::uint64_t> (n);
  more = static_cast<std::size_t> (n) == area.size ();
  tls_->session->input (area.first (static_cast<std::size_t> (n)));
  return process_tls ();
}

// Goes as far as the bytes that came allow. False: the connection is over.
bool StreamSocket::process_tls ()
{
  TlsSession &session = *tls_->session;
  if (!tls_->told && session.state () == TlsSession::State::open) {
    tls_->told = true;
    tls_->limit.cancel ();
    owner_->on_connected ();
  }
  const auto plain = loop_.scratch ().first (loop_.scratch ().size () / 2);
  while (fd_ >= 0 && reading_) {
    const auto direct = owner_->direct ();
    const std::size_t n = session.read (direct.empty () ? plain : direct);
    if (n == 0)
      break;
    if (direct.empty ())
      owner_->on_input (plain.first (n));
    else
      owner_->on_direct (n);
  }
  if (fd_ < 0)
    return false;
  if (!reading_)
    session.hold ();
  if (session.state () == TlsSession::State::ended)
    session.finish (); // the peer's end is answered
  flush ();            // that, answers of the handshake, alerts
  if (session.state () == TlsSession::State::failed)
    return fail_tls (session.fault (), session.detail (), EPROTO);
  if (session.state () == TlsSession::State::ended)
    fail (0);
  return fd_ >= 0;
}

void StreamSocket::write_tls ()
{
  auto &out = tls_->session->output ().bytes;
  while (!want_write_) {
    if (tls_->written == out.size ()) {
      out.clear ();
      tls_->written = 0;
      encrypt ();
      if (tls_->session->state () == TlsSession::State::failed) {
        tls_->fault = tls_->session->fault ();
        tls_->detail = tls_->session->detail ();
        error_ = EPROTO;
        later_.arm (Clock::now ());
        return;
      }
      if (out.empty ()) {
        out = {}; // nothing is held for a connection that is silent
        return;
      }
    }
    const std::size_t left = out.size () - tls_->written;
    const ssize_t n = send (fd_, out.data () + tls_->written, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
      tls_->written += static_cast<std::size_t> (n);
    if (!wrote (n, left))
      return;
  }
}

// Makes full records of what is queued. Only small pieces are put together by copying.
void StreamSocket::encrypt ()
{
  TlsSession &session = *tls_->session;
  if (session.state () != TlsSession::State::open)
    return;
  auto &out = session.output ().bytes;
  out.reserve (std::min (queue_.bytes (), batch) + (batch / TlsSession::max_record) * overhead);
  std::array<std::uint8_t, TlsSession::max_record> record;
  std::array<iovec, 64> iov;
  while (!queue_.empty () && out.size () < batch && session.state () == TlsSession::State::open) {
    const std::size_t n = queue_.gather (iov);
    std::size_t size = std::min (iov[0].iov_len, record.size ());
    const auto *first = static_cast<const std::uint8_t *> (iov[0].iov_base);
    if (size < record.size () && n > 1) {
      size = 0;
      for (std::size_t i = 0; i < n && size < record.size (); i++) {
        const std::size_t take = std::min (iov[i].iov_len, record.size () - size);
        std::memcpy (record.data () + size, iov[i].iov_base, take);
        size += take;
      }
      first = record.data ();
    }
    session.write ({first, size});
    queue_.consume (size);
  }
  if (finishing_ && queue_.empty ())
    session.finish ();
}

bool StreamSocket::fail_tls (TlsFault fault, std::string detail, int error)
{
  tls_->fault = fault;
  tls_->detail = std::move (detail);
  fail (error);
  return false;
}
} // namespace reach

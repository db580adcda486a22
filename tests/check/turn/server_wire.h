// SPDX-License-Identifier: LGPL-2.1-or-later
// A TURN client for tests that blocks: each wait has a deadline, and a test thread of its own has
// no loop to disturb. Over UDP, TCP, TLS and DTLS.
#pragma once
#include "../check.h"
#include "common/tls.h"
#include "turn/net/hashes.h"
#include "turn/net/socket_address.h"
#include "turn/proto/builder.h"
#include "turn/proto/framing.h"
#include "turn/proto/integrity.h"
#include <deque>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace reach::test {
using stun::Attr;
using stun::Builder;
using stun::Class;
using stun::Message;
using stun::Method;
using Blob = std::vector<std::uint8_t>;

inline Blob blob (std::string_view s)
{
  return {s.begin (), s.end ()};
}

class Plug { // a socket
public:
  Plug (int type, std::uint16_t port, const char *host = "127.0.0.1")
  {
    const auto to = reach::Address::parse (host, port);
    fd_ = ::socket (to->family (), type | SOCK_CLOEXEC, 0);
    fail_unless (fd_ >= 0 && ::connect (fd_, to->get (), to->length) == 0, "%s", strerror (errno));
  }
  explicit Plug (const char *host) // UDP, bound, for a peer
  {
    const auto a = reach::Address::parse (host, 0);
    fd_ = ::socket (a->family (), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    fail_unless (fd_ >= 0 && ::bind (fd_, a->get (), a->length) == 0);
  }
  explicit Plug (int fd) : fd_ (fd) { fail_unless (fd >= 0); } // a connection
  ~Plug () { close (); }
  Plug (const Plug &) = delete;
  Plug &operator= (const Plug &) = delete;

  void close ()
  {
    if (fd_ >= 0)
      ::close (std::exchange (fd_, -1));
  }
  stun::Address local () const { return turn::from_socket (reach::Address::local_of (fd_)); }
  stun::Address remote () const
  {
    reach::Address a;
    a.length = sizeof a.storage;
    ::getpeername (fd_, reinterpret_cast<sockaddr *> (&a.storage), &a.length);
    return turn::from_socket (a);
  }
  void send (Bytes b)
  {
    fail_unless (
        ::send (fd_, b.data (), b.size (), MSG_NOSIGNAL) == static_cast<ssize_t> (b.size ()));
  }
  // How much went out until nothing more did for a while.
  std::size_t send_until_blocked (Bytes b)
  {
    std::size_t sent = 0;
    for (pollfd p{fd_, POLLOUT, 0}; sent < b.size () && ::poll (&p, 1, 1000) > 0;) {
      const ssize_t n =
          ::send (fd_, b.data () + sent, b.size () - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      sent += n > 0 ? static_cast<std::size_t> (n) : 0;
    }
    return sent;
  }
  void send_to (const stun::Address &to, Bytes b)
  {
    const auto a = turn::to_socket (to);
    fail_unless (::sendto (fd_, b.data (), b.size (), 0, a.get (), a.length) ==
                 static_cast<ssize_t> (b.size ()));
  }
  // Empty: nothing came in time, or the end of a stream.
  Blob receive (int ms = 20000, stun::Address *from = nullptr)
  {
    pollfd p{fd_, POLLIN, 0};
    if (::poll (&p, 1, ms) <= 0)
      return {};
    Blob b (70000);
    reach::Address a;
    a.length = sizeof a.storage;
    const ssize_t n = ::recvfrom (
        fd_, b.data (), b.size (), 0, reinterpret_cast<sockaddr *> (&a.storage), &a.length);
    b.resize (n > 0 ? static_cast<std::size_t> (n) : 0);
    if (from)
      *from = turn::from_socket (a);
    return b;
  }

private:
  int fd_ = -1;
};

enum class Over { udp, tcp, tls, dtls };
inline const char *name_of (Over o)
{
  static const char *const names[] = {"UDP", "TCP", "TLS", "DTLS"};
  return names[static_cast<int> (o)];
}

class Wire {
public:
  Wire (Over over, std::uint16_t port, std::shared_ptr<const TlsContext> context = {},
      const char *host = "127.0.0.1")
      : stream_ (over == Over::tcp || over == Over::tls),
        plug_ (stream_ ? SOCK_STREAM : SOCK_DGRAM, port, host)
  {
    if (over != Over::tls && over != Over::dtls)
      return;
    session_ = context->session ("127.0.0.1");
    push ();
    while (session_->state () == TlsSession::State::handshake && take (20000)) {
    }
    fail_unless (session_->state () == TlsSession::State::open, "%s", session_->detail ().c_str ());
  }
  stun::Address local () const { return plug_.local (); }
  void close () { plug_.close (); }
  void send (Bytes frame)
  {
    Blob b (frame.begin (), frame.end ());
    if (stream_)
      b.resize ((b.size () + 3) / 4 * 4);
    if (!session_)
      return plug_.send (b);
    session_->write (b);
    push ();
  }
  // Bytes of a stream that is a peer's.
  void raw_send (Bytes b)
  {
    if (!session_)
      return plug_.send (b);
    for (; !b.empty (); b = b.subspan (std::min (b.size (), TlsSession::max_record))) {
      session_->write (b.first (std::min (b.size (), TlsSession::max_record)));
      push ();
    }
  }
  Blob raw ()
  {
    Blob b;
    do {
      for (const Blob &f : std::exchange (frames_, {}))
        b.insert (b.end (), f.begin (), f.end ());
    } while (b.empty () && take (20000));
    return b;
  }
  Blob receive (int ms = 20000)
  {
    while (frames_.empty ())
      if (!take (ms))
        return {};
    Blob b = std::move (frames_.front ());
    frames_.pop_front ();
    return b;
  }

private:
  void push ()
  {
    auto &out = session_->output ();
    if (stream_)
      plug_.send (out.bytes);
    std::size_t at = 0;
    for (const std::uint16_t n : out.sizes) {
      if (!stream_)
        plug_.send (Bytes (out.bytes).subspan (at, n));
      at += n;
    }
    out.clear ();
  }
  bool take (int ms)
  {
    const Blob b = plug_.receive (ms);
    if (b.empty ())
      return false;
    if (!session_) {
      plain (b);
      return true;
    }
    session_->input (b);
    Blob area (TlsSession::max_record);
    while (const std::size_t n = session_->read (area))
      plain (Bytes (area).first (n));
    push ();
    return true;
  }
  void plain (Bytes b)
  {
    if (!stream_ || raw_) {
      frames_.emplace_back (b.begin (), b.end ());
      return;
    }
    framer_.input (b);
    while (const auto f = framer_.next ()) {
      frames_.emplace_back (f->begin (), f->end ());
      const auto m = Message::parse (*f);
      raw_ = m && m->method () == Method::connection_bind && m->kind () == Class::success;
      if (!raw_)
        continue;
      if (Blob rest = framer_.take_rest (); !rest.empty ())
        frames_.push_back (std::move (rest));
      return;
    }
  }

  const bool stream_;
  bool raw_ = false;
  Plug plug_;
  std::unique_ptr<TlsSession> session_;
  turn::StreamFramer framer_;
  std::deque<Blob> frames_;
};

class Talker {
public:
  using Add = std::function<void (Builder &)>;
  template <typename... Args> explicit Talker (Args &&...args) : wire (std::forward<Args> (args)...)
  {
  }

  // The response's code: 0 success, 1 none.
  unsigned request (Method method, const Add &add = {})
  {
    const unsigned code = ask (method, add);
    if (code != 401 && code != 438)
      return code;
    const auto m = Message::parse (response);
    realm_ = m->text (Attr::realm);
    nonce_ = m->text (Attr::nonce);
    return ask (method, add);
  }
  bool unanswered (Method method)
  {
    Blob to (100);
    wire.send (Builder (to, method, Class::request, next_id ()).message ());
    return wire.receive (200).empty ();
  }
  unsigned allocate (const Add &add = {})
  {
    const unsigned code = request (Method::allocate, [&] (Builder &b) {
      b.u8 (Attr::requested_transport, 17);
      if (add)
        add (b);
    });
    if (code == 0)
      relayed = *Message::parse (response)->xor_address (Attr::xor_relayed_address);
    return code;
  }
  unsigned permit (const stun::Address &peer)
  {
    return request (Method::create_permission,
        [&] (Builder &b) { b.xor_address (Attr::xor_peer_address, peer); });
  }
  unsigned bind (std::uint16_t channel, const stun::Address &peer)
  {
    return request (Method::channel_bind, [&] (Builder &b) {
      b.u16 (Attr::channel_number, channel);
      b.xor_address (Attr::xor_peer_address, peer);
    });
  }
  unsigned refresh (std::uint32_t lifetime)
  {
    return request (Method::refresh, [&] (Builder &b) { b.u32 (Attr::lifetime, lifetime); });
  }
  void send (std::uint16_t channel, Bytes payload)
  {
    Blob b (4);
    turn::write_channel_header (b.data (), channel, payload.size ());
    b.insert (b.end (), payload.begin (), payload.end ());
    wire.send (b);
  }
  void send (const stun::Address &peer, Bytes payload)
  {
    Blob to (payload.size () + 100);
    Builder b (to, Method::send, Class::indication, next_id ());
    b.xor_address (Attr::xor_peer_address, peer);
    b.add (Attr::data, payload);
    wire.send (b.message ());
  }
  // Of the next frame that is a peer's data.
  Blob data (int ms = 20000)
  {
    const Blob frame = wire.receive (ms);
    if (const auto c = turn::parse_channel_data (frame))
      return {c->payload.begin (), c->payload.end ()};
    const auto m = Message::parse (frame);
    const auto d = m ? m->find (Attr::data) : std::nullopt;
    return d ? Blob (d->begin (), d->end ()) : Blob{};
  }

  Wire wire;
  std::string user = "alice", password = "secret";
  Blob sent, response; // the last ones
  stun::Address relayed;

private:
  stun::TransactionId next_id ()
  {
    store_be (id_.data () + 8, ++count_);
    return id_;
  }
  unsigned ask (Method method, const Add &add)
  {
    Blob to (2000);
    Builder b (to, method, Class::request, next_id ());
    if (add)
      add (b);
    if (!nonce_.empty ()) {
      b.text (Attr::username, user);
      b.text (Attr::realm, realm_);
      b.text (Attr::nonce, nonce_);
      b.integrity (crypto_,
          stun::long_term_key (crypto_, stun::PasswordAlgorithm::md5, user, realm_, password));
    }
    sent.assign (b.message ().begin (), b.message ().end ());
    wire.send (sent);
    response = wire.receive ();
    const auto m = Message::parse (response);
    if (!m || m->transaction () != id_)
      return 1;
    return m->kind () == Class::success ? 0 : m->error ()->code;
  }

  const stun::Crypto crypto_ = turn::make_crypto ();
  stun::TransactionId id_{};
  std::uint32_t count_ = 0;
  std::string realm_, nonce_;
};
} // namespace reach::test

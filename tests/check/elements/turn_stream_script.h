// SPDX-License-Identifier: LGPL-2.1-or-later
// A server on TCP or TLS that a test writes: what is done with each connection is a function, on a
// thread of its own. It asks nobody who he is.
#pragma once
#include "../wait.h"
#include "common/address.h"
#include "turn/net/socket_address.h"
#include "turn/proto/builder.h"
#include "turn/proto/message.h"
#include <atomic>
#include <csignal>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <optional>
#include <set>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace reach::test {
class StreamServer {
public:
  using Blob = std::vector<std::uint8_t>;
  using Fill = std::function<void (stun::Builder &)>;

  // One connection. What reads or writes returns false when it has ended.
  class Link {
  public:
    Link (int fd, SSL_CTX *tls) : fd_ (fd)
    {
      if (tls) {
        ssl_ = SSL_new (tls);
        SSL_set_fd (ssl_, fd);
      }
    }
    ~Link () { SSL_free (ssl_); }
    Link (const Link &) = delete;
    Link &operator= (const Link &) = delete;

    bool handshake () { return !ssl_ || SSL_accept (ssl_) == 1; }
    bool write (std::span<const std::uint8_t> b)
    {
      if (ssl_)
        return SSL_write (ssl_, b.data (), static_cast<int> (b.size ())) ==
               static_cast<int> (b.size ());
      while (!b.empty ()) {
        const ssize_t n = ::send (fd_, b.data (), b.size (), MSG_NOSIGNAL);
        if (n <= 0)
          return false;
        b = b.subspan (static_cast<std::size_t> (n));
      }
      return true;
    }
    bool read (std::span<std::uint8_t> to)
    {
      while (!to.empty ()) {
        const ssize_t n = ssl_ ? SSL_read (ssl_, to.data (), static_cast<int> (to.size ()))
                               : ::recv (fd_, to.data (), to.size (), 0);
        if (n <= 0)
          return false;
        to = to.subspan (static_cast<std::size_t> (n));
      }
      return true;
    }
    std::optional<Blob> request ()
    {
      Blob b (stun::header_size);
      if (!read (b))
        return {};
      const std::size_t rest = std::size_t{b[2]} << 8 | b[3];
      b.resize (b.size () + rest);
      if (!read (std::span (b).subspan (stun::header_size)))
        return {};
      return b;
    }
    void wait_end () // reads, and throws it away
    {
      std::uint8_t one[1];
      while (read (one)) {
      }
    }
    SSL *ssl () const { return ssl_; }
    stun::Address client () const
    {
      reach::Address a;
      a.length = sizeof a.storage;
      ::getpeername (fd_, reinterpret_cast<sockaddr *> (&a.storage), &a.length);
      return turn::from_socket (a);
    }

  private:
    const int fd_;
    SSL *ssl_ = nullptr;
  };
  using Talk = std::function<void (Link &, unsigned nth)>;

  explicit StreamServer (Talk talk) : talk_ (std::move (talk)) { start (); }
  // On TLS. With `ca` its clients need a certificate.
  StreamServer (
      Talk talk, const std::string &certificate, const std::string &key, const std::string &ca = {})
      : talk_ (std::move (talk)), tls_ (SSL_CTX_new (TLS_server_method ()))
  {
    fail_unless (SSL_CTX_use_certificate_chain_file (tls_, certificate.c_str ()) == 1);
    fail_unless (SSL_CTX_use_PrivateKey_file (tls_, key.c_str (), SSL_FILETYPE_PEM) == 1);
    if (!ca.empty ()) {
      fail_unless (SSL_CTX_load_verify_locations (tls_, ca.c_str (), nullptr) == 1);
      SSL_CTX_set_verify (tls_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    SSL_CTX_set_alpn_select_cb (tls_, choose, nullptr);
    start ();
  }
  ~StreamServer ()
  {
    ending_ = true;
    ::shutdown (listener_, SHUT_RDWR);
    acceptor_.join ();
    ::close (listener_);
    fds_.update ([] (std::set<int> &all) {
      for (const int fd : all)
        ::shutdown (fd, SHUT_RDWR);
    });
    for (std::thread &t : threads_)
      t.join ();
    SSL_CTX_free (tls_);
  }
  StreamServer (const StreamServer &) = delete;
  StreamServer &operator= (const StreamServer &) = delete;

  std::uint16_t port () const { return port_; }
  bool wait_accepted (unsigned n)
  {
    return accepted_.wait ([n] (unsigned a) { return a >= n; });
  }

  static Blob answer (const stun::Message &m, stun::Class kind, const Fill &fill)
  {
    Blob buffer (4096);
    stun::Builder b (buffer, m.method (), kind, m.transaction ());
    fill (b);
    fail_if (b.failed ());
    return {b.message ().begin (), b.message ().end ()};
  }
  static Blob grant (const stun::Message &m, const stun::Address &client)
  {
    return answer (m, stun::Class::success, [&] (stun::Builder &b) {
      if (m.method () == stun::Method::allocate) {
        b.xor_address (stun::Attr::xor_relayed_address, stun::Address::v4 (192, 0, 2, 9, 50000));
        b.xor_address (stun::Attr::xor_mapped_address, client);
      }
      if (m.method () == stun::Method::allocate || m.method () == stun::Method::refresh)
        b.u32 (stun::Attr::lifetime, 600);
    });
  }
  // Answers n requests so. False: it has ended.
  static bool serve (Link &l, unsigned n)
  {
    for (unsigned i = 0; i < n; i++) {
      const auto r = l.request ();
      const auto m = r ? stun::Message::parse (*r) : std::nullopt;
      if (!m || !l.write (grant (*m, l.client ())))
        return false;
    }
    return true;
  }

private:
  static int choose (SSL *, const unsigned char **out, unsigned char *size,
      const unsigned char *offered, unsigned n, void *)
  {
    *out = offered + 1; // the first of them
    *size = n > 0 ? offered[0] : 0;
    return n > 0 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }
  void start ()
  {
    ::signal (SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL
    const auto a = reach::Address::parse ("127.0.0.1", 0);
    listener_ = ::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fail_unless (::bind (listener_, a->get (), a->length) == 0 && ::listen (listener_, 16) == 0);
    port_ = turn::from_socket (reach::Address::local_of (listener_)).port;
    acceptor_ = std::thread ([this] { accept (); });
  }
  void accept ()
  {
    for (unsigned n = 0;; n++) {
      const int fd = ::accept4 (listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0)
        return;
      fds_.update ([fd] (std::set<int> &all) { all.insert (fd); });
      if (ending_)
        ::shutdown (fd, SHUT_RDWR);
      accepted_.update ([] (unsigned &a) { a++; });
      threads_.emplace_back ([this, fd, n] {
        {
          Link l (fd, tls_);
          talk_ (l, n);
        }
        fds_.update ([fd] (std::set<int> &all) {
          all.erase (fd);
          ::close (fd);
        });
      });
    }
  }

  const Talk talk_;
  SSL_CTX *tls_ = nullptr;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_ = false;
  Watched<std::set<int>> fds_;
  Watched<unsigned> accepted_;
  std::vector<std::thread> threads_; // the acceptor's, until it is joined
  std::thread acceptor_;
};
} // namespace reach::test

// SPDX-License-Identifier: LGPL-2.1-or-later
// A TURN server over UDP that a test writes: it grants everything to who proves to be "user" with
// "pass", and where the script says so it answers something else. No data are relayed.
#pragma once
#include "../wait.h"
#include "turn/net/hashes.h"
#include "turn/net/socket_address.h"
#include "turn/proto/builder.h"
#include "turn/proto/integrity.h"
#include "turn/proto/message.h"
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace reach::test {
using stun::Attr;
using stun::Builder;
using stun::Class;
using stun::Message;
using stun::Method;
using Blob = std::vector<std::uint8_t>;
using Replies = std::vector<Blob>;
using Fill = std::function<void (Builder &)>;

class ScriptedServer {
public:
  enum class Auth : std::uint8_t { none, short_term, long_term, token };
  enum class Sign : std::uint8_t { right, none, wrong };
  // The answers to the n-th request of a method that was proved (n from 0). Nothing: it is granted.
  using Script =
      std::function<std::optional<Replies> (ScriptedServer &, const Message &, unsigned)>;
  struct Options {
    Auth auth = Auth::long_term;
    std::string password = "pass";
    stun::Key mac_key; // of tokens
    const char *host = "127.0.0.1";
    std::uint16_t port = 0;
  };

  explicit ScriptedServer (Script script = {}) : ScriptedServer (std::move (script), Options ()) {}
  ScriptedServer (Script script, Options options)
      : script_ (std::move (script)), options_ (std::move (options))
  {
    const auto a = reach::Address::parse (options_.host, options_.port);
    fd_ = ::socket (a->family (), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    fail_unless (fd_ >= 0 && ::bind (fd_, a->get (), a->length) == 0, "%s", strerror (errno));
    address_ = turn::from_socket (reach::Address::local_of (fd_));
    fail_unless (::pipe2 (wake_, O_CLOEXEC) == 0);
    thread_ = std::thread ([this] { run (); });
  }
  ~ScriptedServer ()
  {
    ::close (wake_[1]);
    thread_.join ();
    ::close (wake_[0]);
    ::close (fd_);
  }
  ScriptedServer (const ScriptedServer &) = delete;
  ScriptedServer &operator= (const ScriptedServer &) = delete;

  const stun::Address &address () const { return address_; }
  std::string uri (const char *user = "user:pass@") const
  {
    return "turn:" + std::string (user) + to_string (address_);
  }
  // Proved ones, each counted once however often it was sent.
  unsigned asked (Method m) const
  {
    const auto n = counts_.get ();
    const auto at = n.find (m);
    return at == n.end () ? 0 : at->second;
  }
  bool wait_asked (Method m, unsigned n)
  {
    return counts_.wait ([&] (const Counts &c) {
      const auto at = c.find (m);
      return at != c.end () && at->second >= n;
    });
  }
  unsigned clients () const { return clients_.get (); } // how many ports of theirs it has seen
  // What came and was no request: data, indications, anything. The first 4096 of them.
  template <typename F> bool wait_others (F &&holds, milliseconds limit = long_enough)
  {
    return others_.wait (holds, limit);
  }
  void forget_others () { others_.set ({}); }

  // Between two answers: what the server and its script look at.
  template <typename F> void change (F &&f)
  {
    const std::lock_guard lock (mutex_);
    f (*this);
  }

  // For scripts, on the server's thread.
  Blob success (const Message &m, const Fill &fill = {}, Sign sign = Sign::right) const
  {
    return answer (m, Class::success, fill, sign);
  }
  Blob error (const Message &m, unsigned code, const char *reason = "because",
      const Fill &fill = {}, Sign sign = Sign::right) const
  {
    return answer (
        m, Class::error,
        [&] (Builder &b) {
          b.error (code, reason);
          if (fill)
            fill (b);
        },
        sign);
  }
  Blob challenge (const Message &m, unsigned code) const
  {
    return error (
        m, code, "who?",
        [&] (Builder &b) {
          b.text (Attr::realm, realm);
          b.text (Attr::nonce, nonce);
          if (options_.auth == Auth::token)
            b.text (Attr::third_party_authorization, "auth.example.org");
        },
        Sign::none);
  }
  Blob grant (const Message &m, Sign sign = Sign::right) const
  {
    return success (
        m, [&] (Builder &b) { fill_grant (b, m.method ()); }, sign);
  }
  void fill_grant (Builder &b, Method m) const
  {
    if (m == Method::allocate || m == Method::binding)
      b.xor_address (Attr::xor_mapped_address, from_);
    if (m == Method::allocate)
      b.xor_address (Attr::xor_relayed_address, relayed);
    if (m == Method::allocate || m == Method::refresh)
      b.u32 (Attr::lifetime, lifetime);
  }
  std::string realm = "example.org", nonce = "nonce-1";
  stun::Address relayed = stun::Address::v4 (127, 0, 0, 1, 50000);
  std::uint32_t lifetime = 600;

private:
  using Counts = std::map<Method, unsigned>;

  stun::Key key () const
  {
    if (options_.auth == Auth::token)
      return options_.mac_key;
    return options_.auth == Auth::short_term
               ? stun::short_term_key (options_.password)
               : stun::long_term_key (
                     crypto_, stun::PasswordAlgorithm::md5, "user", realm, options_.password);
  }
  Blob answer (const Message &m, Class kind, const Fill &fill, Sign sign) const
  {
    Blob buffer (8192);
    Builder b (buffer, m.method (), kind, m.transaction ());
    if (fill)
      fill (b);
    if (sign == Sign::wrong)
      b.integrity (crypto_, Blob (16, 1));
    else if (sign == Sign::right && m.integrity_at () != 0)
      b.integrity (crypto_, key ());
    b.fingerprint ();
    fail_if (b.failed ());
    return {b.message ().begin (), b.message ().end ()};
  }
  bool proved (const Message &m) const
  {
    if (options_.auth == Auth::none || m.method () == Method::binding)
      return true;
    const bool fresh = options_.auth == Auth::short_term || m.text (Attr::nonce) == nonce;
    return fresh && stun::check_sha1 (crypto_, m, key ()) == stun::Integrity::right;
  }

  Replies answers (const Message &m)
  {
    if (!proved (m)) {
      const bool stale = m.integrity_at () != 0 && options_.auth != Auth::short_term &&
                         m.text (Attr::nonce) != nonce;
      return {challenge (m, stale ? 438 : 401)};
    }
    unsigned n = 0;
    counts_.update ([&] (Counts &c) { n = c[m.method ()]++; });
    if (script_)
      if (auto said = script_ (*this, m, n))
        return std::move (*said);
    return {grant (m)};
  }
  void receive ()
  {
    std::uint8_t buffer[4096];
    reach::Address from;
    from.length = sizeof from.storage;
    const ssize_t n = ::recvfrom (
        fd_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr *> (&from.storage), &from.length);
    const auto m =
        n > 0 ? Message::parse ({buffer, static_cast<std::size_t> (n)}) : std::optional<Message> ();
    if (!m || m->kind () != Class::request) {
      if (n >= 0)
        others_.update ([&] (std::vector<Blob> &v) {
          if (v.size () < 4096)
            v.emplace_back (buffer, buffer + n);
        });
      return;
    }
    from_ = turn::from_socket (from);
    if (seen_.emplace (from_, 0).second)
      clients_.set (static_cast<unsigned> (seen_.size ()));
    const auto known = answered_.find (m->transaction ());
    const Replies replies = known != answered_.end () ? known->second : answers (*m);
    answered_[m->transaction ()] = replies;
    for (const Blob &b : replies)
      ::sendto (fd_, b.data (), b.size (), 0, from.get (), from.length);
  }
  void run ()
  {
    for (;;) {
      pollfd p[2] = {{fd_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
      ::poll (p, 2, -1);
      if (p[1].revents)
        return;
      const std::lock_guard lock (mutex_);
      if (p[0].revents)
        receive ();
    }
  }

  const stun::Crypto crypto_ = turn::make_crypto ();
  const Script script_;
  const Options options_;
  int fd_ = -1, wake_[2] = {-1, -1};
  std::mutex mutex_;
  stun::Address address_, from_;
  std::map<stun::TransactionId, Replies> answered_; // repetitions get the same
  std::map<stun::Address, int> seen_;
  Watched<Counts> counts_;
  Watched<unsigned> clients_;
  Watched<std::vector<Blob>> others_;
  std::thread thread_;
};

// The elements' side: what a bus says.
inline MessagePtr wait_error (GstElement *p, std::string &why, guint &code, gint &domain_code)
{
  MessagePtr m = wait_message (p, GST_MESSAGE_ERROR);
  if (!m)
    return m;
  GError *e = nullptr;
  const GstStructure *details = nullptr;
  gst_message_parse_error (m.get (), &e, nullptr);
  gst_message_parse_error_details (m.get (), &details);
  domain_code = e->code;
  fail_unless (details && gst_structure_get_uint (details, "code", &code), "%s", e->message);
  const char *text = gst_structure_get_string (details, "why");
  why = text ? text : "";
  g_error_free (e);
  return m;
}
} // namespace reach::test

// SPDX-License-Identifier: LGPL-2.1-or-later
// A client against a server that a test plays, on a clock of its own. Cases are functions in a
// table; a failure says which.
#pragma once
#include "../check.h"
#include "crypto.h"
#include "turn/proto/client.h"
#include <deque>

#define must(x) fail_unless ((x), "%s: %s", t.name, #x)

namespace reach::test {
using namespace reach::turn;
using namespace reach::stun;

inline const Address server_address = Address::v4 (192, 0, 2, 10, 3478);
inline const Address relayed4 = Address::v4 (192, 0, 2, 10, 50000);
inline const Address relayed6 =
    Address::v6 ({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, 50002);
inline const Address mapped4 = Address::v4 (198, 51, 100, 7, 40000);
inline const Address peer_a = Address::v4 (203, 0, 113, 1, 5004);
inline const Address peer_b = Address::v4 (203, 0, 113, 2, 5004);
inline const Address peer_6 =
    Address::v6 ({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, 5004);

enum class Sign { right, none, wrong };
using Fill = std::function<void (Builder &)>;

struct Rig {
  const char *name;
  Config config;
  TimePoint now{seconds (1000)};
  std::unique_ptr<Client> client;
  std::deque<std::vector<std::uint8_t>> inputs; // what events refer to
  std::deque<std::vector<std::uint8_t>> sent;
  std::deque<Event> events;
  // The server.
  std::string realm = "example.org", nonce = "nonce-1";
  std::vector<std::uint8_t> algorithms; // offered; empty: none
  Crypto crypto = turn_crypto (99);

  explicit Rig (const char *n) : name (n)
  {
    config.crypto = turn_crypto ();
    config.credentials.kind = Credentials::Kind::long_term;
    config.credentials.username = "user";
    config.credentials.password = "secret";
    config.keepalive = {};
  }

  void drain ()
  {
    while (auto e = client->poll_event ())
      events.push_back (std::move (*e));
    for (auto v = client->poll_transmit (); !v.empty (); v = client->poll_transmit ())
      sent.push_back (std::move (v));
  }
  template <typename F> auto call (F &&f)
  {
    if constexpr (std::is_void_v<decltype (f (*client))>) {
      f (*client);
      drain ();
    } else {
      const auto r = f (*client);
      drain ();
      return r;
    }
  }
  void give (std::vector<std::uint8_t> wire)
  {
    inputs.push_back (std::move (wire));
    client->input (inputs.back (), now);
    drain ();
  }
  // Time passes, with everything that is due on the way.
  void pass (Duration d)
  {
    const TimePoint end = now + d;
    for (int i = 0; client->poll_timeout () <= end; i++) {
      fail_unless (i < 100000, "%s: a timer that never rests", name);
      now = std::max (now, client->poll_timeout ());
      client->timeout (now);
      drain ();
    }
    now = end;
    client->timeout (now);
    drain ();
  }

  // Until something is sent.
  void wait_sent ()
  {
    for (int i = 0; sent.empty (); i++) {
      fail_unless (i < 1000 && client->poll_timeout () != TimePoint::max (),
          "%s: nothing will be sent", name);
      pass (std::max (Duration{}, client->poll_timeout () - now));
    }
  }

  // Time passes with a server that grants everything; returns how often `counted` was asked.
  unsigned serve (Duration d, Method counted = Method::create_permission)
  {
    unsigned n = 0;
    for (const TimePoint end = now + d;;) {
      while (!sent.empty ()) {
        inputs.push_back (std::move (sent.front ()));
        sent.pop_front ();
        const auto m = Message::parse (inputs.back ());
        n += m->kind () == Class::request && m->method () == counted;
        if (m->kind () == Class::request && m->method () == Method::allocate)
          succeed (*m, allocation ());
        else if (m->kind () == Class::request)
          succeed (*m, m->method () == Method::refresh ? lifetime (600) : Fill ());
      }
      if (now >= end)
        return n;
      pass (std::clamp (client->poll_timeout () - now, Duration{1}, end - now));
    }
  }

  void start ()
  {
    client = std::make_unique<Client> (config);
    call ([&] (Client &c) { c.connected (server_address, now); });
    call ([&] (Client &c) { c.allocate (now); });
  }

  bool quiet () const { return sent.empty (); }
  // The next message that was sent.
  Message next (Method method)
  {
    fail_unless (!sent.empty (), "%s: nothing was sent", name);
    inputs.push_back (std::move (sent.front ()));
    sent.pop_front ();
    const auto m = Message::parse (inputs.back ());
    fail_unless (m && m->method () == method, "%s: method %#x was sent, not %#x", name,
        m ? static_cast<unsigned> (m->method ()) : 0u, static_cast<unsigned> (method));
    return *m;
  }
  template <typename E> E event ()
  {
    for (auto i = events.begin (); i != events.end (); ++i)
      if (E *e = std::get_if<E> (&*i)) {
        E copy = std::move (*e);
        events.erase (events.begin (), i + 1);
        return copy;
      }
    fail_unless (false, "%s: no such event (%s)", name, __PRETTY_FUNCTION__);
    return {};
  }
  template <typename E> bool has () const
  {
    return std::ranges::any_of (
        events, [] (const Event &e) { return std::holds_alternative<E> (e); });
  }

  Key key () const
  {
    const Credentials &c = config.credentials;
    if (c.kind == Credentials::Kind::token)
      return c.mac_key;
    if (c.kind == Credentials::Kind::short_term)
      return short_term_key (c.password);
    const bool sha256 = algorithms.size () >= 2 && algorithms[1] == 2;
    return long_term_key (crypto, sha256 ? PasswordAlgorithm::sha256 : PasswordAlgorithm::md5,
        c.username, realm, c.password);
  }
  std::vector<std::uint8_t> answer (
      const Message &to, Class kind, unsigned code, const Fill &fill, Sign sign = Sign::right)
  {
    std::uint8_t buffer[2000];
    Builder b (buffer, to.method (), kind, to.transaction ());
    if (kind == Class::error)
      b.error (code, "reason");
    if (fill)
      fill (b);
    Key k = key ();
    if (sign == Sign::wrong)
      k.push_back (1);
    if (sign != Sign::none && config.credentials.kind != Credentials::Kind::none) {
      if (algorithms.empty ())
        b.integrity (crypto, k);
      else
        b.integrity_sha256 (crypto, k);
    }
    b.fingerprint ();
    return {b.message ().begin (), b.message ().end ()};
  }
  void succeed (const Message &to, const Fill &fill = {}, Sign sign = Sign::right)
  {
    give (answer (to, Class::success, 0, fill, sign));
  }
  void refuse (const Message &to, unsigned code, const Fill &fill = {}, Sign sign = Sign::right)
  {
    give (answer (to, Class::error, code, fill, sign));
  }
  void challenge (const Message &to, unsigned code = 401)
  {
    refuse (
        to, code,
        [this] (Builder &b) {
          b.text (Attr::realm, realm);
          b.text (Attr::nonce, nonce);
          if (!algorithms.empty ())
            b.add (Attr::password_algorithms, algorithms);
        },
        Sign::none);
  }
  void indication (Method method, const Fill &fill)
  {
    std::uint8_t buffer[2000];
    Builder b (buffer, method, Class::indication, {9, 9, 9});
    fill (b);
    give ({b.message ().begin (), b.message ().end ()});
  }
  // Whether a request is proved with what the server knows.
  bool proved (const Message &m) const
  {
    const auto k = key ();
    return algorithms.empty () ? check_sha1 (crypto, m, k) == Integrity::right
                               : check_sha256 (crypto, m, k) == Integrity::right;
  }

  static Fill allocation (std::uint32_t lifetime = 600)
  {
    return [lifetime] (Builder &b) {
      b.xor_address (Attr::xor_relayed_address, relayed4);
      b.xor_address (Attr::xor_mapped_address, mapped4);
      b.u32 (Attr::lifetime, lifetime);
    };
  }
  static Fill lifetime (std::uint32_t n)
  {
    return [n] (Builder &b) { b.u32 (Attr::lifetime, n); };
  }
  // The proved Allocate behind the challenge.
  Message to_allocate ()
  {
    start ();
    challenge (next (Method::allocate));
    return next (Method::allocate);
  }
  void to_allocated (const Fill &fill = allocation ())
  {
    succeed (to_allocate (), fill);
    (void)event<Allocated> ();
  }
  void to_permission (const Address &peer = peer_a)
  {
    call ([&] (Client &c) { return c.create_permission ({&peer, 1}, now); });
    succeed (next (Method::create_permission));
    (void)event<PermissionsCreated> ();
  }
  std::uint16_t to_channel (const Address &peer = peer_a, std::uint16_t number = 0)
  {
    const auto n = call ([&] (Client &c) { return c.bind_channel (peer, number, now); });
    succeed (next (Method::channel_bind));
    (void)event<ChannelBound> ();
    return n;
  }
  Client::Wrapped wrap (const Address &peer, std::size_t size = 100)
  {
    return call ([&] (Client &c) { return c.wrap (peer, size, header, now); });
  }
  std::uint8_t header[Client::max_header] = {};
};

// Data indication, and ChannelData, of a peer.
inline Fill data_from (const Address &peer, std::string text)
{
  return [peer, text] (Builder &b) {
    b.xor_address (Attr::xor_peer_address, peer);
    b.text (Attr::data, text);
  };
}

inline std::string text_of (Bytes b)
{
  return {b.begin (), b.end ()};
}

inline std::vector<std::uint8_t> channel_data (
    std::uint16_t n, const std::string &text, bool pad = false)
{
  std::vector<std::uint8_t> v (4);
  write_channel_header (v.data (), n, text.size ());
  v.insert (v.end (), text.begin (), text.end ());
  while (pad && v.size () % 4)
    v.push_back (0);
  return v;
}

struct Case {
  const char *name;
  void (*run) (Rig &t);
};
} // namespace reach::test

// A test program of the cases in `table`.
#define CASES_MAIN(suite, table)                                                                   \
  GST_START_TEST (test_case)                                                                       \
  {                                                                                                \
    reach::test::Rig rig (table[__i__].name);                                                      \
    table[__i__].run (rig);                                                                        \
  }                                                                                                \
  GST_END_TEST                                                                                     \
  static Suite *suite##_suite ()                                                                   \
  {                                                                                                \
    Suite *s = suite_create ("turn-" #suite);                                                      \
    TCase *tc = tcase_create ("cases");                                                            \
    suite_add_tcase (s, tc);                                                                       \
    tcase_add_loop_test (tc, test_case, 0, static_cast<int> (std::size (table)));                  \
    return s;                                                                                      \
  }                                                                                                \
  GST_CHECK_MAIN (suite)

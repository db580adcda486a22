// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's core with a clock of its own, ports that are numbers, and a client that says what a
// test wants said.
#pragma once
#include "../check.h"
#include "crypto.h"
#include "turn/proto/base64.h"
#include "turn/proto/framing.h"
#include "turn/proto/server.h"
#include <map>
#include <set>

namespace reach::test {
namespace ts = turn::server;
using stun::Address;
using stun::Attr;
using stun::Builder;
using stun::Class;
using stun::Family;
using stun::Message;
using stun::Method;
using Blob = std::vector<std::uint8_t>;

struct FakePorts final : ts::Ports {
  std::set<std::pair<Family, std::uint16_t>> bound, taken; // taken: by others on this host
  std::map<ts::RelayId, ts::Socket> opened;
  unsigned tried = 0;

  static ts::Socket number (Family f, std::uint16_t port)
  {
    return static_cast<ts::Socket> (f) << 16 | port;
  }
  static std::pair<Family, std::uint16_t> key (ts::Socket s)
  {
    return {static_cast<Family> (s >> 16), static_cast<std::uint16_t> (s)};
  }
  std::optional<ts::Socket> bind (Family f, std::uint16_t port, ts::Relaying) override
  {
    tried++;
    if (taken.contains ({f, port}) || !bound.insert ({f, port}).second)
      return {};
    return number (f, port);
  }
  void drop (ts::Socket s) override { fail_unless (bound.erase (key (s)) == 1); }
  void open (ts::Socket s, ts::RelayId id) override
  {
    fail_unless (bound.contains (key (s)) && opened.emplace (id, s).second);
  }
  void close (ts::RelayId id) override
  {
    const auto i = opened.find (id);
    fail_unless (i != opened.end ());
    bound.erase (key (i->second));
    opened.erase (i);
  }
  void connect (ts::ConnectionId id, ts::RelayId from, const Address &peer) override
  {
    fail_unless (opened.contains (from) && connecting.emplace (id, peer).second);
  }
  void splice (ts::ConnectionId id, ts::PathId client) override
  {
    fail_unless (spliced.emplace (id, client).second);
  }
  void disconnect (ts::ConnectionId id) override { disconnected.push_back (id); }
  std::map<ts::ConnectionId, Address> connecting;
  std::map<ts::ConnectionId, ts::PathId> spliced;
  std::vector<ts::ConnectionId> disconnected;
};

inline ts::Config server_config ()
{
  ts::Config c;
  c.crypto = turn_crypto ();
  c.realm = "example.org";
  c.users = {{"alice", "secret"}, {"bob", "hidden"}};
  c.relay = {Address::v4 (198, 51, 100, 1, 0),
      Address::v6 ({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0)};
  return c;
}
inline const Address peer4 = Address::v4 (192, 0, 2, 7, 5004);
inline const Address peer6 =
    Address::v6 ({0x20, 0x01, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, 5004);

// What went out, copied.
struct Sent {
  ts::Transmit::Kind kind{};
  ts::Client client;
  ts::RelayId relay = 0;
  Address peer;
  bool dont_fragment = false;
  Blob bytes;
  std::size_t payload = 0;
};

class Rig {
public:
  explicit Rig (ts::Config config = server_config ())
      : now (seconds (1000)), core (std::move (config), ports, commons, now)
  {
    udp = *core.add_path ({ts::Transport::udp, Address::v4 (198, 51, 100, 1, 3478), {}});
  }
  std::optional<Sent> take ()
  {
    while (auto e = core.poll_event ())
      events.push_back (std::move (*e));
    const ts::Transmit *t = core.poll_transmit ();
    if (!t)
      return {};
    Sent s{t->kind, t->client, t->relay, t->peer, t->dont_fragment, {}, t->payload.size ()};
    s.bytes.assign (t->head.begin (), t->head.end ());
    s.bytes.insert (s.bytes.end (), t->payload.begin (), t->payload.end ());
    s.bytes.resize (s.bytes.size () + t->padding);
    fail_unless (core.poll_transmit () == nullptr);
    return s;
  }
  std::optional<Sent> input (const ts::Client &c, Bytes in)
  {
    core.input (c, in, now);
    return take ();
  }
  std::optional<Sent> peer (ts::RelayId relay, const Address &from, Bytes in)
  {
    core.input_peer (relay, from, in, now);
    return take ();
  }
  std::optional<Sent> pass (Duration d)
  {
    now += d;
    core.timeout (now);
    return take ();
  }
  // Events of one kind, in their order; all of them are forgotten.
  template <typename T> std::vector<T> taken ()
  {
    std::vector<T> v;
    for (ts::Event &e : events)
      if (T *t = std::get_if<T> (&e))
        v.push_back (std::move (*t));
    events.clear ();
    return v;
  }
  std::uint64_t discarded (ts::Discard d) const
  {
    return core.stats ().discarded[static_cast<std::size_t> (d)];
  }

  TimePoint now;
  FakePorts ports;
  ts::LocalCommons commons;
  ts::Core core;
  ts::PathId udp = 0;
  std::vector<ts::Event> events;
};

// A response, with the bytes that the view is of.
struct Response {
  Blob bytes;
  std::optional<Message> m;

  Response () = default;
  explicit Response (Blob b) : bytes (std::move (b)), m (Message::parse (bytes)) {}
  Response (Response &&o) noexcept : bytes (std::move (o.bytes)), m (o.m) {}
  Response &operator= (Response &&o) noexcept
  {
    bytes = std::move (o.bytes);
    m = o.m;
    return *this;
  }
  bool none () const { return !m; }
  bool good () const { return m && m->kind () == Class::success; }
  unsigned code () const // 0: no error, or no answer
  {
    const auto e = m ? m->error () : std::nullopt;
    return e ? e->code : 0;
  }
  std::string text (Attr a) const { return std::string (m->text (a)); }
};

class Scripted {
public:
  using Add = std::function<void (Builder &)>;
  explicit Scripted (Rig &rig, std::uint16_t port = 40000, std::string user = "alice",
      std::string password = "secret")
      : name (std::move (user)), secret (std::move (password)), rig_ (rig),
        crypto_ (turn_crypto (port)), self{rig.udp, Address::v4 (203, 0, 113, 5, port)}
  {
  }

  // As it goes over the wire, signed if there is a nonce.
  Blob build (Method method, const Add &add = {})
  {
    Blob to (1500);
    crypto_.random (transaction);
    Builder b (to, method, Class::request, transaction);
    if (add)
      add (b);
    sign (b);
    if (fingerprint)
      b.fingerprint ();
    const Bytes m = b.message ();
    fail_unless (!m.empty ());
    return {m.begin (), m.end ()};
  }
  Response raw (Bytes wire)
  {
    const auto s = rig_.input (self, wire);
    if (!s)
      return {};
    fail_unless (s->kind == ts::Transmit::Kind::reply && s->client == self);
    return Response (s->bytes);
  }
  Response request (Method method, const Add &add = {}) { return raw (build (method, add)); }
  // With the challenge answered, if one comes.
  Response signed_request (Method method, const Add &add = {})
  {
    Response r = request (method, add);
    if (r.code () != 401 && r.code () != 438)
      return r;
    learn (r);
    return request (method, add);
  }
  void learn (const Response &r)
  {
    realm = r.text (Attr::realm);
    nonce = r.text (Attr::nonce);
    if (const auto a = r.m->find (Attr::password_algorithms))
      algorithms.assign (a->begin (), a->end ());
  }
  Response allocate (const Add &add = {})
  {
    Response r = signed_request (Method::allocate, [&] (Builder &b) {
      b.u8 (Attr::requested_transport, 17);
      if (add)
        add (b);
    });
    if (r.good ())
      relay = rig_.ports.opened.rbegin ()->first;
    return r;
  }
  Response permit (const Address &peer)
  {
    return signed_request (Method::create_permission,
        [&] (Builder &b) { b.xor_address (Attr::xor_peer_address, peer); });
  }
  Response bind (std::uint16_t number, const Address &peer)
  {
    return signed_request (Method::channel_bind, [&] (Builder &b) {
      b.u16 (Attr::channel_number, number);
      b.xor_address (Attr::xor_peer_address, peer);
    });
  }
  Response refresh (std::uint32_t lifetime)
  {
    return signed_request (Method::refresh, [&] (Builder &b) { b.u32 (Attr::lifetime, lifetime); });
  }
  std::optional<Sent> send (const Address &peer, std::string_view data, const Add &add = {})
  {
    Blob to (1500);
    crypto_.random (transaction);
    Builder b (to, Method::send, Class::indication, transaction);
    b.xor_address (Attr::xor_peer_address, peer);
    if (add)
      add (b);
    b.text (Attr::data, data);
    return rig_.input (self, b.message ());
  }
  std::optional<Sent> send (std::uint16_t channel, std::string_view data)
  {
    Blob to (4 + data.size ());
    turn::write_channel_header (to.data (), channel, data.size ());
    std::ranges::copy (as_bytes (data), to.begin () + 4);
    return rig_.input (self, to);
  }
  bool proved (const Response &r) const
  {
    return sha256 ? stun::check_sha256 (crypto_, *r.m, key ()) == stun::Integrity::right
                  : stun::check_sha1 (crypto_, *r.m, key ()) == stun::Integrity::right;
  }

  std::string name, secret, realm, nonce;
  Blob algorithms;
  bool sha256 = false, userhash = false, fingerprint = false, short_term = false;
  stun::Key raw_key; // that of a token
  stun::TransactionId transaction{};
  ts::RelayId relay = 0;

private:
  stun::Key key () const
  {
    if (!raw_key.empty ())
      return raw_key;
    if (short_term)
      return stun::short_term_key (secret);
    return stun::long_term_key (crypto_,
        sha256 ? stun::PasswordAlgorithm::sha256 : stun::PasswordAlgorithm::md5, name, realm,
        secret);
  }
  void sign (Builder &b)
  {
    if (short_term) {
      b.text (Attr::username, name);
      return sha256 ? b.integrity_sha256 (crypto_, key ()) : b.integrity (crypto_, key ());
    }
    if (nonce.empty ())
      return;
    if (userhash)
      b.add (Attr::userhash, stun::userhash_of (crypto_, name, realm));
    else
      b.text (Attr::username, name);
    b.text (Attr::realm, realm);
    b.text (Attr::nonce, nonce);
    if (sha256) {
      b.add (Attr::password_algorithms, algorithms);
      const std::uint8_t chosen[] = {0, 2, 0, 0};
      b.add (Attr::password_algorithm, chosen);
      b.integrity_sha256 (crypto_, key ());
    } else {
      b.integrity (crypto_, key ());
    }
  }

  Rig &rig_;
  stun::Crypto crypto_;

public:
  ts::Client self;
};
} // namespace reach::test

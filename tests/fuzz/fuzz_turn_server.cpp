// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's core with what clients and peers send and with time that passes. The input is a list
// of steps: {what, who, length, bytes}. A step can also be a request that is signed rightly, so
// that what stands behind the credentials is reached. At the end nothing may be left over.
#include "turn/proto/builder.h"
#include "turn/proto/server.h"
#include <cstdlib>
#include <set>

using namespace reach;
using namespace reach::turn::server;
using stun::Attr;
using stun::Builder;
using stun::Method;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

// No real hashes: what depends on its input will do.
template <std::size_t n> std::array<std::uint8_t, n> digest (Bytes key, stun::Parts parts)
{
  std::uint64_t h = 0xcbf29ce484222325u;
  const auto mix = [&] (Bytes b) {
    for (const std::uint8_t x : b)
      h = (h ^ x) * 0x100000001b3u;
  };
  mix (key);
  for (const Bytes b : parts)
    mix (b);
  std::array<std::uint8_t, n> out{};
  for (std::size_t i = 0; i < n; i++)
    out[i] = static_cast<std::uint8_t> (h >> (i % 8 * 8));
  return out;
}

stun::Crypto weak_crypto ()
{
  stun::Crypto c;
  c.md5 = [] (Bytes b) { return digest<16> (b, {}); };
  c.sha256 = [] (Bytes b) { return digest<32> (b, {}); };
  c.hmac_sha1 = [] (Bytes k, stun::Parts p) { return digest<20> (k, p); };
  c.hmac_sha256 = [] (Bytes k, stun::Parts p) { return digest<32> (k, p); };
  c.random = [state = std::uint32_t{1}] (std::span<std::uint8_t> to) mutable {
    for (std::uint8_t &b : to)
      b = static_cast<std::uint8_t> ((state = state * 1664525 + 1013904223) >> 24);
  };
  return c;
}

struct Sockets final : Ports {
  std::set<Socket> bound;
  std::map<RelayId, Socket> opened;

  std::set<ConnectionId> connections, spliced;

  std::optional<Socket> bind (Family f, std::uint16_t port, Relaying) override
  {
    const Socket s = static_cast<Socket> (f) << 16 | port;
    return bound.insert (s).second ? std::optional (s) : std::nullopt;
  }
  void drop (Socket s) override { require (bound.erase (s) == 1); }
  void open (Socket s, RelayId id) override
  {
    require (bound.contains (s) && opened.emplace (id, s).second);
  }
  void close (RelayId id) override
  {
    const auto i = opened.find (id);
    require (i != opened.end ());
    bound.erase (i->second);
    opened.erase (i);
  }
  void connect (ConnectionId id, RelayId from, const Address &) override
  {
    require (opened.contains (from) && connections.insert (id).second);
  }
  void splice (ConnectionId id, PathId) override
  {
    require (connections.contains (id) && spliced.insert (id).second);
  }
  void disconnect (ConnectionId id) override
  {
    require (connections.erase (id) == 1);
    spliced.erase (id);
  }
};

Config make_config ()
{
  Config c;
  c.crypto = weak_crypto ();
  c.users = {{"a", "b"}};
  c.ask_password = [] { return true; };
  c.mobility = true;
  c.limits.connections = 2;
  c.relay = {Address::v4 (198, 51, 100, 1, 0), Address::v6 ({0x20, 0x01, 0x0d, 0xb8}, 0)};
  c.min_port = 50000;
  c.max_port = 50006;
  c.limits.allocations = 4;
  c.limits.user_allocations = 3;
  c.limits.permissions = c.limits.channels = 3;
  c.limits.reservations = c.limits.pending = 2;
  c.limits.unauthenticated = {};
  c.bandwidth = {1000, 5000};
  return c;
}

class World {
public:
  World () : now (seconds (1)), core (make_config (), ports, commons, now)
  {
    for (const Transport t : {Transport::udp, Transport::tcp})
      paths.push_back (*core.add_path (
          {t, Address::v4 (198, 51, 100, 1, 3478), {}, t == Transport::udp ? 0 : -1}));
    for (int corner = 1; corner < static_cast<int> (corners); corner++) // RFC 5780
      core.add_path ({Transport::udp, Address::v4 (198, 51, 100, 2, 3479), {}, corner});
  }
  Client client (std::uint8_t who) const
  {
    return {paths[who & 1],
        Address::v4 (203, 0, 113, 1, static_cast<std::uint16_t> (1 + (who >> 1 & 3)))};
  }
  void step (std::uint8_t what, std::uint8_t who, Bytes in)
  {
    input = in;
    const Address peer = Address::v4 (192, 0, 2, who & 3, 5004);
    switch (what % 10) {
    case 0:
      core.input (client (who), in, now);
      break;
    case 1:
      sign (who, in);
      break;
    case 2:
      core.input_peer (who >> 2 & 7, peer, in, now);
      break;
    case 3:
      core.input_icmp (who >> 2 & 7, peer, {3, 4, 1280}, now);
      break;
    case 4:
      now += seconds (std::size_t{who} * 4);
      core.timeout (now);
      break;
    case 5:
      core.authorize (asked, who & 1 ? std::optional<std::string> ("b") : std::nullopt, now);
      break;
    case 6:
      if (const auto id = core.accepted (who >> 2 & 7, peer, now))
        require (ports.connections.insert (*id).second);
      break;
    case 7:
      if (!ports.connections.empty ())
        core.connected (*ports.connections.begin (), who & 1, now);
      break;
    case 8:
      if (!ports.connections.empty ()) {
        core.relayed (*ports.connections.begin (), who & 2, in.size (), now);
        if (who & 1)
          core.peer_closed (*ports.connections.begin (), now);
      }
      break;
    default:
      core.remove_path (paths[who & 1], now);
      paths[who & 1] =
          *core.add_path ({who & 1 ? Transport::tcp : Transport::udp, {}, {}, who & 5 ? -1 : 0});
    }
    drain ();
  }

  TimePoint now;
  Sockets ports;
  LocalCommons commons;
  Core core;

private:
  // The input is a method and attributes, without the header.
  void sign (std::uint8_t who, Bytes in)
  {
    if (in.empty ())
      return;
    static constexpr Method methods[] = {Method::allocate, Method::refresh,
        Method::create_permission, Method::channel_bind, Method::binding, Method::connect,
        Method::connection_bind};
    std::uint8_t buffer[2048];
    Builder b (buffer, methods[in[0] % 7], stun::Class::request, {in[0], who});
    ByteReader r (in.subspan (1));
    while (r.left () >= 3) {
      const std::uint16_t type = r.u16 ();
      b.add (static_cast<Attr> (type), r.take (std::min<std::size_t> (r.u8 (), r.left ())));
    }
    b.text (Attr::username, who & 0x80 ? "c" : "a");
    b.text (Attr::realm, "reach");
    b.text (Attr::nonce, nonce);
    b.integrity (core.config ().crypto,
        stun::long_term_key (core.config ().crypto, stun::PasswordAlgorithm::md5,
            who & 0x80 ? "c" : "a", "reach", "b"));
    signed_.assign (b.message ().begin (), b.message ().end ());
    input = signed_;
    core.input (client (who), signed_, now);
  }
  void drain ()
  {
    if (const Transmit *t = core.poll_transmit ())
      check (*t);
    require (core.poll_transmit () == nullptr);
    while (const auto e = core.poll_event ())
      if (const auto *a = std::get_if<AuthorizeRequest> (&*e))
        asked = a->id;
    require (core.allocations () <= 4 && commons.allocations () == core.allocations ());
    require (commons.reservations () <= 2 && ports.connections.size () <= 2 * 4);
    require (ports.bound.size () == ports.opened.size () + commons.reservations ());
    require (core.poll_timeout () > TimePoint{});
  }
  void check (const Transmit &t)
  {
    if (t.kind == Transmit::Kind::reply) {
      const auto m = Message::parse (t.head);
      require (t.client.address.host () == Address::v4 (203, 0, 113, 1, 0));
      require (t.client.address.port != 0);
      require (m || (t.head.size () >= 20 && t.head[0] == 1 && t.head[1] == 1));
      if (m && !m->text (Attr::nonce).empty ())
        nonce = m->text (Attr::nonce);
      return;
    }
    require (t.payload.empty () ||
             (t.payload.data () >= input.data () &&
                 t.payload.data () + t.payload.size () <= input.data () + input.size ()));
    require (t.kind == Transmit::Kind::to_client || ports.opened.contains (t.relay));
    require (core.config ().peers.allowed (t.peer));
  }

  std::vector<PathId> paths;
  std::string nonce = "none";
  std::uint64_t asked = 0;
  Bytes input;
  std::vector<std::uint8_t> signed_;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  World w;
  ByteReader r (Bytes (data, size));
  while (r.left () >= 4) {
    const std::uint8_t what = r.u8 (), who = r.u8 ();
    const std::size_t n = r.u16 ();
    w.step (what, who, r.take (std::min (n, r.left ())));
  }
  w.core.end_all (w.now);
  require (
      w.ports.opened.empty () && w.ports.connections.empty () && w.commons.allocations () == 0);
  return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// A client whose server says what it likes, proved or not, at any time, and whose application calls
// what it likes. Nothing is sent without a path, timers rest, tables keep their limits, and it can
// always be closed.
#include "turn/proto/client.h"
#include "turn/proto/data_connection.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::turn;
using namespace reach::stun;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

// Every proof is right: what is behind it is what matters here.
Crypto crypto ()
{
  Crypto c;
  c.md5 = [] (Bytes) { return Crypto::Md5{}; };
  c.sha256 = [] (Bytes) { return Crypto::Sha256{}; };
  c.hmac_sha1 = [] (Bytes, Parts) { return Crypto::Sha1{}; };
  c.hmac_sha256 = [] (Bytes, Parts) { return Crypto::Sha256{}; };
  c.random = [n = std::uint8_t{0}] (std::span<std::uint8_t> to) mutable {
    for (auto &b : to)
      b = n++;
  };
  return c;
}

Config config (unsigned bits)
{
  Config c;
  c.crypto = crypto ();
  c.transport = static_cast<Transport> (bits & 3);
  c.credentials.kind = static_cast<Credentials::Kind> (bits >> 2 & 3);
  c.credentials.username = "user";
  c.relay = bits & 16 ? Relay::tcp : Relay::udp;
  c.families = bits & 32 ? Families::both : Families::server_default;
  c.mobility = bits & 64;
  c.mode = static_cast<Mode> (bits % 3);
  c.limits.transactions = 8;
  c.limits.peers = c.limits.channels = 6;
  c.limits.batch = 3;
  return c;
}

class Driver {
public:
  explicit Driver (Bytes in) : in_ (in), client_ (config (in_.u8 ()))
  {
    client_.connected (server (), now_);
    client_.allocate (now_);
    drain ();
  }

  void run ()
  {
    for (int i = 0; i < 400 && in_.left () > 0; i++) {
      step (in_.u8 ());
      drain ();
    }
    client_.close (now_);
    drain ();
    for (int i = 0; i < 200 && client_.state () != Client::State::idle; i++)
      wait (seconds (3600));
    require (client_.state () == Client::State::idle && client_.relayed ().empty ());
  }

private:
  Address server ()
  {
    return Address::v4 (192, 0, 2, static_cast<std::uint8_t> (1 + in_.u8 () % 3), 3478);
  }
  Address peer ()
  {
    const std::uint8_t n = in_.u8 ();
    const auto last = static_cast<std::uint8_t> (n & 7);
    return n & 8 ? Address::v6 ({0x20, 1, last}, n & 3u)
                 : Address::v4 (203, 0, 113, last, n >> 4 & 3u);
  }

  void wait (Duration d)
  {
    const TimePoint due = client_.poll_timeout ();
    now_ = std::min (due, now_ + d);
    client_.timeout (now_);
    drain ();
    for (int i = 0; client_.poll_timeout () <= now_; i++) {
      require (i < 100);
      client_.timeout (now_);
      drain ();
    }
  }

  void step (unsigned op)
  {
    std::uint8_t header[Client::max_header];
    const Address p = op % 16 > 3 && op % 16 < 9 ? peer () : Address{};
    switch (op % 16) {
    case 0:
      return give (in_.take (std::min<std::size_t> (in_.u8 (), in_.left ())));
    case 1:
      return wait (milliseconds (in_.u16 () * 10));
    case 2:
      return connect (op & 16);
    case 3:
      return op & 16 ? client_.allocate (now_) : client_.close (now_);
    case 4:
      return (void)client_.create_permission ({&p, 1}, now_);
    case 5:
      return (void)client_.bind_channel (p, op & 16 ? 0 : 0x4000 | (in_.u8 () & 7), now_);
    case 6:
      return client_.forget (p);
    case 7:
      return (void)(op & 16 ? client_.connect (p, now_) : client_.binding_request (now_));
    case 8:
      return check (client_.wrap (p, in_.u8 (), header, now_), header);
    case 9:
      return (void)client_.refresh (in_.u16 (), now_);
    case 10:
      return indication (op);
    case 11:
      return channel (op);
    default:
      return answer (op);
    }
  }

  void connect (bool good)
  {
    path_ = good;
    if (good)
      client_.connected (server (), now_);
    else
      client_.disconnected (now_);
  }

  static void check (const Client::Wrapped &w, const std::uint8_t *header)
  {
    require (w.header <= Client::max_header && w.padding < 4);
    if (w.route == Client::Route::channel)
      require (w.header == 4 && is_channel (load_be<std::uint16_t> (header)));
    require ((w.header > 0) ==
             (w.route == Client::Route::channel || w.route == Client::Route::indication));
  }

  void give (Bytes wire)
  {
    const std::vector<std::uint8_t> copy (wire.begin (), wire.end ()); // found when used too late
    client_.input (copy, now_);
    drain ();
  }

  // Attributes that answers have, well formed for the most part.
  void fill (Builder &b, unsigned bits)
  {
    if (bits & 1)
      b.xor_address (Attr::xor_relayed_address, Address::v4 (192, 0, 2, 9, 5000));
    if (bits & 2)
      b.u32 (Attr::lifetime, in_.u16 ());
    if (bits & 4)
      b.xor_address (Attr::xor_relayed_address, Address::v6 ({0x20, 1, 9}, 5000));
    if (bits & 8) {
      b.text (Attr::realm, in_.u8 () & 1 ? "one" : "two");
      b.text (Attr::nonce, in_.u8 () & 1 ? "obMatJos2AAAA" : "obMatJos2wAAA");
    }
    if (bits & 16)
      b.u32 (Attr::password_algorithms, in_.u8 () % 3u << 16);
    if (bits & 32)
      b.address (Attr::alternate_server, server ());
    if (bits & 64)
      b.add (Attr::mobility_ticket, in_.take (std::min<std::size_t> (in_.left (), 3)));
    if (bits & 128)
      b.add (static_cast<Attr> (in_.u16 ()), in_.take (std::min<std::size_t> (in_.left (), 5)));
    b.u32 (Attr::connection_id, 5);
  }

  void answer (unsigned op)
  {
    static constexpr unsigned codes[] = {
        300, 400, 401, 403, 405, 420, 437, 438, 441, 443, 446, 486, 500, 508, 401, 438};
    if (asked_.empty ())
      return;
    const auto &to = asked_[in_.u8 () % asked_.size ()];
    const auto m = Message::parse (to);
    require (m.has_value ());
    std::uint8_t buffer[600];
    Builder b (buffer, m->method (), op & 16 ? Class::error : Class::success, m->transaction ());
    if (op & 16)
      b.error (codes[in_.u8 () % std::size (codes)], "no");
    fill (b, op & 32 ? 3 : in_.u8 ());
    if (op & 64 || op & 32)
      b.integrity (client_.config ().crypto, {});
    if (op & 128 || op & 32)
      b.integrity_sha256 (client_.config ().crypto, {});
    if (!b.failed ())
      give (b.message ());
  }

  void indication (unsigned op)
  {
    std::uint8_t buffer[300];
    Builder b (buffer, op & 16 ? Method::data : Method::connection_attempt, Class::indication, {});
    if (const Address p = peer ())
      b.xor_address (Attr::xor_peer_address, p);
    if (op & 32)
      b.icmp (in_.u8 (), in_.u8 (), 0);
    else
      b.add (Attr::data, in_.take (std::min<std::size_t> (in_.left (), 6)));
    b.u32 (Attr::connection_id, 5);
    if (!b.failed ())
      give (b.message ());
  }

  void channel (unsigned op)
  {
    std::uint8_t frame[8] = {};
    write_channel_header (frame, 0x4000 | (op >> 4 & 7u), in_.u8 () % 6u);
    give (frame);
  }

  void drain ()
  {
    while (const auto e = client_.poll_event ())
      read (*e);
    for (auto v = client_.poll_transmit (); !v.empty (); v = client_.poll_transmit ()) {
      require (path_);
      if (asked_.size () >= 8)
        asked_.erase (asked_.begin ());
      asked_.push_back (std::move (v));
    }
    require (client_.relayed ().size () <= 2);
  }

  // What events refer to is there.
  void read (const Event &e)
  {
    if (const auto *d = std::get_if<Data> (&e))
      for (const std::uint8_t b : d->payload)
        sum_ += b;
    std::visit (
        [&] (const auto &x) {
          if constexpr (requires { x.message; })
            if (!x.message.empty ())
              sum_ += static_cast<unsigned> (x.message.text (Attr::software).size ());
          if constexpr (requires { x.reason; })
            for (const char c : x.reason)
              sum_ += static_cast<unsigned> (c);
        },
        e);
    if (const auto *c = std::get_if<PeerConnected> (&e)) {
      DataConnection data (client_, c->id, now_);
      data.input (data.poll_transmit (), now_);
      require (data.poll_timeout () > now_ || data.state () != DataConnection::State::binding);
    }
  }

  ByteReader in_;
  TimePoint now_{seconds (100)};
  Client client_;
  bool path_ = true;
  unsigned sum_ = 0;
  std::vector<std::vector<std::uint8_t>> asked_;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  Driver ({data, size}).run ();
  return 0;
}

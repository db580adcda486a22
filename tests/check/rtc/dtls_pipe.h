// SPDX-License-Identifier: LGPL-2.1-or-later
// Two DTLS sessions over a pipe in memory that may lose, double and reorder.
#pragma once
#include "check.h"
#include "rtc/net/dtls.h"
#include <array>
#include <deque>
#include <functional>
#include <random>
#include <thread>

namespace reach::test {
using namespace reach::rtc;

inline std::shared_ptr<const Certificate> make_certificate (
    Certificate::Key key = Certificate::Key::ecdsa_p256)
{
  std::string error;
  auto c = Certificate::make (key, error);
  fail_unless (c != nullptr, "%s", error.c_str ());
  return c;
}

inline std::shared_ptr<const DtlsContext> make_context (
    DtlsRules rules = {}, std::shared_ptr<const Certificate> own = make_certificate ())
{
  std::string error;
  auto c = DtlsContext::make (std::move (own), std::move (rules), error);
  fail_unless (c != nullptr, "%s", error.c_str ());
  return c;
}

using Datagram = std::vector<std::uint8_t>;

inline std::deque<Datagram> take (TlsSession::Output &o)
{
  std::deque<Datagram> out;
  auto at = o.bytes.begin ();
  for (const std::uint16_t size : o.sizes) {
    out.emplace_back (at, at + size);
    at += size;
  }
  o.clear ();
  return out;
}

// A direction: what goes in comes out, or not.
class LossyPipe {
public:
  struct Rules {
    double loss = 0, doubled = 0, reordered = 0;
  };
  LossyPipe (Rules rules, unsigned seed) : rules_ (rules), random_ (seed) {}
  void put (Datagram d)
  {
    if (chance (rules_.loss))
      return;
    if (chance (rules_.doubled))
      queue_.push_back (d);
    if (!queue_.empty () && chance (rules_.reordered))
      queue_.insert (queue_.end () - 1, std::move (d));
    else
      queue_.push_back (std::move (d));
  }
  bool take (Datagram &d)
  {
    if (queue_.empty ())
      return false;
    d = std::move (queue_.front ());
    queue_.pop_front ();
    return true;
  }

private:
  bool chance (double p) { return std::uniform_real_distribution<> () (random_) < p; }
  Rules rules_;
  std::mt19937 random_;
  std::deque<Datagram> queue_;
};

struct DtlsPair {
  std::unique_ptr<Dtls> client, server;
  LossyPipe up, down;                            // client to server, and back
  std::vector<std::string> at_client, at_server; // application data
  bool resting = false;                          // both rest () whenever they may

  DtlsPair (std::shared_ptr<const DtlsContext> c, std::shared_ptr<const DtlsContext> s,
      LossyPipe::Rules rules = {}, unsigned seed = 1)
      : DtlsPair (c, {s->certificate ().fingerprint ()}, s, {c->certificate ().fingerprint ()},
            rules, seed)
  {
  }
  DtlsPair (std::shared_ptr<const DtlsContext> c, std::vector<Fingerprint> of_server,
      std::shared_ptr<const DtlsContext> s, std::vector<Fingerprint> of_client,
      LossyPipe::Rules rules = {}, unsigned seed = 1)
      : client (std::make_unique<Dtls> (c, DtlsRole::client, std::move (of_server))),
        server (std::make_unique<Dtls> (s, DtlsRole::server, std::move (of_client))),
        up (rules, seed), down (rules, seed + 1)
  {
    server->start ();
    client->start ();
  }

  static void read (Dtls &d, std::vector<std::string> &into)
  {
    std::array<std::uint8_t, Dtls::max_record> room;
    while (const auto n = d.read (room))
      into.emplace_back (reinterpret_cast<const char *> (room.data ()), *n);
  }
  // Carries what there is; true if there was anything.
  bool step ()
  {
    for (Datagram &d : take (client->output ()))
      up.put (std::move (d));
    for (Datagram &d : take (server->output ()))
      down.put (std::move (d));
    if (resting) {
      client->rest ();
      server->rest ();
    }
    Datagram d;
    bool any = false;
    while (up.take (d)) {
      server->input (d);
      read (*server, at_server);
      any = true;
    }
    while (down.take (d)) {
      client->input (d);
      read (*client, at_client);
      any = true;
    }
    return any || !client->output ().sizes.empty () || !server->output ().sizes.empty ();
  }
  // Until `done`, or nothing can happen any more; retransmission timers are waited for.
  void run (const std::function<bool ()> &done)
  {
    const auto end = Clock::now () + seconds (30);
    while (!done () && Clock::now () < end) {
      if (step ())
        continue;
      const auto a = client->next_timeout (), b = server->next_timeout ();
      if (!a && !b)
        return;
      std::this_thread::sleep_for (std::min (a.value_or (seconds (9)), b.value_or (seconds (9))));
      if (a)
        client->timeout ();
      if (b)
        server->timeout ();
    }
  }
  static bool over (const Dtls &d) { return d.state () != Dtls::State::handshake; }
  void handshake ()
  {
    run ([this] { return over (*client) && over (*server); });
    while (step ()) {
    }
  }
  bool open () const
  {
    return client->state () == Dtls::State::open && server->state () == Dtls::State::open;
  }
};
} // namespace reach::test

// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer that finds its path, begins DTLS, and dies when it has sent so many datagrams of that.
#pragma once
#include "peers.h"

namespace reach::test {
enum class Death : std::uint8_t {
  silent, // ICE goes on; DTLS says nothing more
  half,   // the same, after half of the next datagram
  gone,   // its sockets are closed: what comes there is refused
};

class DyingPeer final : Ice::Owner {
public:
  struct Plan {
    DtlsRole role = DtlsRole::client;
    unsigned datagrams = 0;
    Death how = Death::silent;
    bool controlling = true;
    std::vector<std::string> addresses; // empty: as an element has it
  };
  std::function<void (const std::string &)> on_candidate; // loop thread
  Watched<bool> dead;

  DyingPeer (std::shared_ptr<Loop> l, std::shared_ptr<const DtlsContext> context, Plan plan)
      : loop_ (std::move (l)), context_ (std::move (context)), plan_ (std::move (plan))
  {
    IceSettings s;
    s.controlling = plan_.controlling;
    s.addresses = plan_.addresses;
    loop_->call ([&] { ice_.reset (new Ice (*loop_, *this, s)); });
  }
  ~DyingPeer () override
  {
    loop_->call ([this] { ice_.reset (); });
    loop_->call ([] {});
  }
  TransportPeer description () // of this one, for the other
  {
    TransportPeer p;
    loop_->call ([&] { p.ice = ice_->local (); });
    p.fingerprints = {context_->certificate ().fingerprint ()};
    p.own_role = plan_.role == DtlsRole::client ? DtlsRole::server : DtlsRole::client;
    return p;
  }
  void meet (const IceCredentials &ice, const std::vector<Fingerprint> &fingerprints)
  {
    loop_->call ([&] {
      dtls_ = std::make_unique<Dtls> (context_, plan_.role, fingerprints);
      dtls_->start ();
      fail_unless (ice_->set_remote (ice));
      ice_->gather ();
    });
  }
  void add_remote (const std::string &candidate)
  {
    loop_->post ([this, candidate] {
      if (ice_)
        ice_->add_remote (candidate);
    });
  }

private:
  void on_ice_candidate (const Candidate &c) override
  {
    if (on_candidate)
      on_candidate (to_string (c));
  }
  void on_ice_gathered () override {}
  void on_ice_state (IceState) override {}
  void on_ice_pair (const IcePair &) override { flush (); }
  void on_ice_packet (std::span<std::uint8_t> packet) override
  {
    if (!dtls_ || packet.empty () || packet[0] < 20 || packet[0] > 63)
      return;
    dtls_->input (packet);
    flush ();
  }
  void on_ice_warning (const std::string &) override {}

  void flush ()
  {
    if (!ice_ || !ice_->path ()->set ())
      return;
    for (Datagram &d : take (dtls_->output ())) {
      if (sent_++ < plan_.datagrams)
        send (d);
      else if (!dead.get ())
        die (d);
    }
    if (plan_.datagrams == 0 && !dead.get ()) // before its first word, whoever has that
      die ({});
  }
  void send (Bytes d) { ice_->path ()->send (std::span (&d, 1)); }
  void die (const Datagram &next)
  {
    dead.set (true);
    if (plan_.how == Death::half && !next.empty ())
      send (Bytes (next).first (next.size () / 2));
    if (plan_.how == Death::gone) // it is it who calls
      loop_->destroy_later (std::move (ice_));
  }

  const std::shared_ptr<Loop> loop_;
  const std::shared_ptr<const DtlsContext> context_;
  const Plan plan_;
  std::unique_ptr<Ice> ice_;
  std::unique_ptr<Dtls> dtls_;
  unsigned sent_ = 0;
};
} // namespace reach::test

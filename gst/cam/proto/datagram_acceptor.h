// SPDX-License-Identifier: LGPL-2.1-or-later
// The listening side: answers SYN packets without keeping anything until the client has proved its
// address with a cookie, and finds the association a datagram belongs to.
//
// An unproven address gets at most one packet for one of its own, and never a longer one.
#pragma once
#include "datagram_link.h"
#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>

namespace reach::cam {

class DatagramAcceptor {
public:
  struct Config {
    DatagramConfig link;
    std::size_t max_associations = 1024;
    milliseconds cookie_life{10000}; // a cookie is good for one to two of these
  };
  struct Result {
    enum class What : std::uint8_t { nothing, reply, existing, accepted };
    What what = What::nothing;
    std::uint32_t cid = 0;              // existing, accepted
    Bytes reply;                        // to the source address; valid until the next call
    std::unique_ptr<DatagramLink> link; // accepted: has an ACCEPT to send
  };
  struct Stats {
    std::uint64_t cookies = 0, accepted = 0, rejected = 0, bad_cookies = 0, unknown = 0;
  };

  // key: secret bytes for the cookies, the same for as long as the acceptor lives.
  DatagramAcceptor (const Config &config, std::vector<std::uint8_t> key, Mac &mac, Random &random,
      StorageSource &storage)
      : config_ (config), key_ (std::move (key)), mac_ (mac), random_ (random), storage_ (storage)
  {
  }

  // existing: hand the datagram to that link's input ().
  Result input (Bytes datagram, const Address &from, TimePoint now);
  // The owner is done with this link.
  void remove (std::uint32_t cid, TimePoint now);

  std::size_t size () const { return by_cid_.size (); }
  const Stats &stats () const { return stats_; }

private:
  struct Client {
    std::uint64_t id;
    Address address;
    bool operator<(const Client &o) const
    {
      return std::tie (id, address.size, address.data) <
             std::tie (o.id, o.address.size, o.address.data);
    }
  };

  std::uint32_t bucket (TimePoint now) const;
  CookieBytes cookie (const SynPacket &s, const Address &from, std::uint32_t bucket);
  bool cookie_good (const SynPacket &s, const Address &from, TimePoint now);
  Result input_syn (const SynPacket &s, const Address &from, TimePoint now);
  Result reject (const SynPacket &s, RejectReason why);
  Result accept (const SynPacket &s, const Client &client, TimePoint now);
  void forget (TimePoint now);

  const Config config_;
  const std::vector<std::uint8_t> key_;
  Mac &mac_;
  Random &random_;
  StorageSource &storage_;
  std::unordered_map<std::uint32_t, Client>
      by_cid_; // keys are ours, so they cannot be made to collide
  std::map<Client, std::uint32_t> by_client_;
  // Clients that were served, as long as a late copy of their SYN would still be taken for a new
  // one.
  std::map<Client, TimePoint> closed_;
  std::deque<std::pair<TimePoint, Client>> closed_order_;
  std::array<std::uint8_t, SynPacket::size> reply_{};
  Stats stats_;
};
} // namespace reach::cam

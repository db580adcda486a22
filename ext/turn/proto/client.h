// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's side of one TURN allocation (RFC 8656, 6062, 8016) and of STUN on the same path (RFC
// 8489). Sans-IO, one thread: it gets a path with connected (), bytes and time; after each call
// drain poll_event () and poll_transmit (). Application data take neither: wrap () makes what goes
// in front of a payload, and what comes in is a part of the input.
//
// Nothing is sent before connected (), which is called when TLS has finished and the name in the
// certificate is checked. A client never changes the transport by itself.
#pragma once
#include "client_events.h"
#include "common/proto/fifo.h"
#include "peers.h"
#include "transactions.h"
#include <functional>

namespace reach::turn {
enum class Transport : std::uint8_t { udp, tcp, tls, dtls };
inline bool is_stream (Transport t)
{
  return t == Transport::tcp || t == Transport::tls;
}

enum class Mode : std::uint8_t { automatic, indication, channel };
enum class Families : std::uint8_t { server_default, ipv4, ipv6, both };

struct Limits {
  std::size_t request = 8192; // bytes of one of ours
  std::size_t stream_frame = 65536 + 20;
  std::size_t transactions = 64;
  std::size_t peers = 512, channels = 512;
  std::size_t batch = 16; // peers of one CreatePermission
  std::size_t ticket = 2048;
  std::uint32_t lifetime = 86400;        // of the server's word on lifetimes
  unsigned challenges = 4;               // 401 and 438 in a row, of one request
  unsigned redirects = 3;                // until one server keeps us
  unsigned new_paths = 3;                // 437 in a row
  unsigned capacity_retries = 3;         // 486, 500 and 508 in a row
  unsigned silent = 2;                   // requests in a row that nobody answers
  Duration capacity_wait = seconds (60); // RFC 8656, 7.4
  Duration retry_first = seconds (1), retry_max = seconds (60); // after a loss
  Duration credentials_margin = seconds (60);
};

struct Config {
  Limits limits;
  stun::Crypto crypto;
  Transport transport = Transport::udp;
  Retransmission retransmission;
  Credentials credentials;
  std::optional<Credentials> binding_credentials; // of Binding requests, which go bare without
  std::string software;                           // empty: not said
  bool fingerprint = true;

  stun::Relay relay = stun::Relay::udp;
  Families families = Families::server_default;
  bool even_port = false, reserve_next = false;
  std::optional<ReservationToken> reservation;
  bool dont_fragment = false; // of Allocate, and of each indication
  bool mobility = false;
  std::uint32_t lifetime = 0; // seconds; 0: the server's default

  Mode mode = Mode::automatic;
  std::uint16_t least_channel = first_channel, most_channel = last_channel; // of those it picks
  bool refresh_allocation = true, refresh_permissions = true, refresh_channels = true;
  bool automatic_permissions = true;           // what wrap () lacks is asked for
  Duration keepalive = seconds (15);           // of the NAT's binding, on datagrams; 0: none
  std::function<void (const Message &)> heard; // each message but data, if there is one
  // A request before it is signed, what may_replace () it instead; empty: as it is.
  std::function<std::vector<std::uint8_t> (Bytes)> amend;
};

class Client {
public:
  enum class State : std::uint8_t {
    idle,       // no allocation is wanted
    no_path,    // one is, connected () is awaited
    allocating, // asked for
    waiting,    // to ask again
    allocated,
    moving, // to another path
    closing // given back, not confirmed
  };
  enum class Route : std::uint8_t {
    channel,
    indication,
    pending, // asked for, not there yet
    refused  // not now, and not by itself
  };
  struct Wrapped {
    Route route = Route::refused;
    std::size_t header = 0;  // bytes written; the payload follows
    std::size_t padding = 0; // zeroes behind the payload, up to 3
  };
  static constexpr std::size_t max_header = 56; // that wrap () writes
  struct Stats {
    std::uint64_t requests = 0, retransmissions = 0, timeouts = 0;
    std::uint64_t data_in = 0, bytes_in = 0; // from peers
    std::uint64_t malformed = 0;             // not understood, or damaged
    std::uint64_t unmatched = 0;             // answers to nothing, or not the server's
    std::uint64_t unknown_peer = 0;          // data of a channel or peer that is none of ours
    std::uint64_t icmp = 0;                  // of peers' networks
    std::uint64_t undrained = 0;             // data that nobody took before the next input
  };

  struct PeerList {
    struct Permission {
      Address host;
      TimePoint expires;
    };
    struct Channel {
      std::uint16_t number;
      Address peer;
      TimePoint expires;
    };
    std::vector<Permission> permissions;
    std::vector<Channel> channels; // by number
  };

  explicit Client (Config config);
  // With other attributes: a request of the same method and id, neither signed nor with a
  // FINGERPRINT, which come behind it.
  static bool may_replace (Bytes before, Bytes after);
  Client (const Client &) = delete;
  Client &operator= (const Client &) = delete;

  // The path.
  void connected (const Address &server, TimePoint now);
  void disconnected (TimePoint now);
  void input (Bytes in, TimePoint now); // a datagram, or any piece of a stream
  void timeout (TimePoint now);
  TimePoint poll_timeout () const; // TimePoint::max (): none
  std::optional<Event> poll_event ();
  std::vector<std::uint8_t> poll_transmit (); // one datagram; empty: nothing

  // The allocation.
  void allocate (TimePoint now);
  bool refresh (std::uint32_t lifetime, TimePoint now); // 0: close ()
  void close (TimePoint now);
  // Of a token they are used at once, of others with the next allocation, as the server ties one to
  // its user (441). CredentialsExpiring comes before `expires`.
  void set_credentials (Credentials c, TimePoint expires, TimePoint now);

  // Peers. They are kept over allocations until forget (), which leaves what was asked for by hand.
  // False: there are too many, or the allocation has no address of that family, or relays TCP
  // (channels).
  bool create_permission (std::span<const Address> peers, TimePoint now, bool by_hand = false);
  std::uint16_t bind_channel (
      const Address &peer, std::uint16_t number, TimePoint now, bool by_hand = false);
  // It expires by itself. The permission is the host's, and stays while others there need it.
  void forget (const Address &peer, bool others = false);
  bool connect (const Address &peer, TimePoint now); // RFC 6062
  bool binding_request (TimePoint now);

  // What goes in front of `size` bytes for the peer.
  Wrapped wrap (
      const Address &peer, std::size_t size, std::span<std::uint8_t> header, TimePoint now);
  // The same through one way, whatever the mode: also with a channel given by number.
  Wrapped wrap_indication (
      const Address &peer, std::size_t size, std::span<std::uint8_t> header, TimePoint now);
  Wrapped wrap_channel (
      std::uint16_t number, std::size_t size, std::span<std::uint8_t> header, TimePoint now);
  // Of a datagram that is a peer's data: as poll_event () would give it, and nothing to drain.
  // Of another one nothing: it is for input ().
  std::optional<Data> unwrap (Bytes datagram);

  State state () const { return state_; }
  const std::vector<Address> &relayed () const { return relayed_; }
  const Address &mapped () const { return mapped_; }
  const Address &server () const { return server_; }
  TimePoint expires () const { return expires_; }
  TimePoint updated () const { return updated_; }       // the server's last word on its lifetime
  TimePoint refresh_at () const { return refresh_at_; } // max (): not by itself
  PeerList peers ();                                    // what may be used now
  bool mobile () const { return !ticket_.empty (); }
  const Stats &stats () const { return stats_; }
  // The proof of a DataConnection's request.
  const Authenticator &authenticator () const { return auth_; }
  const Config &config () const { return config_; }

private:
  // client.cpp
  void receive (Bytes frame, TimePoint now);
  void receive_message (Bytes frame, TimePoint now);
  void receive_response (const Message &m, TimePoint now);
  void receive_indication (const Message &m);
  void detach_events ();
  void emit (Event e) { events_.push_back (std::move (e)); }

  // client_requests.cpp
  bool send (Request r, TimePoint now);
  void write (stun::Builder &b, const Request &r) const;
  void write_allocate (stun::Builder &b) const;
  void challenge (Request r, const Message &m, TimePoint now);
  void refuse (const Request &r, Why why, unsigned code, const Message &m, TimePoint now);
  void success (const Request &r, const Message &m, TimePoint now);
  void error (
      const Request &r, const Message &m, unsigned code, std::string_view reason, TimePoint now);
  void unanswered (const Request &r, Why why, TimePoint now);
  Authenticator &auth_of (const Request &r);

  // client_allocation.cpp
  void begin (TimePoint now);
  void on_allocated (const Message &m, TimePoint now);
  void on_refreshed (const Request &r, const Message &m, TimePoint now);
  void allocate_error (const Message &m, unsigned code, std::string_view reason, TimePoint now);
  void refresh_error (
      const Request &r, const Message &m, unsigned code, std::string_view reason, TimePoint now);
  bool weaken (const Message &m, unsigned code);
  void redirect (const Message &m);
  void set_lifetime (std::uint32_t seconds, TimePoint now);
  void lost (Why why, unsigned code, bool path_is_good, TimePoint now);
  void retry_later (bool path_is_good, TimePoint now);
  void fail (
      Why why, stun::Method method, unsigned code, std::string_view reason, const Message &m = {});
  void want_path ();
  void over ();
  void closed ();
  Duration backoff (unsigned n) const;

  // client_peers.cpp
  bool has_family (const Address &peer) const;
  std::vector<Address> next_batch (TimePoint now);
  void ask_permissions (TimePoint now);
  void ask_channels (TimePoint now);
  void check_peers (TimePoint now);
  void restore_peers (TimePoint now);
  void on_permissions (const Request &r, const Message &m, TimePoint now);
  void on_channel (const Request &r, const Message &m, TimePoint now);
  void permissions_error (
      const Request &r, const Message &m, unsigned code, std::string_view reason, TimePoint now);
  void channel_error (
      const Request &r, const Message &m, unsigned code, std::string_view reason, TimePoint now);
  void peers_changed () { peers_due_ = peers_.poll_timeout (); }

  // client_data.cpp
  void receive_channel (Bytes frame);
  void receive_data (const Message &m);
  void receive_attempt (const Message &m);
  bool missing (const Address &peer, bool channel, TimePoint now);
  void keep_alive (TimePoint now);
  stun::TransactionId new_id ();

  Config config_;
  Authenticator auth_;
  std::optional<Authenticator> binding_auth_;
  std::optional<Credentials> next_credentials_;
  Transactions transactions_;
  Peers peers_;
  StreamFramer framer_;
  Fifo<Event> events_;
  Fifo<std::vector<std::uint8_t>> out_;
  std::vector<std::uint8_t> scratch_;
  Stats stats_;

  State state_ = State::idle;
  bool path_ = false;           // connected
  bool had_allocation_ = false; // once: losses are repaired from then on
  Address server_, mapped_;
  std::vector<Address> relayed_;
  std::vector<std::uint8_t> ticket_;
  std::vector<Address> visited_; // servers that sent us on
  bool mobility_, dont_fragment_;
  unsigned redirects_ = 0, new_paths_ = 0, capacity_retries_ = 0, losses_ = 0, silent_ = 0;

  TimePoint expires_ = TimePoint::max (), refresh_at_ = TimePoint::max ();
  TimePoint retry_at_ = TimePoint::max (), peers_due_ = TimePoint::max ();
  TimePoint keepalive_at_ = TimePoint::max (), sent_at_{}, updated_{};
  TimePoint credentials_at_ = TimePoint::max ();
  stun::TransactionId indication_id_{};
};
} // namespace reach::turn

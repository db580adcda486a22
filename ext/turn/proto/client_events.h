// SPDX-License-Identifier: LGPL-2.1-or-later
// What a Client tells. Every answer of the server comes with its message. Spans and views, messages
// too, are parts of the last input (): they are good until the next one.
#pragma once
#include "common/proto/time.h"
#include "message.h"
#include <array>
#include <variant>
#include <vector>

namespace reach::turn {
using stun::Address;
using stun::Message;

using ReservationToken = std::array<std::uint8_t, 8>;

enum class Why : std::uint8_t {
  refused,         // by the server, with a code
  timeout,         // nobody answers
  disconnected,    // the path broke
  expired,         // it was not refreshed in time
  bad_response,    // an answer that cannot be one
  bad_credentials, // ours cannot be used
  wrong_credentials,
  no_credentials, // the server wants some
  bid_down,       // somebody wants us to be less safe than the server can be
  bad_redirect,   // a loop, too many, or to where it must not lead
  stale_nonces,   // one after the other
  integrity       // an answer whose proof is wrong, on a path that loses nothing
};

// The allocation is there, the first time or again.
struct Allocated {
  std::vector<Address> relayed; // one, or one of each family
  Address mapped;               // ours, as the server sees it
  std::uint32_t lifetime = 0;   // seconds
  std::optional<ReservationToken> reservation;
  std::optional<stun::AddressError> refused_family; // of two that were asked for
  bool mobile = false;
  Message message;
};
struct Refreshed {
  std::uint32_t lifetime = 0;
  bool moved = false; // it is ours on the new path (RFC 8016)
  Message message;
};
struct PermissionsCreated {
  std::vector<Address> peers;
  Message message;
};
struct ChannelBound {
  std::uint16_t number = 0;
  Address peer;
  Message message;
};
// Permissions or a channel that will not be. Code 0: found out here, without asking.
struct PeerRefused {
  stun::Method method{};
  std::vector<Address> peers;
  std::uint16_t channel = 0;
  unsigned code = 0;
  std::string_view reason;
  Message message;
};
// They were not refreshed, as was wished, or could not be.
struct PeerExpired {
  Address peer;
  std::uint16_t channel = 0; // 0: the permission
};
struct BindingSuccess {
  Address mapped;
  std::optional<Address> origin, other; // RFC 5780
  Message message;
};
// An error that ends nothing by itself.
struct ResponseError {
  stun::Method method{};
  unsigned code = 0;
  std::string_view reason;
  Message message;
};
// No answer, in spite of all repetitions.
struct TimedOut {
  stun::Method method{};
  std::vector<Address> peers;
};
// The relayed address is gone. The client allocates another after `retry`, if it is not max ().
struct AllocationLost {
  Why why{};
  unsigned code = 0;
  Duration retry = Duration::max ();
};
// The client gives up. allocate () begins again.
struct Failed {
  Why why{};
  stun::Method method{};
  unsigned code = 0;
  std::string reason;
  Message message;
};
struct Closed {}; // given back

// Use a new socket to the same server, and say connected ().
struct PathWanted {};
// The same to this server, on the same kind of transport. The name is the one to check its
// certificate against; empty: as before (RFC 8489, 10).
struct Redirected {
  Address server;
  std::string domain;
  Message message;
};

// From a peer. Channel 0: an indication.
struct Data {
  Address peer;
  std::uint16_t channel = 0;
  Bytes payload;
};
// What we sent came back to the relay (RFC 8656, 11.5).
struct IcmpError {
  Address peer;
  stun::Icmp icmp;
  Message message;
};
struct UnknownBytes {
  Bytes bytes;
};

// RFC 6062: open a connection to the server and run DataConnection on it with this id.
struct PeerConnected {
  Address peer;
  std::uint32_t id = 0;
  bool incoming = false;
  Message message;
};

// The credentials given with an expiry end soon: set_credentials ().
struct CredentialsExpiring {};

using Event = std::variant<Data, Allocated, Refreshed, PermissionsCreated, ChannelBound,
    PeerRefused, PeerExpired, BindingSuccess, ResponseError, TimedOut, AllocationLost, Failed,
    Closed, PathWanted, Redirected, IcmpError, UnknownBytes, PeerConnected, CredentialsExpiring>;
} // namespace reach::turn

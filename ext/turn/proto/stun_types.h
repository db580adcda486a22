// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers of STUN (RFC 8489, 5780), TURN (RFC 8656, 6062, 8016) and third-party authorization
// (RFC 7635).
#pragma once
#include <array>
#include <cstdint>

namespace reach::stun {
inline constexpr char alpn[] = "stun.turn"; // on TLS and DTLS (RFC 7443)

inline constexpr std::uint32_t magic_cookie = 0x2112a442;
inline constexpr std::size_t header_size = 20;
using TransactionId = std::array<std::uint8_t, 12>;

enum class Class : std::uint8_t { request, indication, success, error };

enum class Method : std::uint16_t {
  binding = 0x001,
  allocate = 0x003,
  refresh = 0x004,
  send = 0x006,
  data = 0x007,
  create_permission = 0x008,
  channel_bind = 0x009,
  connect = 0x00a,
  connection_bind = 0x00b,
  connection_attempt = 0x00c,
};

enum class Attr : std::uint16_t {
  mapped_address = 0x0001,
  change_request = 0x0003,
  source_address = 0x0004,  // RFC 3489
  changed_address = 0x0005, // RFC 3489
  username = 0x0006,
  message_integrity = 0x0008,
  error_code = 0x0009,
  unknown_attributes = 0x000a,
  channel_number = 0x000c,
  lifetime = 0x000d,
  xor_peer_address = 0x0012,
  data = 0x0013,
  realm = 0x0014,
  nonce = 0x0015,
  xor_relayed_address = 0x0016,
  requested_address_family = 0x0017,
  even_port = 0x0018,
  requested_transport = 0x0019,
  dont_fragment = 0x001a,
  access_token = 0x001b,
  message_integrity_sha256 = 0x001c,
  password_algorithm = 0x001d,
  userhash = 0x001e,
  xor_mapped_address = 0x0020,
  reservation_token = 0x0022,
  priority = 0x0024,
  use_candidate = 0x0025,
  padding = 0x0026,
  response_port = 0x0027,
  connection_id = 0x002a,
  additional_address_family = 0x8000,
  address_error_code = 0x8001,
  password_algorithms = 0x8002,
  alternate_domain = 0x8003,
  icmp = 0x8004,
  software = 0x8022,
  alternate_server = 0x8023,
  fingerprint = 0x8028,
  ice_controlled = 0x8029,
  ice_controlling = 0x802a,
  response_origin = 0x802b,
  other_address = 0x802c,
  third_party_authorization = 0x802e,
  mobility_ticket = 0x8030,
};

// Below 0x8000 a receiver that does not know it must not go on (RFC 8489, 14).
inline constexpr bool comprehension_required (std::uint16_t type)
{
  return type < 0x8000;
}
// Whether the codec knows it. Those below 0x8000 only; others need not be known.
bool is_known (std::uint16_t type);

enum class PasswordAlgorithm : std::uint16_t { md5 = 1, sha256 = 2 };

namespace code {
inline constexpr unsigned try_alternate = 300, bad_request = 400, unauthenticated = 401,
                          forbidden = 403, mobility_forbidden = 405, unknown_attribute = 420,
                          allocation_mismatch = 437, stale_nonce = 438, family_not_supported = 440,
                          wrong_credentials = 441, transport_not_supported = 442,
                          peer_family_mismatch = 443, connection_exists = 446,
                          connection_failed = 447, quota_reached = 486, server_error = 500,
                          insufficient_capacity = 508;
} // namespace code

// IANA protocol numbers in REQUESTED-TRANSPORT.
enum class Relay : std::uint8_t { tcp = 6, udp = 17 };
} // namespace reach::stun

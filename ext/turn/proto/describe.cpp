// SPDX-License-Identifier: LGPL-2.1-or-later
#include "describe.h"

namespace reach::stun {
namespace {
struct Name {
  Attr type;
  const char *text;
};
constexpr Name names[] = {{Attr::mapped_address, "MAPPED-ADDRESS"},
    {Attr::change_request, "CHANGE-REQUEST"}, {Attr::source_address, "SOURCE-ADDRESS"},
    {Attr::changed_address, "CHANGED-ADDRESS"}, {Attr::username, "USERNAME"},
    {Attr::message_integrity, "MESSAGE-INTEGRITY"}, {Attr::error_code, "ERROR-CODE"},
    {Attr::unknown_attributes, "UNKNOWN-ATTRIBUTES"}, {Attr::channel_number, "CHANNEL-NUMBER"},
    {Attr::lifetime, "LIFETIME"}, {Attr::xor_peer_address, "XOR-PEER-ADDRESS"},
    {Attr::data, "DATA"}, {Attr::realm, "REALM"}, {Attr::nonce, "NONCE"},
    {Attr::xor_relayed_address, "XOR-RELAYED-ADDRESS"},
    {Attr::requested_address_family, "REQUESTED-ADDRESS-FAMILY"}, {Attr::even_port, "EVEN-PORT"},
    {Attr::requested_transport, "REQUESTED-TRANSPORT"}, {Attr::dont_fragment, "DONT-FRAGMENT"},
    {Attr::access_token, "ACCESS-TOKEN"},
    {Attr::message_integrity_sha256, "MESSAGE-INTEGRITY-SHA256"},
    {Attr::password_algorithm, "PASSWORD-ALGORITHM"}, {Attr::userhash, "USERHASH"},
    {Attr::xor_mapped_address, "XOR-MAPPED-ADDRESS"},
    {Attr::reservation_token, "RESERVATION-TOKEN"}, {Attr::priority, "PRIORITY"},
    {Attr::use_candidate, "USE-CANDIDATE"}, {Attr::padding, "PADDING"},
    {Attr::response_port, "RESPONSE-PORT"}, {Attr::connection_id, "CONNECTION-ID"},
    {Attr::additional_address_family, "ADDITIONAL-ADDRESS-FAMILY"},
    {Attr::address_error_code, "ADDRESS-ERROR-CODE"},
    {Attr::password_algorithms, "PASSWORD-ALGORITHMS"},
    {Attr::alternate_domain, "ALTERNATE-DOMAIN"}, {Attr::icmp, "ICMP"},
    {Attr::software, "SOFTWARE"}, {Attr::alternate_server, "ALTERNATE-SERVER"},
    {Attr::fingerprint, "FINGERPRINT"}, {Attr::ice_controlled, "ICE-CONTROLLED"},
    {Attr::ice_controlling, "ICE-CONTROLLING"}, {Attr::response_origin, "RESPONSE-ORIGIN"},
    {Attr::other_address, "OTHER-ADDRESS"},
    {Attr::third_party_authorization, "THIRD-PARTY-AUTHORIZATION"},
    {Attr::mobility_ticket, "MOBILITY-TICKET"}};

void add_hex (std::string &to, unsigned value, int digits)
{
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    to += "0123456789abcdef"[value >> shift & 15];
}

void add_name (std::string &to, std::uint16_t type)
{
  for (const Name &n : names)
    if (static_cast<std::uint16_t> (n.type) == type) {
      to += n.text;
      return;
    }
  to += "0x";
  add_hex (to, type, 4);
}
} // namespace

const char *name_of (Method m)
{
  switch (m) {
  case Method::binding:
    return "binding";
  case Method::allocate:
    return "allocate";
  case Method::refresh:
    return "refresh";
  case Method::send:
    return "send";
  case Method::data:
    return "data";
  case Method::create_permission:
    return "create-permission";
  case Method::channel_bind:
    return "channel-bind";
  case Method::connect:
    return "connect";
  case Method::connection_bind:
    return "connection-bind";
  case Method::connection_attempt:
    return "connection-attempt";
  }
  return "unknown";
}

std::string describe (const Message &m)
{
  constexpr const char *classes[] = {"request", "indication", "success", "error"};
  std::string text = name_of (m.method ());
  text += " ";
  text += classes[static_cast<unsigned> (m.kind ())];
  if (const auto e = m.error (); e && m.kind () == Class::error)
    text += " " + std::to_string (e->code);
  text += " ";
  for (const std::uint8_t b : m.transaction ())
    add_hex (text, b, 2);
  text += ":";
  for (auto c = m.attributes (); const auto a = c.next ();) {
    text += " ";
    add_name (text, a->type);
  }
  return text;
}
} // namespace reach::stun

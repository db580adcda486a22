// SPDX-License-Identifier: LGPL-2.1-or-later
#include "candidate.h"
#include "sdp_text.h"
#include <algorithm>

namespace reach::rtc {
namespace {
using sdp::cut, sdp::equal_names, sdp::is_alnum, sdp::is_digit, sdp::number, sdp::word;

constexpr std::size_t max_text = 1024, max_extensions = 16;
constexpr std::string_view types[] = {"host", "srflx", "prflx", "relay"};
constexpr std::string_view tcp_types[] = {"active", "passive", "so"};

bool is_ipv4 (std::string_view text)
{
  for (int i = 0; i < 4; i++) {
    if (i > 0 && text.empty ())
      return false;
    const std::string_view part = i < 3 ? cut (text, '.') : text;
    if (part.size () > 3 || !number<std::uint8_t> (part))
      return false;
  }
  return true;
}

// Groups of up to four hexadecimal digits, one `::` at most, and a dotted end.
bool is_ipv6 (std::string_view text)
{
  if (text.size () < 2 || text.size () > 45)
    return false;
  int groups = 0;
  bool gap = false;
  if (text.starts_with ("::")) {
    gap = true;
    text.remove_prefix (2);
  }
  while (!text.empty ()) {
    const std::size_t colon = text.find (':');
    const std::string_view group = text.substr (0, colon);
    if (colon == std::string_view::npos && group.find ('.') != std::string_view::npos)
      return is_ipv4 (group) && (gap ? groups < 6 : groups == 6);
    if (group.empty () || group.size () > 4 || !sdp::all_of (group, [] (char c) {
          return is_digit (c) || (sdp::lower (c) >= 'a' && sdp::lower (c) <= 'f');
        }))
      return false;
    groups++;
    if (colon == std::string_view::npos)
      break;
    text.remove_prefix (colon + 1);
    if (text.starts_with (':')) {
      if (gap)
        return false;
      gap = true;
      text.remove_prefix (1);
    } else if (text.empty ())
      return false;
  }
  return gap ? groups < 8 : groups == 8;
}

bool is_name (std::string_view text)
{
  return !text.empty () && text.size () <= 253 && !text.starts_with ('.') &&
         !text.starts_with ('-') && text.find ("..") == std::string_view::npos &&
         sdp::all_of (text, [] (char c) { return is_alnum (c) || c == '-' || c == '.'; });
}

bool read_number (std::string_view value, std::optional<std::uint32_t> &to)
{
  to = number<std::uint32_t> (value);
  return to.has_value ();
}

bool read_pair (std::string_view name, std::string_view value, Candidate &c)
{
  if (name == "raddr") {
    c.related_address = value;
    return address_form (value) != AddressForm::invalid;
  }
  if (name == "rport") {
    const auto port = number<std::uint16_t> (value);
    c.related_port = port.value_or (0);
    return port.has_value ();
  }
  if (name == "tcptype") {
    const auto found = std::ranges::find (tcp_types, value);
    if (found == std::end (tcp_types))
      return false;
    c.tcp_type = static_cast<TcpType> (found - std::begin (tcp_types));
    return true;
  }
  if (name == "generation")
    return read_number (value, c.generation);
  if (name == "network-id")
    return read_number (value, c.network_id);
  if (name == "network-cost")
    return read_number (value, c.network_cost);
  if (name == "ufrag") {
    c.ufrag = value;
    return value.size () >= 4 && value.size () <= 256 && sdp::all_of (value, sdp::is_ice_char);
  }
  c.extensions.emplace_back (name, value);
  return sdp::is_token (name) && c.extensions.size () <= max_extensions;
}

bool read_type (std::string_view text, Candidate &c)
{
  const auto found = std::ranges::find (types, text);
  if (found == std::end (types))
    return false;
  c.type = static_cast<CandidateType> (found - std::begin (types));
  return true;
}

bool read_fixed (std::string_view &text, Candidate &c)
{
  c.foundation = word (text);
  const auto component = number<std::uint16_t> (word (text));
  const std::string_view transport = word (text);
  const auto priority = number<std::uint32_t> (word (text));
  c.address = word (text);
  const auto port = number<std::uint16_t> (word (text));
  c.tcp = equal_names (transport, "tcp");
  if (!component || *component == 0 || *component > 256 || !priority || !port)
    return false;
  c.component = *component;
  c.priority = *priority;
  c.port = *port;
  return !c.foundation.empty () && c.foundation.size () <= 32 &&
         sdp::all_of (c.foundation, sdp::is_ice_char) &&
         (c.tcp || equal_names (transport, "udp")) &&
         address_form (c.address) != AddressForm::invalid && word (text) == "typ" &&
         read_type (word (text), c);
}

void put (std::string &s, std::string_view name, const std::optional<std::uint32_t> &v)
{
  if (v)
    s.append (" ").append (name).append (" ").append (std::to_string (*v));
}
} // namespace

AddressForm address_form (std::string_view text)
{
  if (is_ipv4 (text))
    return AddressForm::ipv4;
  if (is_ipv6 (text))
    return AddressForm::ipv6;
  if (!is_name (text))
    return AddressForm::invalid;
  // RFC 8828's names are one label; what looks like an address but is none is no name.
  constexpr std::string_view local = ".local";
  if (text.size () > local.size () && equal_names (text.substr (text.size () - 6), local))
    return text.find ('.') == text.size () - 6 ? AddressForm::mdns : AddressForm::invalid;
  return sdp::all_of (text, [] (char c) { return is_digit (c) || c == '.'; }) ? AddressForm::invalid
                                                                              : AddressForm::name;
}

std::optional<Candidate> parse_candidate (std::string_view text)
{
  if (text.starts_with ("a="))
    text.remove_prefix (2);
  constexpr std::string_view prefix = "candidate:";
  if (text.size () > max_text || !text.starts_with (prefix))
    return {};
  text = sdp::trim (text.substr (prefix.size ()));
  Candidate c;
  if (!read_fixed (text, c))
    return {};
  while (!text.empty ()) {
    const std::string_view name = word (text);
    const std::string_view value = word (text);
    if (value.empty () || !read_pair (name, value, c))
      return {};
  }
  if (!c.related_address)
    c.related_port = 0;
  // RFC 6544, 4.5
  if (c.tcp_type && !c.tcp)
    return {};
  return c;
}

std::string to_string (const Candidate &c)
{
  std::string s = "candidate:" + c.foundation + " " + std::to_string (c.component) +
                  (c.tcp ? " tcp " : " udp ") + std::to_string (c.priority) + " " + c.address +
                  " " + std::to_string (c.port) + " typ ";
  s += types[static_cast<unsigned> (c.type)];
  if (c.related_address)
    s += " raddr " + *c.related_address + " rport " + std::to_string (c.related_port);
  if (c.tcp_type)
    s.append (" tcptype ").append (tcp_types[static_cast<unsigned> (*c.tcp_type)]);
  put (s, "generation", c.generation);
  if (!c.ufrag.empty ())
    s += " ufrag " + c.ufrag;
  put (s, "network-id", c.network_id);
  put (s, "network-cost", c.network_cost);
  for (const auto &[name, value] : c.extensions)
    s.append (" ").append (name).append (" ").append (value);
  return s;
}
} // namespace reach::rtc

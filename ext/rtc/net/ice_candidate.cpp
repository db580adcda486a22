// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ice_candidate.h"
#include <algorithm>
#include <charconv>
#include <vector>

namespace reach::rtc {
namespace {
constexpr std::size_t longest = 512, longest_name = 128;

constexpr const char *types[] = {"host", "srflx", "prflx", "relay"};

std::vector<std::string_view> words_of (std::string_view text)
{
  std::vector<std::string_view> words;
  while (!text.empty ()) {
    const std::size_t end = std::min (text.find (' '), text.size ());
    if (end > 0)
      words.push_back (text.substr (0, end));
    text.remove_prefix (std::min (end + 1, text.size ()));
  }
  return words;
}

template <typename T> bool number (std::string_view text, T &out)
{
  const auto r = std::from_chars (text.data (), text.data () + text.size (), out);
  return r.ec == std::errc () && r.ptr == text.data () + text.size ();
}

bool ice_chars (std::string_view text)
{
  return std::all_of (text.begin (), text.end (),
      [] (char c) { return g_ascii_isalnum (c) || c == '+' || c == '/'; });
}

// A single label, such as browsers make of a random number.
bool mdns_name (std::string_view name)
{
  constexpr std::string_view suffix = ".local";
  if (name.size () <= suffix.size () || name.size () > longest_name ||
      g_ascii_strncasecmp (
          name.data () + name.size () - suffix.size (), suffix.data (), suffix.size ()) != 0)
    return false;
  const auto label = name.substr (0, name.size () - suffix.size ());
  return std::all_of (
      label.begin (), label.end (), [] (char c) { return g_ascii_isalnum (c) || c == '-'; });
}

bool literal (const std::string &address)
{
  return address.size () < 64 && g_hostname_is_ip_address (address.c_str ());
}

bool set_extension (IceCandidate &c, std::string_view name, std::string_view value)
{
  if (name == "raddr")
    c.related_address = value;
  else if (name == "rport")
    return number (value, c.related_port);
  else if (name == "tcptype")
    c.tcp_type = value;
  else if (name == "ufrag")
    c.ufrag = value;
  return true; // others are ignored
}

std::string text_of (const NiceAddress &a)
{
  char text[NICE_ADDRESS_STRING_LEN];
  nice_address_to_string (&a, text);
  return text;
}
} // namespace

const char *to_text (IceCandidate::Type type)
{
  return types[static_cast<std::size_t> (type)];
}

bool IceCandidate::mdns () const
{
  return mdns_name (address);
}

std::optional<IceCandidate> parse_ice_candidate (std::string_view text)
{
  if (text.starts_with ("a="))
    text.remove_prefix (2);
  constexpr std::string_view key = "candidate:";
  if (!text.starts_with (key) || text.size () > longest)
    return {};
  const std::vector<std::string_view> w = words_of (text.substr (key.size ()));
  if (w.size () < 8 || w.size () % 2 != 0 || w[6] != "typ")
    return {};
  IceCandidate c;
  c.foundation = w[0];
  c.tcp = w[2] == "tcp" || w[2] == "TCP";
  if ((!c.tcp && w[2] != "udp" && w[2] != "UDP") || c.foundation.size () > 32 ||
      !ice_chars (c.foundation) || !number (w[1], c.component) || c.component < 1 ||
      c.component > 256 || !number (w[3], c.priority) || !number (w[5], c.port))
    return {};
  c.address = w[4];
  const auto type = std::find (std::begin (types), std::end (types), w[7]);
  if (type == std::end (types) || (!literal (c.address) && !c.mdns ()))
    return {};
  c.type = static_cast<IceCandidate::Type> (type - std::begin (types));
  for (std::size_t i = 8; i + 1 < w.size (); i += 2)
    if (!set_extension (c, w[i], w[i + 1]))
      return {};
  if (c.tcp && c.tcp_type != "active" && c.tcp_type != "passive" && c.tcp_type != "so")
    return {};
  return c;
}

std::string IceCandidate::text () const
{
  std::string t = "candidate:" + foundation + " " + std::to_string (component) +
                  (tcp ? " TCP " : " UDP ") + std::to_string (priority) + " " + address + " " +
                  std::to_string (port) + " typ " + to_text (type);
  if (!related_address.empty ())
    t += " raddr " + related_address + " rport " + std::to_string (related_port);
  if (tcp)
    t += " tcptype " + tcp_type;
  if (!ufrag.empty ())
    t += " ufrag " + ufrag;
  return t;
}

IceCandidate candidate_of (const NiceCandidate &c)
{
  IceCandidate out;
  out.foundation = c.foundation;
  out.component = c.component_id;
  out.priority = c.priority;
  out.address = text_of (c.addr);
  out.port = static_cast<std::uint16_t> (nice_address_get_port (&c.addr));
  out.type = static_cast<IceCandidate::Type> (c.type);
  switch (c.transport) {
  case NICE_CANDIDATE_TRANSPORT_UDP:
    break;
  case NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE:
    out.tcp_type = "active";
    out.port = 9; // as RFC 6544 wants it: it is not listened on
    break;
  case NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE:
    out.tcp_type = "passive";
    break;
  case NICE_CANDIDATE_TRANSPORT_TCP_SO:
    out.tcp_type = "so";
    break;
  }
  out.tcp = !out.tcp_type.empty ();
  if (out.type != IceCandidate::Type::host) {
    out.related_address = text_of (c.base_addr);
    out.related_port = static_cast<std::uint16_t> (nice_address_get_port (&c.base_addr));
  }
  return out;
}

NiceCandidate *nice_candidate_of (const IceCandidate &c, unsigned stream)
{
  static_assert (NICE_CANDIDATE_TYPE_RELAYED == static_cast<int> (IceCandidate::Type::relay));
  NiceCandidate *n = nice_candidate_new (static_cast<NiceCandidateType> (c.type));
  if (!nice_address_set_from_string (&n->addr, c.address.c_str ())) {
    nice_candidate_free (n);
    return nullptr;
  }
  nice_address_set_port (&n->addr, c.port);
  if (c.related_address.empty () ||
      !nice_address_set_from_string (&n->base_addr, c.related_address.c_str ()))
    n->base_addr = n->addr;
  else
    nice_address_set_port (&n->base_addr, c.related_port);
  n->transport = !c.tcp                    ? NICE_CANDIDATE_TRANSPORT_UDP
                 : c.tcp_type == "active"  ? NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE
                 : c.tcp_type == "passive" ? NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE
                                           : NICE_CANDIDATE_TRANSPORT_TCP_SO;
  n->priority = c.priority;
  n->stream_id = stream;
  n->component_id = c.component;
  g_strlcpy (n->foundation, c.foundation.c_str (), sizeof n->foundation);
  return n;
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ice_candidate.h"

namespace reach::rtc {
namespace {
std::string text_of (const NiceAddress &a)
{
  char text[NICE_ADDRESS_STRING_LEN];
  nice_address_to_string (&a, text);
  return text;
}
} // namespace

Candidate candidate_of (const NiceCandidate &c)
{
  Candidate out;
  out.foundation = c.foundation;
  out.component = static_cast<std::uint16_t> (c.component_id);
  out.priority = c.priority;
  out.address = text_of (c.addr);
  out.port = static_cast<std::uint16_t> (nice_address_get_port (&c.addr));
  out.type = static_cast<CandidateType> (c.type);
  switch (c.transport) {
  case NICE_CANDIDATE_TRANSPORT_UDP:
    break;
  case NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE:
    out.tcp_type = TcpType::active;
    out.port = 9; // as RFC 6544 wants it: it is not listened on
    break;
  case NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE:
    out.tcp_type = TcpType::passive;
    break;
  case NICE_CANDIDATE_TRANSPORT_TCP_SO:
    out.tcp_type = TcpType::so;
    break;
  }
  out.tcp = out.tcp_type.has_value ();
  if (out.type != CandidateType::host) {
    out.related_address = text_of (c.base_addr);
    out.related_port = static_cast<std::uint16_t> (nice_address_get_port (&c.base_addr));
  }
  return out;
}

NiceCandidate *nice_candidate_of (const Candidate &c, unsigned stream)
{
  static_assert (NICE_CANDIDATE_TYPE_RELAYED == static_cast<int> (CandidateType::relay));
  NiceCandidate *n = nice_candidate_new (static_cast<NiceCandidateType> (c.type));
  if (!nice_address_set_from_string (&n->addr, c.address.c_str ())) {
    nice_candidate_free (n);
    return nullptr;
  }
  nice_address_set_port (&n->addr, c.port);
  if (!c.related_address ||
      !nice_address_set_from_string (&n->base_addr, c.related_address->c_str ()))
    n->base_addr = n->addr;
  else
    nice_address_set_port (&n->base_addr, c.related_port);
  n->transport = !c.tcp                           ? NICE_CANDIDATE_TRANSPORT_UDP
                 : c.tcp_type == TcpType::active  ? NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE
                 : c.tcp_type == TcpType::passive ? NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE
                                                  : NICE_CANDIDATE_TRANSPORT_TCP_SO;
  n->priority = c.priority;
  n->stream_id = stream;
  n->component_id = c.component;
  g_strlcpy (n->foundation, c.foundation.c_str (), sizeof n->foundation);
  return n;
}

bool is_usable (const Candidate &c)
{
  const AddressForm form = address_form (c.address);
  return c.component == 1 && form != AddressForm::name && c.tcp == c.tcp_type.has_value ();
}
} // namespace reach::rtc

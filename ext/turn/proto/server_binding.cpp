// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server.h"

namespace reach::turn::server {
using stun::Attr;
using stun::Builder;
using stun::Class;
using stun::Method;

void Core::binding (const Request &r)
{
  stats_.bindings++;
  Builder b = begin (r, Class::success);
  b.xor_address (Attr::xor_mapped_address, r.client.address);
  if (config_.mapped_address)
    b.address (Attr::mapped_address, r.client.address);
  const Address &local = paths_[r.client.path]->local;
  if (config_.response_origin && local)
    b.address (Attr::response_origin, local);
  if (config_.other_address)
    b.address (Attr::other_address, config_.other_address);
  const Transport transport = paths_[r.client.path]->transport;
  const bool proved = transport != Transport::udp || !r.identity.key.empty (); // the address
  if (proved && !config_.software.empty ())
    b.text (Attr::software, config_.software);
  finish (r, b);
}

// A client of RFC 3489 has no cookie, sixteen bytes of transaction instead, and does not know
// XOR-MAPPED-ADDRESS (RFC 5389, 12.2).
bool Core::old_binding (const Client &c, Bytes in, TimePoint now)
{
  if (in.size () < stun::header_size || load_be<std::uint16_t> (in.data ()) != 1 ||
      load_be<std::uint16_t> (in.data () + 2) != in.size () - stun::header_size ||
      is_stream (paths_[c.path]->transport) || config_.authenticate_binding ||
      config_.short_term_binding)
    return false;
  if (!limiter_.take (c.address, now)) {
    discard (Discard::rate_limited, c);
    return true;
  }
  stats_.requests++;
  stats_.bindings++;
  Builder b (reply_, Method::binding, Class::success, {});
  b.address (Attr::mapped_address, c.address);
  const Address &local = paths_[c.path]->local;
  if (local)
    b.address (Attr::source_address, local);
  if (config_.other_address)
    b.address (Attr::changed_address, config_.other_address);
  std::ranges::copy (in.subspan (4, 16), reply_.begin () + 4);
  send_reply (c, b.message ());
  return true;
}
} // namespace reach::turn::server

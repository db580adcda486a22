// SPDX-License-Identifier: LGPL-2.1-or-later
#include "change_request.h"
#include "server.h"
#include <algorithm>

namespace reach::turn::server {
using stun::Attr;
using stun::Builder;
using stun::Class;
using stun::Method;

// Whether there are the four sockets of RFC 5780, and it is one of them that was asked.
bool Core::discovers (const Request &r) const
{
  return r.message.method () == Method::binding && paths_[r.client.path]->corner >= 0 &&
         std::ranges::all_of (corners_, [] (const auto &c) { return c.has_value (); });
}

// CHANGE-REQUEST and RESPONSE-PORT (RFC 5780, 7.2 and 7.5): one answer, never larger for them, and
// always to the address that has asked.
Client Core::answers_from (const Request &r) const
{
  Client to = r.client;
  if (!discovers (r))
    return to;
  const std::uint32_t change = r.message.u32 (Attr::change_request).value_or (0);
  unsigned corner = static_cast<unsigned> (paths_[to.path]->corner);
  corner ^=
      (change & stun::change_port ? other_port : 0) ^ (change & stun::change_ip ? other_host : 0);
  to.path = *corners_[corner];
  to.address.port = r.message.u16 (Attr::response_port).value_or (to.address.port);
  return to;
}

// From where it answers when both are to be changed.
Address Core::other_address (const Client &c) const
{
  const int corner = paths_[c.path]->corner;
  if (corner < 0)
    return config_.other_address;
  const auto &far = corners_[static_cast<unsigned> (corner) ^ other_port ^ other_host];
  return far ? paths_[*far]->local : Address{};
}

void Core::binding (const Request &r)
{
  const Client to = answers_from (r);
  if (to.address.port == 0)
    return refuse (r, stun::code::bad_request, "Bad Request");
  stats_.bindings++;
  Builder b = begin (r, Class::success);
  b.xor_address (Attr::xor_mapped_address, r.client.address);
  // Whoever looks for NATs may look for those that change addresses in packets, too. To all others
  // the answer is no larger for that.
  const bool looks = discovers (r) &&
                     (r.message.has (Attr::change_request) || r.message.has (Attr::response_port));
  if (config_.mapped_address || looks)
    b.address (Attr::mapped_address, r.client.address);
  const Address &local = paths_[to.path]->local;
  if (config_.response_origin && local)
    b.address (Attr::response_origin, local);
  if (const Address other = other_address (r.client))
    b.address (Attr::other_address, other);
  const Transport transport = paths_[r.client.path]->transport;
  const bool proved = transport != Transport::udp || !r.identity.key.empty (); // the address
  if (proved && !config_.software.empty ())
    b.text (Attr::software, config_.software);
  finish (to, b, r.identity.key, r.sha256, r.message.has_fingerprint ());
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
  if (const Address other = other_address (c))
    b.address (Attr::changed_address, other);
  std::ranges::copy (in.subspan (4, 16), reply_.begin () + 4);
  send_reply (c, b.message ());
  return true;
}
} // namespace reach::turn::server

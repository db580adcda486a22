// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server.h"

namespace reach::turn::server {
using stun::Attr;
using stun::Builder;
using stun::Class;

Builder Core::begin (const Request &r, Class kind)
{
  return {reply_, r.message.method (), kind, r.message.transaction ()};
}

void Core::finish (const Request &r, Builder &b)
{
  finish (r.client, b, r.identity.key, r.sha256, r.message.has_fingerprint ());
}

void Core::finish (const Client &c, Builder &b, Bytes key, bool sha256, bool fingerprint)
{
  if (!key.empty () && sha256)
    b.integrity_sha256 (config_.crypto, key);
  else if (!key.empty ())
    b.integrity (config_.crypto, key);
  if (fingerprint)
    b.fingerprint ();
  send_reply (c, b.message ());
}

// To somebody unknown as little as will do: the address may be another's.
void Core::refuse (const Request &r, unsigned code, std::string_view reason, bool challenge)
{
  stats_.errors++;
  if (!r.allocation && !r.identity.key.empty ()) // others' refusals have been counted
    limiter_.take (r.client.address, r.now);
  Builder b = begin (r, Class::error);
  b.error (code, reason);
  if (challenge) {
    stats_.challenges++;
    authority_.challenge (b, r.client.address, r.now);
  } else if (!r.identity.key.empty () && !config_.software.empty ()) {
    b.text (Attr::software, config_.software);
  }
  finish (r, b);
}

void Core::send_reply (const Client &c, Bytes bytes)
{
  if (bytes.empty ())
    return;
  out_ = {};
  out_.kind = Transmit::Kind::reply;
  out_.client = c;
  out_.head = bytes;
  has_out_ = true;
}

void Core::discard (Discard why, const Client &c, const Address &peer)
{
  stats_.discarded[static_cast<std::size_t> (why)]++;
  events_.push_back (Discarded{why, c, peer});
}

bool Core::known_attributes (const Request &r)
{
  std::array<std::uint16_t, 16> list{};
  std::size_t n = r.message.unknown_required (list);
  // Known to the codec, but nothing that this server does. PADDING never (RFC 5780, 7.6: for tests
  // of fragments, which would have to be answered at three times their size). A client of RFC 3489
  // says with a CHANGE-REQUEST of zero that nothing is to be changed.
  for (const Attr a : {Attr::response_port, Attr::padding, Attr::access_token})
    if (r.message.has (a) && n < list.size () &&
        (a != Attr::access_token || config_.token_keys.empty ()) &&
        (a != Attr::response_port || !discovers (r)))
      list[n++] = static_cast<std::uint16_t> (a);
  if (r.message.u32 (Attr::change_request).value_or (0) != 0 && !discovers (r) && n < list.size ())
    list[n++] = static_cast<std::uint16_t> (Attr::change_request);
  if (r.message.has (Attr::dont_fragment) && !config_.dont_fragment && n < list.size ())
    list[n++] = static_cast<std::uint16_t> (Attr::dont_fragment);
  if (n == 0)
    return true;
  stats_.errors++;
  Builder b = begin (r, Class::error);
  b.error (stun::code::unknown_attribute, "Unknown Attribute");
  b.unknown_attributes (std::span (list).first (n));
  finish (r, b);
  return false;
}
} // namespace reach::turn::server

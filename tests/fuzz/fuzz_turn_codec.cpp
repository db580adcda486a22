// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a message, a URI and a name. What was read and is written again reads the same.
#include "turn/proto/builder.h"
#include "turn/proto/framing.h"
#include "turn/proto/integrity.h"
#include "turn/proto/prepare.h"
#include "turn/proto/uri.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::stun;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

Crypto crypto ()
{
  Crypto c;
  c.hmac_sha1 = [] (Bytes, Parts) { return Crypto::Sha1{}; };
  c.hmac_sha256 = [] (Bytes, Parts) { return Crypto::Sha256{}; };
  return c;
}

void read (const Message &m)
{
  static const Crypto c = crypto ();
  std::size_t sum = 0;
  for (unsigned type = 0; type < 0x30; type++)
    for (const unsigned high : {0u, 0x8000u}) {
      const auto a = static_cast<Attr> (type | high);
      sum += m.u8 (a).value_or (0) + m.u16 (a).value_or (0) + m.u32 (a).value_or (0);
      sum += m.text (a).size ();
      sum += m.address (a) ? 1 : 0;
      if (const auto x = m.xor_address (a))
        require (!to_string (*x).empty () && scope_of (*x) <= Scope::global);
    }
  const auto e = m.error ();
  require (!e || (e->code >= 300 && e->code < 700));
  (void)m.address_error ();
  (void)m.icmp ();
  require (sum > 0 || !m.has (Attr::software) || m.text (Attr::software).empty ());
  std::uint16_t unknown[8];
  require (m.unknown_required (unknown) <= 8);
  require (check_sha1 (c, m, {}) == Integrity::absent || m.integrity_at () != 0);
  require (check_sha256 (c, m, {}) == Integrity::absent || m.integrity_sha256_at () != 0);
}

// The same attributes, but without what follows an integrity.
void rewrite (const Message &m)
{
  std::vector<std::uint8_t> buffer (m.bytes ().size () + 8);
  Builder b (buffer, m.method (), m.kind (), m.transaction ());
  for (auto c = m.attributes (); const auto a = c.next ();)
    b.add (static_cast<Attr> (a->type), a->value);
  b.fingerprint ();
  const auto again = Message::parse (b.message ());
  require (again && again->has_fingerprint () && again->method () == m.method ());
  auto mine = m.attributes (), theirs = again->attributes ();
  for (;;) {
    const auto a = mine.next (), t = theirs.next ();
    require (a.has_value () == t.has_value ());
    if (!a)
      return;
    require (a->type == t->type && std::ranges::equal (a->value, t->value));
  }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  const Bytes in (data, size);
  if (const auto m = Message::parse (in)) {
    read (*m);
    rewrite (*m);
  }
  if (const auto d = turn::parse_channel_data (in))
    require (d->payload.size () + turn::channel_header <= size);
  const std::string_view text (reinterpret_cast<const char *> (data), size);
  if (const auto name = prepare (Crypto{}, text))
    require (prepare (Crypto{}, *name) == name);
  if (const auto u = turn::parse_uri (text)) {
    const auto again = turn::parse_uri (turn::to_string (*u, true));
    require (again && again->host == u->host && again->username == u->username &&
             again->password == u->password && again->transport == u->transport);
    const auto shown = turn::parse_uri (turn::redact (text));
    require (shown && shown->username == u->username && shown->host == u->host);
    require (!u->password || shown->password == "*");
  }
  return 0;
}

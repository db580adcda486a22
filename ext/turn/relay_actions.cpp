// SPDX-License-Identifier: LGPL-2.1-or-later
// What applications ask for. They wait for the loop, which never waits for anybody. From within a
// handler of before-sign nothing is done.
#include "relay.h"

namespace reach::turn {
bool Relay::allocate ()
{
  const auto s = session ();
  return s && s->with_client ([] (Client &c, TimePoint now) { c.allocate (now); });
}

bool Relay::refresh (unsigned lifetime)
{
  bool ok = false;
  if (const auto s = session ())
    s->with_client ([&] (Client &c, TimePoint now) { ok = c.refresh (lifetime, now); });
  return ok;
}

bool Relay::create_permission (const char *address)
{
  bool ok = false;
  const auto peers = parse_peers (address ? address : "");
  const auto s = session ();
  if (s && peers && !peers->empty ())
    s->with_client (
        [&] (Client &c, TimePoint now) { ok = c.create_permission (*peers, now, true); });
  return ok;
}

unsigned Relay::channel_bind (const char *peer, unsigned number)
{
  unsigned bound = 0;
  const auto a = parse_peer (peer ? peer : "");
  const auto s = session ();
  if (s && a && (number == 0 || (number <= last_channel && number >= first_channel)))
    s->with_client ([&] (Client &c, TimePoint now) {
      bound = c.bind_channel (*a, static_cast<std::uint16_t> (number), now, true);
    });
  return bound;
}

bool Relay::send_wrapped (const Wrap &wrap, GstBuffer *b)
{
  const auto s = session ();
  if (!s || !b)
    return false;
  const Mapped m (b);
  if (!m.ok ())
    return false;
  std::array<std::uint8_t, Client::max_header> header;
  Client::Wrapped w;
  s->with_client (
      [&] (Client &c, TimePoint now) { w = wrap (c, m.bytes ().size (), header, now); });
  const bool there = w.route == Client::Route::channel || w.route == Client::Route::indication;
  return there && s->send (Bytes (header).first (w.header), m.bytes (), w.padding);
}

bool Relay::send_indication (const char *peer, GstBuffer *b)
{
  const auto a = parse_peer (peer ? peer : "");
  if (!a)
    return false;
  return send_wrapped (
      [&] (Client &c, std::size_t size, std::span<std::uint8_t> header, TimePoint now) {
        Client::Wrapped w = c.wrap_indication (*a, size, header, now);
        if (w.route == Client::Route::refused && c.config ().automatic_permissions)
          c.create_permission ({&*a, 1}, now); // for the next one
        return w;
      },
      b);
}

bool Relay::send_channel_data (unsigned channel, GstBuffer *b)
{
  if (channel < first_channel || channel > last_channel)
    return false;
  return send_wrapped (
      [&] (Client &c, std::size_t size, std::span<std::uint8_t> header, TimePoint now) {
        return c.wrap_channel (static_cast<std::uint16_t> (channel), size, header, now);
      },
      b);
}

bool Relay::send_binding_request ()
{
  bool ok = false;
  if (const auto s = session ())
    s->with_client ([&] (Client &c, TimePoint now) { ok = c.binding_request (now); });
  return ok;
}

bool Relay::send_raw (GstBuffer *b)
{
  const auto s = session ();
  if (!s || !b)
    return false;
  const Mapped m (b);
  return m.ok () && s->send ({}, m.bytes (), 0);
}

// Moves the allocation to a new path (mobility), or asks for another one there.
bool Relay::reconnect ()
{
  const auto s = session ();
  return s && s->reconnect ();
}

bool Relay::discover_nat ()
{
  const auto s = session ();
  return s && s->discover_nat ();
}

// Gives the allocation back; allocate () asks for another one.
void Relay::clear ()
{
  if (const auto s = session ())
    s->with_client ([] (Client &c, TimePoint now) { c.close (now); });
}
} // namespace reach::turn

// SPDX-License-Identifier: LGPL-2.1-or-later
// For the tests of LinkCore: messages as they arrive, and a core whose peer the test plays.
#pragma once
#include "../check.h"
#include "cam/proto/link_core.h"

namespace reach::cam::test {
constexpr TimePoint t0{seconds (100)};

inline Incoming incoming (const Message &m)
{
  auto s = std::make_unique<VectorStorage> (m.size ());
  std::copy (m.head ().begin (), m.head ().end (), s->data.begin ());
  std::copy (m.body ().begin (), m.body ().end (),
      s->data.begin () + static_cast<std::ptrdiff_t> (m.head ().size ()));
  return {std::move (s)};
}

inline Incoming incoming (
    Kind kind, std::vector<std::uint8_t> body, std::uint8_t flags = 0, std::uint16_t stream = 0)
{
  Incoming in = incoming (*Message::control (kind, MediaType::video, stream, std::move (body), t0));
  in.storage->bytes ()[1] = flags;
  return in;
}

inline MessageRef frame (std::size_t payload, TimePoint now)
{
  return Message::frame (
      MediaType::video, 1, {}, {}, slice_of (std::vector<std::uint8_t> (payload)), now);
}

inline Hello hello_of (LinkRole role, std::uint32_t timeout_ms = 3000)
{
  Hello h;
  h.role = role;
  h.type = MediaType::audio;
  h.timeout_ms = timeout_ms;
  h.link_key = 7;
  return h;
}

inline LinkCore::Config config (bool initiator, LinkRole role)
{
  LinkCore::Config c;
  c.initiator = initiator;
  c.role = role;
  return c;
}

template <typename E> std::optional<E> next (LinkCore &c)
{
  auto e = c.poll_event ();
  fail_unless (e.has_value (), "no event");
  fail_unless (std::holds_alternative<E> (*e), "event %zu instead", e->index ());
  return std::get<E> (std::move (*e));
}

inline bool quiet (LinkCore &c)
{
  return !c.poll_event ();
}

inline LinkCore::Failed failure (LinkCore &c)
{
  auto f = next<LinkCore::Failed> (c);
  fail_unless (c.over ());
  fail_unless (quiet (c), "an event after the end");
  fail_unless (c.poll_timeout (true) == TimePoint::max ());
  return *f;
}

inline std::optional<Kind> transmit (LinkCore &c, TimePoint now)
{
  const MessageRef m = c.poll_transmit ();
  if (!m)
    return {};
  c.sent (*m, now);
  return m->header.kind;
}

// An established acceptor: the peer is ours to play.
inline LinkCore established (LinkCore::Config c, Hello peer, TimePoint now = t0)
{
  c.initiator = false;
  LinkCore core (c, now);
  core.opened ({}, now);
  core.input (incoming (Kind::hello, encode (peer)), now);
  next<LinkCore::HelloCame> (core);
  core.accept (hello_of (c.role), now);
  fail_unless (transmit (core, now) == Kind::welcome);
  next<LinkCore::Established> (core);
  return core;
}

inline LinkCore sender (Hello peer = hello_of (LinkRole::receiver))
{
  return established (config (false, LinkRole::sender), peer);
}

inline void answer_ping (LinkCore &c, TimePoint now)
{
  next<LinkCore::PingDue> (c);
  const MessageRef m = Message::control (Kind::ping, MediaType::data, 0, encode (Ping{}), now);
  c.send_control (m);
  fail_unless (transmit (c, now) == Kind::ping);
}
} // namespace reach::cam::test

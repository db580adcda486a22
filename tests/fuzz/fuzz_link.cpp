// SPDX-License-Identifier: LGPL-2.1-or-later
// The link state machine, driven by messages, time and its owner's calls in any order: two of them
// talking to each other, and one whose peer says what it likes. Each input makes a bounded number
// of events and messages, and nothing follows the end.
#include "cam/proto/link_core.h"
#include <cstdlib>

using namespace reach;
using namespace reach::cam;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

Incoming incoming (Bytes head, Bytes body)
{
  auto s = std::make_unique<VectorStorage> (head.size () + body.size ());
  std::copy (head.begin (), head.end (), s->data.begin ());
  std::copy (
      body.begin (), body.end (), s->data.begin () + static_cast<std::ptrdiff_t> (head.size ()));
  return {std::move (s)};
}

// A core and what has come out of it.
struct Side {
  Side (const LinkCore::Config &c, TimePoint now) : config (c), core (c, now) {}

  // At most `limit` events since the last look, and none after the end.
  void drain (int limit)
  {
    while (auto e = core.poll_event ()) {
      require (!ended && limit-- > 0);
      ended = std::holds_alternative<LinkCore::Failed> (*e);
      if (std::holds_alternative<LinkCore::Established> (*e))
        require (!std::exchange (established, true));
      if (std::holds_alternative<LinkCore::Received> (*e))
        require (established);
      if (std::holds_alternative<LinkCore::PingDue> (*e) && answers_pings)
        core.send_control (
            Message::control (Kind::ping, MediaType::data, 0, encode (Ping{1}), TimePoint{}));
    }
    require (ended == core.over ());
    require (!ended || (!core.may_send () && core.poll_timeout (true) == TimePoint::max ()));
    require (core.credit () <= static_cast<std::int64_t> (config.max_credit));
  }
  // What it wants to say; to `peer`, or lost.
  void transmit (Side *peer, TimePoint now, int limit)
  {
    while (const MessageRef m = core.poll_transmit ()) {
      require (limit-- > 0);
      core.sent (*m, now);
      if (peer) {
        peer->core.input (incoming (m->head (), m->body ()), now);
        peer->drain (2);
      }
    }
  }

  LinkCore::Config config;
  LinkCore core;
  bool ended = false, established = false, answers_pings = true;
};

class Driver {
public:
  explicit Driver (Bytes in)
      : in_ (in), now_ (seconds (1)), a_ (config (true), now_), b_ (config (false), now_),
        alone_ (config (in_.u8 () & 1), now_)
  {
    a_.core.opened (hello (a_.config.role), now_);
    b_.core.opened ({}, now_);
    alone_.core.opened (hello (alone_.config.role), now_);
  }
  void run ()
  {
    while (in_.left () > 0 && steps_++ < 2000) {
      const std::uint8_t op = in_.u8 ();
      Side &s = op & 0x80 ? alone_ : op & 0x40 ? a_ : b_;
      Side *peer = &s == &alone_ ? nullptr : &s == &a_ ? &b_ : &a_;
      step (s, op & 0x1f, op & 0x20);
      s.drain (3);
      s.transmit (peer, now_, 16);
      if (peer) // answers to answers end soon
        for (int i = 0; i < 4; i++) {
          peer->transmit (&s, now_, 16);
          s.transmit (peer, now_, 16);
        }
    }
  }

private:
  LinkCore::Config config (bool initiator)
  {
    LinkCore::Config c;
    const std::uint8_t bits = in_.u8 ();
    c.initiator = initiator;
    c.role = bits & 1 ? LinkRole::sender : LinkRole::receiver;
    c.by_request = bits & 2;
    c.timeout = bits & 4 ? LinkCore::forever : Duration (milliseconds (50 + in_.u8 () * 10));
    c.idle = bits & 8 ? LinkCore::forever : Duration (milliseconds (in_.u8 ()));
    c.clock_interval = bits & 16 ? LinkCore::forever : Duration (milliseconds (100));
    c.max_credit = bits & 32 ? 1000 : 64u << 20;
    return c;
  }
  Hello hello (LinkRole role)
  {
    Hello h;
    h.role = role;
    h.timeout_ms = in_.u16 ();
    h.unlimited = in_.u8 () & 1;
    return h;
  }
  void step (Side &s, unsigned op, bool pending)
  {
    switch (op) {
    case 0:
      return s.core.accept (hello (s.config.role), now_);
    case 1:
      return s.core.refuse ({in_.u16 (), "no"}, now_);
    case 2:
      return s.core.finish (static_cast<ByeReason> (in_.u8 () % 4), now_);
    case 3:
      return s.core.transport_closed (static_cast<CloseReason> (in_.u8 () % n_close_reasons), "");
    case 4:
      s.answers_pings = pending;
      return;
    case 5:
      return s.core.set_idle (milliseconds (in_.u16 ()));
    case 6:
      return s.core.set_timeout (milliseconds (1 + in_.u16 ()));
    case 7:
      if (s.core.may_send ())
        s.core.sent (*Message::frame (MediaType::video, 1, {}, {},
                         slice_of (std::vector<std::uint8_t> (in_.u16 ())), now_),
            now_);
      return;
    case 8:
      return s.core.heard (now_);
    case 9:
      return s.core.progressed (now_);
    case 10:
    case 11:
      return wait (s, pending);
    case 12:
      now_ += milliseconds (in_.u16 ());
      return s.core.timeout (now_, pending);
    default:
      return message (s);
    }
  }
  // As an owner does: until the core asks to be woken. It must move on then.
  void wait (Side &s, bool pending)
  {
    for (int i = 0; i < 4; i++) {
      const TimePoint due = s.core.poll_timeout (pending);
      if (due == TimePoint::max ())
        return;
      now_ = std::max (now_, due);
      s.core.timeout (now_, pending);
      s.drain (3);
    }
  }
  void message (Side &s)
  {
    if (in_.left () < MessageHeader::size)
      return;
    const Bytes head = in_.take (MessageHeader::size);
    const auto h = MessageHeader::parse (head.first<MessageHeader::size> ());
    const Bytes body = in_.take (std::min<std::size_t> (h.length % 512, in_.left ()));
    s.core.input (incoming (head, body), now_);
  }

  ByteReader in_;
  TimePoint now_;
  int steps_ = 0;
  Side a_, b_, alone_;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  Driver ({data, size}).run ();
  return 0;
}

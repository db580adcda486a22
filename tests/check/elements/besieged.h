// SPDX-License-Identifier: LGPL-2.1-or-later
// A listening element under attack, and messages for who attacks it.
#pragma once
#include "cam/proto/hello.h"
#include "cam_pair.h"
#include "tcp_relay.h"

namespace reach::test {
using namespace reach::cam;

// The listening element under attack, and a good pair whose stream goes on.
struct Besieged {
  explicit Besieged (int i) : way (ways[i]), sender (way), receiver (way) {}
  void start ()
  {
    play (sender, receiver);
    audio = &sender.add ("audio_0", audio_caps);
    audio->begin ();
    if (!way.push)
      fail_unless (sender.wait_pulled ());
    good (5);
  }
  Node &listener () { return way.push ? static_cast<Node &> (receiver) : sender; }
  bool http () const { return std::string (way.protocol) == "http"; }
  // Some frames more go through, each of them.
  void good (unsigned more)
  {
    for (unsigned i = 0; i < more; i++, n++)
      audio->push (make_buffer (500, n, n * 20 * GST_MSECOND));
    fail_unless (receiver.wait_buffers ("audio_0", n), "%s: %u of %u frames", way.name,
        static_cast<unsigned> (receiver.on ("audio_0").n_buffers ()), n);
    const auto all = receiver.on ("audio_0").buffers ();
    for (unsigned i = n - more; i < n; i++)
      fail_unless (same_bytes (all[i], make_buffer (500, i).get ()));
  }
  RawSocket attack () { return RawSocket::connect (listener ().port ()); }
  guint64 closed_for_fault ()
  {
    guint64 sum = 0;
    for (const char *reason :
        {"malformed", "too-big", "refused", "timed-out", "reset", "overload", "orderly"})
      sum += listener ().closed (reason);
    return sum;
  }
  bool wait_closed_for (const char *reason, guint64 times)
  {
    return iterate_until ([&] { return listener ().closed (reason) >= times; });
  }
  Way way;
  Sender sender;
  Receiver receiver;
  Sender::Stream *audio = nullptr;
  unsigned n = 0;
};

inline std::string message (Kind kind, const std::string &body, guint32 length)
{
  MessageHeader h;
  h.kind = kind;
  h.length = length;
  std::string s (MessageHeader::size, '\0');
  h.write (reinterpret_cast<std::uint8_t *> (s.data ()));
  return s + body;
}

inline std::string hello_of (LinkRole role, MediaType type = MediaType::video)
{
  Hello h;
  h.role = role;
  h.type = type;
  h.media_types = type_bit (type);
  h.run_id = h.session_key = h.link_key = 4711;
  h.list_complete = true;
  const auto v = encode (h);
  const std::string body (v.begin (), v.end ());
  return message (Kind::hello, body, static_cast<guint32> (body.size ()));
}

inline LinkRole caller_role (const Besieged &b)
{
  return b.way.push ? LinkRole::sender : LinkRole::receiver;
}
} // namespace reach::test

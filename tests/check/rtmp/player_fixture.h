// SPDX-License-Identifier: LGPL-2.1-or-later
// A publication and players on sessions, with a tap in place of a socket.
#pragma once
#include "rtmpserver/net/publication.h"
#include "session_fixture.h"

namespace reach::rtmp::test {
// A connection that can stop taking anything.
struct Peer : PlayerLink {
  explicit Peer (bool multitrack = false)
  {
    client.connect (Value::object ({{"app", "live"}, {"capsEx", multitrack ? 2.0 : 0.0}}));
    take ();
  }
  Session &session () override { return client.session; }
  static constexpr std::size_t room = 64u << 10;
  bool has_room () override { return unsent () < room; }
  bool idle () const override { return unsent () == 0; }
  std::size_t unsent () const
  {
    return client.session.media_queued () + client.session.control_queued ();
  }
  void flush () override
  {
    flushes++;
    if (open)
      client.drain ();
  }
  bool pass (const Batch &b) override
  {
    if (!quick || !open || unsent () > 0)
      return false;
    flushes++;
    passed++;
    b.each_from (0, [&] (const Slice &s) { client.receive (s.bytes); });
    client.session.passed (b.bytes ());
    return true;
  }
  void give_up () override { gave_up = true; }

  std::unique_ptr<Player> play (Publication &p)
  {
    const std::uint32_t stream = client.play ();
    take ();
    return p.join (*this, stream, client.now);
  }
  // Like a writable socket.
  void open_tap (Player &p)
  {
    open = true;
    client.drain ();
    p.pump (client.now);
    client.drain ();
  }
  // "V7k" is a video key frame of 7 ms, "v" one that is none, "H" a video header, "A" and "h" audio
  // and its header, "M" metadata, "u" the end.
  std::string take ()
  {
    std::string out;
    for (const Message &m : std::exchange (client.got, {})) {
      const Bytes b = m.payload.bytes;
      if (m.type == MessageType::audio || m.type == MessageType::video)
        out += static_cast<char> (b[0]) + std::to_string (m.timestamp) + ' ';
      else if (m.type == MessageType::data_amf0)
        out += std::to_string (b.size ()) == "9" ? "M " : "";
      else if (m.type == MessageType::command_amf0)
        out +=
            decode_amf0 (b, {}).at (3)["code"].string () == code::play_unpublish_notify ? "u " : "";
    }
    return out.empty () ? out : out.substr (0, out.size () - 1);
  }

  Client client;
  bool open = true, gave_up = false;
  bool quick = true; // false: all goes through the session
  unsigned flushes = 0, passed = 0;
};

struct Stage : Publication::Owner {
  explicit Stage (const Publication::Settings &s = {}) : publication (*this, s, 16384) {}
  void key_wanted () override { keys_wanted++; }
  void players_changed (std::size_t n) override { players = n; }
  void queue_full (Player &, std::uint64_t n) override
  {
    times_full++;
    dropped += n;
  }

  // A message whose first byte says what it is, as Peer::take () shows it.
  void put (char what, std::uint32_t ms, std::size_t size = 100, std::uint8_t track = 0)
  {
    Wire w = pattern (size);
    w[0] = static_cast<std::uint8_t> (what);
    const bool audio = what == 'A' || what == 'h';
    publication.media (audio ? MessageType::audio : MessageType::video, ms, slice_of (w),
        {track, what == 'K', what == 'H' || what == 'h'}, now);
    run ();
  }
  void run ()
  {
    if (publication.poll_timeout () <= now)
      publication.timeout (now);
  }
  void metadata () { publication.metadata (slice_of (Wire (9, 2)), now); }

  TimePoint now{seconds (1000)};
  unsigned keys_wanted = 0, times_full = 0;
  std::uint64_t dropped = 0;
  std::size_t players = 0;
  Publication publication;
};
} // namespace reach::rtmp::test

// SPDX-License-Identifier: LGPL-2.1-or-later
// A session and a client that talks to it, on a fake clock.
#pragma once
#include "rtmp_wire.h"
#include "rtmpserver/proto/session.h"

namespace reach::rtmp::test {
using Values = std::vector<Value>;

inline Session::Config session_config ()
{
  Session::Config c;
  c.crypto = crypto ();
  c.capabilities.extensions = 15;
  c.capabilities.four_ccs = {"*"};
  c.capabilities.video = {{"*", 4}};
  return c;
}

struct Client {
  explicit Client (Session::Config c = session_config ())
      : config (std::move (c)), session (config, source, now), reader (source, {})
  {
  }
  void handshake ()
  {
    Wire w (1 + 2 * Handshake::packet);
    w[0] = 3;
    session.input (w, now);
    drain ();
  }
  void drain ()
  {
    for (Slice s = session.poll_transmit (); s.size () > 0; s = session.poll_transmit ())
      receive (s.bytes);
  }
  // What goes over the wire to the client.
  void receive (Bytes b)
  {
    const std::size_t hello = std::min (b.size (), hello_left);
    hello_left -= hello;
    reader.input (b.subspan (hello));
    while (auto m = reader.poll ()) {
      // The storage of a payload may be ours to keep, the bytes of the pieces are not.
      got.push_back (std::move (*m));
    }
    fail_unless (reader.fault () == ChunkReader::Fault::none);
  }
  void send (MessageType type, std::uint32_t stream, Bytes body, std::uint32_t time = 0)
  {
    Wire w;
    put_message (w, {0, 3, time, 0, type, stream}, body);
    session.input (w, now);
    drain ();
  }
  void command (std::uint32_t stream, const Values &v)
  {
    send (MessageType::command_amf0, stream, encode_amf0 (v));
  }
  // The next event, which has to be an E.
  template <typename E> E expect ()
  {
    auto e = session.poll_event ();
    fail_unless (e.has_value (), "no event");
    auto *x = std::get_if<E> (&*e);
    fail_unless (x != nullptr, "event %d", (int)e->index ());
    return std::move (*x);
  }
  bool quiet () { return !session.poll_event (); }
  void accept (RequestId id)
  {
    session.accept (id, now);
    drain ();
  }
  // What the server said since the last look: commands only.
  std::vector<Values> said ()
  {
    std::vector<Values> out;
    for (const Message &m : std::exchange (got, {}))
      if (m.type == MessageType::command_amf0) {
        Decoded d = decode_amf0 (m.payload.bytes, {});
        fail_unless (d.ok ());
        out.push_back (std::move (d.values));
      }
    return out;
  }
  // The codes of the onStatus among it.
  std::vector<std::string> statuses ()
  {
    std::vector<std::string> out;
    for (const Values &v : said ())
      if (v[0].string () == "onStatus" && v.size () > 3)
        out.emplace_back (v[3]["code"].string ());
    return out;
  }
  static Value connect_object ()
  {
    return Value::object ({{"app", "live"}, {"tcUrl", "rtmp://h/live"}});
  }
  void connect (Value object = connect_object ())
  {
    handshake ();
    command (0, {"connect", 1.0, std::move (object)});
    accept (expect<ConnectRequest> ().request);
    fail_unless (session.connected ());
  }
  std::uint32_t create ()
  {
    got.clear ();
    command (0, {"createStream", 4.0, Null{}});
    accept (expect<StreamRequest> ().request);
    const auto v = said ();
    fail_unless (v.size () == 1 && v[0][0].string () == "_result" && v[0][1] == Value (4.0));
    return static_cast<std::uint32_t> (v[0][3].number_or (0));
  }
  std::uint32_t publish (const char *name = "cam")
  {
    const std::uint32_t id = create ();
    command (id, {"publish", 5.0, Null{}, name, "live"});
    accept (expect<PublishRequest> ().request);
    fail_unless (session.use_of (id) == Use::publishing);
    return id;
  }
  std::uint32_t play (const char *name = "cam")
  {
    const std::uint32_t id = create ();
    command (id, {"play", 0.0, Null{}, name});
    accept (expect<PlayRequest> ().request);
    fail_unless (session.use_of (id) == Use::playing);
    return id;
  }
  SharedChunksRef media (MessageType type, std::size_t size, std::uint32_t stream = 1)
  {
    return session.frame (type, 7, slice_of (pattern (size)), stream);
  }

  Session::Config config;
  HeapSource source;
  TimePoint now{seconds (1000)};
  Session session;
  ChunkReader reader;
  std::vector<Message> got;
  std::size_t hello_left = 1 + 2 * Handshake::packet;
};

inline std::size_t count_of (const Client &c, MessageType t)
{
  return static_cast<std::size_t> (
      std::ranges::count (c.got, t, [] (const Message &m) { return m.type; }));
}
} // namespace reach::rtmp::test

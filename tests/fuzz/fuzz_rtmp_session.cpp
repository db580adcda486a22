// SPDX-License-Identifier: LGPL-2.1-or-later
// A session whose client says what it likes, in pieces and at any time, and whose owner answers in
// any order, late, twice or never. Nothing follows the end, what waits is bounded, time moves on.
#include "rtmpserver/proto/amf0.h"
#include "rtmpserver/proto/session.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

Session::Config config ()
{
  Session::Config c;
  c.limits.net_streams = 4;
  c.limits.transactions = 8;
  c.limits.message = 64u << 10;
  c.limits.command = 4u << 10;
  c.limits.replies = 32u << 10;
  c.chunk_size = 300;
  c.crypto.hmac_sha256 = [] (Bytes, Bytes) { return Crypto::Digest{}; };
  c.crypto.random = [] (std::span<std::uint8_t> s) { std::ranges::fill (s, std::uint8_t{7}); };
  c.capabilities.extensions = 15;
  return c;
}

class Driver {
public:
  explicit Driver (Bytes in)
      : in_ (in), config_ (config ()), now_ (seconds (1)), session_ (config_, source_, now_)
  {
    std::vector<std::uint8_t> hello (1 + 2 * Handshake::packet);
    hello[0] = 3;
    give (hello);
  }

  void run ()
  {
    for (int i = 0; i < 500 && in_.left () > 0; i++) {
      step (in_.u8 ());
      drain ();
    }
    for (int i = 0; i < 3; i++) { // whatever it is doing, it ends when nothing comes
      now_ = std::min (session_.poll_timeout (), now_ + seconds (120));
      session_.timeout (now_);
      drain ();
    }
  }

private:
  void give (Bytes b)
  {
    session_.input (b, now_);
    drain ();
  }

  void step (unsigned op)
  {
    switch (op % 12) {
    case 0: // bytes as they are
      return give (in_.take (std::min<std::size_t> (in_.u8 (), in_.left ())));
    case 1:
      now_ += milliseconds (in_.u16 ());
      return session_.timeout (now_);
    case 2: // a verdict
      return session_.accept (id (), now_);
    case 3:
      return session_.reject (id (), {code::publish_denied, "no", true});
    case 4:
      return session_.answer (id (), op & 0x80, {1.0, "x"});
    case 5:
      return media (op);
    case 6:
      session_.send_status (in_.u8 () % 6, {code::play_stop, "over"});
      return session_.send_user_control (UserControl::stream_eof, in_.u8 () % 6);
    case 7:
      session_.call (in_.u8 () % 6, "f", {1.0}, op & 0x80);
      return (void)session_.request_reconnect ("rtmp://b/", "go");
    case 8:
      return op & 0x80 ? session_.stop_stream (in_.u8 () % 6) : session_.drop_media (in_.u8 () % 6);
    default:
      return message (op);
    }
  }

  RequestId id () { return last_ - std::min<RequestId> (last_, in_.u8 () % 8); }

  void media (unsigned op)
  {
    const auto stream = static_cast<std::uint32_t> (in_.u8 () % 6);
    const auto type = op & 0x80 ? MessageType::audio : MessageType::video;
    session_.send (
        stream, session_.frame (type, 5, slice_of (std::vector<std::uint8_t> (in_.u16 ())),
                    op & 0x40 ? stream : 1));
  }

  // A whole message of the given type, so that inputs reach the commands behind the chunks.
  void message (unsigned op)
  {
    static constexpr const char *names[] = {"connect", "createStream", "publish", "play", "pause",
        "seek", "receiveAudio", "receiveVideo", "closeStream", "deleteStream", "FCPublish", "play2",
        "getStreamLength", "_checkbw", "_result", "anything"};
    ByteWriter body;
    if (op & 0x80) {
      encode_amf0 (body, names[in_.u8 () % 16]);
      encode_amf0 (body, static_cast<double> (in_.u8 () % 4));
      encode_amf0 (body, Null{});
      if (op & 0x40)
        encode_amf0 (body, "cam?x=1");
    }
    body.bytes (in_.take (std::min<std::size_t> (in_.u8 (), in_.left ())));
    const auto type =
        op & 0x80 ? MessageType::command_amf0 : static_cast<MessageType> (in_.u8 () % 24);
    const Message m{type, 3, in_.u8 () % 6u, 0, slice_of (body.take ())};
    ByteWriter wire;
    writer_.write (3, m, wire);
    give (wire.view ());
    if (type == MessageType::set_chunk_size && m.payload.size () >= 4)
      writer_.set_chunk_size (std::max (1u, session_.stats ().chunk_size_in));
  }

  void drain ()
  {
    while (auto e = session_.poll_event ()) {
      require (!ended_);
      ended_ = std::holds_alternative<Ended> (*e);
      std::visit (
          [&] (const auto &x) {
            if constexpr (requires { x.request; })
              last_ = std::max (last_, x.request);
          },
          *e);
    }
    require (ended_ == session_.ended ());
    require (!ended_ || session_.poll_timeout () == TimePoint::max ());
    require (ended_ || session_.poll_timeout () < TimePoint::max ());
    if (in_.left () % 3 == 0) // a client that reads now and then
      while (session_.poll_transmit ().size () > 0)
        continue;
    if (session_.control_queued () == 0 && session_.media_queued () > 4u << 20)
      while (session_.poll_transmit ().size () > 0)
        continue;
  }

  ByteReader in_;
  Session::Config config_;
  HeapSource source_;
  TimePoint now_;
  Session session_;
  ChunkWriter writer_;
  RequestId last_ = 0;
  bool ended_ = false;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  Driver ({data, size}).run ();
  return 0;
}

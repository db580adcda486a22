// SPDX-License-Identifier: LGPL-2.1-or-later
// Windows, acknowledgements and user control.
#include "session.h"

namespace reach::rtmp {
namespace {
std::uint32_t since (TimePoint start, TimePoint now)
{
  return static_cast<std::uint32_t> (
      std::chrono::duration_cast<milliseconds> (now - start).count ());
}
} // namespace

void Session::send_control (MessageType type, ByteWriter body)
{
  ByteWriter to;
  writer_.write (2, {type, 2, 0, 0, slice_of (body.take ())}, to);
  out_.control (to.take ());
}

void Session::receive_bandwidth (const Message &m)
{
  ByteReader r (m.payload.bytes);
  const std::uint32_t window = r.u32 ();
  if (r.failed () || window == 0)
    return;
  if (m.type == MessageType::window_ack_size) {
    window_in_ = window;
    window_asked_ = true;
  } else if (window != window_told_) { // the answer that RTMP 1.0, 5.4.5 wants
    window_told_ = window;
    ByteWriter w;
    w.u32 (window);
    send_control (MessageType::window_ack_size, std::move (w));
  }
}

// At half a window, as clients that count otherwise stall at its end; once for each input at most,
// however small the window is.
void Session::acknowledge ()
{
  const std::uint32_t since_told = sequence_ - sequence_told_;
  if (since_told < window_in_ / 2 || since_told == 0 || (quiet_ && !window_asked_))
    return;
  // Flash Media Encoder stalls when the number comes near its end.
  if (sequence_ >= 0xf0000000)
    sequence_ = 0;
  sequence_told_ = sequence_;
  ByteWriter w;
  w.u32 (sequence_);
  send_control (MessageType::acknowledgement, std::move (w));
}

void Session::receive_acknowledgement (std::uint32_t sequence)
{
  stats_.bytes_acked = sequence;
}

void Session::receive_user_control (const Message &m, TimePoint now)
{
  ByteReader r (m.payload.bytes);
  const auto event = static_cast<UserControl> (r.u16 ());
  const std::uint32_t first = r.u32 ();
  if (r.failed ()) {
    stats_.ignored++;
    return;
  }
  switch (event) {
  case UserControl::set_buffer_length:
    if (const std::uint32_t ms = r.u32 (); !r.failed () && streams_.contains (first))
      events_.emplace_back (BufferLength{first, ms});
    return;
  case UserControl::ping_request: {
    ByteWriter w;
    w.u16 (static_cast<std::uint16_t> (UserControl::ping_response));
    w.u32 (first);
    return send_control (MessageType::user_control, std::move (w));
  }
  case UserControl::ping_response:
    if (first == since (start_, pinged_)) // not a late one, and none that is made up
      stats_.round_trip = now - pinged_;
    return;
  default: // undocumented ones too
    stats_.ignored++;
  }
}

void Session::ping (TimePoint now)
{
  pinged_ = now;
  ByteWriter w;
  w.u16 (static_cast<std::uint16_t> (UserControl::ping_request));
  w.u32 (since (start_, now));
  send_control (MessageType::user_control, std::move (w));
}

void Session::send_user_control (UserControl event, std::uint32_t stream)
{
  ByteWriter w;
  w.u16 (static_cast<std::uint16_t> (event));
  w.u32 (stream);
  if (!ended ())
    out_.in_order (SharedChunksRef::make (MessageType::user_control, 0u, slice_of (w.take ()), 0u,
        writer_.chunk_size (), chunk_stream_of (MessageType::data_amf0, stream)));
}
} // namespace reach::rtmp

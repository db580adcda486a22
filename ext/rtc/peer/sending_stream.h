// SPDX-License-Identifier: LGPL-2.1-or-later
// Inside Sending: one stream's state, and what a thread has collected for one call.
#pragma once
#include "rtc/proto/fec_sender.h"
#include "rtc/proto/key_start.h"
#include "sending.h"
#include <array>

namespace reach::rtc {
struct Sending::Stream {
  SendingStream what;
  PacketRewriter rewriter;
  SenderStream sender;
  // Of what was sent last.
  std::optional<std::uint32_t> source_ssrc;
  KeyStart is_key;
  std::optional<std::uint32_t> key_timestamp; // of the source, of the last key frame
  bool waits_for_key = false;
  std::uint16_t last_sequence = 0;
  std::uint32_t last_timestamp = 0;
  TimePoint last_sent{};
  std::optional<FecSender> fec;
  // With FEC: what parity packets follow.
  SourcePacket newest;
  TimePoint captured{};

  bool in_key_frame (const RtpPacket &p)
  {
    if (is_key (p.bytes ()))
      key_timestamp = p.timestamp ();
    return key_timestamp == std::optional (p.timestamp ());
  }

  bool admits (const RtpPacket &p, bool keyframes_only)
  {
    if (what.left_out) {
      waits_for_key = is_key.tells ();
      return false;
    }
    // Nothing can be made of what follows something that was left out, up to a key frame.
    waits_for_key = (keyframes_only || waits_for_key) && is_key.tells () && !in_key_frame (p);
    return !waits_for_key;
  }

  // A source that starts anew, with numbers of its own, goes on where the last one was: for the
  // peer it is one stream.
  void follow (const RtpPacket &p, TimePoint now)
  {
    if (source_ssrc && *source_ssrc != p.ssrc ()) {
      const auto ticks = std::max<std::int64_t> (to_ticks (now - last_sent, what.clock_rate), 1);
      rewriter.move (static_cast<std::uint16_t> (last_sequence + 1 - p.sequence ()),
          last_timestamp + static_cast<std::uint32_t> (ticks) - p.timestamp ());
    }
    source_ssrc = p.ssrc ();
    last_sequence = rewriter.sequence (p);
    last_timestamp = rewriter.timestamp (p);
    last_sent = now;
  }

  void set_protection (const std::optional<SendingStream::Protection> &before)
  {
    if (what.protection == before)
      return;
    fec.reset ();
    if (what.protection)
      fec.emplace (what.protection->percentage);
  }

  Stream (SendingStream w, const SenderStream::Config &c)
      : what (std::move (w)), rewriter (what.rules), sender (c), is_key (what.codec)
  {
    set_protection ({});
  }
};

// Packets of one thread on their way out, in one call. Too large for a stack.
struct Sending::Batch {
  static constexpr std::size_t most = 64, room = 1500;
  std::array<std::array<std::uint8_t, room>, most> rooms;
  std::array<MediaSender::Packet, most> packets;
  std::size_t size = 0;

  std::span<std::uint8_t> next ()
  {
    return std::span (rooms[size]).first (room - MediaSender::trailer);
  }
  void add (std::size_t n)
  {
    packets[size] = {rooms[size], n};
    size++;
  }
  bool full () const { return size == most; }
};
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// A sender with history and RTX, two links, a receiver: what comes out of it, in which order.
#pragma once
#include "rtc/proto/rtp_receiver.h"
#include "rtc/proto/rtp_rewriter.h"
#include "rtc/proto/rtp_rtx.h"
#include "rtc/proto/rtp_sender.h"
#include "rtc_sim.h"
#include "rtp_packets.h"

namespace reach::test {
struct Stream {
  ReceiverStream::Config config;
  SenderStream::Config sending;
  Link forward{31}, back{32};
  TimePoint now{seconds (3000)};
  std::uint16_t first = 65000; // soon around
  Duration period = milliseconds (5);
  unsigned per_frame = 3; // packets with the same timestamp
  bool rtx = true;

  std::unique_ptr<PacketRewriter> rewriter;
  std::unique_ptr<SenderStream> sender;
  std::unique_ptr<ReceiverStream> receiver;
  std::vector<std::uint32_t> released; // the payloads' numbers
  std::vector<ReceiverStream::Lost> lost;
  std::uint32_t count = 0;
  std::uint64_t plis = 0, restarts = 0;
  std::vector<Duration> waited; // from sending to release

  void start ()
  {
    RewriteRules rules;
    rules.ssrc = sending.ssrc = 0x1111;
    rules.rtx_ssrc = sending.rtx_ssrc = 0x2222;
    rules.payload_types = {{96, 96, 97}};
    sending.ntp = {now, 0xe000000000000000};
    rewriter = std::make_unique<PacketRewriter> (rules);
    sender = std::make_unique<SenderStream> (sending);
    receiver = std::make_unique<ReceiverStream> (config);
    restart_numbers (first);
  }
  void restart_numbers (std::uint16_t at) { offset_ = static_cast<std::uint16_t> (at - count); }

  void send_one ()
  {
    std::uint8_t payload[200] = {};
    store_be (payload, count);
    const auto number = static_cast<std::uint16_t> (offset_ + count);
    const std::uint32_t timestamp =
        (count / per_frame) * static_cast<std::uint32_t> (to_ticks (period * per_frame, 90000));
    Octets b = make_packet ({false, 96, number, timestamp, 1}, payload);
    Handle h = Shared::make (std::move (b));
    const Bytes source = Shared::of (h);
    const auto p = RtpPacket::parse (source);
    std::uint8_t out[300];
    const std::size_t n = rewriter->media (*p, {}, out);
    sender->sent (std::move (h), number, rewriter->timestamp (*p), n - 200, 200, now, now);
    forward.send (Bytes (out, n), now);
    sent_.push_back (now);
    count++;
  }
  void resend ()
  {
    std::uint8_t out[300];
    while (const auto e = sender->poll_resend (now)) {
      const std::size_t n =
          rewriter->rtx (*RtpPacket::parse (e->source), e->sequence, e->timestamp, {}, out);
      fail_unless (n > 0);
      sender->sent_rtx (200);
      forward.send (Bytes (out, n), now);
    }
  }
  void receive (Octets b)
  {
    Handle h = Shared::make (std::move (b));
    std::span<std::uint8_t> bytes = Shared::of (h);
    auto p = RtpPacket::parse (bytes);
    fail_unless (p.has_value ());
    const bool is_rtx = p->payload_type () == 97;
    if (is_rtx)
      p = RtpPacket::parse (*restore_original (bytes, 0x1111, 96));
    receiver->input (*p, std::move (h), now, is_rtx);
    drain ();
  }
  void drain ()
  {
    while (const auto e = receiver->poll_event ()) {
      if (const auto *p = std::get_if<ReceiverStream::Packet> (&*e)) {
        const auto n = load_be<std::uint32_t> (p->packet.payload ().data ());
        released.push_back (n);
        if (n < sent_.size ())
          waited.push_back (now - sent_[n]);
      } else if (const auto *l = std::get_if<ReceiverStream::Lost> (&*e))
        lost.push_back (*l);
      else
        restarts++;
    }
    std::uint8_t buffer[100]; // small, so that it takes several
    RtcpWriter w (buffer);
    while (receiver->poll_transmit (w)) {
      back.send (w.datagram (), now);
      w = RtcpWriter (buffer);
    }
  }
  void feedback (Bytes b)
  {
    auto r = RtcpReader::parse (b);
    fail_unless (r.has_value ());
    while (const auto p = r->next ()) {
      if (const auto n = parse_nack (*p); n && rtx)
        sender->input (*n);
      else if (const auto pli = parse_pli (*p))
        plis += sender->input (*pli);
    }
  }
  void step (bool sending_on = true)
  {
    now += milliseconds (1);
    if (sending_on && now >= next_) {
      send_one ();
      next_ = now + period;
    }
    resend ();
    while (auto b = forward.receive (now))
      receive (std::move (*b));
    const auto due = receiver->poll_timeout ();
    if (due && now >= *due) {
      receiver->timeout (now);
      drain ();
      const auto again = receiver->poll_timeout ();
      fail_unless (!again || *again > now, "a deadline of the past is left");
    }
    while (auto b = back.receive (now))
      feedback (*b);
  }
  void run (Duration d)
  {
    for (const TimePoint end = now + d; now < end;)
      step ();
  }
  void finish ()
  {
    for (int i = 0; i < 3000; i++)
      step (false);
  }
  // Each number once, in order.
  bool ordered () const
  {
    return std::ranges::adjacent_find (released, std::greater_equal<> ()) == released.end ();
  }

private:
  std::uint16_t offset_ = 0;
  std::vector<TimePoint> sent_;
  TimePoint next_{};
};
} // namespace reach::test

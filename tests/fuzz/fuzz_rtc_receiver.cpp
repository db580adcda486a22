// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets in any order with any numbers, and any times between: what is released is in order, each
// number once, queues stay within their limits, and no deadline of the past is left.
#include "rtc/proto/rtp_receiver.h"
#include "rtc/proto/twcc_receiver.h"
#include <cstdlib>

using namespace reach;
using namespace reach::rtc;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

int alive = 0;
const Handle::Type counted{[] (void *) { alive++; }, [] (void *) { alive--; }};

struct Receiver {
  TimePoint now{seconds (100)};
  ReceiverStream stream{config ()};
  TwccReceiver twcc{{.max_pending = 100}};
  std::int64_t next = -1;
  std::uint16_t number = 60000;
  std::uint32_t timestamp = 0, ssrc = 7;
  std::uint8_t packet[40] = {};

  static ReceiverStream::Config config ()
  {
    ReceiverStream::Config c;
    c.buffer = {.packets = 50, .bytes = 1500};
    c.nacks.max_missing = 100;
    return c;
  }

  void drain ()
  {
    while (const auto e = stream.poll_event ()) {
      if (std::holds_alternative<ReceiverStream::Restarted> (*e)) {
        next = -1;
        continue;
      }
      const auto *p = std::get_if<ReceiverStream::Packet> (&*e);
      const auto *l = std::get_if<ReceiverStream::Lost> (&*e);
      require (next < 0 || (p ? p->number : l->first) == next);
      require (p || l->count > 0);
      next = p ? p->number + 1 : l->first + l->count;
    }
    std::uint8_t buffer[128];
    for (int i = 0;; i++) {
      RtcpWriter w (buffer);
      const bool any = stream.poll_transmit (w);
      if (!(twcc.poll_transmit (w) || any))
        break;
      require (i < 1000 && RtcpReader::parse (w.datagram ()).has_value ());
    }
    require (stream.buffer ().packets () <= 51 && stream.buffer ().bytes () <= 1500 + 40);
    const auto due = stream.poll_timeout ();
    require (!due || *due > now);
  }
  void receive (std::uint8_t flags)
  {
    write_rtp_header (packet, {false, 96, number, timestamp, ssrc});
    alive++;
    stream.input (
        *RtpPacket::parse (packet), Handle::adopt (this, counted), now, (flags & 0x80) != 0);
    twcc.received (number, ssrc, 40, now);
  }
  // Two bytes: what, how far.
  void step (std::uint8_t what, std::uint8_t by)
  {
    switch (what & 7) {
    case 0:
      number++;
      timestamp += by * 90u;
      break;
    case 1:
      number = static_cast<std::uint16_t> (number + by);
      break;
    case 2:
      number = static_cast<std::uint16_t> (number - by);
      timestamp -= by;
      break;
    case 3:
      number = static_cast<std::uint16_t> (number + by * 256);
      break;
    case 4:
      timestamp += by << 24;
      break;
    case 5:
      ssrc = by;
      break;
    case 6:
      now += milliseconds (by);
      stream.timeout (now);
      twcc.timeout (now);
      return;
    default:
      stream.input (SenderInfo{std::uint64_t{by} << 56, timestamp, by, by}, now);
      stream.report (now);
      stream.sync_point ();
      by & 1 ? stream.request_keyframe () : stream.keyframe_received ();
      return;
    }
    now += microseconds (what >> 3) * 100;
    receive (what);
  }
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  {
    Receiver r;
    for (std::size_t i = 0; i + 1 < size && i < 4000; i += 2) {
      r.step (data[i], data[i + 1]);
      r.drain ();
    }
  }
  require (alive == 0);
  return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as RTCP. What can be written again says the same; what a sender gets from it does not
// break its books.
#include "rtc/proto/congestion_control.h"
#include "rtc/proto/rtp_sender.h"
#include <cstdlib>

using namespace reach;
using namespace reach::rtc;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

std::uint8_t packet[20] = {0x80, 96};
const Handle::Type no_memory{[] (void *) {}, [] (void *) {},
    [] (void *p) { return Bytes (static_cast<std::uint8_t *> (p), 20); }};

struct Books {
  TimePoint now{seconds (100)};
  SenderStream sender{{.ssrc = 1, .rtx_ssrc = 2, .ntp = {now, 1ull << 60}}};
  CongestionController control{{}, now};

  Books ()
  {
    for (std::uint16_t i = 0; i < 300; i++) {
      now += milliseconds (5);
      control.sent (1000, now);
      sender.sent (Handle::adopt (packet, no_memory), i, i, 12, 8, now, now);
    }
  }
  void input (const RtcpPacket &p)
  {
    if (const auto r = parse_report (p))
      for (std::size_t i = 0; i < r->blocks.size (); i++)
        sender.input (r->blocks[i], now);
    if (const auto n = parse_nack (p)) {
      std::size_t count = 0;
      n->each ([&] (std::uint16_t) { count++; });
      require (count <= n->pairs.size () / 4 * 17);
      sender.input (*n);
    }
    if (const auto f = parse_fir (p))
      sender.input (*f);
    if (const auto f = parse_pli (p))
      sender.input (*f);
    if (const auto r = parse_remb (p))
      control.input_remb (r->bitrate);
    if (const auto f = TwccFeedback::parse (p)) {
      now += milliseconds (20);
      std::size_t n = 0;
      for (auto c = f->statuses (); c.next ();)
        n++;
      require (n == f->packets);
      control.input (*f, now);
    }
    while (sender.poll_resend (now))
      ;
    control.timeout (now);
    require (control.bitrate () >= 30000 && control.bitrate () <= 50e6);
    require (control.in_flight () <= 300 * 1000 && sender.rtt () <= seconds (30));
  }
};

void sdes (const RtcpPacket &p)
{
  if (p.type != RtcpType::sdes)
    return;
  std::size_t bytes = 0;
  SdesCursor c (p);
  while (const auto i = c.next ())
    bytes += i->text.size () + 2;
  require (bytes <= p.body.size ());
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  auto r = RtcpReader::parse (Bytes (data, size));
  if (!r)
    return 0;
  Books books;
  while (const auto p = r->next ()) {
    sdes (*p);
    if (const auto b = parse_bye (*p))
      require (b->size () == p->count && b->reason.size () < 256);
    if (const auto report = parse_report (*p)) {
      std::uint8_t buffer[1024];
      RtcpWriter w (buffer);
      std::vector<ReportBlock> blocks;
      for (std::size_t i = 0; i < report->blocks.size (); i++)
        blocks.push_back (report->blocks[i]);
      require (write_report (w, report->ssrc, report->sender, blocks));
      auto again = RtcpReader::parse (w.datagram ());
      const auto same = parse_report (*again->next ());
      require (same && same->ssrc == report->ssrc && same->blocks.size () == blocks.size ());
      for (std::size_t i = 0; i < blocks.size (); i++)
        require (same->blocks[i].total_lost == blocks[i].total_lost &&
                 same->blocks[i].delay == blocks[i].delay);
    }
    books.input (*p);
  }
  return 0;
}

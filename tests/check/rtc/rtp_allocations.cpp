// SPDX-License-Identifier: LGPL-2.1-or-later
// Once a stream runs, its packets cost no allocation: at the sender, the receiver, and in feedback.
#include "../allocations.h"
#include "rtc/proto/congestion_control.h"
#include "rtc/proto/rtp_demux.h"
#include "rtc/proto/rtp_receiver.h"
#include "rtc/proto/rtp_rewriter.h"
#include "rtc/proto/rtp_sender.h"
#include "rtc/proto/twcc_receiver.h"
#include "rtp_packets.h"
#include <memory>

using namespace reach;
using namespace reach::test;

namespace {
// A pool of one: the handle counts nothing, the bytes are of a ring that is longer than all queues.
const Handle::Type no_memory{
    [] (void *) {}, [] (void *) {}, [] (void *p) { return Bytes (*static_cast<Octets *> (p)); }};

struct Peer {
  TimePoint now{seconds (50)};
  PacketRewriter rewriter;
  SenderStream sender{{.ssrc = 0x1111, .rtx_ssrc = 0x2222}};
  CongestionController control{{.start = 3e6}, now};
  BundleDemux demux;
  ReceiverStream receiver{ReceiverStream::Config{}};
  TwccReceiver twcc{TwccReceiver::Config{}};
  std::vector<Octets> sources, arrived;
  std::uint32_t count = 0;
  std::uint64_t released = 0, nacked = 0;

  static RewriteRules rules ()
  {
    RewriteRules r;
    r.ssrc = 0x1111;
    r.rtx_ssrc = 0x2222;
    r.payload_types = {{96, 96, 97}};
    r.transport_id = 3;
    r.mid_id = 4;
    r.mid.assign (1, 'v');
    return r;
  }
  Peer () : rewriter (rules ()), sources (4096, Octets (1012)), arrived (4096, Octets (1300))
  {
    demux.configure ({{1, "v", "", {}, {{96, RtpUse::media}, {97, RtpUse::rtx, 96}}}}, {4, 0, 0});
  }

  void receive (Octets &b, std::size_t n)
  {
    const auto p = RtpPacket::parse (Bytes (b).first (n));
    const auto route = demux.route (*p);
    twcc.received (load_be<std::uint16_t> (p->extension (3)->data ()), p->ssrc (), n, now);
    if (route && route->use == RtpUse::media)
      receiver.input (*p, Handle::adopt (&b, no_memory), now);
    while (const auto e = receiver.poll_event ())
      released += std::holds_alternative<ReceiverStream::Packet> (*e);
  }
  void feedback ()
  {
    std::uint8_t buffer[1200];
    RtcpWriter w (buffer);
    while (receiver.poll_transmit (w) || twcc.poll_transmit (w))
      ;
    auto r = w.size () > 0 ? RtcpReader::parse (w.datagram ()) : std::nullopt;
    while (const auto p = r ? r->next () : std::nullopt) {
      if (const auto n = parse_nack (*p)) {
        sender.input (*n);
        nacked++;
      }
      if (const auto f = TwccFeedback::parse (*p))
        control.input (*f, now);
    }
  }
  void step ()
  {
    now += milliseconds (2);
    Octets &source = sources[count % 4096], &to = arrived[count % 4096];
    write_rtp_header (
        source.data (), {false, 96, static_cast<std::uint16_t> (count), count * 180, 9});
    const auto p = RtpPacket::parse (source);
    const std::uint16_t number = control.sent (1000, now);
    const std::size_t n = rewriter.media (*p, {0, number}, to);
    sender.sent (Handle::adopt (&source, no_memory), static_cast<std::uint16_t> (count),
        count * 180, 12, 1000, now, now);
    if (count++ % 50 != 7) // 2 % get lost
      receive (to, n);
    std::uint8_t out[1300];
    while (const auto e = sender.poll_resend (now))
      rewriter.rtx (*RtpPacket::parse (e->source), e->sequence, e->timestamp, {}, out);
    receiver.timeout (now);
    while (const auto e = receiver.poll_event ())
      released += std::holds_alternative<ReceiverStream::Packet> (*e);
    twcc.timeout (now);
    control.timeout (now);
    feedback ();
  }
};
} // namespace

GST_START_TEST (test_steady_state)
{
  Peer p;
  for (int i = 0; i < 20000; i++)
    p.step ();
  const std::uint64_t released = p.released, nacked = p.nacked;
  allocations = 0;
  for (int i = 0; i < 20000; i++)
    p.step ();
  const unsigned long n = allocations;
  fail_unless (p.released - released > 19000 && p.nacked - nacked > 300);
  fail_unless (n == 0, "%lu allocations for 20000 packets", n);
  // The counter counts.
  const auto some = std::make_unique<Octets> (10);
  fail_unless (allocations > n && some->size () == 10);
}
GST_END_TEST

static Suite *rtp_allocations_suite ()
{
  Suite *s = suite_create ("rtc-rtp-allocations");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_steady_state);
  return s;
}
GST_CHECK_MAIN (rtp_allocations)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as an RTP packet: read, rewritten for a peer, as RTX there and back, routed, as RED and
// as FEC.
#include "rtc/proto/fec_red.h"
#include "rtc/proto/fec_ulp.h"
#include "rtc/proto/rtp_demux.h"
#include "rtc/proto/rtp_rewriter.h"
#include "rtc/proto/rtp_rtx.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::rtc;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

bool same (Bytes a, Bytes b)
{
  return std::ranges::equal (a, b);
}

RewriteRules rules (std::uint8_t payload_type, ExtensionForm form)
{
  RewriteRules r;
  r.ssrc = 1;
  r.rtx_ssrc = 2;
  r.payload_types = {{payload_type, 100, 101}};
  r.mid_id = 4;
  r.rid_id = r.repaired_rid_id = 5;
  r.abs_send_time_id = 2;
  r.transport_id = 3;
  r.mid = "m";
  r.rid = "r";
  for (std::uint8_t id = 1; id < 9; id++)
    r.kept.push_back ({id, static_cast<std::uint8_t> (id + 5)});
  r.form = form;
  return r;
}

void rewrite (const RtpPacket &p, ExtensionForm form)
{
  PacketRewriter w (rules (p.payload_type (), form));
  std::vector<std::uint8_t> media (p.bytes ().size () + w.growth ()), again = media;
  // Kept elements fill what there is at most: repeated ids may need more than growth ().
  const std::size_t n = w.media (p, {1, 2}, media);
  if (n == 0)
    return;
  const auto out = RtpPacket::parse (Bytes (media).first (n));
  require (out && out->ssrc () == 1 && out->payload_type () == 100);
  require (same (out->payload (), p.payload ()) && same (out->csrcs (), p.csrcs ()));
  require (out->extension (3) && load_be<std::uint16_t> (out->extension (3)->data ()) == 2);
  const std::size_t m = w.rtx (p, out->sequence (), out->timestamp (), {1, 2}, again);
  if (m == 0)
    return;
  const auto back = restore_original (std::span (again).first (m), 1, 100);
  require (back && same (*back, Bytes (media).first (n)));
}

void read (const RtpPacket &p)
{
  std::size_t sum = p.header_size () + p.payload ().size () + p.padding ();
  require (sum == p.bytes ().size ());
  for (auto c = p.extensions (); const auto e = c.next ();)
    require (e->id != 0 && p.extension (e->id).has_value ());
}

void fec (const RtpPacket &p)
{
  RedBlock blocks[8];
  if (const auto n = parse_red (p.payload (), blocks)) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < *n; i++)
      sum += blocks[i].payload.size ();
    require (*n >= 1 && sum < p.payload ().size ());
  }
  // Its payload as parity of packets around it.
  FecReceiver r ({.packets = 8, .fecs = 4});
  r.media (p);
  std::vector<std::uint8_t> parity (p.bytes ().size () + 20);
  parity.resize (protect (std::span (&p, 1), parity));
  for (int i = 0; i < 3; i++)
    r.fec (p.payload (), p.ssrc ());
  for (Bytes b = r.poll (); !b.empty (); b = r.poll ())
    require (RtpPacket::parse (b).has_value ());
  require (!parity.empty ());
}

void route (const RtpPacket &p)
{
  static BundleDemux demux (8, 100);
  static const bool ready = [] {
    demux.configure (
        {{1, "a", "", {{7, RtpUse::media}}, {{96, RtpUse::media}, {97, RtpUse::rtx, 96}}},
            {2, "b", "x", {}, {{96, RtpUse::media}}}, {3, "b", "y", {}, {{96, RtpUse::media}}}},
        {4, 5, 6});
    return true;
  }();
  require (ready);
  const auto r = demux.route (p);
  require (!r || (r->stream >= 1 && r->stream <= 3));
  require (demux.learnt () <= 8);
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  const Bytes in (data, size);
  (void)kind_of_datagram (in);
  const auto p = RtpPacket::parse (in);
  if (!p)
    return 0;
  read (*p);
  rewrite (*p, ExtensionForm::one_byte);
  rewrite (*p, ExtensionForm::two_bytes);
  route (*p);
  fec (*p);
  std::vector<std::uint8_t> copy (in.begin (), in.end ());
  if (const auto back = restore_original (copy, 5, 96))
    require (RtpPacket::parse (*back).has_value ());
  return 0;
}

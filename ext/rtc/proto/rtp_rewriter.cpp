// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_rewriter.h"
#include <algorithm>

namespace reach::rtc {
PacketRewriter::Block PacketRewriter::make_block (
    const RewriteRules &rules, bool identify, bool rtx)
{
  Block b;
  ExtensionWriter w (b.bytes, rules.form);
  const auto text = [&w] (std::uint8_t id, const std::string &s) {
    if (id != 0 && !s.empty () && s.size () <= 16)
      w.add (id, as_bytes (s));
  };
  const auto place = [&] (std::uint8_t id, std::size_t n) {
    std::uint8_t *at = id != 0 ? w.add (id, n) : nullptr;
    return static_cast<std::uint8_t> (at ? at - b.bytes.data () : 0);
  };
  b.abs_send_time = place (rules.abs_send_time_id, 3);
  b.transport = place (rules.transport_id, 2);
  if (identify) {
    text (rules.mid_id, rules.mid);
    text (rtx ? rules.repaired_rid_id : rules.rid_id, rules.rid);
  }
  b.size = static_cast<std::uint8_t> (w.size ());
  return b;
}

PacketRewriter::PacketRewriter (const RewriteRules &rules)
    : ssrc_ (rules.ssrc), rtx_ssrc_ (rules.rtx_ssrc), timestamp_offset_ (rules.timestamp_offset),
      sequence_offset_ (rules.sequence_offset), rtx_sequence_ (rules.rtx_sequence),
      form_ (rules.form)
{
  for (const auto &t : rules.payload_types)
    if (types_ < payload_types_.size ())
      payload_types_[types_++] = t;
  for (const auto &k : rules.kept)
    if (kept_count_ < kept_.size ())
      kept_[kept_count_++] = k;
  for (const bool rtx : {false, true})
    for (const bool identify : {false, true})
      blocks_[rtx][identify] = make_block (rules, identify, rtx);
  // 4: extension header, 3: padding, 2: original number; kept elements may need a byte more each.
  growth_ = 4u + std::max (blocks_[0][1].size, blocks_[1][1].size) + 3u + 2u + kept_count_;
}

const RewriteRules::PayloadType *PacketRewriter::find (std::uint8_t source) const
{
  for (std::size_t i = 0; i < types_; i++)
    if (payload_types_[i].source == source)
      return &payload_types_[i];
  return nullptr;
}

// An element that does not fit the peer's form stays away; the rest goes.
void PacketRewriter::keep (const RtpPacket &source, ExtensionWriter &w) const
{
  for (auto c = source.extensions (); const auto e = c.next ();)
    for (std::size_t i = 0; i < kept_count_; i++)
      if (kept_[i].source == e->id) {
        ExtensionWriter attempt = w;
        attempt.add (kept_[i].peer, e->value);
        if (!attempt.failed ())
          w = attempt;
        break;
      }
}

std::size_t PacketRewriter::write_header (const RtpPacket *source, const RtpHeader &h, bool rtx,
    const PacketStamps &stamps, std::span<std::uint8_t> to, bool padding) const
{
  const Block &block = blocks_[rtx][identify_];
  const unsigned csrcs = source ? source->csrc_count () : 0;
  const std::size_t fixed = rtp_header_size + csrcs * std::size_t{4};
  if (to.size () < fixed + 4 + block.size)
    return 0;
  if (csrcs > 0)
    std::memcpy (to.data () + rtp_header_size, source->csrcs ().data (), csrcs * std::size_t{4});
  std::uint8_t *const elements = to.data () + fixed + 4;
  std::memcpy (elements, block.bytes.data (), block.size);
  if (block.abs_send_time != 0) {
    elements[block.abs_send_time] = static_cast<std::uint8_t> (stamps.abs_send_time >> 16);
    store_be (elements + block.abs_send_time + 1,
        static_cast<std::uint16_t> (stamps.abs_send_time & 0xffff));
  }
  if (block.transport != 0)
    store_be (elements + block.transport, stamps.transport_number);
  ExtensionWriter w (to.subspan (fixed + 4), form_, block.size);
  if (source && kept_count_ > 0 && source->has_extension ())
    keep (*source, w);
  write_rtp_header (to.data (), h, csrcs, w.size () > 0, padding);
  if (w.size () == 0)
    return fixed;
  w.pad ();
  if (w.failed ())
    return 0;
  store_be (
      to.data () + fixed, form_ == ExtensionForm::one_byte ? one_byte_profile : two_byte_profile);
  store_be (to.data () + fixed + 2, static_cast<std::uint16_t> (w.size () / 4));
  return fixed + 4 + w.size ();
}

std::size_t PacketRewriter::header (
    const RtpPacket &source, const PacketStamps &stamps, std::span<std::uint8_t> to) const
{
  const auto *type = find (source.payload_type ());
  if (!type)
    return 0;
  const RtpHeader h{source.marker (), type->peer, sequence (source), timestamp (source), ssrc_};
  return write_header (&source, h, false, stamps, to);
}

std::size_t PacketRewriter::media (
    const RtpPacket &source, const PacketStamps &stamps, std::span<std::uint8_t> to) const
{
  const std::size_t n = header (source, stamps, to);
  const Bytes payload = source.payload ();
  if (n == 0 || to.size () - n < payload.size ())
    return 0;
  if (!payload.empty ())
    std::memcpy (to.data () + n, payload.data (), payload.size ());
  return n + payload.size ();
}

std::size_t PacketRewriter::rtx (const RtpPacket &source, std::uint16_t sequence,
    std::uint32_t timestamp, const PacketStamps &stamps, std::span<std::uint8_t> to)
{
  const auto *type = find (source.payload_type ());
  if (!type || type->rtx == 0 || rtx_ssrc_ == 0)
    return 0;
  const RtpHeader h{source.marker (), type->rtx, rtx_sequence_, timestamp, rtx_ssrc_};
  const std::size_t n = write_header (&source, h, true, stamps, to);
  const Bytes payload = source.payload ();
  if (n == 0 || to.size () - n < 2 + payload.size ())
    return 0;
  store_be (to.data () + n, sequence);
  if (!payload.empty ())
    std::memcpy (to.data () + n + 2, payload.data (), payload.size ());
  rtx_sequence_++;
  return n + 2 + payload.size ();
}

std::size_t PacketRewriter::padding (std::uint8_t like, std::uint8_t n, std::uint32_t timestamp,
    const PacketStamps &stamps, std::span<std::uint8_t> to)
{
  const auto *type = find (like);
  if (!type || type->rtx == 0 || rtx_ssrc_ == 0 || n == 0)
    return 0;
  const RtpHeader h{false, type->rtx, rtx_sequence_, timestamp, rtx_ssrc_};
  const std::size_t head = write_header (nullptr, h, true, stamps, to, true);
  if (head == 0 || to.size () - head < n)
    return 0;
  std::memset (to.data () + head, 0, n);
  to[head + n - 1u] = n;
  rtx_sequence_++;
  return head + n;
}
} // namespace reach::rtc

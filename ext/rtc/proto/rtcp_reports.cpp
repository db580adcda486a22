// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtcp_reports.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::size_t sender_info_size = 20;

std::string_view as_text (Bytes b)
{
  return {reinterpret_cast<const char *> (b.data ()), b.size ()};
}

std::size_t padded (std::size_t n)
{
  return (n + 3) & ~std::size_t{3};
}
} // namespace

ReportBlock read_report_block (const std::uint8_t *from)
{
  ReportBlock b;
  b.ssrc = load_be<std::uint32_t> (from);
  const auto lost = load_be<std::uint32_t> (from + 4);
  b.fraction_lost = static_cast<std::uint8_t> (lost >> 24);
  b.total_lost = static_cast<std::int32_t> (lost << 8) >> 8;
  b.highest = load_be<std::uint32_t> (from + 8);
  b.jitter = load_be<std::uint32_t> (from + 12);
  b.last_sr = load_be<std::uint32_t> (from + 16);
  b.delay = load_be<std::uint32_t> (from + 20);
  return b;
}

void write_report_block (std::uint8_t *to, const ReportBlock &b)
{
  const std::int32_t lost = std::clamp (b.total_lost, -0x800000, 0x7fffff);
  store_be (to, b.ssrc);
  store_be (to + 4,
      std::uint32_t{b.fraction_lost} << 24 | (static_cast<std::uint32_t> (lost) & 0xffffff));
  store_be (to + 8, b.highest);
  store_be (to + 12, b.jitter);
  store_be (to + 16, b.last_sr);
  store_be (to + 20, b.delay);
}

std::optional<Report> parse_report (const RtcpPacket &p)
{
  const bool sr = p.type == RtcpType::sender_report;
  if (!sr && p.type != RtcpType::receiver_report)
    return {};
  ByteReader in (p.body);
  Report r;
  r.ssrc = in.u32 ();
  if (sr) {
    SenderInfo s;
    s.ntp = in.u64 ();
    s.timestamp = in.u32 ();
    s.packets = in.u32 ();
    s.bytes = in.u32 ();
    r.sender = s;
  }
  r.blocks = ReportBlocks (in.take (p.count * report_block_size));
  if (in.failed ())
    return {};
  return r; // a profile's extension may follow
}

bool write_report (RtcpWriter &to, std::uint32_t ssrc, const std::optional<SenderInfo> &sender,
    std::span<const ReportBlock> blocks)
{
  if (blocks.size () > max_report_blocks)
    return false;
  const std::size_t size = 4 + (sender ? sender_info_size : 0) + blocks.size () * report_block_size;
  std::uint8_t *body = to.add (sender ? RtcpType::sender_report : RtcpType::receiver_report,
      static_cast<std::uint8_t> (blocks.size ()), size);
  if (!body)
    return false;
  store_be (body, ssrc);
  body += 4;
  if (sender) {
    store_be (body, sender->ntp);
    store_be (body + 8, sender->timestamp);
    store_be (body + 12, sender->packets);
    store_be (body + 16, sender->bytes);
    body += sender_info_size;
  }
  for (const ReportBlock &b : blocks) {
    write_report_block (body, b);
    body += report_block_size;
  }
  return true;
}

bool SdesCursor::open_chunk ()
{
  if (chunks_ == 0)
    return false;
  if (in_.size () < 5) { // a chunk without items has an end too
    failed_ = true;
    return false;
  }
  chunks_--;
  ssrc_ = load_be<std::uint32_t> (in_.data ());
  in_ = in_.subspan (4);
  in_chunk_ = 0;
  inside_ = true;
  return true;
}

std::optional<SdesItem> SdesCursor::next ()
{
  while (!failed_ && (inside_ || open_chunk ())) {
    if (in_.empty ())
      break;
    const std::uint8_t type = in_[0];
    if (type == 0) { // up to the next multiple of four
      const std::size_t end = 4 - in_chunk_ % 4;
      if (in_.size () < end)
        break;
      in_ = in_.subspan (end);
      inside_ = false;
      continue;
    }
    if (in_.size () < 2 || in_.size () < 2u + in_[1])
      break;
    const Bytes text = in_.subspan (2, in_[1]);
    in_ = in_.subspan (2 + text.size ());
    in_chunk_ += 2 + text.size ();
    return SdesItem{ssrc_, type, as_text (text)};
  }
  failed_ = failed_ || inside_;
  inside_ = false;
  chunks_ = 0;
  return {};
}

bool write_sdes (RtcpWriter &to, std::uint32_t ssrc, std::string_view cname)
{
  cname = cname.substr (0, 255);
  const std::size_t items = padded (2 + cname.size () + 1);
  std::uint8_t *body = to.add (RtcpType::sdes, 1, 4 + items);
  if (!body)
    return false;
  store_be (body, ssrc);
  std::fill_n (body + 4, items, std::uint8_t{0});
  body[4] = static_cast<std::uint8_t> (SdesType::cname);
  body[5] = static_cast<std::uint8_t> (cname.size ());
  std::ranges::copy (cname, body + 6);
  return true;
}

std::optional<Bye> parse_bye (const RtcpPacket &p)
{
  if (p.type != RtcpType::bye)
    return {};
  ByteReader in (p.body);
  Bye b;
  b.sources = in.take (p.count * std::size_t{4});
  if (in.failed ())
    return {};
  if (in.left () > 0) {
    b.reason = as_text (in.take (in.u8 ()));
    if (in.failed ())
      return {};
  }
  return b;
}

bool write_bye (RtcpWriter &to, std::span<const std::uint32_t> sources, std::string_view reason)
{
  reason = reason.substr (0, 255);
  if (sources.size () > 31)
    return false;
  const std::size_t text = reason.empty () ? 0 : padded (1 + reason.size ());
  std::uint8_t *body = to.add (
      RtcpType::bye, static_cast<std::uint8_t> (sources.size ()), sources.size () * 4 + text);
  if (!body)
    return false;
  for (const std::uint32_t s : sources) {
    store_be (body, s);
    body += 4;
  }
  if (text > 0) {
    std::fill_n (body, text, std::uint8_t{0});
    body[0] = static_cast<std::uint8_t> (reason.size ());
    std::ranges::copy (reason, body + 1);
  }
  return true;
}
} // namespace reach::rtc

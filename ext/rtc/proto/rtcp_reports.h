// SPDX-License-Identifier: LGPL-2.1-or-later
// SR, RR, SDES and BYE (RFC 3550, 6.4 to 6.6). Parsers give nothing for a packet that is shorter
// than its count says; views point into the datagram.
#pragma once
#include "rtcp_packet.h"
#include <string_view>

namespace reach::rtc {
inline constexpr std::size_t report_block_size = 24, max_report_blocks = 31;

struct ReportBlock {
  std::uint32_t ssrc = 0;         // that is reported on
  std::uint8_t fraction_lost = 0; // of 256, since the last report
  std::int32_t total_lost = 0;    // 24 bits with sign
  std::uint32_t highest = 0;      // number, and its cycles above
  std::uint32_t jitter = 0;       // ticks
  std::uint32_t last_sr = 0;      // middle of the NTP time; 0: none came
  std::uint32_t delay = 0;        // since then, 1/65536 s
};
ReportBlock read_report_block (const std::uint8_t *from);
void write_report_block (std::uint8_t *to, const ReportBlock &b);

// The blocks of SR or RR.
class ReportBlocks {
public:
  ReportBlocks () = default;
  explicit ReportBlocks (Bytes b) : in_ (b) {}
  std::size_t size () const { return in_.size () / report_block_size; }
  ReportBlock operator[] (std::size_t i) const
  {
    return read_report_block (&in_[i * report_block_size]);
  }

private:
  Bytes in_;
};

struct SenderInfo {
  std::uint64_t ntp = 0;
  std::uint32_t timestamp = 0; // of the same moment
  std::uint32_t packets = 0, bytes = 0;
};
struct Report { // SR or RR
  std::uint32_t ssrc = 0;
  std::optional<SenderInfo> sender; // of SR
  ReportBlocks blocks;
};
std::optional<Report> parse_report (const RtcpPacket &p);
// SR with `sender`, else RR; up to 31 blocks.
bool write_report (RtcpWriter &to, std::uint32_t ssrc, const std::optional<SenderInfo> &sender,
    std::span<const ReportBlock> blocks);

enum class SdesType : std::uint8_t { cname = 1, mid = 15, rid = 12, repaired_rid = 13 };
struct SdesItem {
  std::uint32_t ssrc = 0;
  std::uint8_t type = 0;
  std::string_view text; // of the peer, any bytes
};
// All items of all chunks.
class SdesCursor {
public:
  explicit SdesCursor (const RtcpPacket &p) : in_ (p.body), chunks_ (p.count) {}
  std::optional<SdesItem> next ();
  bool failed () const { return failed_; }

private:
  bool open_chunk ();

  Bytes in_;
  std::uint8_t chunks_;
  std::uint32_t ssrc_ = 0;
  std::size_t in_chunk_ = 0; // bytes of its items so far
  bool inside_ = false, failed_ = false;
};
// One chunk with CNAME; up to 255 bytes.
bool write_sdes (RtcpWriter &to, std::uint32_t ssrc, std::string_view cname);

struct Bye {
  Bytes sources; // 4 bytes each
  std::string_view reason;
  std::size_t size () const { return sources.size () / 4; }
  std::uint32_t operator[] (std::size_t i) const
  {
    return load_be<std::uint32_t> (&sources[i * 4]);
  }
};
std::optional<Bye> parse_bye (const RtcpPacket &p);
bool write_bye (
    RtcpWriter &to, std::span<const std::uint32_t> sources, std::string_view reason = {});
} // namespace reach::rtc

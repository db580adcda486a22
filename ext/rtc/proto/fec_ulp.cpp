// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fec_ulp.h"
#include <algorithm>
#include <bit>

namespace reach::rtc {
namespace {
constexpr std::size_t fec_header = 10, short_level = 4, long_level = 8;
constexpr unsigned span = 48;

constexpr std::uint64_t bit_of (std::int64_t offset)
{
  return std::uint64_t{1} << (span - 1 - static_cast<unsigned> (offset));
}

void add (std::uint8_t *to, Bytes b)
{
  for (std::size_t i = 0; i < b.size (); i++)
    to[i] ^= b[i];
}

// What the FEC header holds of a packet: its first eight bytes without the number, and its length
// behind the fixed header.
void add_header (std::uint8_t *to, Bytes packet)
{
  add (to, packet.first (2));
  add (to + 4, packet.subspan (4, 4));
  std::uint8_t length[2];
  store_be (length, static_cast<std::uint16_t> (packet.size () - rtp_header_size));
  add (to + 8, length);
}
} // namespace

std::size_t protect (std::span<const RtpPacket> packets, std::span<std::uint8_t> to)
{
  if (packets.empty ())
    return 0;
  const std::uint16_t base = packets[0].sequence ();
  std::uint64_t mask = 0;
  std::size_t length = 0;
  for (const RtpPacket &p : packets) {
    const auto offset = static_cast<std::uint16_t> (p.sequence () - base);
    if (offset >= span)
      return 0;
    mask |= bit_of (offset);
    length = std::max (length, p.bytes ().size () - rtp_header_size);
  }
  const bool wide = (mask & 0xffffffff) != 0;
  const std::size_t head = fec_header + (wide ? long_level : short_level);
  if (to.size () < head + length || length > 0xffff)
    return 0;
  std::memset (to.data (), 0, head + length);
  for (const RtpPacket &p : packets) {
    add_header (to.data (), p.bytes ());
    add (to.data () + head, p.bytes ().subspan (rtp_header_size));
  }
  to[0] = static_cast<std::uint8_t> ((to[0] & 0x3f) | (wide ? 0x40 : 0)); // no version: E and L
  store_be (&to[2], base);
  store_be (&to[fec_header], static_cast<std::uint16_t> (length));
  store_be (&to[fec_header + 2], static_cast<std::uint16_t> (mask >> 32));
  if (wide)
    store_be (&to[fec_header + 4], static_cast<std::uint32_t> (mask));
  return head + length;
}

const FecReceiver::Kept *FecReceiver::find (std::int64_t number) const
{
  const auto k = std::find_if (
      kept_.begin (), kept_.end (), [number] (const Kept &x) { return x.number == number; });
  return k == kept_.end () ? nullptr : &*k;
}

void FecReceiver::keep (Bytes b, std::int64_t number)
{
  if (!seen_.add (number) || b.size () > limits_.size)
    return;
  Kept k;
  if (kept_.size () >= limits_.packets) {
    k = std::move (kept_.front ()); // its memory is used again
    kept_.pop_front ();
  }
  k.number = number;
  k.bytes.assign (b.begin (), b.end ());
  kept_.push_back (std::move (k));
}

void FecReceiver::media (const RtpPacket &p)
{
  keep (p.bytes (), unwrapper_.unwrap (p.sequence ()));
}

void FecReceiver::fec (Bytes payload, std::uint32_t ssrc)
{
  if (payload.size () < fec_header + short_level ||
      payload.size () > limits_.size + fec_header + long_level)
    return;
  const bool wide = (payload[0] & 0x40) != 0;
  Fec f;
  f.header = fec_header + (wide ? long_level : short_level);
  if ((payload[0] & 0x80) || payload.size () < f.header || !unwrapper_.started ())
    return;
  f.length = load_be<std::uint16_t> (&payload[fec_header]);
  f.mask = std::uint64_t{load_be<std::uint16_t> (&payload[fec_header + 2])} << 32;
  if (wide)
    f.mask |= load_be<std::uint32_t> (&payload[fec_header + 4]);
  if (f.mask == 0 || f.length > payload.size () - f.header)
    return;
  f.base = unwrapper_.peek (load_be<std::uint16_t> (&payload[2]));
  f.ssrc = ssrc;
  if (fecs_.size () >= limits_.fecs) {
    f.bytes = std::move (fecs_.front ().bytes);
    fecs_.pop_front ();
  }
  f.bytes.assign (payload.begin (), payload.end ());
  fecs_.push_back (std::move (f));
}

unsigned FecReceiver::missing (const Fec &f, std::int64_t &number) const
{
  unsigned n = 0;
  for (std::int64_t i = 0; i < span && n < 2; i++)
    if ((f.mask & bit_of (i)) != 0 && !seen_.has (f.base + i)) {
      number = f.base + i;
      n++;
    }
  return n;
}

bool FecReceiver::recover (const Fec &f, std::int64_t number)
{
  std::uint8_t head[fec_header];
  std::copy_n (f.bytes.begin (), fec_header, head);
  out_.assign (rtp_header_size + f.length, 0);
  add (&out_[rtp_header_size], Bytes (f.bytes).subspan (f.header, f.length));
  for (std::int64_t i = 0; i < span; i++) {
    if ((f.mask & bit_of (i)) == 0 || f.base + i == number)
      continue;
    const Kept *k = find (f.base + i);
    if (!k)
      return false; // too long ago, or too large
    add_header (head, k->bytes);
    const Bytes rest = Bytes (k->bytes).subspan (rtp_header_size);
    add (&out_[rtp_header_size], rest.first (std::min (rest.size (), f.length)));
  }
  const std::size_t length = load_be<std::uint16_t> (head + 8);
  if (length > f.length)
    return false; // only its beginning was protected
  out_.resize (rtp_header_size + length);
  std::copy_n (head, 8, out_.begin ());
  out_[0] = static_cast<std::uint8_t> ((head[0] & 0x3f) | 0x80);
  store_be (&out_[2], static_cast<std::uint16_t> (number));
  store_be (&out_[8], f.ssrc);
  return RtpPacket::parse (out_).has_value ();
}

Bytes FecReceiver::poll ()
{
  for (Fec &f : fecs_) {
    std::int64_t number = 0;
    const unsigned n = f.mask != 0 ? missing (f, number) : 2;
    if (n > 1)
      continue;
    const bool worked = n == 1 && recover (f, number);
    f.mask = 0; // used, or useless: not looked at again
    if (!worked)
      continue;
    keep (out_, number);
    recovered_++;
    return out_;
  }
  return {};
}
} // namespace reach::rtc

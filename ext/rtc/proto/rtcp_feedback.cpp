// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtcp_feedback.h"
#include <bit>

namespace reach::rtc {
namespace {
constexpr std::uint32_t remb_mark = 0x52454d42;

// The two SSRCs in front of all feedback.
struct Ends {
  std::uint32_t sender = 0, media = 0;
  Bytes rest;
};
std::optional<Ends> open (const RtcpPacket &p, RtcpType type, std::uint8_t format)
{
  if (p.type != type || p.count != format || p.body.size () < 8)
    return {};
  return Ends{
      load_be<std::uint32_t> (&p.body[0]), load_be<std::uint32_t> (&p.body[4]), p.body.subspan (8)};
}

std::uint8_t *add (RtcpWriter &to, RtcpType type, std::uint8_t format, std::size_t size,
    std::uint32_t sender, std::uint32_t media)
{
  std::uint8_t *body = to.add (type, format, 8 + size);
  if (!body)
    return nullptr;
  store_be (body, sender);
  store_be (body + 4, media);
  return body + 8;
}
} // namespace

std::optional<Nack> parse_nack (const RtcpPacket &p)
{
  const auto e = open (p, RtcpType::transport_feedback, fmt_nack);
  if (!e || e->rest.empty () || e->rest.size () % 4 != 0)
    return {};
  return Nack{e->sender, e->media, e->rest};
}

std::size_t write_nack (RtcpWriter &to, std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
    std::span<const std::uint16_t> numbers)
{
  if (to.room () < 4 + 8 + 4)
    return 0;
  const std::size_t max_pairs = (to.room () - 4 - 8) / 4;
  // Pairs first, as the packet's size depends on them.
  std::size_t pairs = 0, used = 0;
  const auto covered = [&] (std::size_t first) {
    std::size_t n = 1;
    while (first + n < numbers.size () &&
           static_cast<std::uint16_t> (numbers[first + n] - numbers[first] - 1) < 16)
      n++;
    return n;
  };
  while (used < numbers.size () && pairs < max_pairs) {
    used += covered (used);
    pairs++;
  }
  std::uint8_t *at = pairs == 0 ? nullptr
                                : add (to, RtcpType::transport_feedback, fmt_nack, pairs * 4,
                                      sender_ssrc, media_ssrc);
  if (!at)
    return 0;
  for (std::size_t i = 0; i < used; at += 4) {
    const std::size_t n = covered (i);
    unsigned bits = 0;
    for (std::size_t k = i + 1; k < i + n; k++)
      bits |= 1u << static_cast<std::uint16_t> (numbers[k] - numbers[i] - 1);
    store_be (at, numbers[i]);
    store_be (at + 2, static_cast<std::uint16_t> (bits));
    i += n;
  }
  return used;
}

std::optional<Pli> parse_pli (const RtcpPacket &p)
{
  const auto e = open (p, RtcpType::payload_feedback, fmt_pli);
  if (!e)
    return {};
  return Pli{e->sender, e->media};
}

bool write_pli (RtcpWriter &to, std::uint32_t sender_ssrc, std::uint32_t media_ssrc)
{
  return add (to, RtcpType::payload_feedback, fmt_pli, 0, sender_ssrc, media_ssrc) != nullptr;
}

std::optional<Fir> parse_fir (const RtcpPacket &p)
{
  const auto e = open (p, RtcpType::payload_feedback, fmt_fir);
  if (!e || e->rest.empty () || e->rest.size () % 8 != 0)
    return {};
  return Fir{e->sender, e->rest};
}

bool write_fir (RtcpWriter &to, std::uint32_t sender_ssrc, FirEntry entry)
{
  std::uint8_t *at = add (to, RtcpType::payload_feedback, fmt_fir, 8, sender_ssrc, 0);
  if (!at)
    return false;
  store_be (at, entry.media_ssrc);
  store_be (at + 4, std::uint32_t{entry.number} << 24);
  return true;
}

std::optional<Remb> parse_remb (const RtcpPacket &p)
{
  const auto e = open (p, RtcpType::payload_feedback, fmt_application);
  if (!e || e->rest.size () < 8 || load_be<std::uint32_t> (&e->rest[0]) != remb_mark)
    return {};
  const auto word = load_be<std::uint32_t> (&e->rest[4]);
  const std::size_t n = word >> 24;
  const unsigned exponent = word >> 18 & 63;
  const std::uint64_t mantissa = word & 0x3ffff;
  if (e->rest.size () != 8 + n * 4)
    return {};
  // More than 64 bits hold is no limit at all.
  const bool fits =
      mantissa == 0 || exponent <= static_cast<unsigned> (std::countl_zero (mantissa));
  return Remb{e->sender,
      mantissa == 0 ? 0
      : fits        ? mantissa << exponent
                    : ~std::uint64_t{0},
      e->rest.subspan (8)};
}

bool write_remb (RtcpWriter &to, std::uint32_t sender_ssrc, std::uint64_t bitrate,
    std::span<const std::uint32_t> sources)
{
  if (sources.size () > 255)
    return false;
  std::uint8_t *at = add (
      to, RtcpType::payload_feedback, fmt_application, 8 + sources.size () * 4, sender_ssrc, 0);
  if (!at)
    return false;
  const int width = std::bit_width (bitrate);
  const unsigned exponent = width > 18 ? static_cast<unsigned> (width - 18) : 0;
  store_be (at, remb_mark);
  store_be (at + 4,
      static_cast<std::uint32_t> (sources.size () << 24 | exponent << 18 | (bitrate >> exponent)));
  at += 8;
  for (const std::uint32_t s : sources) {
    store_be (at, s);
    at += 4;
  }
  return true;
}
} // namespace reach::rtc

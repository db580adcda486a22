// SPDX-License-Identifier: LGPL-2.1-or-later
#include "twcc_feedback.h"
#include <algorithm>
#include <array>

namespace reach::rtc {
namespace {
enum Symbol : std::uint8_t { missing = 0, small = 1, large = 2 };
constexpr std::size_t head_size = 16; // both SSRCs, then eight bytes

constexpr std::int64_t max_gap = 1000, max_symbols = 7000;

// One chunk for the first of `symbols`: a run, 14 of one bit, or 7 of two bits. How many it took.
std::size_t write_chunk (std::uint8_t *to, Bytes symbols)
{
  const std::uint8_t first = symbols[0];
  std::size_t run = 1;
  while (run < symbols.size () && symbols[run] == first && run < 8191)
    run++;
  if (run >= 14 || run == symbols.size () || (run >= 7 && first == large)) {
    store_be (to, static_cast<std::uint16_t> (unsigned{first} << 13 | run));
    return run;
  }
  const Bytes long_vector = symbols.first (std::min<std::size_t> (14, symbols.size ()));
  const bool two = std::ranges::find (long_vector, large) != long_vector.end ();
  const std::size_t n = std::min<std::size_t> (two ? 7 : 14, symbols.size ());
  unsigned chunk = two ? 0xc000 : 0x8000;
  for (std::size_t i = 0; i < n; i++)
    chunk |= unsigned{symbols[i]} << (two ? 12 - 2 * i : 13 - i);
  store_be (to, static_cast<std::uint16_t> (chunk));
  return n;
}

// Each chunk but the last takes seven symbols or more.
constexpr std::size_t chunks_bound (std::size_t symbols)
{
  return (symbols / 7 + 1) * 2;
}

std::int64_t to_ticks (TimePoint t)
{
  return std::chrono::floor<microseconds> (t.time_since_epoch ()) / twcc_tick;
}
} // namespace

std::optional<TwccFeedback> TwccFeedback::parse (const RtcpPacket &p, std::uint16_t max)
{
  if (p.type != RtcpType::transport_feedback || p.count != fmt_transport_wide)
    return {};
  ByteReader in (p.body);
  TwccFeedback f;
  f.sender_ssrc = in.u32 ();
  f.media_ssrc = in.u32 ();
  f.first = in.u16 ();
  f.packets = in.u16 ();
  const std::uint32_t word = in.u32 ();
  f.reference = static_cast<std::int32_t> (word) >> 8;
  f.number = static_cast<std::uint8_t> (word);
  if (in.failed () || f.packets == 0 || f.packets > max)
    return {};
  // Where the chunks end is known when they have told of all packets.
  const Bytes rest = in.take (in.left ());
  std::size_t symbols = 0, at = 0;
  for (; symbols < f.packets; at += 2) {
    if (rest.size () < at + 2)
      return {};
    const auto chunk = load_be<std::uint16_t> (&rest[at]);
    symbols += (chunk & 0x8000) == 0 ? chunk & 0x1fffu : (chunk & 0x4000) != 0 ? 7u : 14u;
  }
  f.chunks_ = rest.first (at);
  f.deltas_ = rest.subspan (at);
  Cursor c = f.statuses ();
  while (c.next ())
    ;
  if (c.failed ())
    return {};
  return f;
}

TwccFeedback::Cursor TwccFeedback::statuses () const
{
  Cursor c;
  c.chunks_ = chunks_;
  c.deltas_ = deltas_;
  c.number_ = first;
  c.left_ = packets;
  return c;
}

unsigned TwccFeedback::Cursor::symbol ()
{
  while (in_chunk_ == 0) { // a run may have no length
    if (chunks_.size () < 2) {
      failed_ = true;
      return missing;
    }
    chunk_ = load_be<std::uint16_t> (chunks_.data ());
    chunks_ = chunks_.subspan (2);
    in_chunk_ = (chunk_ & 0x8000) == 0 ? chunk_ & 0x1fff : (chunk_ & 0x4000) != 0 ? 7 : 14;
  }
  in_chunk_--;
  if ((chunk_ & 0x8000) == 0)
    return chunk_ >> 13 & 3;
  return (chunk_ & 0x4000) != 0 ? chunk_ >> (2 * in_chunk_) & 3 : chunk_ >> in_chunk_ & 1;
}

std::optional<TwccStatus> TwccFeedback::Cursor::next ()
{
  if (failed_ || left_ == 0)
    return {};
  const unsigned s = symbol ();
  const std::size_t n = s == small ? 1 : s == large ? 2 : 0;
  failed_ = failed_ || s == 3 || deltas_.size () < n;
  if (failed_)
    return {};
  if (n > 0) {
    const int delta =
        n == 1 ? int{deltas_[0]}
               : int{static_cast<std::int16_t> (load_be<std::uint16_t> (deltas_.data ()))};
    time_ += delta * twcc_tick;
    deltas_ = deltas_.subspan (n);
  }
  left_--;
  return TwccStatus{number_++, n > 0, time_};
}

std::size_t write_twcc (RtcpWriter &to, std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
    std::uint8_t number, std::int64_t first, std::span<const TwccArrival> arrivals)
{
  std::array<std::uint8_t, max_symbols> symbols;
  std::array<std::uint8_t, 2048> deltas;
  if (arrivals.empty () || to.room () < 4 + head_size + 4)
    return 0;
  const std::size_t room = std::min (to.room () - 4 - head_size, deltas.size ()) & ~std::size_t{3};
  const std::int64_t reference = to_ticks (arrivals[0].time) / 256;
  std::int64_t last = reference * 256;
  std::size_t count = 0, delta_size = 0, covered = 0;
  for (const TwccArrival &a : arrivals) {
    const std::int64_t delta = to_ticks (a.time) - last;
    const std::int64_t gap = a.number - first - static_cast<std::int64_t> (count);
    if (gap < 0 || gap > max_gap || a.number - first >= max_symbols || delta < -32768 ||
        delta > 32767)
      break;
    const auto end = static_cast<std::size_t> (a.number - first) + 1;
    if (chunks_bound (end) + delta_size + 2 > room)
      break;
    std::fill (symbols.begin () + static_cast<std::ptrdiff_t> (count),
        symbols.begin () + static_cast<std::ptrdiff_t> (end), missing);
    const bool is_small = delta >= 0 && delta <= 255;
    symbols[end - 1] = is_small ? small : large;
    if (is_small)
      deltas[delta_size++] = static_cast<std::uint8_t> (delta);
    else {
      store_be (&deltas[delta_size], static_cast<std::uint16_t> (delta));
      delta_size += 2;
    }
    last += delta;
    count = end;
    covered++;
  }
  if (covered == 0)
    return 0;
  std::array<std::uint8_t, chunks_bound (max_symbols)> chunks;
  std::size_t chunk_size = 0;
  for (std::size_t at = 0; at < count; chunk_size += 2)
    at += write_chunk (&chunks[chunk_size], Bytes (symbols).subspan (at, count - at));
  const std::size_t size = (head_size + chunk_size + delta_size + 3) & ~std::size_t{3};
  std::uint8_t *at = to.add (RtcpType::transport_feedback, fmt_transport_wide, size);
  if (!at)
    return 0;
  std::memset (at, 0, size);
  store_be (at, sender_ssrc);
  store_be (at + 4, media_ssrc);
  store_be (at + 8, static_cast<std::uint16_t> (first));
  store_be (at + 10, static_cast<std::uint16_t> (count));
  store_be (at + 12, static_cast<std::uint32_t> (reference) << 8 | number);
  std::memcpy (at + head_size, chunks.data (), chunk_size);
  std::memcpy (at + head_size + chunk_size, deltas.data (), delta_size);
  return covered;
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "chunk_writer.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
constexpr std::uint32_t extended_mark = 0xffffff;

void put_u24 (ByteWriter &to, std::uint32_t v)
{
  to.u8 (static_cast<std::uint8_t> (v >> 16));
  to.u16 (static_cast<std::uint16_t> (v));
}

void put_basic (ByteWriter &to, unsigned format, std::uint32_t chunk_stream)
{
  const std::uint32_t mark = format << 6;
  if (chunk_stream < 64)
    return to.u8 (static_cast<std::uint8_t> (mark | chunk_stream));
  const std::uint32_t rest = chunk_stream - 64;
  to.u8 (static_cast<std::uint8_t> (mark | (rest >= 256)));
  to.u8 (static_cast<std::uint8_t> (rest));
  if (rest >= 256)
    to.u8 (static_cast<std::uint8_t> (rest >> 8));
}

void put_extended (ByteWriter &to, std::uint32_t field)
{
  if (field >= extended_mark)
    to.u32 (field);
}

// `field` is the timestamp of a type 0, else the delta.
void put_header (ByteWriter &to, unsigned format, std::uint32_t chunk_stream, const Message &m,
    std::uint32_t field)
{
  put_basic (to, format, chunk_stream);
  if (format < 3)
    put_u24 (to, std::min (field, extended_mark));
  if (format < 2) {
    put_u24 (to, static_cast<std::uint32_t> (m.payload.size ()));
    to.u8 (static_cast<std::uint8_t> (m.type));
  }
  if (format == 0)
    for (unsigned shift = 0; shift < 32; shift += 8) // the one little-endian field
      to.u8 (static_cast<std::uint8_t> (m.stream >> shift));
  put_extended (to, field);
}
} // namespace

std::uint32_t chunk_stream_of (MessageType type, std::uint32_t stream)
{
  constexpr std::uint32_t first_media = 4;
  const auto media = [&] (std::uint32_t kind) { return first_media + (stream % 20) * 3 + kind; };
  switch (type) {
  case MessageType::audio:
    return media (0);
  case MessageType::video:
  case MessageType::aggregate:
    return media (1);
  case MessageType::data_amf0:
  case MessageType::data_amf3:
    return media (2);
  case MessageType::command_amf0:
  case MessageType::command_amf3:
    return 3;
  default:
    return 2;
  }
}

unsigned ChunkWriter::format_of (const Last &last, const Message &m) const
{
  const std::uint32_t delta = m.timestamp - last.timestamp;
  if (last.stream != m.stream || delta >= 0x80000000)
    return 0;
  if (last.length != m.payload.size () || last.type != m.type)
    return 1;
  // Readers do not agree what a type 3 adds behind a type 0.
  return last.has_delta && last.delta == delta ? 3 : 2;
}

void ChunkWriter::write (std::uint32_t chunk_stream, const Message &m, ByteWriter &to)
{
  const auto last = last_.find (chunk_stream);
  const unsigned format = last == last_.end () ? 0 : format_of (last->second, m);
  const std::uint32_t delta = format == 0 ? 0 : m.timestamp - last->second.timestamp;
  const std::uint32_t field = format == 0 ? m.timestamp : delta;
  last_[chunk_stream] = {m.stream, m.timestamp, delta, m.payload.size (), m.type, format != 0};

  put_header (to, format, chunk_stream, m, field);
  Bytes left = m.payload.bytes;
  for (;;) {
    const std::size_t n = std::min<std::size_t> (left.size (), chunk_size_);
    to.bytes (left.first (n));
    left = left.subspan (n);
    if (left.empty ())
      return;
    put_basic (to, 3, chunk_stream);
    put_extended (to, field);
  }
}

SharedChunks::SharedChunks (MessageType type, std::uint32_t timestamp, Slice payload,
    std::uint32_t stream, std::uint32_t chunk_size, std::uint32_t chunk_stream, Join join)
    : type_ (type), timestamp_ (timestamp), stream_ (stream), chunk_stream_ (chunk_stream),
      chunk_size_ (chunk_size), join_ (join), payload_ (std::move (payload)),
      size_ (payload_.size ()),
      count_ (std::max<std::size_t> (1, (size_ + chunk_size_ - 1) / chunk_size_))
{
  ByteWriter first, further;
  put_header (
      first, 0, chunk_stream_, {type_, chunk_stream_, stream_, timestamp_, payload_}, timestamp_);
  first_ = first.take ();
  if (joined ()) {
    first_.reserve (first_.size () + size_);
    first_.insert (first_.end (), payload_.bytes.begin (), payload_.bytes.end ());
    payload_ = {};
  }
  put_basic (further, 3, chunk_stream_);
  put_extended (further, timestamp_);
  further_size_ = further.size ();
  std::ranges::copy (further.view (), further_.begin ());
}

Counted<const Shared> SharedChunks::self () const
{
  ref ();
  return Counted<const Shared>::adopt (this);
}

Slice SharedChunks::payload () const
{
  return joined () ? Slice{Bytes (first_).last (size_), self ()} : payload_;
}

SharedChunks::Chunk SharedChunks::chunk (std::size_t i) const
{
  if (i > 0) {
    const std::size_t from = i * chunk_size_;
    const std::size_t n = std::min<std::size_t> (chunk_size_, payload_.size () - from);
    return {{Bytes (further_).first (further_size_), self ()}, payload_.sub (from, n)};
  }
  if (joined ())
    return {{first_, self ()}, {}};
  return {
      {first_, self ()}, payload_.sub (0, std::min<std::size_t> (chunk_size_, payload_.size ()))};
}

std::size_t SharedChunks::size () const
{
  return first_.size () + payload_.size () + (count_ - 1) * further_size_;
}
} // namespace reach::rtmp

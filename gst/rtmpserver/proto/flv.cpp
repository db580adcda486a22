// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
constexpr std::size_t file_header_size = 9;
constexpr std::size_t trailer_size = 4;
constexpr std::size_t max_gap = 64u << 10; // of a header that says where the tags begin
constexpr std::uint8_t type_mask = 0x1f, encrypted = 0x20;

void put_u24 (ByteWriter &w, std::size_t v)
{
  w.u8 (static_cast<std::uint8_t> (v >> 16));
  w.u16 (static_cast<std::uint16_t> (v));
}
} // namespace

std::vector<std::uint8_t> flv_header (bool audio, bool video)
{
  ByteWriter w;
  w.bytes (as_bytes ("FLV\1"));
  w.u8 (static_cast<std::uint8_t> ((audio ? 4 : 0) | (video ? 1 : 0)));
  w.u32 (file_header_size);
  w.u32 (0);
  return w.take ();
}

std::vector<std::uint8_t> flv_tag_header (
    std::uint8_t type, std::uint32_t timestamp, std::size_t size)
{
  ByteWriter w;
  w.u8 (type);
  put_u24 (w, size);
  put_u24 (w, timestamp & 0xffffff);
  w.u8 (static_cast<std::uint8_t> (timestamp >> 24));
  put_u24 (w, 0);
  return w.take ();
}

std::vector<std::uint8_t> flv_tag_trailer (std::size_t size)
{
  ByteWriter w;
  w.u32 (static_cast<std::uint32_t> (flv_tag_header_size + size));
  return w.take ();
}

bool FlvReader::input (Slice in)
{
  while (state_ != State::failed) {
    if (state_ == State::body && in.owner && pending_.empty () && in.size () >= wanted_) {
      const std::size_t n = wanted_;
      end_body (in.sub (0, n));
      in.bytes = in.bytes.subspan (n);
      continue;
    }
    const std::size_t n = std::min (wanted_ - pending_.size (), in.size ());
    const Bytes more = in.bytes.first (n);
    pending_.insert (pending_.end (), more.begin (), more.end ());
    in.bytes = in.bytes.subspan (n);
    if (pending_.size () < wanted_)
      return true;
    bool good = true;
    switch (state_) {
    case State::header:
      good = read_header ();
      break;
    case State::skip:
      state_ = State::tag;
      wanted_ = flv_tag_header_size;
      pending_.clear ();
      break;
    case State::tag:
      good = read_tag ();
      break;
    case State::body:
      end_body (slice_of (std::exchange (pending_, {})));
      break;
    case State::failed:
      break;
    }
    if (!good)
      state_ = State::failed;
  }
  return false;
}

bool FlvReader::read_header ()
{
  ByteReader r (pending_);
  const Bytes signature = r.take (3);
  const Bytes expected = as_bytes ("FLV");
  const std::uint8_t version = r.u8 ();
  flags_ = r.u8 ();
  const std::size_t offset = r.u32 ();
  if (!std::equal (signature.begin (), signature.end (), expected.begin ()) || version != 1 ||
      offset < file_header_size || offset > max_gap)
    return false;
  pending_.clear ();
  state_ = State::skip;
  wanted_ = offset - file_header_size + trailer_size;
  return true;
}

bool FlvReader::read_tag ()
{
  const std::uint8_t *p = pending_.data ();
  const std::size_t size = load_be<std::uint32_t> (p) & 0xffffff;
  if ((p[0] & encrypted) != 0 || size > max_body_)
    return false;
  tag_.type = p[0] & type_mask;
  tag_.timestamp = load_be<std::uint32_t> (p + 4) >> 8 | static_cast<std::uint32_t> (p[7]) << 24;
  pending_.clear ();
  state_ = State::body;
  wanted_ = size;
  return true;
}

void FlvReader::end_body (Slice body)
{
  tag_.body = std::move (body);
  tags_.push_back (std::exchange (tag_, {}));
  state_ = State::skip;
  wanted_ = trailer_size;
}

std::optional<FlvTag> FlvReader::next ()
{
  if (taken_ == tags_.size ()) {
    tags_.clear ();
    taken_ = 0;
    return std::nullopt;
  }
  return std::move (tags_[taken_++]);
}
} // namespace reach::rtmp

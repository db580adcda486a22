// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_packet.h"
#include <algorithm>

namespace reach::rtc {
std::optional<Extension> ExtensionCursor::next ()
{
  while (!in_.empty () && in_[0] == 0) // padding
    in_ = in_.subspan (1);
  const std::size_t head = two_bytes_ ? 2 : 1;
  if (in_.size () < head)
    return {};
  Extension e;
  e.id = two_bytes_ ? in_[0] : in_[0] >> 4;
  const std::size_t n = two_bytes_ ? in_[1] : (in_[0] & 15u) + 1;
  // RFC 8285, 4.2: behind id 15 nothing is read; id 0 with a length is no padding.
  const bool stop = !two_bytes_ && (e.id == 15 || e.id == 0);
  if (stop || in_.size () < head + n) {
    in_ = {};
    return {};
  }
  e.value = in_.subspan (head, n);
  in_ = in_.subspan (head + n);
  return e;
}

std::optional<RtpPacket> RtpPacket::parse (Bytes in)
{
  if (in.size () < rtp_header_size || in.size () > 0xffff || in[0] >> 6 != 2)
    return {};
  std::size_t header = rtp_header_size + (in[0] & 15u) * 4;
  if (in[0] & 0x10) {
    if (in.size () < header + 4)
      return {};
    header += 4 + load_be<std::uint16_t> (&in[header + 2]) * std::size_t{4};
  }
  if (in.size () < header)
    return {};
  std::size_t payload = in.size () - header;
  if (in[0] & 0x20) {
    const std::size_t padding = in.back ();
    if (padding == 0 || padding > payload)
      return {};
    payload -= padding;
  }
  RtpPacket p;
  p.bytes_ = in;
  p.header_ = static_cast<std::uint32_t> (header);
  p.payload_ = static_cast<std::uint32_t> (payload);
  return p;
}

ExtensionCursor RtpPacket::extensions () const
{
  if (!has_extension ())
    return {};
  const std::size_t at = rtp_header_size + csrc_count () * 4u;
  const auto profile = load_be<std::uint16_t> (&bytes_[at]);
  const bool two = (profile & 0xfff0) == two_byte_profile;
  if (!two && profile != one_byte_profile)
    return {};
  return {bytes_.subspan (at + 4, header_ - at - 4), two};
}

std::optional<Bytes> RtpPacket::extension (std::uint8_t id) const
{
  for (auto c = extensions (); const auto e = c.next ();)
    if (e->id == id)
      return e->value;
  return {};
}

std::uint8_t *ExtensionWriter::add (std::uint8_t id, std::size_t n)
{
  const bool one = form_ == ExtensionForm::one_byte;
  const std::size_t head = one ? 1 : 2;
  const bool right = one ? id >= 1 && id <= 14 && n >= 1 && n <= 16 : id >= 1 && n <= 255;
  if (failed_ || !right || to_.size () - size_ < head + n) {
    failed_ = true;
    return nullptr;
  }
  if (one)
    to_[size_] = static_cast<std::uint8_t> (id << 4 | (n - 1));
  else {
    to_[size_] = id;
    to_[size_ + 1] = static_cast<std::uint8_t> (n);
  }
  std::uint8_t *value = to_.data () + size_ + head;
  size_ += head + n;
  return value;
}

void ExtensionWriter::add (std::uint8_t id, Bytes value)
{
  if (std::uint8_t *to = add (id, value.size ()))
    std::ranges::copy (value, to);
}

void ExtensionWriter::pad ()
{
  const std::size_t n = (4 - size_ % 4) % 4;
  if (failed_ || to_.size () - size_ < n) {
    failed_ = true;
    return;
  }
  std::fill_n (to_.data () + size_, n, std::uint8_t{0});
  size_ += n;
}

void write_rtp_header (
    std::uint8_t *to, const RtpHeader &h, unsigned csrcs, bool extension, bool padding)
{
  to[0] = static_cast<std::uint8_t> (
      0x80 | (padding ? 0x20 : 0) | (extension ? 0x10 : 0) | (csrcs & 15));
  to[1] = static_cast<std::uint8_t> ((h.marker ? 0x80 : 0) | (h.payload_type & 0x7f));
  store_be (to + 2, h.sequence);
  store_be (to + 4, h.timestamp);
  store_be (to + 8, h.ssrc);
}

RtpWriter::RtpWriter (std::span<std::uint8_t> to, const RtpHeader &h, ExtensionForm form)
    : to_ (to), form_ (form),
      extensions_ (to.size () > rtp_header_size + 4 ? to.subspan (rtp_header_size + 4)
                                                    : std::span<std::uint8_t>{},
          form)
{
  failed_ = to.size () < rtp_header_size;
  if (!failed_)
    write_rtp_header (to.data (), h);
}

void RtpWriter::extension (std::uint8_t id, Bytes value)
{
  failed_ = failed_ || closed_;
  if (!failed_)
    extensions_.add (id, value);
  failed_ = failed_ || extensions_.failed ();
}

void RtpWriter::close_extensions ()
{
  if (closed_ || failed_)
    return;
  closed_ = true;
  if (extensions_.size () == 0)
    return;
  extensions_.pad ();
  failed_ = extensions_.failed ();
  if (failed_)
    return;
  to_[0] |= 0x10;
  std::uint8_t *head = to_.data () + rtp_header_size;
  store_be (head, form_ == ExtensionForm::one_byte ? one_byte_profile : two_byte_profile);
  store_be (head + 2, static_cast<std::uint16_t> (extensions_.size () / 4));
  size_ += 4 + extensions_.size ();
}

void RtpWriter::payload (Bytes b)
{
  close_extensions ();
  if (failed_ || to_.size () - size_ < b.size ()) {
    failed_ = true;
    return;
  }
  std::ranges::copy (b, to_.data () + size_);
  size_ += b.size ();
}

void RtpWriter::padding (std::uint8_t n)
{
  close_extensions ();
  if (failed_ || n == 0 || to_.size () - size_ < n) {
    failed_ = true;
    return;
  }
  std::fill_n (to_.data () + size_, n, std::uint8_t{0});
  size_ += n;
  to_[size_ - 1] = n;
  to_[0] |= 0x20;
}
} // namespace reach::rtc

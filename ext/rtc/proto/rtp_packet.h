// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP packets (RFC 3550, 5.1) with header extensions (RFC 8285): a view of the bytes that came,
// checked once, and a writer into the caller's buffer. Nothing copied, nothing allocated.
#pragma once
#include "common/proto/bytes.h"
#include <optional>

namespace reach::rtc {
inline constexpr std::size_t rtp_header_size = 12;
inline constexpr std::uint16_t one_byte_profile = 0xbede, two_byte_profile = 0x1000;

struct Extension {
  std::uint8_t id = 0; // 1 to 14, or to 255 in the two-byte form
  Bytes value;
};

// The elements of one header extension. Ends at the first that reaches over the end.
class ExtensionCursor {
public:
  ExtensionCursor () = default;
  ExtensionCursor (Bytes in, bool two_bytes) : in_ (in), two_bytes_ (two_bytes) {}
  std::optional<Extension> next ();

private:
  Bytes in_;
  bool two_bytes_ = false;
};

class RtpPacket {
public:
  // An empty view; nothing but empty () may be called.
  RtpPacket () = default;
  // `in` is one datagram without its SRTP tag, and outlives the view. Nothing when the version is
  // not 2, or CSRCs, extension or padding reach over the end.
  static std::optional<RtpPacket> parse (Bytes in);

  bool empty () const { return bytes_.empty (); }
  Bytes bytes () const { return bytes_; }
  Bytes payload () const { return bytes_.subspan (header_, payload_); }
  std::size_t header_size () const { return header_; }
  std::size_t padding () const { return bytes_.size () - header_ - payload_; }

  bool marker () const { return bytes_[1] >> 7 != 0; }
  std::uint8_t payload_type () const { return bytes_[1] & 0x7f; }
  std::uint16_t sequence () const { return load_be<std::uint16_t> (&bytes_[2]); }
  std::uint32_t timestamp () const { return load_be<std::uint32_t> (&bytes_[4]); }
  std::uint32_t ssrc () const { return load_be<std::uint32_t> (&bytes_[8]); }
  unsigned csrc_count () const { return bytes_[0] & 15; }
  Bytes csrcs () const { return bytes_.subspan (rtp_header_size, csrc_count () * 4u); }

  bool has_extension () const { return (bytes_[0] & 0x10) != 0; }
  // Empty for a profile that RFC 8285 does not define.
  ExtensionCursor extensions () const;
  // The first with that id.
  std::optional<Bytes> extension (std::uint8_t id) const;

private:
  Bytes bytes_;
  std::uint32_t header_ = 0, payload_ = 0;
};

enum class ExtensionForm : std::uint8_t { one_byte, two_bytes };

// Appends elements behind `to`'s beginning, padded to four bytes at the end.
class ExtensionWriter {
public:
  // size: bytes of elements that are there already.
  ExtensionWriter (std::span<std::uint8_t> to, ExtensionForm form, std::size_t size = 0)
      : to_ (to), size_ (size), form_ (form)
  {
  }

  // Room for a value, at its place; null and failed () when it does not fit the form or buffer.
  std::uint8_t *add (std::uint8_t id, std::size_t n);
  void add (std::uint8_t id, Bytes value);
  void pad ();
  std::size_t size () const { return size_; }
  bool failed () const { return failed_; }

private:
  std::span<std::uint8_t> to_;
  std::size_t size_ = 0;
  ExtensionForm form_;
  bool failed_ = false;
};

struct RtpHeader {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
};
// The fixed part, 12 bytes.
void write_rtp_header (std::uint8_t *to, const RtpHeader &h, unsigned csrcs = 0,
    bool extension = false, bool padding = false);

// Header, extensions, payload and padding, in this order. What does not fit latches failed ().
class RtpWriter {
public:
  RtpWriter (
      std::span<std::uint8_t> to, const RtpHeader &h, ExtensionForm form = ExtensionForm::one_byte);

  void extension (std::uint8_t id, Bytes value);
  void payload (Bytes b);
  void padding (std::uint8_t n); // 1 to 255, counts its last byte

  bool failed () const { return failed_; }
  Bytes packet () const { return failed_ ? Bytes{} : Bytes (to_.first (size_)); }

private:
  void close_extensions ();

  std::span<std::uint8_t> to_;
  ExtensionForm form_;
  ExtensionWriter extensions_;
  std::size_t size_ = rtp_header_size;
  bool closed_ = false, failed_ = false;
};
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes one STUN message into the caller's buffer. What does not fit latches failed (), and
// message () is empty then. The header is right after each step.
#pragma once
#include "address.h"
#include "crypto.h"
#include "stun_types.h"

namespace reach::stun {
class Builder {
public:
  Builder (std::span<std::uint8_t> to, Method method, Class kind, const TransactionId &id);

  void add (Attr type, Bytes value);
  void flag (Attr type) { add (type, Bytes{}); }
  void text (Attr type, std::string_view value) { add (type, as_bytes (value)); }
  void u8 (Attr type, std::uint8_t value);   // and three bytes of zero
  void u16 (Attr type, std::uint16_t value); // and two
  void u32 (Attr type, std::uint32_t value);
  void u64 (Attr type, std::uint64_t value);
  void address (Attr type, const Address &a);
  void xor_address (Attr type, const Address &a);
  void error (unsigned code, std::string_view reason);
  void address_error (Family family, unsigned code, std::string_view reason);
  void icmp (unsigned type, unsigned code, std::uint32_t data);
  void unknown_attributes (std::span<const std::uint16_t> types);
  // The header of DATA alone, whose value of n bytes and padding come from elsewhere; the message's
  // length counts them. Nothing can be added behind it.
  void data_header (std::size_t n);

  // In this order, if several are wanted: nothing but these may follow one (RFC 8489, 14.5).
  void integrity (const Crypto &crypto, Bytes key);
  // size: 16 to 32, a multiple of 4 (RFC 8489, 14.6)
  void integrity_sha256 (const Crypto &crypto, Bytes key, std::size_t size = 32);
  void fingerprint ();

  // What is written so far, by another message.
  void replace (Bytes message);

  bool failed () const { return failed_; }
  Bytes message () const { return failed_ ? Bytes{} : Bytes (to_.first (size_)); }

private:
  std::uint8_t *open (Attr type, std::size_t n);
  void set_length (std::size_t body);
  void put_address (Attr type, const Address &a, bool masked);

  std::span<std::uint8_t> to_;
  std::size_t size_ = header_size;
  bool failed_ = false;
};
} // namespace reach::stun

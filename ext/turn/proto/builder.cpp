// SPDX-License-Identifier: LGPL-2.1-or-later
#include "builder.h"
#include "message.h"
#include <algorithm>

namespace reach::stun {
namespace {
std::uint16_t type_of (Method method, Class kind)
{
  const auto m = static_cast<unsigned> (method);
  const auto c = static_cast<unsigned> (kind);
  return static_cast<std::uint16_t> (
      (m & 0x00f) | (m & 0x070) << 1 | (m & 0xf80) << 2 | (c & 1) << 4 | (c & 2) << 7);
}
} // namespace

Builder::Builder (std::span<std::uint8_t> to, Method method, Class kind, const TransactionId &id)
    : to_ (to), failed_ (to.size () < header_size)
{
  if (failed_)
    return;
  store_be (to_.data (), type_of (method, kind));
  store_be (to_.data () + 4, magic_cookie);
  std::ranges::copy (id, to_.begin () + 8);
  set_length (0);
}

void Builder::set_length (std::size_t body)
{
  store_be (to_.data () + 2, static_cast<std::uint16_t> (body));
}

void Builder::replace (Bytes message)
{
  if (failed_ || message.size () > to_.size () || message.size () < header_size) {
    failed_ = true;
    return;
  }
  std::ranges::copy (message, to_.begin ());
  size_ = message.size ();
}

// Where n bytes of value go, padding zeroed; null if there is no room.
std::uint8_t *Builder::open (Attr type, std::size_t n)
{
  const std::size_t whole = 4 + ((n + 3) & ~std::size_t{3});
  if (failed_ || n > 0xffff || whole > to_.size () - size_ ||
      size_ - header_size + whole > 0xffff) {
    failed_ = true;
    return nullptr;
  }
  std::uint8_t *at = to_.data () + size_;
  store_be (at, static_cast<std::uint16_t> (type));
  store_be (at + 2, static_cast<std::uint16_t> (n));
  std::fill (at + 4 + n, at + whole, std::uint8_t{0});
  size_ += whole;
  set_length (size_ - header_size);
  return at + 4;
}

void Builder::add (Attr type, Bytes value)
{
  if (std::uint8_t *v = open (type, value.size ()))
    std::ranges::copy (value, v);
}

void Builder::u8 (Attr type, std::uint8_t value)
{
  u32 (type, std::uint32_t{value} << 24);
}

void Builder::u16 (Attr type, std::uint16_t value)
{
  u32 (type, std::uint32_t{value} << 16);
}

void Builder::u32 (Attr type, std::uint32_t value)
{
  if (std::uint8_t *v = open (type, 4))
    store_be (v, value);
}

void Builder::u64 (Attr type, std::uint64_t value)
{
  if (std::uint8_t *v = open (type, 8))
    store_be (v, value);
}

void Builder::put_address (Attr type, const Address &a, bool masked)
{
  std::uint8_t *v = a ? open (type, 4 + a.ip_size ()) : nullptr;
  if (!v) {
    failed_ = true;
    return;
  }
  v[0] = 0;
  v[1] = static_cast<std::uint8_t> (a.family);
  store_be (v + 2, static_cast<std::uint16_t> (masked ? a.port ^ magic_cookie >> 16 : a.port));
  for (std::size_t i = 0; i < a.ip_size (); i++)
    v[4 + i] = static_cast<std::uint8_t> (a.ip[i] ^ (masked ? to_[4 + i] : 0));
}

void Builder::address (Attr type, const Address &a)
{
  put_address (type, a, false);
}

void Builder::xor_address (Attr type, const Address &a)
{
  put_address (type, a, true);
}

void Builder::error (unsigned code, std::string_view reason)
{
  address_error (Family::none, code, reason);
}

void Builder::address_error (Family family, unsigned code, std::string_view reason)
{
  const Attr type = family == Family::none ? Attr::error_code : Attr::address_error_code;
  if (std::uint8_t *v = open (type, 4 + reason.size ())) {
    v[0] = static_cast<std::uint8_t> (family);
    v[1] = 0;
    v[2] = static_cast<std::uint8_t> (code / 100);
    v[3] = static_cast<std::uint8_t> (code % 100);
    std::ranges::copy (reason, v + 4);
  }
}

void Builder::icmp (unsigned type, unsigned code, std::uint32_t data)
{
  if (std::uint8_t *v = open (Attr::icmp, 8)) {
    store_be (v, (type & 0x7fu) << 9 | (code & 0x1ffu));
    store_be (v + 4, data);
  }
}

void Builder::unknown_attributes (std::span<const std::uint16_t> types)
{
  if (std::uint8_t *v = open (Attr::unknown_attributes, 2 * types.size ()))
    for (std::size_t i = 0; i < types.size (); i++)
      store_be (v + 2 * i, types[i]);
}

void Builder::data_header (std::size_t n)
{
  std::uint8_t *v = open (Attr::data, 0);
  const std::size_t body = size_ - header_size + ((n + 3) & ~std::size_t{3});
  if (!v || body > 0xffff) {
    failed_ = true;
    return;
  }
  store_be (v - 2, static_cast<std::uint16_t> (n));
  set_length (body);
}

// The length that is hashed ends with the attribute itself (RFC 8489, 14.5).
void Builder::integrity (const Crypto &crypto, Bytes key)
{
  const std::size_t in_front = size_;
  std::uint8_t *v = open (Attr::message_integrity, sizeof (Crypto::Sha1));
  if (!v)
    return;
  const Bytes part = to_.first (in_front);
  std::ranges::copy (crypto.hmac_sha1 (key, {&part, 1}), v);
}

void Builder::integrity_sha256 (const Crypto &crypto, Bytes key, std::size_t size)
{
  const std::size_t in_front = size_;
  std::uint8_t *v = open (Attr::message_integrity_sha256, size);
  if (!v)
    return;
  const Bytes part = to_.first (in_front);
  const auto digest = crypto.hmac_sha256 (key, {&part, 1});
  std::ranges::copy (Bytes (digest).first (size), v);
}

void Builder::fingerprint ()
{
  const std::size_t in_front = size_;
  if (std::uint8_t *v = open (Attr::fingerprint, 4))
    store_be (v, fingerprint_of (to_.first (in_front)));
}
} // namespace reach::stun

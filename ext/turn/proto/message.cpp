// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message.h"
#include "crc32.h"
#include <algorithm>

namespace reach::stun {
namespace {
constexpr std::size_t padded (std::size_t n)
{
  return (n + 3) & ~std::size_t{3};
}

std::string_view as_text (Bytes b)
{
  return {reinterpret_cast<const char *> (b.data ()), b.size ()};
}

std::optional<Address> parse_address (Bytes v)
{
  if (v.size () < 8)
    return {};
  Address a;
  a.family = static_cast<Family> (v[1]);
  if (a.family != Family::ipv4 && a.family != Family::ipv6)
    return {};
  if (v.size () != 4 + a.ip_size ())
    return {};
  a.port = load_be<std::uint16_t> (v.data () + 2);
  std::ranges::copy (v.subspan (4), a.ip.begin ());
  return a;
}

// Class and number, as ERROR-CODE and ADDRESS-ERROR-CODE have them behind two bytes.
std::optional<ErrorInfo> parse_error (Bytes v)
{
  if (v.size () < 4)
    return {};
  const unsigned hundreds = v[2] & 7, number = v[3];
  if (hundreds < 3 || hundreds > 6 || number > 99)
    return {};
  return ErrorInfo{hundreds * 100 + number, as_text (v.subspan (4))};
}
} // namespace

std::uint32_t fingerprint_of (Bytes in_front)
{
  return crc32 (in_front) ^ 0x5354554e;
}

bool is_known (std::uint16_t type)
{
  static constexpr std::array<Attr, 28> known = {Attr::mapped_address, Attr::change_request,
      Attr::source_address, Attr::changed_address, Attr::username, Attr::message_integrity,
      Attr::error_code, Attr::unknown_attributes, Attr::channel_number, Attr::lifetime,
      Attr::xor_peer_address, Attr::data, Attr::realm, Attr::nonce, Attr::xor_relayed_address,
      Attr::requested_address_family, Attr::even_port, Attr::requested_transport,
      Attr::dont_fragment, Attr::access_token, Attr::message_integrity_sha256,
      Attr::password_algorithm, Attr::userhash, Attr::xor_mapped_address, Attr::reservation_token,
      Attr::padding, Attr::response_port, Attr::connection_id};
  return std::ranges::find (known, static_cast<Attr> (type)) != known.end ();
}

std::optional<Attribute> Message::Cursor::next ()
{
  if (in_.left () < 4)
    return {};
  Attribute a;
  a.type = in_.u16 ();
  const std::size_t n = in_.u16 ();
  const Bytes all = in_.take (padded (n));
  if (in_.failed ())
    return {};
  a.value = all.first (n);
  return a;
}

std::optional<Message> Message::parse (Bytes in, Fault *why)
{
  Message m;
  const Fault f = m.check (in);
  if (why)
    *why = f;
  if (f != Fault::none)
    return {};
  return m;
}

Message::Fault Message::check (Bytes in)
{
  if (in.empty () || in.size () < 4)
    return Fault::truncated;
  if ((in[0] & 0xc0) != 0)
    return Fault::not_stun;
  if (in.size () < header_size)
    return Fault::truncated;
  if (load_be<std::uint32_t> (in.data () + 4) != magic_cookie)
    return Fault::not_stun;
  const std::size_t length = load_be<std::uint16_t> (in.data () + 2);
  if (length % 4 != 0)
    return Fault::bad_length;
  if (in.size () != header_size + length)
    return in.size () < header_size + length ? Fault::truncated : Fault::bad_length;
  bytes_ = in;
  return index ();
}

Message::Fault Message::index ()
{
  const Bytes all = bytes_.subspan (header_size);
  protected_ = all;
  std::size_t at = header_size;
  Cursor c (all);
  for (unsigned n = 0; at < bytes_.size (); n++) {
    if (n >= max_attributes)
      return Fault::too_many;
    const auto a = c.next ();
    if (!a || fingerprint_)
      return Fault::bad_attribute;
    if (const Fault f = note (*a, at); f != Fault::none)
      return f;
    at += 4 + padded (a->value.size ());
  }
  return Fault::none;
}

// Where the protected part ends, and whether the fingerprint is right.
Message::Fault Message::note (const Attribute &a, std::size_t at)
{
  const std::size_t in_front = at - header_size;
  switch (static_cast<Attr> (a.type)) {
  case Attr::message_integrity:
    if (sha1_at_ == 0 && sha256_at_ == 0)
      sha1_at_ = static_cast<std::uint32_t> (at);
    break;
  case Attr::message_integrity_sha256:
    if (sha256_at_ == 0)
      sha256_at_ = static_cast<std::uint32_t> (at);
    break;
  case Attr::fingerprint:
    if (a.value.size () != 4 ||
        load_be<std::uint32_t> (a.value.data ()) != fingerprint_of (bytes_.first (at)))
      return Fault::bad_fingerprint;
    fingerprint_ = true;
    break;
  default:
    return Fault::none;
  }
  protected_ = protected_.first (std::min (protected_.size (), in_front));
  return Fault::none;
}

Class Message::kind () const
{
  // Two bits of the class lie between those of the method (RFC 8489, 5).
  return static_cast<Class> ((bytes_[0] & 1) << 1 | (bytes_[1] >> 4 & 1));
}

Method Message::method () const
{
  const auto t = load_be<std::uint16_t> (bytes_.data ());
  return static_cast<Method> ((t & 0x000f) | (t & 0x00e0) >> 1 | (t & 0x3e00) >> 2);
}

TransactionId Message::transaction () const
{
  TransactionId id;
  std::ranges::copy (bytes_.subspan (8, id.size ()), id.begin ());
  return id;
}

std::optional<Bytes> Message::find (Attr type) const
{
  for (auto c = attributes (); auto a = c.next ();)
    if (a->type == static_cast<std::uint16_t> (type))
      return a->value;
  return {};
}

std::optional<std::uint8_t> Message::u8 (Attr type) const
{
  const auto v = find (type);
  return v && v->size () == 4 ? std::optional ((*v)[0]) : std::nullopt;
}

std::optional<std::uint16_t> Message::u16 (Attr type) const
{
  const auto v = find (type);
  return v && v->size () == 4 ? std::optional (load_be<std::uint16_t> (v->data ())) : std::nullopt;
}

std::optional<std::uint32_t> Message::u32 (Attr type) const
{
  const auto v = find (type);
  return v && v->size () == 4 ? std::optional (load_be<std::uint32_t> (v->data ())) : std::nullopt;
}

std::string_view Message::text (Attr type) const
{
  const auto v = find (type);
  return v ? as_text (*v) : std::string_view{};
}

std::optional<Address> Message::address (Attr type) const
{
  const auto v = find (type);
  return v ? parse_address (*v) : std::nullopt;
}

std::optional<Address> Message::xor_address (Attr type) const
{
  const auto v = find (type);
  return v ? xor_address (*v) : std::nullopt;
}

std::optional<Address> Message::xor_address (Bytes value) const
{
  auto a = parse_address (value);
  if (!a)
    return {};
  a->port = static_cast<std::uint16_t> (a->port ^ magic_cookie >> 16);
  for (std::size_t i = 0; i < a->ip_size (); i++)
    a->ip[i] = static_cast<std::uint8_t> (a->ip[i] ^ bytes_[4 + i]); // the cookie and the id
  return a;
}

std::optional<Address> Message::mapped () const
{
  if (const auto a = xor_address (Attr::xor_mapped_address))
    return a;
  return address (Attr::mapped_address);
}

std::optional<ErrorInfo> Message::error () const
{
  const auto v = find (Attr::error_code);
  return v ? parse_error (*v) : std::nullopt;
}

std::optional<AddressError> Message::address_error () const
{
  const auto v = find (Attr::address_error_code);
  const auto e = v ? parse_error (*v) : std::nullopt;
  if (!e)
    return {};
  return AddressError{static_cast<Family> ((*v)[0]), *e};
}

std::optional<Icmp> Message::icmp () const
{
  const auto v = find (Attr::icmp);
  if (!v || v->size () != 8)
    return {};
  const unsigned both = load_be<std::uint16_t> (v->data () + 2); // 7 bits of type, 9 of code
  return Icmp{both >> 9, both & 0x1ffu, load_be<std::uint32_t> (v->data () + 4)};
}

std::size_t Message::unknown_required (std::span<std::uint16_t> to) const
{
  std::size_t n = 0;
  for (auto c = attributes (); auto a = c.next ();) {
    const bool told = std::ranges::find (to.first (n), a->type) != to.first (n).end ();
    if (comprehension_required (a->type) && !is_known (a->type) && !told && n < to.size ())
      to[n++] = a->type;
  }
  return n;
}
} // namespace reach::stun

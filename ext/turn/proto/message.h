// SPDX-License-Identifier: LGPL-2.1-or-later
// A STUN message as a view of the bytes that came: checked once, nothing copied, nothing allocated.
// Getters give nothing for an attribute that is not there or whose value has the wrong form.
#pragma once
#include "address.h"
#include "common/proto/bytes.h"
#include "stun_types.h"
#include <optional>

namespace reach::stun {
struct Attribute {
  std::uint16_t type = 0;
  Bytes value;
};

struct ErrorInfo {
  unsigned code = 0;
  std::string_view reason;
};
struct AddressError {
  Family family = Family::none;
  ErrorInfo error;
};
struct Icmp {
  unsigned type = 0, code = 0;
  std::uint32_t data = 0; // the next hop's MTU, say
};

class Message {
public:
  enum class Fault : std::uint8_t {
    none,
    truncated,      // shorter than its header or than its length says
    not_stun,       // the first bits or the cookie
    bad_length,     // no multiple of four, or bytes behind it
    bad_attribute,  // one reaches over the end, or something follows FINGERPRINT
    too_many,       // attributes
    bad_fingerprint // another protocol's bytes, or damaged ones
  };
  static constexpr unsigned max_attributes = 256;

  // An empty view: what an event has that no message caused.
  Message () = default;
  // `in` is one whole message: a datagram, or what StreamFramer cut out. It outlives the view.
  static std::optional<Message> parse (Bytes in, Fault *why = nullptr);

  bool empty () const { return bytes_.empty (); }
  Bytes bytes () const { return bytes_; }
  Class kind () const;
  Method method () const;
  TransactionId transaction () const;

  // In their order. Behind MESSAGE-INTEGRITY only MESSAGE-INTEGRITY-SHA256 counts, behind that only
  // FINGERPRINT (RFC 8489, 14.5 to 14.7): the rest could have been added by anybody, and is not
  // here.
  class Cursor {
  public:
    explicit Cursor (Bytes attributes) : in_ (attributes) {}
    std::optional<Attribute> next ();

  private:
    ByteReader in_;
  };
  Cursor attributes () const { return Cursor (protected_); }

  // The first of its type; later ones are ignored (RFC 8489, 14), except where all () is used.
  std::optional<Bytes> find (Attr type) const;
  bool has (Attr type) const { return find (type).has_value (); }
  template <typename F> void all (Attr type, F &&f) const
  {
    for (auto c = attributes (); auto a = c.next ();)
      if (a->type == static_cast<std::uint16_t> (type))
        f (a->value);
  }
  std::optional<std::uint8_t> u8 (Attr type) const;   // the first of four bytes, as families are
  std::optional<std::uint16_t> u16 (Attr type) const; // the first two of four
  std::optional<std::uint32_t> u32 (Attr type) const;
  std::string_view text (Attr type) const; // empty: none
  std::optional<Address> address (Attr type) const;
  std::optional<Address> xor_address (Attr type) const;
  std::optional<Address> xor_address (Bytes value) const;
  std::optional<ErrorInfo> error () const;
  std::optional<AddressError> address_error () const;
  std::optional<Icmp> icmp () const;
  // XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS of an old server.
  std::optional<Address> mapped () const;

  // Types that have to be understood and are not; returns how many, up to the size of `to`.
  std::size_t unknown_required (std::span<std::uint16_t> to) const;

  bool has_fingerprint () const { return fingerprint_; }
  // Offset of the attribute, 0: none.
  std::size_t integrity_at () const { return sha1_at_; }
  std::size_t integrity_sha256_at () const { return sha256_at_; }

private:
  Fault check (Bytes in);
  Fault index ();
  Fault note (const Attribute &a, std::size_t at);

  Bytes bytes_;
  Bytes protected_; // attributes that count
  std::uint32_t sha1_at_ = 0, sha256_at_ = 0;
  bool fingerprint_ = false;
};

// What FINGERPRINT holds for the bytes in front of it.
std::uint32_t fingerprint_of (Bytes in_front);
} // namespace reach::stun

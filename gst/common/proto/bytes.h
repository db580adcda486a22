// SPDX-License-Identifier: LGPL-2.1-or-later
// Bounded big-endian reading and writing. Nothing here reads past its input: a short read latches
// failed () and yields zeroes, so a parser can read a whole structure and check once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reach {
using Bytes = std::span<const std::uint8_t>;

inline Bytes as_bytes (std::string_view s)
{
  return {reinterpret_cast<const std::uint8_t *> (s.data ()), s.size ()};
}

template <typename T> inline void store_be (std::uint8_t *to, T value)
{
  for (std::size_t i = 0; i < sizeof (T); i++)
    to[i] = static_cast<std::uint8_t> (
        static_cast<std::uint64_t> (value) >> (8 * (sizeof (T) - 1 - i)));
}

template <typename T> inline T load_be (const std::uint8_t *from)
{
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < sizeof (T); i++)
    v = v << 8 | from[i];
  return static_cast<T> (v);
}

class ByteReader {
public:
  explicit ByteReader (Bytes in) : in_ (in) {}

  template <typename T> T get ()
  {
    const Bytes b = take (sizeof (T));
    return b.empty () ? T{} : load_be<T> (b.data ());
  }
  std::uint8_t u8 () { return get<std::uint8_t> (); }
  std::uint16_t u16 () { return get<std::uint16_t> (); }
  std::uint32_t u32 () { return get<std::uint32_t> (); }
  std::uint64_t u64 () { return get<std::uint64_t> (); }
  std::int64_t i64 () { return get<std::int64_t> (); }

  // The next n bytes, or an empty span and failed ().
  Bytes take (std::size_t n)
  {
    if (n > left ()) {
      failed_ = true;
      in_ = {};
      return {};
    }
    const Bytes b = in_.first (n);
    in_ = in_.subspan (n);
    return b;
  }
  // A string behind its 16-bit length; longer than `limit` fails.
  std::string str16 (std::size_t limit)
  {
    const std::size_t n = u16 ();
    if (n > limit)
      failed_ = true;
    const Bytes b = failed_ ? Bytes{} : take (n);
    return {reinterpret_cast<const char *> (b.data ()), b.size ()};
  }

  std::size_t left () const { return in_.size (); }
  bool failed () const { return failed_; }

private:
  Bytes in_;
  bool failed_ = false;
};

class ByteWriter {
public:
  template <typename T> void put (T value)
  {
    const std::size_t at = out_.size ();
    out_.resize (at + sizeof (T));
    store_be (out_.data () + at, value);
  }
  void u8 (std::uint8_t v) { out_.push_back (v); }
  void u16 (std::uint16_t v) { put (v); }
  void u32 (std::uint32_t v) { put (v); }
  void u64 (std::uint64_t v) { put (v); }
  void i64 (std::int64_t v) { put (v); }
  void bytes (Bytes b) { out_.insert (out_.end (), b.begin (), b.end ()); }
  // Truncates at 65535 bytes, so that what was written can always be read back.
  void str16 (std::string_view s)
  {
    s = s.substr (0, 0xffff);
    u16 (static_cast<std::uint16_t> (s.size ()));
    bytes (as_bytes (s));
  }
  template <typename T> void patch (std::size_t at, T value)
  {
    store_be (out_.data () + at, value);
  }

  std::size_t size () const { return out_.size (); }
  Bytes view () const { return out_; }
  std::vector<std::uint8_t> take () { return std::move (out_); }

private:
  std::vector<std::uint8_t> out_;
};
} // namespace reach

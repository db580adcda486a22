// SPDX-License-Identifier: LGPL-2.1-or-later
#include "handshake.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
constexpr std::uint8_t version = 3;
// From 32 on it would be a text protocol.
constexpr std::uint8_t first_refused = 32;
constexpr std::size_t digest_size = 32;

// Keys are a name, alone for a side's own digest and with these bytes behind it for the answer.
constexpr std::string_view client_name = "Genuine Adobe Flash Player 001";
constexpr std::string_view server_name = "Genuine Adobe Flash Media Server 001";
constexpr std::uint8_t key_tail[] = {0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00,
    0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57, 0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8,
    0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae};
// A client that sees a version of 3 or later in S1 looks for a digest.
constexpr std::uint8_t server_version[] = {5, 0, 3, 1};
} // namespace

Bytes Handshake::input (Bytes in)
{
  while (!in.empty () && state_ == State::hello) {
    if (in_.empty () && in.front () >= first_refused) {
      state_ = State::refused;
      break;
    }
    const std::size_t n = std::min (in.size (), 1 + packet - in_.size ());
    in_.insert (in_.end (), in.begin (), in.begin () + static_cast<std::ptrdiff_t> (n));
    in = in.subspan (n);
    if (in_.size () == 1 + packet)
      answer ();
  }
  if (state_ == State::refused)
    return {};
  if (state_ == State::acknowledgement) {
    const std::size_t n = std::min (in.size (), packet - echoed_);
    echoed_ += n;
    in = in.subspan (n);
    if (echoed_ == packet)
      state_ = State::done;
  }
  return in;
}

// The sum of four bytes says where in its block of 764 the digest is.
std::size_t Handshake::digest_at (Bytes of, Scheme s) const
{
  const std::size_t base = s == Scheme::digest_772 ? 772 : 8;
  std::size_t sum = 0;
  for (const std::uint8_t b : of.subspan (base, 4))
    sum += b;
  return base + 4 + sum % 728;
}

// Of the packet without the digest itself.
Crypto::Digest Handshake::digest_of (Bytes of, std::size_t at, Bytes key) const
{
  std::vector<std::uint8_t> rest (of.begin (), of.end ());
  const auto from = rest.begin () + static_cast<std::ptrdiff_t> (at);
  rest.erase (from, from + digest_size);
  return crypto_.hmac_sha256 (key, rest);
}

void Handshake::answer ()
{
  const Bytes c1 = Bytes (in_).subspan (1);
  for (const Scheme s : {Scheme::digest_772, Scheme::digest_8}) {
    const std::size_t at = digest_at (c1, s);
    if (load_be<std::uint32_t> (c1.data () + 4) != 0 && // a plain client's version
        std::ranges::equal (
            digest_of (c1, at, as_bytes (client_name)), c1.subspan (at, digest_size))) {
      scheme_ = s;
      break;
    }
  }
  out_.resize (1 + 2 * packet);
  out_[0] = version;
  const auto all = std::span (out_);
  const auto s1 = all.subspan (1, packet), s2 = all.subspan (1 + packet);
  crypto_.random (s1.subspan (8));
  if (scheme_ == Scheme::plain)
    std::ranges::copy (c1, s2.begin ());
  else
    sign (s1, s2, c1);
  state_ = State::acknowledgement;
  in_ = {};
}

void Handshake::sign (std::span<std::uint8_t> s1, std::span<std::uint8_t> s2, Bytes c1)
{
  std::ranges::copy (server_version, s1.begin () + 4);
  const std::size_t at = digest_at (s1, scheme_);
  std::ranges::copy (digest_of (s1, at, as_bytes (server_name)), s1.subspan (at).begin ());

  std::vector<std::uint8_t> key (server_name.begin (), server_name.end ());
  key.insert (key.end (), std::begin (key_tail), std::end (key_tail));
  const auto own = crypto_.hmac_sha256 (key, c1.subspan (digest_at (c1, scheme_), digest_size));
  crypto_.random (s2);
  const std::size_t end = packet - digest_size;
  std::ranges::copy (crypto_.hmac_sha256 (own, s2.first (end)), s2.subspan (end).begin ());
}
} // namespace reach::rtmp

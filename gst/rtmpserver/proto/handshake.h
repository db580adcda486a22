// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of the handshake (RTMP 1.0, 5.2): C0 C1 come, S0 S1 S2 go, C2 comes. A C1 with
// a digest in one of its two places is answered with digests, as newer clients want it; any other
// one with the plain echo. Sans-IO.
#pragma once
#include "common/proto/bytes.h"
#include <array>
#include <functional>
#include <utility>

namespace reach::rtmp {
// What the core takes from outside.
struct Crypto {
  using Digest = std::array<std::uint8_t, 32>;
  std::function<Digest (Bytes key, Bytes data)> hmac_sha256;
  std::function<void (std::span<std::uint8_t>)> random;
  std::function<std::array<std::uint8_t, 16> (Bytes)> md5 = {};
};

class Handshake {
public:
  static constexpr std::size_t packet = 1536;
  enum class State : std::uint8_t { hello, acknowledgement, done, refused };
  enum class Scheme : std::uint8_t { plain, digest_772, digest_8 };

  explicit Handshake (const Crypto &crypto) : crypto_ (crypto) { in_.reserve (1 + packet); }

  // Takes what belongs to the handshake; the rest, which is chunks, is returned. Any split is fine.
  // Of C2 only the length counts: many clients send a wrong one.
  Bytes input (Bytes in);
  // What is to be sent; empty when there is nothing.
  std::vector<std::uint8_t> poll_transmit () { return std::exchange (out_, {}); }

  State state () const { return state_; }
  Scheme scheme () const { return scheme_; }

private:
  void answer ();
  std::size_t digest_at (Bytes of, Scheme s) const;
  Crypto::Digest digest_of (Bytes of, std::size_t at, Bytes key) const;
  void sign (std::span<std::uint8_t> s1, std::span<std::uint8_t> s2, Bytes c1);

  const Crypto &crypto_;
  State state_ = State::hello;
  Scheme scheme_ = Scheme::plain;
  std::vector<std::uint8_t> in_, out_;
  std::size_t echoed_ = 0; // bytes of C2
};
} // namespace reach::rtmp

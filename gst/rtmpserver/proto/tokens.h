// SPDX-License-Identifier: LGPL-2.1-or-later
// Tokens that let a client publish or play: "?token=…" behind the stream's or the application's
// name. A file of them has a line for each:
//   TOKEN [allow=publish|play|publish,play] [stream=APPLICATION/STREAM] [expires=TIME]
// In APPLICATION/STREAM * is any text, ? any character; TIME is 2026-12-31T23:59:59Z, or a day,
// which is its begin. What is left out is not limited. One token may have several lines. Any
// thread, once made.
#pragma once
#include "connect.h"
#include "handshake.h"
#include <chrono>
#include <map>

namespace reach::rtmp {
using Time = std::chrono::system_clock::time_point;

class Tokens {
public:
  static constexpr std::size_t max_token = 255;
  enum class Use : std::uint8_t { publish = 1, play = 2 };
  enum class Verdict : std::uint8_t { good, unknown, expired }; // unknown: or not for this

  // Nothing, and `error` says which line is wrong, without what is in it. Of `crypto`, a hash under
  // a key of its own: how long a look takes says nothing about a token.
  static std::optional<Tokens> parse (
      std::string_view text, const Crypto &crypto, std::string &error);
  Verdict check (std::string_view token, Use use, std::string_view stream, Time now) const;
  std::size_t size () const { return rules_.size (); }

private:
  struct Rule {
    unsigned uses = 3;
    std::string stream = "*";
    Time expires = Time::max ();
  };
  explicit Tokens (const Crypto &crypto);
  std::string take (std::string_view line); // what is wrong, or nothing
  Crypto::Digest digest (std::string_view token) const;

  std::function<Crypto::Digest (Bytes key, Bytes data)> hash_;
  Crypto::Digest key_;
  std::multimap<Crypto::Digest, Rule> rules_;
};

// What a client has given, of the stream's query, else the application's, else tcUrl; decoded.
// Empty: none.
std::string token_of (const Name &stream, const ConnectInfo &info);
bool matches (std::string_view pattern, std::string_view text);
std::optional<Time> parse_time (std::string_view s);
} // namespace reach::rtmp

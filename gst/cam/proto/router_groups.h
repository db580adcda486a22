// SPDX-License-Identifier: LGPL-2.1-or-later
// A server's groups and their passwords. Part of the routing core (router.h), which alone uses it.
#pragma once
#include "router_types.h"
#include "token_bucket.h"
#include <deque>
#include <optional>

namespace reach::cam {

struct PasswordHash {
  std::array<std::uint8_t, 16> salt{};
  Digest digest{};
  std::optional<Digest> passed; // the quick hash of what was right in this run
};

// Makes and checks them. Hashing holds everybody up, so there is only so much of it; what was right
// once is known again without. Who guesses too often is not listened to for a while, also when it
// leaves the server in between.
class Passwords {
public:
  explicit Passwords (const RouterConfig &config);

  bool available () const { return hash_ && quick_hash_ && random_; }
  std::optional<PasswordHash> make (std::string_view password, TimePoint now); // none: not now
  enum class Verdict : std::uint8_t { right, wrong, not_now };
  Verdict check (
      PasswordHash &hash, const std::string &guid, std::string_view password, TimePoint now);

private:
  bool may_hash (TimePoint now);
  bool may_try (std::string_view guid, TimePoint now);
  void wrong (const std::string &guid, TimePoint now);
  void forget (TimePoint now);

  RouterConfig::Hash hash_, quick_hash_;
  decltype (RouterConfig::random) random_;
  unsigned per_second_, burst_;
  TokenBucket hashes_;
  std::size_t max_guessers_;
  unsigned max_wrong_;
  Duration window_;
  std::map<std::string, unsigned, std::less<>> wrong_;
  std::deque<std::pair<TimePoint, std::string>> until_; // one for each of wrong_
};

struct Group {
  std::string name, owner; // who created it; it may have left
  std::optional<PasswordHash> password;
  std::map<std::string, bool, std::less<>> members; // known clients; true: permanent
};

using Groups = std::map<std::string, Group, std::less<>>;
} // namespace reach::cam

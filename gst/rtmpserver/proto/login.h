// SPDX-License-Identifier: LGPL-2.1-or-later
// How publishers log in at connect, as Adobe's media server began and FFmpeg, librtmp, OBS and
// rtmp2sink know it ("authmod=adobe"). No document says how; this is what those clients send and
// look for:
//
// 1. A connect without credentials is rejected; the description has "code=403 need auth" and
//    "authmod=adobe".
// 2. The client connects again, with "authmod=adobe&user=NAME" behind the application's name. It
//    is rejected, and the description ends with "?reason=needauth&user=&salt=&challenge=&opaque=".
// 3. It connects once more and adds challenge, its own, response and opaque:
//    response = base64 (md5 (base64 (md5 (name salt password)) opaque challenge)).
#pragma once
#include "common/proto/time.h"
#include "connect.h"
#include "users.h"
#include <unordered_map>

namespace reach::rtmp {
// What a client has given of it.
struct Login {
  std::string user, challenge, response, opaque;
  bool begun () const { return !user.empty (); }
  bool answered () const { return !response.empty (); }
  static Login of (const ConnectInfo &info);
};
// Encoders say so in one of two ways. What a client does then is another matter.
bool is_publisher (const ConnectInfo &info);

// What a challenge was made of comes back with the answer, under a key: nothing is kept of those
// that were asked for, whatever their number. Answers that were right are kept as long as their
// challenge holds, so that none is taken twice.
class Challenges {
public:
  struct Limits {
    Duration life = seconds (30);
    std::size_t used = 4096; // right answers in that time; further ones are refused
  };
  // `crypto` outlives it.
  Challenges (const Crypto &crypto, Limits limits, TimePoint now);

  // For a user with a plain password, and for one who is not there: the same whenever it is asked.
  std::string salt_of (std::string_view user) const;
  // Each is another one.
  std::string make (std::string_view user, std::string_view salt, TimePoint now);
  // Whether `user` (null: nobody has the name, which takes as long) has answered rightly and in
  // time. In constant time where it depends on a secret.
  bool right (const Login &l, const User *user, TimePoint now) const;
  // Right answers only. False: it was taken before, or there are too many.
  bool take (const Login &l, TimePoint now);
  std::size_t used () const { return used_.size (); }

private:
  std::string code (std::string_view head, std::string_view user, std::string_view salt) const;
  std::uint64_t second_of (TimePoint t) const;

  const Crypto &crypto_;
  const Limits limits_;
  const TimePoint start_;
  Crypto::Digest key_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::string, TimePoint> used_; // and when they are forgotten
};

// Descriptions of NetConnection.Connect.Rejected.
std::string login_needed ();
std::string login_challenge (std::string_view user, std::string_view salt, std::string_view opaque);
std::string login_failed ();
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
// Whom an element lets in: its users and its tokens, of files that are read again when they change.
// Any thread.
#pragma once
#include "common/guarded.h"
#include "common/text_file.h"
#include "rtmpserver/proto/tokens.h"
#include "rtmpserver/proto/users.h"
#include <memory>
#include <thread>

namespace reach::rtmp {
struct GuardSettings {
  std::string user_file, token_file; // empty: none
  std::string username, password;    // one more user
};

class Guard {
public:
  // In words, when a file that has changed cannot be used; what was read before still holds. In a
  // thread of its own.
  using Warn = std::function<void (const std::string &)>;
  static constexpr Duration look_each = milliseconds (500); // at the files

  // Reads the files. Null, and `error` in words.
  static std::shared_ptr<Guard> open (const GuardSettings &s, Warn warn, std::string &error);
  ~Guard () { stop (); }
  // Files are not looked at any more, and nobody is warned. Whoever warns has to outlive this; the
  // guard itself may be held for longer.
  void stop ();

  // Null: everybody is let in. Never waits for a file.
  std::shared_ptr<const Users> users () { return state_.lock ()->users; }
  std::shared_ptr<const Tokens> tokens () { return state_.lock ()->tokens; }

private:
  struct State {
    std::shared_ptr<const Users> users;
    std::shared_ptr<const Tokens> tokens;
    bool quit = false;
  };
  Guard (const GuardSettings &s, Warn warn);
  bool read_users (std::string &error);
  bool read_tokens (std::string &error);
  void watch ();

  const GuardSettings settings_;
  const Crypto crypto_;
  const Warn warn_;
  FileStamp users_stamp_, tokens_stamp_; // as read, or as warned of
  Guarded<State> state_;
  std::thread thread_;
};
} // namespace reach::rtmp

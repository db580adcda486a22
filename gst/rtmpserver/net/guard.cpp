// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guard.h"
#include "crypto.h"
#include <pthread.h>

namespace reach::rtmp {

Guard::Guard (const GuardSettings &s, Warn warn)
    : settings_ (s), crypto_ (make_crypto ()), warn_ (std::move (warn))
{
}

std::shared_ptr<Guard> Guard::open (const GuardSettings &s, Warn warn, std::string &error)
{
  const std::shared_ptr<Guard> g (new Guard (s, std::move (warn)));
  if (s.username.empty () != s.password.empty ()) {
    error = "username and password are set together";
    return {};
  }
  const bool has_users = !s.user_file.empty () || !s.username.empty ();
  if ((has_users && !g->read_users (error)) || (!s.token_file.empty () && !g->read_tokens (error)))
    return {};
  if (!s.user_file.empty () || !s.token_file.empty ()) {
    g->thread_ = std::thread ([p = g.get ()] { p->watch (); });
    pthread_setname_np (g->thread_.native_handle (), "rtmp-files");
  }
  return g;
}

void Guard::stop ()
{
  state_.update ([] (State &s) { s.quit = true; });
  if (thread_.joinable ())
    thread_.join ();
}

// The stamp is of before: a file that is written meanwhile is read again.
bool Guard::read_users (std::string &error)
{
  std::optional<Users> users{Users ()};
  if (!settings_.user_file.empty ()) {
    users_stamp_ = FileStamp::of (settings_.user_file);
    const auto text = read_text_file (settings_.user_file, error);
    users = text ? Users::parse (*text, error) : std::nullopt;
    if (text && !users)
      error = settings_.user_file + ", " + error;
  }
  if (!users)
    return false;
  if (!settings_.username.empty () && !users->add (settings_.username, settings_.password)) {
    error = "username is no name that clients can send, is in the file as well, or the password "
            "is longer than 255 bytes";
    return false;
  }
  auto shared = std::make_shared<const Users> (std::move (*users));
  state_.update ([&] (State &s) { s.users.swap (shared); });
  return true;
}

bool Guard::read_tokens (std::string &error)
{
  tokens_stamp_ = FileStamp::of (settings_.token_file);
  const auto text = read_text_file (settings_.token_file, error);
  if (!text)
    return false;
  auto tokens = Tokens::parse (*text, crypto_, error);
  if (!tokens) {
    error = settings_.token_file + ", " + error;
    return false;
  }
  auto shared = std::make_shared<const Tokens> (std::move (*tokens));
  state_.update ([&] (State &s) { s.tokens.swap (shared); });
  return true;
}

// By looking: events of the kernel come neither from every kind of file system nor for files that
// are reached through links.
void Guard::watch ()
{
  const auto is_over = [] (const State &s) { return s.quit; };
  while (!state_.lock ().wait_until (Clock::now () + look_each, is_over)) {
    std::string error;
    if (!settings_.user_file.empty () && FileStamp::of (settings_.user_file) != users_stamp_ &&
        !read_users (error))
      warn_ (error);
    if (!settings_.token_file.empty () && FileStamp::of (settings_.token_file) != tokens_stamp_ &&
        !read_tokens (error))
      warn_ (error);
  }
}
} // namespace reach::rtmp

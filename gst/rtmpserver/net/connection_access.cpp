// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a client has shown what an element asks for, in front of the application's decisions.
#include "rtmpserver/proto/query.h"
#include "server.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
Status refusal (std::string description)
{
  return {code::connect_rejected, std::move (description), true};
}

// What applications see of a query where an element looks at tokens itself, or at logins.
constexpr const char *token = "token", *response = "response", *opaque = "opaque";
} // namespace

// Elements that ask for users and do not know this one leave the candidates. Something: it is
// refused, or told how to go on.
std::optional<Status> Connection::check_login ()
{
  const TimePoint now = Clock::now ();
  const Login login = Login::of (peer ());
  Challenges &challenges = server_.challenges ();
  const bool publisher = is_publisher (peer ());
  bool asks = false, asks_such = false; // an element does; one for what this client wants to do
  std::shared_ptr<const Users> first;
  std::erase_if (candidates_, [&] (const std::weak_ptr<Endpoint> &p) {
    const auto e = p.lock ();
    const auto users = e && e->guard () ? e->guard ()->users () : nullptr;
    if (!users)
      return !e;
    if (login.answered () && challenges.right (login, users->find (login.user), now)) {
      known_to_.push_back (e);
      return false;
    }
    if (!first || (!asks_such && e->takes_publishers () == publisher))
      first = users;
    asks = true;
    asks_such |= e->takes_publishers () == publisher;
    return true;
  });
  if (!known_to_.empty () && challenges.take (login, now))
    return std::nullopt;
  if (!known_to_.empty () || (asks && login.answered ())) {
    server_.count ().denied++;
    return refusal (login_failed ());
  }
  if (!asks || (!login.begun () && !asks_such && !candidates_.empty ()))
    return std::nullopt;
  challenged_ = true;
  if (!login.begun ())
    return refusal (login_needed ());
  const User *user = first->find (login.user);
  const std::string salt =
      user && user->password.empty () ? user->salt : challenges.salt_of (login.user);
  return refusal (login_challenge (login.user, salt, challenges.make (login.user, salt, now)));
}

// Something: it may not publish, or play, this there.
std::optional<Status> Connection::check_access (
    const std::shared_ptr<Endpoint> &e, Tokens::Use use, const Name &stream)
{
  const auto refuse = [&] (const char *why) {
    server_.count ().denied++;
    return Status{
        use == Tokens::Use::publish ? code::publish_denied : code::play_failed, why, true};
  };
  Guard *guard = e->guard ();
  if (!guard)
    return std::nullopt;
  if (guard->users () &&
      std::ranges::none_of (known_to_, [&] (const auto &p) { return p.lock () == e; }))
    return refuse ("a user name and password are needed (authmod=adobe)");
  const auto tokens = guard->tokens ();
  if (!tokens)
    return std::nullopt;
  const std::string given = token_of (stream, peer ());
  if (given.empty ())
    return refuse ("a token is needed");
  switch (tokens->check (
      given, use, peer ().app.name + "/" + stream.name, std::chrono::system_clock::now ())) {
  case Tokens::Verdict::good:
    return std::nullopt;
  case Tokens::Verdict::expired:
    return refuse ("the token has expired");
  case Tokens::Verdict::unknown:
    break;
  }
  return refuse ("the token is not valid for this");
}

std::string Connection::shown (std::string_view text)
{
  bool users = false, tokens = false;
  for (const auto &e : server_.endpoints ())
    if (Guard *g = e->guard ()) {
      users |= g->users () != nullptr;
      tokens |= g->tokens () != nullptr;
    }
  if (users)
    return tokens ? redacted (text, {token, response, opaque})
                  : redacted (text, {response, opaque});
  return tokens ? redacted (text, {token}) : std::string (text);
}

std::string without_secrets (std::string_view text)
{
  return redacted (text, {token, response, opaque});
}
} // namespace reach::rtmp

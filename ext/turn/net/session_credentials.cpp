// SPDX-License-Identifier: LGPL-2.1-or-later
// Who we are: made of a shared secret, or asked for when the server does not know us.
#include "session.h"
#include <algorithm>
#include <ctime>

namespace reach::turn {
namespace {
constexpr unsigned max_asked = 3; // one after the other
}

bool Session::ask_credentials (const CredentialsWanted &w)
{
  return std::ranges::any_of (
      listeners_, [&] (Listener *l) { return l->on_credentials_wanted (w); });
}

bool Session::ask_credentials (const Failed &f)
{
  if ((f.why != Why::no_credentials && f.why != Why::wrong_credentials) || asked_ >= max_asked)
    return false;
  CredentialsWanted w{f.why, {}, {}};
  if (!f.message.empty ()) {
    w.realm = f.message.text (stun::Attr::realm);
    w.authorization_server = f.message.text (stun::Attr::third_party_authorization);
  }
  if (!ask_credentials (w))
    return false;
  asked_++;
  pending_ = f;
  pending_->message = {};
  return true;
}

void Session::answer_credentials (std::optional<Credentials> c, seconds lifetime)
{
  loop_.call ([&] {
    const auto failed = std::exchange (pending_, {});
    const TimePoint now = Clock::now ();
    if (c)
      client_->set_credentials (
          std::move (*c), lifetime > seconds (0) ? now + lifetime : TimePoint::max (), now);
    else if (failed)
      end (*failed);
    if (c && failed && !listeners_.empty ())
      client_->allocate (now);
    dirty_ = true;
    drain ();
  });
}

// User names of such credentials begin with the second in which they end.
void Session::renew_credentials (TimePoint now)
{
  const auto lifetime = settings_.secret_lifetime;
  const auto expiry = static_cast<std::uint64_t> (std::time (nullptr) + lifetime.count ());
  client_->set_credentials (rest_credentials (client_->config ().crypto, settings_.auth_secret,
                                settings_.client.credentials.username, expiry),
      now + lifetime, now);
}

// The first of the elements that has something to say.
std::vector<std::uint8_t> Session::amended (Bytes message)
{
  std::vector<std::uint8_t> other;
  signing_ = true;
  for (auto l = listeners_.begin (); l != listeners_.end () && other.empty (); ++l)
    other = (*l)->on_before_sign (message);
  signing_ = false;
  return other;
}
} // namespace reach::turn

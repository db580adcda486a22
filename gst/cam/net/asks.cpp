// SPDX-License-Identifier: LGPL-2.1-or-later
#include "asks.h"
#include "link.h"

namespace reach::cam {
AskReply AskReply::no_server ()
{
  return {"no-server", "the other end is not a media server", {}};
}

AskReply AskReply::too_many ()
{
  return {"too-many", "as many asks as are kept have no answer yet", {}};
}

AskReply AskReply::not_connected (const std::string &why)
{
  return {"not-connected", "there is no connection to the server: " + why, {}};
}

const char *ask_status_nick (AskStatus s)
{
  static constexpr std::array<const char *, 13> nicks = {"ok", "unknown-ask", "malformed",
      "not-served", "no-such-client", "no-such-group", "wrong-password", "not-allowed", "limit",
      "exists", "not-found", "offline", "too-fast"};
  const auto i = static_cast<std::size_t> (s);
  return i < nicks.size () ? nicks[i] : "failed"; // of a newer server
}

Asks::Asks (Timers &timers, Duration patience)
    : patience_ (patience), timer_ (timers, [this] { expire (); })
{
}

Asks::~Asks ()
{
  fail_if ([] (const Entry &) { return true; }, AskReply::not_connected ("stopped"));
}

bool Asks::enter ()
{
  if (entered_++ < max_outstanding)
    return true;
  entered_--;
  return false;
}

void Asks::push (Command what, AskDone done)
{
  do
    last_id_++;
  while (last_id_ == 0 || asks_.contains (last_id_));
  const TimePoint deadline =
      patience_ == LinkCore::forever ? TimePoint::max () : Clock::now () + patience_;
  asks_[last_id_] = {std::move (what), std::move (done), nullptr, deadline};
  unsent_++;
  arm ();
}

void Asks::send (Link &link)
{
  if (unsent_ == 0)
    return;
  unsent_ = 0;
  std::vector<MessageRef> messages;
  for (auto &[id, e] : asks_)
    if (!e.link) {
      e.link = &link;
      messages.push_back (Message::control (Kind::ask, MediaType::command, 0,
          encode (Ask{id, std::move (e.what)}).value_or (std::vector<std::uint8_t> ()),
          Clock::now ()));
    }
  for (MessageRef &m : messages) // may end the link
    link.send_control (std::move (m));
}

void Asks::finish (Entries::iterator at, AskReply reply)
{
  const AskDone done = std::move (at->second.done);
  unsent_ -= at->second.link == nullptr;
  asks_.erase (at);
  entered_--;
  done (std::move (reply));
}

template <typename F> void Asks::fail_if (F &&which, const AskReply &why)
{
  for (auto i = asks_.begin (); i != asks_.end ();) {
    const auto at = i++;
    if (which (at->second))
      finish (at, why);
  }
}

void Asks::on_answer (Bytes body)
{
  auto a = decode_answer (body);
  const auto at = a ? asks_.find (a->id) : asks_.end ();
  if (at != asks_.end () && at->second.link)
    finish (at, {ask_status_nick (a->status), std::move (a->text), std::move (a->result)});
}

void Asks::link_ended (const Link &link)
{
  fail_if ([&] (const Entry &e) { return e.link == &link; },
      {"connection-lost", "the connection ended before the answer came", {}});
}

void Asks::fail_unsent (const AskReply &why)
{
  fail_if ([] (const Entry &e) { return !e.link; }, why);
}

void Asks::expire ()
{
  const TimePoint now = Clock::now ();
  fail_if ([now] (const Entry &e) { return e.deadline <= now; },
      {"timed-out", "no answer within command-timeout", {}});
  arm ();
}

// The oldest is the first that is late: all wait as long.
void Asks::arm ()
{
  if (!timer_.armed () && !asks_.empty () && asks_.begin ()->second.deadline != TimePoint::max ())
    timer_.arm (asks_.begin ()->second.deadline);
}
} // namespace reach::cam

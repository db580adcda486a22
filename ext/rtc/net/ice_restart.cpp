// SPDX-License-Identifier: LGPL-2.1-or-later
// Generations of ICE (RFC 8445, 9): one follows another, and perhaps is taken back.
#include "ice_agent.h"
#include <algorithm>

namespace reach::rtc {
namespace {
// What the peer has sent before it knew of the new pair.
constexpr Duration after_restart = seconds (2);
} // namespace

void Ice::restart (const IceCredentials &local)
{
  older_timer_.cancel ();
  gather_timer_.cancel ();
  connect_timer_.cancel ();
  lookups_.clear ();
  pending_servers_ = 0;
  if (!now_->begun)
    now_->gathering = false;
  if (roll_back (local))
    return;
  keep_now ();
  refused_ = false;
  make_agent ();
  if (!local.ufrag.empty ())
    set_local (local);
  gather ();
}

// One that the peer has not agreed to is not returned to: another offer has replaced its own.
void Ice::keep_now ()
{
  Agents all = std::exchange (older_, {});
  all.push_back (std::move (now_));
  const auto newest = [&all] (auto &&is) -> const Agent * {
    const auto at = std::find_if (all.rbegin (), all.rend (), is);
    return at == all.rend () ? nullptr : at->get ();
  };
  const Agent *agreed = newest ([] (const auto &a) { return !a->remote.ufrag.empty (); });
  const Agent *carrier = newest ([] (const auto &a) { return a->paired; });
  for (auto &a : all)
    if (a.get () == agreed || a.get () == carrier)
      older_.push_back (std::move (a));
    else
      drop (std::move (a));
}

// What has happened meanwhile to the generation before is told now.
bool Ice::roll_back (const IceCredentials &local)
{
  const auto at =
      std::ranges::find_if (older_, [&] (const auto &a) { return a->local () == local; });
  if (at == older_.end ())
    return false;
  drop (std::exchange (now_, std::move (*at)));
  for (auto i = std::next (at); i != older_.end (); i++)
    drop (std::move (*i));
  older_.erase (at, older_.end ());
  refused_ = now_->refused;
  if (now_->state != IceState::fresh)
    set_state (now_->state);
  if (!now_->paired && !now_->remote.ufrag.empty ())
    connect_timer_.arm (Clock::now () + settings_.connect_limit);
  for (const Candidate &c : std::exchange (now_->untold, {}))
    tell_candidate (c);
  if (!now_->gathering) {
    gather ();
  } else if (now_->gathered) {
    now_->gathered = false;
    gathered ();
  } else {
    gather_timer_.arm (Clock::now () + settings_.gather_limit);
  }
  return true;
}

// The newest that has a path does.
bool Ice::carries (const Agent &agent) const
{
  if (agent.current ())
    return true;
  if (agent.refused)
    return false;
  const auto newer = std::find_if (older_.rbegin (), older_.rend (),
      [&] (const auto &a) { return a->paired || a.get () == &agent; });
  return agent.live && !now_->paired && newer != older_.rend () && newer->get () == &agent;
}

// It may be one of its own calls that has led here.
void Ice::drop (std::unique_ptr<Agent> a)
{
  if (!a)
    return;
  g_signal_handlers_disconnect_by_data (a->agent, a.get ());
  // Not null: that would stop the agent's own packets too.
  nice_agent_attach_recv (
      a->agent, a->stream, 1, a->context.get (),
      [] (NiceAgent *, guint, guint, guint, gchar *, gpointer) {}, nullptr);
  a->live = false;
  loop_.destroy_later (std::move (a));
}

void Ice::drop_older ()
{
  for (auto &a : std::exchange (older_, {}))
    drop (std::move (a));
}

void Ice::retire_older (const Agent &by)
{
  if (by.current () && by.paired && !older_.empty ())
    older_timer_.arm (Clock::now () + after_restart);
}
} // namespace reach::rtc

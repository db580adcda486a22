// SPDX-License-Identifier: LGPL-2.1-or-later
// Whom commands are for, and their way to and from the links.
#include "media_server.h"
#include <algorithm>

namespace reach::cam {

// What names nobody goes where the sender's media go.
Envelope Hub::address (const SourceEntry &s, Envelope e)
{
  if (e.to.empty () && e.group.empty ()) {
    e.to = s.guid_to;
    e.group = s.group;
  }
  return e;
}

void Hub::on_command (Where link, Bytes body)
{
  const auto l = links_.find (link.link);
  if (stopped_ || l == links_.end () || l->second.role != LinkRole::sender)
    return;
  const SourceEntry &s = *sources_.at (l->second.source);
  commands_.on_command (
      {s.told.guid, s.told.run_id, link}, body,
      [&] (Envelope e) { return command_targets (s.told.guid, address (s, std::move (e))); },
      Clock::now ());
  send_commands ();
}

void Hub::on_command_ack (Where link, const CommandAck &ack)
{
  const auto l = links_.find (link.link);
  if (stopped_ || l == links_.end () || l->second.role != LinkRole::receiver)
    return;
  commands_.on_ack (l->second.guid, link, ack, Clock::now ());
  send_commands ();
}

bool Hub::takes_commands (const std::string &guid) const
{
  const auto r = receivers_.find (guid);
  return r != receivers_.end () && (r->second.media_types & type_bit (MediaType::command));
}

CommandExchange::Targets Hub::command_targets (const std::string &from, const Envelope &e) const
{
  constexpr std::uint8_t bit = type_bit (MediaType::command);
  CommandExchange::Targets t;
  for (const Target &target : router_.targets (from, e.to, e.group))
    if ((target.media_types & bit) &&
        (commands_.expects (target.guid) || takes_commands (target.guid)))
      t.guids.push_back (target.guid);
  // Whether a group exists is for its members to know.
  const auto groups = router_.groups_of (from);
  const bool denied =
      !e.to.empty () ? router_.knows (e.to) && !(router_.media_types (from, e.to, {}, e.to) & bit)
                     : !e.group.empty () && std::ranges::find (groups, e.group) == groups.end ();
  if (denied)
    t.otherwise = CommandStatus::denied;
  return t;
}

void Hub::send_commands ()
{
  while (auto o = commands_.poll_output ())
    server_.relay (o->link.relay)
        .post ([key = o->link.link, up = o->to_sender, m = std::move (o->message)] (
                   Relay &r) { up ? r.answer (key, m) : r.tell (key, m); });
  const TimePoint t = commands_.poll_timeout ();
  if (t != TimePoint::max () && (!commands_timer_->armed () || t < commands_timer_->when ()))
    commands_timer_->arm (t);
}
} // namespace reach::cam

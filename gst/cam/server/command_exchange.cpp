// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_exchange.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t max_answered = 64; // twice what a camsender has under way
constexpr std::size_t max_rates = 1024;  // before those that have recovered are forgotten
} // namespace

// ---- senders

CommandExchange::Run &CommandExchange::run_of (const Sender &s)
{
  Run &run = runs_[{s.guid, s.run_id}];
  run.link = s.link;
  run.used = ++used_;
  if (runs_.size () > limits_.max_runs) {
    const auto oldest = std::ranges::min_element (runs_, {},
        [] (const auto &p) { return !p.second.pending.empty () ? UINT64_MAX : p.second.used; });
    if (&oldest->second != &run)
      runs_.erase (oldest);
  }
  return run;
}

bool CommandExchange::pay (const Sender &s, TimePoint now)
{
  const double rate = limits_.per_second;
  if (rate == 0)
    return true;
  if (rates_.size () >= max_rates)
    std::erase_if (rates_, [&] (const auto &p) {
      TokenBucket b = p.second;
      b.fill (rate, rate, now);
      return b.tokens >= rate;
    });
  TokenBucket &b = rates_[{s.guid, s.guid.empty () ? s.run_id : 0}];
  b.fill (rate, rate, now);
  if (b.tokens < 1)
    return false;
  b.tokens--;
  return true;
}

void CommandExchange::answer (Run &run, CommandAck ack, TimePoint now)
{
  if (run.answered.size () >= max_answered)
    run.answered.pop_front ();
  run.answered.push_back (ack);
  (ack.status == CommandStatus::handled ? stats_.handled : stats_.refused)++;
  tell (run, ack, now);
}

void CommandExchange::tell (const Run &run, CommandAck ack, TimePoint now)
{
  outputs_.push_back ({run.link, true,
      Message::control (Kind::command_ack, MediaType::command, 0, encode (ack), now)});
}

void CommandExchange::on_command (const Sender &s, Bytes body,
    const std::function<Targets (const Envelope &)> &find, TimePoint now)
{
  if (auto c = admit (s, body, now)) {
    const Targets t = find (c->envelope);
    pass_on (s, std::move (*c), t, now);
  }
}

// Empty: answered, or it is going to be.
std::optional<Command> CommandExchange::admit (const Sender &s, Bytes body, TimePoint now)
{
  Run &run = run_of (s);
  const std::uint64_t id = command_id (body);
  if (id != 0 && id <= run.newest) {
    const auto before = std::ranges::find (run.answered, id, &CommandAck::id);
    if (before != run.answered.end ())
      tell (run, *before, now);
    else if (!run.pending.contains (id)) // from before all that is remembered
      tell (run, {id, CommandStatus::no_room}, now);
    return std::nullopt;
  }
  run.newest = std::max (run.newest, id);
  const auto refuse = [&] (CommandStatus why) {
    answer (run, {id, why}, now);
    return std::nullopt;
  };
  if (body.size () > limits_.max_command)
    return refuse (CommandStatus::too_large);
  if (run.pending.size () >= limits_.max_pending || bytes_ + body.size () > limits_.max_bytes ||
      !pay (s, now))
    return refuse (CommandStatus::no_room);
  auto c = decode_command (body);
  if (!c)
    return refuse (CommandStatus::malformed);
  return c;
}

void CommandExchange::pass_on (const Sender &s, Command c, const Targets &t, TimePoint now)
{
  const RunKey key (s.guid, s.run_id);
  Run &run = runs_.at (key);
  const CommandAck ack{c.id, t.otherwise};
  if (t.guids.empty ())
    return answer (run, ack, now);
  c.id = next_id_++;
  c.envelope.from = s.guid;
  if (!c.envelope.to.empty ())
    c.envelope.group.clear ();
  const auto body = encode (c);
  if (!body)
    return answer (run, {ack.id, CommandStatus::too_large}, now); // with the guid
  const MessageRef m = Message::control (Kind::command, MediaType::command, 0, *body, now);
  Pending &p = pending_[c.id];
  p = {key, ack.id, body->size (), t.guids, CommandStatus::handled};
  bytes_ += p.bytes;
  run.pending.insert (ack.id);
  for (const std::string &guid : t.guids)
    if (!take (guid, m, now))
      settle (c.id, guid, CommandStatus::no_room, now);
}

// One receiver's answer to a command, or what is said instead.
void CommandExchange::settle (
    std::uint64_t id, const std::string &guid, CommandStatus status, TimePoint now)
{
  const auto it = pending_.find (id);
  if (it == pending_.end ())
    return;
  Pending &p = it->second;
  if (std::erase (p.waiting_for, guid) > 0 && p.status == CommandStatus::handled)
    p.status = status;
  if (!p.waiting_for.empty ())
    return;
  bytes_ -= p.bytes;
  if (const auto run = runs_.find (p.run); run != runs_.end ()) {
    run->second.pending.erase (p.id);
    answer (run->second, {p.id, p.status}, now);
  }
  pending_.erase (it);
}

// ---- receivers

CommandExchange::Receiver &CommandExchange::receiver (const std::string &guid, TimePoint now)
{
  const auto [it, fresh] = receivers_.try_emplace (guid, limits_.lane);
  if (fresh)
    it->second.away = now;
  return it->second;
}

bool CommandExchange::take (const std::string &guid, const MessageRef &m, TimePoint now)
{
  Receiver &r = receiver (guid, now);
  if (r.lane.count () == 0)
    r.waiting = now;
  const bool taken = r.lane.push (m, now);
  drain (r, now);
  return taken;
}

void CommandExchange::drain (Receiver &r, TimePoint now)
{
  while (r.link) {
    MessageRef m = r.out.pop (now);
    if (!m)
      break;
    outputs_.push_back ({*r.link, false, std::move (m)});
  }
  next_ = std::min (next_, due (r));
}

void CommandExchange::on_ack (
    const std::string &guid, Where link, const CommandAck &ack, TimePoint now)
{
  const auto it = receivers_.find (guid);
  if (it == receivers_.end () || it->second.link != link ||
      !it->second.lane.acknowledged (ack.id, now))
    return;
  drain (it->second, now);
  settle (ack.id, guid, ack.status, now);
}

void CommandExchange::linked (const std::string &guid, Where link, TimePoint now)
{
  Receiver &r = receiver (guid, now);
  r.link = link;
  r.lane.restart (now);
  drain (r, now);
}

void CommandExchange::unlinked (const std::string &guid, Where link, TimePoint now)
{
  const auto it = receivers_.find (guid);
  if (it == receivers_.end () || it->second.link != link)
    return;
  Receiver &r = it->second;
  r.link.reset ();
  r.lane.pause ();
  r.away = now;
  next_ = std::min (next_, due (r));
}

void CommandExchange::gone (const std::string &guid, TimePoint now)
{
  const auto it = receivers_.find (guid);
  if (it == receivers_.end ())
    return;
  const auto ids = it->second.lane.clear ();
  receivers_.erase (it);
  give_up (guid, ids, now);
}

void CommandExchange::give_up (
    const std::string &guid, const std::vector<std::uint64_t> &ids, TimePoint now)
{
  stats_.timed_out += ids.size ();
  for (const std::uint64_t id : ids)
    settle (id, guid, CommandStatus::gave_up, now);
}

// When something is given up, or who is away is forgotten.
TimePoint CommandExchange::due (const Receiver &r) const
{
  if (r.link)
    return r.lane.poll_timeout ();
  if (r.lane.count () > 0)
    return std::max (r.away, r.waiting) + limits_.lane.patience;
  return r.away + limits_.resume_window;
}

void CommandExchange::timeout (TimePoint now)
{
  if (now < next_)
    return;
  next_ = TimePoint::max ();
  for (auto it = receivers_.begin (); it != receivers_.end ();) {
    const std::string guid = it->first;
    Receiver &r = it->second;
    if (now >= due (r) && r.lane.count () > 0)
      give_up (guid, r.link ? r.lane.timeout (now) : r.lane.clear (), now);
    const bool over = !r.link && r.lane.count () == 0 && now >= due (r);
    if (!over)
      drain (r, now);
    it = over ? receivers_.erase (it) : std::next (it);
  }
}

std::optional<CommandExchange::Output> CommandExchange::poll_output ()
{
  if (outputs_.empty ())
    return std::nullopt;
  Output o = std::move (outputs_.front ());
  outputs_.pop_front ();
  return o;
}
} // namespace reach::cam

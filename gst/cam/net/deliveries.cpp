// SPDX-License-Identifier: LGPL-2.1-or-later
#include "deliveries.h"
#include "command_lane.h"
#include "file_lane.h"
#include "file_source.h"
#include "subscriber.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t worker_limit = 100000; // a lane has one task at a time
}

Deliveries::Deliveries (Loop &loop, const Settings &settings, DeliveryEvents &events)
    : Deliveries (loop, settings, events, Limits{})
{
}

Deliveries::Deliveries (Loop &loop, const Settings &settings, DeliveryEvents &events, Limits limits)
    : loop_ (loop), settings_ (settings), events_ (events), limits_ (limits)
{
}

Deliveries::~Deliveries () = default;

MediaQueue::Limits Deliveries::queue_limits (MediaType t, const Settings &s)
{
  MediaQueue::Limits l = s.queue;
  if (carries (t))
    l.max_bytes = 0;
  return l;
}

std::unique_ptr<Lane> Deliveries::make_lane (
    MediaType type, MediaQueue &out, std::function<void ()> pump)
{
  // A lane asks for it too when the worker or a timer has ended something.
  const auto pump_and_note = [this, type, p = std::move (pump)] {
    p ();
    note (type);
  };
  const Duration patience = settings_.timeout (type);
  std::uint64_t &timed_out = timed_out_[at (type)];
  if (type == MediaType::command)
    return std::make_unique<CommandLane> (
        loop_.timers (), out, events_, pump_and_note, patience, timed_out);
  if (!worker_)
    worker_ = std::make_unique<SerialQueue> ("cam-files", worker_limit);
  return std::make_unique<FileLane> (loop_, *worker_, out, events_, pump_and_note,
      FileLane::Limits{.patience = patience}, timed_out);
}

Lane &Deliveries::add (MediaType type, MediaQueue &out, std::function<void ()> pump)
{
  Pushed &p = pushed_[at (type)];
  p.pump = pump;
  p.lane = make_lane (type, out, std::move (pump));
  return *p.lane;
}

void Deliveries::linked (MediaType type, ReceiverName r)
{
  waiting_[at (type)].receivers.update ([&] (auto &all) { all = {r}; });
  pushed_[at (type)].lane->linked (std::move (r));
}

Deliveries::Taken Deliveries::check (MediaType type, const Envelope &e)
{
  Waiting &w = waiting_[at (type)];
  const bool listens = settings_.mode == Mode::listener;
  if (listens && w.linked == 0)
    return Taken::no_receiver;
  if (e.to.empty () && e.group.empty ())
    return Taken::yes;
  const auto known = w.receivers.lock ();
  if (std::ranges::any_of (*known, [&] (const auto &r) { return !not_for (r, e); }) ||
      (known->empty () && !listens))
    return Taken::yes;
  return e.to.empty () ? Taken::no_server : Taken::no_receiver;
}

Deliveries::Taken Deliveries::deliver (MediaType type, Delivery d)
{
  if (const Taken t = check (type, d.envelope); t != Taken::yes)
    return t;
  Waiting &w = waiting_[at (type)];
  const std::size_t size = d.command ? d.command->size () : 0;
  const std::size_t max = type == MediaType::command ? limits_.max_commands : limits_.max_files;
  if (w.posted + w.held >= max || w.posted_bytes + w.held_bytes + size > limits_.max_command_bytes)
    return Taken::full;
  w.posted++;
  w.posted_bytes += size;
  loop_.post ([this, type, d = std::move (d), size] { take (type, d, size); });
  return Taken::yes;
}

void Deliveries::take (MediaType type, Delivery d, std::size_t size)
{
  Pushed &p = pushed_[at (type)];
  if (p.lane) {
    p.lane->push (d);
    p.pump ();
    note (type);
  }
  bool pushed = p.lane != nullptr;
  for (const auto &l : lanes_[at (type)]) {
    if (not_for (l->receiver, d.envelope))
      continue;
    pushed = true;
    l->lane->push (d);
    if (l->subscriber)
      l->subscriber->pump ();
  }
  if (!pushed)
    fail (type, d, "the receiver is gone");
  Waiting &w = waiting_[at (type)];
  w.posted--;
  w.posted_bytes -= size;
}

// Who was there when it was taken has gone meanwhile.
void Deliveries::fail (MediaType type, const Delivery &d, const std::string &why)
{
  ReceiverName r;
  r.guid = d.envelope.to;
  if (type == MediaType::command)
    return events_.on_command_done (r, d.id, why);
  events_.on_file_report ({FileReport::What::failed, r, d.id, 0, d.file->size, d.file->path, why});
}

void Deliveries::note_receivers (MediaType type)
{
  std::vector<ReceiverName> all;
  for (const auto &l : lanes_[at (type)])
    if (l->subscriber)
      all.push_back (l->receiver);
  waiting_[at (type)].receivers.update ([&] (auto &known) { known = std::move (all); });
}

void Deliveries::note (MediaType type)
{
  const Pushed &p = pushed_[at (type)];
  if (!p.lane)
    return;
  Waiting &w = waiting_[at (type)];
  w.held = p.lane->count ();
  w.held_bytes = p.lane->bytes ();
}

Deliveries::PullLane &Deliveries::join (MediaType type, const ReceiverName &r, Subscriber &s)
{
  Lanes &all = lanes_[at (type)];
  const auto it = std::ranges::find_if (
      all, [&] (const auto &l) { return r.run_id != 0 && l->receiver.run_id == r.run_id; });
  PullLane *lane;
  if (it != all.end ()) {
    lane = it->get ();
    lane->expiry.cancel ();
    if (Subscriber *old = std::exchange (lane->subscriber, nullptr)) {
      waiting_[at (type)].linked--; // it came back before we saw it go
      lane->lane->unlinked ();
      old->displaced ();
    }
  } else {
    auto fresh = std::make_unique<PullLane> (type, settings_, loop_.timers (), [this, type] {
      auto &lanes = lanes_[at (type)];
      const auto over = std::ranges::find_if (
          lanes, [] (const auto &l) { return !l->subscriber && !l->expiry.armed (); });
      if (over != lanes.end ())
        drop (type, over->get (), "the receiver did not come back");
    });
    lane = fresh.get ();
    lane->lane = make_lane (type, lane->queue, [lane] {
      if (lane->subscriber)
        lane->subscriber->pump ();
    });
    all.push_back (std::move (fresh));
  }
  lane->subscriber = &s;
  lane->receiver = r;
  waiting_[at (type)].linked++;
  note_receivers (type);
  lane->lane->linked (r);
  return *lane;
}

void Deliveries::leave (MediaType type, Subscriber &s)
{
  Lanes &all = lanes_[at (type)];
  const auto it = std::ranges::find_if (all, [&] (const auto &l) { return l->subscriber == &s; });
  if (it == all.end ())
    return;
  PullLane &l = **it;
  waiting_[at (type)].linked--;
  l.subscriber = nullptr;
  note_receivers (type);
  l.lane->unlinked ();
  if (l.lane->count () == 0 || l.receiver.run_id == 0)
    return drop (type, &l, "the receiver is gone");
  const Duration keep = settings_.timeout (type);
  if (keep != LinkCore::forever)
    l.expiry.arm (Clock::now () + keep);
  all.splice (all.end (), all, it); // the longest absent is first
  bound_absent (type);
}

void Deliveries::bound_absent (MediaType type)
{
  Lanes &all = lanes_[at (type)];
  const auto absent = [] (const auto &l) { return !l->subscriber; };
  while (static_cast<std::size_t> (std::ranges::count_if (all, absent)) > limits_.max_absent)
    drop (type, std::ranges::find_if (all, absent)->get (), "too many receivers are away");
}

void Deliveries::drop (MediaType type, PullLane *l, const std::string &why)
{
  l->lane->give_up (why);
  Lanes &all = lanes_[at (type)];
  const auto it = std::ranges::find_if (all, [l] (const auto &p) { return p.get () == l; });
  loop_.destroy_later (std::move (*it)); // its timer may be calling us
  all.erase (it);
}

void Deliveries::stop ()
{
  for (Pushed &p : pushed_)
    if (p.lane)
      p.lane->give_up ("stopped");
  for (Lanes &all : lanes_) {
    for (const auto &l : all)
      l->lane->give_up ("stopped");
    all.clear ();
  }
}
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file_courier.h"
#include "connection.h"
#include "relay.h"
#include <algorithm>

namespace reach::cam {
namespace {
FileExchange::Config config_of (const ServerSettings &s, Connection &sender, const FileJob &j)
{
  FileExchange::Config c;
  c.id = j.id;
  c.max_held = s.buffer[static_cast<std::size_t> (MediaType::file)];
  c.patience = s.timeout (MediaType::file);
  // The sender waits for no answer longer than it says.
  Duration theirs = c.patience;
  if (const auto ms = sender.link ().core ().peer ().timeout_ms; ms != 0)
    theirs = std::min<Duration> (theirs, milliseconds (ms));
  c.start = theirs / 2;
  c.repeat = std::min<Duration> (c.repeat, theirs / 4);
  return c;
}
} // namespace

FileCourier::FileCourier (
    Relay &relay, Connection &sender, FileJob job, std::function<void ()> over)
    : relay_ (relay), sender_ (sender), id_ (job.id), receivers_ (std::move (job.receivers)),
      over_ (std::move (over)), core_ (config_of (relay.settings (), sender, job), job.begin,
                                    receivers_.size (), Clock::now ()),
      timer_ (relay.loop ().timers (), [this] {
        core_.timeout (Clock::now ());
        drain ();
      })
{
  relay_.add_courier (id_, *this);
  drain ();
}

FileCourier::~FileCourier ()
{
  relay_.remove_courier (id_);
  core_.abandon (Clock::now ());
  while (const auto out = core_.poll_transmit ())
    if (out->receiver && receivers_[*out->receiver].link)
      relay_.send_file (*receivers_[*out->receiver].link, id_, out->message);
  relay_.to_hub ([id = id_] (Hub &h) { h.on_file_over (id); });
}

void FileCourier::data (const FileData &d, Slice payload)
{
  core_.data (d, std::move (payload), Clock::now ());
  drain ();
}

void FileCourier::end (const FileEnd &e)
{
  core_.end (e, Clock::now ());
  drain ();
}

void FileCourier::acknowledged (std::uint64_t link, const FileAck &ack)
{
  for (std::size_t i = 0; i < receivers_.size (); i++)
    if (receivers_[i].link && receivers_[i].link->link == link)
      core_.acknowledged (i, ack, Clock::now ());
  drain ();
}

void FileCourier::set_link (const std::string &guid, std::optional<Where> link)
{
  for (std::size_t i = 0; i < receivers_.size (); i++) {
    if (receivers_[i].guid != guid)
      continue;
    receivers_[i].link = link;
    if (link)
      core_.linked (i, Clock::now ());
    else
      core_.unlinked (i, Clock::now ());
  }
  drain ();
}

void FileCourier::drain ()
{
  while (const auto out = core_.poll_transmit ()) {
    if (!out->receiver)
      sender_.link ().send_control (out->message);
    else if (const auto &link = receivers_[*out->receiver].link)
      relay_.send_file (*link, id_, out->message);
  }
  if (core_.over ()) {
    timer_.cancel ();
    if (!std::exchange (told_over_, true))
      over_ ();
    return;
  }
  if (const TimePoint t = core_.poll_timeout (); t != TimePoint::max ())
    timer_.arm (t);
  else
    timer_.cancel ();
}
} // namespace reach::cam

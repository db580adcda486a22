// SPDX-License-Identifier: LGPL-2.1-or-later
// The sources: from what senders' links say to what receivers are told.
#include "cam/net/settings.h"
#include "media_server.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t max_numbers = 60000; // streams of all sources
} // namespace

bool Hub::SourceEntry::all_eos () const
{
  return !streams.empty () && std::all_of (streams.begin (), streams.end (),
                                  [] (const auto &p) { return p.second.info.eos; });
}

// The source that a sender's hello belongs to: the same run, or one that it goes on with, known by
// guid and streams: two senders may share a guid. `duplicate`: that one is connected.
Hub::SourceEntry *Hub::source_of (const Hello &h, bool &duplicate)
{
  for (auto &[number, s] : sources_)
    if (s->told.run_id == h.run_id && s->told.guid == h.guid)
      return s.get ();
  if (h.guid.empty ())
    return nullptr;
  for (auto &[number, s] : sources_) {
    if (s->told.guid != h.guid)
      continue;
    const bool overlap = std::any_of (h.streams.begin (), h.streams.end (), [&] (const auto &i) {
      return std::any_of (s->streams.begin (), s->streams.end (), [&] (const auto &p) {
        return p.second.info.type == i.type && p.second.info.index == i.index;
      });
    });
    if (!overlap)
      continue;
    duplicate = s->connected ();
    return s.get ();
  }
  return nullptr;
}

Hub::SourceEntry *Hub::make_source (const Hello &h, const std::string &peer)
{
  auto s = std::make_unique<SourceEntry> ();
  s->told.number = next_source_++;
  s->told.run_id = h.run_id;
  s->told.guid = h.guid;
  s->peer = peer;
  if (const auto limit = server_.settings ().max_bitrate; limit > 0)
    s->bandwidth = std::make_shared<Bandwidth> (limit);
  s->resume = std::make_unique<Timer> (
      server_.relay (0).loop ().timers (), [this, n = s->told.number] { remove_source (n); });
  SourceEntry *p = s.get ();
  sources_[s->told.number] = std::move (s);
  return p;
}

// A new run of it: another clock and other stream numbers of the sender, the same of ours.
void Hub::take_over (SourceEntry &s, const Hello &h)
{
  if (s.connected ()) {
    counters_.replaced++;
    router_.vanish (s.told.guid, Router::Part::sender, true, Clock::now ());
    tell_client (
        ClientEvent::What::disconnected, LinkRole::sender, s.told.guid, s.peer, "replaced");
  }
  for (auto &l : s.links)
    displace (l, {});
  for (std::size_t t = 0; t < n_media_types; t++)
    set_home (s, static_cast<MediaType> (t), {});
  s.told.run_id = h.run_id;
  s.told.epoch = 0;
  s.running_time = no_time;
  for (auto &[number, stream] : s.streams) {
    stream.theirs = 0;
    stream.confirmed = false;
    stream.info.eos = false;
  }
}

// How many streams a source (null: one to come) may have. Half of the numbers are shared out, so
// that nobody who is let in finds none; who needs more takes them from the other half.
std::size_t Hub::stream_limit (const SourceEntry *s) const
{
  const std::size_t half = max_numbers / 2;
  const std::size_t share = std::max<std::size_t> (1, half / server_.settings ().max_clients);
  std::size_t beyond = 0;
  for (const auto &[number, other] : sources_)
    beyond += std::max (other->streams.size (), share) - share;
  const std::size_t present = std::max (s ? s->streams.size () : 0, share);
  return std::min (max_streams, present + half - std::min (beyond, half));
}

void Hub::add_stream (SourceEntry &s, const StreamInfo &info)
{
  while (next_number_ == 0 || numbers_.contains (next_number_))
    next_number_++;
  numbers_.insert (next_number_);
  Stream &stream = s.streams[next_number_];
  stream.info = info;
  stream.info.id = next_number_++;
  stream.theirs = info.id;
}

// Links are not ordered among each other: a stream is gone when the link of its own type had listed
// it and does no more.
bool Hub::update_streams (SourceEntry &s, const StreamList &list, MediaType from)
{
  const StreamList before = s.told.streams;
  const std::size_t limit = stream_limit (&s);
  for (const StreamInfo &info : list.streams) {
    auto it = std::find_if (s.streams.begin (), s.streams.end (),
        [&] (const auto &p) { return p.second.theirs == info.id; });
    if (it == s.streams.end ()) // of a new run
      it = std::find_if (s.streams.begin (), s.streams.end (), [&] (const auto &p) {
        return p.second.theirs == 0 && p.second.info.type == info.type &&
               p.second.info.index == info.index;
      });
    if (it == s.streams.end ()) {
      if (s.streams.size () >= limit || numbers_.size () >= max_numbers)
        continue; // of a new run, before the old streams have gone
      add_stream (s, info);
      it = std::find_if (s.streams.begin (), s.streams.end (),
          [&] (const auto &p) { return p.second.theirs == info.id; });
    }
    Stream &stream = it->second;
    stream.theirs = info.id;
    stream.confirmed = stream.confirmed || from == info.type;
    const std::uint16_t number = stream.info.id;
    stream.info = info;
    stream.info.id = number;
  }
  std::erase_if (s.streams, [&] (const auto &p) {
    const Stream &stream = p.second;
    const bool listed = std::any_of (list.streams.begin (), list.streams.end (),
        [&] (const StreamInfo &i) { return i.id == stream.theirs; });
    const bool gone =
        !listed && (stream.theirs == 0 || (from == stream.info.type && stream.confirmed));
    if (gone)
      numbers_.erase (p.first);
    return gone;
  });
  s.told.streams = {list.list_complete, {}};
  for (const auto &[number, stream] : s.streams)
    s.told.streams.streams.push_back (stream.info);
  return s.told.streams != before;
}

std::vector<NumberedStream> Hub::numbered (const SourceEntry &s, MediaType type) const
{
  std::vector<NumberedStream> out;
  for (const auto &[number, stream] : s.streams)
    if (stream.info.type == type && stream.theirs != 0)
      out.push_back ({stream.theirs, stream.info});
  return out;
}

// The link that brings the streams of a type is there, is another one, or gone. Who listened joins
// the new one.
void Hub::set_home (SourceEntry &s, MediaType type, std::optional<Where> home)
{
  for (auto &[number, stream] : s.streams)
    if (stream.info.type == type && stream.home != home) {
      stream.home = home;
      stream.listeners.clear ();
    }
}

void Hub::on_streams (Where link, const StreamList &list)
{
  const auto l = links_.find (link.link);
  if (l == links_.end () || l->second.role != LinkRole::sender)
    return;
  SourceEntry &s = *sources_.at (l->second.source);
  if (list.streams.size () > stream_limit (&s)) {
    finish (s.links, s.kicked, too_many_streams); // when it comes back it is told why
    return;
  }
  const bool changed = update_streams (s, list, l->second.type);
  const auto home = s.links[static_cast<std::size_t> (l->second.type)];
  server_.relay (link.relay)
      .post ([key = link.link, streams = numbered (s, l->second.type)] (
                 Relay &r) { r.add_streams (key, streams); });
  set_home (s, l->second.type, home);
  if (changed)
    tell_all (s);
  if (changed && s.visible.empty ()) { // its first stream
    audiences_changed_ = true;
    route (s);
    tell_senders ();
  }
}

// What a list must tell those who come later.
void Hub::on_sticky (Where link, std::uint16_t number, const MessageHeader &h, Bytes body)
{
  const auto l = links_.find (link.link);
  if (l == links_.end () || l->second.role != LinkRole::sender)
    return;
  SourceEntry &s = *sources_.at (l->second.source);
  const auto it = s.streams.find (number);
  if (it == s.streams.end ())
    return;
  StreamInfo &i = it->second.info;
  if (h.kind == Kind::caps) {
    i.caps.assign (reinterpret_cast<const char *> (body.data ()), body.size ());
    if (!fits (i))
      i.caps.clear ();
    i.eos = false;
  } else if (h.kind == Kind::tags) {
    (h.flags & tags_global ? i.global_tags : i.tags).assign (body.begin (), body.end ());
  } else {
    i.eos = true;
  }
  for (StreamInfo &t : s.told.streams.streams)
    if (t.id == number)
      t = i;
}

void Hub::on_clock (Where link, const Ping &p, TimePoint arrived)
{
  const auto l = links_.find (link.link);
  if (l == links_.end () || l->second.role != LinkRole::sender)
    return;
  SourceEntry &s = *sources_.at (l->second.source);
  if (static_cast<std::int32_t> (p.epoch - s.told.epoch) < 0)
    return; // from before its running time began anew
  s.told.epoch = p.epoch;
  s.told.latency = p.latency;
  s.running_time = p.running_time;
  s.clock_at = arrived;
}

// Its last link has ended. Idle is quiet, not gone.
void Hub::break_source (SourceEntry &s, bool idle)
{
  if (idle) {
    s.told.state = SourceState::quiet;
    return tell_all (s);
  }
  if (s.all_eos ())
    return remove_source (s.told.number);
  s.told.state = SourceState::broken;
  tell_all (s);
  s.resume->arm (Clock::now () + server_.settings ().resume_window);
}

void Hub::remove_source (std::uint32_t number)
{
  const auto it = sources_.find (number);
  if (it == sources_.end ())
    return;
  SourceEntry &s = *it->second;
  const auto visible = s.visible;
  for (const auto &[guid, types] : visible)
    hide (s, guid);
  for (const auto &[n, stream] : s.streams)
    numbers_.erase (n);
  // The timer that may be calling us belongs to it.
  server_.relay (0).loop ().destroy_later (std::move (it->second));
  sources_.erase (it);
}

// For one more client; a quiet one gives way.
bool Hub::make_room ()
{
  if (sources_.size () + receivers_.size () - n_taps_ < server_.settings ().max_clients)
    return true;
  for (const auto &[number, s] : sources_)
    if (!s->connected ()) {
      remove_source (number);
      return true;
    }
  return false;
}
} // namespace reach::cam

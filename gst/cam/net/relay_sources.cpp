// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay_sources.h"
#include "receiver_engine.h"
#include "settings.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t max_known = 4096; // what one server may tell of
} // namespace

void RelaySources::begin (std::uint64_t our_session_key)
{
  our_session_key_ = our_session_key;
  links_ = {};
  sources_.clear ();
  streams_.clear ();
  if (server_.id == 0) // kept: what came in a former session is still acknowledged
    server_.id = new_key ();
  server_.server = true;
  server_.our_session_key = our_session_key;
  server_.links = {};
  files_.id = new_key ();
  files_.server = true;
  files_.our_session_key = our_session_key;
  files_.links = {};
}

void RelaySources::linked (MediaType type, Link &link)
{
  links_[static_cast<std::size_t> (type)] = &link;
  server_.links = links_;
  server_.run_id = link.core ().peer ().run_id;
  server_.session_key = link.core ().peer ().session_key;
  files_.links = links_;
  files_.run_id = server_.run_id;
  files_.session_key = server_.session_key;
  for (const auto &[number, k] : sources_)
    if (Remote *r = engine_.find (k.remote_id))
      r->links = links_;
}

void RelaySources::unlinked (MediaType type)
{
  links_[static_cast<std::size_t> (type)] = nullptr;
  server_.links = links_;
  files_.links = links_;
  if (type == MediaType::file)
    engine_.element_.on_file_link_ended (files_.id);
}

void RelaySources::on_received (MediaType from, Link &link, Incoming m)
{
  switch (m.header ().kind) {
  case Kind::source:
    if (const auto s = decode_source (m.body ()))
      on_source (from, *s);
    return;
  case Kind::source_clock:
    if (const auto c = decode_source_clock (m.body ()))
      if (const auto it = sources_.find (c->number); it != sources_.end ())
        if (Remote *r = engine_.find (it->second.remote_id))
          engine_.sample_clock (*r, Ping{0, c->running_time, c->latency, c->epoch});
    return;
  case Kind::command:
    return engine_.element_.on_command (server_, link, std::move (m));
  case Kind::file_begin:
  case Kind::file_data:
  case Kind::file_end:
  case Kind::file_abandon:
    return engine_.element_.on_file (files_, link, std::move (m));
  default:
    return on_stream_message (from, link, std::move (m));
  }
}

void RelaySources::on_stream_message (MediaType from, Link &link, Incoming m)
{
  const auto stream = streams_.find (m.header ().stream);
  const auto known = stream == streams_.end () ? sources_.end () : sources_.find (stream->second);
  Remote *r = known == sources_.end () ? nullptr : engine_.find (known->second.remote_id);
  if (r && known->second.run[static_cast<std::size_t> (from)] == r->run_id)
    return engine_.on_message (*r, link, std::move (m));
  if (m.header ().kind == Kind::frame) // of a source that has gone, or of its former run
    engine_.note_consumed (link, m.bytes ().size ());
}

std::string RelaySources::origin_of (const Source &s) const
{
  return origin_ + "#" + std::to_string (s.number);
}

// After a break of our own links, or the server's restart.
Remote *RelaySources::find_resumable (const Source &s)
{
  const auto left = [] (const Remote &r) { return !r.connected (); };
  for (auto &[id, r] : engine_.remotes_)
    if (left (*r) && r->run_id == s.run_id)
      return r.get ();
  for (auto &[id, r] : engine_.remotes_)
    if (left (*r) && (s.guid.empty () ? r->origin == origin_of (s) : r->guid == s.guid))
      return r.get ();
  return nullptr;
}

Remote *RelaySources::attach (Known &k, const Source &s)
{
  Remote *r = engine_.find (k.remote_id);
  if (!r && (r = find_resumable (s))) {
    r->resume->cancel (); // the server has one of its own
    r->away = true;
  }
  if (!r) {
    if (!(r = engine_.make_remote ()))
      return nullptr;
    r->run_id = s.run_id;
    r->guid = s.guid;
    r->origin = origin_of (s);
  }
  k.remote_id = r->id;
  if (r->run_id != s.run_id) {
    k.former_run = std::exchange (r->run_id, s.run_id);
    r->clock = std::make_shared<RunClock> (); // another run, another clock
    r->epoch = 0;
    r->away = true;
  }
  r->session_key = s.session_key;
  r->our_session_key = our_session_key_;
  r->links = links_;
  return r;
}

void RelaySources::on_source (MediaType from, const Source &s)
{
  const auto link = static_cast<std::size_t> (from);
  if (!sources_.contains (s.number) &&
      (s.state == SourceState::gone || sources_.size () >= max_known))
    return;
  Known &k = sources_[s.number];
  if (s.state == SourceState::gone)
    return on_gone (k, from);
  if (k.ended & type_bit (from))
    k = {}; // it is back
  k.run[link] = s.run_id;
  if (k.ended != 0 || (k.former_run != 0 && s.run_id == k.former_run))
    return; // another link knows better
  Remote *r = attach (k, s);
  if (!r)
    return;
  for (const StreamInfo &i : s.streams.streams)
    streams_[i.id] = s.number;
  engine_.sample_clock (*r, Ping{0, s.running_time, s.latency, s.epoch});
  set_away (*r, s);
  engine_.update_streams (*r, s.streams, from);
}

// Broken: the pads fill the time until it is back or the server gives it up.
void RelaySources::set_away (Remote &r, const Source &s)
{
  const bool broken = s.state == SourceState::broken;
  if (broken && !r.away)
    r.each_output ([] (Output &o) { o.broken (); });
  if (!broken && r.away)
    engine_.resume (r, s.streams.streams);
  r.away = broken;
}

void RelaySources::on_gone (Known &k, MediaType from)
{
  if (std::exchange (k.ended, k.ended | type_bit (from)) == 0)
    engine_.close_remote (k.remote_id);
  std::uint8_t linked = 0;
  for (std::size_t t = 0; t < n_media_types; t++)
    if (links_[t])
      linked |= type_bit (static_cast<MediaType> (t));
  if ((k.ended & linked) != linked)
    return;
  const auto it = std::find_if (
      sources_.begin (), sources_.end (), [&] (const auto &p) { return &p.second == &k; });
  std::erase_if (streams_, [&] (const auto &p) { return p.second == it->first; });
  sources_.erase (it);
}
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands of a NetStream.
#include "session.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
// Arguments as clients send them: a boolean where a name is meant says stop.
bool says_stop (const Value &v)
{
  const auto *b = v.as<bool> ();
  return b && !*b;
}
} // namespace

// nullptr: there is no such stream, and the client was told.
Session::NetStream *Session::stream_of (const Command &c, const char *failure)
{
  const auto s = streams_.find (c.stream);
  if (s != streams_.end ())
    return &s->second;
  status (c.stream, {failure, "no such stream", true});
  return nullptr;
}

std::uint32_t Session::new_stream ()
{
  std::uint32_t id = 1;
  while (streams_.contains (id))
    id++;
  streams_[id];
  return id;
}

void Session::on_publish (Command &c)
{
  NetStream *s = stream_of (c, code::failed);
  if (!s)
    return;
  if (says_stop (c.at (3)))
    return on_close_stream (c);
  if (s->use != Use::idle)
    return status (c.stream, {code::publish_bad_name, "the stream is in use", true});
  const std::string name (c.at (3).string ());
  const RequestId id = add_request ({Kind::publish, c.transaction, c.stream, name, false});
  if (id == 0)
    return;
  s->use = Use::asked_publish;
  s->name = name;
  const std::string_view type = c.at (4).string ();
  events_.emplace_back (
      PublishRequest{id, c.stream, split_name (name), type.empty () ? "live" : std::string (type)});
}

void Session::on_play (Command &c)
{
  if (says_stop (c.at (3)))
    return on_close_stream (c);
  // The last argument is a boolean, or a number with bits for more.
  const Value &reset = c.at (6);
  ask_play (c, c.at (3).string (), c.at (4).number_or (-2), c.at (5).number_or (-1),
      reset.boolean_or (reset.number_or (1) != 0));
}

void Session::on_play2 (Command &c)
{
  const Value &o = c.at (3);
  ask_play (c, o["streamName"].string (), o["start"].number_or (-2), o["len"].number_or (-1), true);
}

void Session::ask_play (
    Command &c, std::string_view name, double start, double duration, bool reset)
{
  NetStream *s = stream_of (c, code::play_failed);
  if (!s)
    return;
  if (s->use == Use::asked_publish || s->use == Use::publishing)
    return status (c.stream, {code::play_failed, "the stream is in use", true});
  if (s->use != Use::idle)
    end_stream (c.stream, *s, false); // another one instead
  const RequestId id =
      add_request ({Kind::play, c.transaction, c.stream, std::string (name), reset});
  if (id == 0)
    return;
  s->use = Use::asked_play;
  s->name = name;
  events_.emplace_back (PlayRequest{id, c.stream, split_name (name), start, duration});
}

void Session::on_pause (Command &c)
{
  NetStream *s = stream_of (c, code::pause_failed);
  if (!s)
    return;
  const bool pause = c.at (3).boolean_or (true);
  if (s->use != Use::playing)
    return status (c.stream, {code::pause_failed, "nothing is played", true});
  if (const RequestId id = add_request ({Kind::pause, c.transaction, c.stream, {}, pause}))
    events_.emplace_back (PauseRequest{id, c.stream, pause, c.at (4).number_or (0)});
}

void Session::on_seek (Command &c)
{
  NetStream *s = stream_of (c, code::seek_failed);
  if (!s)
    return;
  if (s->use != Use::playing)
    return status (c.stream, {code::seek_failed, "nothing is played", true});
  if (const RequestId id = add_request ({Kind::seek, c.transaction, c.stream, {}, false}))
    events_.emplace_back (SeekRequest{id, c.stream, c.at (3).number_or (0)});
}

void Session::on_receive_audio (Command &c)
{
  const auto s = streams_.find (c.stream);
  if (s == streams_.end ())
    return;
  s->second.audio = c.at (3).boolean_or (true);
  events_.emplace_back (ReceiveChanged{c.stream, s->second.audio, s->second.video});
}

void Session::on_receive_video (Command &c)
{
  const auto s = streams_.find (c.stream);
  if (s == streams_.end ())
    return;
  s->second.video = c.at (3).boolean_or (true);
  events_.emplace_back (ReceiveChanged{c.stream, s->second.audio, s->second.video});
}

void Session::on_close_stream (Command &c)
{
  const auto s = streams_.find (c.stream);
  if (s == streams_.end ())
    return;
  const Use was = s->second.use;
  const std::string name = s->second.name;
  end_stream (c.stream, s->second, false);
  if (was == Use::publishing)
    send_status (c.stream, {code::unpublish_success, name + " is unpublished"});
  if (was == Use::playing)
    send_status (c.stream, {code::play_stop, "stopped playing " + name});
}

void Session::on_delete_stream (Command &c)
{
  const double id = c.at (3).number_or (c.stream);
  const auto s = streams_.find (id >= 1 && id <= UINT32_MAX ? static_cast<std::uint32_t> (id) : 0);
  if (s == streams_.end ())
    return;
  end_stream (s->first, s->second, true);
  streams_.erase (s);
}

void Session::end_stream (std::uint32_t id, NetStream &s, bool deleted)
{
  std::erase_if (requests_, [&] (const auto &r) { return r.second.stream == id && id != 0; });
  out_.clear_media (id);
  if (s.use != Use::idle || deleted)
    events_.emplace_back (StreamEnded{id, s.use, deleted});
  s = {};
}

void Session::stop_stream (std::uint32_t stream)
{
  const auto s = streams_.find (stream);
  if (s == streams_.end ())
    return;
  std::erase_if (requests_, [&] (const auto &r) { return r.second.stream == stream; });
  s->second = {};
}
} // namespace reach::rtmp

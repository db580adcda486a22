// SPDX-License-Identifier: LGPL-2.1-or-later
// What a client asks for, and the decisions on it.
#include "log.h"
#include "server.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
// Who looks for the reason why a client was refused finds it in the log. It has none of the
// client's own text.
void log_refusal (const Connection &c, const Status &why)
{
  if (const auto write = write_log.load ())
    write (
        ("refused " + c.peer_address () + ": " + why.description + " (" + why.code + ")").c_str ());
}

void reject (Session &session, const Connection &c, RequestId id, const Status &why)
{
  log_refusal (c, why);
  session.reject (id, why);
}

// Some clients have the stream's name in tcUrl, and its query with it.
Name stream_name (const Name &given, const ConnectInfo &peer)
{
  if (!given.name.empty ())
    return given;
  Name n = split_name (peer.path);
  if (!given.query.empty ())
    n.query = given.query;
  return n;
}
} // namespace

std::uint32_t Connection::Pending::stream () const
{
  if (const auto *p = std::get_if<PublishRequest> (&request))
    return p->stream;
  if (const auto *p = std::get_if<PlayRequest> (&request))
    return p->stream;
  if (const auto *p = std::get_if<PauseRequest> (&request))
    return p->stream;
  return 0;
}

void Connection::wait_for (RequestId id, Pending::Kind kind, const std::shared_ptr<Endpoint> &e,
    decltype (Pending::request) request)
{
  if (std::ranges::none_of (asked_, [&] (const auto &p) { return p.lock () == e; }))
    asked_.push_back (e);
  pending_[id] = {kind, e, std::move (request), Clock::now () + server_.settings ().decision_time};
}

void Connection::handle_event (ConnectRequest &e, TimePoint)
{
  connect_ = e.request;
  const auto &all = server_.endpoints ();
  for (auto p = all.rbegin (); p != all.rend (); ++p)
    if ((*p)->serves (e.info.app))
      candidates_.push_back (*p);
  refusal_ = {code::connect_invalid_app, "there is no such application", true};
  if (!candidates_.empty ())
    refusal_ = {code::connect_rejected, "not allowed", true};
  if (const auto why = check_login ()) {
    if (!challenged_) // being asked to log in is no refusal, and has what the client says
      log_refusal (*this, *why);
    return session_.reject (connect_, *why);
  }
  ask_next ();
}

// The first that says yes claims the connection.
void Connection::ask_next ()
{
  while (!candidates_.empty ()) {
    const auto e = candidates_.back ().lock ();
    candidates_.pop_back ();
    if (!e)
      continue;
    wait_for (connect_, Pending::Kind::connect, e);
    return e->on_connect (*this, connect_);
  }
  log_refusal (*this, refusal_);
  session_.reject (connect_, refusal_);
}

void Connection::handle_event (StreamRequest &e, TimePoint)
{
  const auto c = claimer_.lock ();
  if (!c)
    return session_.reject (e.request, {code::call_failed, "nobody is here", true});
  wait_for (e.request, Pending::Kind::create, c);
  c->on_create_stream (*this, e.request);
}

void Connection::handle_event (PublishRequest &e, TimePoint)
{
  e.name = stream_name (e.name, peer ());
  std::shared_ptr<Endpoint> best;
  auto wants = Endpoint::Wants::no;
  for (const auto &p : server_.endpoints ()) {
    const auto w = p->serves (peer ().app) ? p->publishes (*this, e.name) : Endpoint::Wants::no;
    if (w > wants) {
      wants = w;
      best = p;
    }
  }
  if (!best)
    return reject (
        session_, *this, e.request, {code::publish_denied, "nobody takes this name", true});
  if (const auto why = check_access (best, Tokens::Use::publish, e.name))
    return reject (session_, *this, e.request, *why);
  if (wants == Endpoint::Wants::taken)
    return reject (session_, *this, e.request,
        {code::publish_bad_name, "there is a publisher of this name", true});
  wait_for (e.request, Pending::Kind::publish, best, e);
  best->on_publish (*this, e);
}

void Connection::handle_event (PlayRequest &e, TimePoint)
{
  e.name = stream_name (e.name, peer ());
  for (const auto &p : server_.endpoints ())
    if (p->serves (peer ().app) && p->plays (*this, e.name)) {
      if (const auto why = check_access (p, Tokens::Use::play, e.name))
        return reject (session_, *this, e.request, *why);
      wait_for (e.request, Pending::Kind::play, p, e);
      return p->on_play (*this, e);
    }
  reject (session_, *this, e.request, {code::play_not_found, "there is no such stream", true});
}

void Connection::handle_event (PauseRequest &e, TimePoint)
{
  const auto s = streams_.find (e.stream);
  const auto endpoint = s == streams_.end () ? nullptr : s->second.endpoint.lock ();
  if (!endpoint)
    return session_.reject (e.request, {code::pause_failed, "nothing is played", true});
  wait_for (e.request, Pending::Kind::pause, endpoint, e);
  endpoint->on_pause (*this, e);
}

// Live: the position is where it was.
void Connection::handle_event (SeekRequest &e, TimePoint now)
{
  session_.accept (e.request, now);
}

void Connection::handle_event (CallRequest &e, TimePoint)
{
  const auto c = claimer_.lock ();
  if (!c)
    return session_.answer (e.request, false, {});
  if (e.request != 0)
    wait_for (e.request, Pending::Kind::call, c);
  c->on_call (*this, e);
}

void Connection::handle_event (CallResult &e, TimePoint)
{
  if (const auto c = claimer_.lock ())
    c->on_call_result (*this, e);
}

void Connection::handle_event (Received &e, TimePoint now)
{
  const auto s = streams_.find (e.message.stream);
  if (s == streams_.end () || !s->second.ingest)
    return;
  const auto ingest = s->second.ingest; // it may end the stream
  ingest->message (e.message, now);
  if (std::find (touched_.begin (), touched_.end (), ingest) == touched_.end ())
    touched_.push_back (ingest);
}

void Connection::handle_event (ReceiveChanged &e, TimePoint)
{
  if (const auto s = streams_.find (e.stream); s != streams_.end () && s->second.outlet)
    s->second.outlet->receive (e.audio, e.video);
}

void Connection::handle_event (BufferLength &e, TimePoint)
{
  if (const auto s = streams_.find (e.stream); s != streams_.end () && s->second.outlet)
    s->second.outlet->buffer_length (e.milliseconds);
}

void Connection::handle_event (StreamEnded &e, TimePoint)
{
  std::erase_if (pending_, [&] (const auto &p) { return p.second.stream () == e.stream; });
  end_stream (e.stream, PublishEnd::unpublished);
}

void Connection::decide (RequestId id, bool yes, const Status &why)
{
  const auto at = pending_.find (id);
  if (at == pending_.end ())
    return;
  Pending p = std::move (at->second);
  pending_.erase (at);
  if (yes)
    accepted (id, p);
  else
    refuse (id, p, why);
  handle_events (Clock::now ());
  flush_later ();
}

void Connection::accepted (RequestId id, Pending &p)
{
  const auto endpoint = p.endpoint.lock ();
  if (!endpoint)
    return refuse (id, p, {});
  switch (p.kind) {
  case Pending::Kind::connect:
    claimer_ = endpoint;
    candidates_.clear ();
    place_ = {};
    return session_.accept (id, Clock::now ());
  case Pending::Kind::publish:
    return publish (id, *endpoint, std::get<PublishRequest> (p.request));
  case Pending::Kind::play:
    return play (id, *endpoint, std::get<PlayRequest> (p.request));
  case Pending::Kind::pause: {
    const auto &r = std::get<PauseRequest> (p.request);
    session_.accept (id, Clock::now ());
    if (const auto s = streams_.find (r.stream); s != streams_.end () && s->second.outlet)
      s->second.outlet->pause (r.pause);
    return;
  }
  case Pending::Kind::create:
  case Pending::Kind::call:
    return session_.accept (id, Clock::now ());
  }
}

void Connection::publish (RequestId id, Endpoint &e, const PublishRequest &r)
{
  auto ingest = e.open_ingest (*this, r);
  if (!ingest)
    return reject (
        session_, *this, id, {code::publish_bad_name, "there is a publisher of this name", true});
  NetStream &s = streams_[r.stream];
  s.ingest = std::move (ingest);
  for (const auto &p : server_.endpoints ())
    if (p.get () == &e)
      s.endpoint = p;
  session_.accept (id, Clock::now ());
}

void Connection::play (RequestId id, Endpoint &e, const PlayRequest &r)
{
  if (!e.plays (*this, r.name))
    return reject (session_, *this, id, {code::play_not_found, "there is no such stream", true});
  session_.accept (id, Clock::now ());
  NetStream &s = streams_[r.stream];
  for (const auto &p : server_.endpoints ())
    if (p.get () == &e)
      s.endpoint = p;
  s.outlet = e.open_outlet (*this, r);
  if (!s.outlet)
    stop_stream (r.stream, {code::play_failed, "it cannot be played", true}, PublishEnd::stopped);
}

void Connection::refuse (RequestId id, const Pending &p, const Status &why)
{
  const auto told = [&] (const char *code) {
    Status s = why;
    if (s.code.empty ())
      s.code = code;
    if (s.description.empty ())
      s.description = "not allowed";
    return s;
  };
  switch (p.kind) {
  case Pending::Kind::connect:
    refusal_ = told (code::connect_rejected);
    return ask_next ();
  case Pending::Kind::publish:
    return reject (session_, *this, id, told (code::publish_denied));
  case Pending::Kind::play:
    return reject (session_, *this, id, told (code::play_failed));
  case Pending::Kind::pause:
    return session_.reject (id, told (code::pause_failed));
  case Pending::Kind::create:
  case Pending::Kind::call:
    return session_.reject (id, told (code::call_failed));
  }
}

void Connection::answer (RequestId id, bool good, const std::vector<Value> &values)
{
  if (pending_.erase (id) == 0)
    return;
  session_.answer (id, good, values);
  flush_later ();
}

void Connection::stop_stream (std::uint32_t stream, const Status &why, PublishEnd how)
{
  session_.send_status (stream, why);
  session_.stop_stream (stream);
  std::erase_if (pending_, [&] (const auto &p) { return p.second.stream () == stream; });
  end_stream (stream, how);
  flush_later ();
}

void Connection::end_stream (std::uint32_t stream, PublishEnd how)
{
  const auto at = streams_.find (stream);
  if (at == streams_.end ())
    return;
  const NetStream s = std::move (at->second);
  streams_.erase (at);
  ConnectionStats last;
  add_flows (last, s);
  dropped_in_ += last.in.dropped;
  dropped_out_ += last.out.dropped;
  if (!s.ingest)
    return;
  std::erase (touched_, s.ingest);
  s.ingest->flush ();
  s.ingest->ended (how);
}

void Connection::forget (const Endpoint &e)
{
  if (over_)
    return;
  const auto is_of = [&] (const std::weak_ptr<Endpoint> &p) { return p.lock ().get () == &e; };
  std::erase_if (candidates_, is_of);
  std::erase_if (asked_, is_of);
  std::erase_if (known_to_, is_of);
  std::vector<std::pair<std::uint32_t, bool>> ours; // and whether it plays
  for (const auto &[id, s] : streams_)
    if (is_of (s.endpoint))
      ours.emplace_back (id, s.outlet != nullptr);
  for (const auto &[id, plays] : ours)
    stop_stream (id,
        {plays ? code::play_unpublish_notify : code::unpublish_success, "the server has stopped"},
        PublishEnd::stopped);
  if (is_of (claimer_)) // behind what its streams were told: it is an error for some players
    return close ({"NetConnection.Connect.AppShutdown", "the server has stopped", true}, true);
  std::vector<RequestId> asked;
  for (const auto &[id, p] : pending_)
    if (is_of (p.endpoint))
      asked.push_back (id);
  for (const RequestId id : asked)
    decide (id, false);
}
} // namespace reach::rtmp

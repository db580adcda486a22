// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes in and out, timers, and the end of a connection.
#include "server.h"
#include <algorithm>
#include <cstring>

namespace reach::rtmp {
namespace {
constexpr std::size_t room_limit = 256u << 10; // queued in the socket at once
constexpr Duration linger = seconds (3);       // for the last words

ConnectionEnd::Cause cause_of (EndReason r)
{
  switch (r) {
  case EndReason::not_rtmp:
  case EndReason::malformed:
  case EndReason::too_much:
    return ConnectionEnd::Cause::bad_peer;
  case EndReason::handshake_timeout:
  case EndReason::idle:
    return ConnectionEnd::Cause::timeout;
  case EndReason::rejected:
  case EndReason::closed:
    break;
  }
  return ConnectionEnd::Cause::local;
}
} // namespace

const char *cause_name (ConnectionEnd::Cause c)
{
  switch (c) {
  case ConnectionEnd::Cause::client:
    return "client";
  case ConnectionEnd::Cause::bad_peer:
    return "bad-peer";
  case ConnectionEnd::Cause::timeout:
    return "timeout";
  case ConnectionEnd::Cause::local:
    return "local";
  }
  return "?";
}

const char *publish_end_name (PublishEnd e)
{
  switch (e) {
  case PublishEnd::unpublished:
    return "unpublished";
  case PublishEnd::lost:
    return "lost";
  case PublishEnd::replaced:
    return "replaced";
  case PublishEnd::stopped:
    return "stopped";
  }
  return "?";
}

void ConnectionHandle::post (std::function<void (Connection &)> f) const
{
  const auto s = server_.lock ();
  if (!s)
    return;
  s->loop ().post ([server = s.get (), id = id_, run = std::move (f)] {
    if (Connection *c = server->find (id))
      run (*c);
  });
}

bool ConnectionHandle::call (const std::function<void (Connection &)> &f) const
{
  bool found = false;
  if (const auto s = server_.lock ())
    s->loop ().call ([&] {
      if (Connection *c = s->find (id_)) {
        found = true;
        f (*c);
      }
    });
  return found;
}

Connection::Connection (
    Server &server, std::uint64_t id, int fd, std::unique_ptr<TlsSession> tls, Shares::Place place)
    : server_ (server), id_ (id), start_ (Clock::now ()),
      socket_ (server.loop (), *this, fd, std::move (tls)),
      session_ (server.settings ().session, *this, start_), peer_ (socket_.peer ()),
      place_ (std::move (place)), timer_ (server.loop ().timers (), [this] { on_timer (); }),
      linger_ (server.loop ().timers (), [this] {
        socket_.close ();
        server_.over (*this);
      })
{
  arm (start_);
}

// Nobody is told: the server ends, and its endpoints have been told before.
Connection::~Connection () = default;

ConnectionHandle Connection::handle () const
{
  return {server_.weak_from_this (), id_};
}

// What is let in reads where its messages can stay.
std::span<std::uint8_t> Connection::area ()
{
  return session_.connected () ? server_.slabs ().room () : std::span<std::uint8_t> ();
}

Counted<Storage> Connection::allocate (std::size_t size)
{
  return Counted<HeapStorage>::make (size);
}

Counted<const Shared> Connection::keep (Bytes bytes)
{
  return server_.slabs ().keep (bytes.data (), bytes.size ()).owner;
}

void Connection::on_input (Bytes bytes)
{
  if (over_)
    return; // read only to see the peer close
  const TimePoint now = Clock::now ();
  session_.input (bytes, now);
  handle_events (now);
  flush ();
  arm (now);
}

void Connection::on_timer ()
{
  const TimePoint now = Clock::now ();
  look_at_pace (now);
  session_.timeout (now);
  std::vector<RequestId> late;
  for (const auto &[id, p] : pending_)
    if (p.deadline <= now)
      late.push_back (id);
  for (const RequestId id : late)
    decide (id, false, {"", "there was no decision in time", true});
  handle_events (now);
  flush ();
  arm (now);
}

void Connection::arm (TimePoint now)
{
  if (over_)
    return timer_.cancel ();
  TimePoint next = session_.poll_timeout ();
  for (const auto &[id, p] : pending_)
    next = std::min (next, p.deadline);
  // Moved with each input otherwise, which costs more than a timer that comes early.
  if (!timer_.armed () || next < timer_.when () || timer_.when () <= now)
    timer_.arm (next);
}

void Connection::handle_events (TimePoint now)
{
  if (std::exchange (handling_, true))
    return; // from within a handler: the caller goes on
  while (auto e = session_.poll_event ())
    if (!over_)
      std::visit ([&] (auto &event) { handle_event (event, now); }, *e);
  handling_ = false;
  if (touched_.empty ())
    return;
  for (const auto &i : std::exchange (touched_, {}))
    i->flush ();
  look_at_pace (now);
}

void Connection::look_at_pace (TimePoint now)
{
  session_.set_quiet (std::ranges::any_of (
      streams_, [now] (const auto &s) { return s.second.ingest && s.second.ingest->ahead (now); }));
}

bool Connection::has_room ()
{
  const bool room = !over_ && unsent () < room_limit && !socket_.congested ();
  if (!room)
    tell_room ();
  return room;
}

bool Connection::pass (const Batch &b)
{
  if (over_ || session_.waiting () || !socket_.takes_more ())
    return false;
  const std::size_t n = socket_.write_now (b.pieces (), b.bytes ());
  session_.passed (b.bytes ());
  if (n < b.bytes ())
    b.each_from (n, [&] (Slice s) { socket_.queue (std::move (s)); });
  return true;
}

// What fills it may be written in one go, and then no socket ever becomes writable again.
void Connection::tell_room ()
{
  if (over_ || std::exchange (full_, true))
    return;
  server_.loop ().defer ([server = &server_, id = id_] {
    if (Connection *c = server->find (id))
      c->on_writable ();
  });
}

void Connection::flush_later ()
{
  if (std::exchange (flushing_, true))
    return;
  server_.loop ().defer ([server = &server_, id = id_] {
    if (Connection *c = server->find (id)) {
      c->flush ();
      c->arm (Clock::now ());
    }
  });
}

void Connection::flush ()
{
  flushing_ = false;
  if (over_)
    return;
  do {
    while (socket_.queued () < room_limit) {
      Slice s = session_.poll_transmit ();
      if (s.bytes.empty ())
        break;
      socket_.queue (std::move (s));
    }
    socket_.flush ();
  } while (!over_ && socket_.queued () == 0 && session_.media_queued () > 0);
}

void Connection::on_writable ()
{
  flush ();
  if (over_ || !full_ || !has_room ())
    return;
  full_ = false;
  std::vector<std::uint32_t> ids;
  for (const auto &[id, s] : streams_)
    ids.push_back (id);
  for (const std::uint32_t id : ids)
    if (const auto s = streams_.find (id); s != streams_.end () && s->second.outlet)
      s->second.outlet->on_room ();
}

void Connection::on_closed (int error)
{
  if (over_) {
    linger_.cancel ();
    return server_.over (*this);
  }
  if (socket_.tls_fault () != TlsFault::none && socket_.tls_fault () != TlsFault::truncated)
    return end (
        {error == ETIMEDOUT ? ConnectionEnd::Cause::timeout : ConnectionEnd::Cause::bad_peer,
            socket_.tls_detail ()},
        false);
  end ({ConnectionEnd::Cause::client, error == 0 ? "closed" : strerror (error)}, false);
}

void Connection::handle_event (Ended &e, TimePoint)
{
  const auto cause = cause_of (e.reason);
  if (e.reason == EndReason::rejected)
    (challenged_ ? server_.count ().challenged : server_.count ().rejected)++;
  if (cause == ConnectionEnd::Cause::bad_peer || e.reason == EndReason::handshake_timeout)
    server_.count ().bad_peers++;
  end ({cause, std::string (end_reason_name (e.reason)) + ": " + e.detail}, true);
}

void Connection::hold (bool on)
{
  holds_ += on ? 1u : -1u;
  socket_.set_reading (holds_ == 0 || over_);
}

// Tells those who have to do with it. With `drain` the client is still told what waits.
void Connection::end (ConnectionEnd e, bool drain)
{
  if (over_)
    return;
  if (drain)
    for (Slice s = session_.poll_transmit (); !s.bytes.empty (); s = session_.poll_transmit ())
      socket_.queue (std::move (s));
  over_ = true;
  socket_.set_reading (true); // to see the peer close
  pending_.clear ();
  candidates_.clear ();
  timer_.cancel ();
  const auto how = e.cause == ConnectionEnd::Cause::local ? PublishEnd::stopped : PublishEnd::lost;
  while (!streams_.empty ())
    end_stream (streams_.begin ()->first, how);
  const auto claimer = claimer_.lock ();
  for (const auto &p : std::exchange (asked_, {}))
    if (const auto asked = p.lock (); asked && asked != claimer)
      asked->on_refused (*this);
  if (claimer)
    claimer->on_closed (*this, e);
  linger_.arm (Clock::now () + (drain ? linger : Duration::zero ()));
  if (drain)
    socket_.finish (); // on_closed follows when the peer has closed as well
}

void Connection::close (const Status &why, bool behind_media)
{
  if (behind_media)
    session_.send_status (0, why);
  else
    session_.call (0, "onStatus", {why.value ()}, false);
  session_.close (why.code);
  handle_events (Clock::now ());
}

void Connection::add_flows (ConnectionStats &s, const NetStream &n) const
{
  const TimePoint now = Clock::now ();
  const auto add = [] (Flow &sum, const Flow &f) {
    sum.fps += f.fps;
    sum.dropped += f.dropped;
    sum.queued_bytes += f.queued_bytes;
    sum.queued_messages += f.queued_messages;
    sum.queued_time = std::max (sum.queued_time, f.queued_time);
  };
  if (n.ingest)
    add (s.in, n.ingest->flow (now));
  if (n.outlet)
    add (s.out, n.outlet->flow (now));
}

ConnectionStats Connection::stats ()
{
  ConnectionStats s;
  s.session = session_.stats ();
  s.bytes_sent = socket_.bytes_sent ();
  s.bytes_received = socket_.bytes_received ();
  s.queued = unsent ();
  s.age = Clock::now () - start_;
  for (const auto &[id, n] : streams_) {
    s.publishing += n.ingest ? 1 : 0;
    s.playing += n.outlet ? 1 : 0;
    add_flows (s, n);
  }
  s.in.dropped += dropped_in_;
  s.out.dropped += dropped_out_;
  s.tls_version = socket_.tls_info ().version;
  return s;
}
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_channel.h"
#include "http_service.h"
#include <algorithm>
#include <limits>

namespace reach::cam {
namespace {
constexpr Duration linger = seconds (3);
constexpr std::uint64_t max_wait_ms = 30000;
} // namespace

HttpChannel::HttpChannel (
    HttpService &service, std::string id, MediaType type, std::string peer, Shares::Place place)
    : service_ (&service), id_ (std::move (id)), type_ (type), place_ (std::move (place)),
      peer_ (std::move (peer)), reader_ (service.storage ()), patience_ (service.patience (type)),
      deadline_ (service.loop ().timers (),
          [this] { end (CloseReason::timed_out, "no request came in time"); }),
      soon_end_ (service.loop ().timers (), [this] { end (CloseReason::local, ""); }),
      room_soon_ (service.loop ().timers (), [this] {
        if (usable ())
          owner_->on_room ();
      })
{
  service.add (*this);
}

void HttpChannel::limit_messages (std::size_t most)
{
  if (most == std::numeric_limits<std::size_t>::max ())
    place_ = {}; // it is let in
  reader_.limit (most);
}

HttpChannel::~HttpChannel ()
{
  over_ = true;
  drop_connections (410, "This channel is closed.");
  if (service_)
    service_->remove (*this);
}

void HttpChannel::service_gone ()
{
  drop_connections (503, "This server stops.");
  service_ = nullptr;
  deadline_.cancel ();
  closing_ = true;
  end_soon ();
}

void HttpChannel::start (Owner &owner)
{
  owner_ = &owner;
  owner.on_open ();
}

TransportStats HttpChannel::stats () const
{
  TransportStats s;
  s.bytes_sent = sent_;
  s.bytes_received = received_;
  for (const Attached &a : attached_) {
    s.bytes_sent += a.connection->bytes_sent () - a.sent;
    s.bytes_received += a.connection->bytes_received () - a.received;
  }
  return s;
}

void HttpChannel::attach (HttpServerConnection &c)
{
  if (std::none_of (attached_.begin (), attached_.end (),
          [&] (const Attached &a) { return a.connection == &c; })) {
    attached_.push_back ({&c, c.bytes_sent (), c.bytes_received ()});
    received_ += c.request ().target.size (); // of the request that is there already
  }
  if (security_.version.empty ())
    security_ = c.security ();
  c.attach (*this);
}

void HttpChannel::released (HttpServerConnection &c)
{
  const auto it = std::find_if (
      attached_.begin (), attached_.end (), [&] (const Attached &a) { return a.connection == &c; });
  if (it != attached_.end ()) {
    sent_ += c.bytes_sent () - it->sent;
    received_ += c.bytes_received () - it->received;
    attached_.erase (it);
  }
  std::erase_if (parked_, [&] (const auto &p) { return p.second == &c; });
  if (uploader_ == &c)
    uploader_ = nullptr;
}

void HttpChannel::touch ()
{
  if (over_ || !needs_requests ())
    deadline_.cancel ();
  else
    deadline_.arm (Clock::now () + patience_);
}

void HttpChannel::post_begin (HttpServerConnection &c, const http::Query &query)
{
  const auto seq = query.number ("seq", next_seq_), wait = query.number ("wait", 0, max_wait_ms);
  const auto end_flag = query.number ("end", 0, 1);
  if (!seq || !wait || !end_flag)
    return c.refuse (400, "seq, wait (up to 30000) and end (0 or 1) are plain numbers.");
  touch ();
  if (*seq >= next_seq_)
    before_post ();
  if (over_ || !owner_) // closing, it still takes POSTs, to tell its end in their answers
    return c.refuse (410, "This channel is closed.");
  if (*seq > next_seq_) { // overtaken on its way by a POST on another connection
    if (*seq - next_seq_ > max_parked || parked_.contains (*seq))
      return c.refuse (409, "POSTs up to seq " + std::to_string (next_seq_) + " are missing.");
    parked_[*seq] = &c;
    attach (c);
    return c.park ();
  }
  c.post = {*seq, 0, milliseconds (*wait), *seq < next_seq_, *end_flag == 1};
  if (!c.post.repeat) {
    // The client tries again because it lost the connection that the body came on.
    if (HttpServerConnection *old = std::exchange (uploader_, nullptr); old && old != &c)
      old->abort ();
    uploader_ = &c;
    c.post.skip = applied_;
  }
  attach (c);
}

void HttpChannel::post_body (HttpServerConnection &c, Bytes bytes)
{
  if (c.post.repeat || !usable ())
    return;
  const std::size_t skip = std::min<std::uint64_t> (c.post.skip, bytes.size ());
  c.post.skip -= skip;
  bytes = bytes.subspan (skip);
  applied_ += bytes.size ();
  reader_.input (bytes);
  deliver ();
}

void HttpChannel::deliver ()
{
  while (usable ()) {
    auto m = reader_.poll ();
    if (!m)
      break;
    owner_->on_message (std::move (*m));
  }
  const auto f = reader_.fault ();
  if (over_ || f == MessageReader::Fault::none)
    return;
  end (close_reason (f), fault_name (f));
}

void HttpChannel::post_end (HttpServerConnection &c)
{
  touch ();
  if (c.post.repeat)
    return repeat_post (c);
  next_seq_++;
  applied_ = 0;
  uploader_ = nullptr;
  peer_ended_ = peer_ended_ || c.post.end;
  answer_post (c);
  if (const auto next = parked_.find (next_seq_); next != parked_.end ()) {
    HttpServerConnection *p = next->second;
    parked_.erase (next);
    p->unpark ();
  }
  if (peer_ended_)
    end (CloseReason::orderly, "the peer ended the channel");
}

void HttpChannel::close (bool drain)
{
  if (closing_ || over_)
    return;
  closing_ = true;
  if (!drain) {
    drop_connections (410, "This channel is closed.");
    return end_soon ();
  }
  soon_end_.arm (Clock::now () + linger);
  finish_stream ();
}

void HttpChannel::drop_connections (unsigned status, std::string_view sentence)
{
  parked_.clear ();
  uploader_ = nullptr;
  forget_connections ();
  const auto attached = std::exchange (attached_, {});
  for (const Attached &a : attached) {
    sent_ += a.connection->bytes_sent () - a.sent;
    received_ += a.connection->bytes_received () - a.received;
    a.connection->detach ();
    a.connection->refuse (status, sentence);
  }
}

void HttpChannel::end (CloseReason why, const std::string &detail)
{
  if (over_)
    return;
  over_ = true;
  deadline_.cancel ();
  soon_end_.cancel ();
  if (why == CloseReason::malformed || why == CloseReason::too_big)
    drop_connections (400, "The body is not cam messages: " + detail + ".");
  else
    drop_connections (410, "This channel is closed.");
  if (owner_)
    owner_->on_closed (closing_ ? CloseReason::local : why, detail);
}
} // namespace reach::cam

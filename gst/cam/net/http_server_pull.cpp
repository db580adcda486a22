// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_server_pull.h"
#include "http_service.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::uint64_t default_max = 1u << 20;
} // namespace

HttpServerPull::HttpServerPull (HttpService &service, std::string id, MediaType type,
    std::string peer, std::vector<std::uint8_t> hello, Shares::Place place)
    : HttpChannel (service, std::move (id), type, std::move (peer), std::move (place)),
      hello_ (std::move (hello)), max_ (default_max),
      wait_ (service.loop ().timers (), [this] { answer_get (); }),
      hello_soon_ (service.loop ().timers (), [this] { hand_over_hello (); })
{
}

void HttpServerPull::start (Owner &owner)
{
  hello_soon_.arm (Clock::now ());
  HttpChannel::start (owner);
}

void HttpServerPull::hand_over_hello ()
{
  hello_soon_.cancel ();
  if (hello_.empty ())
    return;
  const auto hello = std::exchange (hello_, {});
  reader_.input (hello);
  deliver ();
}

void HttpServerPull::send (MessageRef m)
{
  if (!usable ())
    return;
  collected_.push_back ({m->head (), m});
  if (!m->body ().empty ())
    collected_.push_back ({m->body (), m});
  collected_bytes_ += m->size ();
}

void HttpServerPull::flush ()
{
  if (over_ || collected_bytes_ == 0)
    return;
  if (stream_) {
    retain ();
    stream_->stream (std::exchange (collected_, {}), std::exchange (collected_bytes_, 0));
  } else {
    queue_.insert (queue_.end (), collected_.begin (), collected_.end ());
    queued_ += std::exchange (collected_bytes_, 0);
    collected_.clear ();
    if (waiting_)
      answer_get ();
  }
}

void HttpServerPull::retain ()
{
  if (retain_until_ == TimePoint{})
    return;
  retained_bytes_ += collected_bytes_;
  if (retained_bytes_ <= retain_bytes && Clock::now () < retain_until_) {
    retained_.insert (retained_.end (), collected_.begin (), collected_.end ());
    return;
  }
  retained_.clear ();
  retain_until_ = {};
}

std::size_t HttpServerPull::room () const
{
  if (!usable ())
    return 0;
  if (stream_)
    return stream_->room ();
  const std::size_t have = queued_ + collected_bytes_;
  return have >= max_ ? 0 : max_ - have;
}

bool HttpServerPull::drained () const
{
  return collected_bytes_ == 0 && queued_ == 0 && (!stream_ || stream_->queued () == 0);
}

void HttpServerPull::get_stream (HttpServerConnection &c)
{
  attach (c);
  stream_ = &c;
  if (!id ().empty ())
    retain_until_ = Clock::now () + retain_time;
  touch ();
  c.stream_begin ();
  flush ();
}

bool HttpServerPull::take_up_again (std::uint64_t pos)
{
  if (retain_until_ == TimePoint{} || pos != 0)
    return false;
  HttpServerConnection *old = std::exchange (stream_, nullptr);
  queue_ = std::exchange (retained_, {});
  queued_ = retained_bytes_;
  retain_until_ = {};
  old->abort ();
  return true;
}

// The client has everything before byte `pos` of the stream.
bool HttpServerPull::acknowledge (std::uint64_t pos)
{
  if (pos < base_ || pos > base_ + offered_)
    return false;
  std::size_t gone = pos - base_;
  base_ = pos;
  offered_ = 0;
  queued_ -= gone;
  while (gone > 0) {
    Slice &front = queue_.front ();
    const std::size_t n = std::min (gone, front.size ());
    front.bytes = front.bytes.subspan (n);
    gone -= n;
    if (front.bytes.empty ())
      queue_.pop_front ();
  }
  return true;
}

void HttpServerPull::get_complete (HttpServerConnection &c, const http::Query &query)
{
  const auto max = query.number ("max", default_max), wait = query.number ("wait", 0, 30000);
  const auto interval = query.number ("interval", 0, 3600000);
  const auto pos = query.number ("pos", base_ + offered_);
  if (!max || *max == 0 || !wait || !interval || !pos)
    return c.refuse (400, "max, wait (up to 30000), interval and pos are plain numbers.");
  if (closing_ && drained ())
    return c.refuse (410, "This channel is closed.");
  if (stream_ && !take_up_again (*pos))
    return c.refuse (410, "This channel cannot be taken up again.");
  complete_ = true;
  if (!acknowledge (*pos))
    return c.refuse (410, "This part of the stream is gone.");
  max_ = std::min<std::uint64_t> (*max, service_->config ().complete_bytes);
  patience_ = std::max<Duration> (patience_, milliseconds (2 * *interval + *wait));
  if (HttpServerConnection *old = std::exchange (waiting_, nullptr))
    old->abort (); // the client asks again because it lost the connection
  attach (c);
  touch ();
  waiting_ = &c;
  flush ();
  if (waiting_ && (queued_ > 0 || *wait == 0 || closing_))
    answer_get ();
  else if (waiting_)
    wait_.arm (Clock::now () + milliseconds (*wait));
  if (room () > 0)
    tell_room_soon ();
}

// Offers what there is; it stays queued until the client's next request says that it came.
void HttpServerPull::answer_get ()
{
  wait_.cancel ();
  HttpServerConnection *c = std::exchange (waiting_, nullptr);
  if (!c)
    return;
  std::vector<Slice> body;
  offered_ = 0;
  for (const Slice &s : queue_) {
    const std::size_t n = std::min (s.size (), max_ - offered_);
    if (n == 0)
      break;
    body.push_back (s.sub (0, n));
    offered_ += n;
  }
  const bool last = closing_ && offered_ == queued_;
  c->respond (200, std::move (body), last);
  if (last)
    end_soon ();
}

void HttpServerPull::finish_stream ()
{
  flush ();
  if (stream_)
    stream_->stream_end (); // the end of the channel comes with the end of the connection
  else if (waiting_)
    answer_get ();
}

void HttpServerPull::released (HttpServerConnection &c)
{
  HttpChannel::released (c);
  if (waiting_ == &c) {
    waiting_ = nullptr;
    wait_.cancel ();
  }
  if (stream_ != &c)
    return;
  stream_ = nullptr;
  if (!over ())
    end (closing_ ? CloseReason::local : CloseReason::reset, "the client closed the connection");
}

void HttpServerPull::writable (HttpServerConnection &)
{
  if (usable ())
    owner_->on_room ();
}
} // namespace reach::cam

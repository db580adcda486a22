// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_server_push.h"
#include "http_service.h"

namespace reach::cam {

HttpServerPush::HttpServerPush (
    HttpService &service, std::string id, MediaType type, std::string peer, Shares::Place place)
    : HttpChannel (service, std::move (id), type, std::move (peer), std::move (place)),
      wait_ (service.loop ().timers (), [this] { answer_held (); })
{
}

void HttpServerPush::send (MessageRef m)
{
  if (!usable ())
    return;
  queue_.push_back ({m->head (), m});
  if (!m->body ().empty ())
    queue_.push_back ({m->body (), m});
  queued_ += m->size ();
}

void HttpServerPush::flush ()
{
  if (!queue_.empty ())
    answer_held ();
}

std::size_t HttpServerPush::room () const
{
  return !usable () || queued_ >= room_limit ? 0 : room_limit - queued_;
}

void HttpServerPush::answer (HttpServerConnection &c, std::uint64_t seq)
{
  Answer &a = answers_[seq % answers_.size ()];
  a = {seq, std::exchange (queue_, {}), closing_, true};
  const bool had_no_room = queued_ >= room_limit;
  queued_ = 0;
  c.respond (200, a.body, a.last);
  if (closing_)
    end_soon ();
  else if (had_no_room)
    tell_room_soon ();
}

void HttpServerPush::answer_post (HttpServerConnection &c)
{
  if (!queue_.empty () || c.post.wait == milliseconds::zero () || !usable () || peer_ended_)
    return answer (c, c.post.seq);
  answer_held ();
  held_ = &c;
  wait_.arm (Clock::now () + c.post.wait);
}

void HttpServerPush::repeat_post (HttpServerConnection &c)
{
  const Answer &a = answers_[c.post.seq % answers_.size ()];
  if (a.filled && a.seq == c.post.seq)
    c.respond (200, a.body, a.last);
  else if (c.post.seq + 1 == next_seq_) // it was taken, its answer was not given yet
    answer_post (c);
  else
    c.refuse (409, "The answer to this POST is gone.");
}

void HttpServerPush::answer_held ()
{
  wait_.cancel ();
  if (HttpServerConnection *c = std::exchange (held_, nullptr))
    answer (*c, c->post.seq);
}

void HttpServerPush::released (HttpServerConnection &c)
{
  HttpChannel::released (c);
  if (held_ == &c) {
    held_ = nullptr;
    wait_.cancel ();
  }
}
} // namespace reach::cam

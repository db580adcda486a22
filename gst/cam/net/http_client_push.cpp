// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_client_push.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr milliseconds merge_time (20); // a POST under way for longer does not hold the next one up
constexpr milliseconds retry_delay (100);
constexpr std::size_t max_answer = 1u << 20;
constexpr const char *answer_wait = "5000"; // ms a waiting POST is held

// How long nothing is posted before the receiver is asked whether it has something to say. Commands
// and files wait for their acknowledgements.
milliseconds listen_after (MediaType t)
{
  return milliseconds (t == MediaType::command || t == MediaType::file ? 5 : 100);
}
} // namespace

HttpPushTransport::HttpPushTransport (Loop &loop, StorageSource &storage, HttpClientConfig config)
    : HttpClientBase (loop, storage, std::move (config)), probed_ (config_.proxy.empty ()),
      pump_ (loop.timers (), [this] { pump (); }), listen_ (loop.timers (), [this] {
        if (active () && in_flight_.empty ())
          post (true);
      })
{
}

void HttpPushTransport::send (MessageRef m)
{
  if (active ())
    queue_.push (m);
}

void HttpPushTransport::flush ()
{
  if (!over_ && queue_.bytes > 0)
    pump_.arm (Clock::now ());
}

std::size_t HttpPushTransport::room () const
{
  return !active () || queue_.bytes >= room_limit ? 0 : room_limit - queue_.bytes;
}

bool HttpPushTransport::idle () const
{
  return queue_.bytes == 0 && std::all_of (in_flight_.begin (), in_flight_.end (),
                                  [] (const auto &p) { return p->waiting; });
}

// Until the first answer there is one POST: the next could overtake the one that opens the channel.
bool HttpPushTransport::may_post (TimePoint now)
{
  if (in_flight_.empty ())
    return true;
  if (!answered_ || in_flight_.size () >= max_in_flight)
    return false;
  const Post &last = *in_flight_.back ();
  if (last.waiting || now - last.sent >= merge_time)
    return true;
  pump_.arm (last.sent + merge_time);
  return false;
}

void HttpPushTransport::pump ()
{
  if (!probed_) {
    if (probe_ || over_)
      return;
    probe_ = make_call ("HEAD", std::string (push_path) + media_type_name (config_.type));
    return probe_->start ();
  }
  const bool had_no_room = room () == 0;
  while (!over_ && !ended_ && (queue_.bytes > 0 || closing_) && may_post (Clock::now ()))
    post (false);
  if (active () && had_no_room && room () > 0)
    owner_->on_room ();
  if (active () && in_flight_.empty () && answered_)
    listen_.arm (Clock::now () + listen_after (config_.type));
}

void HttpPushTransport::post (bool waiting)
{
  listen_.cancel ();
  auto p = std::make_unique<Post> ();
  p->seq = next_seq_++;
  p->body = queue_.take (max_post, p->size);
  // The first one brings the hello, and nothing happens before its answer.
  p->waiting = waiting || (p->seq == 0 && !closing_);
  p->ends = ended_ = closing_ && queue_.bytes == 0;
  in_flight_.push_back (std::move (p));
  try_post (*in_flight_.back ());
}

void HttpPushTransport::try_post (Post &p)
{
  std::string path = std::string (push_path) + media_type_name (config_.type) +
                     "?channel=" + channel_ + "&seq=" + std::to_string (p.seq);
  if (p.waiting)
    path += std::string ("&wait=") + answer_wait;
  if (p.ends)
    path += "&end=1";
  p.answer.clear ();
  p.sent = Clock::now ();
  p.call = make_call ("POST", path);
  p.call->set_body (p.body, p.size);
  p.call->start ();
}

void HttpPushTransport::on_probed ()
{
  const SoupCall &c = *over_calls_.emplace_back (std::move (probe_));
  if (!c.ok () && c.status () != 405)
    return end (c.why (), c.detail ());
  probed_ = true;
  pump ();
}

HttpPushTransport::Post *HttpPushTransport::find (const SoupCall &c)
{
  const auto it = std::find_if (
      in_flight_.begin (), in_flight_.end (), [&] (const auto &p) { return p->call.get () == &c; });
  return it == in_flight_.end () ? nullptr : it->get ();
}

void HttpPushTransport::on_call_data (SoupCall &c, Bytes data)
{
  Post *p = find (c);
  if (!p)
    return;
  if (p->answer.size () + data.size () > max_answer)
    return end (CloseReason::too_big, "an answer is too long");
  p->answer.insert (p->answer.end (), data.begin (), data.end ());
}

void HttpPushTransport::on_call_over (SoupCall &c)
{
  if (&c == probe_.get ())
    return on_probed ();
  Post *p = find (c);
  if (!p)
    return;
  over_calls_.push_back (std::move (p->call));
  if (!c.ok ()) {
    // The same seq again: whatever arrived of it is not taken twice.
    if (!answered_ || c.answered () || ++p->tries >= max_tries)
      return end (c.why (), c.detail ());
    p->retry = std::make_unique<Timer> (loop_.timers (), [this, p] {
      if (!over_)
        try_post (*p);
    });
    p->retry->arm (Clock::now () + p->tries * retry_delay);
    return;
  }
  answered_ = true;
  p->done = true;
  p->ends = p->ends || c.stream_over ();
  stats_.bytes_sent += p->size + head_bytes;
  stats_.bytes_received += head_bytes;
  on_done ();
  if (over_calls_.size () > 1)
    over_calls_.erase (over_calls_.begin (), over_calls_.end () - 1);
}

void HttpPushTransport::on_done ()
{
  while (!over_ && !in_flight_.empty () && in_flight_.front ()->done) {
    const auto p = std::move (in_flight_.front ());
    in_flight_.pop_front ();
    input (p->answer);
    if (p->ends && !over_)
      return end (CloseReason::orderly, "the peer ended the channel");
  }
  if (!over_)
    pump ();
}

void HttpPushTransport::drop_calls ()
{
  probe_.reset ();
  in_flight_.clear (); // the call that is calling us is among over_calls_
  pump_.cancel ();
  listen_.cancel ();
}
} // namespace reach::cam

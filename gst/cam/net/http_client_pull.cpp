// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_client_pull.h"
#include "common/proto/http1_text.h"

namespace reach::cam {
namespace {
constexpr const char *complete_max = "1048576";
constexpr const char *complete_wait = "2000"; // ms a GET is held while nothing is queued
constexpr milliseconds retry_delay (100);     // times the number of the try
constexpr std::size_t max_late = 64 << 10; // without credit no more than a welcome and pings come
} // namespace

HttpPullTransport::HttpPullTransport (Loop &loop, StorageSource &storage, HttpClientConfig config)
    : HttpClientBase (loop, storage, std::move (config)),
      complete_ (config_.poll_interval > milliseconds::zero ()),
      withheld_ (loop.timers (), [this] { withheld (); }),
      next_get_ (loop.timers (), [this] { ask (); }),
      next_post_ (loop.timers (), [this] { send_post (); })
{
}

void HttpPullTransport::send (MessageRef m)
{
  if (!active ())
    return;
  if (started_ || !hello_.empty ()) {
    up_.push (m);
    return;
  }
  std::vector<std::uint8_t> hello (m->head ().begin (), m->head ().end ());
  hello.insert (hello.end (), m->body ().begin (), m->body ().end ());
  hello_ = http::base64url_encode (hello);
}

void HttpPullTransport::flush ()
{
  if (over_)
    return;
  if (started_ || hello_.empty ())
    return post_up ();
  started_ = true;
  // From the loop: starting may fail at once, and then the owner is called.
  next_get_.arm (Clock::now ());
}

std::size_t HttpPullTransport::room () const
{
  return !active () || up_.bytes >= room_limit ? 0 : room_limit - up_.bytes;
}

std::string HttpPullTransport::common_query () const
{
  return std::string (pull_path) + media_type_name (config_.type) + "?channel=" + channel_;
}

void HttpPullTransport::get_stream ()
{
  get_ = make_call ("GET", common_query () + "&hello=" + hello_);
  get_->start ();
}

void HttpPullTransport::ask ()
{
  if (over_ || get_)
    return;
  asked_ = Clock::now ();
  if (hello_.size () > max_hello_text)
    return end (CloseReason::too_big, "the hello message is too long for HTTP");
  if (!complete_)
    return get_stream ();
  std::string path =
      common_query () + "&mode=complete&max=" + complete_max + "&pos=" + std::to_string (pos_);
  if (config_.poll_interval > milliseconds::zero ())
    path += "&interval=" + std::to_string (config_.poll_interval.count ());
  else
    path += std::string ("&wait=") + complete_wait;
  if (pos_ == 0)
    path += "&hello=" + hello_;
  get_ = make_call ("GET", path);
  get_->start ();
}

// A proxy keeps the endless answer to itself: ask for pieces that end.
void HttpPullTransport::withheld ()
{
  if (complete_ || data_came_ || !get_)
    return;
  complete_ = true;
  // It stays until an answer comes: cutting it would end the channel that is to be taken up again.
  withheld_get_ = std::move (get_);
  ask ();
}

void HttpPullTransport::on_call_written (SoupCall &c)
{
  if (&c != get_.get ())
    return;
  stats_.bytes_sent += head_bytes + hello_.size ();
  if (!complete_ && !data_came_)
    withheld_.arm (Clock::now () + config_.patience);
}

void HttpPullTransport::on_call_head (SoupCall &c)
{
  stats_.bytes_received += head_bytes;
  if (&c != get_.get () || c.status () != 200)
    return;
  channel_known_ = true;
  withheld_get_.reset ();
  late_.clear ();
  post_up ();
}

void HttpPullTransport::on_call_data (SoupCall &c, Bytes data)
{
  if (&c == withheld_get_.get () && late_.size () + data.size () <= max_late)
    late_.insert (late_.end (), data.begin (), data.end ());
  else if (&c == withheld_get_.get ())
    withheld_get_.reset ();
  if (&c != get_.get ())
    return;
  if (!std::exchange (data_came_, true))
    withheld_.cancel ();
  get_tries_ = 0;
  pos_ += data.size ();
  input (data);
}

void HttpPullTransport::on_call_over (SoupCall &c)
{
  if (&c == get_.get ())
    on_get_over ();
  else if (&c == post_.get ())
    on_post_over ();
}

// The endless answer was not withheld but late, so late that the server does not have its start any
// more: it goes on with that. Nothing is missing, as only the server's taking it up would end it.
bool HttpPullTransport::go_back ()
{
  if (!withheld_get_ || withheld_get_->over ())
    return false;
  complete_ = false;
  get_ = std::move (withheld_get_);
  if (get_->status () == 200) {
    channel_known_ = true;
    post_up ();
  }
  if (const auto late = std::exchange (late_, {}); !late.empty ())
    on_call_data (*get_, late);
  return true;
}

void HttpPullTransport::on_get_over ()
{
  done_ = std::move (get_);
  withheld_.cancel ();
  const SoupCall &c = *done_;
  if (complete_ && c.status () == 410 && go_back ())
    return;
  if (!complete_ || c.stream_over ())
    return c.ok () ? end (CloseReason::orderly, "the peer ended the stream")
                   : end (c.why (), c.detail ());
  const TimePoint now = Clock::now ();
  if (c.ok ()) {
    get_tries_ = 0;
    next_get_.arm (std::max (now, asked_ + config_.poll_interval));
  } else if (channel_known_ && !c.answered () && ++get_tries_ < max_tries) {
    next_get_.arm (now + get_tries_ * retry_delay);
  } else {
    end (c.why (), c.detail ());
  }
}

void HttpPullTransport::post_up ()
{
  const bool ending = closing_ && !post_ends_;
  if (over_ || post_ || !post_body_.empty () || !channel_known_ || (up_.bytes == 0 && !ending))
    return;
  post_body_ = up_.take (max_post, post_size_);
  post_ends_ = ending && up_.bytes == 0;
  post_tries_ = 0;
  next_post_.arm (Clock::now ());
}

void HttpPullTransport::send_post ()
{
  if (over_ || post_)
    return;
  post_ =
      make_call ("POST", std::string (up_path) + channel_ + "?seq=" + std::to_string (post_seq_) +
                             (post_ends_ ? "&end=1" : ""));
  post_->set_body (post_body_, post_size_);
  post_->start ();
}

void HttpPullTransport::on_post_over ()
{
  done_ = std::move (post_);
  const SoupCall &c = *done_;
  if (!c.ok ()) {
    if (!c.answered () && ++post_tries_ < max_tries)
      return next_post_.arm (Clock::now () + post_tries_ * retry_delay);
    return end (c.why (), c.detail ());
  }
  stats_.bytes_sent += post_size_ + head_bytes;
  post_seq_++;
  const bool had_no_room = room () == 0;
  post_body_.clear ();
  if (post_ends_)
    return end (CloseReason::local, "");
  post_up ();
  if (active () && had_no_room && room () > 0)
    owner_->on_room ();
}

void HttpPullTransport::drop_calls ()
{
  // done_ stays: it may be calling us.
  get_.reset ();
  withheld_get_.reset ();
  post_.reset ();
  withheld_.cancel ();
  next_get_.cancel ();
  next_post_.cancel ();
}

void HttpPullTransport::drain ()
{
  if (!channel_known_)
    return end_soon ();
  post_up ();
}
} // namespace reach::cam

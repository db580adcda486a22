// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_server_connection.h"
#include "common/proto/http1_write.h"
#include "http_channel.h"

namespace reach::cam {
namespace {
constexpr std::size_t room_limit = 256 << 10;
constexpr Duration linger = seconds (3);
// Of one connection: requests answered in one turn of the loop, and bytes of answers that it has
// not read when it is not heard any further.
constexpr unsigned answers_in_turn = 16;
constexpr std::size_t unread_limit = 64 << 10;

// The size line in front of a chunk, alive until it is written.
class ChunkStart final : public Shared {
public:
  explicit ChunkStart (std::size_t n) : head (n) {}
  const http::ChunkHead head;
};
} // namespace

HttpServerConnection::HttpServerConnection (
    Loop &loop, Routes &routes, const Limits &limits, int fd, std::unique_ptr<TlsSession> tls)
    : loop_ (loop), routes_ (routes), limits_ (limits), socket_ (loop, *this, fd, std::move (tls)),
      parser_ (limits.http), deadline_ (loop.timers (), [this] { abort (); }),
      resume_ (loop.timers (), [this] { resume (); })
{
  deadline_.arm (Clock::now () + limits_.head);
}

HttpServerConnection::~HttpServerConnection () = default;

void HttpServerConnection::take (Bytes before)
{
  before_ = before.size ();
  if (!before.empty ())
    on_input (before);
}

void HttpServerConnection::on_input (Bytes bytes)
{
  if (state_ == State::closing || state_ == State::closed)
    return;
  if (state_ != State::reading || !stash_.empty ())
    stash (bytes);
  else
    process (bytes);
}

// False: the rest of the input waits, for the next turn or until the client has read.
bool HttpServerConnection::may_go_on ()
{
  if (socket_.queued () > unread_limit) {
    socket_.set_reading (false);
    return false;
  }
  if (answers_ < answers_in_turn)
    return true;
  resume_.arm (Clock::now ());
  return false;
}

void HttpServerConnection::process (Bytes in)
{
  using Event = http::RequestParser::Event;
  if (parser_.at_rest () && !in.empty ())
    deadline_.arm (Clock::now () + limits_.head);
  while (state_ == State::reading && may_go_on ()) {
    switch (parser_.next (in)) {
    case Event::need_more:
      return;
    case Event::head:
      on_head ();
      break;
    case Event::body:
      if (channel_ && !refusal_)
        channel_->post_body (*this, parser_.data ());
      break;
    case Event::end:
      on_end ();
      break;
    case Event::fault:
      on_fault ();
      return;
    }
  }
  if (state_ != State::closing && state_ != State::closed)
    stash (in);
}

void HttpServerConnection::stash (Bytes in)
{
  stash_.insert (stash_.end (), in.begin (), in.end ());
  if (stash_.size () < limits_.stash)
    return;
  // A client that sends on and on while its answer streams is not one of ours.
  if (state_ == State::streaming)
    abort ();
  else
    socket_.set_reading (false);
}

void HttpServerConnection::resume ()
{
  if (state_ != State::reading)
    return;
  answers_ = 0;
  if (std::exchange (was_parked_, false)) {
    post = {};
    routes_.on_post (*this);
  }
  const auto input = std::move (stash_);
  stash_.clear ();
  process (input);
  if (state_ == State::reading && stash_.empty () && socket_.queued () <= unread_limit)
    socket_.set_reading (true);
}

void HttpServerConnection::on_head ()
{
  deadline_.arm (Clock::now () + limits_.body);
  const http::Request &r = request ();
  keep_alive_ = r.keep_alive;
  head_only_ = r.method == "HEAD";
  refusal_.reset ();
  post = {};
  if (r.method == "POST")
    routes_.on_post (*this);
  if (!r.expect_continue || state_ == State::closed)
    return;
  if (refusal_) { // the body need not come, and then it is unknown whether it does
    keep_alive_ = false;
    state_ = State::answering;
    const auto [status, sentence] = *refusal_;
    refuse (status, sentence);
  } else {
    queue_text (std::string (http::continue_100));
    socket_.flush ();
  }
}

void HttpServerConnection::on_end ()
{
  deadline_.cancel ();
  state_ = State::answering;
  if (refusal_) {
    const auto [status, sentence] = *refusal_;
    refuse (status, sentence);
  } else if (channel_) {
    channel_->post_end (*this);
  } else {
    routes_.on_request (*this);
  }
}

void HttpServerConnection::on_fault ()
{
  keep_alive_ = false;
  state_ = State::answering;
  refuse (http::fault_status (parser_.fault ()),
      std::string ("This request cannot be read: ") + http::fault_name (parser_.fault ()) + ".");
}

void HttpServerConnection::attach (HttpChannel &channel)
{
  channel_ = &channel;
  known_ = true;
}

void HttpServerConnection::park ()
{
  state_ = State::parked;
}

void HttpServerConnection::unpark ()
{
  state_ = State::reading;
  was_parked_ = true;
  resume_.arm (Clock::now ());
}

void HttpServerConnection::queue_text (std::string text)
{
  socket_.queue (slice_of ({text.begin (), text.end ()}));
}

void HttpServerConnection::respond (unsigned status, std::vector<Slice> body, bool stream_over)
{
  std::size_t n = 0;
  for (const Slice &s : body)
    n += s.size ();
  http::ResponseHead head (status);
  if (status != 204)
    head.header ("Content-Type", "application/vnd.reach.cam").length (n);
  if (stream_over)
    head.header ("Cam-End", "1");
  queue_text (head.header ("Cache-Control", "no-store").close (!keep_alive_).done ());
  for (Slice &s : body)
    socket_.queue (std::move (s));
  socket_.flush ();
  answered ();
}

void HttpServerConnection::refuse (unsigned status, std::string_view sentence)
{
  if (state_ == State::reading || state_ == State::parked) { // the body comes first
    refusal_.emplace (status, sentence);
    if (state_ == State::parked)
      unpark ();
    was_parked_ = false;
    if (channel_)
      channel_->released (*this);
    channel_ = nullptr;
    return;
  }
  if (state_ != State::answering) {
    abort ();
    return;
  }
  queue_text (http::short_response (status, sentence, keep_alive_, head_only_));
  socket_.flush ();
  answered ();
}

void HttpServerConnection::respond_head_only ()
{
  queue_text (http::ResponseHead (200)
                  .header ("Content-Type", "application/vnd.reach.cam")
                  .header ("Cache-Control", "no-store")
                  .close (!keep_alive_)
                  .done ());
  socket_.flush ();
  answered ();
}

void HttpServerConnection::answered ()
{
  if (HttpChannel *c = std::exchange (channel_, nullptr))
    c->released (*this);
  refusal_.reset ();
  if (!keep_alive_) {
    state_ = State::closing;
    deadline_.arm (Clock::now () + linger);
    socket_.finish ();
    return;
  }
  state_ = State::reading;
  answers_++;
  deadline_.arm (Clock::now () + limits_.idle);
  if (!stash_.empty ())
    resume_.arm (Clock::now ());
}

void HttpServerConnection::stream_begin ()
{
  // Without chunks the end of the connection is the end of the body. So does a proxy speak that
  // asks in HTTP/1.0.
  chunked_ = request ().minor > 0;
  // Nobody asks again on a connection that was busy for so long, and its end tells that all has
  // come.
  keep_alive_ = false;
  state_ = State::streaming;
  http::ResponseHead head (200);
  head.header ("Content-Type", "application/vnd.reach.cam").header ("Cache-Control", "no-store");
  if (chunked_)
    head.chunked ();
  queue_text (head.close (!keep_alive_).done ());
  socket_.flush ();
}

void HttpServerConnection::stream (std::vector<Slice> pieces, std::size_t bytes)
{
  if (state_ != State::streaming || bytes == 0)
    return;
  if (chunked_) {
    const auto start = Counted<const ChunkStart>::make (bytes);
    socket_.queue ({start->head.bytes (), start});
  }
  for (Slice &s : pieces)
    socket_.queue (std::move (s));
  if (chunked_)
    socket_.queue ({as_bytes (http::chunk_end), {}});
  socket_.flush ();
}

void HttpServerConnection::stream_end ()
{
  if (state_ != State::streaming)
    return;
  if (chunked_)
    socket_.queue ({as_bytes (http::last_chunk), {}});
  state_ = State::closing;
  deadline_.arm (Clock::now () + linger);
  socket_.finish ();
}

std::size_t HttpServerConnection::room () const
{
  if (state_ != State::streaming || socket_.congested ())
    return 0;
  return socket_.queued () >= room_limit ? 0 : room_limit - socket_.queued ();
}

void HttpServerConnection::on_writable ()
{
  if (state_ == State::streaming && channel_)
    channel_->writable (*this);
  else if (state_ == State::reading)
    resume_.arm (Clock::now ());
}

void HttpServerConnection::on_closed (int)
{
  over ();
}

void HttpServerConnection::abort ()
{
  socket_.close ();
  over ();
}

void HttpServerConnection::over ()
{
  if (state_ == State::closed)
    return;
  state_ = State::closed;
  deadline_.cancel ();
  resume_.cancel ();
  if (HttpChannel *c = std::exchange (channel_, nullptr))
    c->released (*this);
  routes_.on_connection_over (*this);
}
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http1.h"
#include "http1_head.h"
#include <algorithm>

namespace reach::http {

const char *fault_name (Fault f)
{
  switch (f) {
  case Fault::none:
    return "none";
  case Fault::bad_request_line:
    return "bad request line";
  case Fault::bad_version:
    return "not HTTP/1.x";
  case Fault::uri_too_long:
    return "request line too long";
  case Fault::bad_header:
    return "bad header line";
  case Fault::headers_too_large:
    return "headers too large";
  case Fault::bad_host:
    return "missing or bad Host";
  case Fault::bad_length:
    return "bad Content-Length";
  case Fault::ambiguous_length:
    return "ambiguous body length";
  case Fault::bad_coding:
    return "unknown Transfer-Encoding";
  case Fault::bad_chunk:
    return "bad chunk";
  case Fault::body_too_large:
    return "body too large";
  case Fault::bad_expectation:
    return "unknown Expect";
  }
  return "unknown";
}

unsigned fault_status (Fault f)
{
  switch (f) {
  case Fault::bad_version:
    return 505;
  case Fault::uri_too_long:
    return 414;
  case Fault::headers_too_large:
    return 431;
  case Fault::bad_coding:
    return 501;
  case Fault::body_too_large:
    return 413;
  case Fault::bad_expectation:
    return 417;
  default:
    return 400;
  }
}

const std::string *Request::header (std::string_view name) const
{
  const auto it = std::find_if (
      headers.begin (), headers.end (), [&] (const Header &h) { return h.name == name; });
  return it == headers.end () ? nullptr : &it->value;
}

bool Request::has_token (std::string_view name, std::string_view token) const
{
  for (const Header &h : headers) {
    if (h.name != name)
      continue;
    std::string_view rest = h.value;
    while (!rest.empty ()) {
      const std::size_t comma = rest.find (',');
      if (to_lower (trim (rest.substr (0, comma))) == token)
        return true;
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr (comma + 1);
    }
  }
  return false;
}

RequestParser::Event RequestParser::fail (Fault f)
{
  fault_ = f;
  state_ = State::broken;
  return Event::fault;
}

// True when line_ is a whole line. A fault leaves state_ broken.
bool RequestParser::read_line (Bytes &in, std::size_t limit, Fault too_long)
{
  if (line_cr_ && !in.empty ()) {
    if (in.front () != '\n') {
      fail (too_long == Fault::uri_too_long ? Fault::bad_request_line
            : too_long == Fault::bad_chunk  ? Fault::bad_chunk
                                            : Fault::bad_header);
      return false;
    }
    in = in.subspan (1);
    line_cr_ = false;
    return true;
  }
  const auto end = std::find_if (
      in.begin (), in.end (), [] (std::uint8_t c) { return c == '\r' || c == '\n' || c == 0; });
  const auto n = static_cast<std::size_t> (end - in.begin ());
  if (line_.size () + n > limit) {
    fail (too_long);
    return false;
  }
  line_.append (reinterpret_cast<const char *> (in.data ()), n);
  in = in.subspan (n);
  if (in.empty ())
    return false;
  if (in.front () != '\r') { // a bare LF or a NUL
    fail (too_long == Fault::bad_chunk ? Fault::bad_chunk : Fault::bad_header);
    return false;
  }
  in = in.subspan (1);
  line_cr_ = true;
  return in.empty () ? false : read_line (in, limit, too_long);
}

RequestParser::Event RequestParser::on_request_line ()
{
  if (line_.empty ()) {
    if (blank_seen_)
      return fail (Fault::bad_request_line);
    blank_seen_ = true;
    return Event::need_more;
  }
  blank_seen_ = false;
  request_ = {};
  body_limit_ = limits_.body;
  body_bytes_ = head_bytes_ = n_lines_ = 0;
  const Fault f = parse_request_line (line_, request_);
  line_.clear ();
  state_ = State::headers;
  return f == Fault::none ? Event::need_more : fail (f);
}

RequestParser::Event RequestParser::on_header_line ()
{
  if (line_.empty ())
    return on_head_complete ();
  head_bytes_ += line_.size () + 2;
  if (++n_lines_ > limits_.header_count)
    return fail (Fault::headers_too_large);
  Header h;
  const Fault f = parse_header_line (line_, h);
  line_.clear ();
  if (f != Fault::none)
    return fail (f);
  request_.headers.push_back (std::move (h));
  return Event::need_more;
}

RequestParser::Event RequestParser::on_head_complete ()
{
  if (const Fault f = interpret_headers (request_); f != Fault::none)
    return fail (f);
  left_ = request_.content_length.value_or (0);
  head_bytes_ = n_lines_ = 0;
  state_ = request_.chunked ? State::chunk_size : left_ > 0 ? State::fixed_body : State::done;
  return left_ > body_limit_ ? fail (Fault::body_too_large) : Event::head;
}

RequestParser::Event RequestParser::limit_body (std::uint64_t limit)
{
  body_limit_ = limit;
  if (state_ == State::broken)
    return Event::fault;
  return request_.content_length.value_or (0) > limit ? fail (Fault::body_too_large)
                                                      : Event::need_more;
}

RequestParser::Event RequestParser::on_chunk_size ()
{
  const auto n = parse_chunk_size (line_);
  line_.clear ();
  if (!n)
    return fail (Fault::bad_chunk);
  if (*n > body_limit_ - std::min (body_bytes_, body_limit_))
    return fail (Fault::body_too_large);
  body_bytes_ += *n;
  left_ = *n;
  state_ = *n == 0 ? State::trailers : State::chunk_data;
  return Event::need_more;
}

// Trailers are checked and dropped: nothing of ours has a meaning there.
RequestParser::Event RequestParser::on_trailer_line ()
{
  if (line_.empty ()) {
    state_ = State::done;
    return Event::need_more;
  }
  head_bytes_ += line_.size () + 2;
  if (++n_lines_ > limits_.header_count)
    return fail (Fault::headers_too_large);
  Header h;
  const Fault f = parse_header_line (line_, h);
  line_.clear ();
  return f == Fault::none ? Event::need_more : fail (f);
}

RequestParser::Event RequestParser::take_body (Bytes &in)
{
  const auto n = static_cast<std::size_t> (std::min<std::uint64_t> (left_, in.size ()));
  data_ = in.first (n);
  in = in.subspan (n);
  left_ -= n;
  if (left_ == 0)
    state_ = state_ == State::fixed_body ? State::done : State::chunk_end;
  return Event::body;
}

// One line, body part or state change; need_more also when only the state changed.
RequestParser::Event RequestParser::step (Bytes &in)
{
  const std::size_t used = std::min (head_bytes_, limits_.header_bytes);
  switch (state_) {
  case State::request_line:
    return read_line (in, limits_.request_line, Fault::uri_too_long) ? on_request_line ()
                                                                     : Event::need_more;
  case State::headers:
    return read_line (in, limits_.header_bytes - used, Fault::headers_too_large) ? on_header_line ()
                                                                                 : Event::need_more;
  case State::trailers:
    return read_line (in, limits_.header_bytes - used, Fault::headers_too_large)
               ? on_trailer_line ()
               : Event::need_more;
  case State::chunk_size:
    return read_line (in, limits_.chunk_line, Fault::bad_chunk) ? on_chunk_size ()
                                                                : Event::need_more;
  case State::chunk_end:
    if (!read_line (in, 0, Fault::bad_chunk))
      return Event::need_more;
    state_ = State::chunk_size;
    return Event::need_more;
  case State::fixed_body:
  case State::chunk_data:
    return take_body (in);
  case State::done:
  case State::broken:
    break;
  }
  return Event::need_more;
}

RequestParser::Event RequestParser::next (Bytes &in)
{
  data_ = {};
  for (;;) {
    if (state_ == State::done) {
      state_ = State::request_line;
      return Event::end;
    }
    if (state_ != State::broken && in.empty ())
      return Event::need_more;
    if (const Event e = step (in); e != Event::need_more)
      return e;
    if (state_ == State::broken)
      return Event::fault;
  }
}
} // namespace reach::http

// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP/1.1 requests as a server reads them (RFC 9110, RFC 9112). Sans-IO: feed bytes in any split,
// take events; body bytes come out as spans of the input, never copied.
//
// Strict on purpose: whatever two implementations could frame differently (Transfer-Encoding beside
// Content-Length, two Content-Lengths, folded lines, bare LF, space before a colon, odd chunk
// sizes) is refused, because this server may stand behind any proxy.
#pragma once
#include "bytes.h"
#include <optional>

namespace reach::http {

struct Limits {
  std::size_t request_line = 8192;
  std::size_t header_count = 64;
  std::size_t header_bytes = 16384; // all header lines of one request; trailers again as much
  std::uint64_t body = 16u << 20;   // RequestParser::limit_body changes it per request
  std::size_t chunk_line = 128;     // a chunk size with its extensions
};

enum class Fault : std::uint8_t {
  none,
  bad_request_line,
  bad_version, // not HTTP/1.x
  uri_too_long,
  bad_header,
  headers_too_large,
  bad_host,
  bad_length,       // Content-Length that is not one plain number
  ambiguous_length, // both framings at once, or either twice
  bad_coding,       // a Transfer-Encoding other than chunked
  bad_chunk,
  body_too_large,
  bad_expectation,
};
const char *fault_name (Fault f);
unsigned fault_status (Fault f); // the status code to answer before closing

struct Header {
  std::string name; // lower case
  std::string value;
};

struct Request {
  std::string method;
  std::string target; // as sent
  std::string path;   // of the target, still percent-encoded
  std::string query;  // behind '?', still percent-encoded
  unsigned minor = 1; // HTTP/1.minor
  std::vector<Header> headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool expect_continue = false; // answer 100 (or refuse) before the body comes
  bool upgrade = false;         // Connection names Upgrade

  const std::string *header (std::string_view lower_case_name) const; // the first
  // Whether a comma-separated header contains this token, in any case.
  bool has_token (std::string_view lower_case_name, std::string_view lower_case_token) const;
  bool has_body () const { return chunked || content_length.value_or (0) > 0; }
};

class RequestParser {
public:
  enum class Event : std::uint8_t {
    need_more, // the input is used up
    head,      // request () is complete
    body,      // data () is the next part of the body
    end,       // the request is complete; bytes left in the input belong to the next one
    fault,     // fault () says why; nothing more can be read from this connection
  };

  explicit RequestParser (Limits limits = {}) : limits_ (limits), body_limit_ (limits.body) {}

  // Takes bytes off the front of `in` up to the next event. A caller who answers requests one after
  // the other stops at `end` and keeps what is left; one who switches protocols at `end` (or
  // `head`, when has_body () is false) finds the new protocol's first bytes there.
  Event next (Bytes &in);

  const Request &request () const { return request_; }
  Bytes data () const { return data_; }
  Fault fault () const { return fault_; }
  // To be called at `head`: the limit for this request's body.
  Event limit_body (std::uint64_t limit);
  // Between two requests, with nothing of the next one read.
  bool at_rest () const
  {
    return state_ == State::request_line && line_.empty () && !line_cr_ && !blank_seen_;
  }

private:
  enum class State : std::uint8_t {
    request_line,
    headers,
    fixed_body,
    chunk_size,
    chunk_data,
    chunk_end,
    trailers,
    done,
    broken
  };

  Event fail (Fault f);
  bool read_line (Bytes &in, std::size_t limit, Fault too_long);
  Event on_request_line ();
  Event on_header_line ();
  Event on_trailer_line ();
  Event on_head_complete ();
  Event on_chunk_size ();
  Event take_body (Bytes &in);
  Event step (Bytes &in);

  Limits limits_;
  std::uint64_t body_limit_;
  State state_ = State::request_line;
  Fault fault_ = Fault::none;
  Request request_;
  Bytes data_;
  std::string line_;           // the line being read, without its end
  bool line_cr_ = false;       // a CR was read, LF must follow
  bool blank_seen_ = false;    // one empty line before a request is forgiven
  std::size_t head_bytes_ = 0; // of header or trailer lines so far
  std::size_t n_lines_ = 0;
  std::uint64_t left_ = 0; // of the fixed body or the present chunk
  std::uint64_t body_bytes_ = 0;
};
} // namespace reach::http

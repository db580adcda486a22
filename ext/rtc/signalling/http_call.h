// SPDX-License-Identifier: LGPL-2.1-or-later
// One HTTP request at a time, for WHIP and WHEP: redirects that keep method and body (RFC 9110,
// 15.4.8 and 15.4.9), an answer of bounded size in bounded time, and a token that goes to the
// server it is for and to no other. Loop thread.
#pragma once
#include "common/loop.h"
#include "soup.h"
#include <optional>

namespace reach::rtc {
struct HttpRequest {
  const char *method = "GET";
  std::string uri, type, body, if_match;
};

struct HttpAnswer {
  std::string error; // no answer came, and why; else empty
  unsigned status = 0;
  std::string reason;
  std::string type;     // in lower case, without parameters
  std::string location; // absolute; empty: none, or one that nothing may be sent to
  std::string etag;
  std::string links;                   // all Link fields, with commas between
  std::optional<Duration> retry_after; // at most an hour
  std::string body;
  bool too_long = false; // of the body there is no more than HttpCall::max_body
  bool foreign = false;  // a redirect has led to another server, which got no token

  std::string text () const; // "404 Not Found", or the error
};

class HttpCall {
public:
  static constexpr std::size_t max_body = 256 << 10;
  static constexpr unsigned most_redirects = 5;
  static constexpr Duration longest = seconds (15);
  using Handler = std::function<void (const HttpAnswer &)>;

  // The token of `config` is for the server of `uri`: scheme, host and port.
  HttpCall (Loop &loop, const Signaller::Config &config, std::string uri);
  ~HttpCall () { cancel (); }
  HttpCall (const HttpCall &) = delete;
  HttpCall &operator= (const HttpCall &) = delete;

  static bool is_address (const std::string &uri); // of http or https
  bool busy () const { return flight_ != nullptr; }
  // One that is under way is cancelled. The handler is called from the loop.
  void send (HttpRequest request, Handler handler);
  void cancel (); // its handler is not called any more

private:
  struct Flight;
  void begin ();
  void end (HttpAnswer answer);
  bool follow (const HttpAnswer &answer);

  const Signaller::Config config_;
  const std::string uri_;
  Ref<SoupSession> session_;
  HttpRequest request_;
  Handler handler_;
  Flight *flight_ = nullptr; // libsoup's and GIO's; outlives us
  unsigned redirects_ = 0;
  Timer timer_;
};
} // namespace reach::rtc

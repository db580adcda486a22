// SPDX-License-Identifier: LGPL-2.1-or-later
// A WHIP and WHEP server that a test tells what to answer.
#pragma once
#include "rtc/signalling/web_server.h"
#include "signaller.h"
#include <algorithm>
#include <optional>

namespace reach::test {
// Answers as it is told to, and keeps what it was asked.
class Script final : public rtc::WebService {
public:
  struct Asked {
    std::string method, target, authorization, type, body, if_match;
  };
  struct Answer {
    unsigned status = 201;
    std::string type, body;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  explicit Script (unsigned refuse_first = 0, unsigned status = 503)
  {
    for (unsigned i = 0; i < refuse_first; i++)
      next ("POST", {status, "text/plain", "no\n", {}});
    std::string error;
    rtc::WebServerSettings s;
    s.bind_address = "127.0.0.1";
    server_ = rtc::WebServer::start (s, *this, error);
    fail_unless (server_ != nullptr, "%s", error.c_str ());
  }
  std::string uri (const char *way) const
  {
    return std::string (way) + "+http://127.0.0.1:" + std::to_string (server_->port ()) +
           "/live/cam";
  }
  // To the next request of that method which has no answer yet; then it is as ever.
  void next (const char *method, Answer a)
  {
    answers_.update ([&] (auto &all) { all.emplace_back (method, std::move (a)); });
  }
  std::string origin () const { return "http://127.0.0.1:" + std::to_string (server_->port ()); }
  std::size_t asked () { return asked_.lock ()->size (); } // and not taken
  Asked take (const char *method)
  {
    auto l = asked_.lock ();
    const auto is = [method] (const Asked &a) { return a.method == method; };
    fail_unless (l.wait_until (Clock::now () + long_enough,
                     [&] (const auto &all) { return std::any_of (all.begin (), all.end (), is); }),
        "no %s came", method);
    const auto at = std::find_if (l->begin (), l->end (), is);
    const Asked a = *at;
    l->erase (at);
    return a;
  }

  std::string answer = "v=0 theirs"; // set before it is asked

private:
  void on_request (rtc::WebConnection &c) override
  {
    const auto &r = c.request ();
    const auto text = [&r] (const char *name) {
      const std::string *v = r.header (name);
      return v ? *v : std::string ();
    };
    asked_.update ([&] (auto &all) {
      all.push_back ({r.method, r.target, text ("authorization"), text ("content-type"),
          {c.body ().begin (), c.body ().end ()}, text ("if-match")});
    });
    std::optional<Answer> chosen;
    answers_.update ([&] (auto &all) {
      const auto at = std::ranges::find (all, r.method, &std::pair<std::string, Answer>::first);
      if (at == all.end ())
        return;
      chosen = std::move (at->second);
      all.erase (at);
    });
    if (chosen) {
      rtc::WebConnection::Headers headers;
      for (const auto &[name, value] : chosen->headers)
        headers.emplace_back (name, value);
      return c.respond (chosen->status, chosen->type, chosen->body, headers);
    }
    if (r.method == "DELETE")
      return c.respond (200, "text/plain", "");
    if (r.method == "PATCH")
      return c.respond (204, "text/plain", "");
    c.respond (
        201, "application/sdp", answer, {{"Location", "/live/session/7"}, {"ETag", "\"one\""}});
  }
  void on_upgrade (rtc::WebConnection &c) override { c.respond (404, "text/plain", ""); }
  void on_text (rtc::WebConnection &, std::string_view) override {}
  void on_over (rtc::WebConnection &, unsigned) override {}

  Guarded<std::vector<Asked>> asked_;
  Guarded<std::vector<std::pair<std::string, Answer>>> answers_;
  std::unique_ptr<rtc::WebServer> server_;
};
} // namespace reach::test

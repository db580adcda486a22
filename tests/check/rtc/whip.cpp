// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's part of WHIP and WHEP against a scripted server.
#include "rtc/signalling/web_server.h"
#include "signaller.h"

using namespace reach;
using namespace reach::test;

namespace {
// Answers as it is told to, and keeps what it was asked.
class Script final : public rtc::WebService {
public:
  struct Asked {
    std::string method, target, authorization, type, body;
  };
  explicit Script (unsigned refuse_first = 0, unsigned status = 503)
      : refuse_ (refuse_first), status_ (status)
  {
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
          {c.body ().begin (), c.body ().end ()}});
    });
    if (r.method == "DELETE")
      return c.respond (200, "text/plain", "");
    if (refuse_ > 0) {
      refuse_--;
      return c.respond (status_, "text/plain", "no\n");
    }
    c.respond (201, "application/sdp", answer, {{"Location", "/live/session/7"}});
  }
  void on_upgrade (rtc::WebConnection &c) override { c.respond (404, "text/plain", ""); }
  void on_text (rtc::WebConnection &, std::string_view) override {}
  void on_over (rtc::WebConnection &, unsigned) override {}

  unsigned refuse_, status_;
  Guarded<std::vector<Asked>> asked_;
  std::unique_ptr<rtc::WebServer> server_;
};
} // namespace

GST_START_TEST (offer_answer_and_end)
{
  for (const char *way : {"whip", "whep"}) {
    Loop loop ("test-whip");
    Script script;
    SignalledPeer p (loop, script.uri (way), "secret");
    fail_unless (p.saw ("peer offers"));
    p.send_description ("offer", "v=0 early");
    p.present = "v=0 with candidates";
    p.send_candidate ({"candidate:1", "0", 0, {}});
    p.send_candidate ({});
    const auto post = script.take ("POST");
    fail_unless_equals_string (post.target.c_str (), "/live/cam");
    fail_unless_equals_string (post.authorization.c_str (), "Bearer secret");
    fail_unless_equals_string (post.type.c_str (), "application/sdp");
    fail_unless_equals_string (post.body.c_str (), "v=0 with candidates");
    fail_unless (p.saw ("answer v=0 theirs"));
    p.goodbye ();
    const auto end = script.take ("DELETE");
    fail_unless_equals_string (end.target.c_str (), "/live/session/7");
    fail_unless_equals_string (end.authorization.c_str (), "Bearer secret");
  }
}
GST_END_TEST

GST_START_TEST (busy_server_is_asked_again)
{
  Loop loop ("test-whip");
  Script script (1);
  SignalledPeer p (loop, script.uri ("whip"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "one");
  p.send_candidate ({});
  fail_unless (p.saw ("lost"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "two");
  p.send_candidate ({});
  fail_unless (p.saw ("answer v=0 theirs"));
}
GST_END_TEST

GST_START_TEST (refusal_is_final)
{
  Loop loop ("test-whip");
  Script script (1, 401);
  SignalledPeer p (loop, script.uri ("whip"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "one");
  p.send_candidate ({});
  fail_unless (p.saw ("fatal"));
  p.goodbye (); // without a session there is nothing to end
}
GST_END_TEST

GST_START_TEST (answer_is_bounded)
{
  Loop loop ("test-whip");
  Script script;
  script.answer = std::string (64 << 20, 'v');
  SignalledPeer p (loop, script.uri ("whip"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "one");
  p.send_candidate ({});
  fail_unless (p.saw ("fatal"));
}
GST_END_TEST

GST_START_TEST (other_schemes)
{
  Loop loop ("test-whip");
  struct : rtc::Signaller::Owner {
    void on_peer (const std::string &, bool, bool) override {}
    void on_description (const std::string &, const std::string &) override {}
    void on_candidate (const rtc::SignalledCandidate &) override {}
    void on_message (const std::string &) override {}
    void on_peer_left (const std::string &) override {}
    void on_signalling_error (const std::string &, bool) override {}
    std::string local_sdp () override { return {}; }
  } owner;
  for (const char *uri : {"", "http://x/", "whip://x/", "whip+ftp://x/", "file:///etc/passwd"}) {
    std::string error;
    rtc::Signaller::Config c;
    c.uri = uri;
    fail_if (rtc::Signaller::make (loop, owner, c, error) != nullptr);
    fail_if (error.empty ());
  }
}
GST_END_TEST

static Suite *whip_suite ()
{
  Suite *s = suite_create ("whip");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, offer_answer_and_end);
  tcase_add_test (tc, busy_server_is_asked_again);
  tcase_add_test (tc, refusal_is_final);
  tcase_add_test (tc, answer_is_bounded);
  tcase_add_test (tc, other_schemes);
  return s;
}

GST_CHECK_MAIN (whip)

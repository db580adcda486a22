// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep), the client's part: one POST with the offer,
// whose answer has the other side's description; DELETE at the end. Candidates are gathered first;
// those that come later follow by PATCH, and so does what restarts ICE, where the server takes it.
// What it does not take, and whatever else would need another offer, begins a new session.
//
// STUN and TURN servers that the answer names (RFC 9725, 4.6) are used in the session that it
// began.
//
// A WHEP server may answer with an offer of its own (406), which is answered by PATCH.
#pragma once
#include "common/proto/backoff.h"
#include "http_call.h"

namespace reach::rtc {
class HttpClient final : public Signaller {
public:
  static constexpr Duration gathering = seconds (2);  // then it goes with what there is
  static constexpr std::size_t most_candidates = 100; // that wait to be told
  // A session that has lived for so long was a good one: the next is not waited for.
  static constexpr Duration long_lived = seconds (10);

  // uri: http or https. way: whip or whep.
  HttpClient (Loop &loop, Owner &owner, const Config &config, std::string way, std::string uri);

  void goodbye (std::function<void ()> done) override;
  void send_description (const std::string &type, const std::string &sdp) override;
  void send_candidate (const SignalledCandidate &c) override;
  bool send_message (const std::string &) override { return false; }
  void connection_over () override;

private:
  enum class State : std::uint8_t {
    idle,      // until it is time to begin, and then until there is an offer
    offering,  // gathers for it
    asking,    // POST
    answering, // gathers for the answer to the server's offer, PATCH
    connected,
    ending,  // DELETE; another session follows
    refused, // for good
    leaving,
  };
  void on_timer ();
  void begin ();
  void gather (State state);
  void post ();
  void on_posted (const HttpAnswer &a);
  void take_servers (const HttpAnswer &a);
  void connected (const std::string &etag);
  void take_counter_offer (const HttpAnswer &a);
  void send_answer ();
  void offered_again (const std::string &sdp);
  void go_on ();
  void patch (std::string body, std::string if_match, HttpCall::Handler handler);
  void restart_ice ();
  void on_restarted (const HttpAnswer &a);
  void tell_candidates ();
  void begin_anew (const std::string &why);
  void retry (const std::string &why, std::optional<Duration> pause = {});
  void refuse (const std::string &why);
  void remove_session (HttpCall::Handler then);

  Owner &owner_;
  const std::string way_, uri_;
  HttpCall call_;
  Timer timer_;
  Backoff backoff_;
  std::function<void ()> done_;
  State state_ = State::idle;

  // Of a session.
  std::string resource_, etag_; // resource_: its URL; empty: nothing may be sent there
  std::string offer_, answer_;  // descriptions that are in force; empty: the server has offered
  bool trickles_ = true, restarting_ = false;
  bool answered_ = false;               // the server's offer
  std::vector<std::string> candidates_; // that came too late for the offer
  bool candidates_end_ = false;
  TimePoint connected_at_{};
};
} // namespace reach::rtc

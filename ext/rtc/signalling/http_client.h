// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep), the client's part: one POST with the offer,
// whose answer has the other side's description; DELETE at the end. Candidates are gathered first.
#pragma once
#include "common/loop.h"
#include "common/proto/backoff.h"
#include "soup.h"

namespace reach::rtc {
class HttpClient final : public Signaller {
public:
  static constexpr Duration gathering = seconds (2); // then the offer goes with what there is
  static constexpr std::size_t max_answer = 256 << 10;

  // uri: http or https.
  HttpClient (Loop &loop, Owner &owner, const Config &config, std::string uri);
  ~HttpClient () override;

  void goodbye (std::function<void ()> done) override;
  void send_description (const std::string &type, const std::string &sdp) override;
  void send_candidate (const SignalledCandidate &c) override;
  bool send_message (const std::string &) override { return false; }

private:
  enum class State : std::uint8_t { idle, gathering, asking, connected, leaving };
  void begin ();
  void post ();
  void on_answer (std::string_view body, const GError *error);
  void retry (const std::string &why);
  // What came of the answer's body: of max_answer bytes and no more.
  using Handler = std::function<void (HttpClient &, std::string_view, const GError *)>;
  struct Call;
  void send (Handler handler); // message_

  Owner &owner_;
  const Config config_;
  const std::string uri_;
  std::string resource_; // of the session, once there is one
  Ref<SoupSession> session_;
  Ref<SoupMessage> message_;
  std::shared_ptr<HttpClient *> self_; // outlives us in libsoup's calls
  Ref<GCancellable> cancel_;
  Timer timer_;
  Backoff backoff_;
  std::function<void ()> done_;
  State state_ = State::idle;
};
} // namespace reach::rtc

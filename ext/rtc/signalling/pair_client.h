// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of a channel of rtcpoolserver (docs/protocol-signalling.md), over a WebSocket that is
// made anew when it is lost.
#pragma once
#include "common/proto/backoff.h"
#include "web_socket_client.h"

namespace reach::rtc {
class PairClient final : public Signaller, WebSocketClient::Owner {
public:
  PairClient (Loop &loop, Signaller::Owner &owner, const Config &config);

  // What is wrong with a URI of ws or wss, or nothing.
  static std::string check (const std::string &uri);

  void goodbye (std::function<void ()> done) override;
  void send_description (const std::string &type, const std::string &sdp) override;
  void send_candidate (const SignalledCandidate &c) override;
  bool send_message (const std::string &json) override;

private:
  void connect ();
  void send (const std::string &text);
  void on_socket_open (WebSocketClient &) override;
  void on_socket_text (WebSocketClient &, std::string_view text) override;
  void on_socket_over (WebSocketClient &, const WebSocketClient::Failure &f) override;

  Loop &loop_;
  Signaller::Owner &owner_;
  const Config config_;
  const std::string id_; // ours, the same after each reconnect
  std::unique_ptr<WebSocketClient> socket_;
  TimePoint opened_{}; // of this socket; none: it is not open
  Timer again_;
  Backoff backoff_;
  std::function<void ()> done_; // of goodbye (), until it is called
  bool leaving_ = false;
  bool together_ = false; // the other side is there
};
} // namespace reach::rtc

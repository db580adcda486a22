// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of a channel of rtcpoolserver (docs/protocol-signalling.md), over a WebSocket by libsoup
// that is made anew when it is lost.
#pragma once
#include "common/loop.h"
#include "common/proto/backoff.h"
#include "soup.h"
#include <deque>

namespace reach::rtc {
class PairClient final : public Signaller {
public:
  PairClient (Loop &loop, Owner &owner, const Config &config);
  ~PairClient () override;

  void goodbye (std::function<void ()> done) override;
  void send_description (const std::string &type, const std::string &sdp) override;
  void send_candidate (const SignalledCandidate &c) override;
  bool send_message (const std::string &json) override;

private:
  void connect ();
  void on_connected (SoupWebsocketConnection *c);
  void on_text (std::string_view text);
  void lost (const std::string &why, bool fatal);
  void send (const std::string &text);

  Owner &owner_;
  const Config config_;
  const std::string id_; // ours, the same after each reconnect
  Ref<SoupSession> session_;
  Ref<SoupMessage> message_;
  Ref<SoupWebsocketConnection> socket_;
  std::shared_ptr<PairClient *> self_; // outlives us in libsoup's calls
  Ref<GCancellable> cancel_;
  Timer again_;
  Backoff backoff_;
  std::function<void ()> done_; // of goodbye (), until it is called
  bool leaving_ = false;
  bool together_ = false; // the other side is there
};
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// What the two HTTP client transports have in common: the session, the way in of messages, the end.
#pragma once
#include "cam/proto/message_reader.h"
#include "http_client.h"
#include "http_paths.h"
#include "soup_call.h"
#include "soup_tls.h"
#include <deque>

namespace reach::cam {

class HttpClientBase : public Transport, protected SoupCall::Owner {
public:
  HttpClientBase (Loop &loop, StorageSource &storage, HttpClientConfig config);
  ~HttpClientBase () override;

  void start (Transport::Owner &owner) override;
  void close (bool drain) override;
  std::string peer () const override;
  TransportStats stats () const override { return stats_; }
  TlsInfo security () const override { return tls_ ? tls_->seen () : TlsInfo{}; }

protected:
  std::unique_ptr<SoupCall> make_call (const char *method, const std::string &path_and_query);
  void input (Bytes bytes); // of the peer's messages
  void end (CloseReason why, const std::string &detail);
  void end_soon () { end_soon_.arm (Clock::now ()); }
  bool active () const { return owner_ && !closing_ && !over_; }
  virtual void drop_calls () = 0;
  virtual void drain () = 0; // closing: say what is queued, then end_soon ()

  // Messages to be sent in POSTs, which may cut them anywhere.
  struct Outgoing {
    std::deque<Slice> slices;
    std::size_t bytes = 0;

    void push (const MessageRef &m);
    std::vector<Slice> take (std::size_t max, std::size_t &taken);
  };

  Loop &loop_;
  const HttpClientConfig config_;
  const std::string channel_; // random, so that it is also the right to use the channel
  Transport::Owner *owner_ = nullptr;
  MessageReader reader_;
  TransportStats stats_;
  bool closing_ = false, over_ = false;

  static constexpr Duration linger = seconds (3);
  // What the heads of a request and of an answer have at least: for the statistics, and so that
  // even an empty answer counts as a sign of life.
  static constexpr std::size_t head_bytes = 100;

private:
  SoupCall::Credentials credentials_;
  std::unique_ptr<SoupTls> tls_; // null: http
  SoupSession *session_;
  Timer open_soon_;
  Timer end_soon_;
};
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
// Push over HTTP, the sender's end: numbered POSTs on kept connections, whose answers bring what
// the receiver says.
#pragma once
#include "http_client_base.h"
#include <deque>

namespace reach::cam {

class HttpPushTransport final : public HttpClientBase {
public:
  HttpPushTransport (Loop &loop, StorageSource &storage, HttpClientConfig config);

  void send (MessageRef m) override;
  void flush () override;
  std::size_t room () const override;
  bool idle () const override;

private:
  static constexpr std::size_t room_limit = 64 << 10;
  static constexpr std::size_t max_in_flight = 4;
  static constexpr int max_tries = 3;

  struct Post {
    std::uint64_t seq;
    std::vector<Slice> body; // kept for another try
    std::size_t size = 0;
    bool waiting = false; // nothing but the wish to hear from the receiver
    bool ends = false, done = false;
    int tries = 0;
    TimePoint sent{};
    std::vector<std::uint8_t> answer; // delivered in the order of seq
    std::unique_ptr<SoupCall> call;
    std::unique_ptr<Timer> retry;
  };

  void on_call_data (SoupCall &c, Bytes data) override;
  void on_call_over (SoupCall &c) override;
  void drop_calls () override;
  void drain () override { pump_.arm (Clock::now ()); }

  void pump ();
  bool may_post (TimePoint now);
  void post (bool waiting);
  void try_post (Post &p);
  void on_probed ();
  void on_done ();
  Post *find (const SoupCall &c);

  Outgoing queue_;
  std::deque<std::unique_ptr<Post>> in_flight_;
  std::vector<std::unique_ptr<SoupCall>> over_calls_; // until nobody is in them
  std::uint64_t next_seq_ = 0;
  // A proxy that wants credentials may cut the connection while a body is still coming: it is asked
  // first with a request that has none.
  std::unique_ptr<SoupCall> probe_;
  bool answered_ = false, ended_ = false, probed_;
  Timer pump_;
  Timer listen_; // a waiting POST, when nothing else was posted for a while
};
} // namespace reach::cam

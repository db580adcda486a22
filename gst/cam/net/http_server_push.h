// SPDX-License-Identifier: LGPL-2.1-or-later
// Push over HTTP, the receiver's end: the client's numbered POSTs are the stream of messages, their
// answers carry what the receiver says.
#pragma once
#include "http_channel.h"

namespace reach::cam {

class HttpServerPush final : public HttpChannel {
public:
  HttpServerPush (
      HttpService &service, std::string id, MediaType type, std::string peer, Shares::Place place);

  void send (MessageRef m) override;
  void flush () override;
  std::size_t room () const override;
  bool idle () const override { return drained (); }
  void released (HttpServerConnection &c) override;

private:
  static constexpr std::size_t room_limit = 64 << 10;
  struct Answer {
    std::uint64_t seq = 0;
    std::vector<Slice> body;
    bool last = false, filled = false;
  };

  void before_post () override { answer_held (); }
  void answer_post (HttpServerConnection &c) override;
  void repeat_post (HttpServerConnection &c) override;
  bool drained () const override { return queue_.empty (); }
  void forget_connections () override
  {
    held_ = nullptr;
    wait_.cancel ();
  }
  void finish_stream () override { answer_held (); }
  void answer_held ();
  void answer (HttpServerConnection &c, std::uint64_t seq);

  std::vector<Slice> queue_;
  std::size_t queued_ = 0;
  // For clients that ask again. POSTs overtake each other by max_parked at most.
  std::array<Answer, max_parked + 1> answers_;
  HttpServerConnection *held_ = nullptr; // a POST that waits for something to answer
  Timer wait_;
};
} // namespace reach::cam

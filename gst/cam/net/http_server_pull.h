// SPDX-License-Identifier: LGPL-2.1-or-later
// Pull over HTTP, the sender's end: messages go out as one endless answer, or piece by piece in
// complete answers where a proxy holds endless ones back.
#pragma once
#include "http_channel.h"
#include <deque>

namespace reach::cam {

class HttpServerPull final : public HttpChannel {
public:
  HttpServerPull (HttpService &service, std::string id, MediaType type, std::string peer,
      std::vector<std::uint8_t> hello, Shares::Place place);

  void start (Owner &owner) override;
  void send (MessageRef m) override;
  void flush () override;
  std::size_t room () const override;
  bool idle () const override { return drained (); }

  void get_stream (HttpServerConnection &c);
  void get_complete (HttpServerConnection &c, const http::Query &query);
  void released (HttpServerConnection &c) override;
  void writable (HttpServerConnection &c) override;

private:
  // A stream that a proxy withholds can be taken up again as complete answers, from its start,
  // while all of it is kept here.
  static constexpr std::size_t retain_bytes = 1u << 20;
  static constexpr Duration retain_time = seconds (3);

  bool needs_requests () const override { return stream_ == nullptr; }
  void before_post () override { hand_over_hello (); }
  void answer_post (HttpServerConnection &c) override { c.respond (204, {}, over ()); }
  void repeat_post (HttpServerConnection &c) override { c.respond (204, {}, over ()); }
  bool drained () const override;
  void forget_connections () override
  {
    stream_ = waiting_ = nullptr;
    wait_.cancel ();
  }
  void finish_stream () override;

  void hand_over_hello ();
  void retain ();
  bool take_up_again (std::uint64_t pos);
  bool acknowledge (std::uint64_t pos);
  void answer_get ();

  std::vector<std::uint8_t> hello_;
  bool complete_ = false;
  HttpServerConnection *stream_ = nullptr; // the endless answer
  std::vector<Slice> collected_;           // since the last flush
  std::size_t collected_bytes_ = 0;
  std::deque<Slice> retained_;
  std::size_t retained_bytes_ = 0;
  TimePoint retain_until_{}; // zero: nothing is retained (any more)

  // Complete answers: what the client has not acknowledged, starting at byte base_ of the stream.
  std::deque<Slice> queue_;
  std::size_t queued_ = 0;
  std::uint64_t base_ = 0, offered_ = 0; // offered_: of queue_, in the last answer
  std::size_t max_ = 0;
  HttpServerConnection *waiting_ = nullptr; // a GET held until there is something
  Timer wait_;
  Timer hello_soon_;
};
} // namespace reach::cam

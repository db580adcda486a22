// SPDX-License-Identifier: LGPL-2.1-or-later
// Pull over HTTP, the receiver's end: one endless GET, or complete GETs one after the other; what
// the receiver says goes in POSTs.
#pragma once
#include "http_client_base.h"

namespace reach::cam {

class HttpPullTransport final : public HttpClientBase {
public:
  HttpPullTransport (Loop &loop, StorageSource &storage, HttpClientConfig config);

  void send (MessageRef m) override;
  void flush () override;
  std::size_t room () const override;
  bool idle () const override { return up_.bytes == 0 && !post_; }

private:
  static constexpr std::size_t room_limit = 64 << 10;
  static constexpr int max_tries = 3;

  void on_call_written (SoupCall &c) override;
  void on_call_head (SoupCall &c) override;
  void on_call_data (SoupCall &c, Bytes data) override;
  void on_call_over (SoupCall &c) override;
  void drop_calls () override;
  void drain () override;

  void get_stream ();
  void ask ();
  void withheld ();
  bool go_back ();
  void on_get_over ();
  void post_up ();
  void send_post ();
  void on_post_over ();
  std::string common_query () const;

  std::string hello_; // in base64url
  bool started_ = false, complete_, channel_known_ = false, data_came_ = false;
  std::uint64_t pos_ = 0; // bytes of the stream that came
  std::unique_ptr<SoupCall> get_, withheld_get_, post_;
  std::vector<std::uint8_t> late_; // of withheld_get_, while it may still be gone back to
  std::unique_ptr<SoupCall> done_; // the call that is calling us
  int get_tries_ = 0, post_tries_ = 0;
  Outgoing up_;
  std::vector<Slice> post_body_; // until it is answered
  std::size_t post_size_ = 0;
  std::uint64_t post_seq_ = 0;
  bool post_ends_ = false;
  TimePoint asked_{};
  Timer withheld_;
  Timer next_get_;
  Timer next_post_;
};
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
// An rtmpserversrc as its server sees it: whose publisher it takes. Loop thread.
#pragma once
#include "src_impl.h"

namespace reach::rtmp {
class SrcImpl::SrcEndpoint final : public Endpoint {
public:
  SrcEndpoint (
      Desk &desk, SrcPads &pads, Server &server, SrcSettings settings, std::shared_ptr<Guard> guard)
      : desk_ (desk), pads_ (pads), server_ (server), settings_ (std::move (settings)),
        guard_ (std::move (guard))
  {
  }
  void add_stats (GstStructure *s); // any thread

private:
  static constexpr std::size_t max_name = 1024; // of applications and streams
  // A publisher that is silent for so long may be one whose network is gone, and which is back on
  // another connection before this one is given up.
  static constexpr Duration ghost_after = seconds (5);

  bool serves (const Name &app) override;
  Wants publishes (const Connection &c, const Name &stream) override;
  bool plays (const Connection &, const Name &) override { return false; }
  bool takes_publishers () const override { return true; }
  Guard *guard () const override { return guard_.get (); }
  void on_connect (Connection &c, RequestId id) override { desk_.connect (c, id); }
  void on_refused (Connection &c) override { desk_.refused (c); }
  void on_create_stream (Connection &c, RequestId id) override { desk_.stream (c, id); }
  void on_call (Connection &c, const CallRequest &r) override { desk_.call (c, r); }
  void on_call_result (Connection &c, const CallResult &r) override { desk_.call_result (c, r); }
  void on_closed (Connection &c, const ConnectionEnd &end) override { desk_.closed (c, end); }
  void on_publish (Connection &c, const PublishRequest &r) override { desk_.publish (c, r); }
  std::shared_ptr<Ingest> open_ingest (Connection &c, const PublishRequest &r) override;
  void on_play (Connection &c, const PlayRequest &r) override { c.decide (r.request, false); }
  std::unique_ptr<Outlet> open_outlet (Connection &, const PlayRequest &) override { return {}; }
  void on_pause (Connection &c, const PauseRequest &r) override { c.decide (r.request, false); }

  struct Current { // the publisher that there is
    std::shared_ptr<SrcIngest> ingest;
    std::uint64_t connection = 0;
    std::uint32_t stream = 0;
    std::string name;
  };
  void replace_current ();
  void publisher_ended (SrcIngest &ingest, PublishEnd how);

  Desk &desk_;
  SrcPads &pads_;
  Server &server_; // outlives this: endpoints are removed from it
  const SrcSettings settings_;
  const std::shared_ptr<Guard> guard_;
  Current current_;
  std::uint64_t publishers_ = 0, replaced_ = 0;
  SrcIngest::Counters past_;
  bool over_ = false; // the only publisher has ended its stream
};
} // namespace reach::rtmp

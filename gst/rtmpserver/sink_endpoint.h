// SPDX-License-Identifier: LGPL-2.1-or-later
// An rtmpserversink as its server sees it: whom it plays to. Loop thread, unless said otherwise.
#pragma once
#include "broadcast.h"
#include "desk.h"
#include "sink_settings.h"

namespace reach::rtmp {
class SinkEndpoint final : public Endpoint, Broadcast::Listener {
public:
  // What the element does of it, outside the loop.
  struct Hooks {
    std::function<void ()> key_wanted;
    std::function<void (std::size_t)> viewers;
    std::function<void (std::uint64_t dropped, std::uint64_t sent)> dropped;
  };
  SinkEndpoint (Desk &desk, Server &server, const SinkSettings &settings,
      std::shared_ptr<Guard> guard, Hooks hooks);

  Broadcast &broadcast () { return *broadcast_; } // any thread
  void close ();                                  // any thread, behind Server::remove ()
  void add_stats (GstStructure *s);               // any thread
  // Any thread, behind the broadcast's end: calls `f` on the loop when no player has anything
  // waiting.
  void when_drained (std::function<void ()> f);

private:
  class PlayerOutlet;
  static constexpr std::size_t max_name = 1024; // of applications and streams

  bool serves (const Name &app) override;
  Wants publishes (const Connection &, const Name &) override { return Wants::no; }
  bool plays (const Connection &c, const Name &stream) override;
  bool takes_publishers () const override { return false; }
  Guard *guard () const override { return guard_.get (); }
  void on_connect (Connection &c, RequestId id) override { desk_.connect (c, id); }
  void on_refused (Connection &c) override { desk_.refused (c); }
  void on_create_stream (Connection &c, RequestId id) override { desk_.stream (c, id); }
  void on_call (Connection &c, const CallRequest &r) override { desk_.call (c, r); }
  void on_call_result (Connection &c, const CallResult &r) override { desk_.call_result (c, r); }
  void on_closed (Connection &c, const ConnectionEnd &end) override { desk_.closed (c, end); }
  void on_publish (Connection &c, const PublishRequest &r) override { c.decide (r.request, false); }
  std::shared_ptr<Ingest> open_ingest (Connection &, const PublishRequest &) override { return {}; }
  void on_play (Connection &c, const PlayRequest &r) override { desk_.play (c, r); }
  std::unique_ptr<Outlet> open_outlet (Connection &c, const PlayRequest &r) override;
  void on_pause (Connection &c, const PauseRequest &r) override;

  void key_wanted () override { hooks_.key_wanted (); }
  void players_changed (std::size_t n) override { hooks_.viewers (n); }
  void queue_full (Player &p, std::uint64_t dropped) override;
  void look_whether_drained ();

  Desk &desk_;
  Server &server_; // outlives this: endpoints are removed from it
  const SinkSettings settings_;
  const std::shared_ptr<Guard> guard_;
  const Hooks hooks_;
  const std::shared_ptr<Broadcast> broadcast_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::string> names_; // by connection, NetStream
  std::uint64_t joined_ = 0;
  Player::Stats past_; // of players that have left
  std::function<void ()> drained_;
};
} // namespace reach::rtmp

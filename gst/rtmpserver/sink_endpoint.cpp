// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_endpoint.h"
#include "common/rate_meter.h"

namespace reach::rtmp {

// Between a connection and the player on one of its NetStreams.
class SinkEndpoint::PlayerOutlet final : public Outlet, public PlayerLink {
public:
  PlayerOutlet (SinkEndpoint &endpoint, Connection &c, const PlayRequest &r)
      : endpoint_ (endpoint), connection_ (c), stream_ (r.stream)
  {
    endpoint_.names_[{c.id (), stream_}] = r.name.name;
    player_ = endpoint_.broadcast_->publication ().join (*this, stream_, Clock::now ());
    counted_ = player_->frames ();
  }
  ~PlayerOutlet () override
  {
    const auto s = player_->stats (Clock::now ());
    endpoint_.past_.messages += s.messages;
    endpoint_.past_.bytes += s.bytes;
    endpoint_.past_.dropped += s.dropped;
    endpoint_.past_.times_full += s.times_full;
    player_.reset ();
    endpoint_.names_.erase ({connection_.id (), stream_});
    endpoint_.look_whether_drained ();
  }
  Connection &connection () const { return connection_; }

  // Outlet
  void pause (bool on) override { player_->pause (on, Clock::now ()); }
  void receive (bool audio, bool video) override { player_->receive (audio, video, Clock::now ()); }
  void buffer_length (std::uint32_t) override {} // the player's own matter
  void on_room () override
  {
    player_->pump (Clock::now ());
    endpoint_.look_whether_drained ();
  }
  Flow flow (TimePoint now) override
  {
    const auto s = player_->stats (now);
    return {frames_.per_second (now), s.dropped, s.queued_bytes, s.queued_messages, s.queued_time};
  }
  // PlayerLink
  Session &session () override { return connection_.session (); }
  bool has_room () override { return connection_.has_room (); }
  bool idle () const override { return connection_.unsent () == 0; }
  void flush () override
  {
    connection_.flush ();
    if (player_) // not yet: what it gets at its join is no rate
      count (Clock::now ());
  }
  bool pass (const Batch &b) override
  {
    if (!connection_.pass (b))
      return false;
    if (b.video_frames () > 0)
      frames_.add (b.video_frames (), b.time ());
    counted_ += b.video_frames ();
    return true;
  }
  void give_up () override
  {
    connection_.handle ().post ([] (Connection &c) {
      c.close ({"NetStream.Play.InsufficientBW", "the player is too slow", true});
    });
  }
  Places places () const override
  {
    const auto c = connection_.places ();
    return {static_cast<const PlayerLink *> (this), c[0], c[1], c[2], c[3], c[4]};
  }

private:
  void count (TimePoint now)
  {
    const std::uint64_t n = player_->frames ();
    frames_.add (n - std::exchange (counted_, n), now);
  }
  SinkEndpoint &endpoint_;
  Connection &connection_;
  const std::uint32_t stream_;
  std::unique_ptr<Player> player_;
  RateMeter frames_{Clock::now ()};
  std::uint64_t counted_ = 0;
};

SinkEndpoint::SinkEndpoint (Desk &desk, Server &server, const SinkSettings &settings,
    std::shared_ptr<Guard> guard, Hooks hooks)
    : desk_ (desk), server_ (server), settings_ (settings), guard_ (std::move (guard)),
      hooks_ (std::move (hooks)), broadcast_ (std::make_shared<Broadcast> (server.loop (),
                                      static_cast<Broadcast::Listener &> (*this),
                                      settings.publication, server.settings ().session.chunk_size))
{
}

void SinkEndpoint::close ()
{
  server_.loop ().call ([this] { broadcast_->close (); });
}

bool SinkEndpoint::serves (const Name &app)
{
  const std::string &ours = settings_.listen.application;
  return app.name.size () <= max_name && (ours.empty () || ours == app.name);
}

bool SinkEndpoint::plays (const Connection &, const Name &stream)
{
  const std::string &ours = settings_.stream_key;
  return !broadcast_->publication ().ended () && stream.name.size () <= max_name &&
         (ours.empty () || ours == stream.name);
}

std::unique_ptr<Outlet> SinkEndpoint::open_outlet (Connection &c, const PlayRequest &r)
{
  joined_++;
  return std::make_unique<PlayerOutlet> (*this, c, r);
}

void SinkEndpoint::on_pause (Connection &c, const PauseRequest &r)
{
  const auto name = names_.find ({c.id (), r.stream});
  desk_.pause (c, r, name == names_.end () ? "" : name->second);
}

void SinkEndpoint::queue_full (Player &p, std::uint64_t dropped)
{
  Connection &c = static_cast<PlayerOutlet &> (p.link ()).connection ();
  const auto s = p.stats (Clock::now ());
  const auto name = names_.find ({c.id (), p.stream ()});
  desk_.tell (c, "queue-full", "rtmp-queue-full",
      gst_structure_new ("rtmp-queue-full", "stream", G_TYPE_UINT, p.stream (), "stream-name",
          G_TYPE_STRING, name == names_.end () ? "" : valid_text (name->second).c_str (), "dropped",
          G_TYPE_UINT64, guint64{dropped}, "dropped-total", G_TYPE_UINT64, guint64{s.dropped},
          nullptr));
  hooks_.dropped (s.dropped, s.messages);
}

void SinkEndpoint::when_drained (std::function<void ()> f)
{
  server_.loop ().call ([&] {
    drained_ = std::move (f);
    look_whether_drained ();
  });
}

void SinkEndpoint::look_whether_drained ()
{
  if (!drained_)
    return;
  bool all = true;
  broadcast_->publication ().each_player ([&] (const Player &p) {
    if (p.drained ())
      return;
    all = false;
    static_cast<PlayerOutlet &> (p.link ()).connection ().tell_room ();
  });
  if (all)
    std::exchange (drained_, {}) ();
}

void SinkEndpoint::add_stats (GstStructure *s)
{
  Player::Stats n;
  std::uint64_t joined = 0, messages = 0, bytes = 0;
  std::size_t viewers = 0, cached = 0;
  server_.loop ().call ([&] {
    Publication &p = broadcast_->publication ();
    n = past_;
    joined = joined_;
    messages = p.messages ();
    bytes = p.bytes ();
    viewers = p.players ();
    cached = p.cached_bytes ();
    p.each_player ([&, now = Clock::now ()] (const Player &player) {
      const auto one = player.stats (now);
      n.messages += one.messages;
      n.bytes += one.bytes;
      n.dropped += one.dropped;
      n.times_full += one.times_full;
      n.queued_bytes += one.queued_bytes;
    });
  });
  gst_structure_set (s, "viewers", G_TYPE_UINT, static_cast<guint> (viewers), "viewers-total",
      G_TYPE_UINT64, guint64{joined}, "messages", G_TYPE_UINT64, guint64{messages}, "message-bytes",
      G_TYPE_UINT64, guint64{bytes}, "messages-sent", G_TYPE_UINT64, guint64{n.messages},
      "bytes-sent", G_TYPE_UINT64, guint64{n.bytes}, "frames-dropped", G_TYPE_UINT64,
      guint64{n.dropped}, "queues-full", G_TYPE_UINT64, guint64{n.times_full}, "bytes-queued",
      G_TYPE_UINT64, guint64{n.queued_bytes}, "gop-cache-bytes", G_TYPE_UINT64, guint64{cached},
      "overflows", G_TYPE_UINT64, guint64{broadcast_->overflows ()}, nullptr);
}
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
// What one name plays: the newest metadata, the headers of each track, the group of pictures under
// way, and the players. A message is framed once for all of them. Loop thread, no sockets.
#pragma once
#include "player.h"
#include <map>
#include <memory>

namespace reach::rtmp {
// Where a player begins, in multihandlesink's words.
enum class SyncMethod : std::uint8_t {
  latest,          // with what comes next, be it a key frame or not
  next_keyframe,   // video with the next key frame
  latest_keyframe, // with the newest key frame, out of the cache
  // Out of a longer cache, with so much as `burst` says.
  burst,               // be it a key frame or not
  burst_keyframe,      // from a key frame on, and with less where there is none so far back
  burst_with_keyframe, // from a key frame on if there is one that far back
};
// What of the past a player gets at least, where so much is cached.
struct Burst {
  enum class Unit : std::uint8_t { none, bytes, messages, ns };
  Unit unit = Unit::none;
  std::uint64_t amount = 0;
};

class Publication {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    // Somebody needs a key frame. Not more often than key_interval.
    virtual void key_wanted () {}
    virtual void players_changed (std::size_t) {}
    // A player's queue was full; so many frames were dropped. Not for who leaves.
    virtual void queue_full (Player &, std::uint64_t) {}
  };
  struct Settings {
    SyncMethod sync = SyncMethod::latest_keyframe;
    Burst burst;
    PlayerLimits player;
    std::size_t gop_bytes = 8u << 20; // of the cache; 0: none
    std::size_t gop_messages = 4096;
    Duration merge{};  // what comes within is written together; zero: at once
    bool idle = false; // nothing comes while nobody plays: the cache is old then
  };
  static constexpr Duration key_interval = milliseconds (500);
  // A player that has lost frames waits so long before a key frame is asked for: one slow player
  // must not make the stream larger for all.
  static constexpr Duration key_patience = seconds (2);

  // `chunk_size`: of the sessions; players of others cost more. The owner outlives this.
  Publication (Owner &owner, const Settings &settings, std::uint32_t chunk_size);
  ~Publication (); // all players are gone
  Publication (const Publication &) = delete;
  Publication &operator= (const Publication &) = delete;

  // The body of an onMetaData message, for all, and for who joins later.
  void metadata (Slice body, TimePoint now);
  // Media is given to the players by timeout (). A header that is already known is left out.
  void media (
      MessageType type, std::uint32_t timestamp, Slice body, const MediaInfo &info, TimePoint now);
  TimePoint poll_timeout () const { return due_; } // TimePoint::max (): none
  void timeout (TimePoint now);
  // It is over: each player is told so behind what waits for it.
  void end (TimePoint now);
  bool ended () const { return ended_; }
  bool drained () const; // no player has anything waiting

  // The session has accepted it. What the player gets first is there when this returns.
  std::unique_ptr<Player> join (PlayerLink &link, std::uint32_t stream, TimePoint now);
  std::size_t players () const { return players_.size (); }
  template <typename F> void each_player (F &&f) const
  {
    for (const Member &m : players_)
      f (*m.player);
  }
  std::size_t cached_bytes () const { return gop_bytes_; }
  std::uint64_t messages () const { return messages_; }
  std::uint64_t bytes () const { return bytes_; }

private:
  friend class Player;
  static constexpr std::uint32_t usual_stream = 1;
  static constexpr std::size_t max_held = 256u << 10; // bytes that wait for the merge time
  struct Header {
    MessageType type;
    std::uint8_t track;
    Slice body;
  };
  using Headers = std::vector<Header>;

  // For players.
  void leave (Player &p);
  void start (Player &p, TimePoint now);
  void send_headers (Player &p, TimePoint now, bool audio, bool video);
  void want_key (bool patient, TimePoint now);
  void queue_full (Player &p, std::uint64_t dropped) { owner_.queue_full (p, dropped); }

  SharedChunksRef frame (
      MessageType type, std::uint32_t timestamp, Slice body, std::uint32_t stream) const;
  Media framed_for (const Media &m, std::uint32_t stream) const;
  Media header_for (const Player &p, MessageType type, std::uint32_t timestamp, Slice body,
      std::uint8_t track) const;
  const std::deque<Media> &gop_for (std::uint32_t stream);
  bool note_header (MessageType type, const Slice &body, const MediaInfo &info);
  void keep (const Media &m);
  void forget ();
  // publication_burst.cpp
  struct Mark {                   // a place in all that was cached
    std::uint64_t message, bytes; // in front of it
    std::uint32_t timestamp;
  };
  struct Backlog { // what of the cache a player gets
    std::size_t first = 0, bytes = 0;
    bool any_frame = false; // it does not begin with a key frame
  };
  bool bursts () const { return settings_.sync >= SyncMethod::burst; }
  bool enough (const Mark &from) const;
  void keep_for_bursts (const Media &m, bool key);
  void trim_for_bursts ();
  void drop_cached (std::uint64_t upto);
  Backlog backlog () const;
  void hold (Media m, TimePoint now);
  void deliver (TimePoint now);
  const Batch &batch_for (std::uint32_t stream);

  Owner &owner_;
  const Settings settings_;
  const std::uint32_t chunk_size_;
  Slice metadata_;
  Headers headers_; // 512 at most: kinds and tracks
  std::deque<Media> gop_;
  // The same for other streams, as far as somebody has joined there. As many as a client may have.
  std::map<std::uint32_t, std::deque<Media>> other_gops_;
  std::size_t gop_bytes_ = 0;
  std::deque<Mark> keys_;                                // key frames in it, for bursts
  std::uint64_t cached_messages_ = 0, cached_bytes_ = 0; // ever, for bursts
  std::uint32_t newest_ = 0;                             // timestamp
  Batch pending_{usual_stream};
  std::vector<Batch> others_; // the same for other streams, while it is delivered
  TimePoint due_ = TimePoint::max ();
  TimePoint delivered_{}, asked_{}, patient_since_ = TimePoint::max ();
  bool key_asked_ = false, ended_ = false;
  struct Member {
    Player *player;
    Places places; // of player
  };
  std::vector<Member> players_;
  std::uint64_t messages_ = 0, bytes_ = 0;
};
} // namespace reach::rtmp

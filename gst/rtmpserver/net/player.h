// SPDX-License-Identifier: LGPL-2.1-or-later
// One NetStream that plays a publication: what of it the player gets, and what waits for a player
// that takes it too slowly. Loop thread, no sockets.
#pragma once
#include "batch.h"
#include "common/prefetch.h"
#include "common/proto/fifo.h"
#include "rtmpserver/proto/session.h"
#include <bitset>

namespace reach::rtmp {
class Publication;

// The connection that a player sends over.
class PlayerLink {
public:
  virtual ~PlayerLink () = default;
  virtual Session &session () = 0;
  // Whether what is given to the session now leaves soon. On false, Player::pump () follows.
  virtual bool has_room () = 0;
  virtual bool idle () const = 0; // nothing waits to be sent
  // What the session has is to be written. Calls nobody back.
  virtual void flush () = 0;
  // Writes it past the session, when nothing waits in front of it. False: it was not written.
  virtual bool pass (const Batch &b) = 0;
  // The player takes nothing: the connection ends, not from within this call.
  virtual void give_up () = 0;
  virtual Places places () const { return {}; } // what pass () touches
};

// What happens to a player whose queue is full, in multihandlesink's words.
enum class RecoverPolicy : std::uint8_t {
  none,       // it is disconnected
  latest,     // what waits is dropped, it goes on with the newest
  soft_limit, // what has waited longest is dropped, down to the soft limits
  keyframe,   // video is dropped up to a key frame; the rest only if that is not enough
};

struct PlayerLimits {
  std::size_t bytes = 8u << 20;
  std::size_t messages = 0;      // 0: any number
  std::size_t messages_soft = 0; // the same, see RecoverPolicy::soft_limit
  Duration time = seconds (2);   // that a message may wait; zero: any
  RecoverPolicy recover = RecoverPolicy::keyframe;
};

class Player {
public:
  struct Stats {
    std::uint64_t messages = 0, bytes = 0; // given to the connection
    std::uint64_t frames = 0;              // of video among these
    std::uint64_t dropped = 0;             // frames that were to be sent
    std::uint64_t skipped = 0;             // video frames in front of a key frame
    std::uint64_t times_full = 0;
    std::size_t queued_bytes = 0, queued_messages = 0;
    Duration queued_time{};
  };
  ~Player (); // leaves the publication
  Player (const Player &) = delete;
  Player &operator= (const Player &) = delete;

  std::uint32_t stream () const { return stream_; }
  PlayerLink &link () const { return link_; }
  // The connection can take more.
  void pump (TimePoint now);
  // After the session has accepted it. Who resumes starts as who joins.
  void pause (bool on, TimePoint now);
  // What it wants now (receiveAudio, receiveVideo).
  void receive (bool audio, bool video, TimePoint now);
  bool paused () const { return paused_; }
  bool drained () const { return queue_.empty () && link_.idle (); }
  Stats stats (TimePoint now) const;
  std::uint64_t frames () const { return stats_.frames; }

private:
  friend class Publication;
  struct Item {
    Media media;
    TimePoint since;
  };
  Player (Publication &p, PlayerLink &link, std::uint32_t stream, const PlayerLimits &limits);

  // For the publication.
  Places places () const;
  bool pass (const Batch &b); // the quick way; false: it has to be pushed and flushed
  void push (const Media &m, TimePoint now);
  void flush ();
  void start (bool any_frame, std::size_t burst); // what follows is new to it
  void end (TimePoint now);                       // after what waits

  bool wants (const Media &m);
  bool wants_video (const MediaInfo &m);
  void send (const Media &m);
  bool over (TimePoint now) const;
  void make_room (TimePoint now);
  template <typename F> std::size_t drop_if (F &&unwanted);
  void drop_to_keys ();
  void drop_to_soft_limits (TimePoint now);
  void drop_old_headers ();
  void say_end ();

  Publication &publication_;
  PlayerLink &link_;
  const std::uint32_t stream_;
  const PlayerLimits &limits_;
  std::uint32_t index_ = 0; // in the publication's list
  bool paused_ = false, audio_ = true, video_ = true, full_ = false, sent_ = false;
  bool ending_ = false;
  const bool multitrack_;
  Fifo<Item, 16> queue_; // empty as long as the connection takes all
  Stats stats_;
  std::bitset<256> decodable_; // video tracks that it has a key frame of
  std::size_t bytes_ = 0, burst_ = 0;
};
} // namespace reach::rtmp

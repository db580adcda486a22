// SPDX-License-Identifier: LGPL-2.1-or-later
// What the pads of a sink send, on its way to the players: streaming threads put messages in, the
// loop gives them to the publication.
#pragma once
#include "common/guarded.h"
#include "common/loop.h"
#include "net/publication.h"
#include <atomic>

namespace reach::rtmp {
class Broadcast final : public std::enable_shared_from_this<Broadcast>, Publication::Owner {
public:
  // Loop thread; must not block.
  class Listener {
  public:
    virtual ~Listener () = default;
    virtual void key_wanted () = 0;
    virtual void players_changed (std::size_t n) = 0;
    virtual void queue_full (Player &p, std::uint64_t dropped) = 0;
  };
  // What waits for the loop; more is dropped.
  static constexpr std::size_t max_inbox = 64u << 20;

  // The listener outlives close ().
  Broadcast (
      Loop &loop, Listener &listener, const Publication::Settings &s, std::uint32_t chunk_size);

  // Streaming threads. In order.
  void media (MessageType type, std::uint32_t timestamp, Slice body, const MediaInfo &info);
  void metadata (Slice body);
  void end ();
  std::size_t players () const { return players_.load (std::memory_order_relaxed); }
  std::uint64_t overflows () const { return overflows_.load (std::memory_order_relaxed); }

  // Loop thread.
  Publication &publication () { return publication_; }
  void close (); // behind the last player; nothing follows

private:
  struct Entry {
    enum class Kind : std::uint8_t { media, metadata, end } kind;
    MessageType type;
    std::uint32_t timestamp;
    Slice body;
    MediaInfo info;
  };
  struct Inbox {
    std::vector<Entry> entries;
    std::size_t bytes = 0;
  };
  void put (Entry e);
  void take ();
  void arm ();
  void key_wanted () override { listener_.key_wanted (); }
  void players_changed (std::size_t n) override
  {
    players_ = n;
    listener_.players_changed (n);
  }
  void queue_full (Player &p, std::uint64_t dropped) override { listener_.queue_full (p, dropped); }

  Loop &loop_;
  Listener &listener_;
  Publication publication_;
  std::unique_ptr<Timer> timer_; // null: closed
  Guarded<Inbox> inbox_;
  std::atomic<std::size_t> players_{0};
  std::atomic<std::uint64_t> overflows_{0};
};
} // namespace reach::rtmp

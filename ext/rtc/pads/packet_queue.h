// SPDX-License-Identifier: LGPL-2.1-or-later
// What is between the loop that receives packets and the thread that pushes them: bounded, in
// order, and with changes of the codec between the packets.
#pragma once
#include "common/guarded.h"
#include "common/proto/time.h"
#include "common/ref.h"
#include "rtc/proto/key_start.h"
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace reach::rtc {
class PacketQueue {
public:
  struct Limits {
    std::size_t packets = 4096, bytes = 8u << 20;
  };
  explicit PacketQueue (Limits limits) : limits_ (limits) {}

  struct Item {
    enum class What : std::uint8_t { packet, codec, end };
    What what = What::packet;
    Ref<GstBuffer> packet;
    TimePoint time{};
    bool discont = false;
    std::shared_ptr<const Codec> codec;
  };

  struct Packet {
    Ref<GstBuffer> rtp;
    TimePoint time{};
    bool discont = false;
  };

  // Any thread; never wait.
  void push (std::span<Packet> packets); // takes them
  void set_codec (const Codec &codec);
  void end ();
  void set_latency (Duration latency);
  Duration latency () { return state_.lock ()->latency; }
  struct Counts {
    std::uint64_t packets = 0, dropped = 0;
  };
  Counts counts ();

  // State changes. While it is closed packets are dropped; the last codec is kept.
  void open ();
  void close ();
  void set_playing (bool on);

  // The pushing thread.
  struct Batch {
    std::vector<Item> items;
    bool keyframe = false;        // what was dropped is needed
    bool latency_changed = false; // downstream is to ask for it
  };
  // Waits until there is something. False: closed.
  bool take (Batch &batch);
  void done ();
  // Waits until the thread is not between take () and done () and, with `empty`, has taken all.
  // False: the time was over.
  bool wait_idle (Duration limit, bool empty);

private:
  struct State {
    std::deque<Item> items;
    std::size_t packets = 0, bytes = 0; // of items
    std::shared_ptr<const Codec> codec;
    KeyStart key_start;
    bool open = false, playing = false, busy = false;
    bool need_key = false, want_key = false, lost = false, latency_changed = false;
    Duration latency{};
    Counts counts;
  };
  void add (State &s, Packet &packet) const;
  void overflow (State &s) const;
  static void drop (State &s, const Item &item);

  const Limits limits_;
  Guarded<State> state_;
};
} // namespace reach::rtc

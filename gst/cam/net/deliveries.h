// SPDX-License-Identifier: LGPL-2.1-or-later
// The sender's commands and files: takes them from any thread and keeps a lane for each receiver.
// Push: one lane for each of the two types, of the one receiver. Pull: those of every receiver,
// which outlive its links for a while, as it will come back.
#pragma once
#include "cam/proto/media_queue.h"
#include "common/guarded.h"
#include "common/loop.h"
#include "common/serial_queue.h"
#include "lane.h"
#include "settings.h"
#include <list>

namespace reach::cam {
class Subscriber;

class Deliveries final {
public:
  enum class Taken { yes, no_receiver, no_server, full };
  struct Limits {
    std::size_t max_commands = 1024; // waiting, in push for the receiver, in pull for the loop
    std::size_t max_command_bytes = 4u << 20;
    std::size_t max_files = 64;
    std::size_t max_absent = 64; // pull: lanes of receivers that are not connected
  };
  Deliveries (Loop &loop, const Settings &settings, DeliveryEvents &events);
  Deliveries (Loop &loop, const Settings &settings, DeliveryEvents &events, Limits limits);
  ~Deliveries (); // loop thread, after stop ()

  // Any thread. `type` is command or file. What is addressed goes to the receivers of that guid; a
  // media server gets it with its envelope, and groups are for media servers alone. While the push
  // link has never been established it may be one: then the lane looks again.
  Taken deliver (MediaType type, Delivery d);

  // Loop thread.
  static bool carries (MediaType t) { return t == MediaType::command || t == MediaType::file; }
  // Their own limits bound them: max-queue-bytes is for media.
  static MediaQueue::Limits queue_limits (MediaType t, const Settings &s);
  // Push: the receiver's lane; `pump` sends what is in the queue.
  Lane &add (MediaType type, MediaQueue &out, std::function<void ()> pump);
  void linked (MediaType type, ReceiverName r); // push: to this one
  // Pull: the lane of this receiver, with what it did not get before; null: it cannot have one.
  struct PullLane {
    PullLane (MediaType t, const Settings &s, Timers &timers, std::function<void ()> expired)
        : queue (t, queue_limits (t, s)), expiry (timers, std::move (expired))
    {
    }
    MediaQueue queue;
    std::unique_ptr<Lane> lane;
    ReceiverName receiver;
    Subscriber *subscriber = nullptr; // while linked
    Timer expiry;
  };
  PullLane &join (MediaType type, const ReceiverName &r, Subscriber &s);
  void leave (MediaType type, Subscriber &s);
  void note (MediaType type); // something was acknowledged or given up
  void stop ();               // what waits is given up
  // That a receiver did not acknowledge in time.
  std::uint64_t timed_out (MediaType type) const { return timed_out_[at (type)]; }

private:
  using Lanes = std::list<std::unique_ptr<PullLane>>;
  struct Waiting {
    std::atomic<std::size_t> posted{0}, posted_bytes{0}; // not seen by the loop yet
    std::atomic<std::size_t> held{0}, held_bytes{0};     // push: in the lane
    std::atomic<unsigned> linked{0};
    Guarded<std::vector<ReceiverName>> receivers; // push: the one that was linked last
  };
  static std::size_t at (MediaType t) { return t == MediaType::command ? 0 : 1; }
  std::unique_ptr<Lane> make_lane (MediaType type, MediaQueue &out, std::function<void ()> pump);
  Taken check (MediaType type, const Envelope &e);
  void take (MediaType type, Delivery d, std::size_t size);
  void fail (MediaType type, const Delivery &d, const std::string &why);
  void note_receivers (MediaType type);
  void drop (MediaType type, PullLane *l, const std::string &why);
  void bound_absent (MediaType type);

  Loop &loop_;
  const Settings &settings_;
  DeliveryEvents &events_;
  const Limits limits_;
  std::array<Waiting, 2> waiting_;

  // Loop thread.
  struct Pushed {
    std::unique_ptr<Lane> lane;
    std::function<void ()> pump;
  };
  std::array<Pushed, 2> pushed_;
  std::array<Lanes, 2> lanes_;
  std::array<std::uint64_t, 2> timed_out_{};
  std::unique_ptr<SerialQueue> worker_; // reads files; joined before the lanes go
};
} // namespace reach::cam

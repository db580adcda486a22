// SPDX-License-Identifier: LGPL-2.1-or-later
// One data channel as every thread may use it: what is sent waits here until the loop takes it. It
// is made before its channel is, and outlives it; the hub may be gone.
#pragma once
#include "common/guarded.h"
#include "common/loop.h"
#include "rtc/proto/data_channels.h"
#include "rtc/proto/rtp_handle.h"
#include <atomic>
#include <deque>

namespace reach::rtc {
class DataHub;

// A message in one piece. owner keeps the bytes; it is let go on any thread.
struct ChannelMessage {
  bool text = false; // UTF-8
  Handle owner;
  Bytes bytes;
};

struct PortLimits {
  // Bytes and messages that wait. One message is always taken when nothing waits.
  std::size_t bytes = 16 << 20, messages = 65536;
  // Takes messages before the channel is open, too: they are its first. W3C's send () refuses them.
  bool early = false;
};

// The way from any thread to a hub that may be gone.
struct HubLink : std::enable_shared_from_this<HubLink> {
  // Locked while Loop::post takes its own lock, and only there: the loop cannot go in between.
  Guarded<Loop *> loop{nullptr};
  DataHub *hub = nullptr;                  // loop thread
  std::atomic<std::size_t> max_message{0}; // bytes that the peer takes
  void post (std::function<void (DataHub &)> task);
};

class ChannelPort : public std::enable_shared_from_this<ChannelPort> {
public:
  enum class Sent : std::uint8_t {
    yes,
    not_open, // not yet, or no more
    full,     // again when buffered () is down
    too_big   // for the peer
  };

  explicit ChannelPort (PortLimits limits = {}) : limits_ (limits) {}

  // Any thread; never waits. All of it or nothing.
  Sent send (ChannelMessage message);
  // What was sent before still goes out. Nothing can be sent any more.
  void close ();
  // Bytes of messages that SCTP has not taken yet (W3C bufferedAmount).
  std::size_t buffered ();
  // ChannelListener::on_channel_low comes when buffered () gets down to it; 0 at first.
  void set_low_threshold (std::size_t bytes);
  std::size_t low_threshold () { return state_.lock ()->threshold; }
  ChannelState state () { return state_.lock ()->state; }

private:
  friend class DataHub;
  struct State {
    ChannelState state = ChannelState::connecting;
    std::deque<ChannelMessage> waiting;
    std::size_t taken = 0; // messages that the hub has, and SCTP has not
    std::size_t bytes = 0; // of both
    std::size_t below = 0; // that wait in SCTP
    std::size_t threshold = 0;
    bool posted = false, close_wanted = false;
    std::shared_ptr<HubLink> link; // nothing before attach ()
    ChannelHandle channel = 0;
    std::size_t buffered () const { return bytes + below; }
  };
  // Loop thread.
  bool attach (std::shared_ptr<HubLink> link, ChannelHandle channel); // true: close it
  void set_state (ChannelState state);
  std::deque<ChannelMessage> take ();
  // So many messages and bytes of those taken are gone, and `below` wait in SCTP. True: buffered ()
  // is now down to the threshold.
  bool sent (std::size_t messages, std::size_t bytes, std::size_t below);

  const PortLimits limits_;
  Guarded<State> state_;
};
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands for one receiver.
#pragma once
#include "cam/proto/command_queue.h"
#include "common/timers.h"
#include "lane.h"
#include <map>

namespace reach::cam {
class CommandLane final : public Lane {
public:
  // `pump` sends what is in the queue. `patience`: see CommandQueue; `timed_out` counts.
  CommandLane (Timers &timers, MediaQueue &out, DeliveryEvents &events, std::function<void ()> pump,
      Duration patience, std::uint64_t &timed_out);

  void push (Delivery d) override;
  void linked (ReceiverName r) override;
  void unlinked () override;
  void acknowledged (Kind kind, Bytes body) override;
  void give_up (const std::string &why) override;
  std::size_t count () const override { return queue_.count (); }
  std::size_t bytes () const override { return queue_.bytes (); }

private:
  void arm ();
  void on_timeout ();
  bool for_nobody (std::uint64_t id, const Envelope &e);

  CommandQueue queue_;
  DeliveryEvents &events_;
  const std::function<void ()> pump_;
  std::uint64_t &timed_out_;
  Timer timer_;
  bool linked_ = false;
  ReceiverName receiver_;
  // Of commands that came while it was not known who is there.
  std::map<std::uint64_t, Envelope> addresses_;
};
} // namespace reach::cam

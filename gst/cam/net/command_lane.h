// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands for one receiver.
#pragma once
#include "cam/proto/command_queue.h"
#include "lane.h"

namespace reach::cam {
class CommandLane final : public Lane {
public:
  CommandLane (MediaQueue &out, DeliveryEvents &events) : queue_ (out), events_ (events) {}

  void push (Delivery d) override;
  void linked (ReceiverName r) override;
  void unlinked () override {}
  void acknowledged (Kind kind, Bytes body) override;
  void give_up (const std::string &why) override;
  std::size_t count () const override { return queue_.count (); }
  std::size_t bytes () const override { return queue_.bytes (); }

private:
  CommandQueue queue_;
  DeliveryEvents &events_;
  ReceiverName receiver_;
};
} // namespace reach::cam

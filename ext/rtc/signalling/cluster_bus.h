// SPDX-License-Identifier: LGPL-2.1-or-later
// What the servers of a cluster hear each other by: messages to all of them, or to one, in the
// order of each sender. It may be away; then nothing comes.
#pragma once
#include "common/loop.h"
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace reach::rtc {
class ClusterBus {
public:
  virtual ~ClusterBus () = default; // loop thread, once started
  using Received = std::function<void (std::string_view text)>;

  // uri: nats://[user:password@]host:port[/name], also tls://; only buses of the same name hear
  // each other. Null, and `error` in words, for another one, or without libnats.
  static std::unique_ptr<ClusterBus> make (const std::string &uri, std::string &error);

  const std::string &node () const { return node_; } // this one's id
  // It connects, now or later, again and again. received: on the loop thread.
  virtual void start (Loop &loop, Received received) = 0;
  // node: for it alone; empty: for all, also for this one. False: it is too long, or the bus has
  // been away for long.
  virtual bool publish (const std::string &node, const std::string &text) = 0;

protected:
  explicit ClusterBus (std::string node) : node_ (std::move (node)) {}

private:
  const std::string node_;
};
} // namespace reach::rtc

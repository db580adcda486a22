// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes into a data sink pad: each buffer is one message. It waits while the channel has too
// much waiting; so upstream is as fast as the peer, and no faster.
#pragma once
#include "common/guarded.h"
#include "rtc/peer/channel_port.h"
#include <functional>
#include <gst/gst.h>

namespace reach::rtc {
// Streaming thread, with no lock held.
struct DataSinkHooks {
  // not_open: there is no channel any more. For channels: ChannelPort::send with PortLimits::early.
  std::function<ChannelPort::Sent (ChannelMessage)> send;
  std::function<std::size_t ()> buffered; // bytes; null: nothing is ever waited for (datagrams)
  std::function<void ()> ended;           // EOS: what was sent still goes out
  std::function<void (const std::string &)> refused; // why a message cannot be sent at all
};

class DataSink {
public:
  struct Settings {
    std::size_t limit = 1 << 20; // bytes that wait in the channel
    // Of a message while there is no room; then it is dropped and counted. Nothing: as long as the
    // channel lives.
    std::optional<Duration> max_wait;
    bool reliable = true; // a message that cannot be sent ends the stream; else it is dropped
  };
  struct Counts {
    std::uint64_t messages = 0, bytes = 0, dropped = 0;
  };
  DataSink (DataSinkHooks hooks, Settings settings)
      : hooks_ (std::move (hooks)), settings_ (settings)
  {
  }

  // The channel's on_channel_low () threshold that belongs to the limit.
  std::size_t low_threshold () const { return settings_.limit / 2; }
  // Any thread.
  void room ();   // it has less now: on_channel_opened (), on_channel_low ()
  void closed (); // push () says EOS from now on
  void set_flushing (bool flushing);
  Counts counts () { return state_.lock ()->counts; }

  // Streaming thread. Of a buffer that does not say otherwise by caps, `text` is false.
  GstFlowReturn push (GstBuffer *buffer, bool text);
  void end ();

private:
  struct State {
    std::uint64_t rooms = 0;
    bool flushing = false, closed = false;
    Counts counts;
  };
  bool wait (std::uint64_t since, TimePoint until);
  GstFlowReturn stopped ();
  GstFlowReturn send (const ChannelMessage &m);
  GstFlowReturn refuse (const std::string &why);

  const DataSinkHooks hooks_;
  const Settings settings_;
  Guarded<State> state_;
};
} // namespace reach::rtc

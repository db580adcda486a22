// SPDX-License-Identifier: LGPL-2.1-or-later
// What leaves by a data src pad: each message is one buffer. Between the loop that brings messages
// and the pad's own thread.
#pragma once
#include "common/guarded.h"
#include "common/proto/bytes.h"
#include "common/ref.h"
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace reach::rtc {
// Bytes that wait in all sources of one peer. Any thread.
class ByteBudget {
public:
  explicit ByteBudget (std::size_t most) : most_ (most) {}
  bool take (std::size_t n)
  {
    if (taken_.fetch_add (n) + n <= most_)
      return true;
    taken_ -= n;
    return false;
  }
  void give (std::size_t n) { taken_ -= n; }

private:
  const std::size_t most_;
  std::atomic<std::size_t> taken_{0};
};

class DataSource {
public:
  struct Settings {
    std::string stream_id;
    std::size_t bytes = 16 << 20, messages = 65536; // that wait for downstream
    std::shared_ptr<ByteBudget> budget;             // that others take of, too; null: none
    // Over that the oldest go (datagrams); else push () says no.
    bool drop_oldest = false;
    // Of binary messages. Text is text/x-raw, format=utf8. Fixed; null: application/octet-stream.
    Ref<GstCaps> caps;
    // When a message arrives; NONE: not PLAYING. Loop thread.
    std::function<GstClockTime ()> running_time;
    // Downstream does not go on: neither FLUSHING, EOS nor NOT_LINKED. Streaming thread.
    std::function<void (GstFlowReturn)> failed;
    // EOS is out, and the channel is closed: the last of this run. Streaming thread, or loop.
    std::function<void ()> ended;
  };
  struct Counts {
    std::uint64_t messages = 0, bytes = 0, dropped = 0; // pushed; dropped by limit or unlinked
  };

  explicit DataSource (Settings settings) : settings_ (std::move (settings)) {}
  ~DataSource ();
  DataSource (const DataSource &) = delete;
  DataSource &operator= (const DataSource &) = delete;

  // Loop thread. False: downstream is too slow, and the message is not taken.
  bool push (bool text, Bytes message);
  // Any thread.
  void end ();                       // EOS behind what waits
  void set_flushing (bool flushing); // what waits goes, too
  void reset ();                     // the thread has stopped: the next run begins anew
  // What comes while it is off waits.
  void set_playing (bool playing);
  Counts counts () { return state_.lock ()->counts; }

  // Streaming thread: one message. False: nothing more until the next activation.
  bool step (GstPad *pad);

private:
  struct Item {
    Ref<GstBuffer> buffer;
    bool text = false;
    std::size_t size = 0;
  };
  struct State {
    std::deque<Item> items;
    std::size_t bytes = 0;
    bool flushing = false, playing = true, ended = false;
    bool over = false; // downstream wants no more until the next activation
    Counts counts;
  };
  void give_back (std::size_t bytes);
  void start (GstPad *pad, bool text);
  GstFlowReturn push_item (GstPad *pad, Item item);

  const Settings settings_;
  Guarded<State> state_;
  // Streaming thread.
  bool started_ = false;
  std::optional<bool> text_; // of the caps that were pushed last
};
} // namespace reach::rtc
